"""The lists of SPTEs behind a reverse map's head and behind a page's parents, as a proof sees them.

A list is a head and a chain of descriptors. The head leads to the only SPTE, or to the first descriptor; a tag in it
tells the two apart. Each descriptor has room for some SPTEs, and notes how many stand in it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv, concat, ite, ult, var, zext

CAPACITY = 14
"""How many SPTEs a descriptor has room for in released kernels."""
SPTES = "SPTEs"
"""What the page of those SPTEs is called that are on lists."""
PAGE_BITS, _SIZE_BITS = 12, 3
_CHOICE_BITS = 6
CHOICES = 1 << _CHOICE_BITS
"""Among how many SPTEs those of a list are: more than stand on it, so that all may differ, and any may be alike."""

_NUMBERS = ("no", "one", "two", "three")


@dataclass(frozen=True)
class ListShape:
    """How long a list is.

    Args:
        descriptors: how many descriptors it has; without one there is one SPTE at most.
        first: how many SPTEs stand in the first descriptor, or are there without one; None for any number.
        behind: how many stand in each behind it; None for as many as it has room for.
    """

    descriptors: int
    first: int | None
    behind: int | None = None

    @property
    def words(self) -> str:
        """The length in words."""
        if not self.descriptors:
            return "a list of one SPTE" if self.first else "an empty list"
        if self.first is None:
            return f"a list of {_NUMBERS[self.descriptors]} descriptor{'s' if self.descriptors > 1 else ''}"
        behind = "full" if self.behind is None else f"with {self.behind} each"
        others = f" before {_NUMBERS[self.descriptors - 1]} {behind}" if self.descriptors > 1 else ""
        return f"a descriptor with {self.first}{others}"


EMPTY, ONE = ListShape(0, 0), ListShape(0, 1)
SHORT, LONG, LONGER = ListShape(1, None), ListShape(2, None), ListShape(3, None)
"""Lists of each form; in a descriptor there may stand any number of SPTEs."""


@dataclass(frozen=True, kw_only=True)
class SpteDescriptor:
    """A descriptor; all is 0 of one that is not there.

    Attributes:
        linked: it is on the list.
        sptes: the addresses of SPTEs in it, 0 for none (64 each).
        count: how many stand in it, as it notes (32).
        behind: how many stand in all behind it, as it notes (32); None where kernels note nothing of the kind.
    """

    linked: Bool
    sptes: tuple[BitVec, ...]
    count: BitVec
    behind: BitVec | None


@dataclass(frozen=True)
class SpteList:
    """A list.

    Attributes:
        alone: the address of the SPTE that the head itself leads to, 0 for none (64).
        descriptors: those that the head leads to, in their order.
        broken: the head, or a descriptor, leads to something else.
    """

    alone: BitVec
    descriptors: tuple[SpteDescriptor, ...]
    broken: Bool


@dataclass(frozen=True, kw_only=True)
class ListChange:
    """What becomes of a list.

    Attributes:
        before: the list.
        after: the same afterwards.
        spte: the SPTE that is asked for (64).
        answer: the answer (32); 0 where there is none.
        leaked: a descriptor is neither on the list nor given back.
        stale: a descriptor is given back twice, or is still on the list.
        evidence: how it came about.
    """

    before: SpteList
    after: SpteList
    spte: BitVec
    answer: BitVec
    leaked: Bool
    stale: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class SpteVisited:
    """An SPTE that something is done with.

    Attributes:
        happens: it is done.
        spte: the SPTE's address (64).
    """

    happens: Bool
    spte: BitVec


@dataclass(frozen=True)
class ListVisit:
    """What is done with the SPTEs of a list.

    Attributes:
        visited: the SPTEs with which it is done, in their order.
        change: what becomes of the list.
    """

    visited: tuple[SpteVisited, ...]
    change: ListChange


@dataclass(frozen=True, kw_only=True)
class ListStep:
    """A step of what goes through a list.

    Attributes:
        before: the list.
        place: at which place of the first descriptor it stands (32).
        found: the SPTE that is found, 0 for none (64).
        at: at which descriptor it stands then, if at one.
        place_after: at which place of that (32).
        evidence: how it came about.
    """

    before: SpteList
    place: BitVec
    found: BitVec
    at: tuple[Bool, ...]
    place_after: BitVec
    evidence: Evidence


class SpteLists(ABC):
    """What adds to lists of SPTEs, takes off them, counts and goes through them."""

    @abstractmethod
    def added(self, shape: ListShape) -> ListChange:
        """``pte_list_add()``."""

    @abstractmethod
    def removed(self, shape: ListShape) -> ListChange:
        """``pte_list_remove()``."""

    @abstractmethod
    def counted(self, shape: ListShape) -> ListChange:
        """``pte_list_count()``."""

    @abstractmethod
    def begun(self, shape: ListShape) -> ListStep:
        """``rmap_get_first()``."""

    @abstractmethod
    def stepped(self, shape: ListShape) -> ListStep:
        """``rmap_get_next()``, at any place of the first descriptor."""

    @abstractmethod
    def walked(self, shape: ListShape) -> ListVisit:
        """``for_each_rmap_spte()``, where ``rmap_write_protect()`` goes through all that maps a frame."""

    @abstractmethod
    def emptied(self, shape: ListShape) -> ListVisit:
        """``kvm_zap_all_rmap_sptes()``."""

    @abstractmethod
    def zapped(self, shape: ListShape) -> ListVisit:
        """``kvm_zap_one_rmap_spte()``."""

    @abstractmethod
    def parent_added(self, shape: ListShape) -> ListChange:
        """``mmu_page_add_parent_pte()``."""

    @abstractmethod
    def parent_dropped(self, shape: ListShape) -> ListVisit:
        """``drop_parent_pte()``."""


def spte_choice(name: str) -> BitVec:
    """Which of the SPTEs something is, any."""
    return var(name, _CHOICE_BITS)


def spte_address(name: str) -> BitVec:
    """The address of an SPTE, by the name of the choice (64)."""
    within = concat(spte_choice(name), bv(0, _SIZE_BITS))
    return concat(bv(1, 1), var(f"&{SPTES}", 63 - PAGE_BITS), zext(within, PAGE_BITS))


def place_name(number: int, place: int) -> str:
    """What the choice of an SPTE in a descriptor is called."""
    return f"SPTE {place} of descriptor {number}"


ALONE = "the only SPTE"
"""What the choice of the SPTE is called that is alone on a list."""
ASKED = "the SPTE asked for"
"""What the choice of the SPTE is called that is added or taken off."""


def any_list(shape: ListShape, capacity: int = CAPACITY, notes_behind: bool = True) -> SpteList:
    """Any list of a shape.

    Args:
        shape: how long it is.
        capacity: how many SPTEs a descriptor has room for.
        notes_behind: whether a descriptor notes how many stand behind it.
    """
    descriptors: list[SpteDescriptor] = []
    for number in range(1, shape.descriptors + 1):
        known = shape.first if number == 1 else shape.behind or capacity
        count = var(f"count of descriptor {number}", 32) if known is None else bv(known, 32)
        descriptors.append(
            SpteDescriptor(
                linked=TRUE,
                sptes=tuple(
                    ite(ult(bv(place, 32), count), spte_address(place_name(number, place)), 0)
                    for place in range(capacity)
                ),
                count=count,
                behind=var(f"tail count of descriptor {number}", 32) if notes_behind else None,
            )
        )
    alone = spte_address(ALONE) if shape == ONE else bv(0, 64)
    return SpteList(alone, tuple(descriptors), FALSE)


PLACE = var("the iterator's place", 32)
"""Where what goes through a list stands."""
