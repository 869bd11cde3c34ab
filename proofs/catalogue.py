"""All theorems, in the order of the catalogue."""

from __future__ import annotations

from mmuproof.proofs.entry import present as entry
from mmuproof.proofs.entry import reserved as entry_reserved
from mmuproof.proofs.entry import shadow as entry_shadow
from mmuproof.proofs.exit import answered, faults, injected
from mmuproof.proofs.exit import asked_ahead as exit_asked_ahead
from mmuproof.proofs.exit import devices as exit_devices
from mmuproof.proofs.exit import error_codes as exits
from mmuproof.proofs.exit import given_faults as exit_given_faults
from mmuproof.proofs.exit import handed_on as exit_handed_on
from mmuproof.proofs.exit import late as exit_late
from mmuproof.proofs.exit import mapped as exit_mapped
from mmuproof.proofs.exit import pre_faults as exit_pre_faults
from mmuproof.proofs.exit import routed as exit_routed
from mmuproof.proofs.exit import searched as exit_searched
from mmuproof.proofs.exit import walked as exit_walked
from mmuproof.proofs.flush import addresses as flush_addresses
from mmuproof.proofs.flush import asids as flush_asids
from mmuproof.proofs.flush import asked as flush_asked
from mmuproof.proofs.flush import freed as flush_freed
from mmuproof.proofs.flush import ranges as flush_whole_ranges
from mmuproof.proofs.flush import registers as flush_registers
from mmuproof.proofs.flush import requests as flush_requests
from mmuproof.proofs.flush import rmap as flush_rmap
from mmuproof.proofs.flush import shared_epts as flush_shared_epts
from mmuproof.proofs.flush import tables as flush_tables
from mmuproof.proofs.flush import tags as flush_tags
from mmuproof.proofs.flush import transitions as flush_transitions
from mmuproof.proofs.gating import accepted_eptp as gating_accepted_eptp
from mmuproof.proofs.gating import advertised as gating_advertised
from mmuproof.proofs.gating import gmet as gating_gmet
from mmuproof.proofs.gating import mbec as gating_mbec
from mmuproof.proofs.interference import exchanged as interference_exchanged
from mmuproof.proofs.interference import kept as interference_kept
from mmuproof.proofs.layout import acc, software_bits
from mmuproof.proofs.layout import fields as layout
from mmuproof.proofs.loop import bounds as loop_bounds
from mmuproof.proofs.loop import fetching as loop_fetching
from mmuproof.proofs.loop import iterator as loop_iterator
from mmuproof.proofs.loop import mapping as loop_mapping
from mmuproof.proofs.loop import ranges as loop_ranges
from mmuproof.proofs.loop import roots as loop_roots
from mmuproof.proofs.loop import shadow_walks as loop_shadow_walks
from mmuproof.proofs.loop import slot_walks as loop_slot_walks
from mmuproof.proofs.loop import yields as loop_yields
from mmuproof.proofs.loop import zapping as loop_zapping
from mmuproof.proofs.nested import judgement as nested_judgement
from mmuproof.proofs.nested import linear as nested_linear
from mmuproof.proofs.nested import structures as nested_structures
from mmuproof.proofs.nested import translation as nested_translation
from mmuproof.proofs.permission import metadata as permission_metadata
from mmuproof.proofs.permission import nested as permission_nested
from mmuproof.proofs.permission import paging as permission_paging
from mmuproof.proofs.role import cpu as role_cpu
from mmuproof.proofs.role import dropped_root as role_dropped_root
from mmuproof.proofs.role import dummy_roots as role_dummy_roots
from mmuproof.proofs.role import eptp as role_eptp
from mmuproof.proofs.role import fault_roots as role_fault_roots
from mmuproof.proofs.role import found as role_found
from mmuproof.proofs.role import hardware as role_hardware
from mmuproof.proofs.role import kept as role_kept
from mmuproof.proofs.role import kept_roots as role_kept_roots
from mmuproof.proofs.role import loaded_cr3 as role_loaded_cr3
from mmuproof.proofs.role import made_roots as role_made_roots
from mmuproof.proofs.role import modes as role_modes
from mmuproof.proofs.role import nested as role_nested
from mmuproof.proofs.role import new_root as role_new_root
from mmuproof.proofs.role import page_directory_pointers as role_page_directory_pointers
from mmuproof.proofs.role import pages as role_pages
from mmuproof.proofs.role import registers as role_registers
from mmuproof.proofs.role import released_roots as role_released_roots
from mmuproof.proofs.role import reloaded as role_reloaded
from mmuproof.proofs.role import root as role_root
from mmuproof.proofs.role import run_registers as role_run_registers
from mmuproof.proofs.role import special_roots as role_special_roots
from mmuproof.proofs.role import swept_pages as role_swept_pages
from mmuproof.proofs.role import switched_eptp as role_switched_eptp
from mmuproof.proofs.role import tdp_root as role_tdp_root
from mmuproof.proofs.role import zapped as role_zapped
from mmuproof.proofs.setting import answers as setting_answers
from mmuproof.proofs.setup import consistent as setup_consistent
from mmuproof.proofs.setup import created as setup_created
from mmuproof.proofs.setup import created_vm as setup_created_vm
from mmuproof.proofs.setup import formats as setup_formats
from mmuproof.proofs.slot import aged_lists as slot_aged_lists
from mmuproof.proofs.slot import attributes as slot_attributes
from mmuproof.proofs.slot import changes as slot_changes
from mmuproof.proofs.slot import fast_faults as slot_fast_faults
from mmuproof.proofs.slot import guest_tables as slot_guest_tables
from mmuproof.proofs.slot import handed_on as slot_handed_on
from mmuproof.proofs.slot import host_ranges as slot_host_ranges
from mmuproof.proofs.slot import huge_pages as slot_huge_pages
from mmuproof.proofs.slot import limits as slot_limits
from mmuproof.proofs.slot import logging as slot_logging
from mmuproof.proofs.slot import nx_recovery as slot_nx_recovery
from mmuproof.proofs.slot import page_logs as slot_page_logs
from mmuproof.proofs.slot import sweeps as slot_sweeps
from mmuproof.proofs.slot import told_writes as slot_told_writes
from mmuproof.proofs.slot import unfaulted_levels as slot_unfaulted_levels
from mmuproof.proofs.spte import address_widths as spte_address_widths
from mmuproof.proofs.spte import exec_only, kinds, l1tf, lifecycle, mmio, tracking
from mmuproof.proofs.spte import execution as spte_execution
from mmuproof.proofs.spte import fields as spte_fields
from mmuproof.proofs.spte import flushes as spte_flushes
from mmuproof.proofs.spte import frames as spte_frames
from mmuproof.proofs.spte import host_mmio as spte_host_mmio
from mmuproof.proofs.spte import memory_types as spte_memory_types
from mmuproof.proofs.spte import mmio_faults as spte_mmio_faults
from mmuproof.proofs.spte import page as spte_page
from mmuproof.proofs.spte import permissions as spte_permissions
from mmuproof.proofs.spte import states as spte_states
from mmuproof.proofs.spte import table as spte_table
from mmuproof.proofs.stored import ahead as stored_ahead
from mmuproof.proofs.stored import answers as stored_answers
from mmuproof.proofs.stored import entries as stored_entries
from mmuproof.proofs.stored import flush_ranges, stores
from mmuproof.proofs.stored import handed_on as stored_handed_on
from mmuproof.proofs.stored import kept as stored_kept
from mmuproof.proofs.stored import lists as stored_lists
from mmuproof.proofs.stored import recovered as stored_recovered
from mmuproof.proofs.stored import removed as stored_removed
from mmuproof.proofs.stored import shadow_splits as stored_shadow_splits
from mmuproof.proofs.stored import unlinked as stored_unlinked
from mmuproof.proofs.theorem import Theorem
from mmuproof.proofs.walk import addresses as walk_addresses
from mmuproof.proofs.walk import changed as walk_changed
from mmuproof.proofs.walk import children as walk_children
from mmuproof.proofs.walk import ends as walk_ends
from mmuproof.proofs.walk import fetch_flag as walk_fetch_flag
from mmuproof.proofs.walk import flags as walk_flags
from mmuproof.proofs.walk import followed as walk_followed
from mmuproof.proofs.walk import noted_children as walk_noted_children
from mmuproof.proofs.walk import own_access as walk_own_access
from mmuproof.proofs.walk import reported as walk_reported
from mmuproof.proofs.walk import resync as walk_resync
from mmuproof.proofs.walk import starts as walk_starts
from mmuproof.proofs.walk import translated as walk_translated
from mmuproof.proofs.walk import whole as walk_whole
from mmuproof.proofs.walk import written as walk_written
from mmuproof.proofs.warnings import no_warning

THEOREMS: tuple[Theorem, ...] = (
    *layout.THEOREMS,
    *software_bits.THEOREMS,
    *kinds.THEOREMS,
    *acc.THEOREMS,
    *permission_nested.THEOREMS,
    *permission_paging.THEOREMS,
    *permission_metadata.THEOREMS,
    *walk_ends.THEOREMS,
    *walk_whole.THEOREMS,
    *walk_reported.THEOREMS,
    *walk_own_access.THEOREMS,
    *walk_fetch_flag.THEOREMS,
    *walk_resync.THEOREMS,
    *walk_changed.THEOREMS,
    *walk_children.THEOREMS,
    *walk_noted_children.THEOREMS,
    *walk_written.THEOREMS,
    *walk_translated.THEOREMS,
    *exec_only.THEOREMS,
    *entry.THEOREMS,
    *entry_reserved.THEOREMS,
    *entry_shadow.THEOREMS,
    *spte_permissions.THEOREMS,
    *spte_page.THEOREMS,
    *spte_execution.THEOREMS,
    *spte_table.THEOREMS,
    *spte_states.THEOREMS,
    *spte_flushes.THEOREMS,
    *spte_fields.THEOREMS,
    *spte_host_mmio.THEOREMS,
    *spte_memory_types.THEOREMS,
    *tracking.THEOREMS,
    *lifecycle.THEOREMS,
    *mmio.THEOREMS,
    *spte_mmio_faults.THEOREMS,
    *spte_frames.THEOREMS,
    *stores.THEOREMS,
    *stored_removed.THEOREMS,
    *stored_entries.THEOREMS,
    *stored_answers.THEOREMS,
    *flush_ranges.THEOREMS,
    *stored_kept.THEOREMS,
    *stored_unlinked.THEOREMS,
    *stored_lists.THEOREMS,
    *stored_ahead.THEOREMS,
    *stored_shadow_splits.THEOREMS,
    *flush_whole_ranges.THEOREMS,
    *flush_addresses.THEOREMS,
    *flush_tables.THEOREMS,
    *flush_shared_epts.THEOREMS,
    *stored_recovered.THEOREMS,
    *flush_rmap.THEOREMS,
    *flush_registers.THEOREMS,
    *flush_transitions.THEOREMS,
    *flush_tags.THEOREMS,
    *flush_requests.THEOREMS,
    *flush_asids.THEOREMS,
    *flush_asked.THEOREMS,
    *flush_freed.THEOREMS,
    *slot_unfaulted_levels.THEOREMS,
    *slot_fast_faults.THEOREMS,
    *role_dummy_roots.THEOREMS,
    *slot_aged_lists.THEOREMS,
    *role_fault_roots.THEOREMS,
    *spte_address_widths.THEOREMS,
    *role_special_roots.THEOREMS,
    *role_released_roots.THEOREMS,
    *loop_iterator.THEOREMS,
    *loop_mapping.THEOREMS,
    *loop_fetching.THEOREMS,
    *loop_zapping.THEOREMS,
    *loop_ranges.THEOREMS,
    *loop_yields.THEOREMS,
    *loop_bounds.THEOREMS,
    *loop_roots.THEOREMS,
    *loop_shadow_walks.THEOREMS,
    *loop_slot_walks.THEOREMS,
    *slot_logging.THEOREMS,
    *slot_page_logs.THEOREMS,
    *slot_huge_pages.THEOREMS,
    *slot_guest_tables.THEOREMS,
    *slot_nx_recovery.THEOREMS,
    *slot_attributes.THEOREMS,
    *walk_flags.THEOREMS,
    *walk_followed.THEOREMS,
    *walk_starts.THEOREMS,
    *walk_addresses.THEOREMS,
    *slot_sweeps.THEOREMS,
    *slot_handed_on.THEOREMS,
    *slot_host_ranges.THEOREMS,
    *slot_told_writes.THEOREMS,
    *stored_handed_on.THEOREMS,
    *role_reloaded.THEOREMS,
    *slot_changes.THEOREMS,
    *slot_limits.THEOREMS,
    *role_kept_roots.THEOREMS,
    *l1tf.THEOREMS,
    *no_warning.THEOREMS,
    *exits.THEOREMS,
    *injected.THEOREMS,
    *exit_given_faults.THEOREMS,
    *exit_routed.THEOREMS,
    *faults.THEOREMS,
    *exit_walked.THEOREMS,
    *exit_mapped.THEOREMS,
    *exit_handed_on.THEOREMS,
    *exit_late.THEOREMS,
    *exit_devices.THEOREMS,
    *exit_searched.THEOREMS,
    *exit_pre_faults.THEOREMS,
    *exit_asked_ahead.THEOREMS,
    *answered.THEOREMS,
    *nested_translation.THEOREMS,
    *nested_judgement.THEOREMS,
    *nested_structures.THEOREMS,
    *nested_linear.THEOREMS,
    *gating_mbec.THEOREMS,
    *gating_advertised.THEOREMS,
    *gating_accepted_eptp.THEOREMS,
    *gating_gmet.THEOREMS,
    *role_registers.THEOREMS,
    *role_modes.THEOREMS,
    *role_cpu.THEOREMS,
    *role_root.THEOREMS,
    *role_nested.THEOREMS,
    *role_hardware.THEOREMS,
    *role_eptp.THEOREMS,
    *role_new_root.THEOREMS,
    *role_made_roots.THEOREMS,
    *role_loaded_cr3.THEOREMS,
    *role_page_directory_pointers.THEOREMS,
    *role_run_registers.THEOREMS,
    *role_pages.THEOREMS,
    *role_found.THEOREMS,
    *role_kept.THEOREMS,
    *role_zapped.THEOREMS,
    *role_swept_pages.THEOREMS,
    *role_tdp_root.THEOREMS,
    *role_dropped_root.THEOREMS,
    *role_switched_eptp.THEOREMS,
    *setup_consistent.THEOREMS,
    *setup_formats.THEOREMS,
    *setup_created.THEOREMS,
    *setup_created_vm.THEOREMS,
    *setting_answers.THEOREMS,
    *interference_exchanged.THEOREMS,
    *interference_kept.THEOREMS,
)
