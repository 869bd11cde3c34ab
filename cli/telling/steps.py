"""The assignments that led to a wrong result, few enough to be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mmuproof.cli.shared.results import TracedStep
from mmuproof.cli.telling.flags import flags_text, number
from mmuproof.model.evidence import Check, CheckKind, Step
from mmuproof.model.statement import Statement, Symptom
from mmuproof.smt import operations as ops
from mmuproof.smt.dependence import bits_used, carried_constants, overlap, selected, unresized, visited
from mmuproof.smt.terms import BitVec, Term, eq, extract, negate

MOST_STEPS = 8
"""More steps than this are not read; the last ones are nearest to the wrong result."""

_FIRES = {
    CheckKind.WARN: "WARN fires",
    CheckKind.BUG: "BUG fires",
    CheckKind.BUILD: "BUILD_BUG_ON fires",
    CheckKind.INDEX: "array index out of bounds",
    CheckKind.SHIFT: "shift count out of range",
    CheckKind.DIVISION: "division by zero",
    CheckKind.NULL: "null pointer dereferenced",
    CheckKind.UNSET: "a value is read that was never set",
    CheckKind.LIFETIME: "an object is used after its end",
}

_OF_MACROS = ("__UNIQUE_ID", "__cx_", "__tcx_", "__xchg_")
"""How the names of variables begin that macros make for themselves, those of atomic exchanges among them."""
_EXCHANGED = re.compile(r"\*__(?:t?cx|xchg)_at")
_WRITTEN = "what the exchange writes"
_SHIFTS = (ops.LSHR, ops.ASHR)

_ELEMENT = re.compile(r"(?P<array>.+)\[(?P<index>\d+)\]")


def traced_steps(
    claim: Statement, symptom: Symptom, values: Mapping[Term, int], important: Mapping[str, int]
) -> tuple[TracedStep, ...]:
    """The last assignments on the way to the wrong result, and the code's own checks that fail.

    Args:
        claim: what fails.
        symptom: how it fails.
        values: the value of every term of the claim and its evidence.
        important: the bits of each variable that matter.
    """
    failed = _failed_checks(claim.case.evidence.checks, symptom, values, important)
    undefined = any(_is_told_by(symptom, check) and not check.kind.is_stated for check in claim.case.evidence.checks)
    # What comes after undefined behaviour has no meaning.
    roots: list[Term] = [symptom.when] if undefined else [claim.obligation.claim, symptom.when]
    return (*_Slice(claim, roots, values, important).lines(), *failed)


def last_place(claim: Statement, values: Mapping[Term, int]) -> str:
    """Where the code assigned something for the last time, or has a check; empty if it does neither."""
    happened = [step.at for step in claim.case.evidence.steps if values[step.guard]]
    places = happened or [each.at for each in claim.case.evidence.checks]
    return places[-1] if places else ""


def _is_told_by(symptom: Symptom, check: Check) -> bool:
    return symptom.when is negate(check.holds)


def _failed_checks(
    checks: Sequence[Check], symptom: Symptom, values: Mapping[Term, int], important: Mapping[str, int]
) -> tuple[TracedStep, ...]:
    """The code's own checks that fail, unless only inputs that do not matter make them fail."""
    failed = (
        TracedStep(check.at, _FIRES.get(check.kind, f"check fails: {check.kind.value}"))
        for check in checks
        if not values[check.holds]
        and (check.holds.is_const or _is_told_by(symptom, check) or overlap(bits_used(check.holds), important))
    )
    return tuple(dict.fromkeys(failed))


@dataclass(frozen=True)
class _Round:
    """One round of a loop that fills an array.

    Args:
        index: which element it fills.
        element: the position of the step that does.
        inner: the positions of the other steps.
    """

    index: int
    element: int
    inner: tuple[int, ...]


class _Slice:
    """The steps that a result comes from."""

    def __init__(
        self, claim: Statement, roots: Sequence[Term], values: Mapping[Term, int], important: Mapping[str, int]
    ) -> None:
        self._shown = claim.case.shown
        self._values, self._important = values, important
        self._nodes = visited(roots, values)
        self._on_the_way = {unresized(term) for term in self._nodes}
        self._constants = carried_constants(self._nodes, values)
        self._happened = [step for step in claim.case.evidence.steps if values[step.guard]]

    def lines(self) -> tuple[TracedStep, ...]:
        """The steps in words, in the order in which they happen."""
        kept = [self._explains(step) for step in self._happened]
        # The elements that are read, and what they are made of, are what a reader looks for.
        notes: dict[int, str] = {}
        chosen = self._chosen_elements()
        for position, step in enumerate(self._happened):
            array, index = _element(step.target)
            if array in chosen:
                kept[position] = index in chosen[array] and (kept[position] or self._bit_read(step) is not None)
        for each in _rounds(self._happened):
            array, _ = _element(self._happened[each.element].target)
            if array not in chosen:
                continue
            ingredients: set[int] = set()
            if kept[each.element]:
                bit = self._bit_read(self._happened[each.element])
                ingredients = self._ingredients(each, bit)
                notes |= dict.fromkeys(ingredients, "")
                notes[each.element] = "" if bit is None else self._bit_text(each, bit)
            for position in each.inner:
                kept[position] = position in ingredients
        return self._told(kept, notes)

    def _told(self, kept: Sequence[bool], notes: Mapping[int, str]) -> tuple[TracedStep, ...]:
        lines: dict[TracedStep, bool] = {}
        latest: dict[str, int] = {}
        for position in self._with_initial_values(kept):
            step = self._happened[position]
            value = self._values[step.value]
            if step.target.startswith(_OF_MACROS):
                continue
            if latest.get(step.target) != value:
                latest[step.target] = value
                note = f": {notes[position]}" if notes.get(position) else ""
                line = TracedStep(
                    at=step.at,
                    text=f"{_EXCHANGED.sub(_WRITTEN, step.target)} = {_padded(value, step.value.width)}{note}",
                    width=step.value.width,
                )
                # Where a step repeats, its last time is the one that counts.
                lines.pop(line, None)
                lines[line] = position in notes
        while len(lines) > MOST_STEPS:
            del lines[next((line for line, telling in lines.items() if not telling), next(iter(lines)))]
        return tuple(lines)

    def _explains(self, step: Step) -> bool:
        value = step.value
        if value.is_const:
            return value in self._constants and _tells(value)
        if not overlap(bits_used(value), self._important):
            return False
        if unresized(value) in self._on_the_way:
            return True
        # Of an array of masks, some bit is nearly always on the way.
        return not _element(step.target)[0] and any(part in self._on_the_way for part in _bits(value))

    # -- arrays ------------------------------------------------------------------------------------------

    def _chosen_elements(self) -> dict[str, set[int]]:
        """For each array that the result reads with an index, which elements it reads."""
        indices: dict[str, set[int]] = {}
        for step in self._happened:
            array, index = _element(step.target)
            if array:
                indices.setdefault(array, set()).add(index)
        read = selected(self._nodes, self._values)
        return {array: chosen for array, known in indices.items() if (chosen := known & read)}

    def _bit_read(self, element: Step) -> int | None:
        """Which bit of an element the result reads, if it is a single one."""
        read = {
            self._values[term.args[1]]
            for term in self._nodes
            if term.op in _SHIFTS
            and term.args[0].width >= element.value.width
            and self._values[term.args[0]] == self._values[element.value]
        }
        return read.pop() if len(read) == 1 else None

    def _bit_text(self, each: _Round, bit: int) -> str:
        state = "set" if self._values[self._happened[each.element].value] >> bit & 1 else "clear"
        counts = {
            unresized(term.args[1]) for term in self._nodes if term.op in _SHIFTS and self._values[term.args[1]] == bit
        }
        named = next((shown for shown in self._shown if bit and shown.flags and unresized(shown.term) in counts), None)
        return f"the bit for {flags_text(named.flags, bit)} is {state}" if named else f"bit {bit} is {state}"

    def _ingredients(self, each: _Round, bit: int | None) -> set[int]:
        """The masks that a round puts together to its element, as far as they make the bit what it is."""
        value = self._happened[each.element].value
        whole = self._values[value]
        wanted = 0 if bit is None else whole & 1 << bit
        last = {self._happened[position].target: position for position in each.inner}
        return {
            position
            for position in last.values()
            if (inner := self._happened[position].value).width == value.width
            and (mask := self._values[inner])
            and not mask & ~whole
            and mask & wanted == wanted
        }

    def _with_initial_values(self, kept: Sequence[bool]) -> Iterator[int]:
        """The kept steps, each with the constant that the same target is given right before it.

        Constants are shared by everything that has their value, so the graph does not tell whether one is on
        the way; the one that the next step starts from is.
        """
        for position, step in enumerate(self._happened):
            following = self._happened[position + 1] if position + 1 < len(self._happened) else None
            leads_in = (
                step.value.is_const
                and following is not None
                and kept[position + 1]
                and not following.value.is_const
                and following.target == step.target
            )
            if kept[position] or leads_in:
                yield position


def _element(target: str) -> tuple[str, int]:
    """The array and the index that a step's target consists of; no name if it is no element."""
    found = _ELEMENT.fullmatch(target)
    return (found["array"], int(found["index"])) if found else ("", 0)


def _rounds(happened: Sequence[Step]) -> Iterator[_Round]:
    """The rounds of the loops that fill arrays: each ends where it fills its element."""
    fills: dict[tuple[str, str], list[int]] = {}
    for position, step in enumerate(happened):
        array, _ = _element(step.target)
        if array:
            fills.setdefault((step.at, array), []).append(position)
    for positions in fills.values():
        indices = [_element(happened[position].target)[1] for position in positions]
        # A loop starts anew where its index does; what precedes its first round is not in its body.
        body = {
            (step.at, step.target)
            for (before, after), (start, end) in zip(pairwise(indices), pairwise(positions), strict=True)
            if before < after
            for step in happened[start + 1 : end]
        }
        for index, (start, end) in zip(indices, pairwise([-1, *positions]), strict=True):
            inner = (
                position
                for position in range(start + 1, end)
                if (happened[position].at, happened[position].target) in body
            )
            yield _Round(index, end, tuple(inner))


def _tells(constant: Term) -> bool:
    """Whether a constant can be recognised by its value: small numbers and all ones are everywhere."""
    return 16 <= constant.value < (1 << constant.width) - 1


def _bits(value: Term) -> Iterator[Term]:
    """The bits of a value in the forms that they take where a single bit of it is tested.

    A test of one bit of ``spte |= mask`` is simplified until nothing is left of the assignment as a whole.
    """
    if isinstance(value, BitVec) and value.width > 1:
        for index in range(value.width):
            one = extract(value, index, index)
            if not one.is_const:
                truth = eq(one, 1)
                yield from (one, truth, negate(truth))


def _padded(value: int, width: int) -> str:
    """A number; the bits of a short one can be counted off, so its leading zeros are written."""
    return f"{value:#0{width // 4 + 2}x}" if 8 < width <= 16 and value >= 10 else number(value)
