"""What a run of the abstract machine leaves behind besides its result."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Memory
from mmuproof.lift.machine.values import Object, Value
from mmuproof.lift.syntax import Location
from mmuproof.smt.terms import BitVec, Bool


class CheckKind(enum.Enum):
    """What has to be shown about a place in the code."""

    WARN = "a WARN does not fire"
    BUG = "a BUG does not fire"
    BUILD = "a BUILD_BUG_ON holds back"
    INDEX = "an index is inside its array"
    SHIFT = "a shift count is below the width"
    DIVISION = "a division is defined"
    NULL = "no null pointer is followed"
    UNSET = "a variable is set before it is read"
    LIFETIME = "no object is used after its end"

    @property
    def is_stated(self) -> bool:
        """Whether the code itself states it; the others are demanded by C."""
        return self in (CheckKind.WARN, CheckKind.BUG, CheckKind.BUILD)


@dataclass(frozen=True)
class NotedCheck:
    """An obligation that the code itself states or C demands: ``holds`` on every path of a function."""

    kind: CheckKind
    at: Location
    holds: Bool
    function: str = ""


@dataclass(frozen=True)
class NotedStep:
    """An assignment that happens where ``guard`` holds; for telling how a result came about."""

    at: Location
    target: str
    guard: Bool
    value: BitVec


@dataclass(frozen=True)
class NotedCut:
    """A call that was not followed; ``unchecked`` is of what it is not known whether the cut lists what it writes."""

    cut: Cut
    at: Location
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CallMade:
    """A call that was not followed, where it happens: under ``guard``, with these arguments.

    A struct among the arguments is a number if it has no more than 64 bits, and None otherwise. What the function
    needs of its caller can be asked of this; ``memory`` is what there is at the call, if the call is watched. ``tag``
    tells it from other calls in names: of its result, which is a number of ``bits``, 1 for a truth value and 0 for what
    is no number, and of what it leaves unknown.
    """

    function: str
    tag: str
    at: Location
    guard: Bool
    arguments: tuple[Value | None, ...]
    caller: str
    bits: int
    memory: Memory | None = None


@dataclass(frozen=True, kw_only=True)
class SharedAccess:
    """An access to memory that others write; see `mmuproof.lift.machine.others`.

    Attributes:
        object: the memory.
        at: where it is accessed.
        guard: when.
        writes: whether it is written; otherwise it is read.
        known: what was read or written there last by the code itself, in the same step if it is a write of one that
            reads and writes.
        found: what is there at the access.
        left: what is there after it.
    """

    object: Object
    at: Location
    guard: Bool
    writes: bool
    known: BitVec
    found: BitVec
    left: BitVec


@dataclass(frozen=True, kw_only=True)
class WentBack:
    """A path of a function that goes back, and is not followed from there.

    Attributes:
        function: in which it does.
        label: to which it jumps; empty if it begins another round of a ``do``.
        guard: when.
        memory: what there is then.
        variables: the function's variables that are in scope, by name.
    """

    function: str
    label: str
    guard: Bool
    memory: Memory
    variables: Mapping[str, Object]


def numbered(name: str, number: int) -> str:
    """What the first, second, ... of several things of one name is called, as the results of calls are."""
    return name if number == 1 else f"{name}#{number}"


@dataclass(frozen=True, kw_only=True)
class RoundMade:
    """A round of a loop that stands for all; see `mmuproof.lift.machine.rounds`.

    Attributes:
        function: in which the loop is.
        at: where it is.
        label: where the round begins anew; empty for a loop's own rounds.
        begins: there is a first round.
        entered: what memory holds before it.
        head: what it holds when the round begins.
        goes_on: another round follows.
        end: what memory holds then; None if none follows.
        variables: the function's variables that are in scope, by name.
    """

    function: str
    at: Location
    begins: Bool
    entered: Memory
    head: Memory
    goes_on: Bool
    end: Memory | None
    variables: Mapping[str, Object]
    label: str = ""
