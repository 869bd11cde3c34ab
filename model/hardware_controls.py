"""What a VMCS and a VMCB are told of KVM's tables: the bits for MBEC and GMET, and where the root is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class ExecuteControl:
    """MBEC or GMET, as the MMU is told and as the hardware is told.

    Attributes:
        told_to_mmu: what ``kvm_x86_ops.tdp_has_smep()`` gives.
        in_hardware: whether the bit is set: for MBEC in the secondary controls that a VMCS gets, for GMET in the
            VMCB after ``init_vmcb()``.
        before: whether it was set before, in the VMCB that ``init_vmcb()`` gets; false for a VMCS.
        setting: whether the module's variable says that the feature is on.
        supported: whether the controls that the processor has include it, as KVM has noted them; true for GMET.
        evidence: how this came about.
    """

    told_to_mmu: Bool
    in_hardware: Bool
    before: Bool
    setting: Bool
    supported: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class TablesLoaded:
    """The tables that a vCPU's MMU has, and those that the processor is told of.

    Attributes:
        root: ``mmu->root.hpa``, the address of the root (64).
        level: how many levels the tables have by ``mmu->root_role`` (4).
        ad_disabled: whether by that role they have no A/D bits.
        page_level: how many levels they have by the role of the root's page (4); as by the MMU's in a tree that asks
            no other.
        page_ad_disabled: the same of A/D bits.
        dummy: whether the root is the page of zeros that stands for tables which a guest cannot have.
        with_tdp: whether EPT is in use.
        with_ad_bits: whether EPT's A/D bits are.
        l2_runs: whether the vCPU runs L2.
        asked_ad_bits: whether the EPTP of L1's VMCS asks for A/D bits, even if L1 uses no EPT.
        told: whether the processor is told of tables.
        pointer: the EPTP that it is told (64).
        evidence: how this came about.
    """

    root: BitVec
    level: BitVec
    ad_disabled: Bool
    page_level: BitVec
    page_ad_disabled: Bool
    dummy: Bool
    with_tdp: Bool
    with_ad_bits: Bool
    l2_runs: Bool
    asked_ad_bits: Bool
    told: Bool
    pointer: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class EntryFlags:
    """What is done at a VM entry against leaks of what MMIO leaves in the processor's buffers.

    Attributes:
        mitigated: whether the host needs it.
        with_page: whether the vCPU's root has a ``struct kvm_mmu_page``.
        in_page: whether it is noted in the root's page that the vCPU can access MMIO of the host.
        in_vm: whether that is noted in the VM.
        clears: whether the processor's buffers are cleared before the vCPU runs.
        evidence: how this came about.
    """

    mitigated: Bool
    with_page: Bool
    in_page: Bool
    in_vm: Bool
    clears: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class Cr3Loaded:
    """CR3 as the processor is told of it, and what it has to be made of.

    Attributes:
        root: the address of the root (64).
        level: how many levels the tables have (32).
        with_tdp: whether EPT or nested paging is in use.
        guest_cr3: the guest's CR3 (64).
        has_pcid: whether the guest has PCIDs on, by its CR4.
        encryption: what marks a page as encrypted; 0 with VMX (64).
        unpaged: whether the guest cannot run without paging, and has none: only some Intel processors.
        changed: whether the processor may have another CR3 for the guest than the guest has now.
        told: whether the processor is told of CR3.
        cr3: of which one (64).
        nested_cr3: what AMD's nested paging is told of the root; 0 with VMX (64).
        noted: whether the processor is told that both have changed, true with VMX.
        evidence: how this came about.
    """

    root: BitVec
    level: BitVec
    with_tdp: Bool
    guest_cr3: BitVec
    has_pcid: Bool
    encryption: BitVec
    unpaged: Bool
    changed: Bool
    told: Bool
    cr3: BitVec = field(metadata=counts_where("told"))
    nested_cr3: BitVec
    noted: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class MemoryType:
    """What ``vmx_get_mt_mask()`` puts into an entry of EPT.

    Attributes:
        is_mmio: the page is memory-mapped I/O of the host.
        coherent: no device reads memory past the caches.
        ignores_pat: KVM is to ignore the guest's memory types where it can.
        cache_off: the guest has turned its caches off, and KVM looks at that.
        by_mtrrs: KVM takes the type from the guest's MTRRs where it honours them.
        bits: the bits of the entry (8).
        evidence: how they came about.
    """

    is_mmio: Bool
    coherent: Bool
    ignores_pat: Bool
    cache_off: Bool
    by_mtrrs: bool
    bits: BitVec
    evidence: Evidence


class HardwareControls(ABC):
    """What KVM tells the processor of the guest's MMU."""

    @abstractmethod
    def execute_control(self, vendor: Vendor) -> ExecuteControl:
        """MBEC for Intel, GMET for AMD; raises `mmuproof.model.kvm.NotThere` for shadow paging."""

    @abstractmethod
    def load_ept(self, *, nested: bool) -> TablesLoaded:
        """What a VMCS is told of the tables that the vCPU's MMU has.

        Args:
            nested: whether the MMU in use is the one that shadows L1's EPT, and not that of the guest's own memory.
        """

    @abstractmethod
    def load_cr3(self, vendor: Vendor) -> Cr3Loaded:
        """``vmx_load_mmu_pgd()`` and ``svm_load_mmu_pgd()``, as far as CR3 goes and nested paging's.

        Raises:
            mmuproof.model.kvm.NotThere: of shadow paging, which both do.
        """

    @abstractmethod
    def entry_flags(self) -> EntryFlags:
        """Whether a VM entry of VMX clears buffers; raises `mmuproof.model.kvm.NotThere` where nothing is noted."""

    @abstractmethod
    def page_memory_type(self) -> MemoryType:
        """``vmx_get_mt_mask()``."""
