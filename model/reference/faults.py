"""From an error code to what a handler of page faults is told in Linux 7.2.13."""

from __future__ import annotations

from mmuproof.model.cuts.faults import FIND_SLOT, HANDLERS
from mmuproof.model.faults import FaultHandedOn, Faults, FaultTold
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.model.reference.base.trace import Trace
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bool_var, boolean, bv, eq, ite, ne, var

_U64, _LEVEL_BITS = 64, 8
_KVM_MAX_HUGEPAGE_LEVEL = 3


class ReferenceFaults(ReferenceArea, Faults):
    """``kvm_mmu_do_page_fault()``."""

    def handed_on(self, *, tdp: bool) -> FaultHandedOn:
        """See `Faults.handed_on`."""
        c, trace = self.constants, Trace("kvm_mmu_do_page_fault")
        for cut in (HANDLERS[0 if tdp else 1], FIND_SLOT[0]):
            trace.cut(cut)
        addr, error_code, prefetch = var("addr", _U64), var("error_code", _U64), bool_var("prefetch")
        direct = role_flag(var("vcpu->arch.root_mmu.root_role", PAGE_ROLE_BITS), "direct")
        alias_bits = var("kvm->arch.gfn_direct_bits", _U64)
        gfn = self._without_alias(addr >> c.PAGE_SHIFT, alias_bits)

        def says(mask: int) -> Bool:
            return ne(error_code & mask, 0)

        told = FaultTold(
            addr=addr,
            error_code=error_code,
            gfn=ite(direct, gfn, bv(0, _U64)),
            exec=says(c.PFERR_FETCH_MASK),
            write=says(self._write_mask()),
            present=says(c.PFERR_PRESENT_MASK),
            rsvd=says(c.PFERR_RSVD_MASK),
            user=says(self._user_mask()),
            prefetch=prefetch,
            is_tdp=boolean(tdp),
            is_private=says(self._private_mask()),
            nx_huge_page_workaround_enabled=self._mitigated(),
            huge_page_disallowed=FALSE,
            map_writable=FALSE,
            write_fault_to_shadow_pgtable=FALSE,
            max_level=bv(_KVM_MAX_HUGEPAGE_LEVEL, _LEVEL_BITS),
            req_level=bv(c.PG_LEVEL_4K, _LEVEL_BITS),
            goal_level=bv(self._goal_level(), _LEVEL_BITS),
        )
        return FaultHandedOn(
            addr=addr,
            error_code=error_code,
            prefetch=prefetch,
            direct=direct,
            alias_bits=alias_bits,
            mitigated=all_of(ne(var("nx_huge_pages", 32), 0), eq(var("kvm->arch.disable_nx_huge_pages", 1), 0)),
            handed_on=TRUE,
            told=told,
            slot_gfn=gfn,
            looked_up=direct,
            evidence=trace.evidence,
        )

    def _write_mask(self) -> int:
        return self.constants.PFERR_WRITE_MASK

    def _user_mask(self) -> int:
        return self.constants.PFERR_USER_MASK

    def _private_mask(self) -> int:
        return self.constants.PFERR_PRIVATE_ACCESS

    def _goal_level(self) -> int:
        return self.constants.PG_LEVEL_4K

    def _mitigated(self) -> Bool:
        """``is_nx_huge_page_enabled()``."""
        return all_of(ne(var("nx_huge_pages", 32), 0), eq(var("kvm->arch.disable_nx_huge_pages", 1), 0))

    def _without_alias(self, gfn: BitVec, alias_bits: BitVec) -> BitVec:
        """``kvm_gfn_direct_bits()`` are no part of what a memory slot is looked up by."""
        return gfn & ~alias_bits
