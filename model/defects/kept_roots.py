"""Defects of going through the roots that an MMU keeps."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.kept_roots import RootMet
from mmuproof.model.reference.kept_roots import ReferenceKeptRoots
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, boolean

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _PagelessKept(ReferenceKeptRoots):
    def _without_page(self, _root: RootMet) -> Bool:
        return FALSE


class _OwnUnsyncOnly(ReferenceKeptRoots):
    def _below(self, _root: RootMet) -> Bool:
        return FALSE


class _SkipsFirstEntry(ReferenceKeptRoots):
    def _goes_through(self, number: int, valid: Bool) -> Bool:
        return all_of(boolean(number != 0), valid)


class _ZapsWhileUsed(ReferenceKeptRoots):
    def _is_unused(self, _count: BitVec) -> Bool:
        return TRUE


class _FreedTwice(ReferenceKeptRoots):
    def _left(self, hpa: BitVec) -> BitVec:
        return hpa


class _NotSynced(ReferenceKeptRoots):
    def _syncs(self, _done: Bool) -> Bool:
        return FALSE


class _NotFlushed(ReferenceKeptRoots):
    def _flushes(self, _done: Bool) -> Bool:
        return FALSE


class _NestedKept(ReferenceKeptRoots):
    def _of_nested(self) -> Bool:
        return FALSE


class _KeptWhenReset(ReferenceKeptRoots):
    def _gives_all_up(self) -> Bool:
        return FALSE


class _ForgetsOneAccess(ReferenceKeptRoots):
    def _forgets_any_access(self) -> Bool:
        return FALSE


def _with(variant: type[ReferenceKeptRoots]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, kept_roots=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "roots-pageless-kept",
        "A root without a page of SPTEs outlives the slots that it was made for.",
        _MMU_C,
        r"return !sp \|\| (is_obsolete_sp\(kvm, sp\);)",
        r"return sp && \1",
        _with(_PagelessKept),
    ),
    defect(
        "roots-own-unsync-only",
        "A root is taken to be in sync if its own page is, whatever is below.",
        _MMU_C,
        r"if \(sp->unsync \|\| sp->unsync_children\)",
        "if (sp->unsync)",
        _with(_OwnUnsyncOnly),
    ),
    defect(
        "roots-skip-first-entry",
        "What is below the first entry of a PAE root is not brought up to date.",
        _MMU_C,
        r"for \(i = 0; i < 4; \+\+i\) \{(\s+hpa_t root = vcpu->arch\.mmu->pae_root\[i\];\s+if \([^)]+\(root\)\) \{)",
        r"for (i = 1; i < 4; ++i) {\1",
        _with(_SkipsFirstEntry),
    ),
    defect(
        "roots-zapped-while-used",
        "The page of a root is taken apart while it is the root of others.",
        _MMU_C,
        r"if \(!--sp->root_count && sp->role\.invalid\)",
        "if ((--sp->root_count, true) && sp->role.invalid)",
        _with(_ZapsWhileUsed),
    ),
    defect(
        "roots-freed-twice",
        "A root that is given up stays in its place, and is given up again.",
        _MMU_C,
        r"(kvm_mmu_prepare_zap_page\(kvm, sp, invalid_list\);\s+(?:\}\s+)?)\*root_hpa = INVALID_PAGE;",
        r"\1",
        _with(_FreedTwice),
    ),
    defect(
        "roots-loaded-unsynced",
        "A vCPU gets tables that nobody has brought up to date.",
        _MMU_C,
        r"\tkvm_mmu_sync_roots\(vcpu\);(\s+kvm_mmu_load_pgd\(vcpu\);)",
        r"\1",
        _with(_NotSynced),
    ),
    defect(
        "roots-loaded-unflushed",
        "A vCPU gets tables, and the processor keeps what it has cached under their tag.",
        _MMU_C,
        r"(kvm_mmu_load_pgd\(vcpu\);\s+/\*(?:(?!\*/)[\s\S])*\*/\s+)[^\n]*flush_tlb_current\)\(vcpu\);",
        r"\1",
        _with(_NotFlushed),
    ),
    defect(
        "roots-nested-kept",
        "When all roots of a vCPU go, those for L2 stay.",
        _MMU_C,
        r"kvm_mmu_free_roots\((?:vcpu->)?kvm, &vcpu->arch\.guest_mmu, KVM_MMU_ROOTS_ALL\);",
        "",
        _with(_NestedKept),
    ),
    defect(
        "roots-kept-when-reset",
        "Roots stay that were made for what the vCPU was before.",
        _MMU_C,
        r"kvm_mmu_unload\(vcpu\);(\s+kvm_init_mmu\(vcpu\);)",
        r"\1",
        _with(_KeptWhenReset),
    ),
    defect(
        "roots-mmio-remembered",
        "Of accesses to MMIO only one to address 0 is forgotten where all roots of a vCPU go.",
        _MMU_C,
        r"(guest_mmu\.root\.hpa\)\);\s+vcpu_clear_mmio_info\(vcpu, )MMIO_GVA_ANY\);",
        r"\g<1>0);",
        _with(_ForgetsOneAccess),
    ),
)
