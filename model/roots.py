"""Roots, as a proof sees them: who asks for the root of other tables, and which root is taken."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool

KEPT_ROOTS = 4
"""The roots that an MMU keeps: the one in use and three earlier ones."""


class RootChange(enum.Enum):
    """What lets a vCPU's MMU go over to other tables, by the function that does it."""

    NESTED_EPT = "nested_ept_init_mmu_context"
    """L2 begins to run on L1's EPT."""
    NESTED_NPT = "nested_svm_init_mmu_context"
    """L2 begins to run on L1's nested page tables."""
    NESTED_CR3_VMX = "nested_vmx_load_cr3"
    """CR3 is loaded for L2 or, when L2 is left, for L1 again: VMX."""
    NESTED_CR3_SVM = "nested_svm_load_cr3"
    """The same: SVM."""
    CR3 = "kvm_set_cr3"
    """The guest writes CR3."""


@dataclass(frozen=True, kw_only=True)
class RootAsked:
    """What ``kvm_mmu_new_pgd()`` is asked for by a function that changes the tables.

    Attributes:
        done: whether the function succeeds.
        asked: whether ``kvm_mmu_new_pgd()`` is called.
        needed: whether it has to be: the tables are others afterwards, and the MMU in use is that which builds them.
        same_tables: whether it is told the tables that the vCPU uses afterwards.
        in_role: whether the MMU in use has, at the call, the role that belongs to the vCPU's new registers.
        evidence: how this came about.
    """

    done: Bool
    asked: Bool
    needed: Bool
    same_tables: Bool = field(metadata=counts_where("asked"))
    in_role: Bool = field(metadata=counts_where("asked"))
    evidence: Evidence


@dataclass(frozen=True)
class KeptRoot:
    """A root that an MMU keeps: the tables of the guest's that it is for, and its address; 64 bits each."""

    pgd: BitVec
    hpa: BitVec


@dataclass(frozen=True, kw_only=True)
class RootTaken:
    """The roots of an MMU before and after ``kvm_mmu_new_pgd()``.

    Attributes:
        pgd: the tables asked for (64).
        role: the role that the MMU's root is to have (32).
        direct: whether by that role no tables of the guest's are shadowed.
        before: the roots that it keeps, that in use first.
        page_roles: the roles of their pages (32 each).
        with_page: whether they have pages.
        after: the roots that it keeps afterwards, that in use first.
        freed: of the roots that it keeps before, whether they are given up.
        evidence: how this came about.
    """

    pgd: BitVec
    role: BitVec
    direct: Bool
    before: tuple[KeptRoot, ...]
    page_roles: tuple[BitVec, ...]
    with_page: tuple[Bool, ...]
    after: tuple[KeptRoot, ...]
    freed: tuple[Bool, ...]
    evidence: Evidence


class Roots(ABC):
    """How the roots of a vCPU's tables come about."""

    @abstractmethod
    def asked(self, change: RootChange) -> RootAsked:
        """What a function asks for that changes the tables."""

    @abstractmethod
    def taken(self) -> RootTaken:
        """``kvm_mmu_new_pgd()``."""
