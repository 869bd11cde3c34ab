"""What a translation unit, or a stretch of it, declares at file scope: by what it is, and by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from clang.cindex import Cursor, CursorKind, TranslationUnit

from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.cursors import CursorsByName

_FUNCTION, _VARIABLE, _TYPEDEF, _ENUM, _ENUM_CONSTANT = (
    clang_api.kind_number(kind)
    for kind in (
        CursorKind.FUNCTION_DECL,
        CursorKind.VAR_DECL,
        CursorKind.TYPEDEF_DECL,
        CursorKind.ENUM_DECL,
        CursorKind.ENUM_CONSTANT_DECL,
    )
)
_RECORDS = tuple(clang_api.kind_number(kind) for kind in (CursorKind.STRUCT_DECL, CursorKind.UNION_DECL))


class Declared:
    """Clang's declarations at file scope.

    Args:
        unit: what clang has parsed.
        cursors: the declarations, in their order.

    ``functions`` are those with a body, ``variables`` the last declaration of each.
    """

    def __init__(self, unit: TranslationUnit, cursors: Iterable[Cursor] = ()) -> None:
        self.unit = unit
        self.functions, self.variables = CursorsByName(unit), CursorsByName(unit)
        self._without_body: list[bytes] = []
        self._typedefs: list[bytes] = []
        self._structs: list[bytes] = []
        self._enums: list[bytes] = []
        # There are ten thousands of these: nothing is asked of them that is not needed of all.
        for cursor in cursors:
            kind = clang_api.number_of_kind(cursor)
            if kind == _FUNCTION:
                if cursor.is_definition():
                    self.functions.add(clang_api.spelling(cursor), clang_api.packed(cursor))
                else:
                    self._without_body.append(clang_api.packed(cursor))
            elif kind == _VARIABLE:
                self.variables.add(clang_api.spelling(cursor), clang_api.packed(cursor))
            elif kind == _TYPEDEF:
                self._typedefs.append(clang_api.packed(cursor))
            elif kind == _ENUM:
                self._enums.append(clang_api.packed(cursor))
            elif kind in _RECORDS:
                self._structs.append(clang_api.packed(cursor))

    def take(self, other: Declared) -> None:
        """Add what comes next in the unit."""
        self.functions.take(other.functions)
        self.variables.take(other.variables)
        self._without_body += other._without_body
        self._typedefs += other._typedefs
        self._structs += other._structs
        self._enums += other._enums

    @cached_property
    def prototypes(self) -> Mapping[str, Cursor]:
        """The first declarations of the functions that have no body."""
        found = CursorsByName(self.unit)
        for kept in reversed(self._without_body):
            name = clang_api.spelling(clang_api.unpacked(kept, self.unit))
            if name not in self.functions:
                found.add(name, kept)
        return found

    @cached_property
    def typedefs(self) -> Mapping[str, Cursor]:
        """The types that have a name of their own."""
        found = CursorsByName(self.unit)
        for kept in self._typedefs:
            found.add(clang_api.spelling(clang_api.unpacked(kept, self.unit)), kept)
        return found

    @cached_property
    def tagged(self) -> Mapping[str, Cursor]:
        """The definitions of structs and unions, by tag."""
        found = CursorsByName(self.unit)
        for kept in self._structs:
            cursor = clang_api.unpacked(kept, self.unit)
            if cursor.is_definition():
                found.add(clang_api.spelling(cursor), kept)
        return found

    @cached_property
    def records(self) -> Mapping[str, Cursor]:
        """The same by the names that their types have, written with the keyword."""
        found = CursorsByName(self.unit)
        for kept in self._structs:
            cursor = clang_api.unpacked(kept, self.unit)
            if cursor.is_definition():
                found.add(cursor.type.spelling, kept)
        return found

    @property
    def enumerations(self) -> Iterator[Cursor]:
        """The enumerations, in their order."""
        return (clang_api.unpacked(enum, self.unit) for enum in self._enums)

    @cached_property
    def enumerators(self) -> Mapping[str, Cursor]:
        """The enumeration constants."""
        found = CursorsByName(self.unit)
        for enumeration in self.enumerations:
            for child in clang_api.children(enumeration):
                if clang_api.number_of_kind(child) == _ENUM_CONSTANT:
                    found.add(clang_api.spelling(child), clang_api.packed(child))
        return found
