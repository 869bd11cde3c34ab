"""How KVM decides what to map, as a proof sees it: what the callers of make_spte() ask it for, and what is checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.result_fields import LINE, counts_where
from mmuproof.model.walks import GuestWalk
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class MappingAsked:
    """What a function that reads a guest entry asks make_spte() for, or whatever hands it on to make_spte().

    Attributes:
        caller: the function that asks.
        at: where.
        when: the condition under which it does.
        pte_access: the ACC_* bits that it asks for (32).
        gpte: the guest entry that it has read (64).
        parents_access: what the entries above grant, ``sp->role.access`` (32).
        level: the level of the shadow page, ``sp->role.level`` (4).
        had_spte: whether there was an SPTE already, with a note of what it maps; what is prefetched has none.
        evidence: how it came about.
    """

    caller: str
    at: str = field(metadata=LINE)
    when: Bool
    pte_access: BitVec = field(metadata=counts_where("when"))
    gpte: BitVec
    parents_access: BitVec
    level: BitVec
    had_spte: Bool
    evidence: Evidence


@dataclass(frozen=True)
class AdjustedLevel:
    """The level that ``kvm_mmu_hugepage_adjust()`` leaves for a fault that began with ``PG_LEVEL_4K``.

    Attributes:
        goal_level: the level (8).
        dirty_tracked: whether the memory slot logs writes.
        at: where the function is.
        evidence: how it came about.
    """

    goal_level: BitVec
    dirty_tracked: Bool
    at: str = field(metadata=LINE)
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class CheckedEptp:
    """What ``nested_vmx_check_eptp()`` says of a free EPTP of L1's (64 bits).

    Attributes:
        eptp: the EPTP.
        offered: what L1 is offered of EPT, as its IA32_VMX_EPT_VPID_CAP says (32).
        legal: whether L1 can have such an address.
        accepted: whether L1 may use it.
        at: where the function is.
        evidence: how it came about.
    """

    eptp: BitVec
    offered: BitVec
    legal: Bool
    accepted: Bool
    at: str = field(metadata=LINE)
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class FrameFound:
    """What becomes of a fault before it is mapped: the host's frame is looked for.

    Attributes:
        goes_on: whether the fault goes on to be mapped (``RET_PF_CONTINUE``).
        gfn: the guest's frame (64).
        private: whether the fault is for private memory.
        with_slot: whether a memory slot has the frame.
        going: whether that slot is about to be deleted or moved.
        caches_mmio: whether MMIO SPTEs are made.
        with_tdp: whether the tables translate guest-physical addresses for the processor.
        width: how many bits the host's physical addresses have (8).
        pfn: the host's frame in the end, or what stands for none (64).
        maps_slot: whether the fault still has a memory slot in the end.
        other_kind: whether the frame's memory is private and the fault is for shared memory, or the other way round.
        apic_page: whether the slot is the page of the APIC.
        for_l2: whether the vCPU runs L2.
        apic_serves: whether the processor serves accesses to that page.
        sought: whether the host's frame is looked for.
        uncounted: whether the fault does not have, then, how often memory had been taken away before.
        kind_asked: whether it is asked of which kind the frame's memory is.
        kind_uncounted: whether the fault does not have that count when this is asked.
        read_only: whether what is found is only that the host lets nobody write there.
        emulates: whether the access is to be emulated.
        evidence: how this came about.
    """

    goes_on: Bool
    gfn: BitVec
    private: Bool
    with_slot: Bool
    going: Bool
    caches_mmio: Bool
    with_tdp: Bool
    width: BitVec
    pfn: BitVec = field(metadata=counts_where("goes_on"))
    maps_slot: Bool = field(metadata=counts_where("goes_on"))
    other_kind: Bool
    apic_page: Bool
    for_l2: Bool
    apic_serves: Bool
    sought: Bool
    uncounted: Bool = field(metadata=counts_where("sought"))
    kind_asked: Bool
    kind_uncounted: Bool = field(metadata=counts_where("kind_asked"))
    read_only: Bool
    emulates: Bool
    evidence: Evidence


class Mappings(ABC):
    """What goes before the functions that assert something: the callers of make_spte(), and a check."""

    @abstractmethod
    def prefetch_gpte(self, walk: GuestWalk, masks: ShadowMasks) -> MappingAsked:
        """``ept_prefetch_gpte()``, which maps neighbours of a page of a nested EPT ahead."""

    @abstractmethod
    def sync_spte(self, walk: GuestWalk, masks: ShadowMasks) -> MappingAsked:
        """``ept_sync_spte()``, which brings an SPTE of a nested EPT back in line with L1's entry."""

    @abstractmethod
    def hugepage_adjust(self) -> AdjustedLevel:
        """``kvm_mmu_hugepage_adjust()``."""

    @abstractmethod
    def check_eptp(self) -> CheckedEptp:
        """``nested_vmx_check_eptp()``, before KVM sets a nested EPT up."""

    @abstractmethod
    def find_frame(self) -> FrameFound:
        """``kvm_mmu_faultin_pfn()``, with ``kvm_handle_noslot_fault()`` and ``kvm_handle_error_pfn()``."""
