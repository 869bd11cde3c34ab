"""Cursors kept in numbers: a unit declares ten thousands of things, of which few are ever looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from clang.cindex import Cursor, TranslationUnit

from mmuproof.lift.parsing import clang_api


class CursorsByName(Mapping[str, Cursor]):
    """Cursors of one translation unit by name; only clang's bytes of them are kept.

    Args:
        unit: the translation unit.
    """

    def __init__(self, unit: TranslationUnit) -> None:
        self._unit = unit
        self._packed: dict[str, bytes] = {}

    def add(self, name: str, kept: bytes) -> None:
        """Keep a cursor that is `clang_api.packed`, instead of one that had this name."""
        self._packed[name] = kept

    def take(self, other: CursorsByName) -> None:
        """Keep all that another has of the same unit."""
        self._packed.update(other._packed)

    def __getitem__(self, name: str) -> Cursor:
        return clang_api.unpacked(self._packed[name], self._unit)

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


class NamedBefore(Mapping[str, Cursor]):
    """Cursors of a unit that clang need not have loaded, as long as nobody asks for more than their names.

    Args:
        names: those that there are.
        loaded: the cursors themselves; the unit is loaded for that.
    """

    def __init__(self, names: Collection[str], loaded: Callable[[], Mapping[str, Cursor]]) -> None:
        self._names, self._loaded = names, loaded

    def __getitem__(self, name: str) -> Cursor:
        if name not in self._names:
            raise KeyError(name)
        return self._loaded()[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
