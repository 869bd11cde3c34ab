"""Where walks of the guest's tables begin, as a proof sees it."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import BitVec, Bool


class NestedTables(enum.Enum):
    """Tables that L1 has made for L2, by the function that sets KVM's walk of them up."""

    EPT = "nested_ept_init_mmu_context"
    """Those of a VMCS."""
    NPT = "nested_svm_init_mmu_context"
    """Those of a VMCB."""


@dataclass(frozen=True, kw_only=True)
class NestedWalkBegun:
    """What a set-up has the walk of L1's tables begin at.

    Attributes:
        tables: what the function gives that the set-up leaves for that (64).
        told: what L1 has told (64).
        in_use: the MMU that is in use afterwards is the one of these tables.
        faults_to_l1: the function that is left for faults is the one that gives them to L1.
        evidence: how it came about.
    """

    tables: BitVec
    told: BitVec
    in_use: Bool
    faults_to_l1: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class OwnWalkBegun:
    """What walks of a guest's own tables begin at.

    Attributes:
        function: what stands for the function that gives CR3, as `mmuproof.model.set_ups.handler_number` has it (32).
        tables: what is given where that function is left (64).
        cr3: the guest's CR3 (64).
        other: what is given where another is left (64).
        others: what that one gives (64).
        evidence: how it came about.
    """

    function: BitVec
    tables: BitVec
    cr3: BitVec
    other: BitVec
    others: BitVec
    evidence: Evidence


class WalkStarts(ABC):
    """Where walks begin."""

    @abstractmethod
    def nested(self, tables: NestedTables) -> NestedWalkBegun:
        """What is left by the set-up of a walk of L1's tables."""

    @abstractmethod
    def own(self) -> OwnWalkBegun:
        """``kvm_mmu_get_guest_pgd()``."""
