"""The operations of KVM as `lifecycle.*` speak of them: what they find is any entry that keeps the invariant.

Each says what its callers guarantee; that the entry keeps the invariant, and what holds of all page tables, is added by
the theorems.
"""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.spte_changes import FastFault, SplitRequest, SpteAt, SpteChange
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.done import Done
from mmuproof.proofs.given.lifecycle_invariant import HIGHEST_PAGE, HeldEntry, any_entry, possible, present_leaf
from mmuproof.proofs.given.made_mmio import legal_gfn, made_mmio_spte
from mmuproof.proofs.given.made_spte import made_spte
from mmuproof.proofs.given.relations import ept_permissions
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bool_var, bv, eq, iff, ite, ne, negate, ule, ult, var, zext

_PAGE_SHIFT = 12


def _aligned(frame: BitVec, level: BitVec) -> Bool:
    """Whether a page frame number is that of a page of the level: 9 more bits are 0 for each level above 1."""
    below = ite(eq(level, 1), bv(0, frame.width), ite(eq(level, 2), bv((1 << 9) - 1, frame.width), (1 << 18) - 1))
    return eq(frame & below, 0)


def _usable(masks: ShadowMasks, frame: BitVec) -> Assumption:
    width = zext(masks.host.x86_phys_bits, 64) - _PAGE_SHIFT
    return Assumption("the host's memory lies below its usable address width", eq(frame >> width, 0))


def made(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``make_spte()``."""
    inputs = made_spte(kvm, masks)
    request = inputs.request
    done = kvm.sptes.make_spte(masks, request)
    granted = ept_permissions(kvm, request.pte_access)
    read = any_of(granted.read, negate(any_of(granted.write, negate(masks.host.has_exec_only))))
    legal = Assumption("an access that EPT can grant: the guest's entry is otherwise a misconfiguration", read)
    return Done(
        after=SpteAt(done.spte, request.level),
        evidence=done.evidence,
        needs=(
            *inputs.assumptions,
            *((legal,) if masks.vendor is Vendor.INTEL else ()),
            _usable(masks, request.pfn),
            Assumption(
                "no page is larger than 1 GByte, and its frame is aligned: kvm_mmu_hugepage_adjust()",
                all_of(ule(request.level, HIGHEST_PAGE), _aligned(request.pfn, request.level)),
            ),
        ),
        shown=inputs.shown,
        ad_disabled=request.ad_disabled,
    )


def linked(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``make_nonleaf_spte()``."""
    table, place = var("page_table", 64), any_entry()
    done = kvm.spte_changes.make_nonleaf_spte(masks, table, place.ad_disabled)
    return Done(
        after=SpteAt(done.spte, place.level),
        evidence=done.evidence,
        needs=(
            *possible(masks, HeldEntry(done.spte, place.level, place.ad_disabled)),
            Assumption("only tables above the lowest point to tables", ne(place.level, 1)),
            Assumption("a page table is aligned", eq(table & ((1 << _PAGE_SHIFT) - 1), 0)),
            _usable(masks, table >> _PAGE_SHIFT),
        ),
        shown=(Shown("page_table", table),),
        ad_disabled=place.ad_disabled,
    )


def ended(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``make_mmio_spte()``."""
    inputs, place = made_mmio_spte(kvm, masks), any_entry()
    return Done(
        after=SpteAt(inputs.spte, place.level),
        evidence=inputs.evidence,
        needs=(*inputs.assumptions, legal_gfn(masks, inputs.request.gfn)),
        shown=inputs.shown,
        ad_disabled=place.ad_disabled,
    )


def stored(name: str, kvm: Kvm, masks: ShadowMasks) -> Done:
    """A constant that is stored as it is."""
    place = any_entry()
    value = SpteAt(bv(kvm.constant(name), 64), place.level)
    return Done(after=value, evidence=masks.evidence, ad_disabled=place.ad_disabled)


def split(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``make_small_spte()``."""
    small, access, index = any_entry(), var("sp->role.access", 4), var("index", 32)
    before = any_entry(small.level + 1)
    done = kvm.spte_changes.make_small_spte(masks, SplitRequest(before.spte, small.level, access, index))
    return Done(
        after=SpteAt(done.spte, small.level),
        evidence=done.evidence,
        needs=(
            present_leaf(kvm, before),
            Assumption(
                "the small pages have 4 KByte or 2 MByte", all_of(ne(small.level, 0), ult(small.level, HIGHEST_PAGE))
            ),
            Assumption("a page table has 512 entries", ult(index, 512)),
        ),
        shown=(Shown("index", index),),
        before=before.at,
        ad_disabled=before.ad_disabled,
    )


def collapsed(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``make_huge_spte()``."""
    level = var("level of the huge SPTE", 4)
    before = any_entry(level - 1)
    done = kvm.spte_changes.make_huge_spte(masks, before.spte, level)
    return Done(
        after=SpteAt(done.spte, level),
        evidence=done.evidence,
        needs=(
            present_leaf(kvm, before),
            Assumption("the huge page has 2 MByte or 1 GByte", all_of(ult(bv(1, 4), level), ule(level, HIGHEST_PAGE))),
        ),
        before=before.at,
        ad_disabled=before.ad_disabled,
    )


def changed(change: SpteChange, kvm: Kvm, masks: ShadowMasks) -> Done:
    """An operation in place."""
    before = any_entry()
    done = kvm.spte_changes.change(masks, change, before.at)
    # The reverse map holds leaves only, and ageing visits no other; else the TDP MMU meets entries of all kinds.
    only_leaves = change.ages or change.name.startswith("RMAP")
    return Done(
        after=SpteAt(done.spte, before.level),
        evidence=done.evidence,
        needs=(present_leaf(kvm, before),) if only_leaves else (),
        before=before.at,
        ad_disabled=before.ad_disabled,
    )


def marked(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``mark_spte_for_access_track()``."""
    before = any_entry()
    done = kvm.sptes.access_track(masks, before.spte)
    return Done(
        after=SpteAt(done.marked, before.level),
        evidence=done.evidence,
        needs=(present_leaf(kvm, before),),
        before=before.at,
        ad_disabled=before.ad_disabled,
    )


def fixed(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``fast_page_fault()``."""
    before = any_entry()
    fault = FastFault(*(bool_var(f"fault->{name}") for name in ("present", "write", "exec", "rsvd")))
    done = kvm.spte_changes.fast_page_fault(masks, fault, before.at)
    direct = Assumption(
        "faults are fixed without the lock in direct MMUs only, which are with A/D bits if the host is: "
        "kvm_calc_tdp_mmu_root_page_role()",
        iff(before.ad_disabled, negate(masks.host.has_ad_bits)),
    )
    return Done(
        after=SpteAt(done.spte, before.level),
        evidence=done.evidence,
        needs=(direct,) if masks.vendor is Vendor.INTEL else (),
        shown=(Shown("fault->write", fault.write), Shown("fault->exec", fault.exec)),
        before=before.at,
        ad_disabled=before.ad_disabled,
    )
