"""What a function's body writes, read from its syntax without running it; see `mmuproof.lift.writes`.

Every write goes through a variable, a pointer or a member. Local variables that hold pointers are followed through
all that is ever assigned to them, in whatever order; of any other pointer its type tells what it may lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from clang.cindex import Cursor, CursorKind, TypeKind

from mmuproof.lift import syntax
from mmuproof.lift.c_types import ArrayType, CType, FunctionType, IntType, PointerType, RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.assembly import assembly_in
from mmuproof.lift.parsing.reader import Reader
from mmuproof.lift.syntax import Expr, UnaryOp, Variable
from mmuproof.lift.tree.overlay import BUG_CALL, BUILD_BUG_CALL, GET_USER_CALL, OF_PROCESSOR_CALL, WARN_CALL
from mmuproof.lift.writes import (
    ALL,
    CallOf,
    FunctionWrites,
    NotRead,
    Span,
    Spot,
    Write,
    argument,
    element,
    is_untyped_argument,
    of_type,
    part,
    spread,
    variable,
    whole,
)

_ASSIGNMENT, _COMPOUND, _UNARY, _CALL, _ASM, _VARIABLE, _RETURN, _INIT_LIST, _STATEMENTS = (
    clang_api.kind_number(kind)
    for kind in (
        CursorKind.BINARY_OPERATOR,
        CursorKind.COMPOUND_ASSIGNMENT_OPERATOR,
        CursorKind.UNARY_OPERATOR,
        CursorKind.CALL_EXPR,
        CursorKind.ASM_STMT,
        CursorKind.VAR_DECL,
        CursorKind.RETURN_STMT,
        CursorKind.INIT_LIST_EXPR,
        CursorKind.StmtExpr,
    )
)
_WRAPPERS = tuple(
    clang_api.kind_number(kind)
    for kind in (CursorKind.UNEXPOSED_EXPR, CursorKind.PAREN_EXPR, CursorKind.CSTYLE_CAST_EXPR)
)
_TELLING = (TypeKind.RECORD, TypeKind.FUNCTIONPROTO, TypeKind.FUNCTIONNOPROTO)
_REFERENCE = clang_api.kind_number(CursorKind.DECL_REF_EXPR)
_STEPS = (UnaryOp.PRE_INC, UnaryOp.PRE_DEC, UnaryOp.POST_INC, UnaryOp.POST_DEC)
_COPIES = ("memset", "memcpy", "memmove")
_WRITTEN = {
    **{f"{prefix}{name}": 0 for name in _COPIES for prefix in ("", "__builtin_")},
    **{f"__builtin_{name}_overflow": 2 for name in ("add", "sub", "mul")},
    GET_USER_CALL: 0,
}
"""Which argument functions write behind that have no body, and nothing else."""
_READING = frozenset(
    (
        *(
            WARN_CALL,
            BUG_CALL,
            BUILD_BUG_CALL,
            OF_PROCESSOR_CALL,
            "memcmp",
            "strlen",
            "strcmp",
            "strncmp",
            "variable_test_bit",
        ),
        *("____wrong_branch_error", "__bad_size_call_parameter"),
    )
)
"""Functions that write nothing, some in assembly that says that it might; the last two would fail the build."""
_STATING = frozenset((WARN_CALL, BUG_CALL, BUILD_BUG_CALL, "__builtin_unreachable", "__builtin_trap"))


def _only_computes(function: str) -> bool:
    if function.startswith("__builtin_"):
        return function not in _WRITTEN and not function.startswith(("__builtin_va_", "__builtin___", "__builtin_str"))
    return function in _READING


@dataclass(kw_only=True)
class _Found:
    """What the walk over a body has met, before it is known what local pointers may lead to."""

    written: list[tuple[Cursor, Cursor]] = field(default_factory=list)
    kept: list[Cursor] = field(default_factory=list)
    calls: list[tuple[str, Cursor, list[Cursor]]] = field(default_factory=list)
    assembly: list[Cursor] = field(default_factory=list)
    assigned: dict[Variable, list[Cursor | Expr]] = field(default_factory=dict)
    moved: set[Variable] = field(default_factory=set)


class WriteReader:
    """Reads one function.

    Args:
        reader: reads the expressions of its unit.
        function: its definition.
    """

    def __init__(self, reader: Reader, function: Cursor) -> None:
        self._reader, self._function = reader, function
        self._found = _Found()
        self._writes: list[Write] = []
        self._not_read: list[NotRead] = []
        self._states = self._instructs = False
        self._parameters: dict[Variable, int] = {}
        self._escaped: set[Variable] = set()

    def read(self) -> FunctionWrites:
        """What it writes and calls."""
        parameters = [each for each in clang_api.children(self._function) if each.kind is CursorKind.PARM_DECL]
        self._parameters = {self._reader.variable(each): number for number, each in enumerate(parameters)}
        self._walk()
        for target, where in self._found.written:
            self._note(self._place, target, where)
        for pointer in self._found.kept:
            self._note(self._kept, pointer, pointer)
        calls = [each for call in self._found.calls if (each := self._call(*call)) is not None]
        self._read_assembly()
        return FunctionWrites(
            writes=tuple(dict.fromkeys(self._writes)),
            calls=tuple(calls),
            not_read=tuple(dict.fromkeys(self._not_read)),
            states=self._states,
            instructs=self._instructs,
        )

    def _expression(self, cursor: Cursor) -> Expr:
        return self._reader.expression(cursor, self._reader.location(cursor))

    def _note(self, spots: Callable[[Expr], Iterable[Spot]], written: Cursor, where: Cursor) -> None:
        at = self._reader.location(where)
        try:
            self._writes += (Write(spot, at) for spot in spots(self._expression(written)))
        except Refused as refused:
            self._not_read.append(NotRead(f"what is written through {refused.reason}", at))

    # -- what there is ----------------------------------------------------------------------------

    def _walk(self) -> None:
        for cursor in clang_api.descendants(self._function):
            kind = clang_api.number_of_kind(cursor)
            if kind in (_ASSIGNMENT, _COMPOUND):
                operator = clang_api.binary_operator(cursor)
                if operator is not None and operator[1]:
                    target, value = clang_api.children(cursor)
                    self._assignment(cursor, target, value, plain=operator[0] is None)
            elif kind == _UNARY:
                operation = clang_api.unary_operator(cursor)
                if operation in _STEPS:
                    (target,) = clang_api.children(cursor)
                    self._assignment(cursor, target, None, plain=False)
                elif operation is UnaryOp.ADDRESS:
                    local = self._local_pointer(*clang_api.children(cursor))
                    if local is not None:
                        self._escaped.add(local)
            elif kind == _CALL:
                parts = clang_api.children(cursor)
                if parts:
                    self._met_call(cursor, *parts)
            elif kind == _ASM:
                self._found.assembly.append(cursor)
            elif kind == _VARIABLE:
                self._declared(cursor)
            elif kind in (_RETURN, _INIT_LIST):
                self._found.kept += (each for each in clang_api.children(cursor) if _may_keep(each))

    def _declared(self, cursor: Cursor) -> None:
        if cleanup := clang_api.cleanup(cursor):
            self._found.calls.append((cleanup, cursor, []))
        if clang_api.has_static_storage(cursor) or not _is_pointer(cursor):
            return
        value = clang_api.initializer(cursor)
        if value is not None:
            self._found.assigned.setdefault(self._reader.variable(cursor), []).append(value)

    def _assignment(self, cursor: Cursor, target: Cursor, value: Cursor | None, *, plain: bool) -> None:
        local = self._local_pointer(target)
        if local is not None:
            if value is not None and plain:
                self._found.assigned.setdefault(local, []).append(value)
            else:
                self._found.moved.add(local)
            return
        if not self._is_local(target):
            self._found.written.append((target, cursor))
        if value is not None and plain and _may_keep(value):
            self._found.kept.append(value)

    def _is_local(self, cursor: Cursor) -> bool:
        inner = _unwrapped(cursor)
        target = inner.referenced if clang_api.number_of_kind(inner) == _REFERENCE else None
        return target is not None and not (target.kind is CursorKind.VAR_DECL and clang_api.has_static_storage(target))

    def _local_pointer(self, cursor: Cursor) -> Variable | None:
        inner = _unwrapped(cursor)
        if not self._is_local(inner) or not _is_pointer(inner):
            return None
        return self._reader.variable(inner.referenced)

    def _met_call(self, cursor: Cursor, callee: Cursor, *arguments: Cursor) -> None:
        inner = _unwrapped(callee)
        target = inner.referenced if clang_api.number_of_kind(inner) == _REFERENCE else None
        if target is None or target.kind is not CursorKind.FUNCTION_DECL:
            name = clang_api.spelling(inner)
            self._not_read.append(NotRead(f"a call through {name or 'a pointer'}", self._reader.location(cursor)))
            return
        called = self._reader.function_name(target).removeprefix("__SCT__")
        self._found.calls.append((called, cursor, list(arguments)))

    def _call(self, function: str, cursor: Cursor, arguments: list[Cursor]) -> CallOf | None:
        if function in _WRITTEN:
            position = _WRITTEN[function]
            size = arguments[2] if position == 0 and function != GET_USER_CALL else None
            self._note(partial(self._filled, size), arguments[position], cursor)
            return None
        if _only_computes(function):
            self._states |= function in _STATING
            return None
        at = self._reader.location(cursor)
        return CallOf(function=function, arguments=tuple(self._argument(each) for each in arguments), at=at)

    def _argument(self, cursor: Cursor) -> frozenset[Spot]:
        """What an argument may point to; where it is not understood, what its type says."""
        if not _is_pointer(cursor):
            return frozenset()
        try:
            return frozenset(self._pointee(self._expression(cursor)))
        except Refused:
            type_ = self._reader.type(clang_api.type_of(cursor), cursor)
            return frozenset((of_type(type_.target),)) if isinstance(type_, PointerType) else frozenset()

    def _filled(self, size: Cursor | None, pointer: Expr) -> set[Spot]:
        """What `memset()` and the like write; without a size it is as much as the pointer is for."""
        while isinstance(pointer, syntax.Cast) and isinstance(pointer.operand.type, PointerType):
            pointer = pointer.operand
        spots = self._pointee(pointer)
        if size is None:
            return spots
        count = self._expression(size)
        while isinstance(count, syntax.Cast):
            count = count.operand
        bits = count.value * 8 if isinstance(count, syntax.Constant) else ALL
        return {spot if bits <= spot[-1].bits else whole(spot) for spot in spots}

    def _kept(self, pointer: Expr) -> Iterator[Spot]:
        """What a pointer that is put somewhere leads to, unless its type tells that."""
        if isinstance(pointer.type, PointerType) and not isinstance(pointer.type.target, RecordType | FunctionType):
            yield from self._trace(pointer, frozenset())[0]

    def _read_assembly(self) -> None:
        if not self._found.assembly:
            return
        texts = list(assembly_in(clang_api.printed(self._function)))
        if len(texts) != len(self._found.assembly):
            self._not_read.append(NotRead("assembly", self._reader.location(self._found.assembly[0])))
            return
        for cursor, text in zip(self._found.assembly, texts, strict=True):
            operands = clang_api.children(cursor)
            if len(operands) != len(text.outputs) + len(text.inputs):
                self._not_read.append(NotRead("assembly", self._reader.location(cursor)))
                continue
            self._instructs |= not text.is_barrier and (text.clobbers_memory or not text.outputs)
            memory = False
            for number, (each, constraint) in enumerate(zip(operands, (*text.outputs, *text.inputs), strict=True)):
                # Where it may write memory, it may write what its operands lead to.
                if "m" in constraint and (number < len(text.outputs) or text.clobbers_memory):
                    memory = True
                    self._note(self._spread_place, each, cursor)
                elif number < len(text.outputs):
                    if not self._is_local(each):
                        self._note(self._place, each, cursor)
                elif text.clobbers_memory and _is_pointer(each):
                    memory = True
                    self._note(self._spread_pointee, each, cursor)
            if text.clobbers_memory and not memory and not text.is_barrier:
                self._not_read.append(NotRead("assembly that writes memory", self._reader.location(cursor)))

    def _spread_place(self, expr: Expr) -> set[Spot]:
        return {spread(spot) for spot in self._place(expr)}

    def _spread_pointee(self, expr: Expr) -> set[Spot]:
        return {spread(spot) for spot in self._pointee(expr)}

    # -- where it is ------------------------------------------------------------------------------

    def _place(self, expr: Expr, busy: frozenset[Variable] = frozenset()) -> set[Spot]:
        """Where an lvalue is; nowhere if it is part of a local variable."""
        if isinstance(expr, syntax.Name):
            if not expr.variable.is_global:
                return set()
            name = Span(variable(expr.variable.name), 0, expr.type.bits or ALL)
            return {(name, *(of_type(expr.type) if isinstance(expr.type, RecordType) else ()))}
        if isinstance(expr, syntax.Member):
            base = self._pointee(expr.base, busy) if expr.arrow else self._place(expr.base, busy)
            width = expr.field.width or ALL
            return {part(spot, expr.field.offset, width, expr.field.type) for spot in base}
        if isinstance(expr, syntax.Index):
            if isinstance(expr.base.type, ArrayType):
                return {element(spot, expr.type) for spot in self._place(expr.base, busy)}
            return {spread(spot) for spot in self._pointee(expr.base, busy)}
        if isinstance(expr, syntax.Unary) and expr.op is UnaryOp.DEREFERENCE:
            return self._pointee(expr.operand, busy)
        if isinstance(expr, syntax.Cast):
            return self._place(expr.operand, busy)
        if isinstance(expr, syntax.CompoundLiteral | syntax.Call | syntax.Text):
            return set()
        if isinstance(expr, syntax.StatementExpr) and expr.body.body:
            last = expr.body.body[-1]
            return self._place(last.expr, busy) if isinstance(last, syntax.Evaluate) else set()
        raise Refused(f"{type(expr).__name__.lower()}", str(expr.at))

    def _pointee(self, pointer: Expr, busy: frozenset[Variable] = frozenset()) -> set[Spot]:
        """What a pointer may lead to."""
        target = pointer.type.target if isinstance(pointer.type, PointerType) else pointer.type
        traced, is_all = self._trace(pointer, busy)
        spots: set[Spot] = set()
        for spot in traced:
            if not isinstance(target, RecordType) or not target.bits or spot[-1].owner == target.name:
                spots.add(spot)
            elif is_untyped_argument(spot):
                spots.add((Span(spot[0].owner, 0, target.bits, target.bits), *of_type(target)))
            else:
                spots.add(of_type(target))
        if not is_all:
            spots.add(of_type(self._record_behind(pointer) or target))
        return spots

    def _record_behind(self, pointer: Expr) -> RecordType | None:
        """The innermost record that a pointer is said to lead to before it is cast."""
        found: RecordType | None = None
        while True:
            if isinstance(pointer.type, PointerType) and isinstance(pointer.type.target, RecordType):
                found = found or pointer.type.target
            if not isinstance(pointer, syntax.Cast):
                return found
            pointer = pointer.operand

    def _trace(self, pointer: Expr, busy: frozenset[Variable]) -> tuple[set[Spot], bool]:
        """What a pointer is seen to lead to, and whether that is all."""
        if isinstance(pointer, syntax.Cast):
            operand = pointer.operand
            if isinstance(operand.type, ArrayType):
                return self._place(operand, busy), True
            while isinstance(operand, syntax.Cast) and isinstance(operand.type, IntType):
                operand = operand.operand
            if isinstance(operand.type, PointerType):
                return self._trace(operand, busy)
            return set(), isinstance(operand, syntax.Constant)
        if isinstance(pointer, syntax.Constant | syntax.Text | syntax.FunctionName):
            return set(), True
        if isinstance(pointer, syntax.Name):
            return self._trace_variable(pointer.variable, busy)
        if isinstance(pointer, syntax.Unary):
            if pointer.op is UnaryOp.ADDRESS:
                return self._place(pointer.operand, busy), True
            if pointer.op in _STEPS:
                return self._moved(pointer.operand, busy)
        if isinstance(pointer, syntax.Binary):
            if pointer.op is syntax.BinaryOp.COMMA:
                return self._trace(pointer.right, busy)
            is_left = isinstance(pointer.left.type, PointerType)
            return self._moved(pointer.left if is_left else pointer.right, busy)
        if isinstance(pointer, syntax.Conditional):
            sides = [self._trace(each, busy) for each in (pointer.then or pointer.condition, pointer.other)]
            return sides[0][0] | sides[1][0], sides[0][1] and sides[1][1]
        if isinstance(pointer, syntax.Assign):
            return self._trace(pointer.value, busy)
        if isinstance(pointer, syntax.StatementExpr) and pointer.body.body:
            last = pointer.body.body[-1]
            if isinstance(last, syntax.Evaluate):
                return self._trace(last.expr, busy)
        return set(), False

    def _moved(self, pointer: Expr, busy: frozenset[Variable]) -> tuple[set[Spot], bool]:
        spots, is_all = self._trace(pointer, busy)
        inner = pointer
        while isinstance(inner, syntax.Cast) and not isinstance(inner.operand.type, ArrayType):
            inner = inner.operand
        is_one = (
            isinstance(inner, syntax.Unary)
            and inner.op is UnaryOp.ADDRESS
            and not isinstance(inner.operand, syntax.Index)
        )
        return {whole(spot) if is_one else spread(spot) for spot in spots}, is_all

    def _trace_variable(self, made: Variable, busy: frozenset[Variable]) -> tuple[set[Spot], bool]:
        if made.is_global:
            return set(), False
        if made in busy:
            return set(), True
        values = self._found.assigned.get(made, [])
        spots: set[Spot] = set()
        is_all = made not in self._escaped and (bool(values) or made in self._parameters)
        if made in self._parameters:
            spots.add(_behind(self._parameters[made], made.type))
        for value in values:
            more, known = self._trace(self._expression(value), busy | {made})
            spots |= more
            is_all &= known
        return ({spread(spot) for spot in spots} if made in self._found.moved else spots), is_all


def _behind(number: int, type_: CType) -> Spot:
    """What a parameter points to."""
    target = type_.target if isinstance(type_, PointerType) else type_
    if isinstance(target, RecordType) and target.bits:
        return (Span(argument(number), 0, target.bits, target.bits), *of_type(target))
    return (Span(argument(number), 0, target.bits, target.bits),)


def _unwrapped(cursor: Cursor) -> Cursor:
    while clang_api.number_of_kind(cursor) in _WRAPPERS:
        inner = clang_api.children(cursor)
        if not inner:
            return cursor
        cursor = inner[-1]
    return cursor


def _may_keep(cursor: Cursor) -> bool:
    """Whether an expression is a pointer whose type does not tell what it leads to."""
    return clang_api.is_pointer(clang_api.type_of(cursor), but_to=_TELLING)


def _is_pointer(cursor: Cursor) -> bool:
    return clang_api.is_pointer(clang_api.type_of(cursor))
