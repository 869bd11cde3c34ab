"""Rounds of a lifted tree's loops that map a page: those of ``tdp_mmu.c`` and of ``mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade, numbered
from mmuproof.lift.machine.memory import Memory, Object, Pointer, pointer_to, same_place
from mmuproof.lift.machine.values import Target, as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import map_rounds as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read, variable_of
from mmuproof.model.map_rounds import Deed, MapRound, MapRounds
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bv, eq, ite, ne, negate, ult, var, zext

_FOUND = var(f"{cuts.CHILD.function}()", 64)
_LINKED_ALREADY = -17
_INDEX_BITS = 9


class _Loop(Bench):
    """A bench for a function whose loop is run for any one round."""

    def __init__(self, unit: Unit, known: tuple[Cut, ...], function: str, walk: str) -> None:
        super().__init__(unit, known, any_round=frozenset({function}))
        self.function = function
        self.add("vcpu", "struct kvm_vcpu")
        self.fault = self.add("fault", "struct kvm_page_fault")
        self.call(function)
        self.round = self.session.round(function)
        self.walk = variable_of(self.round, walk)

    def workaround(self) -> Bool:
        """Whether executable huge pages are to be avoided, when the round begins."""
        return ne(self.of(self.round.head, self.fault, "nx_huge_page_workaround_enabled"), 0)

    def of(self, memory: Memory | None, owner: Object, path: str) -> BitVec:
        """What a member holds at some time."""
        assert memory is not None
        return self.read(owner, path, memory)

    def entry(self, memory: Memory | None) -> Pointer:
        """The entry of the walk at some time."""
        assert memory is not None
        place = self.place(self.walk, "sptep")
        pointer = as_pointer(memory.read(self.walk, place.offset, place.width))
        assert pointer is not None
        return pointer

    def asked(self, call: CallMade, spte: BitVec, level: BitVec) -> Bool:
        """Whether on the way to a call it was asked whether this entry may lead to a huge page."""
        found: list[Bool] = []
        for each in self.session.calls(cuts.ADJUST.function):
            _, told, at = each.arguments
            assert isinstance(told, BitVec)
            assert isinstance(at, BitVec)
            found.append(all_of(each.guard, eq(told, spte), eq(at, level)))
        return any_of(*found)

    def deeds(self, function: str, snapshot: bool, aims: Sequence[str]) -> Deed:
        """What is done by calling a function; ``aims`` are those of its parameters that have to be the walk's."""
        return _merged([self._deed(call, snapshot, aims) for call in self.session.calls(function)])

    def _deed(self, call: CallMade, snapshot: bool, aims: Sequence[str]) -> Deed:
        memory = call.memory
        level = self.of(memory, self.walk, "level")
        spte = self.of(memory, self.walk, "old_spte") if snapshot else self.held(memory)
        names = self.unit.parameter_names(call.function)
        return Deed(
            when=call.guard,
            level=level,
            goal_level=self.of(memory, self.fault, "goal_level"),
            spte=spte,
            elsewhere=any_of(*(negate(self._is_aim(name, call, names)) for name in aims)),
            unadjusted=negate(self.asked(call, spte, level)),
        )

    def held(self, memory: Memory | None) -> BitVec:
        """What the entry of the walk holds at some time."""
        assert memory is not None
        places = [target.place for target in self.entry(memory).targets if target.place is not None]
        if len(places) != 1:
            raise Refused(f"{self.function}(): the walk is at several entries")
        return read(memory, places[0].object, places[0].offset, 64)

    def _is_aim(self, name: str, call: CallMade, names: Sequence[str]) -> Bool:
        if name not in names:
            raise NotThere([f"a parameter {name} of {call.function}()"])
        told, memory = call.arguments[names.index(name)], call.memory
        if name == "iter":
            assert isinstance(told, Pointer)
            return same_place(told, pointer_to(self.walk))
        if name == "sptep":
            assert isinstance(told, Pointer)
            return same_place(told, self.entry(memory))
        assert name == "gfn"
        assert isinstance(told, BitVec)
        shift = (self.of(memory, self.walk, "level") - 1) * _INDEX_BITS
        mask = -(bv(1, 64) << zext(shift, 64))
        return eq(told, self.of(memory, self.fault, "gfn") & mask)


def _merged(deeds: Sequence[Deed]) -> Deed:
    """What is done in one of several places."""
    if not deeds:
        return Deed(when=FALSE, level=bv(0, 32), goal_level=bv(0, 8), spte=bv(0, 64), elsewhere=FALSE, unadjusted=FALSE)
    merged = deeds[0]
    for each in deeds[1:]:
        merged = Deed(
            when=any_of(merged.when, each.when),
            level=ite(each.when, each.level, merged.level),
            goal_level=ite(each.when, each.goal_level, merged.goal_level),
            spte=ite(each.when, each.spte, merged.spte),
            elsewhere=ite(each.when, each.elsewhere, merged.elsewhere),
            unadjusted=ite(each.when, each.unadjusted, merged.unadjusted),
        )
    return merged


class LiftedMapRounds(MapRounds, Remembers):
    """The parts of a lifted tree that map pages in loops.

    Args:
        mmu: ``mmu.c``.
        tdp: ``tdp_mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, mmu: Unit, tdp: Unit, _spte: Unit) -> None:
        super().__init__()
        self._mmu, self._tdp = mmu, tdp

    @once
    def tdp(self) -> MapRound:
        """See `MapRounds.tdp`."""
        loop = _Loop(self._tdp, cuts.TDP, "kvm_tdp_mmu_map", "struct tdp_iter")
        maps, links, splits = (
            loop.deeds(cut.function, snapshot=True, aims=["iter"])
            for cut in (cuts.TDP_MAP, cuts.TDP_LINK, cuts.TDP_SPLIT)
        )
        done: list[Bool] = []
        for cut in (cuts.TDP_LINK, cuts.TDP_SPLIT, cuts.TDP_ZAP):
            for number, call in enumerate(loop.session.calls(cut.function), 1):
                result = var(numbered(f"{cut.function}()", number), 32)
                done.append(all_of(call.guard, eq(result, 0)))
        head = loop.round.head
        valid, end = ne(loop.of(head, loop.walk, "valid"), 0), loop.of(head, loop.fault, "gfn") + 1
        at_end = negate(all_of(valid, ult(loop.of(head, loop.walk, "gfn"), end)))
        (step,) = loop.session.calls(cuts.TDP_NEXT.function)
        spte = loop.of(step.memory, loop.walk, "old_spte")
        return MapRound(
            function=loop.function,
            workaround=loop.workaround(),
            at_end=at_end,
            maps=maps,
            links=links,
            splits=splits,
            goes_on=loop.round.goes_on,
            has_table=any_of(*done),
            spte=spte,
            evidence=loop.session.evidence(),
        )

    @once
    def direct(self) -> MapRound:
        """See `MapRounds.direct`."""
        found = Pointer((Target(guard=TRUE, address=_FOUND),))
        child = replace(cuts.CHILD, gives=found)
        known = tuple(child if cut is cuts.CHILD else cut for cut in cuts.DIRECT)
        name = "direct_map" if self._mmu.has_function("direct_map") else "__direct_map"
        loop = _Loop(self._mmu, known, name, "struct kvm_shadow_walk_iterator")
        maps = loop.deeds(cuts.MAP.function, snapshot=False, aims=["sptep", "gfn"])
        links = loop.deeds(cuts.LINK.function, snapshot=False, aims=["sptep"])
        (step,) = loop.session.calls(cuts.NEXT.function)
        return MapRound(
            function=loop.function,
            workaround=loop.workaround(),
            at_end=eq(var(f"{cuts.OKAY.function}()", 1), 0),
            maps=maps,
            links=links,
            splits=_merged([]),
            goes_on=loop.round.goes_on,
            has_table=any_of(eq(_FOUND, _LINKED_ALREADY), links.when),
            spte=loop.held(step.memory),
            evidence=loop.session.evidence(),
        )
