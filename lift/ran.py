"""Which code has been run, and for whom: what a result rests on, also where it is remembered and not run again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from mmuproof.lift.syntax import Location, Stmt


@dataclass(eq=False)
class Ran:
    """What was run for something.

    Args:
        statements: of each run the statements that it has evaluated on some path.
        cuts: the functions that were called and not followed.
        others: what was run for other things before, on which this rests as well.
    """

    statements: list[Collection[Stmt]] = field(default_factory=list)
    cuts: set[str] = field(default_factory=set)
    others: dict[Ran, None] = field(default_factory=dict)

    def _all(self) -> Iterator[Ran]:
        seen, todo = {self}, [self]
        while todo:
            each = todo.pop()
            yield each
            new = [other for other in each.others if other not in seen]
            seen.update(new)
            todo += new

    def places(self) -> frozenset[Location]:
        """Where the statements begin that it rests on; in a macro, where the macro is used."""
        return frozenset(stmt.at for each in self._all() for run in each.statements for stmt in run)

    def all_cuts(self) -> frozenset[str]:
        """The functions that were called and not followed."""
        return frozenset().union(*(each.cuts for each in self._all()))


_current: ContextVar[Ran | None] = ContextVar("_current", default=None)


@contextmanager
def collected() -> Iterator[Ran]:
    """What is run inside the block; a block around it rests on that only if it says so with `rest_on`."""
    ran = Ran()
    token = _current.set(ran)
    try:
        yield ran
    finally:
        _current.reset(token)


def rest_on(ran: Ran) -> None:
    """The block that collects, if there is one, rests on what was run for something."""
    if (current := _current.get()) is not None:
        current.others[ran] = None


def note_run(statements: Collection[Stmt], cuts: Collection[str]) -> None:
    """A run has ended: the block that collects rests on it."""
    if (current := _current.get()) is not None:
        current.statements.append(statements)
        current.cuts.update(cuts)
