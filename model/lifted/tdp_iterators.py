"""The TDP MMU's iterator of a lifted tree: ``tdp_iter.c``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import NULL, Object, Pointer, pointer_to, same_place
from mmuproof.lift.machine.values import Dimension, Place, Target
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import tdp_iterators as cuts
from mmuproof.model.evidence import Evidence
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_field, has_member
from mmuproof.model.named import functions, kvm_mmu_page, page_role, tdp_iter
from mmuproof.model.stores import ENTRIES
from mmuproof.model.tdp_iterators import LEVELS, Stand, TdpIterators, TdpStep, either_stand
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bool_var,
    boolean,
    bv,
    eq,
    iff,
    implies,
    ite,
    ne,
    negate,
    var,
)

_MIN_LEVEL, _HAS_CHILD = var("min_level", 32), bool_var("the entry leads to a table")
_INDEX_BITS = 9


class _SteppingBench(Bench):
    """A bench on which there is an iterator, and a table for each level."""

    def __init__(self, unit: Unit, child: bool) -> None:
        self.tables = [page_table(name) for name in (*(f"table{level + 1}" for level in range(LEVELS)), "child")]
        found = replace(cuts.CHILD, gives=pointer_to(self.tables[-1]) if child else NULL)
        super().__init__(unit, tuple(found if cut is cuts.CHILD else cut for cut in cuts.CUTS))
        self.walk = self.add("iter", tdp_iter.STRUCT)
        for level in range(LEVELS):
            self.write(self.walk, f"{tdp_iter.PT_PATH}[{level}]", pointer_to(self.tables[level]))
        self.entry = NULL
        self.gfn, self.goal = (self.read(self.walk, name) for name in (tdp_iter.GFN, tdp_iter.NEXT_LAST_LEVEL_GFN))
        has_bits = has_member(unit.record(tdp_iter.STRUCT), [tdp_iter.GFN_BITS])
        self.gfn_bits = self.read(self.walk, tdp_iter.GFN_BITS) if has_bits else bv(0, 64)

    def stand(self, level: int, root_level: int) -> None:
        """Let the iterator stand at the entry of its frame."""
        self.write(self.walk, tdp_iter.VALID, bv(1, 1))
        self.write(self.walk, tdp_iter.LEVEL, bv(level, 32))
        self.write(self.walk, tdp_iter.ROOT_LEVEL, bv(root_level, 32))
        index = ((self.gfn | self.gfn_bits) >> (level - 1) * _INDEX_BITS) & (ENTRIES - 1)
        entry = Place(self.tables[level - 1], 0, (Dimension(index=index, stride=64, count=ENTRIES),))
        self.entry = Pointer((Target(guard=TRUE, place=entry),))
        self.write(self.walk, tdp_iter.SPTEP, self.entry)

    def _pointer(self, path: str) -> Pointer:
        place = self.place(self.walk, path)
        pointer = self.memory.read(self.walk, place.offset, place.width)
        assert isinstance(pointer, Pointer)
        return pointer

    def _in_table(self, pointer: Pointer, exact: bool) -> tuple[Bool, ...]:
        """In which table a place is, or, if ``exact``, at whose beginning."""

        def inside(target: Target, table: Object) -> Bool:
            if target.place is None or target.place.object is not table:
                return FALSE
            return all_of(target.guard, eq(target.place.position, 0)) if exact else target.guard

        return tuple(any_of(*(inside(each, table) for each in pointer.targets)) for table in self.tables)

    def stands(self) -> Stand:
        """Where the iterator stands now."""
        entry, index = self._pointer(tdp_iter.SPTEP), bv(0, 64)
        for each in entry.targets:
            if each.place is not None:
                index = ite(each.guard, each.place.position >> 6, index)
        return Stand(
            valid=ne(self.read(self.walk, tdp_iter.VALID), 0),
            level=self.read(self.walk, tdp_iter.LEVEL),
            gfn=self.read(self.walk, tdp_iter.GFN),
            goal=self.read(self.walk, tdp_iter.NEXT_LAST_LEVEL_GFN),
            tables=self._in_table(entry, exact=False),
            index=index,
            path=tuple(
                self._in_table(self._pointer(f"{tdp_iter.PT_PATH}[{level}]"), exact=True) for level in range(LEVELS)
            ),
            read=self._was_read(entry, self.read(self.walk, tdp_iter.OLD_SPTE)),
        )

    def _reads(self) -> Iterator[tuple[CallMade, BitVec]]:
        """The reads of entries, each with what it gave."""
        calls = self.session.calls(cuts.READ.function)
        if not calls:
            raise NotThere([f"{cuts.READ.function}()"])
        for call in calls:
            yield call, answer_of(call, 64)

    def _was_read(self, entry: Pointer, value: BitVec) -> Bool:
        """Whether a value is what has been read of an entry."""
        found: list[Bool] = []
        for call, gave in self._reads():
            (place,) = call.arguments
            assert isinstance(place, Pointer)
            found.append(all_of(call.guard, same_place(place, entry), eq(value, gave)))
        return any_of(*found)

    def asked_else(self, level: int) -> Bool:
        """Whether it is asked for a child with anything but what has been read of the entry before, and its level."""
        wrong: list[Bool] = []
        for call in self.session.calls(cuts.CHILD.function):
            spte, told = (self.session.argument(call, name) for name in ("spte", "level"))
            wrong.append(all_of(call.guard, negate(all_of(self._was_read(self.entry, spte), eq(told, level)))))
        return any_of(*wrong)


class LiftedTdpIterators(TdpIterators, Remembers):
    """``tdp_iter.c`` of a lifted tree.

    Args:
        unit: it.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def next(self, root_level: int, level: int) -> TdpStep:
        """See `TdpIterators.next`; one run for each lowest level, with a child and without."""
        merged: TdpStep | None = None
        for lowest in range(level, 0, -1):
            for child in (False, True):
                walk = _SteppingBench(self._unit, child)
                walk.write(walk.walk, tdp_iter.YIELDED, bv(0, 1))
                walk.write(walk.walk, tdp_iter.MIN_LEVEL, bv(lowest, 32))
                step = self._step(walk, root_level, level)
                case = all_of(eq(_MIN_LEVEL, lowest), iff(_HAS_CHILD, boolean(child)))
                merged = step if merged is None else _either(case, step, merged)
        assert merged is not None
        return merged

    def _step(self, walk: _SteppingBench, root_level: int, level: int) -> TdpStep:
        walk.stand(level, root_level)
        gfn, goal = walk.gfn, walk.goal
        walk.call(functions.TDP_ITER_NEXT)
        return self._taken(functions.TDP_ITER_NEXT, walk, root_level, level, gfn, goal)

    def _taken(
        self, function: str, walk: _SteppingBench, root_level: int, level: int, gfn: BitVec, goal: BitVec
    ) -> TdpStep:
        return TdpStep(
            function=function,
            level=level,
            root_level=root_level,
            min_level=_MIN_LEVEL,
            gfn_bits=walk.gfn_bits,
            gfn=gfn,
            goal=goal,
            child=_HAS_CHILD,
            asked_else=walk.asked_else(level),
            after=walk.stands(),
            evidence=walk.session.evidence(),
        )

    @once
    def after_yield(self, root_level: int, level: int) -> TdpStep:
        """See `TdpIterators.after_yield`."""
        walk = _SteppingBench(self._unit, child=True)
        walk.write(walk.walk, tdp_iter.YIELDED, bv(1, 1))
        return self._step(walk, root_level, level)

    @once
    def start(self, root_level: int) -> TdpStep:
        """See `TdpIterators.start`."""
        walk = _SteppingBench(self._unit, child=True)
        root = walk.add("root", kvm_mmu_page.STRUCT)
        bits = bit_field(walk.place(root, kvm_mmu_page.ROLE), page_role.LEVEL)
        walk.memory.write(root, bits.offset, bits.width, bv(root_level, bits.width))
        walk.write(root, kvm_mmu_page.SPT, pointer_to(walk.tables[root_level - 1]))
        goal, gfn_bits = var("next_last_level_gfn", 64), walk.gfn_bits
        walk.call(functions.TDP_ITER_START, min_level=_MIN_LEVEL, next_last_level_gfn=goal, gfn_bits=gfn_bits)
        return self._taken(functions.TDP_ITER_START, walk, root_level, root_level, goal, goal)


def _either(case: Bool, step: TdpStep, other: TdpStep) -> TdpStep:
    """One step in a case, another one in all others."""
    return replace(
        other,
        asked_else=ite(case, step.asked_else, other.asked_else),
        after=either_stand(case, step.after, other.after),
        evidence=_where(case, step.evidence) + _where(negate(case), other.evidence),
    )


def _where(case: Bool, evidence: Evidence) -> Evidence:
    """What was seen, as far as it tells of a case."""
    return replace(
        evidence,
        checks=tuple(replace(each, holds=implies(case, each.holds)) for each in evidence.checks),
        steps=tuple(replace(each, guard=all_of(case, each.guard)) for each in evidence.steps),
    )
