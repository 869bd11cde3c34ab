"""All defects by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmuproof.model.defects import (
    constants,
    dirty_logging,
    exits,
    fault_handlers,
    faults,
    fetches,
    flush_ranges,
    guest_registers,
    hardware_controls,
    huge_pages,
    interference,
    linear_accesses,
    map_rounds,
    mappings,
    masks,
    mmio,
    mmio_faults,
    nested,
    range_rounds,
    removed_tables,
    reserved_bits,
    resyncs,
    roles,
    root_loops,
    roots,
    set_ups,
    settings,
    shadow_walks,
    spte_changes,
    sptes,
    stores,
    svm_gating,
    tdp_iterators,
    vmx_gating,
    walk_ends,
    walks,
)
from mmuproof.model.defects.defect import Defect

DEFECTS: Mapping[str, Defect] = MappingProxyType(
    {
        each.name: each
        for each in (
            *walks.DEFECTS,
            *walk_ends.DEFECTS,
            *sptes.DEFECTS,
            *spte_changes.DEFECTS,
            *stores.DEFECTS,
            *interference.DEFECTS,
            *tdp_iterators.DEFECTS,
            *range_rounds.DEFECTS,
            *root_loops.DEFECTS,
            *removed_tables.DEFECTS,
            *shadow_walks.DEFECTS,
            *flush_ranges.DEFECTS,
            *huge_pages.DEFECTS,
            *dirty_logging.DEFECTS,
            *map_rounds.DEFECTS,
            *masks.DEFECTS,
            *mmio.DEFECTS,
            *mmio_faults.DEFECTS,
            *constants.DEFECTS,
            *reserved_bits.DEFECTS,
            *mappings.DEFECTS,
            *resyncs.DEFECTS,
            *fetches.DEFECTS,
            *exits.DEFECTS,
            *faults.DEFECTS,
            *fault_handlers.DEFECTS,
            *nested.DEFECTS,
            *linear_accesses.DEFECTS,
            *vmx_gating.DEFECTS,
            *svm_gating.DEFECTS,
            *guest_registers.DEFECTS,
            *hardware_controls.DEFECTS,
            *roles.DEFECTS,
            *roots.DEFECTS,
            *set_ups.DEFECTS,
            *settings.DEFECTS,
        )
    }
)
