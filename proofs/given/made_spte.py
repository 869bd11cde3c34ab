"""Free inputs for make_spte(), with what its callers guarantee."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.sptes import SpteRequest
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, bool_var, eq, negate, ule, ult, var

_LARGEST_FRAME = 40
"""Bits of a page frame number: 52 bits of physical address less 12 of offset."""


@dataclass(frozen=True)
class SpteInputs:
    """Arguments for ``make_spte()`` and what is assumed of them."""

    request: SpteRequest
    assumptions: tuple[Assumption, ...]
    shown: tuple[Shown, ...]


def made_spte(kvm: Kvm, masks: ShadowMasks) -> SpteInputs:
    """Free arguments; SPTEs of EPT may be without A/D bits, others always have them."""
    request = SpteRequest(
        level=var("sp->role.level", 4),
        ad_disabled=bool_var("sp->role.ad_disabled"),
        pte_access=var("pte_access", 32),
        gfn=var("gfn", 64),
        pfn=var("pfn", 64),
        old_spte=var("old_spte", 64),
        prefetch=bool_var("prefetch"),
        synchronizing=bool_var("synchronizing"),
        host_writable=bool_var("host_writable"),
    )
    assumptions = [
        *plausible_host(masks),
        Assumption(
            "pte_access has no bit outside ACC_ALL, as gpte_access() gives it",
            eq(request.pte_access & ~kvm.constant("ACC_ALL"), 0),
        ),
        Assumption("a page frame number has 40 bits", ult(request.pfn, 1 << _LARGEST_FRAME)),
        Assumption("sp->role.level is 1 to 5", all_of(ule(request.level, 5), ~eq(request.level, 0))),
    ]
    if masks.vendor is not Vendor.INTEL:
        assumptions.append(
            Assumption("only EPT can be without A/D bits: sp->role.ad_disabled is 0", ~request.ad_disabled)
        )
    shown = (
        Shown("sp->role.level", request.level),
        Shown("pte_access", request.pte_access, relations.acc_flags(kvm, ept=masks.vendor is Vendor.INTEL)),
        Shown("host_writable", request.host_writable),
        Shown("prefetch", request.prefetch),
        Shown("pfn", request.pfn),
    )
    return SpteInputs(request, tuple(assumptions), shown)


def untracked_from_start(inputs: SpteInputs) -> Assumption:
    """Without A/D bits a prefetched SPTE is access-tracked at once; with them it only lacks A."""
    return Assumption(
        "the SPTE is not prefetched without A/D bits, so it is not access-tracked from the start",
        any_of(negate(inputs.request.prefetch), negate(inputs.request.ad_disabled)),
    )
