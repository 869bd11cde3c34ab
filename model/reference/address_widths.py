"""What Linux 7.2.13 takes for the width of the processor's addresses."""

from __future__ import annotations

from mmuproof.model.address_widths import AddressWidths, HostAddressWidth
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import BitVec, bv, ite, resize, ule, var

_LEAF = 0x80000008


class ReferenceAddressWidths(ReferenceArea, AddressWidths):
    """``kvm_get_host_maxphyaddr()``."""

    def of_host(self) -> HostAddressWidth:
        """See `AddressWidths.of_host`."""
        last, told = var("boot_cpu_data.extended_cpuid_level", 32), var(f"cpuid_eax({_LEAF})", 32)
        found = var("boot_cpu_data.x86_phys_bits", 8)
        taken = ite(ule(bv(_LEAF, 32), last), self._of_leaf(told, found), found)
        return HostAddressWidth(last_leaf=last, told=told, found=found, taken=taken, evidence=Evidence())

    def _of_leaf(self, told: BitVec, _found: BitVec) -> BitVec:
        """The width, where the processor tells it."""
        return resize(told, 8)
