"""The lists of SPTEs of Linux 7.2.13."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.spte_lists import (
    ASKED,
    CAPACITY,
    EMPTY,
    ONE,
    PLACE,
    ListChange,
    ListShape,
    ListStep,
    ListVisit,
    SpteDescriptor,
    SpteList,
    SpteLists,
    SpteVisited,
    any_list,
    spte_address,
)
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    boolean,
    bv,
    eq,
    ite,
    ne,
    negate,
    slt,
    to_bv,
    ult,
)

_NONE, _ASKED = bv(0, 64), spte_address(ASKED)
_NO_NUMBER = bv(0, 32)


def _chosen(condition: Bool, then: SpteDescriptor, other: SpteDescriptor) -> SpteDescriptor:
    """One descriptor or another."""
    assert then.behind is not None
    assert other.behind is not None
    return SpteDescriptor(
        linked=ite(condition, then.linked, other.linked),
        sptes=tuple(ite(condition, one, two) for one, two in zip(then.sptes, other.sptes, strict=True)),
        count=ite(condition, then.count, other.count),
        behind=ite(condition, then.behind, other.behind),
    )


def _held(sptes: tuple[BitVec, ...], place: BitVec) -> BitVec:
    """What stands at a place of a descriptor."""
    found = _NONE
    for number, spte in enumerate(sptes):
        found = ite(eq(place, number), spte, found)
    return found


GONE = SpteDescriptor(linked=FALSE, sptes=(_NONE,) * CAPACITY, count=_NO_NUMBER, behind=_NO_NUMBER)


class ReferenceSpteLists(ReferenceArea, SpteLists):
    """``pte_list_add()``, ``pte_list_remove()`` and the like."""

    def _change(self, before: SpteList, after: SpteList, answer: BitVec = _NO_NUMBER) -> ListChange:
        return ListChange(
            before=before, after=after, spte=_ASKED, answer=answer, leaked=FALSE, stale=FALSE, evidence=Evidence()
        )

    def added(self, shape: ListShape) -> ListChange:
        """See `SpteLists.added`."""
        before = any_list(shape)
        if shape == EMPTY:
            return self._change(before, SpteList(_ASKED, (), FALSE))
        if shape == ONE:
            both = self._new(self._first_of_two(before.alone), bv(2, 32), _NO_NUMBER)
            return self._change(before, SpteList(_NONE, (both,), FALSE), bv(1, 32))
        first, *rest = before.descriptors
        count = self._length(before)
        full = eq(first.count, CAPACITY)
        joined = replace(
            first,
            sptes=tuple(ite(eq(first.count, place), _ASKED, spte) for place, spte in enumerate(first.sptes)),
            count=first.count + 1,
        )
        new = self._new((_ASKED,), bv(1, 32), count)
        # What is there moves on where a new one is put in front.
        old, moved = (joined, *rest, GONE), (new, *self._behind_new((first, *rest)))
        descriptors = tuple(_chosen(full, one, other) for one, other in zip(moved, old, strict=True))
        return self._change(before, SpteList(_NONE, descriptors, FALSE), count)

    def _first_of_two(self, former: BitVec) -> tuple[BitVec, BitVec]:
        """What stands in the first descriptor of a list."""
        return former, _ASKED

    def _behind_new(self, former: tuple[SpteDescriptor, ...]) -> tuple[SpteDescriptor, ...]:
        """The descriptors behind a new one."""
        return former

    def _new(self, sptes: tuple[BitVec, ...], count: BitVec, behind: BitVec) -> SpteDescriptor:
        held = (*sptes, *(_NONE for _ in range(CAPACITY - len(sptes))))
        return SpteDescriptor(linked=TRUE, sptes=held, count=count, behind=behind)

    def _length(self, kept: SpteList) -> BitVec:
        """How many SPTEs stand on a list."""
        if not kept.descriptors:
            return ite(ne(kept.alone, 0), bv(1, 32), _NO_NUMBER)
        first = kept.descriptors[0]
        assert first.behind is not None
        return first.behind + first.count

    def removed(self, shape: ListShape) -> ListChange:
        """See `SpteLists.removed`."""
        before = any_list(shape)
        if not before.descriptors:
            alone = ite(eq(before.alone, _ASKED), _NONE, before.alone)
            return self._change(before, replace(before, alone=alone))
        first = before.descriptors[0]
        last, found = self._last(first), FALSE
        descriptors: list[SpteDescriptor] = []
        for each in before.descriptors:
            sptes: list[BitVec] = []
            for place, spte in enumerate(each.sptes):
                here = all_of(negate(found), ult(bv(place, 32), each.count), eq(spte, _ASKED))
                sptes.append(ite(here, last, spte))
                found = any_of(found, here)
            descriptors.append(replace(each, sptes=tuple(sptes)))
        shorter = first.count - 1
        head = replace(
            descriptors[0],
            sptes=tuple(
                ite(all_of(found, eq(shorter, place)), self._left_behind(spte), spte)
                for place, spte in enumerate(descriptors[0].sptes)
            ),
            count=ite(found, shorter, first.count),
        )
        emptied = all_of(found, eq(shorter, 0))
        kept, shifted = (head, *descriptors[1:]), (*descriptors[1:], GONE)
        after = tuple(_chosen(emptied, one, other) for one, other in zip(shifted, kept, strict=True))
        return self._change(before, SpteList(_NONE, after, FALSE))

    def _last(self, first: SpteDescriptor) -> BitVec:
        """What takes the place of an SPTE that is taken off."""
        return _held(first.sptes, first.count - 1)

    def _left_behind(self, _spte: BitVec) -> BitVec:
        """What stays at the place of what has taken another's place."""
        return _NONE

    def counted(self, shape: ListShape) -> ListChange:
        """See `SpteLists.counted`."""
        before = any_list(shape)
        return self._change(before, before, self._counted(before))

    def _counted(self, kept: SpteList) -> BitVec:
        """How many it is said that stand on a list."""
        return self._length(kept)

    def begun(self, shape: ListShape) -> ListStep:
        """See `SpteLists.begun`."""
        before = any_list(shape)
        if not before.descriptors:
            return self._step(before, before.alone, (), bv(0, 32))
        first = before.descriptors[0]
        return self._step(before, first.sptes[0], (TRUE, *(FALSE for _ in before.descriptors[1:])), bv(0, 32))

    def stepped(self, shape: ListShape) -> ListStep:
        """See `SpteLists.stepped`."""
        before = any_list(shape)
        if not before.descriptors:
            return self._step(before, _NONE, (), bv(0, 32))
        following = PLACE + 1
        held = ite(slt(PLACE, bv(self._places() - 1, 32)), _held(before.descriptors[0].sptes, following), _NONE)
        stays = ne(held, 0)
        behind = before.descriptors[1] if len(before.descriptors) > 1 and self._goes_on() else None
        found = ite(stays, held, behind.sptes[0] if behind else _NONE)
        at = (stays, *(all_of(negate(stays), boolean(each is behind)) for each in before.descriptors[1:]))
        return self._step(before, found, at, ite(stays, following, 0))

    def _places(self) -> int:
        """How many places of a descriptor are looked at."""
        return CAPACITY

    def _goes_on(self) -> bool:
        """Whether it is gone on to the next descriptor."""
        return True

    def _step(self, before: SpteList, found: BitVec, at: tuple[Bool, ...], place: BitVec) -> ListStep:
        return ListStep(before=before, place=PLACE, found=found, at=at, place_after=place, evidence=Evidence())

    def walked(self, shape: ListShape) -> ListVisit:
        """See `SpteLists.walked`."""
        before = any_list(shape)
        return ListVisit(visited=self._walk(before), change=self._change(before, before))

    def _walk(self, kept: SpteList) -> tuple[SpteVisited, ...]:
        """What is found one after the other on a list."""
        return self._all_of(kept)

    def _all_of(self, kept: SpteList) -> tuple[SpteVisited, ...]:
        if not kept.descriptors:
            return (SpteVisited(happens=TRUE, spte=kept.alone),) if kept.alone is not _NONE else ()
        return tuple(
            SpteVisited(happens=ult(bv(place, 32), each.count), spte=spte)
            for each in kept.descriptors
            for place, spte in enumerate(each.sptes)
        )

    def emptied(self, shape: ListShape) -> ListVisit:
        """See `SpteLists.emptied`."""
        before = any_list(shape)
        after = SpteList(_NONE, tuple(GONE for _ in before.descriptors), FALSE)
        told = to_bv(all_of(ne(self._length(before), 0), self._tells()), 32)
        return ListVisit(visited=self._cleared(before), change=self._change(before, after, told))

    def _tells(self) -> Bool:
        """Whether it is answered that something has gone from a list."""
        return TRUE

    def _cleared(self, kept: SpteList) -> tuple[SpteVisited, ...]:
        """Which SPTEs are emptied where all on a list are."""
        return self._all_of(kept)

    def zapped(self, shape: ListShape) -> ListVisit:
        """See `SpteLists.zapped`."""
        return self._dropped(shape)

    def _dropped(self, shape: ListShape) -> ListVisit:
        """An SPTE is emptied, and taken off its list."""
        removed = self.removed(shape)
        kept = replace(removed, after=removed.before)
        return ListVisit((SpteVisited(happens=TRUE, spte=_ASKED),), removed if self._takes_off() else kept)

    def _takes_off(self) -> bool:
        """Whether an SPTE that is emptied is taken off its list."""
        return True

    def parent_added(self, shape: ListShape) -> ListChange:
        """See `SpteLists.parent_added`."""
        added = self.added(shape)
        return replace(added, after=added.after if self._notes_parent() else added.before, answer=_NO_NUMBER)

    def _notes_parent(self) -> bool:
        """Whether an entry that leads to a page is put on the list of its parents."""
        return True

    def parent_dropped(self, shape: ListShape) -> ListVisit:
        """See `SpteLists.parent_dropped`."""
        dropped = self._dropped(shape)
        return dropped if self._empties_parent() else replace(dropped, visited=())

    def _empties_parent(self) -> bool:
        """Whether an entry that is taken off the list of a page's parents is emptied."""
        return True
