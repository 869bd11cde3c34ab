"""A kernel tree as an implementation of KVM's MMU."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar, cast

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import Gone, LiftError, Missing, SourceError
from mmuproof.lift.parsing.former_names import FormerNames
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.parsing.unit import ConstantNames, Unit
from mmuproof.lift.ran import Ran, note_assertions, remembered, rest_on
from mmuproof.lift.tree.configuration import Configuration
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.makefile import left_out_units, units_of_left_out_modules
from mmuproof.lift.tree.source import KernelTree
from mmuproof.lift.tree.stand_ins import StandIns, clang_arguments, write_stand_ins
from mmuproof.model.constants import FORMER_NAMES
from mmuproof.model.edits import SourceEdit, edited_files
from mmuproof.model.features import MARKS, Feature, FeatureMark, MarkKind, told
from mmuproof.model.kvm import Kvm
from mmuproof.model.lifted.address_syncs import LiftedAddressSyncs
from mmuproof.model.lifted.address_widths import LiftedAddressWidths
from mmuproof.model.lifted.aged_lists import LiftedAgedLists
from mmuproof.model.lifted.asked_mappings import LiftedAskedMappings
from mmuproof.model.lifted.child_syncs import LiftedChildSyncs
from mmuproof.model.lifted.constants import LOOKED_UP
from mmuproof.model.lifted.created_mmus import LiftedCreatedMmus
from mmuproof.model.lifted.created_vms import LiftedCreatedVms
from mmuproof.model.lifted.device_changes import LiftedDeviceChanges
from mmuproof.model.lifted.dirty_logging import LiftedDirtyLogging
from mmuproof.model.lifted.dropped_roots import LiftedDroppedRoots
from mmuproof.model.lifted.dummy_roots import LiftedDummyRoots
from mmuproof.model.lifted.entry_requests import LiftedEntryRequests
from mmuproof.model.lifted.exits import LiftedExits
from mmuproof.model.lifted.expected import expected_of
from mmuproof.model.lifted.fast_faults import LiftedFastFaults
from mmuproof.model.lifted.fault_handlers import LiftedFaultHandlers
from mmuproof.model.lifted.fault_roots import LiftedFaultRoots
from mmuproof.model.lifted.faults import LiftedFaults
from mmuproof.model.lifted.fetches import LiftedFetches
from mmuproof.model.lifted.flush_ranges import LiftedFlushRanges
from mmuproof.model.lifted.found_pages import LiftedFoundPages
from mmuproof.model.lifted.frame_bounds import LiftedFrameBounds
from mmuproof.model.lifted.frame_handlers import LiftedFrameHandlers
from mmuproof.model.lifted.frame_searches import LiftedFrameSearches
from mmuproof.model.lifted.freed_pages import LiftedFreedPages
from mmuproof.model.lifted.gpte_flags import LiftedGpteFlags
from mmuproof.model.lifted.guest_flushes import LiftedGuestFlushes
from mmuproof.model.lifted.guest_registers import LiftedGuestRegisters
from mmuproof.model.lifted.guest_tables import LiftedGuestTables
from mmuproof.model.lifted.guest_writes import LiftedGuestWrites
from mmuproof.model.lifted.hand_overs import LiftedHandOvers
from mmuproof.model.lifted.hardware_controls import LiftedHardwareControls
from mmuproof.model.lifted.hardware_registers import LiftedHardwareRegisters
from mmuproof.model.lifted.host_ranges import LiftedHostRanges
from mmuproof.model.lifted.huge_pages import LiftedHugePages
from mmuproof.model.lifted.injected_faults import LiftedInjectedFaults
from mmuproof.model.lifted.interference import LiftedInterference
from mmuproof.model.lifted.invalidations import LiftedInvalidations
from mmuproof.model.lifted.kept_roots import LiftedKeptRoots
from mmuproof.model.lifted.late_faults import LiftedLateFaults
from mmuproof.model.lifted.level_limits import LiftedLevelLimits
from mmuproof.model.lifted.linear_accesses import LiftedLinearAccesses
from mmuproof.model.lifted.map_answers import LiftedMapAnswers
from mmuproof.model.lifted.map_rounds import LiftedMapRounds
from mmuproof.model.lifted.mappings import LiftedMappings
from mmuproof.model.lifted.masks import LiftedMasks
from mmuproof.model.lifted.mixed_attributes import LiftedMixedAttributes
from mmuproof.model.lifted.mmio import LiftedMmio
from mmuproof.model.lifted.mmio_faults import LiftedMmioFaults
from mmuproof.model.lifted.mode_changes import LiftedModeChanges
from mmuproof.model.lifted.nested import LiftedNested
from mmuproof.model.lifted.nx_recovery import LiftedNxRecovery
from mmuproof.model.lifted.page_directory_pointers import LiftedPageDirectoryPointers
from mmuproof.model.lifted.page_entries import LiftedPageEntries
from mmuproof.model.lifted.page_fault_routes import LiftedPageFaultRoutes
from mmuproof.model.lifted.page_logs import LiftedPageLogs
from mmuproof.model.lifted.page_sweeps import LiftedPageSweeps
from mmuproof.model.lifted.parent_links import LiftedParentLinks
from mmuproof.model.lifted.prefetches import LiftedPrefetches
from mmuproof.model.lifted.range_rounds import LiftedRangeRounds
from mmuproof.model.lifted.range_zaps import LiftedRangeZaps
from mmuproof.model.lifted.recovered_pages import LiftedRecoveredPages
from mmuproof.model.lifted.register_writes import LiftedRegisterWrites
from mmuproof.model.lifted.released_roots import LiftedReleasedRoots
from mmuproof.model.lifted.removed_tables import LiftedRemovedTables
from mmuproof.model.lifted.reserved_bits import LiftedReservedBits
from mmuproof.model.lifted.resyncs import LiftedResyncs
from mmuproof.model.lifted.reverse_maps import LiftedReverseMaps
from mmuproof.model.lifted.roles import LiftedRoles
from mmuproof.model.lifted.root_loops import LiftedRootLoops
from mmuproof.model.lifted.roots import LiftedRoots
from mmuproof.model.lifted.set_ups import LiftedSetUps
from mmuproof.model.lifted.settings import LiftedSettings
from mmuproof.model.lifted.shadow_splits import LiftedShadowSplits
from mmuproof.model.lifted.shadow_walks import LiftedShadowWalks
from mmuproof.model.lifted.shared_epts import LiftedSharedEpts
from mmuproof.model.lifted.slot_changes import LiftedSlotChanges
from mmuproof.model.lifted.slot_sweeps import LiftedSlotSweeps
from mmuproof.model.lifted.slot_walks import LiftedSlotWalks
from mmuproof.model.lifted.special_roots import LiftedSpecialRoots
from mmuproof.model.lifted.spte_changes import LiftedSpteChanges
from mmuproof.model.lifted.spte_lists import LiftedSpteLists
from mmuproof.model.lifted.sptes import LiftedSptes
from mmuproof.model.lifted.stores import LiftedStores
from mmuproof.model.lifted.svm_flushes import LiftedSvmFlushes
from mmuproof.model.lifted.svm_gating import LiftedSvmGating
from mmuproof.model.lifted.table_writes import LiftedTableWrites
from mmuproof.model.lifted.tdp_iterators import LiftedTdpIterators
from mmuproof.model.lifted.tdp_roots import LiftedTdpRoots
from mmuproof.model.lifted.tlb_flushes import LiftedTlbFlushes
from mmuproof.model.lifted.translations import LiftedTranslations
from mmuproof.model.lifted.unfaulted_levels import LiftedUnfaultedLevels
from mmuproof.model.lifted.unit_paths import (
    CPUID_C,
    EVMCS_C,
    FORMER_EVMCS_C,
    HYPERV_C,
    KVM_MAIN_C,
    MMU_C,
    MSRS_C,
    NESTED_SVM_C,
    NESTED_VMX_C,
    PAGE_TRACK_C,
    REGS_C,
    SMM_C,
    SPTE_C,
    SVM_C,
    TDP_ITER_C,
    TDP_MMU_C,
    UNITS,
    VMX_C,
    X86_C,
    is_of_kvm,
)
from mmuproof.model.lifted.units import Units
from mmuproof.model.lifted.unsync_notes import LiftedUnsyncNotes
from mmuproof.model.lifted.vmx_gating import LiftedVmxGating
from mmuproof.model.lifted.walk_ends import LiftedWalkEnds
from mmuproof.model.lifted.walk_faults import LiftedWalkFaults
from mmuproof.model.lifted.walk_starts import LiftedWalkStarts
from mmuproof.model.lifted.walk_yields import LiftedWalkYields
from mmuproof.model.lifted.walks import LiftedWalks
from mmuproof.model.lifted.zapped_pages import LiftedZappedPages
from mmuproof.model.named import functions

_Area = TypeVar("_Area")
_MACRO = re.compile(r"[A-Z][A-Z0-9_]+")
_HEADERS = ("arch/x86/kvm/**/*.[ch]", "arch/x86/include/asm/*.h", "include/linux/kvm*.h")
_RECORDS = ("struct ", "union ")
_MEMBER = re.compile(r"((?:struct|union) \w+)\.([\w.]+)")


def _members_like(record: RecordType, path: str) -> tuple[str, ...]:
    """The members like the first that a path does not find; those of its type are not told apart."""
    known = record
    for part in path.split("."):
        inner = known.members.get(part)
        if inner is None:
            return tuple(get_close_matches(part, list(known.members), n=4, cutoff=0.4))
        if not isinstance(inner.type, RecordType):
            break
        known = inner.type
    return ()


class LiftedKvm(Kvm):
    """KVM's MMU as a tree has it; each area is lifted from the units that hold it.

    Args:
        units: the tree's translation units.
        config: the kernel configuration under which they are parsed.
        like: the tree without some edits, from which an area is taken that these do not touch.
    """

    def __init__(self, units: Units, config: Configuration, like: LiftedKvm | None = None) -> None:
        self.config, self.units, self._like = config, units, like
        self._areas: dict[str, tuple[object, Ran]] = {}
        self._features: dict[Feature, tuple[bool, Ran]] = {}

    def under(self, names: FormerNames) -> LiftedKvm:
        """The same tree, read under the names that an earlier one has."""
        return LiftedKvm(self.units.under(names), self.config)

    def part(self) -> None:
        """Take over what is the same in the tree that this one is like, and need that no more."""
        self.units.part()
        self._like = None

    def read_ahead(self) -> None:
        """Parse every unit, or load it where it is kept, and wait for it."""
        self.units.load(UNITS)
        self.units.finish()

    def every_unit(self) -> tuple[Unit, ...]:
        """Every unit that the tree has of those that are read.

        Raises:
            ParseFailed: one does not parse.
        """
        self.units.start(UNITS)
        return tuple(self.units.get(path) for path in UNITS if self.units.has(path))

    def _area(self, name: str, area: Callable[..., _Area], *paths: str) -> _Area:
        """The area of that name, made of the units at these paths."""
        if name not in self._areas:
            self.units.start(paths)
            units = [self.units.get(path) for path in paths]
            like = self._like
            same = like is not None and all(like.units.get(unit.path) is unit for unit in units)
            # What one of an area's units declares, another may define.
            others = {unit: [each for each in dict.fromkeys(units) if each is not unit] for unit in units}
            with remembered() as ran:
                found = getattr(like, name) if same else area(*(unit.among(others[unit]) for unit in units))
            self._areas[name] = found, ran
        found, ran = self._areas[name]
        rest_on(ran)
        return cast(_Area, found)

    @property
    def walk_starts(self) -> LiftedWalkStarts:
        """See `Kvm.walk_starts`."""
        return self._area("walk_starts", LiftedWalkStarts, MMU_C, NESTED_VMX_C, NESTED_SVM_C)

    @property
    def walks(self) -> LiftedWalks:
        """See `Kvm.walks`."""
        return self._area("walks", LiftedWalks, MMU_C)

    @property
    def walk_ends(self) -> LiftedWalkEnds:
        """See `Kvm.walk_ends`."""
        return self._area("walk_ends", LiftedWalkEnds, MMU_C)

    @property
    def walk_faults(self) -> LiftedWalkFaults:
        """See `Kvm.walk_faults`."""
        return self._area("walk_faults", LiftedWalkFaults, MMU_C)

    @property
    def masks(self) -> LiftedMasks:
        """See `Kvm.masks`."""
        return self._area("masks", LiftedMasks, SPTE_C, SVM_C, VMX_C)

    @property
    def sptes(self) -> LiftedSptes:
        """See `Kvm.sptes`."""
        return self._area("sptes", LiftedSptes, SPTE_C)

    @property
    def mmio(self) -> LiftedMmio:
        """See `Kvm.mmio`."""
        return self._area("mmio", LiftedMmio, SPTE_C, MMU_C)

    @property
    def mmio_faults(self) -> LiftedMmioFaults:
        """See `Kvm.mmio_faults`."""
        return self._area("mmio_faults", LiftedMmioFaults, MMU_C)

    @property
    def spte_changes(self) -> LiftedSpteChanges:
        """See `Kvm.spte_changes`."""
        return self._area("spte_changes", LiftedSpteChanges, SPTE_C, MMU_C, TDP_MMU_C)

    @property
    def interference(self) -> LiftedInterference:
        """See `Kvm.interference`."""
        return self._area("interference", LiftedInterference, SPTE_C, MMU_C, TDP_MMU_C)

    @property
    def stores(self) -> LiftedStores:
        """See `Kvm.stores`."""
        return self._area("stores", LiftedStores, MMU_C, TDP_MMU_C, SPTE_C)

    @property
    def tdp_iterators(self) -> LiftedTdpIterators:
        """See `Kvm.tdp_iterators`."""
        return self._area("tdp_iterators", LiftedTdpIterators, TDP_ITER_C, SPTE_C)

    @property
    def map_rounds(self) -> LiftedMapRounds:
        """See `Kvm.map_rounds`."""
        return self._area("map_rounds", LiftedMapRounds, MMU_C, TDP_MMU_C, SPTE_C)

    @property
    def fetches(self) -> LiftedFetches:
        """See `Kvm.fetches`."""
        return self._area("fetches", LiftedFetches, MMU_C, SPTE_C)

    @property
    def guest_writes(self) -> LiftedGuestWrites:
        """See `Kvm.guest_writes`."""
        return self._area("guest_writes", LiftedGuestWrites, MMU_C)

    @property
    def range_zaps(self) -> LiftedRangeZaps:
        """See `Kvm.range_zaps`."""
        return self._area("range_zaps", LiftedRangeZaps, MMU_C, TDP_MMU_C)

    @property
    def late_faults(self) -> LiftedLateFaults:
        """See `Kvm.late_faults`."""
        return self._area("late_faults", LiftedLateFaults, MMU_C)

    @property
    def register_writes(self) -> LiftedRegisterWrites:
        """See `Kvm.register_writes`."""
        return self._area("register_writes", LiftedRegisterWrites, self._first(REGS_C, X86_C), X86_C)

    @property
    def translations(self) -> LiftedTranslations:
        """See `Kvm.translations`."""
        return self._area("translations", LiftedTranslations, MMU_C)

    @property
    def found_pages(self) -> LiftedFoundPages:
        """See `Kvm.found_pages`."""
        return self._area("found_pages", LiftedFoundPages, MMU_C)

    @property
    def tlb_flushes(self) -> LiftedTlbFlushes:
        """See `Kvm.tlb_flushes`."""
        return self._area("tlb_flushes", LiftedTlbFlushes, VMX_C, X86_C, SVM_C)

    @property
    def hardware_registers(self) -> LiftedHardwareRegisters:
        """See `Kvm.hardware_registers`."""
        return self._area("hardware_registers", LiftedHardwareRegisters, VMX_C, SVM_C, NESTED_SVM_C)

    @property
    def host_ranges(self) -> LiftedHostRanges:
        """See `Kvm.host_ranges`."""
        return self._area("host_ranges", LiftedHostRanges, KVM_MAIN_C)

    @property
    def page_fault_routes(self) -> LiftedPageFaultRoutes:
        """See `Kvm.page_fault_routes`."""
        return self._area("page_fault_routes", LiftedPageFaultRoutes, NESTED_VMX_C, NESTED_SVM_C)

    @property
    def page_directory_pointers(self) -> LiftedPageDirectoryPointers:
        """See `Kvm.page_directory_pointers`."""
        units = (self._first(REGS_C, X86_C), VMX_C, NESTED_SVM_C)
        return self._area("page_directory_pointers", LiftedPageDirectoryPointers, *units)

    @property
    def freed_pages(self) -> LiftedFreedPages:
        """See `Kvm.freed_pages`."""
        return self._area("freed_pages", LiftedFreedPages, MMU_C, TDP_MMU_C)

    @property
    def unfaulted_levels(self) -> LiftedUnfaultedLevels:
        """See `Kvm.unfaulted_levels`."""
        return self._area("unfaulted_levels", LiftedUnfaultedLevels, MMU_C, SPTE_C)

    @property
    def fast_faults(self) -> LiftedFastFaults:
        """See `Kvm.fast_faults`."""
        return self._area("fast_faults", LiftedFastFaults, MMU_C)

    @property
    def dummy_roots(self) -> LiftedDummyRoots:
        """See `Kvm.dummy_roots`."""
        return self._area("dummy_roots", LiftedDummyRoots, MMU_C)

    @property
    def entry_requests(self) -> LiftedEntryRequests:
        """See `Kvm.entry_requests`."""
        return self._area("entry_requests", LiftedEntryRequests, X86_C, NESTED_VMX_C)

    @property
    def device_changes(self) -> LiftedDeviceChanges:
        """See `Kvm.device_changes`."""
        return self._area("device_changes", LiftedDeviceChanges, X86_C, MMU_C)

    @property
    def page_logs(self) -> LiftedPageLogs:
        """See `Kvm.page_logs`."""
        return self._area("page_logs", LiftedPageLogs, VMX_C, NESTED_VMX_C)

    @property
    def aged_lists(self) -> LiftedAgedLists:
        """See `Kvm.aged_lists`."""
        return self._area("aged_lists", LiftedAgedLists, MMU_C, SPTE_C)

    @property
    def fault_roots(self) -> LiftedFaultRoots:
        """See `Kvm.fault_roots`."""
        return self._area("fault_roots", LiftedFaultRoots, TDP_MMU_C, MMU_C)

    @property
    def address_widths(self) -> LiftedAddressWidths:
        """See `Kvm.address_widths`."""
        return self._area("address_widths", LiftedAddressWidths, SPTE_C)

    @property
    def special_roots(self) -> LiftedSpecialRoots:
        """See `Kvm.special_roots`."""
        return self._area("special_roots", LiftedSpecialRoots, MMU_C)

    @property
    def released_roots(self) -> LiftedReleasedRoots:
        """See `Kvm.released_roots`."""
        return self._area("released_roots", LiftedReleasedRoots, MMU_C, TDP_MMU_C)

    @property
    def guest_flushes(self) -> LiftedGuestFlushes:
        """See `Kvm.guest_flushes`."""
        # A configuration may leave Hyper-V out.
        hyperv = [HYPERV_C] if self.units.has(HYPERV_C) else []
        return self._area("guest_flushes", LiftedGuestFlushes, NESTED_VMX_C, X86_C, *hyperv)

    @property
    def mixed_attributes(self) -> LiftedMixedAttributes:
        """See `Kvm.mixed_attributes`."""
        return self._area("mixed_attributes", LiftedMixedAttributes, MMU_C)

    @property
    def frame_searches(self) -> LiftedFrameSearches:
        """See `Kvm.frame_searches`."""
        return self._area("frame_searches", LiftedFrameSearches, MMU_C)

    @property
    def reverse_maps(self) -> LiftedReverseMaps:
        """See `Kvm.reverse_maps`."""
        return self._area("reverse_maps", LiftedReverseMaps, MMU_C, SPTE_C)

    @property
    def parent_links(self) -> LiftedParentLinks:
        """See `Kvm.parent_links`."""
        return self._area("parent_links", LiftedParentLinks, MMU_C, SPTE_C)

    @property
    def spte_lists(self) -> LiftedSpteLists:
        """See `Kvm.spte_lists`."""
        return self._area("spte_lists", LiftedSpteLists, MMU_C)

    @property
    def zapped_pages(self) -> LiftedZappedPages:
        """See `Kvm.zapped_pages`."""
        return self._area("zapped_pages", LiftedZappedPages, MMU_C, TDP_MMU_C)

    @property
    def page_sweeps(self) -> LiftedPageSweeps:
        """See `Kvm.page_sweeps`."""
        return self._area("page_sweeps", LiftedPageSweeps, MMU_C, TDP_MMU_C)

    @property
    def injected_faults(self) -> LiftedInjectedFaults:
        """See `Kvm.injected_faults`."""
        return self._area("injected_faults", LiftedInjectedFaults, X86_C, MMU_C)

    @property
    def address_syncs(self) -> LiftedAddressSyncs:
        """See `Kvm.address_syncs`."""
        return self._area("address_syncs", LiftedAddressSyncs, MMU_C)

    @property
    def invalidations(self) -> LiftedInvalidations:
        """See `Kvm.invalidations`."""
        return self._area("invalidations", LiftedInvalidations, MMU_C, NESTED_VMX_C, NESTED_SVM_C, X86_C)

    @property
    def shared_epts(self) -> LiftedSharedEpts:
        """See `Kvm.shared_epts`."""
        return self._area("shared_epts", LiftedSharedEpts, NESTED_VMX_C, MMU_C)

    @property
    def frame_bounds(self) -> LiftedFrameBounds:
        """See `Kvm.frame_bounds`."""
        return self._area("frame_bounds", LiftedFrameBounds, TDP_MMU_C)

    @property
    def svm_flushes(self) -> LiftedSvmFlushes:
        """See `Kvm.svm_flushes`."""
        return self._area("svm_flushes", LiftedSvmFlushes, SVM_C, X86_C)

    @property
    def created_vms(self) -> LiftedCreatedVms:
        """See `Kvm.created_vms`."""
        return self._area("created_vms", LiftedCreatedVms, MMU_C, SPTE_C, TDP_MMU_C)

    @property
    def dropped_roots(self) -> LiftedDroppedRoots:
        """See `Kvm.dropped_roots`."""
        return self._area("dropped_roots", LiftedDroppedRoots, TDP_MMU_C)

    @property
    def walk_yields(self) -> LiftedWalkYields:
        """See `Kvm.walk_yields`."""
        return self._area("walk_yields", LiftedWalkYields, TDP_MMU_C)

    @property
    def recovered_pages(self) -> LiftedRecoveredPages:
        """See `Kvm.recovered_pages`."""
        return self._area("recovered_pages", LiftedRecoveredPages, TDP_MMU_C, SPTE_C)

    @property
    def dirty_logging(self) -> LiftedDirtyLogging:
        """See `Kvm.dirty_logging`."""
        return self._area("dirty_logging", LiftedDirtyLogging, X86_C, MMU_C, TDP_MMU_C)

    @property
    def huge_pages(self) -> LiftedHugePages:
        """See `Kvm.huge_pages`."""
        return self._area("huge_pages", LiftedHugePages, MMU_C, SPTE_C)

    @property
    def range_rounds(self) -> LiftedRangeRounds:
        """See `Kvm.range_rounds`."""
        return self._area("range_rounds", LiftedRangeRounds, TDP_MMU_C, SPTE_C)

    @property
    def root_loops(self) -> LiftedRootLoops:
        """See `Kvm.root_loops`."""
        return self._area("root_loops", LiftedRootLoops, TDP_MMU_C, MMU_C, SPTE_C)

    @property
    def shadow_walks(self) -> LiftedShadowWalks:
        """See `Kvm.shadow_walks`."""
        return self._area("shadow_walks", LiftedShadowWalks, MMU_C, TDP_MMU_C)

    @property
    def guest_tables(self) -> LiftedGuestTables:
        """See `Kvm.guest_tables`."""
        return self._area("guest_tables", LiftedGuestTables, MMU_C, PAGE_TRACK_C, TDP_MMU_C)

    @property
    def kept_roots(self) -> LiftedKeptRoots:
        """See `Kvm.kept_roots`."""
        return self._area("kept_roots", LiftedKeptRoots, MMU_C, TDP_MMU_C)

    @property
    def slot_sweeps(self) -> LiftedSlotSweeps:
        """See `Kvm.slot_sweeps`."""
        return self._area("slot_sweeps", LiftedSlotSweeps, MMU_C, TDP_MMU_C)

    @property
    def frame_handlers(self) -> LiftedFrameHandlers:
        """See `Kvm.frame_handlers`."""
        return self._area("frame_handlers", LiftedFrameHandlers, MMU_C, TDP_MMU_C)

    @property
    def hand_overs(self) -> LiftedHandOvers:
        """See `Kvm.hand_overs`."""
        return self._area("hand_overs", LiftedHandOvers, MMU_C, TDP_MMU_C, X86_C)

    @property
    def gpte_flags(self) -> LiftedGpteFlags:
        """See `Kvm.gpte_flags`."""
        return self._area("gpte_flags", LiftedGpteFlags, MMU_C)

    @property
    def table_writes(self) -> LiftedTableWrites:
        """See `Kvm.table_writes`."""
        return self._area("table_writes", LiftedTableWrites, MMU_C)

    @property
    def nx_recovery(self) -> LiftedNxRecovery:
        """See `Kvm.nx_recovery`."""
        return self._area("nx_recovery", LiftedNxRecovery, MMU_C, TDP_MMU_C)

    @property
    def map_answers(self) -> LiftedMapAnswers:
        """See `Kvm.map_answers`."""
        return self._area("map_answers", LiftedMapAnswers, MMU_C, TDP_MMU_C, SPTE_C)

    @property
    def created_mmus(self) -> LiftedCreatedMmus:
        """See `Kvm.created_mmus`."""
        return self._area("created_mmus", LiftedCreatedMmus, MMU_C)

    @property
    def prefetches(self) -> LiftedPrefetches:
        """See `Kvm.prefetches`."""
        return self._area("prefetches", LiftedPrefetches, MMU_C, SPTE_C)

    @property
    def slot_walks(self) -> LiftedSlotWalks:
        """See `Kvm.slot_walks`."""
        return self._area("slot_walks", LiftedSlotWalks, MMU_C, SPTE_C)

    @property
    def child_syncs(self) -> LiftedChildSyncs:
        """See `Kvm.child_syncs`."""
        return self._area("child_syncs", LiftedChildSyncs, MMU_C, SPTE_C)

    @property
    def unsync_notes(self) -> LiftedUnsyncNotes:
        """See `Kvm.unsync_notes`."""
        return self._area("unsync_notes", LiftedUnsyncNotes, MMU_C, SPTE_C)

    @property
    def tdp_roots(self) -> LiftedTdpRoots:
        """See `Kvm.tdp_roots`."""
        return self._area("tdp_roots", LiftedTdpRoots, TDP_MMU_C)

    @property
    def mode_changes(self) -> LiftedModeChanges:
        """See `Kvm.mode_changes`."""
        return self._area("mode_changes", LiftedModeChanges, self._first(SMM_C, X86_C), CPUID_C)

    @property
    def slot_changes(self) -> LiftedSlotChanges:
        """See `Kvm.slot_changes`."""
        return self._area("slot_changes", LiftedSlotChanges, X86_C, MMU_C, SPTE_C)

    @property
    def level_limits(self) -> LiftedLevelLimits:
        """See `Kvm.level_limits`."""
        return self._area("level_limits", LiftedLevelLimits, MMU_C, SPTE_C)

    @property
    def shadow_splits(self) -> LiftedShadowSplits:
        """See `Kvm.shadow_splits`."""
        return self._area("shadow_splits", LiftedShadowSplits, MMU_C, SPTE_C)

    @property
    def page_entries(self) -> LiftedPageEntries:
        """See `Kvm.page_entries`."""
        return self._area("page_entries", LiftedPageEntries, MMU_C, SPTE_C)

    @property
    def removed_tables(self) -> LiftedRemovedTables:
        """See `Kvm.removed_tables`."""
        return self._area("removed_tables", LiftedRemovedTables, TDP_MMU_C, TDP_ITER_C, MMU_C, SPTE_C)

    @property
    def flush_ranges(self) -> LiftedFlushRanges:
        """See `Kvm.flush_ranges`."""
        return self._area("flush_ranges", LiftedFlushRanges, MMU_C, TDP_MMU_C, SPTE_C)

    @property
    def reserved_bits(self) -> LiftedReservedBits:
        """See `Kvm.reserved_bits`."""
        return self._area("reserved_bits", LiftedReservedBits, MMU_C, CPUID_C, self._first(REGS_C, X86_C), NESTED_VMX_C)

    @property
    def resyncs(self) -> LiftedResyncs:
        """See `Kvm.resyncs`."""
        return self._area("resyncs", LiftedResyncs, MMU_C, SPTE_C)

    @property
    def mappings(self) -> LiftedMappings:
        """See `Kvm.mappings`."""
        return self._area("mappings", LiftedMappings, MMU_C, SPTE_C, NESTED_VMX_C)

    @property
    def exits(self) -> LiftedExits:
        """See `Kvm.exits`."""
        return self._area("exits", LiftedExits, VMX_C, NESTED_VMX_C, SVM_C, NESTED_SVM_C)

    @property
    def faults(self) -> LiftedFaults:
        """See `Kvm.faults`."""
        return self._area("faults", LiftedFaults, MMU_C)

    @property
    def asked_mappings(self) -> LiftedAskedMappings:
        """See `Kvm.asked_mappings`."""
        return self._area("asked_mappings", LiftedAskedMappings, MMU_C, TDP_MMU_C)

    @property
    def fault_handlers(self) -> LiftedFaultHandlers:
        """See `Kvm.fault_handlers`."""
        return self._area("fault_handlers", LiftedFaultHandlers, MMU_C)

    @property
    def nested(self) -> LiftedNested:
        """See `Kvm.nested`."""
        # Before each vendor had a function of its own, there was one in x86.c.
        own = self.units.get(NESTED_VMX_C).has_function(functions.VMX_TRANSLATE_NESTED_GPA)
        translators = (NESTED_VMX_C, NESTED_SVM_C) if own else (X86_C, X86_C)
        return self._area("nested", LiftedNested, MMU_C, self._first(REGS_C, X86_C), *translators)

    @property
    def roles(self) -> LiftedRoles:
        """See `Kvm.roles`."""
        return self._area("roles", LiftedRoles, MMU_C, TDP_MMU_C, SPTE_C)

    @property
    def roots(self) -> LiftedRoots:
        """See `Kvm.roots`."""
        return self._area("roots", LiftedRoots, MMU_C, self._first(REGS_C, X86_C), NESTED_VMX_C, NESTED_SVM_C)

    @property
    def set_ups(self) -> LiftedSetUps:
        """See `Kvm.set_ups`."""
        return self._area("set_ups", LiftedSetUps, MMU_C)

    @property
    def hardware_controls(self) -> LiftedHardwareControls:
        """See `Kvm.hardware_controls`."""
        return self._area("hardware_controls", LiftedHardwareControls, VMX_C, SVM_C)

    @property
    def guest_registers(self) -> LiftedGuestRegisters:
        """See `Kvm.guest_registers`."""
        of_both = (self._first(REGS_C, X86_C), self._first(MSRS_C, X86_C))
        of_vendors = (VMX_C, NESTED_VMX_C, SVM_C, NESTED_SVM_C)
        return self._area("guest_registers", LiftedGuestRegisters, *of_both, *of_vendors)

    @property
    def settings(self) -> LiftedSettings:
        """See `Kvm.settings`."""
        return self._area("settings", LiftedSettings, MMU_C)

    @property
    def linear_accesses(self) -> LiftedLinearAccesses:
        """See `Kvm.linear_accesses`."""
        return self._area("linear_accesses", LiftedLinearAccesses, X86_C)

    @property
    def vmx_gating(self) -> LiftedVmxGating:
        """See `Kvm.vmx_gating`."""
        # A configuration may leave enlightened VMCSs out.
        evmcs = [path for path in (EVMCS_C, FORMER_EVMCS_C) if self.units.has(path)]
        return self._area("vmx_gating", LiftedVmxGating, VMX_C, NESTED_VMX_C, *evmcs[:1])

    @property
    def svm_gating(self) -> LiftedSvmGating:
        """See `Kvm.svm_gating`."""
        return self._area("svm_gating", LiftedSvmGating, SVM_C, NESTED_SVM_C)

    def _first(self, *paths: str) -> str:
        """The first of these units that the tree has, the last if it has none of them."""
        return next((path for path in paths if self.units.has(path)), paths[-1])

    def _constant(self, name: str) -> int | None:
        unit = self.units.get(SPTE_C)
        value = unit.constant(name)
        return unit.constant(FORMER_NAMES[name]) if value is None and name in FORMER_NAMES else value

    def _has(self, feature: Feature) -> bool:
        """See `Kvm.has`."""
        if feature not in self._features:
            gone: list[Gone] = []
            with remembered() as ran:
                there = told(feature, {mark: self._is_there(mark, gone) for mark in MARKS[feature]})
            # All of its marks are away together, and an earlier kernel has them.
            if not there and gone:
                raise gone[0]
            self._features[feature] = there, ran
        there, ran = self._features[feature]
        rest_on(ran)
        return there

    def _is_there(self, mark: FeatureMark, gone: list[Gone]) -> bool:
        if not self.units.has(mark.unit):
            return False
        unit = self.units.get(mark.unit)
        try:
            if mark.kind is MarkKind.CONSTANT:
                return unit.constant(mark.name) is not None
            if mark.kind is MarkKind.FUNCTION:
                if unit.find_function(mark.name) is not None:
                    return unit.has_function(mark.name)
                # It may have moved to another file of the MMU's.
                moved = any(each.find_function(mark.name) for each in self._mmu_and_parsed())
                return moved or unit.has_function(mark.name)
            if mark.kind is MarkKind.VARIABLE:
                return unit.has_variable(mark.name)
            record, _, name = mark.name.rpartition(".")
            return unit.has_member(record, name)
        except Gone as error:
            gone.append(error)
            return False

    def near(self, name: str) -> tuple[str, ...]:
        """See `Kvm.near`; of functions, variables, structs, and members of a struct."""
        found = _MEMBER.match(name)
        if found is None and name.startswith(_RECORDS):
            records = {each for unit in self.units.parsed for each in unit.declared.records}
            return tuple(get_close_matches(name, sorted(records), n=3, cutoff=0.7))
        if found is None and not name.endswith("()"):
            variables = {each for unit in self.units.parsed for each in unit.declared.variables}
            return tuple(get_close_matches(name, sorted(variables), n=3, cutoff=0.7))
        if found is None:
            units = self._mmu_and_parsed()
            where = {f"{each}()": file for unit in units for each, file in unit.functions_in(is_of_kvm).items()}
            if name in where:
                return (f"{name} in {where[name]}",)
            return tuple(get_close_matches(name, sorted(where), n=5))
        record, path = found.groups()
        for unit in self.units.parsed:
            with suppress(Missing):
                return _members_like(unit.record(record), path)
        return ()

    def place_of(self, name: str) -> str:
        """See `Kvm.place_of`; of the units that are parsed."""
        if _MACRO.fullmatch(name):
            return self.units.defining(name, *_HEADERS)
        return next((str(unit.place_of(name)) for unit in self.units.parsed if name in unit.definitions), "")

    def _mmu_and_parsed(self) -> Iterator[Unit]:
        """The MMU's own units, where what has moved is likely to be, and all others that have been read."""
        parsed = self.units.parsed
        yield from parsed
        for path in (SPTE_C, MMU_C, TDP_MMU_C):
            with suppress(LiftError):
                if self.units.has(path):
                    yield self.units.get(path)

    def failed_assertions(self) -> tuple[str, ...]:
        """See `Kvm.failed_assertions`."""
        note_assertions()
        failed = (each for unit in self.every_unit() for each in unit.failed_assertions)
        return tuple(sorted({f"The static_assert at {each.at} fails: {each.message}." for each in failed}))


NO_TEXTS: Mapping[str, str] = MappingProxyType({})
"""Of a tree that reads as its files do."""


@contextmanager
def open_kernel(
    tree: KernelTree,
    edits: Sequence[SourceEdit] = (),
    *,
    given: DotConfig | None = None,
    ahead: bool = False,
    like: LiftedKvm | None = None,
    changed: Collection[str] = (),
    more: Collection[str] = (),
    saved: SavedUnits | None = None,
    texts: Mapping[str, str] = NO_TEXTS,
) -> Iterator[LiftedKvm]:
    """Parse a tree's MMU code; the result can be used inside the ``with`` block.

    Args:
        tree: the kernel's source.
        edits: changes to the text, made in memory.
        given: the user's configuration; ours if there is none.
        ahead: parse every unit before the block begins; otherwise each is parsed when it is needed.
        like: the same tree without the edits and with other text in ``changed``, open as long as this one; what has
            not changed is shared with it.
        changed: the files, relative to the tree, in which it is not like ``like``.
        more: macros whose values are asked for beside those that all trees are asked for.
        saved: where parsed units are kept; not used where there are edits, or macros beside the usual ones.
        texts: what stands in the place of some files, made in memory; no edit is of one of them.

    Raises:
        ParseFailed: a translation unit does not parse; also later, from what the block asks.
        SourceError: a file is missing, or an edit does not fit; also later.
    """
    edited = {**edited_files(tree.root, edits), **texts}
    with tempfile.TemporaryDirectory(prefix="mmuproof-") as folder:
        constants = ConstantNames((*LOOKED_UP.names, *more), LOOKED_UP.listed_in)
        kept = None if edited or more else saved

        def stand_ins_for(config: DotConfig | None, name: str) -> StandIns:
            # Without a disk to keep them on it goes on as well; what is wrong with the tree is told then.
            with suppress(SourceError):
                if kept is not None:
                    return kept.stand_ins(tree.root, config)
            return write_stand_ins(tree.root, Path(folder, name), config)

        stand_ins = stand_ins_for(given, "given")
        ours = stand_ins if given is None else stand_ins_for(None, "ours")
        left_out = left_out_units(tree.root, stand_ins.configuration)

        # What the user's configuration does not build may not even parse under it; no result speaks of it.
        unbuilt = units_of_left_out_modules(tree.root, stand_ins.configuration)

        def parse(path: str) -> Unit:
            arguments = clang_arguments(tree.root, ours if path in unbuilt else stand_ins, path)
            if kept is None:
                unit = Unit(tree.root, path, arguments, constants, edited)
            else:
                unit = kept.unit(tree.root, path, arguments)
            unit.expect(expected_of(tree.version, path))
            if ours is not stand_ins and path not in unbuilt and (lacking := unit.lacking):
                # What is there under our configuration is left out by the user's, and not lost.
                with suppress(LiftError):
                    whole = Unit(tree.root, path, clang_arguments(tree.root, ours, path), constants, edited)
                    unit.lacks_rightly(filter(whole.has, lacking))
            return unit

        with Units(tree.root, parse, None if like is None else like.units, {*edited, *changed}, left_out) as units:
            kvm = LiftedKvm(units, stand_ins.configuration, like)
            if ahead:
                kvm.read_ahead()
            yield kvm
        if kept is not None:
            kept.finish()
