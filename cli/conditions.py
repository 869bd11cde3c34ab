"""Conditions under which two versions are the same: small ones, that a caller can guarantee."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from mmuproof.smt.graph import variables
from mmuproof.smt.obligation import Answer, Assignment, Assumption, Obligation, Verdict
from mmuproof.smt.terms import BitVec, Bool, Term, all_of, bit, boolean, eq, iff, negate

_MOST_TRIES, _MOST_PAIRS = 16, 2
_FEW_BITS = 6


@dataclass(frozen=True)
class Condition:
    """Something about the inputs, as C says it."""

    text: str
    holds: Bool


def condition_of_equality(
    obligation: Obligation,
    assignment: Assignment,
    decide: Callable[[Obligation], Answer],
    decide_small: Callable[[Obligation], Answer],
    name: Callable[[str, int], str],
) -> Condition | None:
    """A condition under which an obligation holds that does not hold in general.

    It is a conjunction of at most two: that a bit has the other value than in a counterexample, that a number is zero,
    or that two bits of a number are the same.

    Args:
        obligation: that two versions are the same.
        assignment: why they are not.
        decide: decides an obligation.
        decide_small: likewise, with a small counterexample and the bits of it that matter.
        name: what a bit of a variable is called.
    """
    first = list(islice(_literals(obligation, assignment, name), _MOST_TRIES))
    for each in first:
        if decide(_under(obligation, each)).verdict is Verdict.PROVED:
            return each
    for each in first[:_MOST_PAIRS]:
        under = _under(obligation, each)
        found = decide_small(under).assignment
        if found is None:
            continue
        for other in islice(_literals(under, found, name), _MOST_TRIES):
            if decide(_under(under, other)).verdict is Verdict.PROVED:
                return Condition(f"{each.text} && {other.text}", all_of(each.holds, other.holds))
    return None


def _under(obligation: Obligation, condition: Condition) -> Obligation:
    return Obligation((*obligation.assumptions, Assumption(condition.text, condition.holds)), obligation.claim)


def _literals(obligation: Obligation, assignment: Assignment, name: Callable[[str, int], str]) -> Iterator[Condition]:
    """What is otherwise than in a counterexample, the simplest first."""
    terms = variables(obligation.claim, *(each.term for each in obligation.assumptions))
    relevant = [(each, mask & _full(terms[each])) for each, mask in assignment.relevant.items() if each in terms]
    later: list[Condition] = []
    for variable, mask in relevant:
        term, value = terms[variable], assignment.values[variable]
        if not mask:
            continue
        if isinstance(term, Bool):
            text = variable if not value else f"!({variable})"
            yield Condition(text, iff(term, boolean(not value)))
            continue
        assert isinstance(term, BitVec)
        indices = [index for index in range(term.width) if mask >> index & 1]
        if term.width == 1:
            yield Condition(variable if not value else f"!{variable}", eq(term, 1 - value))
            continue
        # What is set is little, since a counterexample is small; what has to be clear may be much.
        ones = [index for index in indices if value >> index & 1]
        zeros = [index for index in indices if not value >> index & 1]
        for index in ones[:_FEW_BITS]:
            yield Condition(f"!({name(variable, index)})", negate(bit(term, index)))
        for index in zeros if len(zeros) <= _FEW_BITS else ():
            yield Condition(f"({name(variable, index)})", bit(term, index))
        later += [
            Condition(f"!({name(variable, one)}) == !({name(variable, other)})", iff(bit(term, one), bit(term, other)))
            for one in ones[:_FEW_BITS] for other in zeros[:_FEW_BITS]
        ]  # fmt: skip
        if value:
            later.append(Condition(f"{variable} == 0", eq(term, 0)))
    yield from later


def _full(term: Term) -> int:
    return (1 << term.width) - 1 if term.width else 1


def bit_names(flags: Mapping[str, Mapping[int, str]]) -> Callable[[str, int], str]:
    """What a bit of a variable is called, given the names of the bits of some variables."""

    def name(variable: str, index: int) -> str:
        known = flags.get(variable, {}).get(index)
        return f"{variable} & {known}" if known else f"{variable} & BIT({index})"

    return name
