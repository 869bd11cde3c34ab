"""What the machine asks of a translation unit."""

from __future__ import annotations

from typing import Protocol

from mmuproof.lift.effects import Effects
from mmuproof.lift.syntax import Function, Variable


class Definitions(Protocol):
    """Where the machine finds functions and variables: a `mmuproof.lift.parsing.unit.Unit`."""

    def find_function(self, name: str) -> Function | None:
        """The function's definition in this translation unit, or None."""

    def effects(self, function: str) -> Effects | None:
        """What a call of a function may write, told from the syntax; None if its body is not here."""

    def variable(self, name: str) -> Variable:
        """The variable of this name at file scope.

        Raises:
            Missing: there is none.
        """
