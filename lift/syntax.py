"""The typed syntax of the C that the front end understands; made by the reader, run by the machine."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property

from mmuproof.lift.c_types import CType, StructMember


@dataclass(frozen=True)
class Location:
    """A place in the kernel tree; ``file`` is relative to the tree's root."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(eq=False, kw_only=True)
class Variable:
    """A local variable, a parameter or an object with static storage.

    Args:
        name: what it is called.
        type: its C type.
        is_global: whether it has static storage.
        is_const: whether nothing changes it.
        initializer: what it is set to where it is declared.
        cleanup: the function that is called with its address where its scope is left; empty for none.
    """

    name: str
    type: CType
    is_global: bool
    is_const: bool
    initializer: Expr | None = None
    cleanup: str = ""


@dataclass(eq=False, kw_only=True)
class Function:
    """A function with its body, which is read when it is asked for."""

    name: str
    location: Location
    parameters: tuple[Variable, ...]
    result: CType
    load_body: Callable[[], Stmt] = field(repr=False)

    @cached_property
    def body(self) -> Stmt:
        """The compound statement of the definition."""
        return self.load_body()

    def uses(self, variable: Variable) -> bool:
        """Whether a variable stands anywhere in the body."""
        return any(isinstance(each, Name) and each.variable is variable for each in within(self.body))


def within(node: object) -> Iterator[Expr | Stmt]:
    """A part of the syntax tree, and all that it is made of."""
    if isinstance(node, tuple):
        for each in node:
            yield from within(each)
    elif isinstance(node, Variable):
        yield from within(node.initializer)
    elif isinstance(node, Expr | Stmt):
        yield node
        # Where a variable is used its initializer is not part of what is said.
        for each in () if isinstance(node, Name) else fields(node):
            yield from within(getattr(node, each.name))


# -- expressions ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Expr:
    """An expression; ``type`` is the C type of its value, or of the object if it is an lvalue."""

    type: CType
    at: Location


@dataclass(frozen=True, eq=False)
class Constant(Expr):
    """An integer known when the source is read."""

    value: int


@dataclass(frozen=True, eq=False)
class Text(Expr):
    """A string literal; ``text`` is None where its characters are not known."""

    text: bytes | None


@dataclass(frozen=True, eq=False)
class Name(Expr):
    """A variable."""

    variable: Variable


@dataclass(frozen=True, eq=False)
class FunctionName(Expr):
    """A function that is called or whose address is taken."""

    name: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Member(Expr):
    """``base.field`` or, with ``arrow``, ``base->field``."""

    base: Expr
    arrow: bool
    field: StructMember


@dataclass(frozen=True, eq=False)
class Index(Expr):
    """``base[index]``."""

    base: Expr
    index: Expr


class UnaryOp(enum.Enum):
    """Operators with one operand."""

    PLUS = "+"
    MINUS = "-"
    NOT = "~"
    LOGICAL_NOT = "!"
    DEREFERENCE = "*"
    ADDRESS = "&"
    PRE_INC = "++x"
    PRE_DEC = "--x"
    POST_INC = "x++"
    POST_DEC = "x--"


@dataclass(frozen=True, eq=False)
class Unary(Expr):
    """An operator with one operand."""

    op: UnaryOp
    operand: Expr


class BinaryOp(enum.Enum):
    """Operators with two operands, without assignment."""

    MUL = "*"
    DIV = "/"
    REM = "%"
    ADD = "+"
    SUB = "-"
    SHL = "<<"
    SHR = ">>"
    LT = "<"
    GT = ">"
    LE = "<="
    GE = ">="
    EQ = "=="
    NE = "!="
    AND = "&"
    XOR = "^"
    OR = "|"
    LOGICAL_AND = "&&"
    LOGICAL_OR = "||"
    COMMA = ","


@dataclass(frozen=True, eq=False, kw_only=True)
class Binary(Expr):
    """An operator with two operands."""

    op: BinaryOp
    left: Expr
    right: Expr


@dataclass(frozen=True, eq=False, kw_only=True)
class Assign(Expr):
    """``target = value``, or ``target op= value``."""

    op: BinaryOp | None
    target: Expr
    value: Expr


@dataclass(frozen=True, eq=False)
class Cast(Expr):
    """A conversion to ``type``, implicit or written; also the step from an lvalue to its value."""

    operand: Expr
    written: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Conditional(Expr):
    """``condition ? then : other``; ``then`` is None for ``condition ?: other``."""

    condition: Expr
    then: Expr | None
    other: Expr


@dataclass(frozen=True, eq=False)
class Call(Expr):
    """A call, by name or through an expression."""

    callee: Expr
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, eq=False)
class StatementExpr(Expr):
    """``({ ... })``; its value is that of the last statement."""

    body: Compound


@dataclass(frozen=True, eq=False)
class InitList(Expr):
    """``{ ... }``: what is placed where, in bits from the start; the rest is zero."""

    items: tuple[tuple[StructMember, Expr], ...]


@dataclass(frozen=True, eq=False)
class CompoundLiteral(Expr):
    """``(type){ ... }``."""

    value: Expr


# -- statements ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Stmt:
    """A statement."""

    at: Location


@dataclass(frozen=True, eq=False)
class Compound(Stmt):
    """``{ ... }``."""

    body: tuple[Stmt, ...]


@dataclass(frozen=True, eq=False)
class Declare(Stmt):
    """Declarations of local variables."""

    variables: tuple[Variable, ...]


@dataclass(frozen=True, eq=False)
class Evaluate(Stmt):
    """An expression as a statement."""

    expr: Expr


@dataclass(frozen=True, eq=False)
class If(Stmt):
    """``if``."""

    condition: Expr
    then: Stmt
    other: Stmt | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Loop(Stmt):
    """``for``, ``while`` and, with ``test_first`` false, ``do``."""

    start: Stmt | None
    condition: Expr | None
    step: Expr | None
    body: Stmt
    test_first: bool


@dataclass(frozen=True, eq=False)
class Switch(Stmt):
    """``switch``."""

    condition: Expr
    body: Stmt


@dataclass(frozen=True, eq=False)
class SwitchCase(Stmt):
    """``case low ... high: body``; ``low`` is None for ``default:``."""

    low: int | None
    high: int | None
    body: Stmt


@dataclass(frozen=True, eq=False)
class Label(Stmt):
    """``name: body``."""

    name: str
    body: Stmt


@dataclass(frozen=True, eq=False)
class Goto(Stmt):
    """``goto name``."""

    name: str


@dataclass(frozen=True, eq=False)
class Break(Stmt):
    """``break``."""


@dataclass(frozen=True, eq=False)
class Continue(Stmt):
    """``continue``."""


@dataclass(frozen=True, eq=False)
class Return(Stmt):
    """``return``."""

    value: Expr | None


@dataclass(frozen=True, eq=False)
class Empty(Stmt):
    """A statement without effect."""
