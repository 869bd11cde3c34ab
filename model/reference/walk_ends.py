"""Where Linux 7.2.13's software walks of guest page tables end, and what they hand on."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.cuts.walk_ends import PERMISSION_FAULT, PSE36, READ_ENTRY, ROOT
from mmuproof.model.evidence import CheckKind
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.walk_ends import LastEntry, Protected, WalkedLevel, WalkEnds, WholeWalk
from mmuproof.model.walks import GpteFormat, GuestWalk, Walks
from mmuproof.smt.terms import (
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    boolean,
    bv,
    concat,
    eq,
    extract,
    implies,
    ite,
    ne,
    negate,
    var,
    zext,
)

_U64, _PAGE_SIZE, _NX = 64, 7, 63
_PAE_LEVELS = 3
_INDEX_BITS = {GpteFormat.EPT: 9, GpteFormat.PAGING64: 9, GpteFormat.PAGING32: 10}
_EPT_ROLE = var("vcpu->arch.guest_mmu.root_role", PAGE_ROLE_BITS)


class ReferenceWalkEnds(ReferenceArea, WalkEnds):
    """What ``paging_tmpl.h`` does with the entries that it reads.

    Args:
        constants: the kernel's numbers.
        walks: how guest entries are read.
    """

    def __init__(self, constants: Constants, walks: Walks) -> None:
        super().__init__(constants)
        self._walks = walks

    # -- one entry -----------------------------------------------------------------------------------------

    def is_last_gpte(self, gpte_format: GpteFormat, walk: GuestWalk, level: BitVec, gpte: BitVec) -> LastEntry:
        """See `WalkEnds.is_last_gpte`."""
        trace = Trace(f"{gpte_format.value}_is_last_gpte")
        return LastEntry(self.ends(gpte_format, bit(walk.flags["cr4_pse"], 0), level, gpte), trace.evidence)

    def ends(self, gpte_format: GpteFormat, cr4_pse: Bool, level: BitVec, gpte: BitVec) -> Bool:
        """Level 1 ends a walk, and so does bit 7; in 32-bit paging only with CR4.PSE and at level 2."""
        large = bit(gpte, _PAGE_SIZE)
        if gpte_format is GpteFormat.PAGING32:
            large = all_of(large, self._has_large_pages(cr4_pse, level))
        return any_of(large, self._is_lowest(level))

    def _has_large_pages(self, cr4_pse: Bool, level: BitVec) -> Bool:
        """The last level of which bit 7 is no page-size bit is 1 + PSE; levels below have it."""
        return bit(level - ite(cr4_pse, bv(3, level.width), bv(2, level.width)), _PAGE_SIZE)

    def _is_lowest(self, level: BitVec) -> Bool:
        return bit(level - 2, _PAGE_SIZE)

    def protect_clean_gpte(self, gpte_format: GpteFormat, walk: GuestWalk, access: BitVec, gpte: BitVec) -> Protected:
        """See `WalkEnds.protect_clean_gpte`."""
        trace = Trace(f"{gpte_format.value}_protect_clean_gpte")
        flags = negate(bit(walk.flags["ad_disabled"], 0)) if gpte_format is GpteFormat.EPT else TRUE
        return Protected(self.protected(gpte_format, flags, access, gpte), trace.evidence)

    def protected(self, gpte_format: GpteFormat, accessed_dirty: Bool, access: BitVec, gpte: BitVec) -> BitVec:
        """What is left of an access; without dirty flags, all of it."""
        clean = all_of(accessed_dirty, self._is_clean(gpte_format, gpte))
        return ite(clean, access & ~self.constants.ACC_WRITE_MASK, access)

    def _is_clean(self, gpte_format: GpteFormat, gpte: BitVec) -> Bool:
        c = self.constants
        return eq(gpte & (c.VMX_EPT_DIRTY_BIT if gpte_format is GpteFormat.EPT else c.PT_DIRTY_MASK), 0)

    # -- a whole walk --------------------------------------------------------------------------------------

    def whole_walk(
        self, gpte_format: GpteFormat, levels: int, entries: Sequence[BitVec], *, cr4_pse: Bool, accessed_dirty: Bool
    ) -> WholeWalk:
        """See `WalkEnds.whole_walk`."""
        name = f"{gpte_format.value}_walk_addr_generic"
        trace, addr, access = Trace(name), var("addr", _U64), var("access", _U64)
        for cut in (ROOT, READ_ENTRY, PERMISSION_FAULT, PSE36):
            trace.cut(cut)
        pae = levels == _PAE_LEVELS
        first = var("arch.root_mmu.get_pdptr()" if pae else f"{ROOT.function}()", _U64)
        nx = bv(self._nx_mask(gpte_format), _U64)
        table, granted, reached, combined = first, bv(-1, _U64), TRUE, bv(-1, _U64)
        last, ended, fits = zext(entries[0], _U64), bv(len(entries), 32), bit(first, 0) if pae else TRUE
        found: list[WalkedLevel] = []
        for number, each in enumerate(entries):
            entry, level = zext(each, _U64), len(entries) - number
            gfn, above = self._table_gfn(gpte_format, table), granted
            clear = eq(var(numbered(f"{gpte_format.value}_is_rsvd_bits_set()", number + 1), 1), 0)
            found.append(
                WalkedLevel(
                    used=reached,
                    table_gfn=gfn,
                    pte_gpa=self._pte_gpa(gpte_format, gfn, addr, level),
                    read_there=self._reads_there(),
                    shown=self._is_shown(),
                    well_formed=all_of(clear, boolean(self._checked_level(level) == level)),
                    pt_access=self._acc(gpte_format, self._granted_above(above, entry ^ nx) ^ nx),
                )
            )
            present = self.is_present(gpte_format, role_flag(_EPT_ROLE, "cr4_smep"), entry)
            fits = all_of(fits, implies(reached, all_of(clear, present)))
            granted = self._accumulated(above, entry ^ nx)
            combined, last = ite(reached, granted, combined), ite(reached, entry, last)
            ended, table = ite(reached, bv(level, 32), ended), entry
            reached = all_of(reached, negate(self.ends(gpte_format, cr4_pse, bv(level, 32), entry)))
        trace.check(CheckKind.BUG, negate(reached))
        allowed = eq(var(f"{PERMISSION_FAULT.function}()", 8), 0)
        pse36 = ne(var(f"{PSE36.function}()", 32), 0)
        judged = self._acc(gpte_format, combined ^ nx)
        reads = eq(access & self.constants.PFERR_WRITE_MASK, 0)
        clean = all_of(reads, self._walk_protects(accessed_dirty))
        success = all_of(fits, self.long_mode_has_pae, allowed)
        return WholeWalk(
            succeeded=success,
            addr=addr,
            access=access,
            first=first,
            pdpte=self._pdpte(addr) if pae else bv(0, 32),
            pse36=pse36,
            allowed=allowed,
            level=ended,
            gfn=self._gfn(gpte_format, last, ended, addr, pse36),
            judged=judged,
            pte_access=trace.step("walker->pte_access", self.protected(gpte_format, clean, judged, last)),
            levels=tuple(found),
            evidence=trace.evidence,
        )

    def _nx_mask(self, gpte_format: GpteFormat) -> int:
        """The bit that forbids, where the others allow."""
        return 1 << _NX if gpte_format is GpteFormat.PAGING64 else 0

    @property
    def long_mode_has_pae(self) -> Bool:
        """What ``FNAME(walk_addr_generic)()`` takes for sure, and gives up without."""
        efer, cr4 = var("vcpu->arch.efer", _U64), var("vcpu->arch.cr4", _U64)
        return implies(ne(efer & self.constants.EFER_LMA, 0), ne(cr4 & self.constants.X86_CR4_PAE, 0))

    def _checked_level(self, level: int) -> int:
        """As of which level the reserved bits of an entry are looked at."""
        return level

    def _reads_there(self) -> Bool:
        """Whether an entry is read where the slot of its frame has it."""
        return TRUE

    def _is_shown(self) -> Bool:
        """Whether a walk ends at a table that lies in a slot of KVM's own."""
        return TRUE

    def _accumulated(self, above: BitVec, entry: BitVec) -> BitVec:
        """What entries grant together: each can only take away."""
        return above & entry

    def _granted_above(self, above: BitVec, _entry: BitVec) -> BitVec:
        """What the page of an entry's table is made for."""
        return above

    def _acc(self, gpte_format: GpteFormat, granted: BitVec) -> BitVec:
        return self._walks.gpte_access(gpte_format, granted)

    def is_present(self, gpte_format: GpteFormat, mbec: Bool, entry: BitVec) -> Bool:
        """``FNAME(is_present_gpte)()`` of an MMU with MBEC or without."""
        c = self.constants
        if gpte_format is not GpteFormat.EPT:
            return ne(entry & c.PT_PRESENT_MASK, 0)
        user_execute = all_of(mbec, ne(entry & c.VMX_EPT_USER_EXECUTABLE_MASK, 0))
        return any_of(ne(entry & c.VMX_EPT_RWX_MASK, 0), user_execute)

    def _walk_protects(self, accessed_dirty: Bool) -> Bool:
        """Whether a walk for a read looks at the dirty flag."""
        return accessed_dirty

    def _table_gfn(self, gpte_format: GpteFormat, table: BitVec) -> BitVec:
        high = 31 if gpte_format is GpteFormat.PAGING32 else 51
        return zext(extract(table, high, self.constants.PAGE_SHIFT), _U64)

    def _pte_gpa(self, gpte_format: GpteFormat, gfn: BitVec, addr: BitVec, level: int) -> BitVec:
        """``PT_INDEX()`` entries of 4 or 8 bytes behind the table's start."""
        bits = _INDEX_BITS[gpte_format]
        low = self.constants.PAGE_SHIFT + bits * (level - 1)
        index = extract(addr, low + bits - 1, low)
        size = bv(0, self.constants.PAGE_SHIFT - bits)
        return (gfn << self.constants.PAGE_SHIFT) + zext(concat(index, size), _U64)

    def _pdpte(self, addr: BitVec) -> BitVec:
        return zext(extract(addr, 31, 30), 32)

    def _gfn(self, gpte_format: GpteFormat, entry: BitVec, ended: BitVec, addr: BitVec, pse36: Bool) -> BitVec:
        """The frame of a page, and the number of a small page in it."""
        bits, shift = _INDEX_BITS[gpte_format], self.constants.PAGE_SHIFT
        high, gfn = 31 if gpte_format is GpteFormat.PAGING32 else 51, bv(0, _U64)
        for level in (5, 4, 3, 2, 1):
            low = shift + bits * (level - 1)
            inside = zext(extract(addr, low - 1, shift), _U64) if level > 1 else bv(0, _U64)
            if low > high:
                continue
            frame = zext(extract(entry, high, low), _U64) << (low - shift)
            gfn = ite(eq(ended, level), frame | inside, gfn)
        if gpte_format is not GpteFormat.PAGING32:
            return gfn
        extended = zext(extract(entry, 20, 13), _U64) << (32 - shift)
        return ite(all_of(ne(ended, 1), pse36), gfn + self._pse36(extended), gfn)

    def _pse36(self, extended: BitVec) -> BitVec:
        """``pse36_gfn_delta()`` knows four of the eight bits."""
        return extended & (0xF << (32 - self.constants.PAGE_SHIFT))
