"""One translation unit of a kernel tree: parsed, checked, and asked for functions, types and constants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clang.cindex import Cursor, CursorKind, Diagnostic, Index, TranslationUnit, TranslationUnitLoadError

from mmuproof.lift import clang_api
from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import Missing, ParseFailed, Refused, SourceError
from mmuproof.lift.reader import Reader
from mmuproof.lift.syntax import Function, Location, Variable

_PROBE = "mmuproof_probe_"
_MAIN = "mmuproof-unit.c"
_STATIC_ASSERTION = "static assertion failed"


@dataclass(frozen=True)
class FailedAssertion:
    """A ``static_assert`` that does not hold, with what the compiler says of it."""

    at: Location
    message: str


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
        probes = "".join(
            f"#ifdef {name}\nstatic const unsigned long long {_PROBE}{name} = (unsigned long long)({name});\n#endif\n"
            for name in macros
        )
        main = str(root / _MAIN)
        files = [(main, f'#include "{path}"\n{probes}')]
        files += [(str(root / name), text) for name, text in (edited or {}).items()]
        try:
            self._unit: TranslationUnit = Index.create().parse(
                main, args=[*arguments, f"-I{root}"], unsaved_files=files
            )
        except TranslationUnitLoadError:
            raise SourceError(f"clang cannot read {path}") from None
        self._reader = Reader(root)
        self.failed_assertions = self._check_diagnostics()
        self._functions: dict[str, Cursor] = {}
        self._variables: dict[str, Cursor] = {}
        self._records: dict[str, Cursor] = {}
        self._enumerators: dict[str, int] | None = None
        self._enums: list[Cursor] = []
        self._known: dict[str, Function] = {}
        self._index()

    def _check_diagnostics(self) -> tuple[FailedAssertion, ...]:
        errors: list[str] = []
        failed: list[FailedAssertion] = []
        for diagnostic in self._unit.diagnostics:
            if diagnostic.severity < Diagnostic.Error:
                continue
            at = self._reader.location(diagnostic)
            if diagnostic.spelling.startswith(_STATIC_ASSERTION):
                # Clang gives the expanded expression first and what the source says of it last.
                failed.append(FailedAssertion(at, diagnostic.spelling.rpartition("': ")[2]))
            else:
                errors.append(f"{at}: {diagnostic.spelling}")
        if errors:
            raise ParseFailed(self.path, errors)
        return tuple(failed)

    def _index(self) -> None:
        for cursor in self._unit.cursor.get_children():
            kind = cursor.kind
            if kind is CursorKind.FUNCTION_DECL:
                if cursor.is_definition():
                    self._functions[cursor.spelling] = cursor
            elif kind is CursorKind.VAR_DECL:
                self._variables[cursor.spelling] = cursor
            elif kind in (CursorKind.STRUCT_DECL, CursorKind.UNION_DECL):
                if cursor.is_definition():
                    self._records[cursor.type.spelling] = cursor
            elif kind is CursorKind.ENUM_DECL:
                self._enums.append(cursor)

    # -- what is defined --------------------------------------------------------------------------

    def find_function(self, name: str) -> Function | None:
        """The function's definition, or None."""
        known = self._known.get(name)
        if known is None and name in self._functions:
            known = self._known[name] = self._reader.function(self._functions[name])
        return known

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
            return self._all_enumerators().get(name)
        value = clang_api.initializer(cursor)
        number = None if value is None else clang_api.evaluate(value)
        if number is None:
            raise Refused(f"{name} is no integer constant", self.path)
        return number & ((1 << 64) - 1)

    def _all_enumerators(self) -> dict[str, int]:
        if self._enumerators is None:
            self._enumerators = {
                child.spelling: child.enum_value
                for enum in self._enums
                for child in enum.get_children()
                if child.kind is CursorKind.ENUM_CONSTANT_DECL
            }
        return self._enumerators
