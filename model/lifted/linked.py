"""Several translation units of one tree, linked: a call finds its function wherever that is defined."""

from __future__ import annotations

from mmuproof.lift.effects import Effects
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.syntax import Function, Variable


class Linked:
    """The definitions of a unit and of those that it calls into.

    Objects with static storage stay each unit's own: who links units gives those that both read one content.

    Args:
        first: the unit whose functions are called, and that is asked first.
        others: where functions are looked for that it only declares.
    """

    def __init__(self, first: Unit, *others: Unit) -> None:
        self._units = (first, *others)

    def find_function(self, name: str) -> Function | None:
        """See `mmuproof.lift.machine.definitions.Definitions`."""
        return next((found for unit in self._units if (found := unit.find_function(name)) is not None), None)

    def effects(self, function: str) -> Effects | None:
        """See `mmuproof.lift.machine.definitions.Definitions`; what it calls is looked for in its own unit only."""
        return next((found for unit in self._units if (found := unit.effects(function)) is not None), None)

    def variable(self, name: str) -> Variable:
        """See `mmuproof.lift.machine.definitions.Definitions`."""
        return self._units[0].variable(name)
