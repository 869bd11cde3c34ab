"""Terms as Z3's expressions.

Z3's operators on expressions convert and wrap what they are given, which takes longer than solving.  Here the functions
of the C interface are called; only what the solver is given, and the variables, become expressions in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import z3

from mmuproof.smt.graph import postorder
from mmuproof.smt.terms import Op, Term

_LARGEST_NUMBER = 64
"""Bits of a number that the C interface takes as such and not as text."""


@dataclass(frozen=True)
class Translated:
    """Z3's side of some terms: the expressions in order, and the variables by name."""

    context: z3.Context
    expressions: list[z3.ExprRef]
    variables: Mapping[str, z3.ExprRef]


def translate(terms: Sequence[Term], names: Mapping[str, Term]) -> Translated:
    """Build terms in a context of their own.

    Args:
        terms: the terms.
        names: their variables by name.
    """
    context = z3.Context()
    builder = _Builder(context)
    made: dict[Term, Any] = {}
    for term in postorder([*names.values(), *terms]):
        made[term] = builder.expression(term, [made[arg] for arg in term.args])

    def wrapped(term: Term) -> z3.ExprRef:
        return (z3.BitVecRef if term.width else z3.BoolRef)(made[term], context)

    translated = Translated(
        context, [wrapped(term) for term in terms], {name: wrapped(term) for name, term in sorted(names.items())}
    )
    builder.release()
    return translated


class _Builder:
    """Builds expressions in one context, and keeps them until they are released."""

    def __init__(self, context: z3.Context) -> None:
        self._context = context.ref()
        self._sorts: dict[int, Any] = {}
        self._kept: list[Any] = []

    def release(self) -> None:
        """Keep nothing any more: what is used elsewhere lives on, and a context without the rest is quickly gone."""
        for made in self._kept:
            z3.Z3_dec_ref(self._context, made)
        self._kept.clear()

    def _keep(self, made: Any) -> Any:
        z3.Z3_inc_ref(self._context, made)
        self._kept.append(made)
        return made

    def expression(self, term: Term, args: list[Any]) -> Any:
        """The expression of a term, from those of its arguments."""
        return self._keep(self._make(term, args))

    def _make(self, term: Term, args: list[Any]) -> Any:
        context, op, width = self._context, term.op, term.width
        binary = _BINARY.get((bool(width), op))
        if binary is not None:
            return self._folded(binary, args)
        if op is Op.CONST:
            return self._constant(int(term.value or 0), width)
        if op is Op.VAR:
            return z3.Z3_mk_const(context, z3.Z3_mk_string_symbol(context, term.name), self._sort(width))
        if op is Op.ITE:
            return z3.Z3_mk_ite(context, *args)
        if op is Op.NOT:
            return (z3.Z3_mk_bvnot if width else z3.Z3_mk_not)(context, *args)
        if op in (Op.AND, Op.OR):
            make = z3.Z3_mk_and if op is Op.AND else z3.Z3_mk_or
            return make(context, len(args), (z3.Ast * len(args))(*args))
        if op is Op.EXTRACT:
            assert isinstance(term.data, int)
            return z3.Z3_mk_extract(context, term.data + width - 1, term.data, *args)
        if op in (Op.ZEXT, Op.SEXT):
            extend = z3.Z3_mk_zero_ext if op is Op.ZEXT else z3.Z3_mk_sign_ext
            return extend(context, width - term.args[0].width, *args)
        raise AssertionError(f"no expression for {op}")

    def _folded(self, binary: Callable[..., Any], args: list[Any]) -> Any:
        """An operation on two, applied from the left to all."""
        made = args[0]
        for index, argument in enumerate(args[1:], 2):
            made = binary(self._context, made, argument)
            if index < len(args):
                self._keep(made)
        return made

    def _constant(self, value: int, width: int) -> Any:
        context = self._context
        if not width:
            return z3.Z3_mk_true(context) if value else z3.Z3_mk_false(context)
        if width <= _LARGEST_NUMBER:
            return z3.Z3_mk_unsigned_int64(context, value, self._sort(width))
        return z3.Z3_mk_numeral(context, str(value), self._sort(width))

    def _sort(self, width: int) -> Any:
        """The sort of truth values (0) or of vectors of so many bits."""
        if width not in self._sorts:
            context = self._context
            sort = z3.Z3_mk_bv_sort(context, width) if width else z3.Z3_mk_bool_sort(context)
            self._keep(z3.Z3_sort_to_ast(context, sort))
            self._sorts[width] = sort
        return self._sorts[width]


_BINARY: Mapping[tuple[bool, Op], Callable[..., Any]] = {
    (False, Op.EQ): z3.Z3_mk_eq,
    (False, Op.ULT): z3.Z3_mk_bvult,
    (False, Op.SLT): z3.Z3_mk_bvslt,
    (True, Op.AND): z3.Z3_mk_bvand,
    (True, Op.OR): z3.Z3_mk_bvor,
    (True, Op.XOR): z3.Z3_mk_bvxor,
    (True, Op.ADD): z3.Z3_mk_bvadd,
    (True, Op.SUB): z3.Z3_mk_bvsub,
    (True, Op.MUL): z3.Z3_mk_bvmul,
    (True, Op.UDIV): z3.Z3_mk_bvudiv,
    (True, Op.UREM): z3.Z3_mk_bvurem,
    (True, Op.SDIV): z3.Z3_mk_bvsdiv,
    (True, Op.SREM): z3.Z3_mk_bvsrem,
    (True, Op.SHL): z3.Z3_mk_bvshl,
    (True, Op.LSHR): z3.Z3_mk_bvlshr,
    (True, Op.ASHR): z3.Z3_mk_bvashr,
    (True, Op.CONCAT): z3.Z3_mk_concat,
}
"""By whether the result is a vector, and the operation: the function of the C interface."""
