"""The ACC_* masks: what each stands for in guest entries and in SPTEs, and that they fit where they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mmuproof.model.evidence import Check, CheckKind
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.spte_changes import SpteAt
from mmuproof.model.sptes import MadeSpte, SpteRequest
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import Wrong, always, given
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.lifecycle_invariant import is_not_present_kind, is_present
from mmuproof.proofs.given.made_spte import SpteInputs, made_spte, untracked_from_start
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bit, boolean, implies, ne, negate, var, zext
from mmuproof.spec import ept, npt, paging

_READ_BIT, _WRITE_BIT = 0, 1
_MAKE_SPTE = "arch/x86/kvm/mmu/spte.c:make_spte"


# -- acc.one-to-one ------------------------------------------------------------------------------------------


def _expected_bits(kvm: Kvm, vendor: Vendor, made: MadeSpte, inputs: SpteInputs) -> list[tuple[str, Bool, Bool, str]]:
    """Name, the SPTE's permission, the ACC_* bit behind it, and the words for both.

    The iTLB-multihit mitigation takes execution, and nothing else, from huge pages.
    """
    acc, spte = inputs.request.pte_access, made.spte
    executable = negate(all_of(made.nx_huge_pages, ne(inputs.request.level, 1)))
    if vendor is Vendor.INTEL:
        got, want = ept.permissions_of(spte), relations.ept_permissions(kvm, acc)
        rows = [
            ("read", got.read, want.read, "R and the read permission"),
            ("execute", got.execute, all_of(want.execute, executable), "XS and ACC_EXEC_MASK"),
        ]
        if relations.has_mbec(kvm):
            rows.append(
                ("user-execute", got.user_execute, all_of(want.user_execute, executable), "XU and ACC_USER_EXEC_MASK")
            )
    else:
        mine = npt.permissions_of(spte)
        theirs = relations.nested_permissions(kvm, acc)
        rows = [
            ("user", mine.user, theirs.user, "U and ACC_USER_MASK"),
            ("execute", negate(mine.no_execute), all_of(negate(theirs.no_execute), executable), "NX and ACC_EXEC_MASK"),
        ]
        if relations.reads_have_a_bit(kvm):
            rows.append(("read", npt.present(spte), has(acc, kvm.constant("ACC_READ_MASK")), "P and ACC_READ_MASK"))
    return rows


def _one_to_one(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    inputs = made_spte(kvm, masks)
    made = kvm.sptes.make_spte(masks, inputs.request)
    rows = _expected_bits(kvm, vendor, made, inputs)
    request = inputs.request
    asked = all_of(has(request.pte_access, kvm.constant("ACC_WRITE_MASK")), request.host_writable)
    wanted_write = all_of(asked, negate(made.wrprot))
    # A page that is writable already need not be asked about: what its write would bring out of sync is out of sync.
    was_writable = all_of(_maps_a_page(kvm, masks, request), bit(request.old_spte, _WRITE_BIT))
    untracked = all_of(asked, made.unsync_refused, negate(was_writable), negate(made.wrprot))
    invented = all_of(made.wrprot, negate(all_of(asked, made.unsync_refused)))
    misled = all_of(
        made.to_unsync.called,
        any_of(
            ne(made.to_unsync.gfn, request.gfn),
            made.to_unsync.synchronizing ^ request.synchronizing,
            made.to_unsync.prefetch ^ request.prefetch,
        ),
    )
    was_mmio = _was_mmio(kvm, masks, request)
    rows.append(
        (
            "write",
            bit(made.spte, _WRITE_BIT),
            wanted_write,
            "W and ACC_WRITE_MASK (less host protection and write tracking)",
        )
    )
    assumptions = [*inputs.assumptions, untracked_from_start(inputs), _replaces_an_entry(kvm, masks, request)]
    if vendor is not Vendor.INTEL:
        assumptions += relations.mapped_pages_are_readable(kvm, request.pte_access)
    elif not relations.reads_have_a_bit(kvm):
        assumptions.append(
            Assumption(
                "the host supports execute-only translations, or the access includes reads",
                any_of(masks.host.has_exec_only, has(request.pte_access, kvm.constant("ACC_USER_MASK"))),
            )
        )
    ignored = Wrong(
        "write-tracking-ignored",
        untracked,
        "make_spte() does not write-protect a page that has to stay write-protected.",
    ).told("wrprot is false", "KVM: mmu_try_to_unsync_pages() refused", place=_MAKE_SPTE)
    shown = (
        *inputs.shown,
        Shown("old_spte", request.old_spte, kind=NumberKind.SPTE),
        Shown("spte", made.spte, kind=NumberKind.SPTE),
    )
    yield always(
        all_of(
            relations.same([got for _, got, _, _ in rows], [want for _, _, want, _ in rows]),
            implies(negate(was_mmio), negate(untracked)),
            negate(invented),
            negate(misled),
        ),
        given(*assumptions, shown=shown, evidence=made.evidence),
        *(
            Wrong(
                f"{name}-{'gained' if gained else 'lost'}",
                all_of(got, negate(want)) if gained else all_of(negate(got), want),
                f"make_spte() does not keep {words} together.",
            ).told(
                f"the SPTE {'grants' if gained else 'lacks'} {name}",
                f"KVM's table in the series' cover letter: the access {'lacks' if gained else 'grants'} {name}",
            )
            for gained in (True, False)
            for name, got, want, words in rows
        ),
        ignored,
        Wrong(
            "write-tracking-misled",
            misled,
            "Write tracking is asked about another page, or on another occasion, than make_spte() is called for.",
        ).told(
            "mmu_try_to_unsync_pages() is told otherwise", "KVM: the gfn, synchronizing and prefetch of make_spte()"
        ),
        Wrong("write-tracking-invented", invented, "make_spte() write-protects a page that may become writable.").told(
            "wrprot is true", "KVM: mmu_try_to_unsync_pages() did not refuse"
        ),
    )
    yield always(
        negate(untracked),
        given(
            *assumptions,
            Assumption("the SPTE replaces an MMIO SPTE, of a memory slot that was not there yet", was_mmio),
            shown=shown,
            evidence=made.evidence,
            part="replacing an MMIO SPTE",
        ),
        ignored,
    )


def _maps_a_page(kvm: Kvm, masks: ShadowMasks, request: SpteRequest) -> Bool:
    """Whether the SPTE that is replaced is present and maps a page."""
    old = kvm.spte_changes.facts(masks, SpteAt(request.old_spte, request.level))
    return all_of(old.is_shadow_present_pte, old.is_last_spte)


def _replaces_an_entry(kvm: Kvm, masks: ShadowMasks, request: SpteRequest) -> Assumption:
    """What `lifecycle.*` shows of all that there can be."""
    there = is_present(kvm, request.old_spte), is_not_present_kind(kvm, masks, request.old_spte)
    return Assumption("old_spte is present, empty, frozen, or an MMIO SPTE: lifecycle.* (kind)", any_of(*there))


def _was_mmio(kvm: Kvm, masks: ShadowMasks, request: SpteRequest) -> Bool:
    """Whether an MMIO SPTE is replaced; it can have W, which grants nothing."""
    old = kvm.sptes.predicates(masks, request.old_spte)
    return all_of(negate(old.is_shadow_present), old.is_mmio)


# -- acc.gpte-access -----------------------------------------------------------------------------------------


def _gpte_claim(
    kvm: Kvm,
    gpte_format: GpteFormat,
    rows: list[tuple[str, Bool, Bool]],
    acc: BitVec,
    gpte: BitVec,
    premise: Assumption,
) -> Claim:
    stray = ne(acc & ~kvm.constant("ACC_ALL"), 0)
    symptoms = [
        Wrong(
            f"{name}-{'gained' if gained else 'lost'}",
            all_of(got, negate(want)) if gained else all_of(negate(got), want),
            f"gpte_access() {'grants' if gained else 'drops'} {name} against the entry.",
        ).told(
            f"{name} is {'granted' if gained else 'not granted'}",
            f"the entry {'does not grant' if gained else 'grants'} {name}",
        )
        for name, got, want in rows
        for gained in (True, False)
    ]
    symptoms.append(
        Wrong("stray-bits", stray, "gpte_access() gives a bit outside ACC_ALL.").told(
            "a bit outside ACC_ALL", "no such permission"
        )
    )
    return always(
        all_of(relations.same([got for _, got, _ in rows], [want for _, _, want in rows]), negate(stray)),
        given(
            premise,
            shown=(
                Shown("gpte", gpte, kind=NumberKind.GUEST_ENTRY),
                Shown("access", acc, relations.acc_flags(kvm, ept=gpte_format is GpteFormat.EPT)),
            ),
            part=f"{gpte_format.value} entries",
        ),
        *symptoms,
    )


def _gpte_access(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    if vendor is Vendor.INTEL:
        gpte = var("gpte", 64)
        acc = kvm.walks.gpte_access(GpteFormat.EPT, gpte)
        got, want = relations.ept_permissions(kvm, acc), ept.permissions_of(gpte)
        rows = [("read", got.read, want.read), ("write", got.write, want.write), ("execute", got.execute, want.execute)]
        if relations.has_mbec(kvm):
            rows.append(("user-execute", got.user_execute, want.user_execute))
        return [_gpte_claim(kvm, GpteFormat.EPT, rows, acc, gpte, Assumption("any entry", TRUE))]
    claims: list[Claim] = []
    formats = (GpteFormat.PAGING64,) if vendor is Vendor.AMD else (GpteFormat.PAGING64, GpteFormat.PAGING32)
    for gpte_format in formats:
        width = 32 if gpte_format is GpteFormat.PAGING32 else 64
        entry = var("gpte", width)
        acc = kvm.walks.gpte_access(gpte_format, zext(entry, 64))
        mine, theirs = relations.access_rights(kvm, acc), paging.rights_of(entry)
        rows = [
            ("user", mine.user_address, theirs.user_address),
            ("write", mine.writable, theirs.writable),
            ("execute", negate(mine.execute_disable), negate(theirs.execute_disable)),
        ]
        if relations.reads_have_a_bit(kvm):
            rows.append(("read", has(acc, kvm.constant("ACC_READ_MASK")), TRUE))
        premise = Assumption("the entry is present", paging.present(entry))
        claims.append(_gpte_claim(kvm, gpte_format, rows, acc, entry, premise))
    return claims


# -- acc.in-bounds ----------------------------------------------------------------------------------------------


_OUT_OF_RANGE = {
    CheckKind.INDEX: (
        "index-out-of-range",
        "An array is indexed out of its range at {}.",
        "an index out of range",
        "C11 6.5.6: undefined",
    ),
    CheckKind.SHIFT: (
        "shift-out-of-range",
        "A shift count reaches the operand's width at {}.",
        "a shift count out of range",
        "C11 6.5.7: undefined",
    ),
}


def _out_of_range(checks: Sequence[Check], kind: CheckKind) -> tuple[Symptom, ...]:
    """For each index, or each shift, that it is out of range."""
    name, sentence, actual, expected = _OUT_OF_RANGE[kind]
    return tuple(
        Wrong(name, negate(check.holds), sentence.format(check.at)).told(actual, expected, place=check.place)
        for check in checks
        if check.kind is kind
    )


def _in_bounds(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    """One claim for the error codes that permission_fault() is meant for, and two for all others.

    Apart from each other, so that a finding of one kind hides nothing of the other.
    """
    walk = kvm.walks.guest_walk(relations.WALKS[vendor])
    inputs = relations.fault_inputs(kvm)
    result = kvm.walks.permission_fault(walk, inputs.pte_access, inputs.pte_pkey, inputs.access)
    # What these claims are about is told by their own symptoms, not as undefined behaviour on the way.
    checks = result.evidence.checks
    evidence = replace(result.evidence, checks=tuple(check for check in checks if check.kind not in _OUT_OF_RANGE))
    indices, shifts = (_out_of_range(checks, kind) for kind in _OUT_OF_RANGE)
    bad_index, bad_shift = (any_of(*(symptom.when for symptom in each)) for each in (indices, shifts))
    # An access that both writes and fetches does not occur, but has to be in bounds like any other.
    bits, _, *others = inputs.assumptions
    others.append(relations.paging_on(walk))
    any_other = Assumption(
        "any other access: the error code's low half has a bit besides P, W, U and F", negate(bits.term)
    )
    shown = (*relations.role_shown(walk, "cr4_pke"), *inputs.shown, Shown("pte_pkey", inputs.pte_pkey))
    acc_all = kvm.constant("ACC_ALL")
    fits_role = boolean(acc_all < 1 << kvm.walks.role_access_bits)
    fits_element = boolean(all(acc_all < element.width for element in walk.metadata.permissions))
    sizes = (
        Wrong("role-too-narrow", negate(fits_role), "role.access cannot hold ACC_ALL.").told(
            f"role.access has {kvm.walks.role_access_bits} bits", f"ACC_ALL is {acc_all:#x}"
        ),
        Wrong(
            "element-too-narrow",
            negate(fits_element),
            "An element of permissions[] has no bit for some ACC_* combination.",
        ).told(f"elements of {walk.metadata.permissions[0].width} bits", f"ACC_ALL is {acc_all:#x}"),
    )
    yield always(
        all_of(fits_role, fits_element, negate(bad_index), negate(bad_shift)),
        given(
            Assumption("an access of P, W, U and F: the error code's low half has no other bit", bits.term),
            *others,
            shown=shown,
            evidence=evidence,
            part="accesses of P, W, U and F",
        ),
        *sizes,
        *indices,
        *shifts,
    )
    yield always(
        negate(bad_index),
        given(any_other, *others, shown=shown, evidence=evidence, part="indices for any other access"),
        *indices,
    )
    yield always(
        any_of(bad_index, negate(bad_shift)),
        given(any_other, *others, shown=shown, evidence=evidence, part="shifts for any other access"),
        *(replace(each, when=all_of(negate(bad_index), each.when)) for each in shifts),
    )


THEOREMS = (
    Theorem(
        name="acc.one-to-one",
        claim="Each ACC_* bit stands for exactly one hardware bit of an SPTE and back. READ is P or R, WRITE is "
        "W, and EXEC is XS or not NX. USER is U outside EPT, and USER_EXEC is XU in EPT. Only the "
        "iTLB-multihit mitigation takes execution away from huge pages, and only execution; only host "
        "protection and write tracking take WRITE, and write tracking is asked about every page that "
        "becomes writable.",
        source="KVM: the table in the series' cover letter; SDM 31.3.2, APM 15.25",
        assumes=(
            "the SPTE is not prefetched without A/D bits: it is access-tracked then",
            "a page frame number fits the SPTE",
            "outside EPT a mapped page can be read",
            "what is replaced is present, empty, frozen, or an MMIO SPTE: lifecycle.* (kind)",
        ),
        state=several(_one_to_one),
        catches=(
            Catch("exec-and-user-exec-swapped", "execute-gained"),
            Catch("make-spte-always-readable", "read-gained"),
            Catch("write-for-host-readonly", "write-gained"),
            Catch("nx-huge-page-clears-user", "user-lost"),
            Catch("nx-huge-not-mitigated", "execute-gained"),
            Catch("host-writable-at-xu", "user-execute-gained"),
            Catch("mark-with-ad-bits-takes-all", "read-lost"),
            *showing("write-tracking-ignored", "write-tracking-negated", "unsync-of-page-tables-skipped"),
            Catch("unsync-asks-for-another-occasion", "write-tracking-misled"),
        ),
    ),
    Theorem(
        name="acc.gpte-access",
        claim="The ACC_* bits read out of a guest entry are its architectural permission bits, and no others.",
        source="SDM 31.3.2 and 5.5, APM 5.3",
        assumes=("ordinary entries are present: the walk stops at others",),
        state=_gpte_access,
        catches=(Catch("gpte-access-drops-read", "read-lost"), Catch("gpte-access-ignores-nx", "execute-gained")),
    ),
    Theorem(
        name="acc.in-bounds",
        claim="ACC_ALL fits role.access and the elements of permissions[]; no index or shift in the permission "
        "code is out of range, for every 64-bit access value.",
        source="C11 6.5.6 and 6.5.7; permission_fault()'s WARN on bits that must not come",
        assumes=(
            "pte_access has no bit outside ACC_ALL",
            "a protection key has 4 bits",
            "paging is on: without, KVM does not consult the metadata",
        ),
        state=several(_in_bounds),
        catches=showing(
            "index-out-of-range", "fetch-index-not-halved", "permissions-one-short", "error-code-not-masked"
        ),
    ),
)
