"""Where in the text of a tree a function is defined, a member of a struct is declared, and where it is set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clang.cindex import Cursor, CursorKind

from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.type_reader import record_of

_ASSIGNMENT = clang_api.kind_number(CursorKind.BINARY_OPERATOR)


@dataclass(frozen=True)
class TextPlace:
    """A stretch of a file, relative to the tree, from one character to before another."""

    file: str
    start: int
    end: int


def defined_at(root: Path, function: Cursor) -> TextPlace | None:
    """Where a function is defined, from its storage class to its last brace; None if that is in no file of the tree."""
    return _place(root, function, function.extent.start.offset, function.extent.end.offset)


def text_of(root: Path, place: TextPlace) -> str:
    """What stands at a place."""
    return (root / place.file).read_bytes().decode("utf-8", errors="replace")[place.start : place.end]


def declared_at(root: Path, member: Cursor) -> TextPlace | None:
    """Where a member is declared, its type included; None if that is in no file of the tree."""
    return _place(root, member, member.extent.start.offset, member.extent.end.offset)


def set_at(root: Path, function: Cursor, record: str, member: str) -> Iterator[TextPlace | None]:
    """Where a function assigns something to a member of a record: from the target's begin to the value's."""
    for each in _settings(function, record, member):
        target, value = clang_api.children(each)
        yield _place(root, each, target.extent.start.offset, value.extent.start.offset)


def _settings(function: Cursor, record: str, member: str) -> Iterator[Cursor]:
    for each in clang_api.descendants(function):
        if clang_api.number_of_kind(each) != _ASSIGNMENT or clang_api.binary_operator(each) != (None, True):
            continue
        target, _ = clang_api.children(each)
        while target.kind is CursorKind.PAREN_EXPR:
            (target,) = clang_api.children(target)
        is_member = target.kind is CursorKind.MEMBER_REF_EXPR and target.spelling == member
        if is_member and record_of(target.referenced) == record:
            yield each


def _place(root: Path, cursor: Cursor, start: int, end: int) -> TextPlace | None:
    file = cursor.location.file
    path = None if file is None else Path(file.name)
    if path is None or not path.resolve().is_relative_to(root.resolve()):
        return None
    # Clang counts bytes.
    content = path.read_bytes()
    first, last = (len(content[:at].decode("utf-8", errors="replace")) for at in (start, end))
    return TextPlace(path.resolve().relative_to(root.resolve()).as_posix(), first, last)
