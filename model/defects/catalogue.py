"""All defects by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmuproof.model.defects import (
    exits,
    gating,
    layout,
    linear_accesses,
    mappings,
    masks,
    mmio,
    nested,
    reserved_bits,
    roles,
    spte_changes,
    sptes,
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
            *masks.DEFECTS,
            *mmio.DEFECTS,
            *layout.DEFECTS,
            *reserved_bits.DEFECTS,
            *mappings.DEFECTS,
            *exits.DEFECTS,
            *nested.DEFECTS,
            *linear_accesses.DEFECTS,
            *gating.DEFECTS,
            *roles.DEFECTS,
        )
    }
)
