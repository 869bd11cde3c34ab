"""Defects of what handlers of page faults are told."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.faults import ReferenceFaults
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv, negate

_MMU_C, _PAGING_H = "arch/x86/kvm/mmu/mmu.c", "arch/x86/kvm/mmu/paging_tmpl.h"


class _WriteOfUser(ReferenceFaults):
    def _write_mask(self) -> int:
        return self.constants.PFERR_USER_MASK


class _UserOfPresent(ReferenceFaults):
    def _user_mask(self) -> int:
        return self.constants.PFERR_PRESENT_MASK


class _GoalHuge(ReferenceFaults):
    def _goal_level(self) -> int:
        return 2


class _FaultNotMitigated(ReferenceFaults):
    def _mitigated(self) -> Bool:
        return FALSE


class _KeepsAlias(ReferenceFaults):
    def _without_alias(self, gfn: BitVec, alias_bits: BitVec) -> BitVec:
        return gfn


class _PrivateOfImplicit(ReferenceFaults):
    def _private_mask(self) -> int:
        return self.constants.PFERR_IMPLICIT_ACCESS


class _TakesAlias(ReferenceFaults):
    def _is_no_alias(self, _gfn: BitVec, _alias_bits: BitVec) -> Bool:
        return TRUE


class _SharesNothing(ReferenceFaults):
    def _shared(self, alias: BitVec) -> BitVec:
        return alias & 0


class _CountsPage(ReferenceFaults):
    def _end(self, asked: BitVec, page: BitVec) -> BitVec:
        return asked + page


class _TrackedIfAbsent(ReferenceFaults):
    def _may_be_tracked(self, present: Bool) -> Bool:
        return negate(present)


class _KeepsUser(ReferenceFaults):
    def _of_users(self) -> BitVec:
        return bv(0, 32)


class _NotesOtherwise(ReferenceFaults):
    def _notes_otherwise(self) -> Bool:
        return TRUE


class _AnySize(ReferenceFaults):
    def _largest(self, _level: BitVec) -> BitVec:
        return bv(3, 8)


class _WalkedAsRead(ReferenceFaults):
    def _walked_access(self, error_code: BitVec) -> BitVec:
        return error_code & ~self.constants.PFERR_WRITE_MASK


class _GivenChanged(ReferenceFaults):
    def _gives_as_it_is(self) -> Bool:
        return FALSE


class _GivenAhead(ReferenceFaults):
    def _gives_ahead(self, _prefetch: Bool) -> Bool:
        return FALSE


def _faults(variant: type[ReferenceFaults]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, faults=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "fault-write-of-user",
        "Whether a fault is a write is read from the error code's user flag.",
        _MMU_C,
        r"\.write = err & PFERR_WRITE_MASK",
        ".write = err & PFERR_USER_MASK",
        _faults(_WriteOfUser),
    ),
    defect(
        "fault-user-of-present",
        "Whether a fault is a user's is read from the error code's present flag.",
        _MMU_C,
        r"\.user = err & PFERR_USER_MASK",
        ".user = err & PFERR_PRESENT_MASK",
        _faults(_UserOfPresent),
    ),
    defect(
        "fault-goal-huge",
        "A fault begins with a page of 2 MBytes as its goal.",
        _MMU_C,
        r"(\.max_level = KVM_MAX_HUGEPAGE_LEVEL,\s+\.req_level = PG_LEVEL_4K,\s+\.goal_level = )PG_LEVEL_4K",
        r"\1PG_LEVEL_2M",
        _faults(_GoalHuge),
    ),
    defect(
        "fault-not-mitigated",
        "A fault is not told that the mitigation of iTLB multihit is on.",
        _MMU_C,
        r"(\.nx_huge_page_workaround_enabled =\n\s+)is_nx_huge_page_enabled\(vcpu->kvm\)",
        r"\1false",
        _faults(_FaultNotMitigated),
    ),
    defect(
        "fault-keeps-alias",
        "A fault is for a frame with the bit that chooses between private and shared memory.",
        _MMU_C,
        r"gpa_to_gfn\(fault\.addr\) & ~kvm_gfn_direct_bits\(vcpu->kvm\)",
        "gpa_to_gfn(fault.addr)",
        _faults(_KeepsAlias),
    ),
    defect(
        "pre-fault-takes-alias",
        "Userspace may have memory mapped ahead by an address with the bit that chooses between aliases.",
        _MMU_C,
        r"if \(kvm_is_gfn_alias\(vcpu->kvm, gpa_to_gfn\(range->gpa\)\)\)\s+return -EINVAL;",
        "",
        _faults(_TakesAlias),
    ),
    defect(
        "pre-fault-shares-nothing",
        "Shared memory that userspace has mapped ahead is mapped where private memory is.",
        _MMU_C,
        r"direct_bits = gfn_to_gpa\(kvm_gfn_direct_bits\(vcpu->kvm\)\);(\s+/\*\s+\* Shadow paging)",
        r"direct_bits = 0;\1",
        _faults(_SharesNothing),
    ),
    defect(
        "pre-fault-counts-page",
        "Userspace is told of a whole page behind its address, although the page begins before that.",
        _MMU_C,
        r"end = \(range->gpa & KVM_HPAGE_MASK\(level\)\) \+ KVM_HPAGE_SIZE\(level\);",
        "end = range->gpa + KVM_HPAGE_SIZE(level);",
        _faults(_CountsPage),
    ),
    defect(
        "tracked-only-if-absent",
        "A write to a present page is mapped although writes to it are tracked.",
        _MMU_C,
        r"if \(!fault->present \|\| !fault->write\)(\s+return false;\s+/\*\s+\* guest is writing)",
        r"if (fault->present || !fault->write)\1",
        _faults(_TrackedIfAbsent),
    ),
    defect(
        "wp-clear-keeps-user",
        "What the guest's kernel writes because CR0.WP is clear may be written by its users.",
        _PAGING_H,
        r"walker\.pte_access &= ~ACC_USER_MASK;",
        "",
        _faults(_KeepsUser),
    ),
    defect(
        "tables-grant-all",
        "A shadowed fault takes a guest's table above the last for one that grants everything.",
        _PAGING_H,
        r"(?=r = mmu_topup_memory_caches\(vcpu, true\);)",
        "walker.pt_access[1] = ACC_ALL;\n\t",
        _faults(_NotesOtherwise),
    ),
    defect(
        "fault-walked-as-read",
        "A shadowed fault of a write is walked as one of a read.",
        _PAGING_H,
        r"fault->error_code & ~PFERR_RSVD_MASK\);",
        "fault->error_code & ~(PFERR_RSVD_MASK | PFERR_WRITE_MASK));",
        _faults(_WalkedAsRead),
    ),
    defect(
        "fault-walked-as-kept",
        "A guest is given a fault of the page's address.",
        _PAGING_H,
        r"(if \(!fault->prefetch\)\s+)(__kvm_inject_emulated_page_fault\(vcpu, &walker\.fault, true\);)",
        r"walker.fault.address &= PAGE_MASK;\n\t\t\1\2",
        _faults(_GivenChanged),
    ),
    defect(
        "fault-given-ahead",
        "A guest is given a fault of a page that KVM maps ahead.",
        _PAGING_H,
        r"if \(!fault->prefetch\)(\s+__kvm_inject_emulated_page_fault\(vcpu, &walker\.fault, true\);)",
        r"\1",
        _faults(_GivenAhead),
    ),
    defect(
        "guest-page-any-size",
        "A page may be mapped that is larger than the guest's.",
        _PAGING_H,
        r"fault->max_level = walker\.level;",
        "fault->max_level = KVM_MAX_HUGEPAGE_LEVEL;",
        _faults(_AnySize),
    ),
    defect(
        "fault-private-of-implicit",
        "Whether a fault is for private memory is read from the mark of implicit accesses.",
        _MMU_C,
        r"\.is_private = err & PFERR_PRIVATE_ACCESS",
        ".is_private = err & PFERR_IMPLICIT_ACCESS",
        _faults(_PrivateOfImplicit),
    ),
)
