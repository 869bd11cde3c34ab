"""What a lifted tree takes for the width of the processor's addresses: ``spte.c``."""

from __future__ import annotations

from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.address_widths import AddressWidths, HostAddressWidth
from mmuproof.model.cuts import common
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.host_width import host_width
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import host_kernel, switches
from mmuproof.smt.terms import resize, var

_LEAF = 0x80000008
_ANSWERS, _KEEPS = "kvm_get_host_maxphyaddr", "kvm_mmu_spte_module_init"
_FORMER = "kvm_get_shadow_phys_bits"
"""What answers and keeps nothing, where each set-up of SPTEs asks anew."""


class LiftedAddressWidths(AddressWidths, Remembers):
    """What a lifted tree takes for it.

    Args:
        unit: ``spte.c``.
    """

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def of_host(self) -> HostAddressWidth:
        """See `AddressWidths.of_host`."""
        bench = Bench(self._unit, common.CUTS)
        cpu = bench.session.global_object(switches.BOOT_CPU_DATA)
        last, found = (bench.read(cpu, name) for name in (host_kernel.EXTENDED_CPUID_LEVEL, host_kernel.X86_PHYS_BITS))
        if self._unit.has_function(_ANSWERS):
            bench.call(_KEEPS)
            taken = host_width(bench.session, bench.memory)
        else:
            taken = bench.integer(_FORMER)
        return HostAddressWidth(
            last_leaf=resize(last, 32),
            told=var(f"cpuid_eax({_LEAF})", 32),
            found=resize(found, 8),
            taken=resize(taken, 8),
            evidence=bench.session.evidence(),
        )
