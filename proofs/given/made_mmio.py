"""Free inputs for make_mmio_spte(), with what its callers guarantee."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.mmio import MmioRequest
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, all_of, bv, eq, ule, ult, var, zext

_PAGE_SHIFT = 12


@dataclass(frozen=True, kw_only=True)
class MmioInputs:
    """Free arguments for ``make_mmio_spte()``, the SPTE made of them, and what is assumed."""

    request: MmioRequest
    spte: BitVec
    evidence: Evidence
    assumptions: tuple[Assumption, ...]
    shown: tuple[Shown, ...]


def made_mmio_spte(kvm: Kvm, masks: ShadowMasks) -> MmioInputs:
    """An MMIO SPTE for any address, access and generation, on a host where there are any."""
    request = MmioRequest(var("gfn", 64), var("pte_access", 32), var("slots->generation", 64))
    made = kvm.mmio.make_mmio_spte(masks, request)
    return MmioInputs(
        request=request,
        spte=made.spte,
        evidence=made.evidence,
        assumptions=(
            *plausible_host(masks),
            Assumption("MMIO is cached: otherwise kvm_handle_noslot_fault() makes no SPTE", masks.enable_mmio_caching),
            Assumption(
                "pte_access has no bit outside ACC_ALL, as gpte_access() gives it",
                eq(request.access & ~kvm.constant("ACC_ALL"), 0),
            ),
        ),
        shown=(
            Shown("gfn", request.gfn),
            Shown("slots->generation", request.generation),
            Shown("pte_access", request.access, relations.acc_flags(kvm, ept=masks.vendor is Vendor.INTEL)),
            Shown("spte", made.spte, kind=NumberKind.SPTE),
            Shown("shadow_mmio_value", masks.mmio_value),
            Shown("shadow_mmio_mask", masks.mmio_mask),
            *_host_shown(masks),
        ),
    )


def _host_shown(masks: ShadowMasks) -> tuple[Shown, ...]:
    host = masks.host
    return (
        Shown("boot_cpu_data.x86_phys_bits", host.x86_phys_bits),
        Shown("MAXPHYADDR", host.maxphyaddr),
        Shown("boot_cpu_data.x86_cache_bits", host.x86_cache_bits),
        Shown("X86_BUG_L1TF", host.has_l1tf),
        Shown("memory encryption enabled", host.encryption.enabled),
        Shown("encryption bit", host.encryption.c_bit),
    )


def legal_gfn(masks: ShadowMasks, gfn: BitVec) -> Assumption:
    """An address that the guest may use: one below its own MAXPHYADDR, which is none above what KVM offers."""
    guest = var("the guest's MAXPHYADDR", 8)
    if masks.vendor is Vendor.SHADOW:
        offered, words = masks.host.x86_phys_bits, "the host's usable width"
    else:
        offered, words = masks.host.maxphyaddr, "the host's"
    below = bv(1, 64) << zext(guest - _PAGE_SHIFT, 64)
    return Assumption(
        f"the guest's MAXPHYADDR is not above {words}, as KVM_GET_SUPPORTED_CPUID offers it, and the GFN is below it",
        all_of(ule(bv(32, 8), guest), ule(guest, offered), ult(gfn, below)),
    )
