"""Lvalues as a report writes them."""

from __future__ import annotations

from collections.abc import Callable

from mmuproof.lift import syntax
from mmuproof.lift.syntax import Expr


def describe(expr: Expr, index_text: Callable[[Expr], str] | None = None) -> str:
    """An lvalue as it is written, but for its indices if ``index_text`` has other words for them."""
    if isinstance(expr, syntax.Name):
        return expr.variable.name
    if isinstance(expr, syntax.Member):
        base = describe(expr.base, index_text)
        if not expr.field.name:
            return base
        return f"{base}{'->' if expr.arrow else '.'}{expr.field.name}"
    if isinstance(expr, syntax.Index):
        return f"{describe(expr.base, index_text)}[{(index_text or describe)(expr.index)}]"
    if isinstance(expr, syntax.Cast):
        return describe(expr.operand, index_text)
    if isinstance(expr, syntax.Unary):
        return f"{expr.op.value}{describe(expr.operand, index_text)}"
    if isinstance(expr, syntax.Constant):
        return str(expr.value)
    return "…"
