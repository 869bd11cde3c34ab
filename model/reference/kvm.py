"""The reference model: Linux 7.2.13's MMU code, written by hand on bit-vectors.

It needs no kernel.  ``tests/model/equals_kernel`` proves it equal to the lifted C of
Linux 7.2.13, function by function.  Names are the kernel's; a method without an underscore describes the kernel
function of its name, the others are its ingredients.
"""

from __future__ import annotations

from mmuproof.lift.errors import UnlistedConstant
from mmuproof.model.address_syncs import AddressSyncs
from mmuproof.model.address_widths import AddressWidths
from mmuproof.model.aged_lists import AgedLists
from mmuproof.model.asked_mappings import AskedMappings
from mmuproof.model.bit_names import FORMER_BIT_NAMES
from mmuproof.model.child_syncs import ChildSyncs
from mmuproof.model.constants import OF_OTHER_KERNELS
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
from mmuproof.model.kvm import Kvm
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
from mmuproof.model.reference.address_syncs import ReferenceAddressSyncs
from mmuproof.model.reference.address_widths import ReferenceAddressWidths
from mmuproof.model.reference.aged_lists import ReferenceAgedLists
from mmuproof.model.reference.asked_mappings import ReferenceAskedMappings
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.child_syncs import ReferenceChildSyncs
from mmuproof.model.reference.created_mmus import ReferenceCreatedMmus
from mmuproof.model.reference.created_vms import ReferenceCreatedVms
from mmuproof.model.reference.device_changes import ReferenceDeviceChanges
from mmuproof.model.reference.dirty_logging import ReferenceDirtyLogging
from mmuproof.model.reference.dropped_roots import ReferenceDroppedRoots
from mmuproof.model.reference.dummy_roots import ReferenceDummyRoots
from mmuproof.model.reference.entry_requests import ReferenceEntryRequests
from mmuproof.model.reference.exits import ReferenceExits
from mmuproof.model.reference.fast_faults import ReferenceFastFaults
from mmuproof.model.reference.fault_handlers import ReferenceFaultHandlers
from mmuproof.model.reference.fault_roots import ReferenceFaultRoots
from mmuproof.model.reference.faults import ReferenceFaults
from mmuproof.model.reference.fetches import ReferenceFetches
from mmuproof.model.reference.flush_ranges import ReferenceFlushRanges
from mmuproof.model.reference.found_pages import ReferenceFoundPages
from mmuproof.model.reference.frame_bounds import ReferenceFrameBounds
from mmuproof.model.reference.frame_handlers import ReferenceFrameHandlers
from mmuproof.model.reference.frame_searches import ReferenceFrameSearches
from mmuproof.model.reference.freed_pages import ReferenceFreedPages
from mmuproof.model.reference.gpte_flags import ReferenceGpteFlags
from mmuproof.model.reference.guest_flushes import ReferenceGuestFlushes
from mmuproof.model.reference.guest_registers import ReferenceGuestRegisters
from mmuproof.model.reference.guest_tables import ReferenceGuestTables
from mmuproof.model.reference.guest_writes import ReferenceGuestWrites
from mmuproof.model.reference.hand_overs import ReferenceHandOvers
from mmuproof.model.reference.hardware_controls import ReferenceHardwareControls
from mmuproof.model.reference.hardware_registers import ReferenceHardwareRegisters
from mmuproof.model.reference.host_ranges import ReferenceHostRanges
from mmuproof.model.reference.huge_pages import ReferenceHugePages
from mmuproof.model.reference.injected_faults import ReferenceInjectedFaults
from mmuproof.model.reference.interference import ReferenceInterference
from mmuproof.model.reference.invalidations import ReferenceInvalidations
from mmuproof.model.reference.kept_roots import ReferenceKeptRoots
from mmuproof.model.reference.late_faults import ReferenceLateFaults
from mmuproof.model.reference.level_limits import ReferenceLevelLimits
from mmuproof.model.reference.linear_accesses import ReferenceLinearAccesses
from mmuproof.model.reference.map_answers import ReferenceMapAnswers
from mmuproof.model.reference.map_rounds import ReferenceMapRounds
from mmuproof.model.reference.mappings import ReferenceMappings
from mmuproof.model.reference.masks import ReferenceMasks
from mmuproof.model.reference.mixed_attributes import ReferenceMixedAttributes
from mmuproof.model.reference.mmio import ReferenceMmio
from mmuproof.model.reference.mmio_faults import ReferenceMmioFaults
from mmuproof.model.reference.mode_changes import ReferenceModeChanges
from mmuproof.model.reference.nested import ReferenceNested
from mmuproof.model.reference.nx_recovery import ReferenceNxRecovery
from mmuproof.model.reference.page_directory_pointers import ReferencePageDirectoryPointers
from mmuproof.model.reference.page_entries import ReferencePageEntries
from mmuproof.model.reference.page_fault_routes import ReferencePageFaultRoutes
from mmuproof.model.reference.page_logs import ReferencePageLogs
from mmuproof.model.reference.page_sweeps import ReferencePageSweeps
from mmuproof.model.reference.parent_links import ReferenceParentLinks
from mmuproof.model.reference.prefetches import ReferencePrefetches
from mmuproof.model.reference.range_rounds import ReferenceRangeRounds
from mmuproof.model.reference.range_zaps import ReferenceRangeZaps
from mmuproof.model.reference.recovered_pages import ReferenceRecoveredPages
from mmuproof.model.reference.register_writes import ReferenceRegisterWrites
from mmuproof.model.reference.released_roots import ReferenceReleasedRoots
from mmuproof.model.reference.removed_tables import ReferenceRemovedTables
from mmuproof.model.reference.reserved_bits import ReferenceReservedBits
from mmuproof.model.reference.resyncs import ReferenceResyncs
from mmuproof.model.reference.reverse_maps import ReferenceReverseMaps
from mmuproof.model.reference.roles import ReferenceRoles
from mmuproof.model.reference.root_loops import ReferenceRootLoops
from mmuproof.model.reference.roots import ReferenceRoots
from mmuproof.model.reference.set_ups import ReferenceSetUps
from mmuproof.model.reference.settings import ReferenceSettings
from mmuproof.model.reference.shadow_splits import ReferenceShadowSplits
from mmuproof.model.reference.shadow_walks import ReferenceShadowWalks
from mmuproof.model.reference.shared_epts import ReferenceSharedEpts
from mmuproof.model.reference.slot_changes import ReferenceSlotChanges
from mmuproof.model.reference.slot_sweeps import ReferenceSlotSweeps
from mmuproof.model.reference.slot_walks import ReferenceSlotWalks
from mmuproof.model.reference.special_roots import ReferenceSpecialRoots
from mmuproof.model.reference.spte_changes import ReferenceSpteChanges
from mmuproof.model.reference.spte_lists import ReferenceSpteLists
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.reference.stores import ReferenceStores
from mmuproof.model.reference.svm_flushes import ReferenceSvmFlushes
from mmuproof.model.reference.svm_gating import ReferenceSvmGating
from mmuproof.model.reference.table_writes import ReferenceTableWrites
from mmuproof.model.reference.tdp_iterators import ReferenceTdpIterators
from mmuproof.model.reference.tdp_roots import ReferenceTdpRoots
from mmuproof.model.reference.tlb_flushes import ReferenceTlbFlushes
from mmuproof.model.reference.translations import ReferenceTranslations
from mmuproof.model.reference.unfaulted_levels import ReferenceUnfaultedLevels
from mmuproof.model.reference.unsync_notes import ReferenceUnsyncNotes
from mmuproof.model.reference.vmx_gating import ReferenceVmxGating
from mmuproof.model.reference.walk_ends import ReferenceWalkEnds
from mmuproof.model.reference.walk_faults import ReferenceWalkFaults
from mmuproof.model.reference.walk_starts import ReferenceWalkStarts
from mmuproof.model.reference.walk_yields import ReferenceWalkYields
from mmuproof.model.reference.walks.walks import ReferenceWalks
from mmuproof.model.reference.zapped_pages import ReferenceZappedPages
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

__all__ = ["RELEASE", "Constants", "ReferenceKvm"]

RELEASE = "7.2.13"
"""The exact kernel that the model describes."""


class ReferenceKvm(Kvm):
    """KVM's MMU as Linux 7.2 has it.

    A defect has another class for one of the areas, or another value for one of the constants.
    """

    def __init__(
        self,
        constants: Constants | None = None,
        *,
        walk_starts: type[ReferenceWalkStarts] = ReferenceWalkStarts,
        walks: type[ReferenceWalks] = ReferenceWalks,
        walk_ends: type[ReferenceWalkEnds] = ReferenceWalkEnds,
        walk_faults: type[ReferenceWalkFaults] = ReferenceWalkFaults,
        masks: type[ReferenceMasks] = ReferenceMasks,
        sptes: type[ReferenceSptes] = ReferenceSptes,
        mmio: type[ReferenceMmio] = ReferenceMmio,
        mmio_faults: type[ReferenceMmioFaults] = ReferenceMmioFaults,
        spte_changes: type[ReferenceSpteChanges] = ReferenceSpteChanges,
        interference: type[ReferenceInterference] = ReferenceInterference,
        stores: type[ReferenceStores] = ReferenceStores,
        tdp_iterators: type[ReferenceTdpIterators] = ReferenceTdpIterators,
        map_rounds: type[ReferenceMapRounds] = ReferenceMapRounds,
        fetches: type[ReferenceFetches] = ReferenceFetches,
        dirty_logging: type[ReferenceDirtyLogging] = ReferenceDirtyLogging,
        huge_pages: type[ReferenceHugePages] = ReferenceHugePages,
        range_rounds: type[ReferenceRangeRounds] = ReferenceRangeRounds,
        shadow_walks: type[ReferenceShadowWalks] = ReferenceShadowWalks,
        guest_tables: type[ReferenceGuestTables] = ReferenceGuestTables,
        kept_roots: type[ReferenceKeptRoots] = ReferenceKeptRoots,
        slot_sweeps: type[ReferenceSlotSweeps] = ReferenceSlotSweeps,
        frame_handlers: type[ReferenceFrameHandlers] = ReferenceFrameHandlers,
        hand_overs: type[ReferenceHandOvers] = ReferenceHandOvers,
        gpte_flags: type[ReferenceGpteFlags] = ReferenceGpteFlags,
        table_writes: type[ReferenceTableWrites] = ReferenceTableWrites,
        nx_recovery: type[ReferenceNxRecovery] = ReferenceNxRecovery,
        map_answers: type[ReferenceMapAnswers] = ReferenceMapAnswers,
        prefetches: type[ReferencePrefetches] = ReferencePrefetches,
        slot_walks: type[ReferenceSlotWalks] = ReferenceSlotWalks,
        child_syncs: type[ReferenceChildSyncs] = ReferenceChildSyncs,
        unsync_notes: type[ReferenceUnsyncNotes] = ReferenceUnsyncNotes,
        tdp_roots: type[ReferenceTdpRoots] = ReferenceTdpRoots,
        mode_changes: type[ReferenceModeChanges] = ReferenceModeChanges,
        slot_changes: type[ReferenceSlotChanges] = ReferenceSlotChanges,
        level_limits: type[ReferenceLevelLimits] = ReferenceLevelLimits,
        shadow_splits: type[ReferenceShadowSplits] = ReferenceShadowSplits,
        page_entries: type[ReferencePageEntries] = ReferencePageEntries,
        removed_tables: type[ReferenceRemovedTables] = ReferenceRemovedTables,
        root_loops: type[ReferenceRootLoops] = ReferenceRootLoops,
        flush_ranges: type[ReferenceFlushRanges] = ReferenceFlushRanges,
        reserved_bits: type[ReferenceReservedBits] = ReferenceReservedBits,
        resyncs: type[ReferenceResyncs] = ReferenceResyncs,
        mappings: type[ReferenceMappings] = ReferenceMappings,
        exits: type[ReferenceExits] = ReferenceExits,
        faults: type[ReferenceFaults] = ReferenceFaults,
        asked_mappings: type[ReferenceAskedMappings] = ReferenceAskedMappings,
        fault_handlers: type[ReferenceFaultHandlers] = ReferenceFaultHandlers,
        nested: type[ReferenceNested] = ReferenceNested,
        settings: type[ReferenceSettings] = ReferenceSettings,
        guest_writes: type[ReferenceGuestWrites] = ReferenceGuestWrites,
        range_zaps: type[ReferenceRangeZaps] = ReferenceRangeZaps,
        late_faults: type[ReferenceLateFaults] = ReferenceLateFaults,
        created_mmus: type[ReferenceCreatedMmus] = ReferenceCreatedMmus,
        register_writes: type[ReferenceRegisterWrites] = ReferenceRegisterWrites,
        translations: type[ReferenceTranslations] = ReferenceTranslations,
        found_pages: type[ReferenceFoundPages] = ReferenceFoundPages,
        tlb_flushes: type[ReferenceTlbFlushes] = ReferenceTlbFlushes,
        freed_pages: type[ReferenceFreedPages] = ReferenceFreedPages,
        unfaulted_levels: type[ReferenceUnfaultedLevels] = ReferenceUnfaultedLevels,
        fast_faults: type[ReferenceFastFaults] = ReferenceFastFaults,
        dummy_roots: type[ReferenceDummyRoots] = ReferenceDummyRoots,
        entry_requests: type[ReferenceEntryRequests] = ReferenceEntryRequests,
        device_changes: type[ReferenceDeviceChanges] = ReferenceDeviceChanges,
        page_logs: type[ReferencePageLogs] = ReferencePageLogs,
        aged_lists: type[ReferenceAgedLists] = ReferenceAgedLists,
        fault_roots: type[ReferenceFaultRoots] = ReferenceFaultRoots,
        address_widths: type[ReferenceAddressWidths] = ReferenceAddressWidths,
        special_roots: type[ReferenceSpecialRoots] = ReferenceSpecialRoots,
        released_roots: type[ReferenceReleasedRoots] = ReferenceReleasedRoots,
        guest_flushes: type[ReferenceGuestFlushes] = ReferenceGuestFlushes,
        page_directory_pointers: type[ReferencePageDirectoryPointers] = ReferencePageDirectoryPointers,
        host_ranges: type[ReferenceHostRanges] = ReferenceHostRanges,
        page_fault_routes: type[ReferencePageFaultRoutes] = ReferencePageFaultRoutes,
        hardware_registers: type[ReferenceHardwareRegisters] = ReferenceHardwareRegisters,
        mixed_attributes: type[ReferenceMixedAttributes] = ReferenceMixedAttributes,
        frame_searches: type[ReferenceFrameSearches] = ReferenceFrameSearches,
        reverse_maps: type[ReferenceReverseMaps] = ReferenceReverseMaps,
        parent_links: type[ReferenceParentLinks] = ReferenceParentLinks,
        spte_lists: type[ReferenceSpteLists] = ReferenceSpteLists,
        zapped_pages: type[ReferenceZappedPages] = ReferenceZappedPages,
        page_sweeps: type[ReferencePageSweeps] = ReferencePageSweeps,
        injected_faults: type[ReferenceInjectedFaults] = ReferenceInjectedFaults,
        address_syncs: type[ReferenceAddressSyncs] = ReferenceAddressSyncs,
        invalidations: type[ReferenceInvalidations] = ReferenceInvalidations,
        shared_epts: type[ReferenceSharedEpts] = ReferenceSharedEpts,
        frame_bounds: type[ReferenceFrameBounds] = ReferenceFrameBounds,
        svm_flushes: type[ReferenceSvmFlushes] = ReferenceSvmFlushes,
        created_vms: type[ReferenceCreatedVms] = ReferenceCreatedVms,
        dropped_roots: type[ReferenceDroppedRoots] = ReferenceDroppedRoots,
        walk_yields: type[ReferenceWalkYields] = ReferenceWalkYields,
        recovered_pages: type[ReferenceRecoveredPages] = ReferenceRecoveredPages,
        linear_accesses: type[ReferenceLinearAccesses] = ReferenceLinearAccesses,
        vmx_gating: type[ReferenceVmxGating] = ReferenceVmxGating,
        svm_gating: type[ReferenceSvmGating] = ReferenceSvmGating,
        roles: type[ReferenceRoles] = ReferenceRoles,
        roots: type[ReferenceRoots] = ReferenceRoots,
        set_ups: type[ReferenceSetUps] = ReferenceSetUps,
        hardware_controls: type[ReferenceHardwareControls] = ReferenceHardwareControls,
        guest_registers: type[ReferenceGuestRegisters] = ReferenceGuestRegisters,
    ) -> None:
        self.constants = constants or Constants()
        self._walk_starts = walk_starts(self.constants)
        self._walks = walks(self.constants)
        self._walk_ends = walk_ends(self.constants, self._walks)
        self._walk_faults = walk_faults(self.constants, self._walk_ends)
        self._masks = masks(self.constants)
        self._sptes = sptes(self.constants)
        self._mmio = mmio(self.constants)
        self._mmio_faults = mmio_faults(self.constants, self._mmio)
        self._spte_changes = spte_changes(self.constants, self._sptes, self._walks)
        self._interference = interference(self.constants, self._sptes, self._spte_changes)
        self._stores = stores(self.constants, self._sptes)
        self._tdp_iterators = tdp_iterators(self.constants)
        self._map_rounds = map_rounds(self.constants)
        self._dirty_logging = dirty_logging(self.constants)
        self._huge_pages = huge_pages(self.constants)
        self._range_rounds = range_rounds(self.constants, self._sptes)
        self._shadow_walks = shadow_walks(self.constants, self._sptes)
        self._guest_tables = guest_tables(self.constants)
        self._kept_roots = kept_roots(self.constants)
        self._slot_sweeps = slot_sweeps(self.constants)
        self._frame_handlers = frame_handlers(self.constants)
        self._hand_overs = hand_overs(self.constants)
        self._gpte_flags = gpte_flags(self.constants)
        self._table_writes = table_writes(self.constants)
        self._nx_recovery = nx_recovery(self.constants)
        self._map_answers = map_answers(self.constants)
        self._prefetches = prefetches(self.constants)
        self._slot_walks = slot_walks(self.constants)
        self._child_syncs = child_syncs(self.constants)
        self._unsync_notes = unsync_notes(self.constants)
        self._tdp_roots = tdp_roots(self.constants)
        self._mode_changes = mode_changes(self.constants)
        self._slot_changes = slot_changes(self.constants)
        self._level_limits = level_limits(self.constants)
        self._shadow_splits = shadow_splits(self.constants)
        self._page_entries = page_entries(self.constants, self._sptes)
        self._removed_tables = removed_tables(self.constants, self._sptes)
        self._root_loops = root_loops(self.constants)
        self._flush_ranges = flush_ranges(self.constants, self._sptes)
        self._reserved_bits = reserved_bits(self.constants)
        self._resyncs = resyncs(self.constants, self._walks, self._walk_ends)
        self._mappings = mappings(self.constants, self._walks)
        self._exits = exits(self.constants)
        self._roles = roles(self.constants, self._walks)
        self._fetches = fetches(self.constants, self._sptes, self._roles)
        self._roots = roots(self.constants)
        self._set_ups = set_ups(self.constants, self._roles, self._walks, self._reserved_bits)
        self._hardware_controls = hardware_controls(self.constants)
        self._guest_registers = guest_registers(self.constants)
        self._faults = faults(self.constants)
        self._asked_mappings = asked_mappings(self.constants)
        self._fault_handlers = fault_handlers(self.constants)
        self._nested = nested(self.constants)
        self._settings = settings(self.constants)
        self._guest_writes = guest_writes(self.constants)
        self._range_zaps = range_zaps(self.constants)
        self._late_faults = late_faults(self.constants)
        self._created_mmus = created_mmus(self.constants)
        self._register_writes = register_writes(self.constants)
        self._translations = translations(self.constants)
        self._found_pages = found_pages(self.constants)
        self._tlb_flushes = tlb_flushes(self.constants)
        self._freed_pages = freed_pages(self.constants)
        self._unfaulted_levels = unfaulted_levels(self.constants)
        self._fast_faults = fast_faults(self.constants)
        self._dummy_roots = dummy_roots(self.constants)
        self._entry_requests = entry_requests(self.constants)
        self._device_changes = device_changes(self.constants)
        self._page_logs = page_logs(self.constants)
        self._aged_lists = aged_lists(self.constants)
        self._fault_roots = fault_roots(self.constants)
        self._address_widths = address_widths(self.constants)
        self._special_roots = special_roots(self.constants)
        self._released_roots = released_roots(self.constants)
        self._guest_flushes = guest_flushes(self.constants)
        self._page_directory_pointers = page_directory_pointers(self.constants)
        self._host_ranges = host_ranges(self.constants)
        self._page_fault_routes = page_fault_routes(self.constants)
        self._hardware_registers = hardware_registers(self.constants)
        self._mixed_attributes = mixed_attributes(self.constants)
        self._frame_searches = frame_searches(self.constants)
        self._reverse_maps = reverse_maps(self.constants)
        self._parent_links = parent_links(self.constants)
        self._spte_lists = spte_lists(self.constants)
        self._zapped_pages = zapped_pages(self.constants)
        self._page_sweeps = page_sweeps(self.constants)
        self._injected_faults = injected_faults(self.constants)
        self._address_syncs = address_syncs(self.constants)
        self._invalidations = invalidations(self.constants)
        self._shared_epts = shared_epts(self.constants)
        self._frame_bounds = frame_bounds(self.constants)
        self._svm_flushes = svm_flushes(self.constants)
        self._created_vms = created_vms(self.constants)
        self._dropped_roots = dropped_roots(self.constants)
        self._walk_yields = walk_yields(self.constants)
        self._recovered_pages = recovered_pages(self.constants)
        self._linear_accesses = linear_accesses(self.constants)
        self._vmx_gating, self._svm_gating = vmx_gating(self.constants), svm_gating(self.constants)

    @property
    def walk_starts(self) -> WalkStarts:
        """See `Kvm.walk_starts`."""
        return self._walk_starts

    @property
    def walks(self) -> Walks:
        """See `Kvm.walks`."""
        return self._walks

    @property
    def walk_ends(self) -> WalkEnds:
        """See `Kvm.walk_ends`."""
        return self._walk_ends

    @property
    def walk_faults(self) -> WalkFaults:
        """See `Kvm.walk_faults`."""
        return self._walk_faults

    @property
    def masks(self) -> Masks:
        """See `Kvm.masks`."""
        return self._masks

    @property
    def sptes(self) -> Sptes:
        """See `Kvm.sptes`."""
        return self._sptes

    @property
    def mmio(self) -> Mmio:
        """See `Kvm.mmio`."""
        return self._mmio

    @property
    def mmio_faults(self) -> MmioFaults:
        """See `Kvm.mmio_faults`."""
        return self._mmio_faults

    @property
    def spte_changes(self) -> SpteChanges:
        """See `Kvm.spte_changes`."""
        return self._spte_changes

    @property
    def interference(self) -> Interference:
        """See `Kvm.interference`."""
        return self._interference

    @property
    def stores(self) -> Stores:
        """See `Kvm.stores`."""
        return self._stores

    @property
    def tdp_iterators(self) -> TdpIterators:
        """See `Kvm.tdp_iterators`."""
        return self._tdp_iterators

    @property
    def map_rounds(self) -> MapRounds:
        """See `Kvm.map_rounds`."""
        return self._map_rounds

    @property
    def guest_writes(self) -> GuestWrites:
        """See `Kvm.guest_writes`."""
        return self._guest_writes

    @property
    def range_zaps(self) -> RangeZaps:
        """See `Kvm.range_zaps`."""
        return self._range_zaps

    @property
    def late_faults(self) -> LateFaults:
        """See `Kvm.late_faults`."""
        return self._late_faults

    @property
    def created_mmus(self) -> CreatedMmus:
        """See `Kvm.created_mmus`."""
        return self._created_mmus

    @property
    def register_writes(self) -> RegisterWrites:
        """See `Kvm.register_writes`."""
        return self._register_writes

    @property
    def translations(self) -> Translations:
        """See `Kvm.translations`."""
        return self._translations

    @property
    def found_pages(self) -> FoundPages:
        """See `Kvm.found_pages`."""
        return self._found_pages

    @property
    def tlb_flushes(self) -> TlbFlushes:
        """See `Kvm.tlb_flushes`."""
        return self._tlb_flushes

    @property
    def freed_pages(self) -> FreedPages:
        """See `Kvm.freed_pages`."""
        return self._freed_pages

    @property
    def unfaulted_levels(self) -> UnfaultedLevels:
        """See `Kvm.unfaulted_levels`."""
        return self._unfaulted_levels

    @property
    def fast_faults(self) -> FastFaults:
        """See `Kvm.fast_faults`."""
        return self._fast_faults

    @property
    def dummy_roots(self) -> DummyRoots:
        """See `Kvm.dummy_roots`."""
        return self._dummy_roots

    @property
    def entry_requests(self) -> EntryRequests:
        """See `Kvm.entry_requests`."""
        return self._entry_requests

    @property
    def device_changes(self) -> DeviceChanges:
        """See `Kvm.device_changes`."""
        return self._device_changes

    @property
    def page_logs(self) -> PageLogs:
        """See `Kvm.page_logs`."""
        return self._page_logs

    @property
    def aged_lists(self) -> AgedLists:
        """See `Kvm.aged_lists`."""
        return self._aged_lists

    @property
    def fault_roots(self) -> FaultRoots:
        """See `Kvm.fault_roots`."""
        return self._fault_roots

    @property
    def address_widths(self) -> AddressWidths:
        """See `Kvm.address_widths`."""
        return self._address_widths

    @property
    def special_roots(self) -> SpecialRoots:
        """See `Kvm.special_roots`."""
        return self._special_roots

    @property
    def released_roots(self) -> ReleasedRoots:
        """See `Kvm.released_roots`."""
        return self._released_roots

    @property
    def hardware_registers(self) -> HardwareRegisters:
        """See `Kvm.hardware_registers`."""
        return self._hardware_registers

    @property
    def host_ranges(self) -> HostRanges:
        """See `Kvm.host_ranges`."""
        return self._host_ranges

    @property
    def page_fault_routes(self) -> PageFaultRoutes:
        """See `Kvm.page_fault_routes`."""
        return self._page_fault_routes

    @property
    def page_directory_pointers(self) -> PageDirectoryPointers:
        """See `Kvm.page_directory_pointers`."""
        return self._page_directory_pointers

    @property
    def guest_flushes(self) -> GuestFlushes:
        """See `Kvm.guest_flushes`."""
        return self._guest_flushes

    @property
    def mixed_attributes(self) -> MixedAttributes:
        """See `Kvm.mixed_attributes`."""
        return self._mixed_attributes

    @property
    def frame_searches(self) -> FrameSearches:
        """See `Kvm.frame_searches`."""
        return self._frame_searches

    @property
    def reverse_maps(self) -> ReverseMaps:
        """See `Kvm.reverse_maps`."""
        return self._reverse_maps

    @property
    def parent_links(self) -> ParentLinks:
        """See `Kvm.parent_links`."""
        return self._parent_links

    @property
    def spte_lists(self) -> SpteLists:
        """See `Kvm.spte_lists`."""
        return self._spte_lists

    @property
    def zapped_pages(self) -> ZappedPages:
        """See `Kvm.zapped_pages`."""
        return self._zapped_pages

    @property
    def page_sweeps(self) -> PageSweeps:
        """See `Kvm.page_sweeps`."""
        return self._page_sweeps

    @property
    def injected_faults(self) -> InjectedFaults:
        """See `Kvm.injected_faults`."""
        return self._injected_faults

    @property
    def address_syncs(self) -> AddressSyncs:
        """See `Kvm.address_syncs`."""
        return self._address_syncs

    @property
    def invalidations(self) -> Invalidations:
        """See `Kvm.invalidations`."""
        return self._invalidations

    @property
    def shared_epts(self) -> SharedEpts:
        """See `Kvm.shared_epts`."""
        return self._shared_epts

    @property
    def frame_bounds(self) -> FrameBounds:
        """See `Kvm.frame_bounds`."""
        return self._frame_bounds

    @property
    def svm_flushes(self) -> SvmFlushes:
        """See `Kvm.svm_flushes`."""
        return self._svm_flushes

    @property
    def created_vms(self) -> CreatedVms:
        """See `Kvm.created_vms`."""
        return self._created_vms

    @property
    def dropped_roots(self) -> DroppedRoots:
        """See `Kvm.dropped_roots`."""
        return self._dropped_roots

    @property
    def walk_yields(self) -> WalkYields:
        """See `Kvm.walk_yields`."""
        return self._walk_yields

    @property
    def recovered_pages(self) -> RecoveredPages:
        """See `Kvm.recovered_pages`."""
        return self._recovered_pages

    @property
    def dirty_logging(self) -> DirtyLogging:
        """See `Kvm.dirty_logging`."""
        return self._dirty_logging

    @property
    def huge_pages(self) -> HugePages:
        """See `Kvm.huge_pages`."""
        return self._huge_pages

    @property
    def range_rounds(self) -> RangeRounds:
        """See `Kvm.range_rounds`."""
        return self._range_rounds

    @property
    def root_loops(self) -> RootLoops:
        """See `Kvm.root_loops`."""
        return self._root_loops

    @property
    def shadow_walks(self) -> ShadowWalks:
        """See `Kvm.shadow_walks`."""
        return self._shadow_walks

    @property
    def guest_tables(self) -> GuestTables:
        """See `Kvm.guest_tables`."""
        return self._guest_tables

    @property
    def kept_roots(self) -> KeptRoots:
        """See `Kvm.kept_roots`."""
        return self._kept_roots

    @property
    def slot_sweeps(self) -> SlotSweeps:
        """See `Kvm.slot_sweeps`."""
        return self._slot_sweeps

    @property
    def frame_handlers(self) -> FrameHandlers:
        """See `Kvm.frame_handlers`."""
        return self._frame_handlers

    @property
    def hand_overs(self) -> HandOvers:
        """See `Kvm.hand_overs`."""
        return self._hand_overs

    @property
    def gpte_flags(self) -> GpteFlags:
        """See `Kvm.gpte_flags`."""
        return self._gpte_flags

    @property
    def table_writes(self) -> TableWrites:
        """See `Kvm.table_writes`."""
        return self._table_writes

    @property
    def nx_recovery(self) -> NxRecovery:
        """See `Kvm.nx_recovery`."""
        return self._nx_recovery

    @property
    def map_answers(self) -> MapAnswers:
        """See `Kvm.map_answers`."""
        return self._map_answers

    @property
    def prefetches(self) -> Prefetches:
        """See `Kvm.prefetches`."""
        return self._prefetches

    @property
    def slot_walks(self) -> SlotWalks:
        """See `Kvm.slot_walks`."""
        return self._slot_walks

    @property
    def child_syncs(self) -> ChildSyncs:
        """See `Kvm.child_syncs`."""
        return self._child_syncs

    @property
    def unsync_notes(self) -> UnsyncNotes:
        """See `Kvm.unsync_notes`."""
        return self._unsync_notes

    @property
    def tdp_roots(self) -> TdpRoots:
        """See `Kvm.tdp_roots`."""
        return self._tdp_roots

    @property
    def mode_changes(self) -> ModeChanges:
        """See `Kvm.mode_changes`."""
        return self._mode_changes

    @property
    def slot_changes(self) -> SlotChanges:
        """See `Kvm.slot_changes`."""
        return self._slot_changes

    @property
    def level_limits(self) -> LevelLimits:
        """See `Kvm.level_limits`."""
        return self._level_limits

    @property
    def shadow_splits(self) -> ShadowSplits:
        """See `Kvm.shadow_splits`."""
        return self._shadow_splits

    @property
    def page_entries(self) -> PageEntries:
        """See `Kvm.page_entries`."""
        return self._page_entries

    @property
    def removed_tables(self) -> RemovedTables:
        """See `Kvm.removed_tables`."""
        return self._removed_tables

    @property
    def flush_ranges(self) -> FlushRanges:
        """See `Kvm.flush_ranges`."""
        return self._flush_ranges

    @property
    def fetches(self) -> Fetches:
        """See `Kvm.fetches`."""
        return self._fetches

    @property
    def reserved_bits(self) -> ReservedBits:
        """See `Kvm.reserved_bits`."""
        return self._reserved_bits

    @property
    def resyncs(self) -> Resyncs:
        """See `Kvm.resyncs`."""
        return self._resyncs

    @property
    def mappings(self) -> Mappings:
        """See `Kvm.mappings`."""
        return self._mappings

    @property
    def exits(self) -> Exits:
        """See `Kvm.exits`."""
        return self._exits

    @property
    def faults(self) -> Faults:
        """See `Kvm.faults`."""
        return self._faults

    @property
    def asked_mappings(self) -> AskedMappings:
        """See `Kvm.asked_mappings`."""
        return self._asked_mappings

    @property
    def fault_handlers(self) -> FaultHandlers:
        """See `Kvm.fault_handlers`."""
        return self._fault_handlers

    @property
    def nested(self) -> Nested:
        """See `Kvm.nested`."""
        return self._nested

    @property
    def roots(self) -> Roots:
        """See `Kvm.roots`."""
        return self._roots

    @property
    def roles(self) -> Roles:
        """See `Kvm.roles`."""
        return self._roles

    @property
    def set_ups(self) -> SetUps:
        """See `Kvm.set_ups`."""
        return self._set_ups

    @property
    def hardware_controls(self) -> HardwareControls:
        """See `Kvm.hardware_controls`."""
        return self._hardware_controls

    @property
    def guest_registers(self) -> GuestRegisters:
        """See `Kvm.guest_registers`."""
        return self._guest_registers

    @property
    def settings(self) -> Settings:
        """See `Kvm.settings`."""
        return self._settings

    @property
    def linear_accesses(self) -> LinearAccesses:
        """See `Kvm.linear_accesses`."""
        return self._linear_accesses

    @property
    def vmx_gating(self) -> VmxGating:
        """See `Kvm.vmx_gating`."""
        return self._vmx_gating

    @property
    def svm_gating(self) -> SvmGating:
        """See `Kvm.svm_gating`."""
        return self._svm_gating

    def _constant(self, name: str) -> int | None:
        if name in OF_OTHER_KERNELS or name in FORMER_BIT_NAMES:
            return None
        value = vars(self.constants).get(name)
        if not isinstance(value, int):
            raise UnlistedConstant(name, "model/reference/base/constants.py")
        return value

    def _has(self, _feature: Feature) -> bool:
        """See `Kvm.has`: all of them; the table of what SPTEs permit, which Linux 7.2.13 has not, is that of 7.3."""
        return True

    def failed_assertions(self) -> tuple[str, ...]:
        """See `Kvm.failed_assertions`."""
        return self.constants.failed_assertions()
