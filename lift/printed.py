"""What a unit's functions say once macros are expanded, and what else that depends on: for telling what has changed.

Clang prints a definition from its syntax tree, so comments, line breaks and the names of macros are gone, and what a
macro stands for is there.  Two functions that are printed alike, and whose types, constants and variables are too,
mean the same as far as the functions that they call do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from clang.cindex import Cursor, CursorKind

from mmuproof.lift import clang_api
from mmuproof.lift.unit import Unit

_WORD = re.compile(r"[A-Za-z_]\w*")
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
# Names that the compiler or a macro makes up, with a number that depends on what stands before them.
_COUNTED = re.compile(r"\b(__UNIQUE_ID_\w*?|__(?:ret|compiletime_assert|bugtable|already_done)\w*?)_?(\d+)\b")
# What has no name is called by its place, and is printed for itself.
_UNNAMED = re.compile(r"\((?:unnamed|anonymous) (\w+) at [^()]*:\d+:\d+\)")
# What depends on all of a struct, and not only on the members that are named.
_OF_A_WHOLE = re.compile(
    r"sizeof ?\((?:(?:struct|union) \w|\*)|\b(?:offsetof|memcpy|memset|memcmp|__builtin_(?:mem\w+|offsetof))\b"
    r"|\*\w+ = |= \*\w+"
)
# Where something stands, for messages of debugging.
_PLACE = re.compile(r'"[^"\n]*\.[ch]", \d+\b')
_TYPES = (CursorKind.STRUCT_DECL, CursorKind.UNION_DECL, CursorKind.ENUM_DECL, CursorKind.TYPEDEF_DECL)

_FUNCTION, _ENUM = (clang_api.kind_number(kind) for kind in (CursorKind.FUNCTION_DECL, CursorKind.ENUM_DECL))
_RECORDS = tuple(clang_api.kind_number(kind) for kind in (CursorKind.STRUCT_DECL, CursorKind.UNION_DECL))


class Printed:
    """The definitions of one unit, printed.

    Args:
        unit: the parsed unit.
    """

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._texts: dict[str, str] = {}
        self._digests: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
        self._weights: dict[str, int] = {}
        self._calls: dict[str, frozenset[str]] = {}
        self._closures: dict[str, frozenset[str]] = {}

    def prepare(self) -> None:
        """Read already what every digest needs, where that can be done beside other work."""
        _ = self._declarations, self.unit.enumerators

    def text(self, function: str) -> str:
        """A function's definition, with made-up names numbered anew."""
        if function not in self._texts:
            self._texts[function] = _renumbered(clang_api.printed(self.unit.definitions[function]))
        return self._texts[function]

    def calls(self, function: str) -> frozenset[str]:
        """The functions with a body in this unit that a function mentions."""
        if function not in self._calls:
            found = (word for word in _words(self.text(function)) if word in self.unit.definitions)
            self._calls[function] = frozenset(found) - {function}
        return self._calls[function]

    def closure(self, function: str) -> frozenset[str]:
        """The functions that a function calls, directly or not, as far as they have a body here."""
        if function not in self._closures:
            found: set[str] = set()
            todo = [function]
            while todo:
                new = self.calls(todo.pop()) - found
                found |= new
                todo += new
            self._closures[function] = frozenset(found)
        return self._closures[function]

    def weight(self, function: str, limit: int = 1 << 16) -> int:
        """How many statements a function runs at most if all that it calls is followed, loops counted once."""
        return self._weight(function, limit, ())

    def _weight(self, function: str, limit: int, above: tuple[str, ...]) -> int:
        known = self._weights.get(function)
        if known is not None:
            return known
        if function in above:
            return limit
        text = self.text(function)
        total = text.count(";")
        words = [word for word in _WORD.findall(_LITERAL.sub("", text)) if word in self.unit.definitions]
        for word in words[1:]:
            if total >= limit:
                break
            total += self._weight(word, limit, (*above, function))
        total = min(total, limit)
        self._weights[function] = total
        return total

    def digest(self, function: str, names: Mapping[str, str] | None = None) -> str:
        """Changes if the function does, or a type, constant, variable or prototype that it uses.

        It does not if only a function does that it calls.

        Args:
            function: its name.
            names: words that stand for others.
        """
        others = {word: names[word] for word in _words(self.text(function)) if word in names} if names else {}
        key = function, tuple(sorted(others.items()))
        if key not in self._digests:
            digest = hashlib.sha256()
            for part in (self.text(function), *sorted(self._parts(function))):
                text = _WORD.sub(lambda word: others.get(word[0], word[0]), part) if others else part
                digest.update(text.encode() + b"\0")
            self._digests[key] = digest.hexdigest()
        return self._digests[key]

    def _parts(self, function: str) -> set[str]:
        """The printed declarations that a function uses; of a struct only the members that it names."""
        words = _words(self.text(function))
        parts: set[str] = set()
        if _OF_A_WHOLE.search(self.text(function)):
            records = self._declarations.records
            parts |= {f"{word} has {records[word].type.get_size()} bytes" for word in words if word in records}
            parts |= {f"{word}: {text}" for word in words if word in records for _, text in self._members(word)}
        seen: set[str] = set()
        todo = list(words)
        while todo:
            word = todo.pop()
            if word in seen:
                continue
            seen.add(word)
            value = self.unit.enumerators.get(word)
            if value is not None:
                parts.add(f"{word} = {value}")
            for text in self._declared(word, words):
                parts.add(text)
                todo += _words(text) - seen
        return parts

    def _declared(self, word: str, words: set[str]) -> Iterator[str]:
        declared = self._declarations
        if word in declared.others:
            yield declared.others[word]
        cursor = declared.records.get(word)
        if cursor is None:
            return
        if cursor.kind is CursorKind.UNION_DECL:
            yield self._print(cursor)
            return
        for names, text in self._members(word):
            if names & words:
                yield f"{word}: {text}"

    def _members(self, record: str) -> tuple[tuple[frozenset[str], str], ...]:
        """Of each member the names that it is mentioned by, those inside it if it has none itself, and its text."""
        if record not in self._printed_members:
            cursor = self._declarations.records[record]
            found = []
            for child in cursor.get_children():
                if child.kind is CursorKind.FIELD_DECL and child.spelling:
                    found.append((frozenset({child.spelling}), self._print(child)))
                elif child.kind in (CursorKind.STRUCT_DECL, CursorKind.UNION_DECL) and child.is_definition():
                    text = self._print(child)
                    found.append((frozenset(_words(text)), text))
            self._printed_members[record] = tuple(found)
        return self._printed_members[record]

    @cached_property
    def _printed_members(self) -> dict[str, tuple[tuple[frozenset[str], str], ...]]:
        return {}

    def _print(self, cursor: Cursor) -> str:
        return _renumbered(clang_api.printed(cursor))

    @cached_property
    def _declarations(self) -> _Declarations:
        return _Declarations(self.unit)


class _Declarations:
    """What a unit declares at file scope besides functions with a body, by name."""

    def __init__(self, unit: Unit) -> None:
        self.records: dict[str, Cursor] = {}
        self._others: dict[str, Cursor] = {}
        definitions = unit.definitions
        # There are twenty thousand of these, and numbers are quicker to compare.
        for cursor in unit.declarations((*_TYPES, CursorKind.VAR_DECL, CursorKind.FUNCTION_DECL)):
            number = clang_api.number_of_kind(cursor)
            name = clang_api.spelling(cursor)
            if number in _RECORDS:
                if cursor.is_definition():
                    self.records[name] = cursor
            elif number == _FUNCTION:
                if name not in definitions:
                    self._others.setdefault(name, cursor)
            elif number != _ENUM:
                self._others[name] = cursor
        self.others = _Lazily(self._others)


class _Lazily(Mapping[str, str]):
    """Printed when asked for: most are not."""

    def __init__(self, cursors: Mapping[str, Cursor]) -> None:
        self._cursors = cursors
        self._texts: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self._texts:
            self._texts[name] = _renumbered(clang_api.printed(self._cursors[name]))
        return self._texts[name]

    def __contains__(self, name: object) -> bool:
        return name in self._cursors

    def __iter__(self) -> Iterator[str]:
        return iter(self._cursors)

    def __len__(self) -> int:
        return len(self._cursors)


def _renumbered(text: str) -> str:
    numbers: dict[str, int] = {}
    text = _PLACE.sub('"", 0', _UNNAMED.sub(r"(unnamed \1)", text))
    return _COUNTED.sub(lambda match: f"{match[1]}_{numbers.setdefault(match[0], len(numbers))}", text)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(_LITERAL.sub("", text)))
