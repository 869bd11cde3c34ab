"""One translation unit of a kernel tree: parsed, checked, and asked for functions, types and constants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from clang.cindex import Cursor, Diagnostic, Index, TranslationUnit, TranslationUnitLoadError

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import Missing, ParseFailed, Refused, SourceError, UnlistedConstant
from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.declared import Declared
from mmuproof.lift.parsing.reader import Reader
from mmuproof.lift.syntax import Function, Location, Variable

MAIN = "mmuproof-unit.c"
"""The file that clang is given; it stands in the tree's folder, but only in memory."""

_PROBE = "mmuproof_probe_"
_STATIC_ASSERTION = "static assertion failed"


@dataclass(frozen=True)
class FailedAssertion:
    """A ``static_assert`` that does not hold, with what the compiler says of it."""

    at: Location
    message: str


@dataclass(frozen=True)
class ConstantNames:
    """Which constants units will be asked for: a unit tells a macro's value only if it is parsed for that.

    Args:
        names: macros without arguments, and enumerators.
        listed_in: the file that lists them, for who forgets one.
    """

    names: tuple[str, ...] = ()
    listed_in: str = "who opens the unit"


NO_CONSTANTS = ConstantNames()


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


def failed_assertions(path: str, parsed: TranslationUnit, reader: Reader) -> tuple[FailedAssertion, ...]:
    """The static assertions of what is parsed that fail.

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


def unit_text(path: str, constants: ConstantNames, number: int = 0) -> str:
    """A text that consists of a unit, and of variables that tell the values that macros have behind it."""
    wide = "unsigned long long"
    probes = "".join(
        f"#ifdef {name}\nstatic const {wide} {_PROBE}{number}_{name} = ({wide})({name});\n#endif\n"
        for name in constants.names
    )
    return f'#include "{path}"\n{probes}'


class Unit:
    """A parsed translation unit.

    Args:
        root: the tree's folder.
        path: the unit, relative to ``root``.
        arguments: clang's command line.
        constants: those that it will be asked for.
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
        constants: ConstantNames = NO_CONSTANTS,
        edited: Mapping[str, str] | None = None,
    ) -> None:
        parsed = parse_text(root, path, unit_text(path, constants), arguments, edited)
        self._begin(root, path, parsed, constants)

    def _begin(self, root: Path, path: str, parsed: TranslationUnit, constants: ConstantNames = NO_CONSTANTS) -> None:
        """Read what clang has parsed."""
        reader = Reader(root)
        failed = failed_assertions(path, parsed, reader)
        clang_api.load(parsed.cursor)
        self._take(root, path, reader, failed, Declared(parsed, clang_api.children(parsed.cursor)), constants)

    @classmethod
    def part(
        cls,
        root: Path,
        path: str,
        reader: Reader,
        failed: tuple[FailedAssertion, ...],
        declared: Declared,
        constants: ConstantNames,
        number: int,
    ) -> Unit:
        """One of several units that were parsed together, with what is declared in it and its number among them."""
        made = cls.__new__(cls)
        made._take(root, path, reader, failed, declared, constants, number)
        return made

    def _take(
        self,
        root: Path,
        path: str,
        reader: Reader,
        failed: tuple[FailedAssertion, ...],
        declared: Declared,
        constants: ConstantNames,
        number: int = 0,
    ) -> None:
        self.path, self._root = path, root.resolve()
        self._unit, self._reader, self.failed_assertions, self.declared = declared.unit, reader, failed, declared
        self._constants, self._probe = constants, f"{_PROBE}{number}_"
        self._known: dict[str, Function | None] = {}

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
        return self.declared.functions

    def file_of(self, function: str) -> str:
        """The file that a function with a body stands in, relative to the tree."""
        return self._reader.location(self.declared.functions[function]).file

    def functions_in(self, wanted: Callable[[str], bool]) -> dict[str, str]:
        """The functions with a body in some files, which are given to ``wanted`` relative to the tree; with it."""
        files: dict[int, str] = {}
        found: dict[str, str] = {}
        for name, cursor in self.declared.functions.items():
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
            cursor = self.declared.functions.get(name)
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

    def parameter_names(self, function: str) -> tuple[str, ...]:
        """What the parameters of a function are called, which may have no body here.

        Raises:
            Missing: it is not declared.
        """
        definition = self.find_function(function)
        if definition is not None:
            return tuple(each.name for each in definition.parameters)
        cursor = self.declared.prototypes.get(function)
        if cursor is None:
            raise Missing([f"{function}()"])
        return tuple(each.spelling for each in cursor.get_arguments())

    def record(self, name: str) -> RecordType:
        """The struct or union of this name, written with its keyword.

        Raises:
            Missing: it is not defined.
            Refused: it is no struct or union.
        """
        cursor = self.declared.records.get(name)
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
        cursor = self.declared.variables.get(name)
        if cursor is None:
            raise Missing([name])
        return self._reader.variable(cursor)

    def has_variable(self, name: str) -> bool:
        """Whether a variable of this name is declared at file scope."""
        return name in self.declared.variables

    def constant(self, name: str) -> int | None:
        """The value of one of the macros and enumerators that the unit was opened with.

        None if the tree does not define it.

        Raises:
            Refused: it is defined, but is no integer constant.
            UnlistedConstant: the unit was not opened with it.
        """
        if name not in self._constants.names:
            raise UnlistedConstant(name, self._constants.listed_in)
        cursor = self.declared.variables.get(self._probe + name)
        if cursor is None:
            enumerator = self.declared.enumerators.get(name)
            return None if enumerator is None else int(enumerator.enum_value)
        value = clang_api.initializer(cursor)
        number = None if value is None else clang_api.evaluate(value)
        if number is None:
            raise Refused(f"{name} is no integer constant", self.path)
        return number & ((1 << 64) - 1)
