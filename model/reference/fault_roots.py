"""Below which root the TDP MMU of Linux 7.2.13 maps the page of a fault."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.fault_roots import FaultRoot, FaultRoots
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, BitVec, Bool, any_of, bv, eq, ite, ne, var

_U64 = 64


class ReferenceFaultRoots(ReferenceArea, FaultRoots):
    """``tdp_mmu_get_root_for_fault()``."""

    def mapped(self) -> FaultRoot:
        """See `FaultRoots.mapped`."""
        address, gfn = var("fault->addr", _U64), var("fault->gfn", _U64)
        bits = var("kvm->arch.gfn_direct_bits", _U64)
        root, mirror = (var(f"vcpu->arch.root_mmu.{name}", _U64) for name in ("root.hpa", "mirror_root_hpa"))
        of_addresses = bits << self.constants.PAGE_SHIFT
        return FaultRoot(
            address=address,
            gfn=gfn,
            direct_bits=bits,
            root=root,
            mirror=mirror,
            walked=ite(self._is_direct(of_addresses, address), root, mirror),
            of_root=TRUE,
            first_gfn=gfn,
            lowest=bv(1, 32),
            evidence=Evidence(),
        )

    def _is_direct(self, bits: BitVec, address: BitVec) -> Bool:
        """Whether an address is mapped in the root in use."""
        return any_of(eq(bits, 0), ne(address & bits, 0))
