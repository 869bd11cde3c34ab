"""What a call may write, with all that is called on the way; see `mmuproof.lift.writes`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mmuproof.lift.ran import Ran, remembered, rest_on
from mmuproof.lift.writes import SOMEWHERE, FunctionWrites, NotRead, Spot, Write, resolved


@dataclass(frozen=True)
class Effects:
    """What a function may write, the arguments being the call's, and of what on the way that is not known.

    ``states`` and ``instructs``: see `mmuproof.lift.writes.FunctionWrites`.
    """

    writes: tuple[Write, ...]
    not_read: tuple[NotRead, ...]
    states: bool
    instructs: bool

    @property
    def is_all(self) -> bool:
        """Whether a call does nothing else, so that a value for each write, and any result, can stand for it."""
        known = all(write.spot[0].owner != SOMEWHERE for write in self.writes)
        return known and not self.not_read and not self.states and not self.instructs


class Bodies(Protocol):
    """Where the bodies of functions are: a `mmuproof.lift.parsing.unit.Unit`."""

    def writes(self, function: str) -> FunctionWrites | None:
        """What a function's body writes by itself; None if it has none here."""

    def offers(self, function: str) -> bool:
        """Whether a function has a body here that other units may call."""


class EffectsOf:
    """Finds out what calls may write.

    Args:
        units: where the bodies are, first those of the unit that calls.
    """

    def __init__(self, *units: Bodies) -> None:
        self._units = units
        self._known: dict[str, tuple[Effects | None, Ran]] = {}

    def find(self, function: str) -> Effects | None:
        """What a function may write; None if it has no body here."""
        if function not in self._known:
            with remembered() as ran:
                body = self._body(self._units[0], function)
                self._known[function] = None if body is None else self._follow(*body), ran
        found, ran = self._known[function]
        rest_on(ran)
        return found

    def _body(self, caller: Bodies, function: str) -> tuple[Bodies, FunctionWrites] | None:
        """The body that a unit means by a name, and where it is."""
        found = caller.writes(function)
        if found is not None:
            return caller, found
        unit = next((each for each in self._units if each is not caller and each.offers(function)), None)
        found = None if unit is None else unit.writes(function)
        return None if unit is None or found is None else (unit, found)

    def _follow(self, unit: Bodies, body: FunctionWrites) -> Effects:
        """Hand on what arguments may point to from call to call, until nothing is added any more."""
        places = {body: unit}
        arguments: dict[FunctionWrites, dict[int, frozenset[Spot]]] = {body: {}}
        not_read: dict[NotRead, None] = {}
        todo = [body]
        while todo:
            body = todo.pop()
            for call in body.calls:
                found = self._body(places[body], call.function)
                if found is None:
                    not_read[NotRead(f"{call.function}()", call.at)] = None
                    continue
                unit, callee = found
                is_new = callee not in places
                places[callee] = unit
                known = arguments.setdefault(callee, {})
                for number, targets in enumerate(call.arguments):
                    seen = frozenset(each for spot in targets for each in resolved(spot, arguments[body]))
                    if number not in known or not seen <= known[number]:
                        known[number] = known.get(number, frozenset()) | seen
                        is_new = True
                if is_new:
                    todo.append(callee)
        writes: dict[Spot, Write] = {}
        for body, known in arguments.items():
            not_read.update(dict.fromkeys(body.not_read))
            for write in body.writes:
                for spot in resolved(write.spot, known):
                    writes.setdefault(spot, Write(spot, write.at))
        states, instructs = (any(getattr(body, each) for body in places) for each in ("states", "instructs"))
        return Effects(tuple(writes.values()), tuple(not_read), states=states, instructs=instructs)
