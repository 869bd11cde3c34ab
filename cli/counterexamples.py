"""From a solver's assignment to a counterexample that a kernel developer can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from mmuproof.cli.results import Counterexample, Input, TracedStep
from mmuproof.cli.slicing import bits_told, bits_used, carried_constants, visited
from mmuproof.model.evidence import Check, CheckKind, Step
from mmuproof.proofs.theorem import Claim, Shown, Symptom
from mmuproof.smt.obligation import Assignment
from mmuproof.smt.terms import (
    BitVec,
    Bool,
    Op,
    Term,
    all_of,
    bit,
    boolean,
    eq,
    evaluate_all,
    extract,
    iff,
    negate,
    postorder,
    variables,
)

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


class NoSymptom(Exception):  # noqa: N818 - reads as what happened
    """A claim fails in a way that its theorem has no words for."""


def explain(claim: Claim, assignment: Assignment, satisfiable: Callable[[Bool], bool | None]) -> Counterexample:
    """Tell a counterexample.

    Args:
        claim: what fails.
        assignment: how it fails.
        satisfiable: whether some assignment makes a truth value true, None if that is not known.

    Raises:
        NoSymptom: no symptom's condition holds.
    """
    values = _all_values(claim, assignment.values)
    symptom = next((each for each in claim.ways_to_fail if values[each.when]), None)
    if symptom is None:
        raise NoSymptom("there is a counterexample, but the theorem has no symptom for it")
    told = _told(claim, assignment, values, satisfiable)
    important = _united(
        assignment.relevant,
        *(used for shown in told if not _overlap(used := bits_used(shown.term), assignment.relevant)),
    )
    steps = (
        *_steps(claim, symptom, values, important),
        *_failed_checks(claim.evidence.checks, values, important),
    )
    return Counterexample(
        symptom=symptom.name,
        sentence=symptom.sentence,
        inputs=_inputs(claim, told, assignment, values),
        values=dict(assignment.values),
        steps=steps,
        actual=symptom.actual,
        expected=symptom.expected,
        at=steps[-1].at if steps else "",
    )


def _all_values(claim: Claim, values: Mapping[str, int]) -> dict[Term, int]:
    roots: list[Term] = [claim.obligation.claim]
    roots += [symptom.when for symptom in claim.ways_to_fail]
    roots += [shown.term for shown in claim.shown]
    roots += [term for step in claim.evidence.steps for term in (step.guard, step.value)]
    roots += [check.holds for check in claim.evidence.checks]
    terms = list(postorder(roots))
    return dict(zip(terms, evaluate_all(terms, values), strict=True))


# -- inputs ----------------------------------------------------------------------------------------


def _told(
    claim: Claim,
    assignment: Assignment,
    values: Mapping[Term, int],
    satisfiable: Callable[[Bool], bool | None],
) -> list[Shown]:
    """The shown terms that cannot have any value: those that matter, and those that the assumptions fix."""
    known = _variables(claim)
    premise = all_of(*(assumption.term for assumption in claim.assumptions))
    assumed = bits_used(premise)
    context = all_of(
        premise,
        *(
            _has_value(known[name], mask, assignment.values[name])
            for name, mask in assignment.relevant.items()
            if mask and name in known
        ),
    )

    def fixed(shown: Shown) -> bool:
        others = (negate(same) for same in _aspects(shown, values[shown.term]))
        return any(satisfiable(all_of(context, other)) is False for other in others)

    return [
        shown
        for shown in claim.shown
        if _overlap(used := bits_used(shown.term), assignment.relevant) or (_overlap(used, assumed) and fixed(shown))
    ]


def _aspects(shown: Shown, value: int) -> list[Bool]:
    """What a reader learns from a shown term: each bit that is set, or that none is."""
    term = shown.term
    if isinstance(term, BitVec) and value:
        return [bit(term, index) for index in range(term.width) if value >> index & 1]
    return [_has_value(term, -1, value)]


def _has_value(term: Term, mask: int, value: int) -> Bool:
    if isinstance(term, Bool):
        return iff(term, boolean(bool(value)))
    assert isinstance(term, BitVec)
    return eq(term & mask, value & mask)


def _overlap(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return any(mask & other.get(name, 0) for name, mask in one.items())


def _united(*maps: Mapping[str, int]) -> dict[str, int]:
    united: dict[str, int] = {}
    for each in maps:
        for name, mask in each.items():
            united[name] = united.get(name, 0) | mask
    return united


def _inputs(
    claim: Claim, told: Sequence[Shown], assignment: Assignment, values: Mapping[Term, int]
) -> tuple[Input, ...]:
    """The shown terms that cannot have any value, then what matters but can be read off none of them."""
    texts: dict[str, str] = {}
    untold = {name: mask for name, mask in assignment.relevant.items() if mask}
    for shown in told:
        text = _text(shown, values[shown.term])
        name = shown.name
        while texts.get(name, text) != text:
            name += "'"
        texts[name] = text
        for variable, mask in bits_told(shown.term).items():
            untold[variable] = untold.get(variable, 0) & ~mask
    widths = {name: max(term.width, 1) for name, term in _variables(claim).items()}
    for name, mask in untold.items():
        mask &= (1 << widths.get(name, 64)) - 1
        if mask:
            key, text = _raw(name, mask, assignment.values[name], widths.get(name, 64))
            texts[key] = text
    return tuple(Input(name, text) for name, text in texts.items())


def _variables(claim: Claim) -> dict[str, Term]:
    return variables(claim.obligation.claim, *(assumption.term for assumption in claim.assumptions))


def _text(shown: Shown, value: int) -> str:
    if not shown.flags:
        return number(value)
    names = [name for index, name in shown.flags if value >> index & 1]
    rest = value & ~sum(1 << index for index in {index for index, _ in shown.flags})
    return "|".join([*names, *([f"{rest:#x}"] if rest else [])]) or "0"


def _raw(name: str, mask: int, value: int, width: int) -> tuple[str, str]:
    """Some bits of a variable that has no name in the kernel's vocabulary."""
    if mask == (1 << width) - 1:
        return name, number(value)
    low = (mask & -mask).bit_length() - 1
    high = mask.bit_length() - 1
    if mask >> low == (1 << (high - low + 1)) - 1:
        return f"{name}[{low if low == high else f'{high}:{low}'}]", number((value & mask) >> low)
    return f"{name}&{mask:#x}", number(value & mask)


def number(value: int) -> str:
    """A digit as it is, anything larger in hexadecimal."""
    return str(value) if value < 10 else f"{value:#x}"


# -- steps -------------------------------------------------------------------------------------------


def _steps(
    claim: Claim, symptom: Symptom, values: Mapping[Term, int], important: Mapping[str, int]
) -> tuple[TracedStep, ...]:
    """The last assignments that happen and whose value is on the way to the wrong result."""
    nodes = visited([claim.obligation.claim, symptom.when], values)
    on_the_way = {_core(term) for term in nodes}
    constants = carried_constants(nodes, values)
    happened = [step for step in claim.evidence.steps if values[step.guard]]

    def explains(value: Term) -> bool:
        if value.is_const:
            return value.value in constants and _tells(value)
        return _overlap(bits_used(value), important) and (
            _core(value) in on_the_way or any(part in on_the_way for part in _bits(value))
        )

    kept = _with_initial_values(happened, [explains(step.value) for step in happened])
    lines: dict[TracedStep, None] = {}
    latest: dict[str, int] = {}
    for step in kept:
        value = values[step.value]
        if latest.get(step.target) != value:
            latest[step.target] = value
            line = TracedStep(step.at, f"{step.target} = {number(value)}")
            # Where a step repeats, its last time is the one that counts.
            lines.pop(line, None)
            lines[line] = None
    return tuple(lines)[-MOST_STEPS:]


def _with_initial_values(happened: Sequence[Step], kept: Sequence[bool]) -> list[Step]:
    """The kept steps, each with the constant that the same target is given right before it.

    Constants are shared by everything that has their value, so the graph does not tell whether one is on
    the way; the one that the next step starts from is.
    """
    result = []
    for index, step in enumerate(happened):
        leads_in = (
            step.value.is_const
            and index + 1 < len(happened)
            and kept[index + 1]
            and not happened[index + 1].value.is_const
            and happened[index + 1].target == step.target
        )
        if kept[index] or leads_in:
            result.append(step)
    return result


def _tells(constant: Term) -> bool:
    """Whether a constant can be recognised by its value: small numbers and all ones are everywhere."""
    return 16 <= constant.value < (1 << constant.width) - 1


def _core(term: Term) -> Term:
    """A term without the widening and narrowing that C's conversions put around it."""
    while term.op is Op.ZEXT or (term.op is Op.EXTRACT and term.data == 0):
        term = term.args[0]
    return term


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


def _failed_checks(
    checks: Sequence[Check], values: Mapping[Term, int], important: Mapping[str, int]
) -> tuple[TracedStep, ...]:
    """The code's own checks that fail, unless only inputs that do not matter make them fail."""
    failed = (
        TracedStep(check.at, _FIRES.get(check.kind, f"check fails: {check.kind.value}"))
        for check in checks
        if not values[check.holds] and (check.holds.is_const or _overlap(bits_used(check.holds), important))
    )
    return tuple(dict.fromkeys(failed))
