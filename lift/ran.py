"""Which code has been run, and for whom: what a result rests on, also where it is remembered and not run again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from mmuproof.lift.syntax import Location, Stmt


@dataclass(frozen=True)
class WrittenIn:
    """That of a body it was asked what it writes, and what the answer was.

    Args:
        at: where the function stands.
        unit: the translation unit that was asked.
        function: its name there.
        digest: of the answer, without the lines of the body.
    """

    at: Location
    unit: str
    function: str
    digest: str


@dataclass(frozen=True)
class Read:
    """What of a tree was read for something, besides what stands outside of the bodies of functions.

    Args:
        bodies: where the functions stand whose bodies were read.
        assertions: whether it was asked which static assertions fail.
        writes: of which other bodies it was asked what they write, and nothing else.
    """

    bodies: frozenset[Location] = frozenset()
    assertions: bool = False
    writes: frozenset[WrittenIn] = frozenset()


@dataclass(eq=False, kw_only=True)
class Ran:
    """What was run for something.

    Args:
        statements: of each run the statements that it has evaluated on some path.
        cuts: the functions that were called and not followed.
        bodies: where the functions stand whose bodies were asked for.
        writes: of which bodies it was asked what they write.
        assertions: whether it was asked which static assertions fail, wherever they stand.
        others: what was run for other things before, on which this rests as well.
    """

    statements: list[Collection[Stmt]] = field(default_factory=list)
    cuts: set[str] = field(default_factory=set)
    bodies: set[Location] = field(default_factory=set)
    writes: set[WrittenIn] = field(default_factory=set)
    assertions: bool = False
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

    def read(self) -> Read:
        """What was read for it."""
        every = list(self._all())
        bodies = frozenset().union(*(each.bodies for each in every))
        writes: frozenset[WrittenIn] = frozenset().union(*(each.writes for each in every))
        return Read(
            bodies,
            assertions=any(each.assertions for each in every),
            writes=frozenset(each for each in writes if each.at not in bodies),
        )


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


@contextmanager
def remembered() -> Iterator[Ran]:
    """What is run inside the block, for something that is remembered: see `rest_on` for who asks for it again.

    A block around it rests on that; if it fails, only on the bodies that were read.
    """
    try:
        with collected() as ran:
            yield ran
    except Exception:
        read = ran.read()
        rest_on(Ran(bodies=set(read.bodies), writes=set(read.writes), assertions=read.assertions))
        raise
    rest_on(ran)


def rest_on(ran: Ran) -> None:
    """The block that collects, if there is one, rests on what was run for something."""
    if (current := _current.get()) is not None:
        current.others[ran] = None


def note_run(statements: Collection[Stmt], cuts: Collection[str]) -> None:
    """A run has ended: the block that collects rests on it."""
    if (current := _current.get()) is not None:
        current.statements.append(statements)
        current.cuts.update(cuts)


def note_body(function: Location) -> None:
    """The body of a function is asked for: the block that collects rests on it."""
    if (current := _current.get()) is not None:
        current.bodies.add(function)


def note_writes(written: WrittenIn) -> None:
    """It is asked what a body writes: the block that collects rests on the answer."""
    if (current := _current.get()) is not None:
        current.writes.add(written)


def note_assertions() -> None:
    """It is asked which static assertions fail."""
    if (current := _current.get()) is not None:
        current.assertions = True
