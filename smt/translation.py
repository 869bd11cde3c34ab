"""Terms as Z3's expressions.

Z3's operators on expressions convert and wrap what they are given, which takes longer than solving.  Here the functions
of the C interface are called; only what the solver is given, and the variables, become expressions in Python.  They are
called without giving up the interpreter's lock: each takes less time than getting it back from another thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ctypes import PYFUNCTYPE, c_char_p, c_int, c_uint, c_uint64, c_void_p, cast

import z3
from z3 import z3core

from mmuproof.smt import operations as ops
from mmuproof.smt.graph import postorder
from mmuproof.smt.operations import Op
from mmuproof.smt.terms import Term

_LARGEST_NUMBER = 64
"""Bits of a number that the C interface takes as such and not as text."""


class Translation:
    """Expressions in a context of their own, each built once."""

    def __init__(self) -> None:
        self.context = z3.Context()
        self._builder = _Builder(self.context)
        self._made: dict[Term, int] = {}

    def expression(self, term: Term) -> z3.ExprRef:
        """A term as an expression; a vector of bits, or a truth value."""
        made = self._made
        if term not in made:
            for each in postorder([term], made):
                made[each] = self._builder.expression(each, [made[arg] for arg in each.args])
        address = z3.Ast.from_buffer_copy(c_void_p(made[term]))
        return (z3.BitVecRef if term.width else z3.BoolRef)(address, self.context)

    def release(self) -> None:
        """Forget what has been built; what is used elsewhere lives on."""
        self._made.clear()
        self._builder.release()

    def __del__(self) -> None:
        # A context in which much is left takes long to delete; where garbage is collected it may be deleted before.
        if self.context.ctx is not None:
            self.release()


class _Builder:
    """Builds expressions in one context, and keeps them until they are released."""

    def __init__(self, context: z3.Context) -> None:
        self._named = context.ref()
        self._context: int = self._named.value
        self._sorts: dict[int, int] = {}
        self._kept: list[int] = []

    def release(self) -> None:
        """Keep nothing any more."""
        for made in self._kept:
            _dec_ref(self._context, made)
        self._kept.clear()

    def _keep(self, made: int | None) -> int:
        if not made:
            raise z3.Z3Exception(z3.Z3_get_error_msg(self._named, z3.Z3_get_error_code(self._named)))
        _inc_ref(self._context, made)
        self._kept.append(made)
        return made

    def expression(self, term: Term, args: list[int]) -> int:
        """The expression of a term, from those of its arguments."""
        return self._keep(self._make(term, args))

    def _make(self, term: Term, args: list[int]) -> int | None:
        context, op, width = self._context, term.op, term.width
        if op is ops.CONST:
            return self._constant(term.value, width)
        if op is ops.VAR:
            return _const(context, _string_symbol(context, term.name.encode()), self._sort(width))
        function = (_ON_VECTORS if width else _ON_TRUTHS)[op]
        if not width and (op is ops.AND or op is ops.OR):
            return function(context, len(args), (c_void_p * len(args))(*args))
        return function(context, *op.indices(term), *args)

    def _constant(self, value: int, width: int) -> int | None:
        context = self._context
        if not width:
            return (_true if value else _false)(context)
        if width <= _LARGEST_NUMBER:
            return _number(context, value, self._sort(width))
        return _numeral(context, str(value).encode(), self._sort(width))

    def _sort(self, width: int) -> int:
        """The sort of truth values (0) or of vectors of so many bits; a sort is an expression, too."""
        if width not in self._sorts:
            self._sorts[width] = self._keep(_bv_sort(self._context, width) if width else _bool_sort(self._context))
        return self._sorts[width]


_Function = Callable[..., int | None]

_PLAIN = (c_char_p, c_int, c_uint, c_uint64)
"""What the C interface takes and gives besides objects."""


def _function(name: str) -> _Function:
    """A function of the C interface; the first argument of each is the context, objects are addresses."""
    # The bindings keep the library to themselves; each of their functions has the one that it calls as a default.
    (bound,) = getattr(z3core, f"Z3_{name}").__defaults__
    address = cast(bound.f, c_void_p).value
    assert address is not None
    result, *arguments = (each if each in _PLAIN else c_void_p for each in (bound.f.restype, *bound.f.argtypes))
    return PYFUNCTYPE(result, *arguments)(address)


_inc_ref = _function("inc_ref")
_dec_ref = _function("dec_ref")
_string_symbol = _function("mk_string_symbol")
_bool_sort = _function("mk_bool_sort")
_bv_sort = _function("mk_bv_sort")
_const = _function("mk_const")
_true = _function("mk_true")
_false = _function("mk_false")
_number = _function("mk_unsigned_int64")
_numeral = _function("mk_numeral")

_ON_VECTORS: Mapping[Op, _Function] = {op: _function(f"mk_{op.solver}") for op in ops.ALL if op.solver}
_ON_TRUTHS: Mapping[Op, _Function] = {op: _function(f"mk_{op.logical or op.solver}") for op in ops.ALL if op.solver}
"""What makes the expressions of an operation, by the sort of the result."""
