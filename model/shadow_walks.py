"""Walks over the tables that KVM builds, as a proof sees them: which entries are read, and which is handed on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool

PAE_ROOTS = 4
"""How many entries a PAE root has."""
SPTES = 6
"""How many SPTEs of a walk are kept, by level from 0 on."""


@dataclass(frozen=True, kw_only=True)
class RootKind:
    """What kind of root an MMU has, and for whom.

    Attributes:
        root_level: the level of the MMU's root.
        guest_level: that of the guest's.
        direct: no guest tables stand behind the MMU's.
    """

    root_level: int
    guest_level: int
    direct: bool

    @property
    def is_pae(self) -> bool:
        """Whether the walk begins below the entries of a PAE root, as where a guest of fewer levels is shadowed."""
        return self.root_level < 4 or (self.guest_level < 4 and not self.direct)

    @property
    def levels(self) -> int:
        """Through how many tables a walk goes at most."""
        return 2 if self.is_pae else self.root_level


ROOT_KINDS = (
    RootKind(root_level=4, guest_level=4, direct=True),
    RootKind(root_level=5, guest_level=5, direct=False),
    RootKind(root_level=4, guest_level=3, direct=True),
    RootKind(root_level=4, guest_level=3, direct=False),
    RootKind(root_level=3, guest_level=3, direct=True),
)
"""Those that there are on a host of 64 bits, with a guest for each."""


@dataclass(frozen=True, kw_only=True)
class SpteRead:
    """One read of an SPTE.

    Attributes:
        happens: whether there is this read.
        address: the linear address of what is read (64).
        spte: what is there (64).
    """

    happens: Bool
    address: BitVec = field(metadata=counts_where("happens"))
    spte: BitVec = field(metadata=counts_where("happens"))


@dataclass(frozen=True, kw_only=True)
class RootInUse:
    """What a walk of an address begins with.

    Attributes:
        root: where the root is, which is none of zeros that stands for no root (64).
        pae_root: the entries of the PAE root (64).
        addr: the address (64).
        linear_base: the linear address of physical address 0 (64).
        frame_bits: the bits of an entry that name a frame: of bits 12 to 51 those that memory encryption leaves (64).
    """

    root: BitVec
    pae_root: tuple[BitVec, ...]
    addr: BitVec
    linear_base: BitVec
    frame_bits: BitVec


@dataclass(frozen=True, kw_only=True)
class SptesFound:
    """What ``get_walk()`` finds for an address.

    Attributes:
        begins: what it begins with.
        reads: the SPTEs that are read, in their order, one for each table.
        reads_more: more are read.
        root_level: the level at which the walk is said to begin (32).
        leaf: that of the last SPTE, or a negative number (32).
        sptes: what is kept of each level, from 0 on (64).
        sptes_before: what was there before.
        evidence: how it came about.
    """

    begins: RootInUse
    reads: tuple[SpteRead, ...]
    reads_more: Bool
    root_level: BitVec
    leaf: BitVec
    sptes: tuple[BitVec, ...]
    sptes_before: tuple[BitVec, ...]
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class MmioSpteFound:
    """What ``get_mmio_spte()`` finds for an address, of a root that there is.

    Attributes:
        root: where the root is (64).
        reads: the SPTEs that are read, in their order, one for each table.
        reads_more: more are read.
        judged: of each, whether it is asked for reserved bits by the MMU's own table, and at its level.
        reserved: of each, whether it has some.
        spte: what is handed on (64).
        broken: some SPTE on the way is said to have reserved bits.
        asks_tdp_mmu: of tables of the TDP MMU's, that is asked instead.
        evidence: how it came about.
    """

    root: BitVec
    reads: tuple[SpteRead, ...]
    reads_more: Bool
    judged: tuple[Bool, ...]
    reserved: tuple[Bool, ...]
    spte: BitVec
    broken: Bool
    asks_tdp_mmu: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class LastSpteFound:
    """What ``fast_pf_get_last_sptep()`` finds for an address.

    Attributes:
        begins: what it begins with.
        reads: the SPTEs that are read, in their order, one for each table.
        reads_more: more are read.
        found: it finds an entry.
        address: the linear address of the entry that it finds (64).
        spte: what was there (64).
        evidence: how it came about.
    """

    begins: RootInUse
    reads: tuple[SpteRead, ...]
    reads_more: Bool
    found: Bool
    address: BitVec = field(metadata=counts_where("found"))
    spte: BitVec = field(metadata=counts_where("found"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class WalkMoved:
    """``shadow_walk_next()`` of a walk that stands at an entry.

    Attributes:
        level: of the entry (32).
        spte: what it holds (64).
        level_after: where the walk stands afterwards; below 1 it is at its end (32).
        table_after: the physical address of the table there (64).
        goes_on: it is not at its end.
        frame_bits: as in `RootInUse`.
        evidence: how it came about.
    """

    level: BitVec
    spte: BitVec
    level_after: BitVec
    goes_on: Bool
    table_after: BitVec = field(metadata=counts_where("goes_on"))
    frame_bits: BitVec
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class TdpWalkRound:
    """Any one round of ``kvm_tdp_mmu_get_walk()`` or ``kvm_tdp_mmu_fast_pf_get_last_sptep()``.

    Attributes:
        function: which of them.
        frame: of which frame the SPTEs are asked for (64).
        first_gfn: where the walk begins (64).
        lowest: the level below which it does not go (32).
        root: the root in use (64).
        root_walked: the one that is walked (64).
        finds_none: nothing is known of an entry before the first round.
        in_range: the walk stands at an entry that translates the frame.
        level: the level of the entry (32).
        goes_on: another round follows.
        keeps: then the content of the entry and its place or level are known, and nothing else has changed.
        ends: the walk ends with the round.
        hands_on: then what is known is handed on, with the level of the root if that is asked for.
        evidence: how it came about.
    """

    function: str
    frame: BitVec
    first_gfn: BitVec
    lowest: BitVec
    root: BitVec
    root_walked: BitVec
    finds_none: Bool
    in_range: Bool
    level: BitVec
    goes_on: Bool
    keeps: Bool = field(metadata=counts_where("goes_on"))
    ends: Bool
    hands_on: Bool = field(metadata=counts_where("ends"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class WalkBegun:
    """``shadow_walk_init()`` with a root of level 4 or 5 that is no PAE root's.

    Attributes:
        root: where the root is (64).
        dummy: it is a page of zeros that stands for no root.
        level: where the walk stands; below 1 it is at its end (32).
        root_level: the level of the root.
        evidence: how it came about.
    """

    root: BitVec
    dummy: Bool
    level: BitVec
    root_level: int
    evidence: Evidence


class ShadowWalks(ABC):
    """Walks over the tables that KVM builds."""

    @abstractmethod
    def begun(self, root_level: int) -> WalkBegun:
        """``shadow_walk_init()``."""

    @abstractmethod
    def sptes(self, kind: RootKind) -> SptesFound:
        """``get_walk()``."""

    @abstractmethod
    def last_spte(self, kind: RootKind) -> LastSpteFound:
        """``fast_pf_get_last_sptep()``."""

    @abstractmethod
    def mmio_spte(self, root_level: int) -> MmioSpteFound:
        """``get_mmio_spte()``, with a root of level 4 or 5 that is no PAE root's."""

    @abstractmethod
    def moved(self) -> WalkMoved:
        """``shadow_walk_next()``."""

    @abstractmethod
    def tdp_sptes(self) -> TdpWalkRound:
        """``kvm_tdp_mmu_get_walk()``."""

    @abstractmethod
    def tdp_last_spte(self) -> TdpWalkRound:
        """``kvm_tdp_mmu_fast_pf_get_last_sptep()``."""
