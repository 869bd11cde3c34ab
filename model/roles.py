"""Roles of MMUs and of shadow pages, as a proof sees them: what they are set to, and who passes them on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reserved_bits import MmuKind, MmuRequest
from mmuproof.model.result_fields import AT_LEAST, LINE, counts_where
from mmuproof.smt.terms import BitVec, Bool

Members = Mapping[str, BitVec]
"""The members of a role by the kernel's names."""
KNOWN_MEMBERS = frozenset(
    {
        "level",
        "has_4_byte_gpte",
        "quadrant",
        "direct",
        "access",
        "invalid",
        "efer_nx",
        "cr0_wp",
        "smep_andnot_wp",
        "smap_andnot_wp",
        "ad_disabled",
        "guest_mode",
        "passthrough",
        "is_mirror",
        "cr4_smep",
        "smm",
        "valid",
        "execonly",
        "cr4_pse",
        "cr4_pke",
        "cr4_smap",
        "cr4_la57",
        "efer_lma",
        "has_pferr_fetch",
    }
)
"""What roles of released kernels consist of; of a member of another name it is not known what it says."""


@dataclass(frozen=True)
class RoleField:
    """A member of a CPU role: its name, its lowest bit and its width.  The lowest 32 bits are the role of a page."""

    name: str
    low: int
    width: int = 1


@dataclass(frozen=True, kw_only=True)
class RoleInputs:
    """What KVM takes a role from, besides what is asked for.

    Attributes:
        smm: whether the vCPU is in system-management mode.
        guest_mode: whether it runs L2.
        address_width: how many bits the guest's physical addresses have (8).
        forced_level: ``tdp_root_level``, the level that the host's own paging dictates, 0 if it does not (32).
        max_level: ``max_tdp_level``, the largest level that the processor has (32).
        tdp_has_smep: what the vendor's code says of MBEC or GMET.
        ad_enabled: whether SPTEs have A/D bits.
    """

    smm: Bool
    guest_mode: Bool
    address_width: BitVec
    forced_level: BitVec
    max_level: BitVec
    tdp_has_smep: Bool
    ad_enabled: Bool


@dataclass(frozen=True, eq=False, kw_only=True)
class MmuRoles:
    """An MMU's roles.

    Attributes:
        cpu_role: the CPU role as a number (64).
        cpu: its members.
        root_role: the role of its root page as a number (32); L2's own MMU has no pages and none that counts.
        root: its members.
        inputs: what they were taken from.
        evidence: how they came about.
    """

    cpu_role: BitVec
    cpu: Members
    root_role: BitVec
    root: Members
    inputs: RoleInputs
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class Descent:
    """The roles of a page, or of an MMU, and of a page made below it: as numbers (32) and by member.

    ``sptep`` is the address of the SPTE in the upper page that leads to the lower one (64).
    """

    parent_role: BitVec
    parent: Members
    child_role: BitVec
    child: Members
    sptep: BitVec
    evidence: Evidence


@dataclass(frozen=True)
class AccessAsked:
    """A call that is told which access to give: the function, where, under which condition, and the access (32)."""

    function: str
    at: str = field(metadata=LINE)
    when: Bool = field(metadata=AT_LEAST)
    access: BitVec = field(metadata=counts_where("when"))


@dataclass(frozen=True, kw_only=True)
class DirectMapping:
    """What a function that maps a page of a direct MMU hands on.

    Attributes:
        caller: the function.
        access: what it should hand on: that of the root for `direct_map()`, otherwise that of the page (32).
        children: the calls that make a page of SPTEs; where there are none, the page below copies its parent's role.
        leaves: the calls that make an SPTE.
        evidence: how it came about.
    """

    caller: str
    access: BitVec
    children: tuple[AccessAsked, ...]
    leaves: tuple[AccessAsked, ...]
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class PageMapped:
    """What a function that maps the page of a fault tells those that make its SPTE.

    Frames and page frame numbers have 64 bits.

    Attributes:
        caller: the function.
        makes: ``make_spte()`` is called; with ``gfn``, ``pfn`` and ``host_writable``.
        makes_mmio: an MMIO SPTE is made; of ``mmio_gfn``.
        fault_gfn: what the function itself is to map.
        fault_pfn: the frame that it is to map.
        map_writable: whether the host lets that frame be written.
    """

    caller: str
    makes: Bool
    gfn: BitVec = field(metadata=counts_where("makes"))
    pfn: BitVec = field(metadata=counts_where("makes"))
    host_writable: Bool = field(metadata=counts_where("makes"))
    makes_mmio: Bool
    mmio_gfn: BitVec = field(metadata=counts_where("makes_mmio"))
    fault_gfn: BitVec
    fault_pfn: BitVec
    map_writable: Bool
    evidence: Evidence


class Roles(ABC):
    """How KVM makes roles, and what it does with those of direct pages."""

    @abstractmethod
    def layout(self) -> tuple[RoleField, ...]:
        """The members of ``union kvm_cpu_role``."""

    @abstractmethod
    def set_up(
        self, kind: MmuKind, earlier: MmuRequest, now: MmuRequest, masks: ShadowMasks, *, world: str = ""
    ) -> MmuRoles:
        """The roles of an MMU that KVM has set up for one request and then for another.

        Before, its CPU role is invalid, as ``kvm_mmu_after_set_cpuid()`` leaves it.

        Args:
            kind: which MMU.
            earlier: the first request.
            now: the second.
            masks: the masks of the host's SPTEs.
            world: tells the free inputs of one vCPU from those of another.
        """

    @abstractmethod
    def child_role(self, direct: Bool, access: BitVec) -> Descent:
        """``kvm_mmu_child_role()``; an access has 32 bits."""

    @abstractmethod
    def tdp_child_role(self) -> Descent:
        """``tdp_mmu_init_child_sp()``."""

    @abstractmethod
    def alloc_root(self, level: BitVec, quadrant: BitVec) -> Descent:
        """``mmu_alloc_root()`` where it makes a page: the MMU's root role, and that of the root page.

        Args:
            level: the level of the page (8).
            quadrant: which part of the guest's table it shadows (32).
        """

    @abstractmethod
    def direct_map(self) -> DirectMapping:
        """``direct_map()``, for one level of the walk, whichever."""

    @abstractmethod
    def tdp_map(self) -> DirectMapping:
        """``tdp_mmu_map_handle_target_level()``."""

    @abstractmethod
    def tdp_page(self) -> PageMapped:
        """``tdp_mmu_map_handle_target_level()`` again, with what it says besides the access."""

    @abstractmethod
    def shadow_page(self) -> PageMapped:
        """``mmu_set_spte()`` for a fault."""
