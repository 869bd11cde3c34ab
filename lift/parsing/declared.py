"""What a translation unit, or a stretch of it, declares at file scope: by what it is, and by name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

from clang.cindex import Cursor, CursorKind, TranslationUnit

from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.cursors import CursorsByName, NamedBefore
from mmuproof.lift.parsing.unit_index import UnitIndex

_ENUM_CONSTANT = clang_api.kind_number(CursorKind.ENUM_CONSTANT_DECL)


class Declared:
    """Clang's declarations at file scope.

    Args:
        unit: what clang has parsed.
        cursors: the declarations, in their order.
        index: theirs, where it is known.

    ``functions`` are those with a body, ``variables`` the last declaration of each.
    """

    def __init__(self, unit: TranslationUnit, cursors: Sequence[Cursor] = (), index: UnitIndex | None = None) -> None:
        # An index of other declarations says nothing of these.
        found = index if index is not None and index.count == len(cursors) else UnitIndex.of(cursors)
        self.unit = unit
        self.functions, self.variables = CursorsByName(unit), CursorsByName(unit)
        for by_name, numbers in ((self.functions, found.functions), (self.variables, found.variables)):
            for name, number in numbers.items():
                by_name.add(name, clang_api.packed(cursors[number]))
        self._without_body, self._typedefs, self._structs, self._enums = (
            [clang_api.packed(cursors[number]) for number in numbers]
            for numbers in (found.without_body, found.typedefs, found.records, found.enums)
        )

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


class DeclaredLater:
    """The declarations of a unit whose index is known: clang loads the unit when more than names is asked for.

    Args:
        index: the index.
        load: has clang load the unit.
    """

    def __init__(self, index: UnitIndex, load: Callable[[], Declared]) -> None:
        self._load, self._once = load, threading.Lock()
        self._loaded: Declared | None = None
        self.functions = NamedBefore(index.functions.keys(), lambda: self.loaded.functions)
        self.variables = NamedBefore(index.variables.keys(), lambda: self.loaded.variables)

    @property
    def loaded(self) -> Declared:
        """The declarations themselves."""
        with self._once:
            if self._loaded is None:
                self._loaded = self._load()
        return self._loaded

    @property
    def unit(self) -> TranslationUnit:
        """What clang has loaded."""
        return self.loaded.unit

    @property
    def prototypes(self) -> Mapping[str, Cursor]:
        """See `Declared.prototypes`."""
        return self.loaded.prototypes

    @property
    def typedefs(self) -> Mapping[str, Cursor]:
        """See `Declared.typedefs`."""
        return self.loaded.typedefs

    @property
    def tagged(self) -> Mapping[str, Cursor]:
        """See `Declared.tagged`."""
        return self.loaded.tagged

    @property
    def records(self) -> Mapping[str, Cursor]:
        """See `Declared.records`."""
        return self.loaded.records

    @property
    def enumerations(self) -> Iterator[Cursor]:
        """See `Declared.enumerations`."""
        return self.loaded.enumerations

    @property
    def enumerators(self) -> Mapping[str, Cursor]:
        """See `Declared.enumerators`."""
        return self.loaded.enumerators
