"""MMIO SPTEs, as a proof sees them: how they are made, read back, believed and thrown away."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.model.masks import ShadowMasks
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True)
class MmioRequest:
    """What an MMIO SPTE is made for; widths in bits: gfn and generation 64, access 32.

    ``generation`` is that of the vCPU's memslots, with its flag ``KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS``.
    """

    gfn: BitVec
    access: BitVec
    generation: BitVec


@dataclass(frozen=True)
class MadeMmioSpte:
    """The SPTE, 64 bits, that ``make_mmio_spte()`` gives."""

    spte: BitVec
    evidence: Evidence


@dataclass(frozen=True)
class MmioContent:
    """What KVM reads back out of an MMIO SPTE; widths in bits: gfn and generation 64, access 32."""

    gfn: BitVec
    access: BitVec
    generation: BitVec
    evidence: Evidence


@dataclass(frozen=True)
class Believed:
    """Whether ``check_mmio_spte()`` takes an MMIO SPTE for current."""

    holds: Bool
    evidence: Evidence


@dataclass(frozen=True)
class Invalidated:
    """What ``kvm_mmu_invalidate_mmio_sptes()`` does for a new generation of memslots.

    ``zaps`` tells whether all shadow pages are zapped; ``address_spaces`` (64 bits) how many address spaces share
    the generations, so that those of one are that far apart.
    """

    zaps: Bool
    address_spaces: BitVec
    evidence: Evidence


class Mmio(ABC):
    """MMIO SPTEs."""

    @abstractmethod
    def make_mmio_spte(self, masks: ShadowMasks, request: MmioRequest) -> MadeMmioSpte:
        """``make_mmio_spte()``, in a VM whose MMIO value is that of the masks."""

    @abstractmethod
    def content(self, masks: ShadowMasks, spte: BitVec) -> MmioContent:
        """``get_mmio_spte_gfn()``, ``get_mmio_spte_access()`` and ``get_mmio_spte_generation()``."""

    @abstractmethod
    def check_mmio_spte(self, masks: ShadowMasks, spte: BitVec, generation: BitVec) -> Believed:
        """``check_mmio_spte()`` for a vCPU whose memslots are of this generation."""

    @abstractmethod
    def invalidate_mmio_sptes(self, masks: ShadowMasks, generation: BitVec) -> Invalidated:
        """``kvm_mmu_invalidate_mmio_sptes()`` for a new generation of 64 bits."""
