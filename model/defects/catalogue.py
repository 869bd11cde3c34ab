"""All defects by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmuproof.model.defects import (
    constants,
    exits,
    guest_registers,
    hardware_controls,
    linear_accesses,
    mappings,
    masks,
    mmio,
    nested,
    reserved_bits,
    roles,
    roots,
    set_ups,
    spte_changes,
    sptes,
    stores,
    svm_gating,
    vmx_gating,
    walks,
)
from mmuproof.model.defects.defect import Defect

DEFECTS: Mapping[str, Defect] = MappingProxyType(
    {
        each.name: each
        for each in (
            *walks.DEFECTS,
            *sptes.DEFECTS,
            *spte_changes.DEFECTS,
            *stores.DEFECTS,
            *masks.DEFECTS,
            *mmio.DEFECTS,
            *constants.DEFECTS,
            *reserved_bits.DEFECTS,
            *mappings.DEFECTS,
            *exits.DEFECTS,
            *nested.DEFECTS,
            *linear_accesses.DEFECTS,
            *vmx_gating.DEFECTS,
            *svm_gating.DEFECTS,
            *guest_registers.DEFECTS,
            *hardware_controls.DEFECTS,
            *roles.DEFECTS,
            *roots.DEFECTS,
            *set_ups.DEFECTS,
        )
    }
)
