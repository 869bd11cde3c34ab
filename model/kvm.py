"""The interface of KVM's MMU that a proof sees.

Names are the kernel's.  An implementation is either the reference model (`mmuproof.model.reference.kvm`) or a
lifted tree (`mmuproof.model.lifted`).  It has one part for each area of the MMU.  Nothing here depends on a
kernel version: what a tree lacks raises `NotThere`, and constants are the tree's own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property

from mmuproof.lift.errors import Gone, UnlistedConstant
from mmuproof.model.address_syncs import AddressSyncs
from mmuproof.model.address_widths import AddressWidths
from mmuproof.model.aged_lists import AgedLists
from mmuproof.model.asked_mappings import AskedMappings
from mmuproof.model.bit_names import BIT_NAMES, NamedBits
from mmuproof.model.child_syncs import ChildSyncs
from mmuproof.model.constants import CONSTANTS, LISTED_IN, OF_OTHER_KERNELS
from mmuproof.model.created_mmus import CreatedMmus
from mmuproof.model.created_vms import CreatedVms
from mmuproof.model.device_changes import DeviceChanges
from mmuproof.model.dirty_logging import DirtyLogging
from mmuproof.model.dropped_roots import DroppedRoots
from mmuproof.model.dummy_roots import DummyRoots
from mmuproof.model.entry_requests import EntryRequests
from mmuproof.model.exits import Exits
from mmuproof.model.fast_faults import FastFaults
from mmuproof.model.fault_handlers import FaultHandlers
from mmuproof.model.fault_roots import FaultRoots
from mmuproof.model.faults import Faults
from mmuproof.model.features import Feature
from mmuproof.model.fetches import Fetches
from mmuproof.model.flush_ranges import FlushRanges
from mmuproof.model.found_pages import FoundPages
from mmuproof.model.frame_bounds import FrameBounds
from mmuproof.model.frame_handlers import FrameHandlers
from mmuproof.model.frame_searches import FrameSearches
from mmuproof.model.freed_pages import FreedPages
from mmuproof.model.gpte_flags import GpteFlags
from mmuproof.model.guest_flushes import GuestFlushes
from mmuproof.model.guest_registers import GuestRegisters
from mmuproof.model.guest_tables import GuestTables
from mmuproof.model.guest_writes import GuestWrites
from mmuproof.model.hand_overs import HandOvers
from mmuproof.model.hardware_controls import HardwareControls
from mmuproof.model.hardware_registers import HardwareRegisters
from mmuproof.model.host_ranges import HostRanges
from mmuproof.model.huge_pages import HugePages
from mmuproof.model.injected_faults import InjectedFaults
from mmuproof.model.interference import Interference
from mmuproof.model.invalidations import Invalidations
from mmuproof.model.kept_roots import KeptRoots
from mmuproof.model.late_faults import LateFaults
from mmuproof.model.level_limits import LevelLimits
from mmuproof.model.linear_accesses import LinearAccesses
from mmuproof.model.map_answers import MapAnswers
from mmuproof.model.map_rounds import MapRounds
from mmuproof.model.mappings import Mappings
from mmuproof.model.masks import Masks
from mmuproof.model.mixed_attributes import MixedAttributes
from mmuproof.model.mmio import Mmio
from mmuproof.model.mmio_faults import MmioFaults
from mmuproof.model.mode_changes import ModeChanges
from mmuproof.model.nested import Nested
from mmuproof.model.nx_recovery import NxRecovery
from mmuproof.model.page_directory_pointers import PageDirectoryPointers
from mmuproof.model.page_entries import PageEntries
from mmuproof.model.page_fault_routes import PageFaultRoutes
from mmuproof.model.page_logs import PageLogs
from mmuproof.model.page_sweeps import PageSweeps
from mmuproof.model.parent_links import ParentLinks
from mmuproof.model.prefetches import Prefetches
from mmuproof.model.range_rounds import RangeRounds
from mmuproof.model.range_zaps import RangeZaps
from mmuproof.model.recovered_pages import RecoveredPages
from mmuproof.model.register_writes import RegisterWrites
from mmuproof.model.released_roots import ReleasedRoots
from mmuproof.model.removed_tables import RemovedTables
from mmuproof.model.reserved_bits import ReservedBits
from mmuproof.model.resyncs import Resyncs
from mmuproof.model.reverse_maps import ReverseMaps
from mmuproof.model.roles import Roles
from mmuproof.model.root_loops import RootLoops
from mmuproof.model.roots import Roots
from mmuproof.model.set_ups import SetUps
from mmuproof.model.settings import Settings
from mmuproof.model.shadow_splits import ShadowSplits
from mmuproof.model.shadow_walks import ShadowWalks
from mmuproof.model.shared_epts import SharedEpts
from mmuproof.model.slot_changes import SlotChanges
from mmuproof.model.slot_sweeps import SlotSweeps
from mmuproof.model.slot_walks import SlotWalks
from mmuproof.model.special_roots import SpecialRoots
from mmuproof.model.spte_changes import SpteChanges
from mmuproof.model.spte_lists import SpteLists
from mmuproof.model.sptes import Sptes
from mmuproof.model.stores import Stores
from mmuproof.model.svm_flushes import SvmFlushes
from mmuproof.model.svm_gating import SvmGating
from mmuproof.model.table_writes import TableWrites
from mmuproof.model.tdp_iterators import TdpIterators
from mmuproof.model.tdp_roots import TdpRoots
from mmuproof.model.tlb_flushes import TlbFlushes
from mmuproof.model.translations import Translations
from mmuproof.model.unfaulted_levels import UnfaultedLevels
from mmuproof.model.unsync_notes import UnsyncNotes
from mmuproof.model.vmx_gating import VmxGating
from mmuproof.model.walk_ends import WalkEnds
from mmuproof.model.walk_faults import WalkFaults
from mmuproof.model.walk_starts import WalkStarts
from mmuproof.model.walk_yields import WalkYields
from mmuproof.model.walks import Walks
from mmuproof.model.zapped_pages import ZappedPages


class NotThere(Exception):  # noqa: N818 - reads as what happened
    """The implementation has nothing of the kind; ``names`` are the kernel's names that are missing."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"not defined: {', '.join(self.names)}")


class Kvm(ABC):
    """An implementation of KVM's MMU code, area by area."""

    @property
    @abstractmethod
    def walk_starts(self) -> WalkStarts:
        """Where walks of the guest's tables begin."""

    @property
    @abstractmethod
    def walks(self) -> Walks:
        """Software walks of guest page tables."""

    @property
    @abstractmethod
    def walk_ends(self) -> WalkEnds:
        """Where software walks of guest page tables end, and what they hand on."""

    @property
    @abstractmethod
    def walk_faults(self) -> WalkFaults:
        """What walks of guest page tables leave when they fail."""

    @property
    @abstractmethod
    def masks(self) -> Masks:
        """The ``shadow_*`` masks."""

    @property
    @abstractmethod
    def sptes(self) -> Sptes:
        """SPTEs."""

    @property
    @abstractmethod
    def mmio(self) -> Mmio:
        """MMIO SPTEs."""

    @property
    @abstractmethod
    def mmio_faults(self) -> MmioFaults:
        """Accesses that fault on MMIO SPTEs."""

    @property
    @abstractmethod
    def spte_changes(self) -> SpteChanges:
        """What changes SPTEs."""

    @property
    @abstractmethod
    def interference(self) -> Interference:
        """What changes SPTEs in place, while other CPUs do."""

    @property
    @abstractmethod
    def stores(self) -> Stores:
        """What stores SPTEs that others make."""

    @property
    @abstractmethod
    def tdp_iterators(self) -> TdpIterators:
        """The TDP MMU's iterator."""

    @property
    @abstractmethod
    def map_rounds(self) -> MapRounds:
        """Rounds of the loops that map a page."""

    @property
    @abstractmethod
    def dirty_logging(self) -> DirtyLogging:
        """Turning on the log of dirty pages."""

    @property
    @abstractmethod
    def huge_pages(self) -> HugePages:
        """Where huge pages may be."""

    @property
    @abstractmethod
    def range_rounds(self) -> RangeRounds:
        """Rounds of the loops over a range of frames."""

    @property
    @abstractmethod
    def guest_writes(self) -> GuestWrites:
        """What follows when a guest writes to its tables."""

    @property
    @abstractmethod
    def range_zaps(self) -> RangeZaps:
        """What takes the SPTEs of a range of frames away."""

    @property
    @abstractmethod
    def late_faults(self) -> LateFaults:
        """What becomes of faults that time overtakes."""

    @property
    @abstractmethod
    def register_writes(self) -> RegisterWrites:
        """What follows from writes to control registers."""

    @property
    @abstractmethod
    def translations(self) -> Translations:
        """What translates addresses by the guest's tables."""

    @property
    @abstractmethod
    def found_pages(self) -> FoundPages:
        """What looks for pages of SPTEs."""

    @property
    @abstractmethod
    def tlb_flushes(self) -> TlbFlushes:
        """What flushes the processor's TLB."""

    @property
    @abstractmethod
    def freed_pages(self) -> FreedPages:
        """What goes before pages of SPTEs are freed."""

    @property
    @abstractmethod
    def released_roots(self) -> ReleasedRoots:
        """How roots are given up."""

    @property
    @abstractmethod
    def special_roots(self) -> SpecialRoots:
        """The tables above a PAE root."""

    @property
    @abstractmethod
    def address_widths(self) -> AddressWidths:
        """How wide addresses are."""

    @property
    @abstractmethod
    def fault_roots(self) -> FaultRoots:
        """Below which root the page of a fault is mapped."""

    @property
    @abstractmethod
    def aged_lists(self) -> AgedLists:
        """Which lists of SPTEs ageing goes through."""

    @property
    @abstractmethod
    def dummy_roots(self) -> DummyRoots:
        """What stands for tables that a guest cannot have."""

    @property
    @abstractmethod
    def entry_requests(self) -> EntryRequests:
        """What is done of what a vCPU is asked before its guest runs."""

    @property
    @abstractmethod
    def device_changes(self) -> DeviceChanges:
        """What is done when devices come and go that read memory past the caches."""

    @property
    @abstractmethod
    def page_logs(self) -> PageLogs:
        """What is done with logs of pages that were written to."""

    @property
    @abstractmethod
    def fast_faults(self) -> FastFaults:
        """Which faults may be fixed without KVM's lock."""

    @property
    @abstractmethod
    def unfaulted_levels(self) -> UnfaultedLevels:
        """How large pages may be where none faults."""

    @property
    @abstractmethod
    def hardware_registers(self) -> HardwareRegisters:
        """Registers that the processor runs a guest with."""

    @property
    @abstractmethod
    def host_ranges(self) -> HostRanges:
        """What becomes of a VM when the host takes memory away."""

    @property
    @abstractmethod
    def page_fault_routes(self) -> PageFaultRoutes:
        """Who gets a page fault of L2's own tables."""

    @property
    @abstractmethod
    def page_directory_pointers(self) -> PageDirectoryPointers:
        """PDPTEs of PAE paging."""

    @property
    @abstractmethod
    def guest_flushes(self) -> GuestFlushes:
        """What a guest has flushed by an instruction or a hypercall."""

    @property
    @abstractmethod
    def mixed_attributes(self) -> MixedAttributes:
        """What KVM notes of mixed attributes."""

    @property
    @abstractmethod
    def frame_searches(self) -> FrameSearches:
        """The search for a fault's frame."""

    @property
    @abstractmethod
    def reverse_maps(self) -> ReverseMaps:
        """What is kept of SPTEs beside them."""

    @property
    @abstractmethod
    def parent_links(self) -> ParentLinks:
        """How entries come to lead to pages, and no longer do."""

    @property
    @abstractmethod
    def spte_lists(self) -> SpteLists:
        """The lists by which SPTEs are found."""

    @property
    @abstractmethod
    def injected_faults(self) -> InjectedFaults:
        """Who gets a page fault."""

    @property
    @abstractmethod
    def zapped_pages(self) -> ZappedPages:
        """How pages of SPTEs are given up."""

    @property
    @abstractmethod
    def page_sweeps(self) -> PageSweeps:
        """How all pages are taken away."""

    @property
    @abstractmethod
    def address_syncs(self) -> AddressSyncs:
        """Bringing single addresses up to date."""

    @property
    @abstractmethod
    def invalidations(self) -> Invalidations:
        """What invalidates translations."""

    @property
    @abstractmethod
    def shared_epts(self) -> SharedEpts:
        """Roots that shadow the same tables of L1's EPT."""

    @property
    @abstractmethod
    def recovered_pages(self) -> RecoveredPages:
        """Huge pages in place of tables of small ones."""

    @property
    @abstractmethod
    def walk_yields(self) -> WalkYields:
        """Walks of the TDP MMU that others may interrupt."""

    @property
    @abstractmethod
    def dropped_roots(self) -> DroppedRoots:
        """Roots that are let go."""

    @property
    @abstractmethod
    def created_vms(self) -> CreatedVms:
        """MMUs of new VMs."""

    @property
    @abstractmethod
    def svm_flushes(self) -> SvmFlushes:
        """What flushes the TLB of a processor with SVM."""

    @property
    @abstractmethod
    def frame_bounds(self) -> FrameBounds:
        """Up to which frame walks go."""

    @property
    @abstractmethod
    def root_loops(self) -> RootLoops:
        """What goes through the roots of the TDP MMU."""

    @property
    @abstractmethod
    def shadow_walks(self) -> ShadowWalks:
        """Walks over the tables that KVM builds."""

    @property
    @abstractmethod
    def guest_tables(self) -> GuestTables:
        """Guest page tables that are shadowed."""

    @property
    @abstractmethod
    def kept_roots(self) -> KeptRoots:
        """The roots that an MMU keeps."""

    @property
    @abstractmethod
    def slot_sweeps(self) -> SlotSweeps:
        """What is done to many SPTEs in both MMUs."""

    @property
    @abstractmethod
    def frame_handlers(self) -> FrameHandlers:
        """What is handed on to the lists of what maps frames."""

    @property
    @abstractmethod
    def hand_overs(self) -> HandOvers:
        """What functions hand on that do nothing else."""

    @property
    @abstractmethod
    def gpte_flags(self) -> GpteFlags:
        """Flags that are set in a guest's entries."""

    @property
    @abstractmethod
    def table_writes(self) -> TableWrites:
        """What becomes of pages whose tables are written to."""

    @property
    @abstractmethod
    def nx_recovery(self) -> NxRecovery:
        """Tables that stand for huge pages, and may become some again."""

    @property
    @abstractmethod
    def map_answers(self) -> MapAnswers:
        """What is answered when a page has been mapped."""

    @property
    @abstractmethod
    def created_mmus(self) -> CreatedMmus:
        """MMUs of new vCPUs."""

    @property
    @abstractmethod
    def prefetches(self) -> Prefetches:
        """What is mapped ahead of any access."""

    @property
    @abstractmethod
    def slot_walks(self) -> SlotWalks:
        """Walks through a slot's lists."""

    @property
    @abstractmethod
    def child_syncs(self) -> ChildSyncs:
        """Synchronizing what is below a page."""

    @property
    @abstractmethod
    def unsync_notes(self) -> UnsyncNotes:
        """What is noted above pages that are out of sync."""

    @property
    @abstractmethod
    def tdp_roots(self) -> TdpRoots:
        """Roots of the TDP MMU."""

    @property
    @abstractmethod
    def mode_changes(self) -> ModeChanges:
        """What MMUs are told of other modes and processors."""

    @property
    @abstractmethod
    def slot_changes(self) -> SlotChanges:
        """Slots that come and go."""

    @property
    @abstractmethod
    def level_limits(self) -> LevelLimits:
        """What bounds the size of pages."""

    @property
    @abstractmethod
    def shadow_splits(self) -> ShadowSplits:
        """Splitting huge pages of the shadow MMU."""

    @property
    @abstractmethod
    def page_entries(self) -> PageEntries:
        """What is done to each entry of a page of the shadow MMU."""

    @property
    @abstractmethod
    def removed_tables(self) -> RemovedTables:
        """Tables that are taken out of the TDP MMU's tree."""

    @property
    @abstractmethod
    def flush_ranges(self) -> FlushRanges:
        """What is flushed when an entry is taken away."""

    @property
    @abstractmethod
    def reserved_bits(self) -> ReservedBits:
        """Tables of reserved bits."""

    @property
    @abstractmethod
    def fetches(self) -> Fetches:
        """What fills in SPTEs for a guest's page tables."""

    @property
    @abstractmethod
    def resyncs(self) -> Resyncs:
        """How SPTEs follow single entries of guest tables."""

    @property
    @abstractmethod
    def mappings(self) -> Mappings:
        """What the callers of make_spte() ask it for."""

    @property
    @abstractmethod
    def exits(self) -> Exits:
        """Exits for page faults of the second level."""

    @property
    @abstractmethod
    def faults(self) -> Faults:
        """From an error code to what a handler of page faults is told."""

    @property
    @abstractmethod
    def asked_mappings(self) -> AskedMappings:
        """How pages are mapped that are asked for."""

    @property
    @abstractmethod
    def fault_handlers(self) -> FaultHandlers:
        """How a handler of page faults goes from the host's frame to the mapping."""

    @property
    @abstractmethod
    def nested(self) -> Nested:
        """Translations of L2's guest-physical addresses."""

    @property
    @abstractmethod
    def roles(self) -> Roles:
        """Roles of MMUs and of shadow pages."""

    @property
    @abstractmethod
    def roots(self) -> Roots:
        """Roots of the tables that KVM builds."""

    @property
    @abstractmethod
    def set_ups(self) -> SetUps:
        """Set-ups of MMUs one after the other."""

    @property
    @abstractmethod
    def hardware_controls(self) -> HardwareControls:
        """The bits of VMCS and VMCB that the MMU depends on."""

    @property
    @abstractmethod
    def guest_registers(self) -> GuestRegisters:
        """The registers that choose a guest's paging mode, as they come into a vCPU."""

    @property
    @abstractmethod
    def settings(self) -> Settings:
        """What is on."""

    @property
    @abstractmethod
    def linear_accesses(self) -> LinearAccesses:
        """Accesses that KVM itself makes to linear addresses."""

    @property
    @abstractmethod
    def vmx_gating(self) -> VmxGating:
        """The way of MBEC from the processor to L2."""

    @property
    @abstractmethod
    def svm_gating(self) -> SvmGating:
        """The way of GMET from the processor to L2."""

    def constant(self, name: str) -> int:
        """The value of a macro or enumerator.

        Raises:
            NotThere: it is not defined.
            UnlistedConstant: it is none of those that theorems may ask for.
        """
        value = self._listed(name)
        if value is None:
            raise NotThere([name])
        return value

    def defines(self, name: str) -> bool:
        """Whether a macro or enumerator is defined.

        Raises:
            UnlistedConstant: it is none of those that theorems may ask for.
        """
        return self._listed(name) is not None

    def has_defined(self, name: str) -> bool:
        """Whether a macro or enumerator is defined, or was in a kernel before this one.

        Raises:
            UnlistedConstant: it is none of those that theorems may ask for.
        """
        try:
            return self.defines(name)
        except Gone:
            return True

    def _listed(self, name: str) -> int | None:
        if name not in CONSTANTS and name not in OF_OTHER_KERNELS:
            raise UnlistedConstant(name, LISTED_IN)
        return self._constant(name)

    def named_bits(self, names: Iterable[str]) -> NamedBits:
        """What the kernel calls single bits: those of some names that it defines.

        Args:
            names: of `mmuproof.model.bit_names`; of two for one bit the first that is defined counts.

        Raises:
            UnlistedConstant: one is not of these.
        """
        found: dict[int, str] = {}
        lost: list[str] = []
        for name in names:
            if name not in BIT_NAMES:
                raise UnlistedConstant(name, "model/bit_names.py")
            try:
                value = self._constant(name)
            except Gone:
                lost.append(name)
                continue
            if value is not None and value.bit_count() == 1:
                found.setdefault(value.bit_length() - 1, name)
        return NamedBits(found, tuple(lost))

    @abstractmethod
    def _constant(self, name: str) -> int | None:
        """The value of a macro or enumerator that is listed, None if it is not defined."""

    @cached_property
    def asked(self) -> dict[Feature, bool]:
        """The answers that `has` has given; who wants those that one theorem got empties it before."""
        return {}

    def has(self, feature: Feature) -> bool:
        """Whether the implementation has a feature.

        Raises:
            Contradiction: some marks of it are there, and some are not.
        """
        answer = self.asked[feature] = self._has(feature)
        return answer

    @abstractmethod
    def _has(self, feature: Feature) -> bool:
        """See `has`."""

    def near(self, _name: str) -> tuple[str, ...]:
        """What the implementation has that is called like something that is not found, or where it is; for a reader."""
        return ()

    def place_of(self, _name: str) -> str:
        """Where a function, a macro or an enumerator stands, ``file:line``; empty if that is not known."""
        return ""

    @abstractmethod
    def failed_assertions(self) -> tuple[str, ...]:
        """Every ``static_assert`` that does not hold, with its place."""
