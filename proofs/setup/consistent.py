"""What a set-up leaves of an MMU belongs together, whatever was set up before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmuproof.model.kvm import Kvm
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.set_ups import LEVELS, EntryTable, MmuSetUp, SetUpCall, mask_name
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.expected_roles import EVERY_REGISTER, KINDS, RoleAsked, asked
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bv, eq, ne, negate, ule, var

_PAE_LEVELS = 3
_LEVELS = "a root has 3, 4 or 5 levels: kvm_configure_mmu()'s callers, and PAE's levels at least without TDP"
_FRESH = "KVM: as a set-up of its own leaves it"


def _sequences(vendor: Vendor) -> Iterator[tuple[MmuKind, ...]]:
    """The kinds of MMUs that are set up one after the other."""
    for kind in KINDS[vendor]:
        yield from ((earlier, kind) for earlier in KINDS[vendor])
    if MmuKind.L2 in KINDS[vendor]:
        # Where L2's tables are walked by the same struct, it is another's between two set-ups.
        yield MmuKind.TDP, MmuKind.L2, MmuKind.TDP


def _differ(one: Sequence[BitVec], other: Sequence[BitVec]) -> Bool:
    return any_of(*(ne(a, b) for a, b in zip(one, other, strict=True)))


def _tables_differ(one: EntryTable, other: EntryTable, levels: BitVec) -> Bool:
    """Whether a table says something else of an entry that is in tables of so many levels."""
    found = [all_of(negate(eq(levels, 0)), ne(one.bad_mt_xwr, other.bad_mt_xwr))]
    for level in range(1, LEVELS + 1):
        used = ule(bv(level, levels.width), levels)
        if level == _PAE_LEVELS:
            # The root of PAE paging has entries of another kind, which no table is asked for.
            used = all_of(used, ne(levels, _PAE_LEVELS))
        for name in (mask_name(bit7, level) for bit7 in (False, True)):
            found.append(all_of(used, ne(one.masks[name], other.masks[name])))
    return any_of(*found)


def _wrong(now: MmuSetUp, fresh: MmuSetUp) -> Iterator[Symptom]:
    """In what an MMU differs from the same of a vCPU that has been set up for nothing else."""
    yield Wrong(
        "handlers-stale",
        _differ(tuple(now.handlers.values()), tuple(fresh.handlers.values())),
        "The MMU handles faults or walks tables with functions of an earlier set-up.",
    ).told("another function", _FRESH)
    yield Wrong(
        "walk-role-stale",
        ne(now.walk.role, fresh.walk.role),
        "The CPU role is not what the registers say, but has something of an earlier set-up.",
    ).told("another CPU role", _FRESH)
    paging = negate(eq(fresh.walk.level, 0))
    yield Wrong(
        "permissions-stale",
        all_of(paging, any_of(_differ(now.walk.permissions, fresh.walk.permissions), _keys_differ(now, fresh))),
        "What the guest's tables permit is judged as an earlier set-up said.",
    ).told("other permissions", _FRESH)
    yield Wrong(
        "guest-table-stale",
        _tables_differ(now.walk.reserved, fresh.walk.reserved, fresh.walk.level),
        "The reserved bits of the guest's entries are those of an earlier set-up.",
    ).told("other reserved bits", _FRESH)
    if now.built is not None and fresh.built is not None:
        yield Wrong(
            "root-role-stale",
            ne(now.built.role, fresh.built.role),
            "The role of the root has something of an earlier set-up.",
        ).told("another root role", _FRESH)
        yield Wrong(
            "spte-table-stale",
            _tables_differ(now.built.reserved, fresh.built.reserved, fresh.built.level),
            "The reserved bits of SPTEs are those of an earlier set-up.",
        ).told("other reserved bits", _FRESH)
        yield Wrong(
            "spte-permissions-stale",
            _differ(now.built.permissions, fresh.built.permissions),
            "What SPTEs permit is judged as an earlier set-up said.",
        ).told("other permissions", _FRESH)


def _levels_that_there_are(fresh: MmuSetUp) -> tuple[Assumption, ...]:
    if fresh.built is None:
        return ()
    return (Assumption(_LEVELS, any_of(*(eq(fresh.built.level, each) for each in (3, 4, 5)))),)


def _keys_differ(now: MmuSetUp, fresh: MmuSetUp) -> Bool:
    return ne(now.walk.pkru_mask, fresh.walk.pkru_mask)


def _call(kind: MmuKind, when: str) -> tuple[SetUpCall, RoleAsked]:
    wanted = asked(when)
    return SetUpCall(kind, wanted.request, var(f"vcpu->arch.hflags {when}", 32)), wanted


def _shown(call: SetUpCall, wanted: RoleAsked, when: str) -> tuple[Shown, ...]:
    mode = Shown(f"hflags {when}", call.hflags)
    if call.kind is not MmuKind.NESTED_EPT:
        return (*(Shown(f"{each.name} {when}", each.term, each.flags) for each in wanted.shown), mode)
    request = call.request
    return (
        Shown(f"execute-only support {when}", request.execonly),
        Shown(f"EPTP's A/D bit {when}", request.accessed_dirty),
        Shown(f"MBEC for L2 {when}", request.mbec),
        Shown(f"EPTP {when}", request.eptp),
        mode,
    )


def _consistent(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    for kinds in _sequences(vendor):
        times = ("now", "before", "long before")[: len(kinds)][::-1]
        calls = [(*_call(kind, when), when) for kind, when in zip(kinds, times, strict=True)]
        in_a_row = [call for call, _, _ in calls]
        now = kvm.set_ups.after(tuple(in_a_row), masks)
        fresh = kvm.set_ups.after((in_a_row[-1],), masks, world="another vCPU")
        yield never(
            given(
                *(wanted.possible for _, wanted, _ in calls),
                *_levels_that_there_are(fresh),
                shown=tuple(each for call in calls[::-1] for each in _shown(*call)),
                evidence=now.evidence + fresh.evidence,
                part=", then ".join(kind.value for kind in kinds),
            ),
            *_wrong(now, fresh),
        )


THEOREMS = (
    Theorem(
        name="setup.consistent",
        claim="After any two set-ups in a row the handlers, roles, permissions and reserved bits of the MMU in "
        "use belong together. They are what the second set-up alone makes of a vCPU whose roles are "
        "invalid.",
        source="KVM: a set-up is left out if the roles that it is keyed by have not changed; the comment in "
        "kvm_mmu_after_set_cpuid()",
        assumes=(
            EVERY_REGISTER,
            _LEVELS,
            "between the set-ups CPUID and the capabilities of VMX stay the same, and so does the host: "
            "kvm_mmu_after_set_cpuid() makes all roles invalid, and KVM_SET_MSRS is refused once the vCPU has run",
            "the host encrypts no memory: for that, a table of SPTEs is changed by the function that makes it",
        ),
        state=several(_consistent),
        catches=(
            *showing("handlers-stale", "unpaged-set-up-keeps-sync", "cpuid-keeps-nested-role"),
            Catch("nested-ept-role-kept", "walk-role-stale"),
            *showing("permissions-stale", "pkru-mask-left-over", "permissions-read-root-role"),
            Catch("nested-ept-root-role-kept", "root-role-stale"),
            Catch("unpaged-set-up-keeps-spte-table", "spte-table-stale"),
        ),
    ),
)
