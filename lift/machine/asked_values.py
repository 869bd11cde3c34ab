"""What the parts of the machine ask of each other in a circle: the value of an expression inside another."""

from __future__ import annotations

from typing import Protocol

from mmuproof.lift import syntax
from mmuproof.lift.machine.state import State
from mmuproof.lift.machine.values import Place, Value
from mmuproof.lift.syntax import Expr

Result = Value | Place | None
"""What a call or a block gives: a value, where a struct is, or None for nothing."""


class Evaluation(Protocol):
    """Evaluates expressions of every kind, on one path; ``state`` goes on behind the expression."""

    def value(self, expr: Expr, state: State) -> Value:
        """The value of an expression: an integer of the type's width, or a pointer."""

    def evaluate(self, expr: Expr, state: State) -> None:
        """Run an expression for what it does."""

    def result(self, expr: syntax.Call | syntax.StatementExpr, state: State) -> Result:
        """What a call or a ``({ })`` gives."""

    def aggregate(self, expr: Expr, state: State) -> Place:
        """A fixed place that holds the value of an expression of struct, union or array type."""
