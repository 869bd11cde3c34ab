"""What the TDP MMU does root by root, as a proof sees it: to which of two roots, over which frames, and who flushes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool

ROOTS = 2
"""On how many roots a loop is looked at: the second shows whether the first ends it."""


class RootLoop(Enum):
    """A function that goes through the roots of a VM, by what it is called."""

    ZAP_FRAMES = "kvm_tdp_mmu_zap_leafs"
    UNMAP = "kvm_tdp_mmu_unmap_gfn_range"
    ZAP_ALL = "kvm_tdp_mmu_zap_all"
    INVALIDATE = "kvm_tdp_mmu_invalidate_roots"
    ZAP_INVALIDATED = "kvm_tdp_mmu_zap_invalidated_roots"
    WRITE_PROTECT = "kvm_tdp_mmu_wrprot_slot"
    WRITE_PROTECT_FRAME = "kvm_tdp_mmu_write_protect_gfn"
    CLEAR_DIRTY = "kvm_tdp_mmu_clear_dirty_slot"
    CLEAR_DIRTY_FRAMES = "kvm_tdp_mmu_clear_dirty_pt_masked"
    SPLIT = "kvm_tdp_mmu_try_split_huge_pages"
    RECOVER = "kvm_tdp_mmu_recover_huge_pages"


_RANGE_OF_SLOT = ("slot->as_id", "slot->base_gfn", "slot->npages")
GIVEN: Mapping[RootLoop, tuple[str, ...]] = MappingProxyType(
    {
        RootLoop.ZAP_FRAMES: ("start", "end", "flush"),
        RootLoop.UNMAP: ("flush", "slot->as_id", "range->start", "range->end", "range->may_block"),
        RootLoop.ZAP_ALL: (),
        RootLoop.INVALIDATE: (),
        RootLoop.ZAP_INVALIDATED: ("shared",),
        RootLoop.WRITE_PROTECT: ("min_level", *_RANGE_OF_SLOT),
        RootLoop.WRITE_PROTECT_FRAME: ("gfn", "min_level", "slot->as_id"),
        RootLoop.CLEAR_DIRTY: _RANGE_OF_SLOT,
        RootLoop.CLEAR_DIRTY_FRAMES: ("gfn", "mask", "wrprot", "slot->as_id"),
        RootLoop.SPLIT: ("start", "end", "target_level", "shared", "slot->as_id"),
        RootLoop.RECOVER: ("slot->as_id",),
    }
)
"""What each loop is told: its parameters, and the members of a range or a slot."""
TOLD: Mapping[RootLoop, tuple[str, ...]] = MappingProxyType(
    {
        RootLoop.ZAP_FRAMES: ("start", "end", "can_yield", "flush"),
        RootLoop.UNMAP: ("start", "end", "can_yield", "flush"),
        RootLoop.ZAP_ALL: ("shared",),
        RootLoop.INVALIDATE: (),
        RootLoop.ZAP_INVALIDATED: ("shared",),
        RootLoop.WRITE_PROTECT: ("start", "end", "min_level"),
        RootLoop.WRITE_PROTECT_FRAME: ("gfn", "min_level"),
        RootLoop.CLEAR_DIRTY: ("start", "end"),
        RootLoop.CLEAR_DIRTY_FRAMES: ("gfn", "mask", "wrprot"),
        RootLoop.SPLIT: ("start", "end", "target_level", "shared"),
        RootLoop.RECOVER: ("slot",),
    }
)
"""What each tells the function that does the work on a root, besides the VM and the root."""


@dataclass(frozen=True, kw_only=True)
class RootDeed:
    """What a loop does to one root.

    Attributes:
        invalid: no vCPU is to use the root any more.
        mirror: it mirrors a table of TDX's.
        smm: it is one of the address space of system management mode.
        scheduled: it is noted that it is still to be zapped.
        handed_out: the loop has asked for roots of its kind.
        done: the loop hands it to the function that does the work, if it is handed out.
        told: what that function is told besides, by `TOLD` (64); a slot is 1 if it is the loop's own, otherwise 0.
        answer: what that function answers, as a truth value: something is changed or to be flushed, or it failed.
        invalid_after: as ``invalid``, when the loop is done.
        scheduled_after: as ``scheduled``.
        put: the loop lets go of the reference that was held until the root is zapped, and has zapped it.
    """

    invalid: Bool
    mirror: Bool
    smm: Bool
    scheduled: Bool
    handed_out: Bool
    done: Bool
    told: Mapping[str, BitVec] = field(metadata=counts_where("done"))
    answer: Bool = field(metadata=counts_where("done"))
    invalid_after: Bool
    scheduled_after: Bool
    put: Bool


@dataclass(frozen=True, kw_only=True)
class RootsDone:
    """What a loop does to a VM of two roots.

    Attributes:
        roots: in the order in which they are come by.
        given: what the loop is told, by `GIVEN` (64).
        has_mirrors: the VM has roots that mirror tables of TDX's.
        of_shared: frames are meant that the guest shares with the host, or what no such distinction is made of.
        of_private: frames are meant that are the guest's alone, likewise.
        answer: what the loop answers, as a truth value; false if it answers nothing.
        evidence: how it came about.
    """

    roots: tuple[RootDeed, ...]
    given: Mapping[str, BitVec]
    has_mirrors: Bool
    of_shared: Bool
    of_private: Bool
    answer: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RootsHandedOut:
    """What ``tdp_mmu_next_root()`` gives of two roots.

    Attributes:
        invalid: of each root, whether no vCPU is to use it any more.
        mirror: of each, whether it mirrors a table of TDX's.
        held: of each, whether a reference could be taken, as it can unless the root is about to be freed.
        wants_invalid: roots are asked for that no vCPU is to use any more.
        wants_direct: roots are asked for that are no mirrors.
        wants_mirror: roots are asked for that are.
        first: which of them is the first that is given.
        after_first: the second is given after the first.
        evidence: how it came about.
    """

    invalid: tuple[Bool, ...]
    mirror: tuple[Bool, ...]
    held: tuple[Bool, ...]
    wants_invalid: Bool
    wants_direct: Bool
    wants_mirror: Bool
    first: tuple[Bool, ...]
    after_first: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class RootAged:
    """How a root is gone through for pages that were used, on any one entry below it.

    Attributes:
        invalid: no vCPU is to use the root any more.
        mirror: it mirrors a table of TDX's.
        smm: it is one of the address space of system management mode.
        walked: it is gone through.
        first: from which frame on (64).
        lowest: down to which level (32).
        in_range: the entry translates frames of the range.
        level: its level (32).
        spte: what it holds (64).
        accessed: it tells of an access.
        aged: it no longer does then.
    """

    invalid: Bool
    mirror: Bool
    smm: Bool
    walked: Bool
    first: BitVec = field(metadata=counts_where("walked"))
    lowest: BitVec = field(metadata=counts_where("walked"))
    in_range: Bool = field(metadata=counts_where("walked"))
    level: BitVec = field(metadata=counts_where("walked"))
    spte: BitVec = field(metadata=counts_where("walked"))
    accessed: Bool = field(metadata=counts_where("aged"))
    aged: Bool


@dataclass(frozen=True, kw_only=True)
class RootsAged:
    """How the roots of a VM are gone through for pages that were used.

    Attributes:
        tests: it is only asked whether one was.
        roots: in the order in which they are come by.
        space: of which address space they are to be (64).
        start: the first frame of the range (64).
        has_mirrors: as of `RootsDone`.
        of_shared: likewise.
        of_private: likewise.
        answer: it is told that one was.
        evidence: how it came about.
    """

    tests: bool
    roots: tuple[RootAged, ...]
    space: BitVec
    start: BitVec
    has_mirrors: Bool
    of_shared: Bool
    of_private: Bool
    answer: Bool
    evidence: Evidence


class RootLoops(ABC):
    """What goes through the roots of the TDP MMU."""

    @abstractmethod
    def done(self, loop: RootLoop) -> RootsDone:
        """What a loop does."""

    @abstractmethod
    def handed_out(self) -> RootsHandedOut:
        """``tdp_mmu_next_root()``."""

    @abstractmethod
    def aged(self, tests: bool) -> RootsAged:
        """``kvm_tdp_mmu_age_gfn_range()``, and ``kvm_tdp_mmu_test_age_gfn()``, which only ``tests``."""
