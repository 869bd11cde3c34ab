"""All defects by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmuproof.model.defects import layout, masks, sptes, walks
from mmuproof.model.defects.defect import Defect

DEFECTS: Mapping[str, Defect] = MappingProxyType({
    each.name: each
    for each in (
        *walks.DEFECTS,
        *sptes.DEFECTS,
        *masks.DEFECTS,
        *layout.DEFECTS,
    )
})  # fmt: skip
