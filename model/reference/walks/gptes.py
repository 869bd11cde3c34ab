"""Guest entries: their ACC_* bits, whether they are present, and EPT's misconfigurations."""

from __future__ import annotations

from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import Mmu, role_flag
from mmuproof.model.walks import GpteFormat, GuestWalk
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, bv, eq, extract, ite, ne, negate

_ACC_BITS = 32
_RESERVED_MEMORY_TYPES = (2, 3, 7)
_WRITE_ONLY, _EXECUTE_ONLY, _WRITE_EXECUTE = 0b010, 0b100, 0b110


class GuestEntries(ReferenceArea):
    """What ``paging_tmpl.h`` and the EPT checks read out of a guest entry of 64 bits."""

    def gpte_access(self, gpte_format: GpteFormat, gpte: BitVec) -> BitVec:
        """See `Walks.gpte_access`."""
        granted = self._granted_ept(gpte) if gpte_format is GpteFormat.EPT else self._granted_paging(gpte)
        access = bv(0, _ACC_BITS)
        for acc, holds in granted.items():
            access |= ite(holds, bv(acc, _ACC_BITS), 0)
        return access

    def _granted_ept(self, gpte: BitVec) -> dict[int, Bool]:
        """For each ACC_* bit whether an EPT entry grants it."""
        c = self.constants
        return {
            c.ACC_READ_MASK: ne(gpte & c.VMX_EPT_READABLE_MASK, 0),
            c.ACC_WRITE_MASK: ne(gpte & c.VMX_EPT_WRITABLE_MASK, 0),
            c.ACC_EXEC_MASK: ne(gpte & c.VMX_EPT_EXECUTABLE_MASK, 0),
            c.ACC_USER_EXEC_MASK: ne(gpte & c.VMX_EPT_USER_EXECUTABLE_MASK, 0),
        }

    def _granted_paging(self, gpte: BitVec) -> dict[int, Bool]:
        """For each ACC_* bit whether an ordinary entry grants it; an entry of 32 bits has no NX."""
        c = self.constants
        return {
            c.ACC_READ_MASK: ne(gpte & c.PT_PRESENT_MASK, 0),
            c.ACC_WRITE_MASK: ne(gpte & c.PT_WRITABLE_MASK, 0),
            c.ACC_USER_MASK: ne(gpte & c.PT_USER_MASK, 0),
            c.ACC_EXEC_MASK: eq(gpte & c.PT64_NX_MASK, 0),
        }

    def is_present_gpte(self, gpte_format: GpteFormat, walk: GuestWalk, gpte: BitVec) -> Bool:
        """See `Walks.is_present_gpte`."""
        mmu = walk.state
        assert isinstance(mmu, Mmu)
        if gpte_format is GpteFormat.EPT:
            return self._is_present_ept(mmu, gpte)
        return ne(gpte & self.constants.PT_PRESENT_MASK, 0)

    def _is_present_ept(self, mmu: Mmu, gpte: BitVec) -> Bool:
        """R, W or X, and with MBEC also XU, make an EPT entry present."""
        c = self.constants
        user_execute = all_of(self.mmu_has_mbec(mmu), ne(gpte & c.VMX_EPT_USER_EXECUTABLE_MASK, 0))
        return any_of(ne(gpte & c.VMX_EPT_RWX_MASK, 0), user_execute)

    def mmu_has_mbec(self, mmu: Mmu) -> Bool:
        """``mmu_has_mbec()``: the root role of a nested EPT has MBEC in place of CR4.SMEP."""
        return role_flag(mmu.root_role, "cr4_smep")

    def is_bad_mt_xwr(self, gpte: BitVec, execonly: Bool) -> Bool:
        """See `Walks.is_bad_mt_xwr`."""
        memory_type = extract(gpte, 5, 3)
        xwr = extract(self._fold_user_execute(gpte), 2, 0)
        return any_of(
            *(eq(memory_type, reserved) for reserved in _RESERVED_MEMORY_TYPES),
            eq(xwr, _WRITE_ONLY),
            eq(xwr, _WRITE_EXECUTE),
            all_of(eq(xwr, _EXECUTE_ONLY), negate(execonly)),
        )

    def has_bad_mt_xwr(self, walk: GuestWalk, gpte: BitVec) -> Bool:
        """See `Walks.has_bad_mt_xwr`: the set-up makes the table for the execonly that it puts into the role."""
        return self.is_bad_mt_xwr(gpte, self._table_execonly(walk))

    def _table_execonly(self, walk: GuestWalk) -> Bool:
        """Whether the table accepts execute-only entries."""
        return bit(walk.flags["execonly"], 0)

    def _fold_user_execute(self, gpte: BitVec) -> BitVec:
        """An entry with XU counts as executable: ``__is_bad_mt_xwr()`` looks at bits 5:0 only."""
        c = self.constants
        executable = ite(ne(gpte & c.VMX_EPT_USER_EXECUTABLE_MASK, 0), bv(c.VMX_EPT_EXECUTABLE_MASK, 64), 0)
        return gpte | executable
