"""What the MMU of a VM has that has just been made, as a proof sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True, kw_only=True)
class VmCreated:
    """What is there when a VM has been made.

    Attributes:
        done: it could be made.
        tdp_mmu: the TDP MMU is used.
        begins_tdp: the TDP MMU's own part is begun.
        mmio_value: what tells SPTEs of MMIO from others in all VMs (64); None if VMs have no value of their own.
        own_mmio_value: the same in this VM (64).
        zeroed: of the stocks of pages and records with which huge pages are split, that what is got of each is zeros.
        empty: of the lists of tables, that each is empty.
        evidence: how it came about.
    """

    done: Bool
    tdp_mmu: Bool
    begins_tdp: Bool = field(metadata=counts_where("done"))
    mmio_value: BitVec | None
    own_mmio_value: BitVec
    zeroed: Sequence[Bool] = field(metadata=counts_where("done"))
    empty: Sequence[Bool] = field(metadata=counts_where("done"))
    evidence: Evidence


class CreatedVms(ABC):
    """MMUs of new VMs."""

    @abstractmethod
    def created(self) -> VmCreated:
        """``kvm_mmu_init_vm()``."""
