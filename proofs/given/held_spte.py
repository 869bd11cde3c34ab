"""A free SPTE that maps a page, with what KVM keeps true of every such SPTE."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.spte_changes import FastFault, SplitRequest, SpteAt
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given import hardware_spte, relations
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.relations import has
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bool_var, eq, implies, ne, negate, ule, ult, var

_HIGHEST_LEAF, _PAGE_SIZE = 3, 1 << 7


@dataclass(frozen=True)
class HeldSpte:
    """An SPTE in a page table, and what is assumed of it."""

    at: SpteAt
    assumptions: tuple[Assumption, ...]
    shown: tuple[Shown, ...]


def held_leaf(kvm: Kvm, masks: ShadowMasks) -> HeldSpte:
    """Any SPTE that is present and maps a page, of 4 KByte, 2 MByte or 1 GByte."""
    at = SpteAt(var("spte", 64), var("level", 4))
    # By the bits that mean it, and not by the predicates whose use is judged.
    present = ne(at.spte & kvm.constant("SPTE_MMU_PRESENT_MASK"), 0)
    maps_page = any_of(eq(at.level, 1), has(at.spte, _PAGE_SIZE))
    return HeldSpte(
        at,
        (
            *plausible_host(masks),
            Assumption(
                "the SPTE is MMU-present and maps a page of 4 KByte, 2 MByte or 1 GByte",
                all_of(present, maps_page, ule(at.level, _HIGHEST_LEAF), negate(eq(at.level, 0))),
            ),
            ad_type_fits(kvm, masks, at.spte),
        ),
        (Shown("spte", at.spte, kind=NumberKind.SPTE), Shown("level", at.level)),
    )


def ad_type_fits(kvm: Kvm, masks: ShadowMasks, spte: BitVec) -> Assumption:
    """The A/D type is one that the tables can have."""
    ad_type = spte & kvm.constant("SPTE_TDP_AD_MASK")
    without = eq(ad_type, kvm.constant("SPTE_TDP_AD_DISABLED"))
    if masks.vendor is not Vendor.INTEL:
        return Assumption("only EPT can be without A/D bits: role.ad_disabled is 0 elsewhere", negate(without))
    return Assumption(
        "without A/D bits in the processor no SPTE has them: role.ad_disabled is 1",
        implies(negate(masks.host.has_ad_bits), without),
    )


def writable_states(masks: ShadowMasks, spte: BitVec) -> Assumption:
    """What `spte.writable-states` shows of every SPTE."""
    return Assumption(
        "a writable SPTE is MMU-writable and an MMU-writable one host-writable: spte.writable-states",
        writable_in_order(masks, spte),
    )


def writable_in_order(masks: ShadowMasks, spte: BitVec) -> Bool:
    """W implies MMU-writable implies host-writable."""
    mmu_writable = ne(spte & masks.mmu_writable, 0)
    return all_of(
        implies(has(spte, hardware_spte.field_mask(Vendor.INTEL, "write")), mmu_writable),
        implies(mmu_writable, ne(spte & masks.host_writable, 0)),
    )


def slots_are_clear(kvm: Kvm, masks: ShadowMasks, at: SpteAt) -> tuple[Assumption, ...]:
    """Saved permissions are where an SPTE is access-tracked, and nowhere else; only EPT's can be."""
    if masks.vendor is not Vendor.INTEL:
        return ()
    clear = eq(at.spte & hardware_spte.saved_slots(kvm), 0)
    tracked = kvm.spte_changes.facts(masks, at).is_access_track_spte
    return (
        Assumption(
            "the slots for saved permissions are clear unless the SPTE is access-tracked, as "
            "make_spte(), marking and restoring leave them",
            any_of(clear, tracked),
        ),
    )


def use_is_known(kvm: Kvm, masks: ShadowMasks, at: SpteAt) -> Assumption:
    """What `lifecycle.*` shows of every SPTE that maps a page, and aging rests on."""
    facts = kvm.spte_changes.facts(masks, at)
    return Assumption(
        "without A/D bits an SPTE that is not access-tracked counts as used, as make_spte() and "
        "fast_page_fault() leave it",
        any_of(facts.spte_ad_enabled, facts.is_access_track_spte, facts.is_accessed_spte),
    )


def split_request(kvm: Kvm, masks: ShadowMasks) -> tuple[SplitRequest, tuple[Assumption, ...], tuple[Shown, ...]]:
    """A huge SPTE that is split, and the small SPTE that is asked for."""
    request = SplitRequest(var("huge_spte", 64), var("role.level", 4), var("role.access", 4), var("index", 32))
    huge = kvm.spte_changes.facts(masks, SpteAt(request.huge_spte, request.level + 1))
    assumptions = (
        *plausible_host(masks),
        Assumption(
            "the SPTE is MMU-present and huge: only such are split",
            all_of(huge.is_shadow_present_pte, huge.is_large_pte),
        ),
        Assumption(
            "a page of 1 GByte or 2 MByte is split: role.level is 1 or 2",
            any_of(eq(request.level, 1), eq(request.level, 2)),
        ),
        Assumption("index is below 512, as the callers count", ult(request.index, 512)),
        Assumption("role.access has no bit outside ACC_ALL", eq(request.access & ~kvm.constant("ACC_ALL"), 0)),
        ad_type_fits(kvm, masks, request.huge_spte),
    )
    shown = (
        Shown("huge_spte", request.huge_spte, kind=NumberKind.SPTE),
        Shown("role.level", request.level),
        Shown("role.access", request.access, relations.acc_flags(kvm, ept=masks.vendor is Vendor.INTEL)),
        Shown("index", request.index),
    )
    return request, assumptions, shown


def any_fault() -> tuple[FastFault, tuple[Assumption, ...], tuple[Shown, ...]]:
    """A fault that may be fixed without KVM's lock."""
    fault = FastFault(
        bool_var("fault->present"), bool_var("fault->write"), bool_var("fault->exec"), bool_var("fault->rsvd")
    )
    return (
        fault,
        (Assumption("no access both writes and fetches", negate(all_of(fault.write, fault.exec))),),
        (Shown("fault->present", fault.present), Shown("fault->write", fault.write), Shown("fault->exec", fault.exec)),
    )
