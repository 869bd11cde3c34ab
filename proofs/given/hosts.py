"""What is taken for granted of the processor that KVM runs on."""

from __future__ import annotations

from mmuproof.model.masks import Host, ShadowMasks
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bv, eq, implies, negate, ule, ult, zext


def plausible_host(masks: ShadowMasks) -> tuple[Assumption, ...]:
    """Address widths as the architecture has them, in bits, and memory encryption as AMD describes it.

    The usable width is that of CPUID, less the bits of encryption keys; the L1 cache may be addressed with
    more bits than CPUID reports.
    """
    host = masks.host
    return (
        Assumption(
            "MAXPHYADDR is 32 to 52, and the usable width is 32 at least and not above it",
            all_of(
                ule(bv(32, 8), host.x86_phys_bits), ule(host.x86_phys_bits, host.maxphyaddr), ule(host.maxphyaddr, 52)
            ),
        ),
        Assumption(
            "the L1 cache's width is at least MAXPHYADDR, as get_cpu_address_sizes() sets it, and at most 52",
            all_of(ule(host.maxphyaddr, host.x86_cache_bits), ule(host.x86_cache_bits, 52)),
        ),
        *_amd(host),
    )


def _amd(host: Host) -> tuple[Assumption, ...]:
    """What early_detect_mem_encrypt() and sme_enable() see to."""
    if host.is_amd is not FALSE:
        encryption = host.encryption
        mask = bv(1, 64) << zext(encryption.c_bit, 64)
        return (
            Assumption("an AMD processor is not affected by L1TF", implies(host.is_amd, negate(host.has_l1tf))),
            Assumption(
                "only memory encryption narrows the usable addresses of an AMD processor",
                implies(host.is_amd, any_of(encryption.enabled, eq(host.x86_phys_bits, host.maxphyaddr))),
            ),
            Assumption(
                "the bit that marks encrypted pages is above the usable addresses, and at most bit 51",
                implies(
                    all_of(host.is_amd, encryption.enabled),
                    all_of(ule(host.x86_phys_bits, encryption.c_bit), ult(encryption.c_bit, 52)),
                ),
            ),
            Assumption(
                "the host's kernel marks pages with that bit or not at all: sme_enable()",
                implies(
                    host.is_amd,
                    any_of(eq(encryption.sme_me_mask, 0), all_of(encryption.enabled, eq(encryption.sme_me_mask, mask))),
                ),
            ),
        )
    return ()


def l1tf_can_be_guarded(masks: ShadowMasks) -> Assumption:
    """KVM warns otherwise, and guards nothing."""
    host = masks.host
    narrow: Bool = ult(host.x86_cache_bits, 47)
    return Assumption(
        "an affected processor's L1 cache is addressed with 46 bits at most, as of all processors with L1TF",
        implies(host.has_l1tf, narrow),
    )
