"""What KVM precomputes from a CPU role: ``permissions[]`` and ``pkru_mask``.

A permission is a vector with one bit for each combination of ACC_* bits, 1 where the combination faults.
"""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import Mmu, role_flag, role_value
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.walks import PagingMetadata
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, boolean, bv, concat, ite, ne, to_bv, zext

PERMISSIONS = 16
"""The elements of ``permissions[]``, one for each value of bits 4:1 of an error code."""
_COMBINATIONS = 16
_NOTHING = bv(0, _COMBINATIONS)


class PermissionTables(ReferenceArea):
    """``update_permission_bitmask()`` and ``update_pkru_bitmask()``, ingredient by ingredient.

    ``pfec`` is the error code that stands for an element; PFERR_RSVD_MASK in it means that SMAP does not
    apply, or for protection keys that the page is a user page.
    """

    permissions_length = PERMISSIONS
    """The elements of ``permissions[]`` that there is room for."""

    # -- the role ------------------------------------------------------------------------------------

    def _role(self, mmu: Mmu, name: str) -> Bool:
        """A flag on which the metadata depends: ``is_cr0_wp()`` and its like read the CPU role."""
        return role_flag(mmu.cpu_role, name)

    def is_cr0_pg(self, mmu: Mmu) -> Bool:
        """Whether paging is on: the role has a level."""
        return ne(role_value(mmu.cpu_role, "level"), 0)

    # -- permissions[] ---------------------------------------------------------------------------------

    def update_permission_bitmask(self, mmu: Mmu, *, tdp: bool, ept: bool, trace: Trace) -> tuple[BitVec, ...]:
        """``update_permission_bitmask()``: the elements of ``permissions[]``."""
        return tuple(
            self._permissions_for(mmu, index << 1, tdp=tdp, ept=ept, trace=trace)
            for index in range(self.permissions_length)
        )

    def _permissions_for(self, mmu: Mmu, pfec: int, *, tdp: bool, ept: bool, trace: Trace) -> BitVec:
        faults = {"rf": self._read_faults(pfec), "wf": self._write_faults(mmu, pfec, ept=ept)}
        if ept:
            faults["ff"] = self._fetch_faults_ept(mmu, pfec)
        else:
            faults["uf"] = self._user_faults(mmu, pfec, tdp=tdp)
            faults["ff"] = self._fetch_faults_paging(mmu, pfec)
            faults["smapf"] = self._smap_faults(mmu, pfec)
        element = _NOTHING
        for name, value in faults.items():
            element |= trace.step(name, value)
        return trace.step(f"permissions[{pfec >> 1}]", element)

    def _read_faults(self, pfec: int) -> BitVec:
        """Data reads of pages that cannot be read."""
        c = self.constants
        if pfec & (c.PFERR_WRITE_MASK | c.PFERR_FETCH_MASK):
            return _NOTHING
        return self._lacking(c.ACC_READ_MASK)

    def _write_faults(self, mmu: Mmu, pfec: int, *, ept: bool) -> BitVec:
        """Writes to pages that are not writable; without CR0.WP a supervisor may, except in EPT."""
        c = self.constants
        if not pfec & c.PFERR_WRITE_MASK:
            return _NOTHING
        faults = self._lacking(c.ACC_WRITE_MASK)
        if ept or pfec & c.PFERR_USER_MASK:
            return faults
        return ite(self._role(mmu, "cr0_wp"), faults, _NOTHING)

    def _fetch_faults_ept(self, mmu: Mmu, pfec: int) -> BitVec:
        """Fetches without XS, or with MBEC from user-mode addresses without XU."""
        c = self.constants
        if not pfec & c.PFERR_FETCH_MASK:
            return _NOTHING
        without_xs = self._lacking(c.ACC_EXEC_MASK)
        if not pfec & c.PFERR_USER_MASK:
            return without_xs
        return ite(self._role(mmu, "cr4_smep"), self._lacking(c.ACC_USER_EXEC_MASK), without_xs)

    def _user_faults(self, mmu: Mmu, pfec: int, *, tdp: bool) -> BitVec:
        """User accesses to supervisor pages, which GMET allows: it speaks of fetches only."""
        if not pfec & self.constants.PFERR_USER_MASK:
            return _NOTHING
        faults = self._lacking(self.constants.ACC_USER_MASK)
        return ite(self._role(mmu, "cr4_smep"), _NOTHING, faults) if tdp else faults

    def _fetch_faults_paging(self, mmu: Mmu, pfec: int) -> BitVec:
        """Fetches outside EPT: from pages marked NX, and with SMEP or GMET a supervisor's from user pages."""
        if not pfec & self.constants.PFERR_FETCH_MASK:
            return _NOTHING
        return self._nx_faults(mmu) | self._smep_faults(mmu, pfec)

    def _nx_faults(self, mmu: Mmu) -> BitVec:
        """Fetches from pages marked NX, which EFER.NX gives a meaning."""
        return ite(self._role(mmu, "efer_nx"), self._lacking(self.constants.ACC_EXEC_MASK), _NOTHING)

    def _smep_faults(self, mmu: Mmu, pfec: int) -> BitVec:
        """A supervisor's fetches from user pages, with CR4.SMEP, or GMET in its place."""
        return ite(self._role(mmu, "cr4_smep"), self._kernel_faults(pfec), _NOTHING)

    def _smap_faults(self, mmu: Mmu, pfec: int) -> BitVec:
        """A supervisor's data accesses to user pages with CR4.SMAP, unless EFLAGS.AC lifts it."""
        if pfec & (self.constants.PFERR_RSVD_MASK | self.constants.PFERR_FETCH_MASK):
            return _NOTHING
        return ite(self._role(mmu, "cr4_smap"), self._kernel_faults(pfec), _NOTHING)

    def _kernel_faults(self, pfec: int) -> BitVec:
        """Supervisor accesses to user pages."""
        if pfec & self.constants.PFERR_USER_MASK:
            return _NOTHING
        return ~self._lacking(self.constants.ACC_USER_MASK)

    def _lacking(self, acc: int) -> BitVec:
        """The combinations that do not have an ACC_* bit: ``~ACC_BITS_MASK()``."""
        return bv(sum(1 << each for each in range(_COMBINATIONS) if not each & acc), _COMBINATIONS)

    # -- pkru_mask -------------------------------------------------------------------------------------

    def update_pkru_bitmask(self, mmu: Mmu, before: BitVec, trace: Trace) -> BitVec:
        """``update_pkru_bitmask()``: AD and WD count for each error code with the page's U for RSVD."""
        start = mask = self._pkru_mask_at_start(before)
        for index in range(self.permissions_length):
            mask |= zext(self._pkey_bits(mmu, index << 1), mask.width) << (index << 1)
        return trace.step("pkru_mask", ite(self._role(mmu, "cr4_pke"), mask, start))

    def _pkru_mask_at_start(self, before: BitVec) -> BitVec:
        """What the bits are added to: nothing, whatever an earlier role has left."""
        return bv(0, before.width)

    def _pkey_bits(self, mmu: Mmu, pfec: int) -> BitVec:
        """Two bits, WD and AD: which of them counts for an access."""
        write = self._pkey_check_write(mmu, pfec) if self._pkey_check(pfec) else FALSE
        return concat(to_bv(write), to_bv(boolean(self._pkey_check(pfec))))

    def _pkey_check(self, pfec: int) -> bool:
        """Whether a protection key counts: for data accesses to user pages."""
        c = self.constants
        return bool(pfec & c.PFERR_RSVD_MASK) and not pfec & c.PFERR_FETCH_MASK

    def _pkey_check_write(self, mmu: Mmu, pfec: int) -> Bool:
        """Whether write-disable counts for such an access: for user writes, with CR0.WP for all writes."""
        if not pfec & self.constants.PFERR_WRITE_MASK:
            return FALSE
        return TRUE if pfec & self.constants.PFERR_USER_MASK else self._role(mmu, "cr0_wp")

    # -- both --------------------------------------------------------------------------------------------

    def reset_guest_paging_metadata(
        self, mmu: Mmu, before: PagingMetadata, called: Bool = TRUE
    ) -> tuple[PagingMetadata, Evidence]:
        """``reset_guest_paging_metadata()``: both, if paging is on; ``called`` says when that happens."""
        paging = self.is_cr0_pg(mmu)
        trace = Trace("update_permission_bitmask", all_of(called, paging))
        permissions = self.update_permission_bitmask(mmu, tdp=mmu.is_guest_mmu, ept=False, trace=trace)
        keys = Trace("update_pkru_bitmask", all_of(called, paging))
        pkru_mask = self.update_pkru_bitmask(mmu, before.pkru_mask, keys)
        after = PagingMetadata(permissions, pkru_mask)
        return metadata_if(paging, after, before), trace.evidence + keys.evidence


def metadata_if(condition: Bool, then: PagingMetadata, other: PagingMetadata) -> PagingMetadata:
    """One of two, member by member."""
    return PagingMetadata(
        tuple(ite(condition, a, b) for a, b in zip(then.permissions, other.permissions, strict=True)),
        ite(condition, then.pkru_mask, other.pkru_mask),
    )
