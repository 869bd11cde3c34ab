"""What is taken for granted of the processor that KVM runs on."""

from __future__ import annotations

from mmuproof.model.masks import ShadowMasks
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, bv, ule


def plausible_host(masks: ShadowMasks) -> tuple[Assumption, ...]:
    """Address widths as the architecture has them, in bits.

    The usable width is that of CPUID, less the bits of encryption keys; the L1 cache may be addressed with
    more bits than CPUID reports.
    """
    host = masks.host
    return (
        Assumption("MAXPHYADDR is 32 to 52, and the usable width is not above it",
                   all_of(ule(bv(32, 8), host.x86_phys_bits), ule(host.x86_phys_bits, host.maxphyaddr),
                          ule(host.maxphyaddr, 52))),
        Assumption("the L1 cache's width is at least the usable width and at most 52",
                   all_of(ule(host.x86_phys_bits, host.x86_cache_bits), ule(host.x86_cache_bits, 52))),
    )  # fmt: skip
