"""The operations of KVM as `spte.*` speak of them: what they find is an SPTE that maps a page."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.spte_changes import SpteAt, SpteChange
from mmuproof.model.statement import Shown
from mmuproof.proofs.given.done import Done
from mmuproof.proofs.given.hardware_spte import page_bytes
from mmuproof.proofs.given.held_spte import any_fault, held_leaf, split_request
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.made_mmio import made_mmio_spte
from mmuproof.proofs.given.made_spte import made_spte
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, bool_var, bv, eq, ne, var, zext

_LOWEST_OF_TABLES = 2
PAGE_TABLE = var("page table", 64)
"""What `linked` leads to."""


def made(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``make_spte()``."""
    inputs = made_spte(kvm, masks)
    done = kvm.sptes.make_spte(masks, inputs.request)
    return Done(
        after=SpteAt(done.spte, inputs.request.level),
        evidence=done.evidence,
        found=inputs.assumptions,
        shown=inputs.shown,
        asked=inputs.request,
    )


def linked(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``make_nonleaf_spte()``."""
    table, ad_disabled = PAGE_TABLE, bool_var("ad_disabled")
    done = kvm.spte_changes.make_nonleaf_spte(masks, table, ad_disabled)
    at_a_page = Assumption(
        "a page table is at a physical address, aligned to 4 KByte, below the usable width",
        all_of(eq(table & (page_bytes(1) - 1), 0), eq(table >> zext(masks.host.x86_phys_bits, 64), 0)),
    )
    return Done(
        after=SpteAt(done.spte, bv(_LOWEST_OF_TABLES, 4)),
        evidence=done.evidence,
        found=(*plausible_host(masks), at_a_page),
        shown=(Shown("page table", table),),
        ad_disabled=ad_disabled,
    )


def ended(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``make_mmio_spte()``, for any address."""
    inputs = made_mmio_spte(kvm, masks)
    return Done(
        after=SpteAt(inputs.spte, bv(1, 4)), evidence=inputs.evidence, found=inputs.assumptions, shown=inputs.shown
    )


def split(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``make_small_spte()``."""
    request, assumptions, shown = split_request(kvm, masks)
    done = kvm.spte_changes.make_small_spte(masks, request)
    return Done(
        after=SpteAt(done.spte, request.level),
        evidence=done.evidence,
        found=assumptions,
        shown=shown,
        before=SpteAt(request.huge_spte, request.level + 1),
        asked=request,
    )


def collapsed(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``make_huge_spte()``; the level is that of the huge SPTE."""
    held = held_leaf(kvm, masks)
    done = kvm.spte_changes.make_huge_spte(masks, held.at.spte, held.at.level)
    return Done(
        after=SpteAt(done.spte, held.at.level),
        evidence=done.evidence,
        found=held.assumptions,
        needs=(Assumption("the SPTE becomes one of a page of 2 MByte or 1 GByte", ne(held.at.level, 1)),),
        shown=held.shown,
        before=held.at,
    )


def changed(change: SpteChange, kvm: Kvm, masks: ShadowMasks) -> Done:
    """An operation in place."""
    held = held_leaf(kvm, masks)
    done = kvm.spte_changes.change(masks, change, held.at)
    return Done(
        after=SpteAt(done.spte, held.at.level),
        evidence=done.evidence,
        found=held.assumptions,
        shown=held.shown,
        before=held.at,
        flushes=None if change.hands_back else done.flushes,
    )


def marked(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``mark_spte_for_access_track()``."""
    held = held_leaf(kvm, masks)
    done = kvm.sptes.access_track(masks, held.at.spte)
    return Done(
        after=SpteAt(done.marked, held.at.level),
        evidence=done.evidence,
        found=held.assumptions,
        shown=held.shown,
        before=held.at,
    )


def fixed(kvm: Kvm, masks: ShadowMasks) -> Done:
    """``fast_page_fault()``."""
    held, (fault, needs, shown) = held_leaf(kvm, masks), any_fault()
    done = kvm.spte_changes.fast_page_fault(masks, fault, held.at)
    return Done(
        after=SpteAt(done.spte, held.at.level),
        evidence=done.evidence,
        found=held.assumptions,
        needs=needs,
        shown=(*held.shown, *shown),
        before=held.at,
    )
