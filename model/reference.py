"""The reference model: Linux 7.2's MMU code, written by hand on bit-vectors.

It needs no kernel.  ``tests/model/test_reference_equals_kernel.py`` proves it equal to the lifted C of
Linux 7.2, function by function.  Names are the kernel's; a method without an underscore describes the kernel
function of its name, the others are its ingredients.
"""

from __future__ import annotations

from mmuproof.model.reference_constants import Constants
from mmuproof.model.reference_gpte import GuestEntries
from mmuproof.model.reference_nested import NestedMmus
from mmuproof.model.reference_spte import ShadowEntries

__all__ = ["Constants", "ReferenceKvm"]


class ReferenceKvm(NestedMmus, GuestEntries, ShadowEntries):
    """KVM's MMU as Linux 7.2 has it.

    A defect is a subclass that overrides one method, or another value for one of the constants.
    """
