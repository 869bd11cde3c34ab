"""Translations of L2's guest-physical addresses in the reference model."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.model.evidence import Evidence
from mmuproof.model.nested import (
    WALKED_FORMATS,
    AccessHandedOn,
    LinearWalk,
    Nested,
    NestedTranslation,
    TranslationAsked,
    entries_read,
)
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bit, bool_var, bv, ite, ne, negate, var, zext

_U64 = 64
_PAGE_SIZE, _NX = 7, 63


class ReferenceNested(ReferenceArea, Nested):
    """Linux 7.2's ``translate_nested_gpa()`` of both vendors, and what calls it.

    A walk may end at any entry here: why it does is not described.
    """

    # -- handing on --------------------------------------------------------------------------------------

    def translate_nested_gpa(self, vendor: Vendor, gpa: BitVec, access: BitVec, pte_access: BitVec) -> AccessHandedOn:
        """See `Nested.translate_nested_gpa`."""
        if vendor is Vendor.INTEL:
            trace = Trace("vmx_translate_nested_gpa")
            handed = trace.step("access", self.vmx_access(access, pte_access))
            return AccessHandedOn(gpa, handed, FALSE, trace.evidence)
        trace = Trace("svm_translate_nested_gpa")
        gmet = ne(var("vcpu->nested.ctl.misc_ctl", _U64) & self.constants.SVM_MISC_ENABLE_GMET, 0)
        handed = trace.step("access", self.svm_access(access, gmet))
        return AccessHandedOn(gpa, handed, gmet, trace.evidence)

    def vmx_access(self, access: BitVec, pte_access: BitVec) -> BitVec:
        """``vmx_translate_nested_gpa()``: user-ness is that of L2's page tables, and only for a final address."""
        user = self.constants.PFERR_USER_MASK
        return self._cleared(access) | ite(self._is_user(access, pte_access), bv(user, _U64), 0)

    def _cleared(self, access: BitVec) -> BitVec:
        """The access without the user-ness that it came with."""
        return access & ~self.constants.PFERR_USER_MASK

    def _is_user(self, access: BitVec, pte_access: BitVec) -> Bool:
        c = self.constants
        return all_of(ne(pte_access & c.ACC_USER_MASK, 0), ne(access & c.PFERR_GUEST_FINAL_MASK, 0))

    def svm_access(self, access: BitVec, gmet: Bool) -> BitVec:
        """``svm_translate_nested_gpa()``: without GMET, every walk is a user walk."""
        return ite(gmet, access, access | self.constants.PFERR_USER_MASK)

    # -- asking --------------------------------------------------------------------------------------------

    def linear_walk(self, levels: int, entries: Sequence[BitVec], access: BitVec) -> LinearWalk:
        """See `Nested.linear_walk`."""
        if len(entries) != entries_read(levels):
            raise ValueError(f"a walk of {levels} levels reads {entries_read(levels)} entries")
        cr4_pse = bool_var("vcpu->arch.nested_mmu.cpu_role.ext.cr4_pse")
        trace = Trace("walk_addr_generic")
        reached, granted = TRUE, bv(-1, _U64)
        structures: list[NestedTranslation] = []
        combined = granted
        for level, entry in zip(range(len(entries), 0, -1), entries, strict=True):
            structures.append(NestedTranslation(reached, self.structure_access(), bv(0, _U64)))
            granted = self._accumulated(granted, zext(entry, _U64) ^ self._walk_nx_mask(levels))
            combined = ite(reached, granted, combined)
            reached = all_of(reached, negate(self._is_last_gpte(levels, level, entry, cr4_pse)))
        pte_access = trace.step("walker->pte_access", self._gpte_access(combined ^ self._walk_nx_mask(levels)))
        final = NestedTranslation(TRUE, self.final_access(access), pte_access)
        return LinearWalk(tuple(structures), final, cr4_pse, trace.evidence)

    def _accumulated(self, above: BitVec, entry: BitVec) -> BitVec:
        """What entries grant together: each can only take away."""
        return above & entry

    def structure_access(self) -> BitVec:
        """What the walk says of its own accesses to L2's tables."""
        return bv(self._structure_operation() | self.constants.PFERR_USER_MASK | self._structure_stage(), _U64)

    def _structure_operation(self) -> int:
        """A write, because of the accessed flag, which may have to be set."""
        return self.constants.PFERR_WRITE_MASK

    def _structure_stage(self) -> int:
        return self.constants.PFERR_GUEST_PAGE_MASK

    def final_access(self, access: BitVec) -> BitVec:
        """What the walk says of the access to the address that it comes to."""
        return access | self._final_stage()

    def _final_stage(self) -> int:
        return self.constants.PFERR_GUEST_FINAL_MASK

    def _walk_nx_mask(self, levels: int) -> int:
        """The bit that forbids, where the others allow."""
        return 1 << _NX if WALKED_FORMATS[levels] is GpteFormat.PAGING64 else 0

    def _is_last_gpte(self, levels: int, level: int, entry: BitVec, cr4_pse: Bool) -> Bool:
        """``is_last_gpte()``: bit 7 of 32-bit paging counts only with CR4.PSE."""
        if level == 1:
            return TRUE
        large = bit(entry, _PAGE_SIZE)
        return large if WALKED_FORMATS[levels] is GpteFormat.PAGING64 else all_of(large, cr4_pse)

    def _gpte_access(self, combined: BitVec) -> BitVec:
        """``gpte_access()`` of what all entries grant."""
        c = self.constants
        granted = combined & (c.PT_WRITABLE_MASK | c.PT_USER_MASK | c.PT_PRESENT_MASK)
        return granted | ite(bit(combined, _NX), bv(0, _U64), c.ACC_EXEC_MASK)

    def nonpaging_gva_to_gpa(self, vaddr: BitVec, access: BitVec) -> TranslationAsked:
        """See `Nested.nonpaging_gva_to_gpa`."""
        pte_access = bv(self._unpaged_rights(), _U64)
        return TranslationAsked(NestedTranslation(TRUE, access | self._unpaged_stage(), pte_access), Evidence())

    def _unpaged_stage(self) -> int:
        return self.constants.PFERR_GUEST_FINAL_MASK

    def _unpaged_rights(self) -> int:
        """Without paging, all that an entry could grant."""
        return self.constants.ACC_ALL

    def load_pdptrs(self, cr3: BitVec) -> TranslationAsked:
        """See `Nested.load_pdptrs`."""
        c = self.constants
        access = c.PFERR_USER_MASK | c.PFERR_WRITE_MASK | self._pdptrs_stage()
        return TranslationAsked(NestedTranslation(TRUE, bv(access, _U64), bv(0, _U64)), Evidence())

    def _pdptrs_stage(self) -> int:
        return self.constants.PFERR_GUEST_PAGE_MASK
