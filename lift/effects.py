"""What a call may write, with all that is called on the way; see `mmuproof.lift.writes`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmuproof.lift.writes import SOMEWHERE, FunctionWrites, NotRead, Spot, Write, resolved


@dataclass(frozen=True)
class Effects:
    """What a function may write, the arguments being the call's, and of what on the way that is not known.

    ``does_more``: see `mmuproof.lift.writes.FunctionWrites`.
    """

    writes: tuple[Write, ...]
    not_read: tuple[NotRead, ...]
    does_more: bool

    @property
    def is_all(self) -> bool:
        """Whether a call does nothing else, so that a value for each write, and any result, can stand for it."""
        known = all(write.spot[0].owner != SOMEWHERE for write in self.writes)
        return known and not self.not_read and not self.does_more


class EffectsOf:
    """Finds out what calls may write.

    Args:
        writes: what the body of a function writes by itself; None if it has none here.
    """

    def __init__(self, writes: Callable[[str], FunctionWrites | None]) -> None:
        self._writes = writes
        self._known: dict[str, Effects | None] = {}

    def find(self, function: str) -> Effects | None:
        """What a function may write; None if it has no body here."""
        if function not in self._known:
            has_body = self._writes(function) is not None
            self._known[function] = self._follow(function) if has_body else None
        return self._known[function]

    def _follow(self, function: str) -> Effects:
        """Hand on what arguments may point to from call to call, until nothing is added any more."""
        first = ""
        arguments: dict[str, dict[int, frozenset[Spot]]] = {first: {}}
        todo = [first]
        while todo:
            name = todo.pop()
            body = self._writes(name or function)
            for call in body.calls if body is not None else ():
                is_new = call.function not in arguments
                known = arguments.setdefault(call.function, {})
                for number, targets in enumerate(call.arguments):
                    seen = frozenset(each for spot in targets for each in resolved(spot, arguments[name]))
                    if number not in known or not seen <= known[number]:
                        known[number] = known.get(number, frozenset()) | seen
                        is_new = True
                if is_new:
                    todo.append(call.function)
        writes: dict[Spot, Write] = {}
        not_read: dict[NotRead, None] = {}
        does_more = False
        for name, known in arguments.items():
            body = self._writes(name or function)
            if body is not None:
                does_more |= body.does_more
                not_read.update(dict.fromkeys(body.not_read))
                for write in body.writes:
                    for spot in resolved(write.spot, known):
                        writes.setdefault(spot, Write(spot, write.at))
        return Effects(tuple(writes.values()), tuple(not_read), does_more)
