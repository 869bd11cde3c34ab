"""What libclang's C interface offers and its Python bindings do not."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from ctypes import (
    CDLL,
    CFUNCTYPE,
    PyDLL,
    Structure,
    byref,
    c_char_p,
    c_int,
    c_longlong,
    c_uint,
    c_ulonglong,
    c_void_p,
    py_object,
)
from functools import cache
from typing import TypeVar

from clang.cindex import Cursor, CursorKind, SourceLocation, TranslationUnit, Type, TypeKind, _CXString, conf

from mmuproof.lift.syntax import BinaryOp, UnaryOp

_Handler = TypeVar("_Handler")
_EVALUATED_INT = 1


class _String(Structure):
    """libclang's string; the bindings' own takes four times as long to read and to give back."""

    _fields_ = (("data", c_void_p), ("flags", c_uint))


_Signatures = Sequence[tuple[str, Sequence[object], object]]


def _declare(library: CDLL | PyDLL, signatures: _Signatures) -> None:
    for name, arguments, result in signatures:
        function = getattr(library, name)
        function.argtypes, function.restype = list(arguments), result


@cache
def _library() -> CDLL:
    library = conf.lib
    signatures: _Signatures = (
        ("clang_getCursorBinaryOperatorKind", [Cursor], c_int),
        ("clang_getCursorUnaryOperatorKind", [Cursor], c_int),
        ("clang_Cursor_Evaluate", [Cursor], c_void_p),
        ("clang_Cursor_getVarDeclInitializer", [Cursor], Cursor),
        ("clang_EvalResult_getKind", [c_void_p], c_int),
        ("clang_EvalResult_isUnsignedInt", [c_void_p], c_uint),
        ("clang_EvalResult_getAsUnsigned", [c_void_p], c_ulonglong),
        ("clang_EvalResult_getAsLongLong", [c_void_p], c_longlong),
        ("clang_EvalResult_dispose", [c_void_p], None),
        ("clang_Cursor_isNull", [Cursor], c_int),
        ("clang_Cursor_hasVarDeclGlobalStorage", [Cursor], c_int),
        ("clang_getClangVersion", [], _CXString),
        ("clang_getCursorPrintingPolicy", [Cursor], c_void_p),
        ("clang_PrintingPolicy_dispose", [c_void_p], None),
        ("clang_getCursorPrettyPrinted", [Cursor, c_void_p], _CXString),
    )
    _declare(library, signatures)
    for name in ("clang_getClangVersion", "clang_getCursorPrettyPrinted"):
        getattr(library, name).errcheck = _CXString.from_result
    return library  # type: ignore[no-any-return]


_BINARY_KINDS: tuple[BinaryOp | None, ...] = (
    None,
    None,
    None,
    BinaryOp.MUL,
    BinaryOp.DIV,
    BinaryOp.REM,
    BinaryOp.ADD,
    BinaryOp.SUB,
    BinaryOp.SHL,
    BinaryOp.SHR,
    None,
    BinaryOp.LT,
    BinaryOp.GT,
    BinaryOp.LE,
    BinaryOp.GE,
    BinaryOp.EQ,
    BinaryOp.NE,
    BinaryOp.AND,
    BinaryOp.XOR,
    BinaryOp.OR,
    BinaryOp.LOGICAL_AND,
    BinaryOp.LOGICAL_OR,
)
_ASSIGN = 22
_COMPOUND: tuple[BinaryOp, ...] = (
    BinaryOp.MUL,
    BinaryOp.DIV,
    BinaryOp.REM,
    BinaryOp.ADD,
    BinaryOp.SUB,
    BinaryOp.SHL,
    BinaryOp.SHR,
    BinaryOp.AND,
    BinaryOp.XOR,
    BinaryOp.OR,
)
_COMMA = 33
_UNARY_KINDS: tuple[UnaryOp | None, ...] = (
    None,
    UnaryOp.POST_INC,
    UnaryOp.POST_DEC,
    UnaryOp.PRE_INC,
    UnaryOp.PRE_DEC,
    UnaryOp.ADDRESS,
    UnaryOp.DEREFERENCE,
    UnaryOp.PLUS,
    UnaryOp.MINUS,
    UnaryOp.NOT,
    UnaryOp.LOGICAL_NOT,
)
_EXTENSION = 13


def binary_operator(cursor: Cursor) -> tuple[BinaryOp | None, bool] | None:
    """The operator, and whether it assigns: (None, True) is plain ``=``; None for an unknown operator."""
    kind = _library().clang_getCursorBinaryOperatorKind(cursor)
    if kind == _ASSIGN:
        return None, True
    if _ASSIGN < kind < _COMMA:
        return _COMPOUND[kind - _ASSIGN - 1], True
    if kind == _COMMA:
        return BinaryOp.COMMA, False
    operator = _BINARY_KINDS[kind] if 0 <= kind < len(_BINARY_KINDS) else None
    return None if operator is None else (operator, False)


def unary_operator(cursor: Cursor) -> UnaryOp | None:
    """The operator; ``__extension__`` and unknown operators give None (see `is_extension`)."""
    kind = _library().clang_getCursorUnaryOperatorKind(cursor)
    return _UNARY_KINDS[kind] if 0 <= kind < len(_UNARY_KINDS) else None


def is_extension(cursor: Cursor) -> bool:
    """Whether a unary operator is ``__extension__``, which changes nothing."""
    return bool(_library().clang_getCursorUnaryOperatorKind(cursor) == _EXTENSION)


def evaluate(cursor: Cursor) -> int | None:
    """The value of an integer constant expression, or None.

    libclang also folds expressions with side effects and drops these: ask only for expressions
    that have none.
    """
    library = _library()
    result = library.clang_Cursor_Evaluate(cursor)
    if not result:
        return None
    try:
        if library.clang_EvalResult_getKind(result) != _EVALUATED_INT:
            return None
        if library.clang_EvalResult_isUnsignedInt(result):
            return int(library.clang_EvalResult_getAsUnsigned(result))
        return int(library.clang_EvalResult_getAsLongLong(result))
    finally:
        library.clang_EvalResult_dispose(result)


def initializer(cursor: Cursor) -> Cursor | None:
    """The initializer of a variable's declaration."""
    found = _library().clang_Cursor_getVarDeclInitializer(cursor)
    # The bindings attach the translation unit only to cursors that their own methods return.
    found._tu = cursor._tu
    return None if _library().clang_Cursor_isNull(found) else found


_Visitor = CFUNCTYPE(c_int, Cursor, Cursor, py_object)
_CONTINUE = 1


def _collect(child: Cursor, _parent: Cursor, found: list[Cursor]) -> int:
    found.append(child)
    return _CONTINUE


_collector = _Visitor(_collect)


@cache
def _holding() -> PyDLL:
    """The library for what is called ten thousands of times: the lock of the interpreter takes longer to get back."""
    library = PyDLL(conf.lib._name)
    signatures: _Signatures = (
        # The bindings' own one takes callbacks of another type.
        ("clang_visitChildren", [Cursor, _Visitor, py_object], c_uint),
        ("clang_getCursorSpelling", [Cursor], _String),
        ("clang_getCString", [_String], c_char_p),
        ("clang_disposeString", [_String], None),
        ("clang_getCursorType", [Cursor], Type),
        ("clang_getCursorLocation", [Cursor], SourceLocation),
        ("clang_getExpansionLocation", [SourceLocation, *(c_void_p,) * 4], None),
    )
    _declare(library, signatures)
    return library


@cache
def _loading() -> CDLL:
    """The library for what takes long, without the interpreter's lock; not the bindings' own, see `_holding`."""
    library = CDLL(conf.lib._name)
    _declare(library, (("clang_visitChildren", [Cursor, _Visitor, py_object], c_uint),))
    return library


_BREAK = 0


def _stop(_child: Cursor, _parent: Cursor, _data: object) -> int:
    return _BREAK


_stopper = _Visitor(_stop)


def load(cursor: Cursor) -> None:
    """Have clang read all children of a cursor that it has in a file, without keeping the interpreter's lock."""
    _loading().clang_visitChildren(cursor, _stopper, None)


def children(cursor: Cursor) -> list[Cursor]:
    """The children of a cursor; the bindings take twice as long."""
    found: list[Cursor] = []
    _holding().clang_visitChildren(cursor, _collector, found)
    for child in found:
        child._tu = cursor._tu
    return found


def body(function: Cursor) -> Cursor:
    """The compound statement of a function's definition."""
    return next(child for child in children(function) if child.kind is CursorKind.COMPOUND_STMT)


_RECURSE = 2


def _collect_all(child: Cursor, _parent: Cursor, found: list[Cursor]) -> int:
    found.append(child)
    return _RECURSE


_deep_collector = _Visitor(_collect_all)


def descendants(cursor: Cursor) -> list[Cursor]:
    """All cursors below one, each before its children."""
    found: list[Cursor] = []
    _holding().clang_visitChildren(cursor, _deep_collector, found)
    for child in found:
        child._tu = cursor._tu
    return found


def spelling(cursor: Cursor) -> str:
    """What a cursor is called; for when there are very many."""
    library = _holding()
    string = library.clang_getCursorSpelling(cursor)
    text: bytes | None = library.clang_getCString(string)
    library.clang_disposeString(string)
    return (text or b"").decode()


def type_of(cursor: Cursor) -> Type:
    """The type of a cursor; the bindings take four times as long."""
    found: Type = _holding().clang_getCursorType(cursor)
    found._tu = cursor._tu
    return found


def is_pointer(clang_type: Type, but_to: Collection[TypeKind] = ()) -> bool:
    """Whether a type is that of a pointer, by whatever name; not to some kinds of types."""
    canonical = clang_type.get_canonical()
    if canonical.kind is not TypeKind.POINTER:
        return False
    return not but_to or canonical.get_pointee().get_canonical().kind not in but_to


def file_and_line(cursor: Cursor) -> tuple[int, int]:
    """A number that is the same for all that stands in the same file of a unit, 0 for none, and the line.

    What a macro makes stands where the macro is used.
    """
    library, file, line = _holding(), c_void_p(), c_uint()
    location = library.clang_getCursorLocation(cursor)
    library.clang_getExpansionLocation(location, byref(file), byref(line), None, None)
    return file.value or 0, line.value


def kind_number(kind: CursorKind) -> int:
    """What libclang calls a kind of cursors; see `number_of_kind`."""
    return int(kind.value)


def number_of_kind(cursor: Cursor) -> int:
    """The kind of a cursor as a number, which is quicker than as an object."""
    return int(cursor._kind_id)


_VARIABLE = kind_number(CursorKind.VAR_DECL)
_ATTRIBUTE = kind_number(CursorKind.UNEXPOSED_ATTR)
_CLEANUP = re.compile(r"\bcleanup\((\w+)\)")


def is_variable(cursor: Cursor) -> bool:
    """Whether a cursor is the declaration of a variable."""
    return number_of_kind(cursor) == _VARIABLE


def by_number(table: Mapping[CursorKind, _Handler]) -> dict[int, _Handler]:
    """A table by kinds of cursors, by their numbers; see `number_of_kind`."""
    return {kind_number(kind): handler for kind, handler in table.items()}


def packed(cursor: Cursor) -> bytes:
    """What clang knows a cursor by, in a seventh of the memory."""
    return bytes(cursor)


def unpacked(kept: bytes, unit: TranslationUnit) -> Cursor:
    """The cursor of ``unit`` that was `packed`."""
    found = Cursor.from_buffer_copy(kept)
    found._tu = unit
    return found


@cache
def version() -> str:
    """What clang calls itself."""
    return str(_library().clang_getClangVersion())


def has_static_storage(cursor: Cursor) -> bool:
    """Whether a variable lives as long as the program."""
    return bool(_library().clang_Cursor_hasVarDeclGlobalStorage(cursor) == 1)


def cleanup(variable: Cursor) -> str:
    """The function that is called where a local variable's scope is left; empty if there is none."""
    # libclang says that there is an attribute, and not which.
    if number_of_kind(variable) != _VARIABLE or all(number_of_kind(each) != _ATTRIBUTE for each in children(variable)):
        return ""
    found = _CLEANUP.search(printed(variable))
    return found[1] if found else ""


def printed(cursor: Cursor) -> str:
    """A declaration as clang prints it from its syntax tree: macros are expanded, comments are gone."""
    library = _library()
    policy = library.clang_getCursorPrintingPolicy(cursor)
    try:
        return str(library.clang_getCursorPrettyPrinted(cursor, policy))
    finally:
        library.clang_PrintingPolicy_dispose(policy)
