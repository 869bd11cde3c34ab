"""One translation unit of a kernel tree: parsed, checked, and asked for functions, types and constants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from clang.cindex import Cursor, CursorKind, Diagnostic, StorageClass, TranslationUnit

from mmuproof.lift.c_types import RecordType, members_named
from mmuproof.lift.effects import Effects, EffectsOf
from mmuproof.lift.errors import Gone, Missing, ParseFailed, Refused, UnlistedConstant
from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.clang_run import run_clang
from mmuproof.lift.parsing.declared import Declared, DeclaredLater
from mmuproof.lift.parsing.former_names import THE_SAME_NAMES, FormerNames
from mmuproof.lift.parsing.member_places import TextPlace, declared_at, defined_at, set_at, text_of
from mmuproof.lift.parsing.messages import message_of
from mmuproof.lift.parsing.prototypes import Prototype
from mmuproof.lift.parsing.reader import Reader
from mmuproof.lift.parsing.view import view_of
from mmuproof.lift.parsing.write_reader import WriteReader
from mmuproof.lift.ran import WrittenIn, note_body, note_writes
from mmuproof.lift.syntax import Function, Location, Variable
from mmuproof.lift.writes import FunctionWrites, NotRead

MAIN = "mmuproof-unit.c"
"""The file that clang is given; it stands in the tree's folder, but only in memory."""

PROBE = "mmuproof_probe_"
"""How the variables begin that tell the values of macros."""
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
    root: Path,
    path: str,
    text: str,
    arguments: Sequence[str],
    edited: Mapping[str, str] | None = None,
    beside: Path | None = None,
) -> TranslationUnit:
    """Have clang parse a text as if it were a file `MAIN` in the tree's folder; it sees nothing but the tree.

    Args:
        root: the tree's folder.
        path: what the text is made of, for messages.
        text: what is parsed.
        arguments: clang's command line.
        edited: contents that stand in for files of the tree, by relative path.
        beside: a folder whose headers can be included as well.

    Raises:
        LimitReached: clang takes too long, or too much memory.
        SourceError: clang cannot read what the text or the arguments refer to.
    """
    main = str(root / MAIN)
    files = [(main, text), *((str(root / name), content) for name, content in (edited or {}).items())]
    folders = [f"-I{root}", *([f"-I{beside}"] if beside is not None else [])]
    return run_clang(main, path, [*arguments, *folders], files, view_of(root, arguments, beside))


def parse_behind(
    root: Path,
    path: str,
    text: str,
    arguments: Sequence[str],
    saved: Path,
    files: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> TranslationUnit:
    """Have clang parse a text behind a unit that is kept.

    Args:
        root: the tree's folder.
        path: the unit, relative to ``root``.
        text: what is parsed.
        arguments: clang's command line for the unit, and what is to be otherwise for the text in front of it.
        saved: the file that is kept.
        files: contents of further files, by path relative to the tree.
        folder: where else the text's own headers are.

    Raises:
        LimitReached: clang takes too long, or too much memory.
        SourceError: clang cannot read what the text refers to, or the file that is kept.
    """
    # The headers that come first are in the unit. It is known by content, so times say nothing.
    first = arguments.index("-include") if "-include" in arguments else len(arguments)
    line = [*arguments[:first], "-Xclang", "-fno-validate-pch", "-include-pch", str(saved)]
    return parse_text(root, path, text, line, files, folder)


def errors_of(parsed: TranslationUnit, reader: Reader) -> list[str]:
    """Every error as ``file:line: message``, that of a failed assertion included."""
    errors = (each for each in parsed.diagnostics if each.severity >= Diagnostic.Error)
    return [f"{reader.location(each)}: {message_of(each)}" for each in errors]


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
            errors.append(f"{at}: {message_of(diagnostic)}")
    if errors:
        raise ParseFailed(path, errors)
    return tuple(failed)


def unit_text(path: str, constants: ConstantNames, number: int = 0) -> str:
    """A text that consists of a unit, and of variables that tell the values that macros have behind it."""
    wide = "unsigned long long"
    probes = "".join(
        f"#ifdef {name}\nstatic const {wide} {PROBE}{number}_{name} = ({wide})({name});\n#endif\n"
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
        expected: names that an earlier tree has: that they are not here any more is no answer to whether they are.

    ``found`` are the names that it was asked for and has.

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
        expected: Collection[str] = (),
    ) -> None:
        parsed = parse_text(root, path, unit_text(path, constants), arguments, edited)
        self._begin(root, path, parsed, constants)
        self.expect(expected)

    @classmethod
    def read(
        cls,
        root: Path,
        path: str,
        parsed: TranslationUnit,
        constants: ConstantNames,
        files: Collection[str] | None = None,
    ) -> Unit:
        """What clang has parsed already, with variables that tell the values of some constants behind it.

        Args:
            root: the tree's folder.
            path: the unit, relative to ``root``.
            parsed: what clang has parsed.
            constants: those that the text behind the unit tells of.
            files: all files that it is made of, where clang does not know.
        """
        made = cls.__new__(cls)
        made._begin(root, path, parsed, constants)
        made._made_of = files
        return made

    @classmethod
    def kept(
        cls, root: Path, path: str, declared: Declared | DeclaredLater, constants: ConstantNames, files: Collection[str]
    ) -> Unit:
        """A unit that is kept, which has no errors, so that no assertion fails in it; clang loads it when it has to.

        Args:
            root: the tree's folder.
            path: the unit, relative to ``root``.
            declared: what it declares.
            constants: those that the text behind the unit tells of.
            files: all files that it is made of.
        """
        made = cls.__new__(cls)
        made._take(root, path, Reader(root), (), declared, constants)
        made._made_of = files
        return made

    def load(self) -> None:
        """Have clang load the unit now, if it is kept and has not been asked for more than names so far."""
        if isinstance(self.declared, DeclaredLater):
            _ = self.declared.loaded

    def expect(self, names: Collection[str]) -> None:
        """Names that an earlier tree has: that they are not here any more is no answer to whether they are."""
        self._expected = frozenset(names)

    def as_it_is(self) -> Unit:
        """The same unit for somebody who expects nothing of it."""
        made = copy(self)
        made.expect(())
        return made

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
        declared: Declared | DeclaredLater,
        constants: ConstantNames,
        number: int = 0,
    ) -> None:
        self.path, self._root = path, root.resolve()
        self._reader, self.failed_assertions, self.declared = reader, failed, declared
        self._constants, self._probe = constants, f"{PROBE}{number}_"
        self._known: dict[str, Function | None] = {}
        self._read: dict[str, tuple[FunctionWrites, WrittenIn] | None] = {}
        self._effects = EffectsOf(self)
        self._names, self._expected = THE_SAME_NAMES, frozenset[str]()
        self.found: set[str] = set()
        self._made_of: Collection[str] | None = None

    def under(self, names: FormerNames) -> Unit:
        """The same unit under the names that an earlier tree has; it was opened for the constants under its own."""
        made = copy(self)
        made._reader, made._names, made._known = Reader(self._root, names), names, {}
        made._read, made._effects = {}, EffectsOf(made)
        return made

    @cached_property
    def files(self) -> frozenset[str]:
        """The files of the tree that the unit is made of, relative to it; generated ones are not among them."""
        names = self._made_of
        if names is None:
            names = [each.include.name for each in self.declared.unit.get_includes()]
        included = map(Path, names)
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

    def place_of(self, function: str) -> Location:
        """Where a function with a body stands."""
        return self._reader.location(self.declared.functions[function])

    def defined_at(self, function: str) -> TextPlace | None:
        """Where the text of a function with a body here stands; None if that is in no file of the tree."""
        return defined_at(self._root, self.declared.functions[function])

    def defined_text(self, function: str) -> str | None:
        """The text of a function with a body here; None if that is in no file of the tree."""
        place = self.defined_at(function)
        return None if place is None else text_of(self._root, place)

    def file_of_record(self, record: str) -> str:
        """The file that a struct or union is defined in, relative to the tree."""
        return self._reader.location(self.declared.records[record]).file

    def prototype(self, function: str) -> Prototype:
        """How a function with a body here is declared."""
        return Prototype.of(self.declared.functions[function])

    def declared_at(self, record: str, member: str) -> TextPlace | None:
        """Where a member of a struct or union is declared; None if that is in no file of the tree."""
        inside = clang_api.descendants(self.declared.records[record])
        found = (each for each in inside if each.kind is CursorKind.FIELD_DECL and each.spelling == member)
        return next((declared_at(self._root, each) for each in found), None)

    def set_at(self, function: str, record: str, member: str) -> tuple[TextPlace | None, ...]:
        """Where a function with a body here sets a member; see `mmuproof.lift.parsing.member_places.set_at`."""
        return tuple(set_at(self._root, self.declared.functions[function], record, member))

    def enumerators_in(self, wanted: Callable[[str], bool]) -> dict[str, tuple[int, frozenset[str]]]:
        """The enumerators in some files, each with its value and the names of all of its enumeration."""
        found: dict[str, tuple[int, frozenset[str]]] = {}
        for enumeration in self.declared.enumerations:
            if wanted(self._reader.location(enumeration).file):
                values = {each.spelling: int(each.enum_value) for each in enumeration.get_children()}
                found |= {name: (value, frozenset(values)) for name, value in values.items()}
        return found

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
            cursor = self.declared.functions.get(self._names.function_here(name))
            self._known[name] = None if cursor is None else self._reader.function(cursor)
        found = self._known[name]
        if found is not None:
            note_body(found.location)
        return found

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

    def among(self, others: Iterable[Unit]) -> Unit:
        """The same unit, for whom the bodies of what it only declares are in others."""
        made = copy(self)
        made._effects = EffectsOf(made, *others)
        return made

    def effects(self, function: str) -> Effects | None:
        """What a call of a function may write, told from the syntax; None if no body of it is known."""
        return self._effects.find(function)

    def writes(self, function: str) -> FunctionWrites | None:
        """See `mmuproof.lift.effects.Bodies`."""
        known = self._written_in(function)
        if known is None:
            return None
        writes, written = known
        note_writes(written)
        return writes

    def written_in(self, function: str) -> WrittenIn | None:
        """What tells whether a function's body writes something else than another; None if it has none here."""
        known = self._written_in(function)
        return None if known is None else known[1]

    def _written_in(self, function: str) -> tuple[FunctionWrites, WrittenIn] | None:
        if function not in self._read:
            here = self._names.function_here(function)
            cursor = self.declared.functions.get(here)
            if cursor is None:
                self._read[function] = None
            else:
                writes = self._read_writes(cursor)
                written = WrittenIn(self._reader.location(cursor), self.path, here, writes.digest)
                self._read[function] = writes, written
        return self._read[function]

    def offers(self, function: str) -> bool:
        """See `mmuproof.lift.effects.Bodies`."""
        cursor = self.declared.functions.get(self._names.function_here(function))
        return cursor is not None and cursor.storage_class is not StorageClass.STATIC

    def _read_writes(self, cursor: Cursor) -> FunctionWrites:
        try:
            return WriteReader(self._reader, cursor).read()
        except Refused as refused:
            return FunctionWrites(not_read=(NotRead(refused.reason, self._reader.location(cursor)),))

    def parameter_names(self, function: str) -> tuple[str, ...]:
        """What the parameters of a function are called, which may have no body here.

        Raises:
            Missing: it is not declared.
        """
        definition = self.find_function(function)
        if definition is not None:
            return tuple(each.name for each in definition.parameters)
        here = self._names.function_here(function)
        cursor = self.declared.prototypes.get(here)
        if cursor is None:
            raise Missing([f"{function}()"])
        names = (each.spelling for each in cursor.get_arguments())
        return tuple(self._names.parameters.get((here, name), name) for name in names)

    def local_names(self, function: str) -> tuple[str, ...]:
        """What the variables are called that a function with a body here declares in it, in order."""
        inside = clang_api.descendants(self.declared.functions[function])
        return tuple(dict.fromkeys(each.spelling for each in inside if clang_api.is_variable(each)))

    def record(self, name: str) -> RecordType:
        """The struct or union of this name, written with its keyword.

        Raises:
            Missing: it is not defined.
            Refused: it is no struct or union.
        """
        cursor = self.declared.records.get(self._names.record_here(name))
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
        part = self._part(name)
        if part is not None:
            return self._reader.part(*part)
        cursor = self.declared.variables.get(self._names.variable_here(name))
        if cursor is None:
            raise Missing([name])
        return self._reader.variable(cursor)

    def has_variable(self, name: str) -> bool:
        """Whether a variable of this name is declared at file scope.

        Raises:
            Gone: it is not, and was expected to be.
        """
        return self._told(name, there=self._is_variable(name))

    def _is_variable(self, name: str) -> bool:
        return self._part(name) is not None or self._names.variable_here(name) in self.declared.variables

    def has_function(self, name: str) -> bool:
        """Whether a function of this name has a body here.

        Raises:
            Gone: it has none, and was expected to.
        """
        return self._told(f"{name}()", there=self.has(f"{name}()"))

    def has_member(self, record: str, name: str) -> bool:
        """Whether a struct or union has a member of this name, at any depth.

        Raises:
            Gone: it has none, and was expected to.
        """
        return self._told(f"{record}.{name}", there=self._is_member(record, name))

    def _is_member(self, record: str, name: str) -> bool:
        with suppress(Missing):
            return any(members_named(self.record(record), name))
        return False

    @property
    def lacking(self) -> frozenset[str]:
        """The names that were expected and are not here."""
        return frozenset(name for name in self._expected if not self.has(name))

    def gone(self, functions: Iterable[str]) -> tuple[str, ...]:
        """Which of some functions have no body here, and were expected to."""
        calls = {name: f"{name}()" for name in functions}
        here = {name for name, call in calls.items() if self.has(call)}
        self.found.update(calls[name] for name in here)
        return tuple(name for name, call in calls.items() if name not in here and call in self._expected)

    def lacks_rightly(self, names: Iterable[str]) -> None:
        """Expect some names no longer: it is known why they are not here."""
        self._expected -= frozenset(names)

    def has(self, name: str) -> bool:
        """Whether something is here: ``f()``, ``struct s.member``, or a variable, macro or enumerator."""
        record, _, member = name.rpartition(".")
        if name.endswith("()"):
            return self._names.function_here(name[:-2]) in self.declared.functions
        if record:
            return self._is_member(record, member)
        return self._is_variable(name) or self.has_constant(self._names.constant_here(name))

    def _told(self, name: str, *, there: bool) -> bool:
        """An answer to whether something is here."""
        if there:
            self.found.add(name)
        elif name in self._expected:
            raise Gone(name)
        return there

    def _part(self, name: str) -> tuple[Cursor, Cursor] | None:
        """Where what was a variable of its own is: the variable of which it is a member, and the member."""
        whole, member = self._names.parts_here.get(name, ("", ""))
        variable = self.declared.variables.get(whole)
        members = () if variable is None else variable.type.get_canonical().get_fields()
        found = next((each for each in members if each.spelling == member), None)
        return None if variable is None or found is None else (variable, found)

    def has_constant(self, name: str) -> bool:
        """Whether a macro that the unit was opened with, or an enumerator, has this name."""
        return self._probe + name in self.declared.variables or name in self.declared.enumerators

    def constant(self, name: str) -> int | None:
        """The value of one of the macros and enumerators that the unit was opened with.

        None if the tree does not define it.

        Raises:
            Gone: it is not defined, and was expected to be.
            Refused: it is defined, but is no integer constant.
            UnlistedConstant: the unit was not opened with it.
        """
        if name not in self._constants.names:
            raise UnlistedConstant(name, self._constants.listed_in)
        here = self._names.constant_here(name)
        cursor = self.declared.variables.get(self._probe + here)
        if cursor is None:
            enumerator = self.declared.enumerators.get(here)
            self._told(name, there=enumerator is not None)
            return None if enumerator is None else int(enumerator.enum_value)
        self._told(name, there=True)
        value = clang_api.initializer(cursor)
        number = None if value is None else clang_api.evaluate(value)
        if number is None:
            raise Refused(f"{name} is no integer constant", self.path)
        return number & ((1 << 64) - 1)
