"""Conditions under which two versions are the same: small ones, that a caller can guarantee."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from mmuproof.smt.exploration import Exploration
from mmuproof.smt.obligation import Assignment, Assumption, Obligation
from mmuproof.smt.terms import BitVec, Bool, Term, all_of, bit, boolean, eq, iff, negate

_OF_BITS = re.compile(r"pte|gen|access|mask|role|flags|error_code|pfec|efer|cr0|cr4|level|xwr|caps|type")
"""Names of numbers of which somebody may guarantee a bit."""
_MOST_TRIES, _MOST_PAIRS = 16, 1
_FEW_BITS = 6
_QUICK = 500_000
"""The solver's resource limit for proving a condition sufficient where it is not to take long."""
EFFORT = 24
"""How many questions it is worth to make a witness small: a few functions have hundreds of inputs."""


@dataclass(frozen=True)
class EqualityCondition:
    """Something about the inputs, as C says it."""

    text: str
    holds: Bool


def condition_of_equality(
    explored: Exploration, assignment: Assignment, name: Callable[[str, int], str], *, thorough: bool
) -> EqualityCondition | None:
    """A condition under which an obligation holds that does not hold in general.

    It is a conjunction of at most two: that a bit has the other value than in a counterexample, or that two bits of a
    number are the same.

    Args:
        explored: that two versions are the same.
        assignment: why they are not.
        name: what a bit of a variable is called.
        thorough: whether conjunctions are looked for as well, and conditions that are hard to prove sufficient.
    """
    obligation = explored.obligation
    first = list(islice(_literals(obligation, assignment, name), _MOST_TRIES))
    found = _sufficient(explored, first, None if thorough else _QUICK)
    if found is not None:
        return found
    for each in first[:_MOST_PAIRS] if thorough else ():
        under = explored.under(Assumption(each.text, each.holds))
        other = under.answer(effort=EFFORT).assignment
        if other is None:
            continue
        second = _sufficient(under, list(islice(_literals(under.obligation, other, name), _MOST_TRIES)))
        if second is not None:
            return EqualityCondition(f"{each.text} && {second.text}", all_of(each.holds, second.holds))
    return None


def _sufficient(
    explored: Exploration, conditions: Sequence[EqualityCondition], budget: int | None = None
) -> EqualityCondition | None:
    """The first condition that leaves no counterexample, but something."""
    enough = (conditions[index] for index in explored.impossible([each.holds for each in conditions], budget))
    return next((each for each in enough if explored.allowed(each.holds)), None)


def _literals(
    obligation: Obligation, assignment: Assignment, name: Callable[[str, int], str]
) -> Iterator[EqualityCondition]:
    """What is otherwise than in a counterexample, the simplest first."""
    terms = obligation.variables
    relevant = [(each, mask & _full(terms[each])) for each, mask in assignment.relevant.items() if each in terms]
    later: list[EqualityCondition] = []
    # Of an address or a number of pages nobody guarantees a bit.
    relevant = [(each, mask) for each, mask in relevant if terms[each].width <= 1 or _OF_BITS.search(_last(each))]
    for variable, mask in relevant:
        term, value = terms[variable], assignment.values[variable]
        if not mask:
            continue
        if isinstance(term, Bool):
            text = variable if not value else f"!({variable})"
            yield EqualityCondition(text, iff(term, boolean(not value)))
            continue
        assert isinstance(term, BitVec)
        indices = [index for index in range(term.width) if mask >> index & 1]
        if term.width == 1:
            yield EqualityCondition(variable if not value else f"!{variable}", eq(term, 1 - value))
            continue
        # What is set is little, since a counterexample is small; what has to be clear may be much.
        ones = [index for index in indices if value >> index & 1]
        zeros = [index for index in indices if not value >> index & 1]
        for index in ones[:_FEW_BITS]:
            yield EqualityCondition(f"!({name(variable, index)})", negate(bit(term, index)))
        for index in zeros if len(zeros) <= _FEW_BITS else ():
            yield EqualityCondition(f"({name(variable, index)})", bit(term, index))
        later += [
            EqualityCondition(
                f"!({name(variable, one)}) == !({name(variable, other)})", iff(bit(term, one), bit(term, other))
            )
            for one in ones[:_FEW_BITS]
            for other in zeros[:_FEW_BITS]
        ]
    yield from later


def _last(variable: str) -> str:
    return re.split(r"->|\.", variable.partition(" after ")[0].lstrip("*"))[-1]


def _full(term: Term) -> int:
    return (1 << term.width) - 1 if term.width else 1


def bit_names(flags: Mapping[str, Mapping[int, str]]) -> Callable[[str, int], str]:
    """What a bit of a variable is called, given the names of the bits of some variables.

    A name that begins with a dot is that of a bit-field.
    """

    def name(variable: str, index: int) -> str:
        known = flags.get(variable, {}).get(index)
        if known is not None and known.startswith("."):
            return f"{variable}{known}"
        return f"{variable} & {known}" if known else f"{variable} & BIT({index})"

    return name
