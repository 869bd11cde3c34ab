"""What a unit's functions say once macros are expanded, and what else that depends on: for telling what has changed.

Clang prints a definition from its syntax tree, so comments, line breaks and the names of macros are gone, and what a
macro stands for is there. Two functions that are printed alike, and whose types, constants and variables are too,
mean the same as far as the functions that they call do.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from clang.cindex import Cursor, CursorKind, TypeKind

from mmuproof.lift.parsing import clang_api, local_names
from mmuproof.lift.parsing.unit import Unit

_WORD = re.compile(r"[A-Za-z_]\w*")
_CALLED = re.compile(r"\b([A-Za-z_]\w*)\(")
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
# What a variable's definition says and its declaration does not.
_DEFINING = re.compile(r"^extern | = .*$", re.DOTALL)

_RECORDS = (CursorKind.STRUCT_DECL, CursorKind.UNION_DECL)
_ARRAYS = (TypeKind.CONSTANTARRAY, TypeKind.INCOMPLETEARRAY)


class Printed:
    """The definitions of one unit, printed.

    Args:
        unit: the parsed unit.
        looked_at: the files whose functions are looked at, relative to the tree.
    """

    def __init__(self, unit: Unit, looked_at: Callable[[str], bool]) -> None:
        self.unit, self._looked_at = unit, looked_at
        self._texts: dict[str, str] = {}
        self._without_locals: dict[str, str] = {}
        self._declared: dict[str, str] = {}
        self._mentioned: dict[str, set[str]] = {}
        self._printed_members: dict[str, tuple[tuple[frozenset[str], str], ...]] = {}
        self._digests: dict[tuple[str, tuple[tuple[str, str], ...], bool], str] = {}
        self._weights: dict[str, int] = {}
        self._calls: dict[str, frozenset[str]] = {}
        self._closures: dict[str, frozenset[str]] = {}

    def prepare(self, *, every: bool) -> None:
        """Find out already, beside other work, what will be asked of this unit.

        Args:
            every: whether that is the digests of all functions of the unit's own file, or only those of a few.
        """
        _ = self._names
        for name, file in self.functions.items():
            if every and file == self.unit.path:
                self.digest(name)

    @cached_property
    def functions(self) -> Mapping[str, str]:
        """The functions that are looked at, each with the file in which its body is."""
        return self.unit.functions_in(self._looked_at)

    @cached_property
    def _with_body(self) -> frozenset[str]:
        """The names of the functions that have a body."""
        return frozenset(self.unit.definitions)

    @cached_property
    def _names(self) -> frozenset[str]:
        """The names of what a unit declares besides functions with a body."""
        declared = self.unit.declared
        return frozenset().union(
            declared.prototypes, declared.variables, declared.typedefs, declared.tagged, declared.enumerators
        )

    def text(self, function: str) -> str:
        """A function's definition, with made-up names numbered anew."""
        if function not in self._texts:
            self._texts[function] = _renumbered(clang_api.printed(self.unit.definitions[function]))
        return self._texts[function]

    def calls(self, function: str) -> frozenset[str]:
        """The functions with a body in this unit that a function mentions."""
        if function not in self._calls:
            text = self.text(function)
            found = self._with_body & _words(text) - {function}
            # A variable may be called like a function; few functions are mentioned without being called.
            if not found <= set(_CALLED.findall(text)):
                found &= _words(self.text_but_for_locals(function))
            self._calls[function] = found
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
        words = [word for word in _WORD.findall(_LITERAL.sub("", text)) if word in self._with_body]
        for word in words[1:]:
            if total >= limit:
                break
            total += self._weight(word, limit, (*above, function))
        total = min(total, limit)
        self._weights[function] = total
        return total

    def text_but_for_locals(self, function: str) -> str:
        """A function's definition in which the variables of its own are called by numbers.

        A name keeps what it is if anything else is called so as well: a member, a label, a word of a message.
        """
        if function not in self._without_locals:
            self._without_locals[function] = local_names.numbered(self.text(function), self.unit.definitions[function])
        return self._without_locals[function]

    def digest(self, function: str, names: Mapping[str, str] | None = None, *, but_for_locals: bool = False) -> str:
        """Changes if the function does, or a type, constant, variable or prototype that it uses.

        It does not if only a function does that it calls.

        Args:
            function: its name.
            names: words that stand for others.
            but_for_locals: whether it stays where only variables of its own are called otherwise.
        """
        text_of_it = self.text_but_for_locals(function) if but_for_locals else self.text(function)
        others = {word: names[word] for word in _words(text_of_it) if word in names} if names else {}
        key = function, tuple(sorted(others.items())), but_for_locals
        if key not in self._digests:
            digest = hashlib.sha256()
            for part in (text_of_it, *sorted(self._parts(function, text_of_it))):
                text = _WORD.sub(lambda word: others.get(word[0], word[0]), part) if others else part
                digest.update(text.encode() + b"\0")
            self._digests[key] = digest.hexdigest()
        return self._digests[key]

    def shared_digest(self, function: str) -> str:
        """Like `digest`, but the same in every unit that has the function from one header.

        Whether a variable or another function is defined in a unit, or only declared, makes no difference to it.
        """
        parts = sorted(self._parts(function, self.text(function), shared=True))
        return hashlib.sha256("\0".join((self.text(function), *parts)).encode()).hexdigest()

    def starts(self, function: str) -> Mapping[str, str]:
        """What variables start with, as C says it: those that a function names and this unit defines, no constants."""
        found = {}
        for word in sorted(_words(self.text(function)) & self.unit.declared.variables.keys()):
            text = self._declaration(word)
            if not text.startswith("extern ") and "const" not in _words(text):
                found[word] = text.partition(" = ")[2]
        return found

    def _parts(self, function: str, said: str, *, shared: bool = False) -> set[str]:
        """The printed declarations that a function uses; of a struct only the members that it names.

        Args:
            function: the function.
            said: its text.
            shared: whether what only the unit that defines something says of it is left out.
        """
        words = _words(said)
        parts: set[str] = set()
        if _OF_A_WHOLE.search(self.text(function)):
            records = self.unit.declared.tagged
            parts |= {f"{word} has {records[word].type.get_size()} bytes" for word in words if word in records}
            parts |= {f"{word}: {text}" for word in words if word in records for _, text in self._members(word)}
        seen: set[str] = set()
        todo = words & self._names
        while todo:
            word = todo.pop()
            seen.add(word)
            enumerator = self.unit.declared.enumerators.get(word)
            if enumerator is not None:
                parts.add(f"{word} = {enumerator.enum_value}")
            if self._declaration(word) and not (shared and word in self.unit.declared.prototypes):
                text = self._declaration(word)
                is_variable = word in self.unit.declared.variables
                text = _DEFINING.sub("", text) if shared and is_variable and "const" not in _words(text) else text
                parts.add(text)
                todo |= (_words(text) & self._names) - seen
            for text in self._used_of(word, words):
                parts.add(text)
                todo |= (_words(text) & self._names) - seen
        return parts

    def _declaration(self, word: str) -> str:
        """The variable, the type's own name or the function without a body that a word is, printed; else nothing."""
        if word not in self._declared:
            declared = self.unit.declared
            cursors = (
                each[word] for each in (declared.variables, declared.typedefs, declared.prototypes) if word in each
            )
            cursor = next(cursors, None)
            text = "" if cursor is None else self._print(cursor)
            self._declared[word], self._mentioned[word] = text, _words(text) & self._names
        return self._declared[word]

    def _used_of(self, record: str, words: set[str]) -> Iterator[str]:
        """What is used of a struct or union, if it is one: of a struct the members that are named."""
        cursor = self.unit.declared.tagged.get(record)
        if cursor is None:
            return
        if cursor.kind is CursorKind.UNION_DECL:
            yield _renumbered(_record(cursor))
            return
        for names, text in self._members(record):
            if names & words:
                yield f"{record}: {text}"

    def _members(self, record: str) -> tuple[tuple[frozenset[str], str], ...]:
        """Of each member the names that it is mentioned by, those inside it if it has none itself, and its text."""
        if record not in self._printed_members:
            cursor = self.unit.declared.tagged[record]
            found = []
            for child in cursor.get_children():
                if child.kind is CursorKind.FIELD_DECL and child.spelling:
                    found.append((frozenset({child.spelling}), _renumbered(_member(child))))
                elif child.kind in (CursorKind.STRUCT_DECL, CursorKind.UNION_DECL) and child.is_definition():
                    text = _renumbered(_record(child))
                    found.append((frozenset(_words(text)), text))
            self._printed_members[record] = tuple(found)
        return self._printed_members[record]

    def _print(self, cursor: Cursor) -> str:
        return _renumbered(clang_api.printed(cursor))


def _record(cursor: Cursor) -> str:
    """A struct or union, its members in their order: clang prints one that was kept in another order."""
    kind = "union" if cursor.kind is CursorKind.UNION_DECL else "struct"
    members = " ".join(f"{_member(each)};" for each in cursor.type.get_fields())
    size, aligned = cursor.type.get_size(), cursor.type.get_align()
    name = "" if _has_no_name(cursor) else cursor.spelling
    return f"{kind} {name} {{ {members} }} of {size} bytes, aligned to {aligned}"


def _member(cursor: Cursor) -> str:
    """A member, with what is in it if its type has no name."""
    inner, elements = cursor.type, ""
    while inner.kind in _ARRAYS:
        inner, elements = inner.element_type, f"{elements}[{inner.get_array_size()}]"
    declared = inner.get_declaration()
    if declared.kind not in _RECORDS or not _has_no_name(declared):
        return clang_api.printed(cursor)
    name = cursor.spelling if cursor.spelling.isidentifier() else ""
    return f"{_record(declared)} {name}{elements}"


def _has_no_name(record: Cursor) -> bool:
    """Whether clang calls a struct or union by the place where it stands."""
    return not record.spelling.isidentifier()


def _renumbered(text: str) -> str:
    numbers: dict[str, int] = {}
    text = _PLACE.sub('"", 0', _UNNAMED.sub(r"(unnamed \1)", text))
    return _COUNTED.sub(lambda match: f"{match[1]}_{numbers.setdefault(match[0], len(numbers))}", text)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(_LITERAL.sub("", text)))
