"""What Linux 7.2.13's walks of guest page tables leave when they fail."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.cuts.walk_ends import PERMISSION_FAULT, READ_ENTRY, ROOT
from mmuproof.model.evidence import CheckKind
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.reference.walk_ends import ReferenceWalkEnds
from mmuproof.model.walk_faults import FailedWalk, WalkFaults
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    boolean,
    bv,
    eq,
    extract,
    ite,
    ne,
    negate,
    var,
    zext,
)

_U64, _CODE_BITS, _PAE_LEVELS = 64, 16, 3
_PF_VECTOR = 14
_READ_SHIFT = 3
_USER_EXECUTE_BIT, _USER_EXECUTE_AT = 10, 6


class ReferenceWalkFaults(ReferenceArea, WalkFaults):
    """What ``paging_tmpl.h`` tells of a fault.

    Args:
        constants: the kernel's numbers.
        ends: where walks end.
    """

    def __init__(self, constants: Constants, ends: ReferenceWalkEnds) -> None:
        super().__init__(constants)
        self._ends = ends

    def failed_walk(
        self,
        gpte_format: GpteFormat,
        levels: int,
        entries: Sequence[BitVec],
        *,
        role: BitVec,
        cr4_pse: Bool,
        accessed_dirty: Bool,
        nested: bool,
    ) -> FailedWalk:
        """See `WalkFaults.failed_walk`."""
        trace, access = Trace(f"{gpte_format.value}_walk_addr_generic"), var("access", _U64)
        for cut in (ROOT, READ_ENTRY, PERMISSION_FAULT):
            trace.cut(cut)
        pae, mbec = levels == _PAE_LEVELS, role_flag(extract(role, PAGE_ROLE_BITS - 1, 0), "cr4_smep")
        first = var("arch.root_mmu.get_pdptr()" if pae else f"{ROOT.function}()", _U64)
        if pae and nested:
            first = var("arch.guest_mmu.get_pdptr()", _U64)
        long_mode = self._ends.long_mode_has_pae
        alive = all_of(long_mode, bit(first, 0) if pae else TRUE)
        code, granted, reached = bv(0, _CODE_BITS), bv(-1, _U64), TRUE
        reserved: list[Bool] = []
        for number, each in enumerate(entries):
            entry, level = zext(each, _U64), len(entries) - number
            found = ne(var(numbered(f"{gpte_format.value}_is_rsvd_bits_set()", number + 1), 1), 0)
            here, present = all_of(alive, reached), self._ends.is_present(gpte_format, mbec, entry)
            granted = ite(here, self._together(granted, entry), granted)
            code = ite(all_of(here, present, found), bv(self._malformed, _CODE_BITS), code)
            alive = all_of(alive, any_of(negate(reached), all_of(present, negate(found))))
            reached = all_of(reached, negate(self._ends.ends(gpte_format, cr4_pse, bv(level, 32), entry)))
            reserved.append(found)
        trace.check(CheckKind.BUG, negate(reached))
        judgement = var(f"{PERMISSION_FAULT.function}()", 8)
        code = ite(alive, self._judged(zext(judgement, _CODE_BITS)), code) | self._low_half(role, access)
        wide, ept = zext(code, _U64), gpte_format is GpteFormat.EPT
        wide = wide | self._stage(access) if nested and not ept else wide
        told = ite(
            ne(code & self.constants.PFERR_RSVD_MASK, 0),
            var("walker->fault.exit_qualification", _U64),
            self._qualification(access, granted, mbec),
        )
        return FailedWalk(
            addr=var("addr", _U64),
            access=access,
            first=first,
            reserved=tuple(reserved),
            long_mode_has_pae=long_mode,
            judgement=judgement,
            happens=negate(all_of(alive, eq(judgement, 0))),
            vector=bv(self._vector, 8),
            has_error_code=TRUE,
            error_code=trace.step(
                "walker->fault.error_code", wide if ept or not nested else wide | self._stage(access)
            ),
            keeps_stage=True,
            address=self._address(var("addr", _U64)),
            asynchronous=FALSE,
            nested=self._of_l1(boolean(nested)),
            exit_qualification=told if ept else bv(0, _U64),
            earlier_qualification=None,
            evidence=trace.evidence,
        )

    @property
    def _vector(self) -> int:
        return _PF_VECTOR

    @property
    def _malformed(self) -> int:
        """What is told of an entry with a reserved bit."""
        return self.constants.PFERR_RSVD_MASK | self.constants.PFERR_PRESENT_MASK

    def _together(self, above: BitVec, entry: BitVec) -> BitVec:
        """What entries grant together, in the bits of EPT's."""
        return above & entry

    def _judged(self, judgement: BitVec) -> BitVec:
        return judgement

    def _of_l1(self, nested: Bool) -> Bool:
        """Whether it is told that L1's tables deny the access."""
        return nested

    def _address(self, address: BitVec) -> BitVec:
        return address

    def _stage(self, access: BitVec) -> BitVec:
        """What is told of the access in the upper half of the error code."""
        return access & self.constants.PFERR_GUEST_FAULT_STAGE_MASK

    def _told_of(self, access: BitVec) -> BitVec:
        """Which bits of the access its error code has."""
        c = self.constants
        return access & (c.PFERR_WRITE_MASK | c.PFERR_USER_MASK | c.PFERR_SS_MASK)

    def _tells_fetches(self, role: BitVec) -> Bool:
        """``has_pferr_fetch()``."""
        return role_flag(role, "has_pferr_fetch")

    def _low_half(self, role: BitVec, access: BitVec) -> BitVec:
        """What is told of the access in the lower half of the error code."""
        c, told = self.constants, extract(self._told_of(access), _CODE_BITS - 1, 0)
        fetch = all_of(ne(access & c.PFERR_FETCH_MASK, 0), self._tells_fetches(role))
        return ite(fetch, told | c.PFERR_FETCH_MASK, told)

    def _kind(self, access: BitVec) -> BitVec:
        """Whether an exit qualification says that an access reads, writes or fetches."""
        c = self.constants
        write, fetch = (ne(access & mask, 0) for mask in (c.PFERR_WRITE_MASK, c.PFERR_FETCH_MASK))
        other = ite(fetch, bv(c.EPT_VIOLATION_ACC_INSTR, _U64), c.EPT_VIOLATION_ACC_READ)
        return ite(write, bv(c.EPT_VIOLATION_ACC_WRITE, _U64), other)

    def _granted(self, granted: BitVec, mbec: Bool) -> BitVec:
        """What it says that all entries grant."""
        rights = (granted & self.constants.VMX_EPT_RWX_MASK) << _READ_SHIFT
        user = (granted & (1 << _USER_EXECUTE_BIT)) >> (_USER_EXECUTE_BIT - _USER_EXECUTE_AT)
        return rights | ite(mbec, user, bv(0, _U64))

    def _qualification(self, access: BitVec, granted: BitVec, mbec: Bool) -> BitVec:
        c = self.constants
        structure = ne(access & c.PFERR_GUEST_PAGE_MASK, 0)
        stage = ite(structure, bv(c.EPT_VIOLATION_ACC_READ, _U64), c.EPT_VIOLATION_GVA_TRANSLATED)
        return self._kind(access) | c.EPT_VIOLATION_GVA_IS_VALID | stage | self._granted(granted, mbec)
