"""The ways in which two versions of a function can be compared: with which masks, under which change of encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from mmuproof.compare.behaviours import SETTLED, Behaviour, behaviour
from mmuproof.compare.cuts import OPAQUE
from mmuproof.compare.encodings import (
    Bits,
    Encoding,
    Kind,
    access_encodings,
    kind_of,
    kinds_of,
    set_encoding,
    spte_encoding,
)
from mmuproof.compare.file_scope import FileScope
from mmuproof.compare.left_behind import Looks
from mmuproof.compare.matching import matching_parameters, relate
from mmuproof.compare.outcomes import Comparison, compare
from mmuproof.compare.relation import Relation
from mmuproof.compare.usual import NAMES as BOUNDS
from mmuproof.compare.usual import Bounds
from mmuproof.compare.versions import Pair, Pairing, Version, not_followed
from mmuproof.lift.c_types import PointerType, RecordType
from mmuproof.lift.machine.opaque_calls import CallResults, OpaqueCall
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.syntax import Function
from mmuproof.model.evidence import Evidence, Step
from mmuproof.model.lifted.session import bit_fields
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Term, extract

_MOST_TRIES = 4


@dataclass(frozen=True)
class SetUp:
    """With which masks functions are compared.

    Args:
        name: for which tables; empty for masks of any value.
        old: where the old version has its bits.
        new: where the new version has them.
    """

    name: str
    old: Bits
    new: Bits

    @property
    def bounds(self) -> Bounds:
        """The kernel's own bounds, such that they hold in both versions."""
        deepest, no_frame = ([side.constants.get(name) for side in (self.old, self.new)] for name in BOUNDS)
        return Bounds(
            None if None in deepest else max(each or 0 for each in deepest),
            None if None in no_frame else (no_frame[0] or 0) | (no_frame[1] or 0),
        )


@dataclass(frozen=True)
class Given:
    """What is known beforehand of how names have changed: in the new version, with what they are in the old one.

    Args:
        names: what the user says.
        pairing: the functions.
        found: what has been found of variables.
        assumed: what the user takes for granted of the old version's inputs.
    """

    names: Mapping[str, str]
    pairing: Pairing
    found: FileScope = field(default_factory=FileScope)
    assumed: tuple[Assumption, ...] = ()


class Compared:
    """A function run in both versions, with masks of one kind.

    Args:
        old: the old version.
        new: the new version.
        pair: the function.
        given: how names have changed.
        set_up: the masks.

    Raises:
        Refused: a version's function is not understood.
    """

    def __init__(self, old: Version, new: Version, pair: Pair, given: Given, set_up: SetUp) -> None:
        self.pair, self.set_up, self._given = pair, set_up, given
        units = old.unit(pair.old_path), new.unit(pair.new_path)
        functions = units[0].function(pair.old), units[1].function(pair.new)
        former = {**given.found.functions, **given.names, **given.pairing.former_names}
        parameters = matching_parameters(*functions, given.names)
        by_value = _by_value(*functions, parameters)
        never = not_followed(old, new, pair, former)

        def called_in_old(name: str) -> Sequence[str]:
            definition = old.definition(name)
            return () if definition is None else [each.name for each in definition.parameters]

        def called_in_new(name: str) -> Sequence[str]:
            before, after = old.definition(former.get(name, name)), new.definition(name)
            if before is None or after is None:
                return ()
            names = matching_parameters(before, after, given.names)
            return [names.get(each.name, each.name) for each in after.parameters]

        run = partial(
            behaviour, by_value=by_value, settled=given.found.settled, only_reads=_ReadingOnly(units, former).holds
        )
        run_old = partial(run, units[0], functions[0], called=called_in_old)
        run_new = partial(run, units[1], functions[1], names=former, parameters=parameters, called=called_in_new)
        for _ in range(_MOST_TRIES):
            self.answers = CallResults()
            self.old = run_old(self.answers, never=never)
            self.new = run_new(self.answers, never=never, before=self.old.calls)
            # What one version cannot follow is not followed in the other either.
            given_up = [set(self.old.given_up), {former.get(name, name) for name in self.new.given_up}]
            moved = self._moved(old, new, former) - (given_up[0] & given_up[1]) - never
            if given_up[0] == given_up[1] and not moved:
                break
            both = given_up[0] | given_up[1] | moved
            never |= both | {name for name, other in former.items() if other in both}
        numbers = _turned_round(self.old.calls, self.new.calls)
        if numbers:
            self.new = run_new(self.answers, never=never, before=self.old.calls, numbers=numbers)
        self._parameter_notes = (
            *(f"its parameter {name} is what {other} was" for name, other in parameters.items() if other != name),
            *(
                f"what its parameter {name} leads to in one version is given by value in the other: no call changes it"
                for name in by_value
            ),
        )

    def _moved(self, old: Version, new: Version, former: Mapping[str, str]) -> set[str]:
        """The functions that have a body in both versions, and in one of them in another unit than is looked at.

        Args:
            old: the old version.
            new: the new version.
            former: what functions of the new version were called.
        """
        later = {other: name for name, other in former.items()}
        units = old.unit(self.pair.old_path), new.unit(self.pair.new_path)
        called = {each.function for each in (*self.old.calls, *self.new.calls) if not each.through}
        found = set()
        for name in called:
            names = name, later.get(name, name)
            here = [each in unit.definitions for unit, each in zip(units, names, strict=True)]
            if here[0] is not here[1] and old.where(names[0]) and new.where(names[1]):
                found.add(name)
        return found

    def with_masks(self, set_up: SetUp) -> Compared:
        """The same runs, with masks that are set up."""
        other = copy(self)
        other.set_up = set_up
        return other

    @property
    def itself(self) -> Comparison:
        """The old version against itself."""
        return compare(self.old, self.old, Relation(result=self.pair.old), self.answers, self.set_up.bounds)

    @cached_property
    def uses_masks(self) -> bool:
        """Whether the masks can matter."""
        names = [self._given.found.places.get(name, name) for name in (*self.old.variables, *self.new.variables)]
        return any(name.startswith((SETTLED, "enable_mmio_caching", "kvm_ad_enabled")) for name in names)

    def relations(self) -> Iterator[Relation]:
        """The relations to be tried, the plainest first; the last one takes everything for changed that may have.

        A function that looks at single bits which have moved is the same only if it has moved with them: without their
        encoding, one that was left behind would be.
        """
        names, found = self._given.names, self._given.found.places
        encodings = list(self._encodings())
        # Of several encodings of a kind any may be the right one.
        looked_at = [self._looked_at(each) for each in encodings]
        needed = {
            kind
            for each in encodings
            for kind in each
            if all(kind in looks for other, looks in zip(encodings, looked_at, strict=True) if kind in other)
        }
        if not needed:
            yield self._told(relate(self.old, self.new, names, search=False, found=found))
            searched = relate(self.old, self.new, names, found=found)
            if searched.notes:
                yield self._told(searched)
        for each in encodings:
            if needed <= each.keys():
                yield self._told(relate(self.old, self.new, names, each, found=found))

    def _looked_at(self, encodings: Mapping[Kind, Encoding]) -> frozenset[Kind]:
        sides = Looks(self.old, encodings, new=False), Looks(self.new, encodings, new=True)
        return frozenset[Kind]().union(*(each.kinds() for each in sides))

    def _told(self, relation: Relation) -> Relation:
        """A relation with the values that masks have, and the names of parameters."""
        return replace(
            relation,
            old_variables={**relation.old_variables, **_values(self.old, self.set_up.old)},
            new_variables={**relation.new_variables, **_values(self.new, self.set_up.new)},
            notes=(*self._parameter_notes, *relation.notes),
        )

    def _encodings(self) -> Iterator[Mapping[Kind, Encoding]]:
        kinds = self._kinds
        spte = spte_encoding(self.set_up.old, self.set_up.new) if Kind.SPTE in kinds else None
        access = access_encodings(self.set_up.old, self.set_up.new) if kinds & {Kind.ACCESS, Kind.ACCESS_SET} else ()
        ways: list[Mapping[Kind, Encoding]] = [{}]
        ways = [{Kind.ACCESS: each, Kind.ACCESS_SET: set_encoding(each)} for each in access] or ways
        if access and spte is not None:
            ways = [{}, *ways]
        for way in ways:
            if spte is not None:
                yield {Kind.SPTE: spte, **way}
            elif way:
                yield way

    @cached_property
    def _kinds(self) -> set[Kind | None]:
        found: set[Kind | None] = set()
        for side in (self.old, self.new):
            found |= {kind_of(name, term.width) for name, term in side.variables.items()}
            parameters = (name for call in side.calls for name in call.parameters)
            parts = (name for word in side.words.values() for name in bit_fields(word))
            found |= {kind for name in (*side.written, *parameters, *parts) for kind in kinds_of(name)}
            found.add(kind_of(f"{side.function.name}()", side.function.result.bits))
        return found

    def compare(self, relation: Relation) -> Comparison:
        """Both versions held against each other.

        Raises:
            Refused: what they show cannot be compared.
        """
        return compare(self.old, self.new, relation, self.answers, self.set_up.bounds, self._given.assumed)

    def evidence(self, relation: Relation) -> tuple[Evidence, Evidence]:
        """How each version comes to what it shows, over the common inputs."""
        sides = ((self.old, relation.old_truth, relation.old_term), (self.new, relation.new_truth, relation.new_term))
        return tuple(
            Evidence(
                steps=tuple(
                    Step(step.at, step.target, truth(step.guard), term(step.value)) for step in side.evidence.steps
                )
            )
            for side, truth, term in sides
        )  # type: ignore[return-value]

    @property
    def calls(self) -> Sequence[str]:
        """The functions that are called and not followed."""
        return tuple(dict.fromkeys(call.function for side in (self.old, self.new) for call in side.calls))


class _ReadingOnly:
    """Which functions change nothing in either version, told from their syntax and that of all that they call.

    What they assert, and who watches them, says nothing of what they leave behind.

    Args:
        units: the old and the new unit.
        former: what functions of the new version were called.
    """

    def __init__(self, units: tuple[Unit, Unit], former: Mapping[str, str]) -> None:
        self._units, self._later = units, {other: name for name, other in former.items()}
        self._known: dict[str, bool] = {}

    def holds(self, function: str) -> bool:
        """Whether that is so of a function, by its old name."""
        if function not in self._known:
            names = function, self._later.get(function, function)
            self._known[function] = all(map(_changes_nothing, self._units, names))
        return self._known[function]


def _changes_nothing(unit: Unit, function: str) -> bool:
    effects = unit.effects(function)
    if effects is None or effects.writes or effects.instructs:
        return False
    return all(OPAQUE.silent.fullmatch(each.what.removesuffix("()")) for each in effects.not_read)


def _by_value(old: Function, new: Function, former: Mapping[str, str]) -> tuple[str, ...]:
    """The parameters, by their old names, that are a struct in one version and a pointer to one of it in the other."""
    before = {each.name: each.type for each in old.parameters}
    found = []
    for each in new.parameters:
        name = former.get(each.name, each.name)
        both = before.get(name), each.type
        for value, pointer in (both, both[::-1]):
            if isinstance(value, RecordType) and isinstance(pointer, PointerType):
                found += [name] if pointer.target.name == value.name else []
    return tuple(found)


def _values(run: Behaviour, bits: Bits) -> dict[Term, Term]:
    """What masks hold that a run looks at, by their variables; a truth value has one bit."""
    found: dict[Term, Term] = {}
    for name, value in bits.masks.items():
        variable = run.variables.get(name)
        if isinstance(variable, BitVec) and variable.width <= value.width:
            found[variable] = extract(value, variable.width - 1, 0)
    return found


def _turned_round(old: Sequence[OpaqueCall], new: Sequence[OpaqueCall]) -> Mapping[str, Sequence[int]]:
    """Which call of a function is which, where both versions make them under the same conditions in another order."""
    found: dict[str, Sequence[int]] = {}
    for function in dict.fromkeys(call.function for call in new):
        ours, theirs = ([call for call in calls if call.function == function] for calls in (old, new))
        free, numbers = list(range(len(ours))), list[int]()
        for call in theirs:
            same = next((index for index in free if ours[index].guard is call.guard), None)
            if same is not None:
                free.remove(same)
                numbers.append(same + 1)
        if not free and len(numbers) == len(theirs) and numbers != sorted(numbers):
            found[function] = numbers
    return found


def is_private(version: Version, pair: Pair) -> bool:
    """Whether no file but the one that defines it can call a function of the new version."""
    unit = version.unit(pair.new_path)
    static = re.search(r"\bstatic\b[^{]*\{", version.printed(pair.new_path).text(pair.new))
    return static is not None and unit.file_of(pair.new) == pair.new_path


def callers(version: Version, pair: Pair, pairing: Pairing) -> tuple[Pair, ...]:
    """The functions of the MMU that call one in the new version."""
    return tuple(
        each
        for each in pairing.pairs
        if pair.new in version.printed(each.new_path).calls(each.new) and each.new != pair.new
    )


def run_caller(version: Version, caller: Pair, callee: str) -> Behaviour:
    """A caller in the new version, with the calls of one function left to be looked at.

    Raises:
        Refused: the caller is not understood.
    """
    unit = version.unit(caller.new_path)
    never = version.too_large(caller.new_path, caller.new) | {callee}
    return behaviour(unit, unit.function(caller.new), CallResults(), never=never)
