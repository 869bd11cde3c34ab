"""One translation unit of a kernel tree: parsed, checked, and asked for functions, types and constants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from clang.cindex import Cursor, CursorKind, Diagnostic, Index, TranslationUnit, TranslationUnitLoadError

from mmuproof.lift import clang_api
from mmuproof.lift.c_types import RecordType
from mmuproof.lift.cursors import CursorsByName
from mmuproof.lift.errors import Missing, ParseFailed, Refused, SourceError
from mmuproof.lift.reader import Reader
from mmuproof.lift.syntax import Function, Location, Variable

MAIN = "mmuproof-unit.c"
"""The file that clang is given; it stands in the tree's folder, but only in memory."""

_PROBE = "mmuproof_probe_"
_FUNCTION, _VARIABLE, _TYPEDEF, _ENUM, _ENUM_CONSTANT = (
    clang_api.kind_number(kind)
    for kind in (
        CursorKind.FUNCTION_DECL, CursorKind.VAR_DECL, CursorKind.TYPEDEF_DECL,
        CursorKind.ENUM_DECL, CursorKind.ENUM_CONSTANT_DECL,
    )
)  # fmt: skip
_RECORDS = tuple(clang_api.kind_number(kind) for kind in (CursorKind.STRUCT_DECL, CursorKind.UNION_DECL))
_STATIC_ASSERTION = "static assertion failed"


@dataclass(frozen=True)
class FailedAssertion:
    """A ``static_assert`` that does not hold, with what the compiler says of it."""

    at: Location
    message: str


def parse_text(
    root: Path, path: str, text: str, arguments: Sequence[str], edited: Mapping[str, str] | None = None
) -> TranslationUnit:
    """Have clang parse a text as if it were a file `MAIN` in the tree's folder.

    Args:
        root: the tree's folder.
        path: what the text is made of, for messages.
        text: what is parsed.
        arguments: clang's command line.
        edited: contents that stand in for files of the tree, by relative path.

    Raises:
        SourceError: clang cannot read what the text or the arguments refer to.
    """
    main = str(root / MAIN)
    files = [(main, text), *((str(root / name), content) for name, content in (edited or {}).items())]
    try:
        return Index.create().parse(main, args=[*arguments, f"-I{root}"], unsaved_files=files)
    except TranslationUnitLoadError:
        raise SourceError(f"clang cannot read {path}") from None


def errors_of(parsed: TranslationUnit, reader: Reader) -> list[str]:
    """Every error as ``file:line: message``, that of a failed assertion included."""
    errors = (each for each in parsed.diagnostics if each.severity >= Diagnostic.Error)
    return [f"{reader.location(each)}: {each.spelling}" for each in errors]


def _check(path: str, parsed: TranslationUnit, reader: Reader) -> tuple[FailedAssertion, ...]:
    """The assertions that fail.

    Raises:
        ParseFailed: there is another error.
    """
    errors: list[str] = []
    failed: list[FailedAssertion] = []
    for diagnostic in parsed.diagnostics:
        if diagnostic.severity < Diagnostic.Error:
            continue
        at = reader.location(diagnostic)
        if diagnostic.spelling.startswith(_STATIC_ASSERTION):
            # Clang gives the expanded expression first and what the source says of it last.
            failed.append(FailedAssertion(at, diagnostic.spelling.rpartition("': ")[2]))
        else:
            errors.append(f"{at}: {diagnostic.spelling}")
    if errors:
        raise ParseFailed(path, errors)
    return tuple(failed)


class Unit:
    """A parsed translation unit.

    Args:
        root: the tree's folder.
        path: the unit, relative to ``root``.
        arguments: clang's command line.
        macros: object-like macros whose values are wanted.
        edited: contents that stand in for files of the tree, by relative path.

    Raises:
        ParseFailed: the unit does not parse without errors; after an error clang drops statements,
            so nothing that it says about such a unit can be used.
    """

    def __init__(
        self,
        root: Path,
        path: str,
        arguments: Sequence[str],
        macros: Iterable[str] = (),
        edited: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self._given_root, self._root = root, root.resolve()
        probes = "".join(
            f"#ifdef {name}\nstatic const unsigned long long {_PROBE}{name} = (unsigned long long)({name});\n#endif\n"
            for name in macros
        )
        self._begin(parse_text(root, path, f'#include "{path}"\n{probes}', arguments, edited))

    def _begin(self, parsed: TranslationUnit) -> None:
        """Read what clang has parsed."""
        self._unit = parsed
        self._reader = Reader(self._given_root)
        self.failed_assertions = _check(self.path, parsed, self._reader)
        self._functions = CursorsByName(parsed)
        self._variables = CursorsByName(parsed)
        self._prototypes: list[bytes] = []
        self._typedefs: list[bytes] = []
        self._structs: list[bytes] = []
        self._enums: list[bytes] = []
        self._known: dict[str, Function | None] = {}
        self._index()

    def _index(self) -> None:
        clang_api.load(self._unit.cursor)
        # There are ten thousands of these: nothing is asked of them that is not needed of all.
        for cursor in clang_api.children(self._unit.cursor):
            kind = clang_api.number_of_kind(cursor)
            if kind == _FUNCTION:
                if cursor.is_definition():
                    self._functions.add(clang_api.spelling(cursor), clang_api.packed(cursor))
                else:
                    self._prototypes.append(clang_api.packed(cursor))
            elif kind == _VARIABLE:
                self._variables.add(clang_api.spelling(cursor), clang_api.packed(cursor))
            elif kind == _TYPEDEF:
                self._typedefs.append(clang_api.packed(cursor))
            elif kind == _ENUM:
                self._enums.append(clang_api.packed(cursor))
            elif kind in _RECORDS:
                self._structs.append(clang_api.packed(cursor))

    @cached_property
    def _records(self) -> CursorsByName:
        records = CursorsByName(self._unit)
        for kept in self._structs:
            cursor = clang_api.unpacked(kept, self._unit)
            if cursor.is_definition():
                records.add(cursor.type.spelling, kept)
        return records

    @cached_property
    def files(self) -> frozenset[str]:
        """The files of the tree that the unit is made of, relative to it; generated ones are not among them."""
        included = (Path(each.include.name) for each in self._unit.get_includes())
        return frozenset(
            path.resolve().relative_to(self._root).as_posix()
            for path in included
            if path.resolve().is_relative_to(self._root)
        )

    # -- what is defined --------------------------------------------------------------------------

    @property
    def definitions(self) -> Mapping[str, Cursor]:
        """Clang's declarations of the functions that have a body, by name."""
        return self._functions

    @property
    def variables(self) -> Mapping[str, Cursor]:
        """Clang's declarations of the variables at file scope, by name."""
        return self._variables

    @cached_property
    def prototypes(self) -> Mapping[str, Cursor]:
        """Clang's first declarations of the functions that have no body, by name."""
        found = CursorsByName(self._unit)
        for kept in reversed(self._prototypes):
            name = clang_api.spelling(clang_api.unpacked(kept, self._unit))
            if name not in self._functions:
                found.add(name, kept)
        return found

    @cached_property
    def typedefs(self) -> Mapping[str, Cursor]:
        """Clang's declarations of types that have a name of their own, by name."""
        found = CursorsByName(self._unit)
        for kept in self._typedefs:
            found.add(clang_api.spelling(clang_api.unpacked(kept, self._unit)), kept)
        return found

    @cached_property
    def tagged(self) -> Mapping[str, Cursor]:
        """Clang's definitions of structs and unions, by tag."""
        found = CursorsByName(self._unit)
        for kept in self._structs:
            cursor = clang_api.unpacked(kept, self._unit)
            if cursor.is_definition():
                found.add(clang_api.spelling(cursor), kept)
        return found

    @cached_property
    def enumerators(self) -> Mapping[str, Cursor]:
        """Clang's declarations of the enumeration constants, by name."""
        found = CursorsByName(self._unit)
        for enum in self._enums:
            for child in clang_api.children(clang_api.unpacked(enum, self._unit)):
                if clang_api.number_of_kind(child) == _ENUM_CONSTANT:
                    found.add(clang_api.spelling(child), clang_api.packed(child))
        return found

    def file_of(self, function: str) -> str:
        """The file that a function with a body stands in, relative to the tree."""
        return self._reader.location(self._functions[function]).file

    def functions_in(self, wanted: Callable[[str], bool]) -> dict[str, str]:
        """The functions with a body in some files, which are given to ``wanted`` relative to the tree; with it."""
        files: dict[int, str] = {}
        found: dict[str, str] = {}
        for name, cursor in self._functions.items():
            # Few files have ten thousands of functions.
            number = clang_api.file_and_line(cursor)[0]
            if number not in files:
                file = self._reader.location(cursor).file
                files[number] = file if wanted(file) else ""
            if files[number]:
                found[name] = files[number]
        return found

    def find_function(self, name: str) -> Function | None:
        """The function's definition, or None."""
        if name not in self._known:
            cursor = self._functions.get(name)
            self._known[name] = None if cursor is None else self._reader.function(cursor)
        return self._known[name]

    def function(self, *names: str) -> Function:
        """The definition of the first of ``names`` that there is; kernels rename functions.

        Raises:
            Missing: none of them is defined.
        """
        for name in names:
            found = self.find_function(name)
            if found is not None:
                return found
        raise Missing([f"{' or '.join(names)}()"])

    def record(self, name: str) -> RecordType:
        """The struct or union of this name, written with its keyword.

        Raises:
            Missing: it is not defined.
        """
        cursor = self._records.get(name)
        if cursor is None:
            raise Missing([name])
        found = self._reader.type(cursor.type, cursor)
        if not isinstance(found, RecordType):
            raise Refused(f"{name} is no struct")
        return found

    def variable(self, name: str) -> Variable:
        """The variable with static storage of this name.

        Raises:
            Missing: it is not declared.
        """
        cursor = self._variables.get(name)
        if cursor is None:
            raise Missing([name])
        return self._reader.variable(cursor)

    def has_variable(self, name: str) -> bool:
        """Whether a variable of this name is declared at file scope."""
        return name in self._variables

    def constant(self, name: str) -> int | None:
        """The value of an enumerator, or of one of the macros that the unit was opened with.

        None if the tree does not define it.

        Raises:
            Refused: it is defined, but is no integer constant.
        """
        cursor = self._variables.get(_PROBE + name)
        if cursor is None:
            enumerator = self.enumerators.get(name)
            return None if enumerator is None else int(enumerator.enum_value)
        value = clang_api.initializer(cursor)
        number = None if value is None else clang_api.evaluate(value)
        if number is None:
            raise Refused(f"{name} is no integer constant", self.path)
        return number & ((1 << 64) - 1)
