"""Translations of L2's guest-physical addresses through L1's EPT or nested page tables, as a proof sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import AT_LEAST, counts_where
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import BitVec, Bool

WALKED_FORMATS: Mapping[int, GpteFormat] = MappingProxyType(
    {5: GpteFormat.PAGING64, 4: GpteFormat.PAGING64, 3: GpteFormat.PAGING64, 2: GpteFormat.PAGING32}
)
"""The levels of a guest's own page tables (``role.level``), and the code that walks them."""


def entries_read(levels: int) -> int:
    """How many entries such a walk reads from memory: the PDPTEs of PAE paging are registers."""
    return levels - 1 if levels == 3 else levels


@dataclass(frozen=True)
class NestedTranslation:
    """A call of ``kvm_translate_gpa()`` that reaches ``translate_nested_gpa()``.

    Attributes:
        guard: holds whenever the call is made.
        access: PFERR_* bits, 64 bits.
        pte_access: the ACC_* bits of the guest entries that led there, 64 bits; 0 where the tree hands none on.

    The address that is translated is not part of it: theorems about walks speak of that.
    """

    guard: Bool = field(metadata=AT_LEAST)
    access: BitVec = field(metadata=counts_where("guard"))
    pte_access: BitVec = field(metadata=counts_where("guard"))


@dataclass(frozen=True)
class LinearWalk:
    """The translations that a walk of L2's own page tables asks for, in ``FNAME(walk_addr_generic)()``.

    Attributes:
        structures: those of the tables, from the root on; none for a PDPTE of PAE paging.
        final: that of the address that the walk comes to.
        cr4_pse: ``role.cr4_pse``, which lets a PDE of 32-bit paging map a page.
        evidence: how they came about.
    """

    structures: tuple[NestedTranslation, ...]
    final: NestedTranslation
    cr4_pse: Bool
    evidence: Evidence


@dataclass(frozen=True)
class TranslationAsked:
    """One translation that some code asks for."""

    translation: NestedTranslation
    evidence: Evidence


@dataclass(frozen=True)
class AccessHandedOn:
    """What ``translate_nested_gpa()`` asks of the walk of L1's tables, ``mmu->gva_to_gpa()``.

    Attributes:
        gpa: the address, 64 bits.
        access: PFERR_* bits, 64 bits.
        gmet: the cached VMCB of L2 has GMET enabled; false where that does not matter.
        evidence: how it came about.
    """

    gpa: BitVec
    access: BitVec
    gmet: Bool
    evidence: Evidence


class Nested(ABC):
    """How KVM gets from L2's guest-physical addresses to L1's."""

    @abstractmethod
    def translate_nested_gpa(self, vendor: Vendor, gpa: BitVec, access: BitVec, pte_access: BitVec) -> AccessHandedOn:
        """``vmx_translate_nested_gpa()`` or ``svm_translate_nested_gpa()``, or what was there before them.

        All arguments have 64 bits.  L2 runs, and L1 uses EPT or nested paging for it.
        """

    @abstractmethod
    def linear_walk(self, levels: int, entries: Sequence[BitVec], access: BitVec) -> LinearWalk:
        """A walk of L2's own page tables, whatever there is in them.

        Args:
            levels: ``role.level``: one of `WALKED_FORMATS`.
            entries: what is read, from the root's table down to the PTE, `entries_read` of them; 64 bits each, or
                32 for two levels.  PDPTEs of PAE paging are not among them.
            access: of the linear address, PFERR_* bits, 64 bits.
        """

    @abstractmethod
    def nonpaging_gva_to_gpa(self, vaddr: BitVec, access: BitVec) -> TranslationAsked:
        """``nonpaging_gva_to_gpa()``: L2 has paging off; both arguments have 64 bits."""

    @abstractmethod
    def load_pdptrs(self, cr3: BitVec) -> TranslationAsked:
        """``load_pdptrs()``: L2 loads the PDPTEs that ``cr3`` (64 bits) points to."""
