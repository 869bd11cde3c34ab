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
        legal: whether it was asked, and said, that the guest can have the CR3 that is loaded; true if none is.
        pdptes_read: whether PDPTEs are read from memory, where CR3 is loaded.
        pdptes_loaded: whether they could be.
        pdptes_due: whether they have to be: PAE paging, by tables that the processor finds by CR3.
        in_role: whether the MMU in use has, at the call, the role that belongs to the vCPU's new registers.
        evidence: how this came about.
    """

    done: Bool
    asked: Bool
    needed: Bool
    same_tables: Bool = field(metadata=counts_where("asked"))
    legal: Bool
    pdptes_read: Bool
    pdptes_loaded: Bool = field(metadata=counts_where("pdptes_read"))
    pdptes_due: Bool
    in_role: Bool = field(metadata=counts_where("asked"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class EptpSwitched:
    """What ``nested_vmx_eptp_switching()`` does: L2 chooses one of the EPTPs that L1 lists.

    Attributes:
        index: the number that L2 has in ECX (32).
        list_address: ``eptp_list_address`` of the VMCS that L1 has for L2 (64).
        done: whether L2 goes on, and does not leave to L1.
        gfn: the frame that is read (64).
        offset: where in it (32).
        length: how much, in bytes (32).
        found: the EPTP that is read (64), free.
        valid: whether L1 may use it, any answer.
        before: the EPTP of L2 before (64).
        after: the same afterwards.
        rebuilt: whether the MMU is set up for L1's EPT anew.
        at_rebuild: the EPTP of L2 when it is (64).
        evidence: how this came about.
    """

    index: BitVec
    list_address: BitVec
    done: Bool
    gfn: BitVec
    offset: BitVec
    length: BitVec
    found: BitVec
    valid: Bool
    before: BitVec
    after: BitVec
    rebuilt: Bool
    at_rebuild: BitVec = field(metadata=counts_where("rebuilt"))
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
        loads: the processor is to be told of the root before it runs the guest again.
        forgets: the last access to MMIO is forgotten, whatever its address was.
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
    loads: Bool
    forgets: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PageAsked:
    """What ``mmu_alloc_root()`` is asked for.

    Attributes:
        when: whether it is asked.
        gfn: the frame of the guest's table (64).
        quadrant: which quarter of that (32).
        level: of the page (8).
        address: where the page is (64).
    """

    when: Bool
    gfn: BitVec = field(metadata=counts_where("when"))
    quadrant: BitVec = field(metadata=counts_where("when"))
    level: BitVec = field(metadata=counts_where("when"))
    address: BitVec


@dataclass(frozen=True, kw_only=True)
class RootsMade:
    """The roots that ``mmu_alloc_shadow_roots()`` makes of the guest's tables.

    Attributes:
        done: whether there are roots afterwards, and none that stands for tables which a guest cannot have.
        guest_level: how many levels the guest's tables have (4).
        level: how many levels KVM's have (4).
        pgd: where the guest's tables begin (64).
        root_visible: whether it was asked, and said, that the frame in which they begin is visible to the guest.
        pdptes: the guest's four PDPTEs (64 each), where it has PAE paging.
        visible: whether the frames that they lead to are visible to the guest.
        whole: the page of SPTEs for tables of 4 or 5 levels.
        quarters: the pages for the quarters of a table of 4 GByte.
        entries: the four entries of the PAE root (64 each).
        special: the first entries of the tables above it, of level 4 and 5 (64 each).
        tables: the addresses of the PAE root and of the tables above it (64 each).
        root: the address of the root in use (64).
        root_pgd: for which tables of the guest's it is noted to be (64).
        me_value: what marks a page as encrypted (64).
        evidence: how this came about.
    """

    done: Bool
    guest_level: BitVec
    level: BitVec
    pgd: BitVec
    root_visible: Bool
    pdptes: tuple[BitVec, ...]
    visible: tuple[Bool, ...]
    whole: PageAsked
    quarters: tuple[PageAsked, ...]
    entries: tuple[BitVec, ...]
    special: tuple[BitVec, ...]
    tables: tuple[BitVec, ...]
    root: BitVec = field(metadata=counts_where("done"))
    root_pgd: BitVec = field(metadata=counts_where("done"))
    me_value: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class DirectRootsMade:
    """The roots that ``mmu_alloc_direct_roots()`` makes where no guest tables stand behind.

    Attributes:
        done: whether there are roots afterwards.
        tdp_mmu: whether the TDP MMU is on, which makes roots of its own.
        of_tdp_mmu: whether the TDP MMU is asked for a root.
        level: how many levels KVM's tables have (4).
        whole: the page of SPTEs for tables of 4 or 5 levels.
        quarters: the pages for the four GBytes that an entry of a PAE root each maps.
        entries: the four entries of the PAE root (64 each).
        table: the address of the PAE root (64).
        root: the address of the root in use (64).
        root_pgd: for which tables of the guest's it is noted to be (64).
        me_value: what marks a page as encrypted (64).
        evidence: how this came about.
    """

    done: Bool
    tdp_mmu: Bool
    of_tdp_mmu: Bool
    level: BitVec
    whole: PageAsked
    quarters: tuple[PageAsked, ...]
    entries: tuple[BitVec, ...]
    table: BitVec
    root: BitVec
    root_pgd: BitVec
    me_value: BitVec
    evidence: Evidence


class Roots(ABC):
    """How the roots of a vCPU's tables come about."""

    @abstractmethod
    def asked(self, change: RootChange) -> RootAsked:
        """What a function asks for that changes the tables."""

    @abstractmethod
    def eptp_switched(self) -> EptpSwitched:
        """``nested_vmx_eptp_switching()``."""

    @abstractmethod
    def taken(self) -> RootTaken:
        """``kvm_mmu_new_pgd()``."""

    @abstractmethod
    def made(self) -> RootsMade:
        """``mmu_alloc_shadow_roots()``."""

    @abstractmethod
    def made_direct(self) -> DirectRootsMade:
        """``mmu_alloc_direct_roots()``."""
