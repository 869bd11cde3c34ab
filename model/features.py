"""Features of KVM's MMU that a kernel has or lacks, each told by marks that do not hang on one another.

A theorem that is about a feature does not apply to a tree without it.  That a tree lacks one is said only if none of
its marks is there; where some are and some are not, something was renamed, and nothing is said.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType


class MarkKind(enum.Enum):
    """What a mark is."""

    CONSTANT = "macro"
    """A macro or enumerator."""
    FUNCTION = "function"
    """A function that is defined."""
    VARIABLE = "variable"
    """A variable at file scope."""
    MEMBER = "member"
    """A member of a struct or union, as ``union kvm_mmu_page_role.is_mirror``."""


@dataclass(frozen=True)
class FeatureMark:
    """Something that a tree with a feature defines.

    Args:
        kind: what it is.
        name: what it is called.
        unit: the translation unit in which it is looked for.
    """

    kind: MarkKind
    name: str
    unit: str

    def __str__(self) -> str:
        return f"{self.name}()" if self.kind is MarkKind.FUNCTION else self.name


class Feature(enum.Enum):
    """A feature, by what it is called in a sentence."""

    MBEC = "mode-based execute control (MBEC)"
    GMET = "guest mode execute trap (GMET)"
    READ_ACCESS = "an ACC_* bit for reads"
    NONPRESENT_VALUE = "a non-present value of its own for SPTEs"
    COLLAPSE = "collapsing small SPTEs into a huge one in place"
    FETCH_FLAG = "a role bit for fetches in error codes"
    TDP_SMEP = "a question to the vendor whether TDP tells modes apart"
    ADVANCED_EXIT_INFORMATION = "advanced information on EPT violations for L1"
    SHADOW_STACKS = "shadow-stack accesses in error codes"
    SPTE_PERMISSIONS = "a table of what SPTEs permit"
    MIRROR = "pages that mirror tables of TDX's"
    DUMMY_ROOT = "a page of zeros for tables that a guest cannot have"
    SYNC_ONE = "synchronizing SPTEs one at a time"
    PRIVATE_ACCESS = "an error-code bit for private memory"
    HOST_MMIO_NOTE = "a note that a vCPU can access MMIO of the host"
    LOCKLESS_AGING = "aging without KVM's lock"
    NX_LISTS = "a list for each MMU of tables that stand for huge pages"
    PRE_FAULT = "mapping memory ahead for userspace"
    LISTED_FLUSHES = "a list for each vCPU of addresses that Hyper-V's hypercalls flush"
    GUEST_MEMORY_FIRST = "asking the guest's own memory for every slot without memory of the host's"
    MIXED_ATTRIBUTES = "attributes of memory that can be mixed within a huge page"


_MMU, _SPTE, _TDP = (f"arch/x86/kvm/mmu/{name}.c" for name in ("mmu", "spte", "tdp_mmu"))
_VMX, _NESTED_VMX = "arch/x86/kvm/vmx/vmx.c", "arch/x86/kvm/vmx/nested.c"
_HYPERV = "arch/x86/kvm/hyperv.c"
_CONSTANT, _FUNCTION, _VARIABLE, _MEMBER = MarkKind.CONSTANT, MarkKind.FUNCTION, MarkKind.VARIABLE, MarkKind.MEMBER


def _mark(kind: MarkKind, *names: str, unit: str = _SPTE) -> tuple[FeatureMark, ...]:
    return tuple(FeatureMark(kind, name, unit) for name in names)


MARKS: Mapping[Feature, Sequence[FeatureMark]] = MappingProxyType(
    {
        Feature.MBEC: (*_mark(_CONSTANT, "ACC_USER_EXEC_MASK"), *_mark(_VARIABLE, "shadow_xu_mask")),
        Feature.GMET: _mark(_CONSTANT, "SVM_MISC_ENABLE_GMET", "X86_FEATURE_GMET", unit=_MMU),
        Feature.READ_ACCESS: (*_mark(_CONSTANT, "ACC_READ_MASK"), *_mark(_VARIABLE, "shadow_xs_mask")),
        Feature.NONPRESENT_VALUE: _mark(_CONSTANT, "SHADOW_NONPRESENT_VALUE", "VMX_EPT_SUPPRESS_VE_BIT"),
        Feature.COLLAPSE: (
            *_mark(_FUNCTION, "make_huge_spte"),
            *_mark(_FUNCTION, "kvm_tdp_mmu_recover_huge_pages", unit=_TDP),
        ),
        Feature.FETCH_FLAG: (
            *_mark(_MEMBER, "union kvm_mmu_extended_role.has_pferr_fetch", unit=_MMU),
            *_mark(_FUNCTION, "has_pferr_fetch", unit=_MMU),
        ),
        Feature.TDP_SMEP: (
            *_mark(_MEMBER, "struct kvm_x86_ops.tdp_has_smep", unit=_MMU),
            *_mark(_FUNCTION, "vmx_tdp_has_smep", unit=_VMX),
        ),
        Feature.ADVANCED_EXIT_INFORMATION: _mark(
            _CONSTANT, "VMX_EPT_ADVANCED_VMEXIT_INFO_BIT", "EPT_VIOLATION_GVA_USER"
        ),
        Feature.SHADOW_STACKS: (
            *_mark(_CONSTANT, "PFERR_SS_MASK"),
            *_mark(_MEMBER, "struct vmcs12.guest_ssp", unit=_NESTED_VMX),
        ),
        Feature.SPTE_PERMISSIONS: (
            *_mark(_FUNCTION, "spte_permission_fault"),
            *_mark(_FUNCTION, "update_spte_permission_bitmask", unit=_MMU),
        ),
        Feature.MIRROR: _mark(
            _MEMBER, "union kvm_mmu_page_role.is_mirror", "struct kvm_arch.gfn_direct_bits", unit=_MMU
        ),
        Feature.DUMMY_ROOT: _mark(_FUNCTION, "kvm_mmu_get_dummy_root", "kvm_mmu_is_dummy_root", unit=_MMU),
        Feature.SYNC_ONE: (
            *_mark(_MEMBER, "struct kvm_mmu.sync_spte", unit=_MMU),
            *_mark(_FUNCTION, "kvm_sync_spte", unit=_MMU),
        ),
        Feature.PRIVATE_ACCESS: (
            *_mark(_CONSTANT, "PFERR_PRIVATE_ACCESS"),
            *_mark(_MEMBER, "struct kvm_page_fault.is_private", unit=_MMU),
        ),
        Feature.HOST_MMIO_NOTE: _mark(
            _MEMBER, "struct kvm_mmu_page.has_mapped_host_mmio", "struct kvm_arch.has_mapped_host_mmio"
        ),
        Feature.LOCKLESS_AGING: (
            *_mark(_FUNCTION, "kvm_rmap_lock_readonly", unit=_MMU),
            *_mark(_CONSTANT, "KVM_RMAP_LOCKED", unit=_MMU),
        ),
        Feature.NX_LISTS: (
            *_mark(_FUNCTION, "nx_huge_pages_to_zap", unit=_MMU),
            *_mark(_FUNCTION, "kvm_tdp_mmu_zap_possible_nx_huge_page", unit=_TDP),
        ),
        Feature.PRE_FAULT: (
            *_mark(_FUNCTION, "kvm_arch_vcpu_pre_fault_memory", unit=_MMU),
            *_mark(_MEMBER, "struct kvm_arch.pre_fault_allowed", unit=_MMU),
        ),
        Feature.LISTED_FLUSHES: (
            *_mark(_FUNCTION, "kvm_hv_vcpu_flush_tlb", unit=_HYPERV),
            *_mark(_MEMBER, "struct kvm_vcpu_hv.tlb_flush_fifo", unit=_HYPERV),
        ),
        Feature.GUEST_MEMORY_FIRST: (
            *_mark(_FUNCTION, "kvm_mmu_faultin_pfn_gmem", unit=_MMU),
            *_mark(_FUNCTION, "kvm_memslot_is_gmem_only", unit=_MMU),
        ),
        Feature.MIXED_ATTRIBUTES: (
            *_mark(_FUNCTION, "kvm_arch_post_set_memory_attributes", unit=_MMU),
            *_mark(_MEMBER, "struct kvm.mem_attr_array", unit=_MMU),
        ),
    }
)
"""By feature, what tells it: at least two marks, of which no one is made of another."""


class Contradiction(Exception):  # noqa: N818 - reads as what is found
    """Some marks of a feature are there and some are not.

    Args:
        feature: which.
        there: the marks that are there.
        missing: those that are not.
    """

    def __init__(self, feature: Feature, there: Sequence[FeatureMark], missing: Sequence[FeatureMark]) -> None:
        self.feature, self.there, self.missing = feature, tuple(there), tuple(missing)
        has, lacks = (", ".join(map(str, marks)) for marks in (there, missing))
        super().__init__(f"{feature.value}: {has} is there, and {lacks} is not")


def told(feature: Feature, is_there: Mapping[FeatureMark, bool]) -> bool:
    """Whether a tree has a feature.

    Args:
        feature: which.
        is_there: of each of its marks whether the tree has it.

    Raises:
        Contradiction: some are there, and some are not.
    """
    there = [mark for mark in MARKS[feature] if is_there[mark]]
    missing = [mark for mark in MARKS[feature] if not is_there[mark]]
    if there and missing:
        raise Contradiction(feature, there, missing)
    return bool(there)
