"""From a solver's assignment to a counterexample that a kernel developer can read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mmuproof.cli.numbers.decoded import Decoded, decoded_content, read_bits
from mmuproof.cli.shared.results import Counterexample, Input, TracedStep
from mmuproof.cli.telling.flags import flags_text, number
from mmuproof.cli.telling.steps import last_place, traced_steps
from mmuproof.compare.encodings import Kind, kind_of
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Statement, Symptom
from mmuproof.smt.dependence import bits_told, bits_used, overlap
from mmuproof.smt.graph import evaluate_all, postorder, variables
from mmuproof.smt.obligation import Assignment
from mmuproof.smt.terms import BitVec, Bool, Term, all_of, bit, boolean, eq, iff, negate


class NoSymptom(Exception):  # noqa: N818 - reads as what happened
    """A claim fails in a way that its theorem has no words for."""


Decode = Callable[[NumberKind, int, Mapping[str, int]], Decoded | None]
"""What a number says, given the values of variables; None if that is not to be had."""


def undecoded(_kind: NumberKind, _number: int, _values: Mapping[str, int]) -> None:
    """Nothing: where no kernel is at hand whose names bits could have."""


def explain(
    claim: Statement, assignment: Assignment, satisfiable: Callable[[Bool], bool | None], decode: Decode = undecoded
) -> Counterexample:
    """Tell a counterexample.

    Args:
        claim: what fails.
        assignment: how it fails.
        satisfiable: whether some assignment makes a truth value true, None if that is not known.
        decode: reads numbers whose bits mean something.

    Raises:
        NoSymptom: no symptom's condition holds.
    """
    values = _all_values(claim, assignment.values)
    symptom = next((each for each in claim.ways_to_fail if values[each.when]), None)
    if symptom is None:
        raise NoSymptom("there is a counterexample, but the theorem has no symptom for it")
    claim = _of_symptom(claim, symptom)
    told = _told(claim, symptom, assignment, values, satisfiable)
    important = _united(
        assignment.relevant,
        *(used for shown in told if not overlap(used := bits_used(shown.term), assignment.relevant)),
    )
    steps = tuple(
        _read_step(step, decode, assignment.values) for step in traced_steps(claim, symptom, values, important)
    )
    return Counterexample(
        symptom=symptom.name,
        sentence=symptom.sentence,
        inputs=_inputs(claim, told, assignment, values, decode),
        values=dict(assignment.values),
        steps=steps,
        actual=symptom.actual,
        expected=symptom.expected,
        at=steps[-1].at if steps else place_in(symptom.sentence) or last_place(claim, values),
        place=symptom.place,
    )


_PLACE = re.compile(r"\bat (?P<at>[\w./-]+\.[chS]:\d+)\b")


def place_in(sentence: str) -> str:
    """The place of which a sentence speaks, ``file:line``; empty if it speaks of none."""
    found = _PLACE.search(sentence)
    return found["at"] if found else ""


def _of_symptom(claim: Statement, symptom: Symptom) -> Statement:
    """The same with what one way to fail shows, and how KVM's side came about there."""
    evidence = claim.case.evidence if symptom.evidence is None else symptom.evidence
    return replace(claim, case=replace(claim.case, shown=(*claim.case.shown, *symptom.shown), evidence=evidence))


def _all_values(claim: Statement, values: Mapping[str, int]) -> dict[Term, int]:
    roots: list[Term] = [claim.obligation.claim]
    roots += [symptom.when for symptom in claim.ways_to_fail]
    roots += [shown.term for shown in claim.case.shown]
    roots += [shown.term for symptom in claim.ways_to_fail for shown in symptom.shown]
    roots += [term for step in claim.case.evidence.steps for term in (step.guard, step.value)]
    roots += [check.holds for check in claim.case.evidence.checks]
    terms = postorder(roots)
    return dict(zip(terms, evaluate_all(terms, values), strict=True))


# -- inputs ----------------------------------------------------------------------------------------


def _told(
    claim: Statement,
    symptom: Symptom,
    assignment: Assignment,
    values: Mapping[Term, int],
    satisfiable: Callable[[Bool], bool | None],
) -> list[Shown]:
    """The shown terms that cannot have any value: those that matter, and those that the assumptions fix.

    A constant is among them if the symptom speaks of it, or speaks of no shown term at all.
    """
    words = f"{symptom.sentence} {symptom.actual} {symptom.expected}"
    spoken_of = {shown.name for shown in claim.case.shown if _mentions(words, shown.name)}
    known = _variables(claim)
    premise = all_of(*(assumption.term for assumption in claim.case.assumptions))
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

    def told(shown: Shown) -> bool:
        if shown.term.is_const:
            return bool(shown.term.value) and (not spoken_of or shown.name in spoken_of)
        used = bits_used(shown.term)
        return overlap(used, assignment.relevant) or (overlap(used, assumed) and fixed(shown))

    about = {prefix for name in spoken_of if (prefix := name.rpartition(".")[0])}

    def is_beside(shown: Shown) -> bool:
        """Whether it is another member of a result of which the symptom speaks of one: what it follows from is told."""
        is_result = not shown.term.is_const and not bits_told(shown.term)
        return is_result and shown.name not in spoken_of and shown.name.rpartition(".")[0] in about

    return [shown for shown in claim.case.shown if told(shown) and not is_beside(shown)]


def _mentions(words: str, name: str) -> bool:
    """Whether words speak of ``FROZEN_SPTE``, or of a ``frozen SPTE``; a name of one word may mean anything."""
    name = name.replace("_", " ").lower()
    return " " in name and name in words.replace("_", " ").lower()


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


def _united(*maps: Mapping[str, int]) -> dict[str, int]:
    united: dict[str, int] = {}
    for each in maps:
        for name, mask in each.items():
            united[name] = united.get(name, 0) | mask
    return united


def _inputs(
    claim: Statement, told: Sequence[Shown], assignment: Assignment, values: Mapping[Term, int], decode: Decode
) -> tuple[Input, ...]:
    """The shown terms that cannot have any value, then what matters but can be read off none of them."""
    texts: dict[str, str] = {}
    read: dict[str, Decoded] = {}
    raw_reads: dict[str, str] = {}
    untold = {name: mask for name, mask in assignment.relevant.items() if mask}
    for shown in told:
        text = _text(shown, values[shown.term])
        name = shown.name
        while texts.get(name, text) != text:
            name += "'"
        texts[name] = text
        kind = _kind(shown)
        if (
            kind is not None
            and (decoded := decode(kind, values[shown.term], assignment.values)) is not None
            and decoded.is_kernels
        ):
            read[name] = decoded
        for variable, mask in bits_told(shown.term).items():
            untold[variable] = untold.get(variable, 0) & ~mask
    widths = {name: max(term.width, 1) for name, term in _variables(claim).items()}
    for name, mask in untold.items():
        mask &= (1 << widths.get(name, 64)) - 1
        if mask:
            key, text = _raw(name, mask, assignment.values[name], widths.get(name, 64))
            texts[key] = text
            raw_reads[key] = _raw_reads(name, mask, assignment.values, widths.get(name, 64), decode)
    flagged = {shown.name for shown in told if shown.flags}
    return tuple(
        # What is told by its flags already need not be told twice.
        Input(name, text, "" if name in flagged else _summary(read[name]), decoded_content(read[name]))
        if name in read
        else Input(name, text, raw_reads.get(name, ""))
        for name, text in texts.items()
    )


def _summary(decoded: Decoded) -> str:
    """What a number says, where it says more than that no bit is set."""
    return "" if decoded.summary == "0" else decoded.summary


_WORDS = (
    (NumberKind.ROLE, re.compile(r"(?:^|[.>])\w*role(?:\.word|\.as_u64)?$")),
    (NumberKind.PRIMARY_CONTROLS, re.compile(r"cpu_based_(?:vm_)?exec_(?:control|ctrl)$")),
    (NumberKind.SECONDARY_CONTROLS, re.compile(r"(?:secondary|2nd)_(?:vm_)?exec(?:_control|_ctrl)?$")),
    (NumberKind.EPT_VIOLATION, re.compile(r"(?:^|[.>])exit_qualification$")),
    (NumberKind.EXIT_INFO_1, re.compile(r"(?:^|[.>])exit_info_1$")),
    (NumberKind.ERROR_CODE, re.compile(r"(?:^|[.>])(?:error_code|pfec)$")),
)
"""What words are called whose bits have names, wherever they are."""
_ALL_ONES = (1 << 64) - 1


def _named_kind(name: str, width: int) -> NumberKind | None:
    """What a number is, by its name alone."""
    if kind_of(name, width) is Kind.SPTE:
        return NumberKind.SPTE
    return next((kind for kind, names in _WORDS if width >= 32 and names.search(name)), None)


def _raw_reads(name: str, mask: int, values: Mapping[str, int], width: int, decode: Decode) -> str:
    """What a variable says, or, if only some bits of it matter, what these are called."""
    kind = _named_kind(name, width)
    if kind is None:
        return ""
    is_whole = mask == (1 << width) - 1
    decoded = decode(kind, values[name] if is_whole else _ALL_ONES, values)
    if decoded is None:
        return ""
    return _summary(decoded) if is_whole else read_bits(decoded.rows, mask, values[name])


_SPTE = re.compile(r"the entry (?:before|after|afterwards)|(?:\w+ )*spte(?: \w+)*")
_ENTRY_WIDTH = 64


def _kind(shown: Shown) -> NumberKind | None:
    """What a number is: what its theorem says, or else what it is called."""
    if shown.kind is not None or shown.flags:
        return shown.kind
    if shown.term.width == _ENTRY_WIDTH and _SPTE.fullmatch(shown.name):
        return NumberKind.SPTE
    kind = _named_kind(shown.name, shown.term.width)
    # Of any other SPTE a theorem says itself that it is one.
    return None if kind is NumberKind.SPTE else kind


_PART_OF_SPTE = re.compile(r"_spte_(?:gfn|access|generation)\(\)|^spte_(?:to_pfn|index)\(\)")
"""What is called after an SPTE, as wide as one, and is none."""
_ASSIGNED = re.compile(r"(?P<target>[^=]+?) = (?P<value>0x[0-9a-f]+|\d+)")


def _read_step(step: TracedStep, decode: Decode, values: Mapping[str, int]) -> TracedStep:
    """A step with what the number says, if its bits have names: an assignment is known by its target's name alone."""
    found = _ASSIGNED.fullmatch(step.text)
    kind = None if found is None else _named_kind(found["target"], step.width)
    if found is None or kind is None or _PART_OF_SPTE.search(step.text):
        return step
    value = int(found["value"], 0)
    decoded = decode(kind, value, values) if value or kind is NumberKind.SPTE else None
    return step if decoded is None or not decoded.is_kernels else replace(step, reads=decoded.summary)


def _variables(claim: Statement) -> dict[str, Term]:
    checks = (check.holds for check in claim.case.evidence.checks)
    return variables(claim.obligation.claim, *(assumption.term for assumption in claim.case.assumptions), *checks)


def _text(shown: Shown, value: int) -> str:
    return flags_text(shown.flags, value) if shown.flags else number(value)


def _raw(name: str, mask: int, value: int, width: int) -> tuple[str, str]:
    """Some bits of a variable that has no name in the kernel's vocabulary."""
    if mask == (1 << width) - 1:
        return name, number(value)
    low = (mask & -mask).bit_length() - 1
    high = mask.bit_length() - 1
    if mask >> low == (1 << (high - low + 1)) - 1:
        bits = f"bit {low}" if low == high else f"bits {high}:{low}"
        return f"{bits} of {name}", number((value & mask) >> low)
    return f"{name}&{mask:#x}", number(value & mask)
