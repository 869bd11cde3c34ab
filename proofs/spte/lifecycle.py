"""The life of an SPTE: every operation of KVM keeps the invariant, and the invariant is what other theorems assume."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial

from mmuproof.model.evidence import Evidence
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given.done import Done, How
from mmuproof.proofs.given.held_spte import ad_type_fits, slots_are_clear, use_is_known, writable_states
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.lifecycle_invariant import (
    HeldEntry,
    any_entry,
    invariant,
    is_present,
    possible,
    present_leaf,
    reserved_bits,
)
from mmuproof.proofs.given.operations import on_entries_of
from mmuproof.proofs.given.relations import has_mbec
from mmuproof.proofs.spte.tracking import untracked
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bool_var, eq, ne, negate
from mmuproof.spec import ept, paging

_WRITE = 1 << 1
_SUPPRESS_VE = 1 << 63


def _made_by_kvm(kvm: Kvm, masks: ShadowMasks, entry: HeldEntry, without: str) -> tuple[Assumption, ...]:
    """That the invariant holds of an entry, but for the conjunct that is left out."""
    return tuple(
        Assumption(f"KVM has made the entry it finds: of the invariant, {each.name}", each.holds)
        for each in invariant(kvm, masks, entry)
        if each.name != without
    )


def _kept(kvm: Kvm, masks: ShadowMasks, done: Done, without: str) -> Claim:
    """The claim that an operation leaves an entry for which the invariant holds."""
    assumptions = [*plausible_host(masks), *done.needs]
    shown = [Shown("sp->role.level", done.after.level), Shown("sp->role.ad_disabled", done.ad_disabled)]
    if done.before is not None:
        before = HeldEntry(done.before.spte, done.before.level, done.ad_disabled)
        assumptions += possible(masks, before)
        assumptions += _made_by_kvm(kvm, masks, before, without)
        shown.append(Shown("the entry before", before.spte, kind=NumberKind.SPTE))
    after = HeldEntry(done.after.spte, done.after.level, done.ad_disabled)
    conjuncts = [each for each in invariant(kvm, masks, after) if each.name != without]
    return always(
        all_of(*(each.holds for each in conjuncts)),
        given(
            *dict.fromkeys(assumptions),
            shown=(*shown, Shown("the entry after", after.spte), *done.shown),
            evidence=done.evidence,
            part=done.name,
        ),
        *(
            Wrong(each.name, negate(each.holds), f"After {done.name} the entry {each.says}.").told(
                "such an SPTE", "KVM: every SPTE keeps the invariant"
            )
            for each in conjuncts
        ),
    )


def _keeping(kvm: Kvm, vendor: Vendor, hows: Collection[How], without: str = "") -> list[Claim]:
    """What operations of some kinds keep of the invariant, if it lacks a conjunct."""
    masks = kvm.masks.shadow_masks(vendor)
    return [_kept(kvm, masks, done, without) for done in on_entries_of(kvm, masks, hows)]


# -- what the invariant is for -------------------------------------------------------------------------------


def _hardware_uses(masks: ShadowMasks, entry: HeldEntry, mbec: Bool) -> Bool:
    """Whether the hardware translates by an entry: it is present, and not misconfigured."""
    clean = eq(entry.spte & reserved_bits(masks, entry), 0)
    if masks.vendor is not Vendor.INTEL:
        return all_of(paging.present(entry.spte), clean)
    return all_of(ept.present(entry.spte, mbec=mbec), clean, negate(_bad_permissions(masks, entry.spte, mbec)))


def _bad_permissions(masks: ShadowMasks, spte: BitVec, mbec: Bool) -> Bool:
    """Whether an entry's permissions are a misconfiguration."""
    return ept.misconfigured_permissions(
        spte, mbec=mbec, execute_only=masks.host.has_exec_only, paging_write_control=FALSE, maps_page=True
    )


_Use = tuple[str, Symptom, tuple[Assumption, ...], Evidence]
"""What it is called, what is wrong where it does not follow, of which entries it is said, and what has run for it."""


def _use(part: str, wrong: Wrong, source: str, *of: Assumption, evidence: Evidence | None = None) -> _Use:
    """Something that other theorems, or KVM itself, take from the invariant; ``source`` says who counts on it."""
    return part, wrong.told("such an SPTE", source), of, evidence or Evidence()


def _uses(kvm: Kvm, masks: ShadowMasks, entry: HeldEntry) -> Iterator[_Use]:
    spte, at, predicates = entry.spte, entry.at, kvm.sptes.predicates(masks, entry.spte)
    present, leaf = is_present(kvm, spte), present_leaf(kvm, entry)
    mbec = bool_var("MBEC enabled") if has_mbec(kvm) else FALSE
    unknown = negate(any_of(negate(_hardware_uses(masks, entry, mbec)), present))
    words = "The hardware translates by an entry that KVM takes for not present."
    yield _use("what the hardware uses", Wrong("unknown-to-kvm", unknown, words), "KVM: is_shadow_present_pte()")
    two = all_of(present, any_of(predicates.is_mmio, predicates.is_frozen))
    words = "A present SPTE is taken for an MMIO SPTE or a frozen one."
    yield _use("one kind", Wrong("two-kinds", two, words), "KVM: is_mmio_spte(), is_frozen_spte()")
    unprotected = negate(any_of(eq(spte & _WRITE, 0), ne(spte & masks.host_writable, 0)))
    readonly = Wrong("host-readonly-writable", unprotected, "A page that the host maps read-only is writable.")
    yield _use("host protection", readonly, "KVM's comment at shadow_host_writable_mask", leaf)
    tracked = kvm.sptes.access_track(masks, spte)
    mitigated = Assumption(
        "the page is huge, and the mitigation is on",
        all_of(entry.huge, kvm.spte_changes.is_nx_huge_page_enabled(masks)),
    )
    executes = Wrong(
        "huge-executable",
        _executes(masks, tracked.restored, mbec),
        "A huge page is executable, now or once it is restored, in spite of the iTLB-multihit mitigation.",
    )
    source = "Intel's advisory on iTLB multihit"
    yield _use("huge pages", executes, source, leaf, mitigated, evidence=tracked.evidence)
    without_need = negate(any_of(negate(tracked.was_access_track), entry.ad_disabled))
    words = "An SPTE of a table with A/D bits is taken for access-tracked."
    source, flags = "KVM's comment in fast_page_fault()", Wrong("tracked-with-ad-bits", without_need, words)
    yield _use("tracked only without A/D bits", flags, source, leaf, evidence=tracked.evidence)
    held = (
        ad_type_fits(kvm, masks, spte),
        writable_states(masks, spte),
        *slots_are_clear(kvm, masks, at),
        use_is_known(kvm, masks, at),
    )
    words = "A present SPTE is not what the theorems on changing SPTEs speak of."
    assumed = Wrong("not-as-assumed", negate(all_of(*(each.term for each in held))), words)
    yield _use("what spte.* assume", assumed, "spte.split and its like", leaf)
    if masks.vendor is Vendor.INTEL:
        yield from _uses_of_ept(kvm, masks, entry, mbec)


def _uses_of_ept(kvm: Kvm, masks: ShadowMasks, entry: HeldEntry, mbec: Bool) -> Iterator[_Use]:
    spte, of_hosts = entry.spte, set(plausible_host(masks))
    assumed = all_of(*(each.term for each in untracked(kvm, masks, spte) if each not in of_hosts))
    marked = Assumption(
        "the SPTE is marked: it is without A/D bits and not tracked yet",
        all_of(entry.ad_disabled, negate(kvm.sptes.access_track(masks, spte).was_access_track)),
    )
    words = "An SPTE that KVM marks is not what the theorems on tracking speak of."
    tracking = Wrong("not-as-tracking-assumes", negate(assumed), words)
    source = "tracking.round-trip and its like"
    yield _use("what access tracking assumes", tracking, source, present_leaf(kvm, entry), marked)
    refused = any_of(_bad_permissions(masks, spte, mbec), ne(spte & reserved_bits(masks, entry), 0))
    found = all_of(is_present(kvm, spte), ept.present(spte, mbec=mbec), refused)
    words = "A present SPTE is a misconfiguration, which KVM takes for MMIO."
    yield _use("misconfigurations", Wrong("misconfigured", found, words), "KVM: handle_ept_misconfig()")
    if kvm.has(Feature.NONPRESENT_VALUE):
        raises = negate(any_of(kvm.sptes.predicates(masks, spte).is_mmio, ne(spte & _SUPPRESS_VE, 0)))
        words = "A violation at an entry can become a #VE in the guest."
        source = "SDM 26.5.7.1: bit 63 suppresses it"
        yield _use("no #VE", Wrong("virtualization-exception", raises, words), source)


def _executes(masks: ShadowMasks, spte: BitVec, mbec: Bool) -> Bool:
    """Whether the hardware lets some fetch go through a present entry."""
    if masks.vendor is Vendor.INTEL:
        granted = ept.permissions_of(spte)
        return any_of(granted.execute, all_of(mbec, granted.user_execute))
    return eq(spte & masks.nx, 0)


def _enough(kvm: Kvm, vendor: Vendor, without: str = "") -> Iterator[Claim]:
    masks, entry = kvm.masks.shadow_masks(vendor), any_entry()
    premises = (*plausible_host(masks), *possible(masks, entry), *_made_by_kvm(kvm, masks, entry, without))
    shown = (
        Shown("sp->role.level", entry.level),
        Shown("sp->role.ad_disabled", entry.ad_disabled),
        Shown("the entry", entry.spte),
    )

    for part, symptom, of, evidence in _uses(kvm, masks, entry):
        case = given(*premises, *of, shown=shown, evidence=masks.evidence + evidence, part=part)
        yield never(case, symptom)


def claims_without(kvm: Kvm, vendor: Vendor, conjunct: str) -> Iterator[Claim]:
    """Every claim of `lifecycle.*` as it is if the invariant lacks a conjunct, by its name."""
    yield from _keeping(kvm, vendor, frozenset(How), conjunct)
    yield from _enough(kvm, vendor, conjunct)


# -- the theorems --------------------------------------------------------------------------------------------

_TABLES = (
    "the host's address widths are architectural",
    "sp->role.level is 1 to 5, and no page is larger than 1 GByte",
    "a host without A/D bits has no tables with A/D bits: role.root-tdp, gating.ept-capabilities",
)


def _keep(*hows: How) -> Callable[[Kvm, Vendor], Sequence[Claim]]:
    return partial(_keeping, hows=hows)


THEOREMS = (
    Theorem(
        name="lifecycle.made",
        claim="Every SPTE that make_spte(), make_nonleaf_spte() or make_mmio_spte() makes keeps the invariant, and so "
        "do an empty and a frozen entry.",
        source="KVM: the comments and assertions of spte.h and spte.c; SDM 31.3.2 and 31.3.3, APM 5.3 and 15.25",
        assumes=(
            *_TABLES,
            "a page's frame is aligned and below the host's usable address width",
            "the guest's entry is no misconfiguration: entry.misconfig",
        ),
        state=_keep(How.MAKES, How.LINKS, How.ENDS),
        catches=(
            Catch("write-for-host-readonly", "mmu-writable"),
            Catch("mark-with-ad-bits-takes-all", "readable"),
            Catch("nx-huge-not-mitigated", "nx-huge"),
            Catch("frame-off-by-one", "reserved"),
            Catch("present-mask-without-suppress-ve", "suppress-ve"),
            *showing("mmu-writable", "mmu-writable-in-saved-slot", "host-writable-at-xu"),
            Catch("mmio-generation-at-mmu-present", "writable"),
            *showing("used", "synchronized-without-accessed", "prefetched-not-tracked"),
        ),
    ),
    Theorem(
        name="lifecycle.changed",
        claim="Write protection, write tracking, clearing dirty bits, ageing and zapping keep the invariant, in the "
        "shadow MMU and in the TDP MMU.",
        source="KVM: the comments and assertions of spte.h and spte.c; SDM 31.3.2 and 31.3.3, APM 5.3 and 15.25",
        assumes=(*_TABLES, "the entry that is found keeps the invariant", "the reverse map holds present leaves"),
        state=_keep(How.CHANGES),
        catches=(
            Catch("track-again-forgets", "readable"),
            *showing("mmu-writable", "mmu-writable-in-saved-slot", "host-writable-at-xu"),
        ),
    ),
    Theorem(
        name="lifecycle.marked",
        claim="Marking an SPTE for access tracking keeps the invariant.",
        source="KVM: mark_spte_for_access_track(); SDM 31.3.2",
        assumes=(*_TABLES, "the entry that is found keeps the invariant"),
        state=_keep(How.MARKS),
        catches=(
            *showing("readable", "track-again-forgets", "mark-with-ad-bits-takes-all"),
            *showing("mmu-writable", "mmu-writable-in-saved-slot", "host-writable-at-xu"),
        ),
    ),
    Theorem(
        name="lifecycle.split",
        claim="The SPTEs that a huge one is split into keep the invariant.",
        source="KVM: make_small_spte(); Intel's advisory on iTLB multihit",
        assumes=(*_TABLES, "the huge SPTE keeps the invariant"),
        state=_keep(How.SPLITS),
        catches=(Catch("restore-shift-off-by-one", "readable"), Catch("mmu-writable-in-saved-slot", "mmu-writable")),
    ),
    Theorem(
        name="lifecycle.collapse",
        claim="The huge SPTE that a page table is collapsed into keeps the invariant.",
        source="KVM: make_huge_spte(); Intel's advisory on iTLB multihit",
        assumes=(*_TABLES, "the small SPTE keeps the invariant"),
        needs=(Need(Feature.COLLAPSE),),
        state=_keep(How.COLLAPSES),
        catches=(
            Catch("restore-shift-off-by-one", "readable"),
            Catch("collapse-keeps-execution", "nx-huge"),
            Catch("collapse-keeps-offset", "reserved"),
            Catch("host-writable-at-xu", "mmu-writable"),
        ),
    ),
    Theorem(
        name="lifecycle.fast-fault",
        claim="What fast_page_fault() does without KVM's lock keeps the invariant.",
        source="KVM's comments in fast_page_fault()",
        assumes=(
            *_TABLES,
            "the entry that is found keeps the invariant",
            "it works on direct MMUs, which are with A/D bits exactly if the host is: role.root-tdp",
        ),
        state=_keep(How.FIXES),
        catches=(
            Catch("restore-shift-off-by-one", "nx-huge"),
            *showing("writable", "fast-fault-ignores-mmu-writable", "mmu-writable-in-saved-slot"),
            Catch("fast-fault-leaves-unused", "used"),
        ),
    ),
    Theorem(
        name="lifecycle.enough",
        claim="From the invariant follows what other theorems and KVM itself take for granted. The hardware uses only "
        "what KVM holds present, and every entry is of one kind. No page that the host maps read-only is writable, "
        "and under the iTLB-multihit mitigation no huge page is executable. No present SPTE is a misconfiguration but "
        "for its memory type, and none can raise #VE. What is marked for access tracking is as tracking.* assume.",
        source="SDM 31.3.2, 31.3.3.1 and 26.5.7.1, APM 5.3; KVM's comments in spte.h",
        assumes=(*_TABLES, "trees without XU never enable MBEC"),
        state=several(_enough),
        catches=(
            Catch("restore-shift-off-by-one", "huge-executable"),
            Catch("track-mask-without-xu", "misconfigured"),
            Catch("frozen-has-bit-10", "unknown-to-kvm"),
            *showing("two-kinds", "encryption-bit-marks-mmio", "mmio-bit-never-missing", "mmio-value-like-empty"),
        ),
    ),
)
