"""The nodes of terms, and all that is known of each operation: a new one is an entry here, and what builds it.

What builds terms, and simplifies them while it does, stands above in `mmuproof.smt.terms`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Final

_Bits = Callable[["Term", int], Sequence[int]]
"""From a term and some of its bits, as a mask, to a mask for each of its arguments."""


class Term:
    """A node: an operation, its arguments, and for a leaf the value or the name.

    ``data`` is the value of a constant, the name of a variable, or the low bit of an extract.
    ``width`` is the number of bits, and 0 for a truth value.
    """

    __slots__ = ("__weakref__", "args", "data", "op", "width")

    op: Op
    args: tuple[Term, ...]
    data: int | str | None
    width: int

    def __repr__(self) -> str:
        return render(self)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("terms are shared objects and are not pickled; write them out with a solver's format")

    @property
    def is_const(self) -> bool:
        """Whether the term is a literal value."""
        return self.op is CONST

    @property
    def value(self) -> int:
        """The value of a constant (0 or 1 for a truth value).

        Raises:
            ValueError: the term is no constant.
        """
        if self.op is not CONST or not isinstance(self.data, int):
            raise ValueError(f"not a constant: {self!r}")
        return self.data

    @property
    def name(self) -> str:
        """The name of a variable.

        Raises:
            ValueError: the term is no variable.
        """
        if self.op is not VAR or not isinstance(self.data, str):
            raise ValueError(f"not a variable: {self!r}")
        return self.data


def render(root: Term, depth: int = 6) -> str:
    """A short text of a term for people, cut off below ``depth`` levels."""
    if not root.args:
        return root.op.text(root)
    if depth == 0:
        return "…"
    return f"({' '.join([root.op.text(root), *(render(arg, depth - 1) for arg in root.args)])})"


def full(term: Term) -> int:
    """The mask of all bits of a term; 1 for a truth value."""
    return (1 << term.width) - 1 or 1


def to_signed(value: int, width: int) -> int:
    """The two's complement reading of ``value``."""
    return value - (1 << width) if value >> (width - 1) & 1 else value


def _every_bit(term: Term, _mask: int) -> Sequence[int]:
    return [full(arg) for arg in term.args]


def _no_bit(term: Term, _mask: int) -> Sequence[int]:
    return [0] * len(term.args)


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Op:
    """What a node does with its arguments, and what that means for whoever looks at one.

    A truth value has one bit here, its value is 0 or 1.

    Attributes:
        name: what it is called in texts and digests.
        fold: the value of a term from the values of its arguments; what lies above the term's bits is cut off by
            whoever asks.  The first parameter is the low bit of an EXTRACT, the value of a CONST, and of all others
            the width of the last argument.
        rebuild: the same operation on other arguments of the same sorts.  The first parameter is what builds terms,
            the module `mmuproof.smt.terms`, which itself needs the operations; the second a term with the operation.
        needs: on which bits of the arguments some bits of a term can depend, whatever the values are.
        tells: which bits of the arguments can be read off some bits of a term, whatever the values are.
        solver: the function of Z3's C interface for it, without "Z3_mk_"; none for a leaf.
        logical: that for truth values, where it is another one.
        indices: the numbers that the solver's function is given ahead of the arguments.
        text: how a term begins that is rendered for people.
    """

    name: str
    fold: Callable[..., int]
    rebuild: Callable[..., Term]
    needs: _Bits = _every_bit
    tells: _Bits = _no_bit
    solver: str
    logical: str = ""
    indices: Callable[[Term], tuple[int, ...]] = lambda _: ()
    text: Callable[[Term], str] = lambda term: term.op.name

    def __repr__(self) -> str:
        return self.name


# -- which bits ----------------------------------------------------------------------------------------


def _same_bits(term: Term, mask: int) -> Sequence[int]:
    return [mask] * len(term.args)


def _bits_below(term: Term, mask: int) -> Sequence[int]:
    # A bit depends on those below it, from which something may be carried.
    return [(1 << mask.bit_length()) - 1] * len(term.args)


def _bits_behind(let_through: Callable[[int], int]) -> _Bits:
    """Of an operation bit by bit that with a constant lets through some bits of the other argument."""

    def needed(term: Term, mask: int) -> Sequence[int]:
        if term.width and term.args[1].is_const:
            return [mask & let_through(term.args[1].value), 0]
        return [mask] * len(term.args)

    return needed


def _bits_beside_constant(term: Term, mask: int) -> Sequence[int]:
    """What an operation bit by bit tells, of which an argument alone tells nothing."""
    return term.op.needs(term, mask) if term.width and term.args[1].is_const else [0] * len(term.args)


def _extracted_bits(term: Term, mask: int) -> Sequence[int]:
    return [mask << _low(term)]


def _bits_side_by_side(term: Term, mask: int) -> Sequence[int]:
    low = term.args[1]
    return [mask >> low.width, mask & full(low)]


def _bits_within(term: Term, mask: int) -> Sequence[int]:
    return [mask & full(term.args[0])]


def _bits_and_sign(term: Term, mask: int) -> Sequence[int]:
    (arg,) = term.args
    return [mask & full(arg) | (1 << arg.width - 1 if mask >> arg.width else 0)]


def _told_by_choice(term: Term, mask: int) -> Sequence[int]:
    """A choice between constants tells the condition in the bits in which they differ."""
    _, then, other = term.args
    return [int(then.is_const and other.is_const and (then.value ^ other.value) & mask != 0), 0, 0]


def _told_by_equality(term: Term, _mask: int) -> Sequence[int]:
    """A comparison with a constant tells what is compared if that has a single bit."""
    return [int(term.args[1].is_const and term.args[0].width <= 1), 0]


# -- indices -----------------------------------------------------------------------------------------------


def _low(term: Term) -> int:
    assert isinstance(term.data, int)
    return term.data


def _high_and_low(term: Term) -> tuple[int, int]:
    return _low(term) + term.width - 1, _low(term)


def _added(term: Term) -> tuple[int]:
    return (term.width - term.args[0].width,)


# -- division as SMT-LIB has it ------------------------------------------------------------------------------


def _sdiv(width: int, a: int, b: int) -> int:
    x, y = to_signed(a, width), to_signed(b, width)
    if y == 0:
        return 1 if x < 0 else -1
    quotient = abs(x) // abs(y)
    return quotient if (x < 0) == (y < 0) else -quotient


def _srem(width: int, a: int, b: int) -> int:
    return a - b * _sdiv(width, a, b) if b else a


# -- the operations --------------------------------------------------------------------------------------------
#
# Each is a name of a module because Python 3.11 finds that ten times as fast as a member of a class, and lifting asks
# millions of times.

CONST: Final = Op(
    name="const",
    fold=lambda value: value,
    rebuild=lambda _, term: term,
    solver="",
    text=lambda term: f"{term.value:#x}" if term.width else "true" if term.data else "false",
)


def _fold_variable(*_: int) -> int:
    raise TypeError("a variable has a value under an assignment only")


VAR: Final = Op(name="var", fold=_fold_variable, rebuild=lambda _, term: term, solver="", text=lambda term: term.name)

# On truth values and bit by bit on vectors.
NOT: Final = Op(
    name="not",
    fold=lambda _, a: ~a,
    rebuild=lambda _, __, a: ~a,
    needs=_same_bits,
    tells=_same_bits,
    solver="bvnot",
    logical="not",
)
AND: Final = Op(
    name="and",
    fold=lambda _, a, b, *more: reduce(and_, more, a & b),
    rebuild=lambda build, term, *args: args[0] & args[1] if term.width else build.all_of(*args),
    needs=_bits_behind(lambda constant: constant),
    tells=_bits_beside_constant,
    solver="bvand",
    logical="and",
)
OR: Final = Op(
    name="or",
    fold=lambda _, a, b, *more: reduce(or_, more, a | b),
    rebuild=lambda build, term, *args: args[0] | args[1] if term.width else build.any_of(*args),
    needs=_bits_behind(lambda constant: ~constant),
    tells=_bits_beside_constant,
    solver="bvor",
    logical="or",
)
ITE: Final = Op(
    name="ite",
    fold=lambda _, condition, then, other: then if condition else other,
    rebuild=lambda build, _, *args: build.ite(*args),
    needs=lambda _, mask: [1, mask, mask],
    tells=_told_by_choice,
    solver="ite",
)
EQ: Final = Op(
    name="=",
    fold=lambda _, a, b: a == b,
    rebuild=lambda build, _, a, b: build.eq(a, b) if a.width else build.iff(a, b),
    tells=_told_by_equality,
    solver="eq",
)

# Of vectors.
ULT: Final = Op(name="ult", fold=lambda _, a, b: a < b, rebuild=lambda build, _, a, b: build.ult(a, b), solver="bvult")
SLT: Final = Op(
    name="slt",
    fold=lambda width, a, b: to_signed(a, width) < to_signed(b, width),
    rebuild=lambda build, _, a, b: build.slt(a, b),
    solver="bvslt",
)
XOR: Final = Op(
    name="xor",
    fold=lambda _, a, b: a ^ b,
    rebuild=lambda _, __, a, b: a ^ b,
    needs=_same_bits,
    tells=_bits_beside_constant,
    solver="bvxor",
)
ADD: Final = Op(
    name="add", fold=lambda _, a, b: a + b, rebuild=lambda _, __, a, b: a + b, needs=_bits_below, solver="bvadd"
)
SUB: Final = Op(
    name="sub", fold=lambda _, a, b: a - b, rebuild=lambda _, __, a, b: a - b, needs=_bits_below, solver="bvsub"
)
MUL: Final = Op(
    name="mul", fold=lambda _, a, b: a * b, rebuild=lambda _, __, a, b: a * b, needs=_bits_below, solver="bvmul"
)
UDIV: Final = Op(
    name="udiv",
    fold=lambda _, a, b: a // b if b else -1,
    rebuild=lambda build, _, a, b: build.udiv(a, b),
    solver="bvudiv",
)
UREM: Final = Op(
    name="urem",
    fold=lambda _, a, b: a % b if b else a,
    rebuild=lambda build, _, a, b: build.urem(a, b),
    solver="bvurem",
)
SDIV: Final = Op(name="sdiv", fold=_sdiv, rebuild=lambda build, _, a, b: build.sdiv(a, b), solver="bvsdiv")
SREM: Final = Op(name="srem", fold=_srem, rebuild=lambda build, _, a, b: build.srem(a, b), solver="bvsrem")
SHL: Final = Op(
    name="shl",
    fold=lambda width, a, count: a << min(count, width),
    rebuild=lambda _, __, a, count: a << count,
    solver="bvshl",
)
LSHR: Final = Op(
    name="lshr",
    fold=lambda width, a, count: a >> min(count, width),
    rebuild=lambda _, __, a, count: a >> count,
    solver="bvlshr",
)
ASHR: Final = Op(
    name="ashr",
    fold=lambda width, a, count: to_signed(a, width) >> min(count, width),
    rebuild=lambda build, _, a, count: build.ashr(a, count),
    solver="bvashr",
)
CONCAT: Final = Op(
    name="concat",
    fold=lambda low_width, high, low: high << low_width | low,
    rebuild=lambda build, _, high, low: build.concat(high, low),
    needs=_bits_side_by_side,
    tells=_bits_side_by_side,
    solver="concat",
)
EXTRACT: Final = Op(
    name="extract",
    fold=lambda low, a: a >> low,
    rebuild=lambda build, term, a: build.extract(a, *_high_and_low(term)),
    needs=_extracted_bits,
    tells=_extracted_bits,
    solver="extract",
    indices=_high_and_low,
    text=lambda term: "bits {}:{}".format(*_high_and_low(term)),
)
ZEXT: Final = Op(
    name="zext",
    fold=lambda _, a: a,
    rebuild=lambda build, term, a: build.zext(a, term.width),
    needs=_bits_within,
    tells=_bits_within,
    solver="zero_ext",
    indices=_added,
)
SEXT: Final = Op(
    name="sext",
    fold=lambda width, a: to_signed(a, width),
    rebuild=lambda build, term, a: build.sext(a, term.width),
    needs=_bits_and_sign,
    tells=_bits_within,
    solver="sign_ext",
    indices=_added,
)

ALL: Final = tuple(each for each in tuple(globals().values()) if isinstance(each, Op))
