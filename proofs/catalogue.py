"""All theorems, in the order of the catalogue."""

from __future__ import annotations

from mmuproof.proofs import (
    acc,
    entry,
    exec_only,
    layout,
    permission_metadata,
    permission_nested,
    permission_paging,
    tracking,
)
from mmuproof.proofs.theorem import Theorem

THEOREMS: tuple[Theorem, ...] = (
    *layout.THEOREMS,
    *acc.THEOREMS,
    *permission_nested.THEOREMS,
    *permission_paging.THEOREMS,
    *permission_metadata.THEOREMS,
    *exec_only.THEOREMS,
    *entry.THEOREMS,
    *tracking.THEOREMS,
)
