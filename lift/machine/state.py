"""Paths through a function: where they part, wait for their label, and meet again."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field

from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.machine.values import Object, Value
from mmuproof.lift.syntax import Expr, Variable
from mmuproof.smt import operations as ops
from mmuproof.smt.terms import FALSE, Bool, Term, all_of, any_of


class OneStep(enum.Enum):
    """How far a step is that reads and writes at once."""

    NO = "none runs"
    BEGINS = "others come in before its read"
    RUNS = "nobody else comes in until it is done"


@dataclass
class State:
    """One path.

    Args:
        guard: the condition under which it is taken.
        memory: what it finds.
        valid: the conditions under which those input pointers would be null that it has taken to be valid.
    """

    guard: Bool
    memory: Memory
    valid: frozenset[Term] = frozenset()

    @property
    def is_dead(self) -> bool:
        """Whether no execution takes this path."""
        return self.guard is FALSE

    def fork(self, condition: Bool) -> State:
        """The same state with a further condition."""
        return State(all_of(self.guard, condition), self.memory.copy(), self.valid)

    def become(self, other: State | None) -> None:
        """Go on as another state; with None the path ends."""
        if other is None:
            self.guard = FALSE
        else:
            self.guard, self.memory, self.valid = other.guard, other.memory, other.valid


@dataclass(kw_only=True)
class Block:
    """A compound statement while it runs: its labels, those passed, and who waits for which.

    An exchange that begins in it ends with it; ``one_step`` is what goes on behind it.
    ``again`` has who goes back to its beginning, by the labels there, where it may be begun anew.
    ``scoped`` has the calls that are made when the block is left, for the variables declared so far.
    """

    labels: frozenset[str]
    one_step: OneStep
    scoped: list[Expr] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)
    waiting: dict[str, list[State]] = field(default_factory=dict)
    declared: list[Object] = field(default_factory=list)
    again: dict[str, list[State]] = field(default_factory=dict)


@dataclass(kw_only=True)
class WayOut:
    """The paths that leave a loop or a switch, or one round of a loop.

    Args:
        depth: how many blocks they stay in.
        labels: the labels before a ``break`` of it, inside another statement.
        states: where they are.
    """

    depth: int
    labels: frozenset[str] = frozenset()
    states: list[State] = field(default_factory=list)


@dataclass(kw_only=True)
class Frame:
    """A function while it runs: where its variables are, and the paths that have left its statements."""

    function: str
    result: Object | None = None
    variables: dict[Variable, Object] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    returns: list[tuple[State, Value | None]] = field(default_factory=list)
    breaks: list[WayOut] = field(default_factory=list)
    continues: list[WayOut] = field(default_factory=list)
    ends: list[list[State]] = field(default_factory=list)


def meet(states: Iterable[State | None]) -> State | None:
    """The paths that are alive, merged into one; their conditions exclude each other."""
    live = [state for state in states if state is not None and not state.is_dead]
    if not live:
        return None
    result = live[0]
    for other in live[1:]:
        result.memory.merge(telling(result.guard, other.guard), other.memory)
        result = State(either(result.guard, other.guard), result.memory, result.valid & other.valid)
    return result


def _conjuncts(guard: Bool) -> list[Bool]:
    return [arg for arg in guard.args if isinstance(arg, Bool)] if guard.op is ops.AND else [guard]


def telling(mine: Bool, other: Bool) -> Bool:
    """A condition that holds on one path and not on the other, where both never hold at once.

    What the two guards have in common tells nothing, so only what ``mine`` adds is kept: on the other
    path the common part holds, hence the rest cannot.
    """
    shared = set(_conjuncts(other))
    rest = [each for each in _conjuncts(mine) if each not in shared]
    return all_of(*rest) if rest else mine


def either(mine: Bool, other: Bool) -> Bool:
    """The disjunction, with what both have in common in front, so that paths that meet drop their split."""
    left, right = _conjuncts(mine), _conjuncts(other)
    shared = [each for each in left if each in set(right)]
    if not shared:
        return any_of(mine, other)
    known = set(shared)
    return all_of(
        *shared,
        any_of(
            all_of(*(each for each in left if each not in known)),
            all_of(*(each for each in right if each not in known)),
        ),
    )
