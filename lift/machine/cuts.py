"""Calls that are not followed: what stands in for them, and why that is sound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mmuproof.lift.machine.values import Value


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A function whose body is not looked at; its result is unknown.

    Args:
        function: its name; for a call through an unknown pointer in memory, the pointer's path in the
            object that holds it (``arch.mmu->page_fault`` is ``page_fault``) or in full.
        reason: why the result may be anything, and why nothing but the listed memory is written.
        writes: what becomes unknown: the position of a pointer argument (from 0) and the dotted path of
            the member that is written in what it points to, ``*`` for just what it points to, empty for the
            whole object that it points into; paths that a member has had over time are separated by ``|``.
        elsewhere: of what types it writes objects that are none of those that are looked at, ``*`` for numbers that
            pointers lead to, ``argument 2`` for what is taken for that which an argument leads to, since the
            argument is kept as a number; that they are others is for the reason to say, and is not checked.
        writes_globals: names of objects with static storage that become unknown.
        repeatable: whether calls with the same constant arguments give the same result.
        result_mask: the bits that the result can have, if not all.
        error: a negative number that a result may be instead of a pointer, as ERR_PTR() makes it; 0 for none.
        gives: the result, where the question that is asked fixes it; of its arguments, where it depends on them.
        watched: whether what memory holds at a call is kept with it.
        ends: whether what comes after a call is nobody's subject: the path ends there.
        stores: what the call is known to write, after what ``writes`` says: the position of a pointer argument,
            the path of the member as in ``writes`` (empty for the scalar pointed to, a number for the one so many
            after it) and the value.
    """

    function: str
    reason: str
    writes: tuple[tuple[int, str], ...] = ()
    elsewhere: tuple[str, ...] = ()
    writes_globals: tuple[str, ...] = ()
    repeatable: bool = False
    result_mask: int | None = None
    error: int = 0
    watched: bool = False
    ends: bool = False
    gives: Value | Callable[[Sequence[Value | None]], Value] | None = field(default=None, compare=False)
    stores: tuple[tuple[int, str, Value], ...] = field(default=(), compare=False)
