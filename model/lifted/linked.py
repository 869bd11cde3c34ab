"""Several translation units of one tree, linked: a call finds its function wherever that is defined."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmuproof.lift.effects import Effects
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.syntax import Function, Variable

NO_STATIC_CALLS: Mapping[str, str] = MappingProxyType({})


class Linked:
    """The definitions of a unit and of those that it calls into.

    Objects with static storage stay each unit's own: who links units gives those that both read one content.

    Args:
        first: the unit whose functions are called, and that is asked first.
        others: where functions are looked for that it only declares.
        static_calls: for the name of a static call, such as ``kvm_x86_set_cr0``, the function that it leads to.
    """

    def __init__(self, first: Unit, *others: Unit, static_calls: Mapping[str, str] = NO_STATIC_CALLS) -> None:
        self._units, self._behind = (first, *others), static_calls

    def find_function(self, name: str) -> Function | None:
        """See `mmuproof.lift.machine.definitions.Definitions`."""
        wanted = self._behind.get(name, name)
        return next((found for unit in self._units if (found := unit.find_function(wanted)) is not None), None)

    def effects(self, function: str) -> Effects | None:
        """See `mmuproof.lift.machine.definitions.Definitions`; what it calls is looked for in its own unit only."""
        wanted = self._behind.get(function, function)
        return next((found for unit in self._units if (found := unit.effects(wanted)) is not None), None)

    def variable(self, name: str) -> Variable:
        """See `mmuproof.lift.machine.definitions.Definitions`."""
        return self._units[0].variable(name)
