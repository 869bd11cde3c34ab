"""Who changes an SPTE without KVM's lock for writing changes what is there by then, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from mmuproof.model.features import Feature
from mmuproof.model.interference import EntryAccess, Interfered
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.spte_changes import FastFault, SpteChange
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.held_spte import any_fault
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.lifecycle_invariant import HeldEntry, any_entry, is_present, possible, present_leaf
from mmuproof.proofs.given.meanwhile import (
    WRITE,
    Right,
    accessed,
    dirty,
    empty_entry,
    in_reverse_map,
    made_by_kvm,
    maps_page,
    overwritten,
    same_but_tracked,
    undone,
    without_flags,
)
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, eq, iff, implies, ite, ne, negate, ule, var

_FIELDS: Mapping[SpteChange, tuple[str, ...]] = MappingProxyType(
    {SpteChange.TDP_WRITE_PROTECT: (), SpteChange.TDP_CLEAR_DIRTY: ("dirty",)}
)
"""What is tried again until it is done: what is cleared besides W, one of which is enough."""
_LOCKLESS = "KVM's comment at tdp_mmu_set_spte_atomic(): others may change an SPTE meanwhile"
_AGAIN = "KVM's comment at tdp_mmu_set_spte_atomic(): an exchange that is too late is tried again with what is there"


def _cleared(bits: tuple[int, ...]) -> Right:
    return lambda found, left: any_of(*(eq(left, found & ~bit) for bit in bits))


def _aged(kvm: Kvm, vendor: Vendor) -> Right:
    """The accessed flag is clear, or, without flags, permissions are put away."""

    def right(found: BitVec, left: BitVec) -> Bool:
        unused = eq(left, found & ~accessed(vendor))
        return ite(without_flags(kvm, found), same_but_tracked(kvm, found, left), unused)

    return right


def _fixed(kvm: Kvm, masks: ShadowMasks, fault: FastFault) -> Right:
    """W is set where the page is MMU-writable, and what was put away is back."""

    def right(found: BitVec, left: BitVec) -> Bool:
        may_write = implies(has(left & ~found, WRITE), all_of(fault.write, ne(found & masks.mmu_writable, 0)))
        others = eq((found ^ left) & ~(WRITE | accessed(masks.vendor)), 0)
        if masks.vendor is Vendor.INTEL:
            others = any_of(others, all_of(without_flags(kvm, found), same_but_tracked(kvm, found, left)))
        return all_of(others, may_write, negate(has(found & ~left, WRITE)))

    return right


def _wrong(kvm: Kvm, entry: HeldEntry, right: Right, access: EntryAccess) -> Bool:
    """Whether a write changes what is no page, or is not what this operation makes of what is there."""
    done = all_of(maps_page(kvm, entry, access.found), right(access.found, access.left))
    return all_of(ne(access.left, access.found), negate(done))


def _not_judged(caller: str, when: Bool) -> Wrong:
    return Wrong(
        "not-what-was-judged",
        when,
        f"{caller} overwrites what others have made of an SPTE by what it has made of another value.",
    )


def _tried_again(made: Interfered, caller: str, still: Callable[[BitVec], Bool]) -> Iterator[Wrong]:
    yield Wrong(
        "given-up",
        undone(made, still),
        f"{caller} is done with an SPTE although others have changed it meanwhile and it is as it was.",
    )
    yield Wrong(
        "stale",
        all_of(made.goes_back, ne(made.judged_anew, made.known_anew)),
        f"{caller} tries again with what the SPTE was before others changed it.",
    )


def _claim(kvm: Kvm, masks: ShadowMasks, change: SpteChange) -> Claim:
    vendor, entry, caller = masks.vendor, any_entry(), change.value
    made = kvm.interference.change(masks, change, entry.at)
    bits = (WRITE, *(dirty(vendor) for _ in _FIELDS.get(change, ())))
    right = _aged(kvm, vendor) if change.ages else _cleared(bits)
    wrong = overwritten(made.accesses, lambda each: _wrong(kvm, entry, right, each))

    def still(spte: BitVec) -> Bool:
        return all_of(maps_page(kvm, entry, spte), *(has(spte, bit) for bit in bits))

    again = _tried_again(made, caller, still) if change in _FIELDS else ()
    return never(
        given(
            *plausible_host(masks),
            *possible(masks, entry),
            *(() if change.name.startswith("RMAP_") else (_own(kvm, masks),)),
            made_by_kvm(kvm, masks, entry, made.accesses if change.ages else ()),
            *((present_leaf(kvm, entry),) if change.ages else ()),
            *((in_reverse_map(kvm, entry, made.accesses),) if change is SpteChange.RMAP_AGE else ()),
            shown=(
                Shown("sp->role.level", entry.level),
                Shown("the SPTE that a walk found", entry.spte, kind=NumberKind.SPTE),
                *wrong.shown,
            ),
            evidence=made.evidence,
            part=caller,
        ),
        _not_judged(caller, wrong.when).told("the entry changes", _LOCKLESS),
        _told_another(made, caller).told("another SPTE", _LOCKLESS),
        *(each.told("the SPTE stays as it is", _AGAIN) for each in again),
    )


def _own(kvm: Kvm, masks: ShadowMasks) -> Assumption:
    own = negate(kvm.spte_changes.page_is_mirror(masks))
    return Assumption("the table is KVM's own: one that mirrors TDX's is frozen while that is changed", own)


def _zap(kvm: Kvm, masks: ShadowMasks) -> Claim:
    entry, caller, zap_level = any_entry(), "__tdp_mmu_zap_root()", var("zap_level", 4)
    made, empty = kvm.interference.zap_root(masks, entry.at, zap_level), empty_entry(kvm)

    def wrong(each: EntryAccess) -> Bool:
        return all_of(ne(each.left, each.found), negate(all_of(is_present(kvm, each.found), eq(each.left, empty))))

    def still(spte: BitVec) -> Bool:
        return all_of(is_present(kvm, spte), ule(entry.level, zap_level))

    written = overwritten(made.accesses, wrong)
    return never(
        given(
            *plausible_host(masks),
            *possible(masks, entry),
            _own(kvm, masks),
            made_by_kvm(kvm, masks, entry),
            shown=(
                Shown("sp->role.level", entry.level),
                Shown("zap_level", zap_level),
                Shown("the SPTE that a walk found", entry.spte, kind=NumberKind.SPTE),
                *written.shown,
            ),
            evidence=made.evidence,
            part=caller,
        ),
        _not_judged(caller, written.when).told("the entry changes", _LOCKLESS),
        _told_another(made, caller).told("another SPTE", _LOCKLESS),
        *(each.told("the SPTE stays as it is", _AGAIN) for each in _tried_again(made, caller, still)),
    )


def _told_another(made: Interfered, caller: str) -> Wrong:
    when = overwritten(made.accesses, lambda each: all_of(made.tells, ne(made.told, each.found))).when
    return Wrong("told-another", when, f"{caller} hands on another SPTE as the one that it has replaced.")


def _fast_fault(kvm: Kvm, masks: ShadowMasks) -> Claim:
    entry, (fault, needs, shown), caller = any_entry(), any_fault(), "fast_page_fault()"
    made = kvm.interference.fast_page_fault(masks, fault, entry.level)
    right = _fixed(kvm, masks, fault)
    wrong = overwritten(made.accesses, lambda each: _wrong(kvm, entry, right, each))
    written = any_of(*(each.happens for each in made.accesses if each.writes))
    direct = Assumption(
        "faults are fixed without the lock in direct MMUs only, which are with A/D bits if the host is: "
        "kvm_calc_tdp_mmu_root_page_role()",
        iff(entry.ad_disabled, negate(masks.host.has_ad_bits)),
    )
    return never(
        given(
            *plausible_host(masks),
            *possible(masks, entry),
            *((direct,) if masks.vendor is Vendor.INTEL else ()),
            *needs,
            made_by_kvm(kvm, masks, entry, made.accesses),
            shown=(*shown, Shown("sp->role.level", entry.level), *wrong.shown),
            evidence=made.evidence,
            part=caller,
        ),
        _not_judged(caller, wrong.when).told("the entry changes", _LOCKLESS),
        Wrong(
            "not-fixed",
            all_of(made.ends, made.fixed, negate(written)),
            f"{caller} says that the fault is fixed, although others have changed the SPTE before it could.",
        ).told("RET_PF_FIXED", "KVM's comment at fast_pf_fix_direct_spte(): false if someone else modified the SPTE"),
    )


def _state(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    for change in SpteChange:
        shared = kvm.has(Feature.LOCKLESS_AGING) if change.ages else change in _FIELDS
        if shared and change.happens(vendor):
            yield _claim(kvm, masks, change)
    if vendor is not Vendor.SHADOW:
        yield _zap(kvm, masks)
    yield _fast_fault(kvm, masks)


THEOREMS = (
    Theorem(
        name="interference.exchanged",
        claim="Who write-protects, clears dirty flags, ages, fixes or takes away an SPTE without KVM's lock for "
        "writing changes it by what is there at that moment. It does not matter what others have made of "
        "it since it was read. What is frozen, MMIO or empty stays. An exchange that is too late is tried "
        "again with what is there, or given up where that is right.",
        source="KVM's comments at tdp_mmu_set_spte_atomic(), in kvm_tdp_mmu_age_spte(), kvm_rmap_age_gfn_range() and "
        "at fast_pf_fix_direct_spte()",
        assumes=(
            "one pass stands for each: what goes back begins as it does with an SPTE that a walk has just found",
            "tables that mirror TDX's are left out",
        ),
        state=several(_state),
        catches=(
            *showing(
                "not-what-was-judged",
                "tdp-store-unjudged",
                "fast-fix-unjudged",
                "tdp-exchange-rereads",
                "rmap-age-unjudged",
                "restore-shift-off-by-one",
                "track-again-forgets",
                "track-saves-no-xu",
                "age-clears-dirty",
                "fast-fault-ignores-mmu-writable",
            ),
            Catch("write-protect-gives-up", "given-up"),
            Catch("tdp-retry-stale", "stale"),
            Catch("fast-fault-fixed-anyway", "not-fixed"),
        ),
    ),
)
