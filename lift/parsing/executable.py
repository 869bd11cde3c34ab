"""What of a function can be executed, told from clang's syntax: whether or not we understand it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clang.cindex import Cursor, CursorKind

from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.unit import Unit

_BLOCK, _DECLARATION, _CASE, _DEFAULT, _LABEL, _NOTHING, _NAME = (
    clang_api.kind_number(kind)
    for kind in (
        CursorKind.COMPOUND_STMT,
        CursorKind.DECL_STMT,
        CursorKind.CASE_STMT,
        CursorKind.DEFAULT_STMT,
        CursorKind.LABEL_STMT,
        CursorKind.NULL_STMT,
        CursorKind.DECL_REF_EXPR,
    )
)
_LAST_IS_BODY = frozenset(
    clang_api.kind_number(kind) for kind in (CursorKind.FOR_STMT, CursorKind.WHILE_STMT, CursorKind.SWITCH_STMT)
)
_IF, _DO = clang_api.kind_number(CursorKind.IF_STMT), clang_api.kind_number(CursorKind.DO_STMT)
_WRAPPER = clang_api.kind_number(CursorKind.UNEXPOSED_STMT)


@dataclass(frozen=True, kw_only=True)
class Executable:
    """A function's definition.

    Args:
        name: its name.
        file: where it stands, relative to the tree.
        first: the line of its name.
        last: the line of its closing brace.
        lines: those on which a statement begins that does something; in a macro, those on which the macro is used.
        names: the functions and variables that it names.
    """

    name: str
    file: str
    first: int
    last: int
    lines: frozenset[int]
    names: frozenset[str]


def executable(unit: Unit, function: str, file: str) -> Executable:
    """A function that a unit defines in a file of the tree."""
    cursor = unit.definitions[function]
    body = clang_api.body(cursor)
    named = (each for each in clang_api.descendants(body) if clang_api.number_of_kind(each) == _NAME)
    return Executable(
        name=function,
        file=file,
        first=clang_api.file_and_line(cursor)[1],
        last=body.extent.end.line,
        lines=frozenset(_lines(body)),
        names=frozenset(clang_api.spelling(each) for each in named),
    )


def _lines(stmt: Cursor) -> Iterator[int]:
    """The lines on which a statement, or one inside it, begins that does something."""
    kind = clang_api.number_of_kind(stmt)
    parts = clang_api.children(stmt) if kind != _NOTHING else []
    if kind == _BLOCK:
        inner = parts
    elif kind in (_CASE, _DEFAULT, _LABEL, _WRAPPER) or kind in _LAST_IS_BODY:
        inner = parts[-1:]
    elif kind == _DO:
        inner = parts[:1]
    elif kind == _IF:
        inner = parts[1:]
    else:
        inner = []
    if kind == _DECLARATION:
        does = any(clang_api.is_variable(each) and clang_api.initializer(each) is not None for each in parts)
    else:
        does = kind not in (_BLOCK, _CASE, _DEFAULT, _LABEL, _NOTHING, _WRAPPER)
    if does:
        yield clang_api.file_and_line(stmt)[1]
    for each in inner:
        yield from _lines(each)
