"""What a free pointer is inside of, where a question goes from there to what holds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.lift import syntax
from mmuproof.lift.c_types import PointerType, RecordType
from mmuproof.lift.syntax import BinaryOp, Expr, Function, Variable, within


@dataclass(frozen=True)
class HeldPointer:
    """A parameter that points into a struct.

    Args:
        parameter: its name.
        record: the struct.
        offset: where in it, in bits.
    """

    parameter: str
    record: RecordType
    offset: int


def held_in(functions: Sequence[Function], besides: frozenset[str]) -> dict[str, HeldPointer]:
    """The parameters of which some function asks by ``container_of()`` what holds them, by their names.

    Args:
        functions: the functions.
        besides: the structs that do not count.
    """
    found: dict[str, HeldPointer] = {}
    for function in functions:
        for node in within(function.body):
            held = _asked(node, function.parameters) if isinstance(node, syntax.Cast) else None
            if held is not None and held.record.name not in besides:
                found.setdefault(held.parameter, held)
    return found


def _asked(cast: syntax.Cast, parameters: Sequence[Variable]) -> HeldPointer | None:
    """What ``(struct outer *)((void *)pointer - offset)`` says of a parameter, which a local variable may stand for."""
    back = _plain(cast.operand)
    if not isinstance(cast.type, PointerType) or not isinstance(cast.type.target, RecordType):
        return None
    if not isinstance(back, syntax.Binary) or back.op is not BinaryOp.SUB:
        return None
    start, distance = _plain(back.left), _plain(back.right)
    if isinstance(start, syntax.Name) and start.variable not in parameters:
        start = _plain(start.variable.initializer)
    if not isinstance(start, syntax.Name) or start.variable not in parameters:
        return None
    if not isinstance(distance, syntax.Constant) or distance.value * 8 >= cast.type.target.bits:
        return None
    return HeldPointer(start.variable.name, cast.type.target, distance.value * 8)


def _plain(expr: Expr | None) -> Expr | None:
    while isinstance(expr, syntax.Cast):
        expr = expr.operand
    return expr
