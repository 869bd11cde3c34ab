"""Tables of TOML, read key by key: whatever is wrong is told with the file and the key."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

_Named = TypeVar("_Named", bound=Enum)
_Kind = TypeVar("_Kind")


class DescriptionError(Exception):
    """A description cannot be read, or says what no guest can be."""


@dataclass
class TomlTable:
    """A table; each key that is asked for counts as known.

    Args:
        values: as TOML has them.
        file: the name of the file.
        key: of the table itself; empty for the whole file.
        asked: the keys that were asked for.
    """

    values: Mapping[str, Any]
    file: str
    key: str = ""
    asked: set[str] = field(default_factory=set)

    def error(self, name: str, says: str) -> DescriptionError:
        """What is to be raised for a key of this table."""
        return DescriptionError(f"{self.file}: {self._full(name)}: {says}")

    def has(self, name: str) -> bool:
        """Whether the key is there."""
        return name in self.values

    def text(self, name: str, default: str | None = None) -> str:
        """A text; if there is no default, it has to be there."""
        return self._of(str, "a text", name, default)

    def flag(self, name: str, default: bool) -> bool:
        """Whether something is so."""
        return self._of(bool, "true or false", name, default)

    def number(self, name: str, default: int | None = None, most: int = (1 << 64) - 1) -> int:
        """A number from 0 on; if there is no default, it has to be there."""
        value = self._of(int, "a number", name, default)
        if isinstance(value, bool) or not 0 <= value <= most:
            raise self.error(name, f"it is no number from 0 to {most:#x}")
        return value

    def number_if_any(self, name: str, most: int = (1 << 64) - 1) -> int | None:
        """A number from 0 on, None if it is not there."""
        self.asked.add(name)
        return self.number(name, most=most) if self.has(name) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, or one text; empty if it is not there."""
        self.asked.add(name)
        value = self.values.get(name, [])
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise self.error(name, "it is no text, and no list of texts")
        return tuple(found)

    def one_of(self, name: str, kind: type[_Named], default: _Named | None = None) -> _Named:
        """A member of an enumeration, by its value."""
        if default is not None and not self.has(name):
            self.asked.add(name)
            return default
        if not self.has(name):
            raise self.error(name, f"it is missing; it is one of {', '.join(str(member.value) for member in kind)}")
        given = self.text(name)
        for member in kind:
            if member.value == given:
                return member
        raise self.error(name, f"it is '{given}', and none of {', '.join(str(member.value) for member in kind)}")

    def table(self, name: str) -> TomlTable | None:
        """A table below this one, None if it is not there."""
        self.asked.add(name)
        if not self.has(name):
            return None
        return TomlTable(self._of(dict, "a table", name, None), self.file, self._full(name))

    def tables(self, name: str) -> tuple[TomlTable, ...]:
        """A list of tables; empty if it is not there."""
        value = self._of(list, "a list of tables", name, [])
        if not all(isinstance(each, dict) for each in value):
            raise self.error(name, "it is no list of tables")
        return tuple(TomlTable(each, self.file, self._full(f"{name}[{n}]")) for n, each in enumerate(value, start=1))

    def done(self) -> None:
        """Refuse what nobody has asked for.

        Raises:
            DescriptionError: there is a key that means nothing.
        """
        for name in self.values:
            if name not in self.asked:
                near = difflib.get_close_matches(name, self.asked, 1)
                there = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(self.asked))}"
                raise self.error(name, f"there is no such key; {there}")

    def read(self, name: str, text: str, by: Callable[[str], _Kind], error: type[Exception]) -> _Kind:
        """What a text of this table stands for, where reading it may fail."""
        try:
            return by(text)
        except error as wrong:
            raise self.error(name, str(wrong)) from wrong

    def _full(self, name: str) -> str:
        return ".".join(part for part in (self.key, name) if part)

    def _of(self, kind: type[_Kind], called: str, name: str, default: _Kind | None) -> _Kind:
        self.asked.add(name)
        if name not in self.values:
            if default is None:
                raise self.error(name, f"it is missing; it is {called}")
            return default
        value = self.values[name]
        if not isinstance(value, kind):
            raise self.error(name, f"it is not {called}")
        return value
