"""Defects of what walks of guest tables tell of a fault."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.walk_faults import ReferenceWalkFaults
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv, ite, ne

_PAGING = "arch/x86/kvm/mmu/paging_tmpl.h"
_TOLD = r"errcode \|= access & \(PFERR_WRITE_MASK \| PFERR_USER_MASK \| PFERR_SS_MASK\);"
_FETCH = r"if \(fetch_fault && has_pferr_fetch\((?:mmu|w)\)\)"
_MALFORMED = r"errcode = PFERR_RSVD_MASK \| PFERR_PRESENT_MASK;"
_GP_VECTOR = 13


class _UserLost(ReferenceWalkFaults):
    def _told_of(self, access: BitVec) -> BitVec:
        return super()._told_of(access) & ~self.constants.PFERR_USER_MASK


class _WriteLost(ReferenceWalkFaults):
    def _told_of(self, access: BitVec) -> BitVec:
        return super()._told_of(access) & ~self.constants.PFERR_WRITE_MASK


class _MalformedAbsent(ReferenceWalkFaults):
    @property
    def _malformed(self) -> int:
        return self.constants.PFERR_RSVD_MASK


class _MalformedDenied(ReferenceWalkFaults):
    @property
    def _malformed(self) -> int:
        return self.constants.PFERR_PRESENT_MASK


class _KeyLost(ReferenceWalkFaults):
    def _judged(self, judgement: BitVec) -> BitVec:
        return ite(ne(judgement, 0), bv(self.constants.PFERR_PRESENT_MASK, judgement.width), 0)


class _OfOwnTables(ReferenceWalkFaults):
    def _of_l1(self, nested: Bool) -> Bool:
        return FALSE


class _StageLost(ReferenceWalkFaults):
    def _stage(self, access: BitVec) -> BitVec:
        return bv(0, access.width)


class _WholeAccess(ReferenceWalkFaults):
    def _stage(self, access: BitVec) -> BitVec:
        return access & -(1 << 16)


class _OfPage(ReferenceWalkFaults):
    def _address(self, address: BitVec) -> BitVec:
        return address & -(1 << self.constants.PAGE_SHIFT)


class _GeneralProtection(ReferenceWalkFaults):
    @property
    def _vector(self) -> int:
        return _GP_VECTOR


class _RightsOfLast(ReferenceWalkFaults):
    def _together(self, above: BitVec, entry: BitVec) -> BitVec:
        return entry


class _NoUserExecute(ReferenceWalkFaults):
    def _granted(self, granted: BitVec, mbec: Bool) -> BitVec:
        return super()._granted(granted, FALSE)


class _FetchIsRead(ReferenceWalkFaults):
    def _kind(self, access: BitVec) -> BitVec:
        return super()._kind(access & ~self.constants.PFERR_FETCH_MASK)


class _WriteIsRead(ReferenceWalkFaults):
    def _kind(self, access: BitVec) -> BitVec:
        write = ne(access & self.constants.PFERR_WRITE_MASK, 0)
        return ite(write, super()._kind(access) | self.constants.EPT_VIOLATION_ACC_READ, super()._kind(access))


class _AlwaysFinal(ReferenceWalkFaults):
    def _qualification(self, access: BitVec, granted: BitVec, mbec: Bool) -> BitVec:
        return super()._qualification(access & ~self.constants.PFERR_GUEST_PAGE_MASK, granted, mbec)


class _FetchNotTold(ReferenceWalkFaults):
    def _tells_fetches(self, role: BitVec) -> Bool:
        return FALSE


class _FetchAlwaysTold(ReferenceWalkFaults):
    def _tells_fetches(self, role: BitVec) -> Bool:
        return TRUE


class _EveryAccessFetches(ReferenceWalkFaults):
    def _low_half(self, role: BitVec, access: BitVec) -> BitVec:
        return super()._low_half(role, access | self.constants.PFERR_FETCH_MASK)


def _failing(variant: type[ReferenceWalkFaults]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, walk_faults=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "walk-fault-user-lost",
        "A fault of a user-mode access is told as one of the supervisor's.",
        _PAGING,
        _TOLD,
        "errcode |= access & (PFERR_WRITE_MASK | PFERR_SS_MASK);",
        _failing(_UserLost),
    ),
    defect(
        "walk-fault-write-lost",
        "A fault of a write is told as one of a read.",
        _PAGING,
        _TOLD,
        "errcode |= access & (PFERR_USER_MASK | PFERR_SS_MASK);",
        _failing(_WriteLost),
    ),
    defect(
        "walk-fault-malformed-absent",
        "An entry with a reserved bit is told as one that is not present.",
        _PAGING,
        _MALFORMED,
        "errcode = PFERR_RSVD_MASK;",
        _failing(_MalformedAbsent),
    ),
    defect(
        "walk-fault-malformed-denied",
        "An entry with a reserved bit is told as one that denies the access.",
        _PAGING,
        _MALFORMED,
        "errcode = PFERR_PRESENT_MASK;",
        _failing(_MalformedDenied),
    ),
    defect(
        "walk-fault-key-lost",
        "A fault does not tell that the protection key denied the access.",
        _PAGING,
        r"(errcode = permission_fault\([^;]*\));",
        r"\1 ? PFERR_PRESENT_MASK : 0;",
        _failing(_KeyLost),
    ),
    defect(
        "walk-fault-of-own-tables",
        "A fault of L1's tables is told as one of the guest's own.",
        _PAGING,
        r"walker->fault\.nested_page_fault = \w+ != [^;]*;",
        "walker->fault.nested_page_fault = false;",
        _failing(_OfOwnTables),
    ),
    defect(
        "walk-fault-stage-lost",
        "A nested fault does not tell whether the access was to a page table.",
        _PAGING,
        r"walker->fault\.error_code \|= access & PFERR_GUEST_FAULT_STAGE_MASK;",
        ";",
        _failing(_StageLost),
    ),
    defect(
        "walk-fault-whole-access",
        "A nested fault tells bits of the access that no error code has.",
        _PAGING,
        r"walker->fault\.error_code \|= access & PFERR_GUEST_FAULT_STAGE_MASK;",
        "walker->fault.error_code |= access & ~0xffffull;",
        _failing(_WholeAccess),
    ),
    defect(
        "walk-fault-of-page",
        "A fault tells the page's address, and not the one in it.",
        _PAGING,
        r"walker->fault\.address = addr;",
        "walker->fault.address = addr & ~((1ull << PAGE_SHIFT) - 1);",
        _failing(_OfPage),
    ),
    defect(
        "walk-fault-general-protection",
        "A walk that fails gives a general-protection exception.",
        _PAGING,
        r"walker->fault\.vector = PF_VECTOR;",
        "walker->fault.vector = GP_VECTOR;",
        _failing(_GeneralProtection),
    ),
    defect(
        "walk-fault-last-rights",
        "An EPT violation tells what the last entry grants, and not what all of them do.",
        _PAGING,
        r"EPT_VIOLATION_RWX_TO_PROT\(pte_access\)",
        "EPT_VIOLATION_RWX_TO_PROT(pte)",
        _failing(_RightsOfLast),
    ),
    defect(
        "walk-fault-no-user-execute",
        "An EPT violation does not tell that user-mode addresses may be fetched from.",
        _PAGING,
        r"EPT_VIOLATION_USER_EXEC_TO_PROT\(pte_access\)",
        "0",
        _failing(_NoUserExecute),
    ),
    defect(
        "walk-fault-fetch-is-read",
        "An EPT violation of a fetch is told as one of a read.",
        _PAGING,
        r"walker->fault\.exit_qualification \|= EPT_VIOLATION_ACC_INSTR;",
        "walker->fault.exit_qualification |= EPT_VIOLATION_ACC_READ;",
        _failing(_FetchIsRead),
    ),
    defect(
        "walk-fault-write-is-read",
        "An EPT violation of a write is told as one of a read as well.",
        _PAGING,
        r"walker->fault\.exit_qualification \|= EPT_VIOLATION_ACC_WRITE;",
        "walker->fault.exit_qualification |= EPT_VIOLATION_ACC_WRITE | EPT_VIOLATION_ACC_READ;",
        _failing(_WriteIsRead),
    ),
    defect(
        "walk-fault-always-final",
        "An EPT violation of an access to a paging structure is told as one of the page itself.",
        _PAGING,
        r"if \(access & PFERR_GUEST_PAGE_MASK\)\n(\t+walker->fault\.exit_qualification)",
        r"if (0)\n\1",
        _failing(_AlwaysFinal),
    ),
    defect(
        "walk-fault-fetch-not-told",
        "A faulting fetch is never told as one.",
        _PAGING,
        _FETCH,
        "if (0)",
        _failing(_FetchNotTold),
    ),
    defect(
        "walk-fault-fetch-always-told",
        "A faulting fetch is told as one where hardware does not tell it from a read.",
        _PAGING,
        _FETCH,
        "if (fetch_fault)",
        _failing(_FetchAlwaysTold),
    ),
    defect(
        "walk-fault-every-access-fetches",
        "Any faulting access is told as a fetch.",
        _PAGING,
        _FETCH,
        r"if (has_pferr_fetch(vcpu->arch.walk_mmu))",
        _failing(_EveryAccessFetches),
    ),
)
