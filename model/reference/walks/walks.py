"""Software walks of guest page tables in the reference model."""

from __future__ import annotations

from mmuproof.model.reference.walks.gptes import GuestEntries
from mmuproof.model.reference.walks.nested_mmus import NestedMmus
from mmuproof.model.walks import Walks


class ReferenceWalks(NestedMmus, GuestEntries, Walks):
    """``permission_fault()``, the metadata and roles behind it, and guest entries."""
