"""Questions in C, parsed inside a translation unit that is already parsed.

An expression becomes the body of a function behind the unit's own text, where all of its types, macros and functions
are known; its free variables are the function's parameters.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from clang.cindex import Cursor, CursorKind, Diagnostic, SourceLocation, StorageClass, TranslationUnit, Type, TypeKind

from mmuproof.lift.errors import LiftError, LimitReached, SourceError
from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.expression_text import Argument, Declaration, QuestionText, called_names, plain_arguments
from mmuproof.lift.parsing.messages import message_of
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.parsing.unit import MAIN, PROBE, ConstantNames, Unit, parse_behind
from mmuproof.lift.syntax import Function

_ERROR = Diagnostic.Error
_QUESTION = "mmuproof_question_"
_CALLEE = "mmuproof_callee_"
_UNDECLARED = re.compile(r"use of undeclared identifier '(\w+)'|call to undeclared function '(\w+)'")
_MACRO = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
_INTEGERS = (
    TypeKind.CHAR_S,
    TypeKind.SCHAR,
    TypeKind.SHORT,
    TypeKind.INT,
    TypeKind.LONG,
    TypeKind.LONGLONG,
    TypeKind.CHAR_U,
    TypeKind.UCHAR,
    TypeKind.USHORT,
    TypeKind.UINT,
    TypeKind.ULONG,
    TypeKind.ULONGLONG,
)
_STRICT = (
    # What a compiler lets pass with a warning is a mistake in a question.
    "-Werror=implicit-function-declaration",
    "-Werror=implicit-int",
    "-Werror=int-conversion",
    "-Werror=incompatible-pointer-types",
    "-Werror=return-type",
    "-Werror=pointer-bool-conversion",
)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """An error in a question or in a file of them.

    Args:
        text: which question, counted from 0; 0 for a file.
        line: the line in it, counted from 1.
        column: the column, counted from 1; 0 where the compiler names none.
        message: what the compiler says.
        undeclared: the name that is not declared, if that is what is wrong.
    """

    text: int
    line: int
    column: int
    message: str
    undeclared: str = ""


class QuestionWrong(LiftError):  # noqa: N818 - reads as what happened
    """A question does not compile in a unit; ``problems`` says why."""

    def __init__(self, path: str, problems: Sequence[Problem]) -> None:
        self.path, self.problems = path, tuple(problems)
        super().__init__(problems[0].message if problems else "the question does not compile")


@dataclass(frozen=True)
class Inferred:
    """A free variable whose type comes from the function that it is given to."""

    name: str
    type: str
    function: str

    @property
    def declaration(self) -> str:
        """The variable as a parameter."""
        return f"{self.type}{'' if self.type.endswith('*') else ' '}{self.name}"


class OpenUnit:
    """A parsed translation unit, to which text can be added.

    Args:
        root: the tree's folder.
        path: the unit, relative to ``root``.
        arguments: clang's command line for it.
        saved: where parsed units are kept.
    """

    def __init__(self, root: Path, path: str, arguments: Sequence[str], saved: SavedUnits) -> None:
        self.root, self.path = root, path
        self._arguments, self._units = tuple(arguments), saved
        self._saved = saved.saved(root, path, arguments)

    @property
    def constants(self) -> ConstantNames:
        """Those of which the unit tells the values."""
        return self._units.constants

    def parse(self, text: str, files: Mapping[str, str] | None = None, folder: Path | None = None) -> TranslationUnit:
        """Have clang parse a text behind the unit.

        Args:
            text: what is parsed.
            files: contents of further files, by path relative to the tree.
            folder: where else the text's own headers are.
        """
        arguments = [*_STRICT, *(each for each in self._arguments if each != "-w")]
        try:
            return parse_behind(self.root, self.path, text, arguments, self._saved, files, folder)
        except LimitReached:
            raise
        except SourceError:
            # Another run has cleared the cache, or the disk has lost what was there a moment ago.
            self._units.forget(self._saved)
            self._saved = self._units.saved(self.root, self.path, self._arguments)
            return parse_behind(self.root, self.path, text, arguments, self._saved, files, folder)

    @cached_property
    def plain(self) -> AddedTo:
        """The unit as it is."""
        return AddedTo(self, self.parse(""))

    def near(self, name: str) -> tuple[str, ...]:
        """Functions, macros, variables and types of the unit whose names are like another, the nearest first."""
        known = set(self.plain.names)
        for file in self._units.files(self.root, self.path, self._arguments):
            with suppress(OSError):
                known.update(_MACRO.findall(Path(file).read_text("utf-8", errors="replace")))
        return nearest(name, known)

    def near_members(self, record: str, name: str) -> tuple[str, ...]:
        """Members of a struct or union whose names are like another."""
        try:
            return nearest(name, self.plain.record(record).members)
        except LiftError:
            return ()


def nearest(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """At most three of some names that are like another."""
    # Comparing thousands of names in full takes too long, and one that is much longer is not meant.
    close = [each for each in known if abs(len(each) - len(name)) <= 4 and each[:1] == name[:1]]
    return tuple(difflib.get_close_matches(name, close, n=3, cutoff=0.6 if len(name) < 5 else 0.75))


@dataclass(frozen=True)
class Property:
    """A function of a file of properties, with what its annotations say."""

    function: Function
    annotations: tuple[str, ...]


class AddedTo(Unit):
    """A unit with some text behind it.

    Raises:
        ParseFailed: the text does not parse.
    """

    def __init__(self, opened: OpenUnit, parsed: TranslationUnit) -> None:
        self._begin(opened.root, opened.path, parsed, opened.constants)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that the unit declares at file scope, macros and our own aside."""
        declared = (cursor.spelling for cursor in clang_api.children(self.declared.unit.cursor))
        return (
            *(name for name in declared if name.isidentifier() and not name.startswith(PROBE)),
            *self.declared.enumerators,
        )

    def properties(self) -> tuple[Property, ...]:
        """The functions that the text itself defines for others to use, in their order, each with its annotations."""
        mine = (
            (name, cursor)
            for name, cursor in self.definitions.items()
            if _is_in_text(cursor) and cursor.storage_class is not StorageClass.STATIC
        )
        return tuple(Property(self.function(name), _annotations(cursor)) for name, cursor in mine)

    def called(self, names: Sequence[str]) -> tuple[str, ...]:
        """The functions that these functions call by name."""
        found: dict[str, None] = {}
        for name in names:
            definition = self.definitions.get(name)
            for cursor in definition.walk_preorder() if definition is not None else ():
                target = cursor.referenced if cursor.kind is CursorKind.CALL_EXPR else None
                if target is not None and target.kind is CursorKind.FUNCTION_DECL:
                    found[target.spelling] = None
        return tuple(found)

    def without_body(self, names: Sequence[str]) -> tuple[str, ...]:
        """Which of these functions are declared, but not defined here."""
        own = ("__builtin_", "__mmuproof_", "mmuproof_")
        return tuple(name for name in names if name not in self.definitions and not name.startswith(own))


@dataclass(frozen=True)
class Compiled:
    """Questions that have been parsed in one unit: a function for each, in their order."""

    unit: AddedTo
    functions: tuple[str, ...]
    inferred: tuple[Inferred, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The functions that they call by name and that the unit does not define."""
        return self.unit.without_body(self.unit.called(self.functions))


def compile_questions(opened: OpenUnit, questions: Sequence[QuestionText]) -> Compiled:
    """Parse some questions, which share their free variables, behind a unit.

    Raises:
        QuestionWrong: one does not compile, or the type of a variable can be had from nowhere.
    """
    inferred: tuple[Inferred, ...] = ()
    source = _Source(questions, inferred, with_callees=True)
    parsed = opened.parse(source.text)
    problems = source.problems(parsed)
    undeclared = [each.undeclared for each in problems if each.undeclared]
    if undeclared:
        inferred = _infer(questions, dict.fromkeys(undeclared), source, parsed, opened.path)
    if undeclared or source.has_callees:
        source = _Source(questions, inferred)
        parsed = opened.parse(source.text)
        problems = source.problems(parsed)
    if problems:
        raise QuestionWrong(opened.path, problems)
    return Compiled(AddedTo(opened, parsed), tuple(f"{_QUESTION}{n}" for n in range(len(questions))), inferred)


@dataclass(frozen=True)
class CompiledFile:
    """A file of properties that has been parsed in one unit."""

    unit: AddedTo
    properties: tuple[Property, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The functions that they call by name and that the unit does not define."""
        return self.unit.without_body(self.unit.called([each.function.name for each in self.properties]))


def compile_file(opened: OpenUnit, text: str, header: tuple[str, str], folder: Path) -> CompiledFile:
    """Parse a file of properties behind a unit.

    Args:
        opened: the unit.
        text: the file's content.
        header: the name and content of the header that properties can include.
        folder: where the file's own headers are.

    Raises:
        QuestionWrong: it does not compile.
    """
    name, content = header
    parsed = opened.parse(text, {name: content}, folder)
    problems = [_problem(each, 0, _place_in_file(each)) for each in parsed.diagnostics if each.severity >= _ERROR]
    if problems:
        raise QuestionWrong(opened.path, list(dict.fromkeys(problems)))
    unit = AddedTo(opened, parsed)
    return CompiledFile(unit, unit.properties())


class _Source:
    """The C text of some questions, and where each of its lines comes from."""

    def __init__(
        self, questions: Sequence[QuestionText], inferred: Sequence[Inferred], *, with_callees: bool = False
    ) -> None:
        self._lines: list[str] = []
        self._origins: list[tuple[int, int] | None] = []
        self._columns: dict[int, int] = {}
        self._callees: dict[str, int] = {}
        if with_callees:
            for question in questions:
                for name in called_names(question.tokens):
                    self._add_callee(name)
        shared = _shared_declarations(questions)
        for number, question in enumerate(questions):
            self._add(f"static _Bool {_QUESTION}{number}(")
            self._add_parameters(questions, shared, inferred)
            lines = _blanked(question.text, 0, question.start).split("\n")
            # What is said of the expression as a whole is said of its beginning, or of its end.
            first = next(line for line, text in enumerate(lines) if text.strip())
            start = len(lines[first]) - len(lines[first].lstrip())
            self._add(") { return (", (number, first + 1), start + 1)
            for line, text in enumerate(lines, 1):
                self._add(text, (number, line))
            self._add("); }", (number, len(lines)), len(lines[-1]) + 1)
        self.text = "\n".join(self._lines) + "\n"

    @property
    def has_callees(self) -> bool:
        """Whether there are helping lines in the text."""
        return bool(self._callees)

    def _add(self, line: str, origin: tuple[int, int] | None = None, column: int | None = None) -> None:
        """Add a line that comes from a line of a question; with ``column``, all of it from there."""
        self._lines.append(line)
        self._origins.append(origin)
        if column is not None:
            self._columns[len(self._lines)] = column

    def _add_callee(self, name: str) -> None:
        if name not in self._callees:
            self._add(f"#ifndef {name}")
            self._callees[name] = len(self._lines) + 1
            self._add(f"static void *{_CALLEE}{name} = (void *){name};")
            self._add("#endif")

    def _add_parameters(
        self, questions: Sequence[QuestionText], shared: Sequence[tuple[int, Declaration]], inferred: Sequence[Inferred]
    ) -> None:
        left = len(shared) + len(inferred)
        if not left:
            self._add("void")
        for number, each in shared:
            left -= 1
            text = questions[number].text
            before = text[: each.position]
            line = before.count("\n") + 1
            indent = " " * (len(before) - before.rfind("\n") - 1)
            self._add(indent + each.text.replace("\n", " ") + ("," if left else ""), (number, line))
        for variable in inferred:
            left -= 1
            self._add(variable.declaration + ("," if left else ""))

    def problems(self, parsed: TranslationUnit) -> list[Problem]:
        """The errors in the questions; those of the helping lines are none."""
        found: dict[Problem, None] = {}
        for diagnostic in parsed.diagnostics:
            place = diagnostic.location
            inside = _is_in_text(diagnostic) and place.line <= len(self._origins)
            if diagnostic.severity < _ERROR or (inside and place.line in self._callees.values()):
                continue
            origin = self._origins[place.line - 1] if inside else None
            column = self._columns.get(place.line, place.column)
            text, at = (origin[0], (origin[1], column)) if origin else (0, None)
            found[_problem(diagnostic, text, at)] = None
        return list(found)

    def signature(self, parsed: TranslationUnit, name: str) -> tuple[Type, ...]:
        """The types of a function's parameters; none if it is no function."""
        line = self._callees.get(name)
        if line is None:
            return ()
        file = parsed.get_file(parsed.spelling)
        column = self._lines[line - 1].rindex(name) + 1
        cursor = Cursor.from_location(parsed, SourceLocation.from_position(parsed, file, line, column))
        target = cursor.referenced if cursor is not None else None
        if target is None or target.kind is not CursorKind.FUNCTION_DECL:
            return ()
        return tuple(target.type.argument_types())


def _shared_declarations(questions: Sequence[QuestionText]) -> list[tuple[int, Declaration]]:
    """Each variable's declaration once, with the number of the question that has it first."""
    found: dict[str, tuple[int, Declaration]] = {}
    for number, question in enumerate(questions):
        for each in question.declarations:
            first = found.setdefault(each.name, (number, each))
            if "".join(first[1].text.split()) != "".join(each.text.split()):
                raise QuestionWrong(
                    "",
                    [_at(questions, number, each.position, f"'{each.name}' is declared as '{first[1].text}' as well")],
                )
    return list(found.values())


def _infer(
    questions: Sequence[QuestionText], names: Mapping[str, None], source: _Source, parsed: TranslationUnit, path: str
) -> tuple[Inferred, ...]:
    """The types of variables that stand as arguments of calls; a name that does not is left out."""
    found: dict[str, tuple[Inferred, Type]] = {}
    for number, question in enumerate(questions):
        for argument in plain_arguments(question.tokens):
            if argument.name not in names:
                continue
            types = source.signature(parsed, argument.function)
            type_ = _type_of(argument, types[argument.index]) if argument.index < len(types) else None
            if type_ is None:
                continue
            spelling = type_.spelling if type_.kind is TypeKind.POINTER else type_.spelling.removeprefix("const ")
            made = Inferred(argument.name, spelling, argument.function)
            known, known_type = found.setdefault(argument.name, (made, type_))
            if not _is_like(known_type, type_):
                message = (
                    f"'{made.name}' is '{known.type}' for {known.function}() and '{made.type}' for {made.function}(): "
                    f"declare it, as in '{known.declaration}: …'"
                )
                position = next(each.position for each in question.tokens if each.text == made.name)
                raise QuestionWrong(path, [_at(questions, number, position, message)])
    return tuple(inferred for inferred, _ in found.values())


def _type_of(argument: Argument, parameter: Type) -> Type | None:
    """The type of a variable that is given to a parameter of some type; None if that does not tell it."""
    type_ = parameter.get_canonical()
    if argument.by_address:
        if type_.kind is not TypeKind.POINTER:
            return None
        parameter = parameter.get_pointee()
    return None if "(" in parameter.spelling or "[" in parameter.spelling else parameter


def _is_like(one: Type, other: Type) -> bool:
    """Whether a variable can be of either type: two integers of one size are the same bits."""
    left, right = (type_.get_canonical() for type_ in (one, other))
    if left.spelling.removeprefix("const ") == right.spelling.removeprefix("const "):
        return True
    return left.kind in _INTEGERS and right.kind in _INTEGERS and bool(left.get_size() == right.get_size())


def _at(questions: Sequence[QuestionText], number: int, position: int, message: str) -> Problem:
    before = questions[number].text[:position]
    return Problem(text=number, line=before.count("\n") + 1, column=len(before) - before.rfind("\n"), message=message)


def _blanked(text: str, start: int, end: int) -> str:
    """The text with blanks for a part of it; lines and columns stay."""
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]


def _problem(diagnostic: Diagnostic, text: int, at: tuple[int, int] | None) -> Problem:
    message = message_of(diagnostic)
    match = _UNDECLARED.match(message)
    name = (match.group(1) or match.group(2)) if match else ""
    if at is None and not _is_in_text(diagnostic) and diagnostic.location.file is not None:
        message = f"{diagnostic.location.file.name}:{diagnostic.location.line}: {message}"
    line, column = at or (1, 0)
    return Problem(text=text, line=line, column=column, message=message, undeclared=name)


def _place_in_file(diagnostic: Diagnostic) -> tuple[int, int] | None:
    return (diagnostic.location.line, diagnostic.location.column) if _is_in_text(diagnostic) else None


def _annotations(cursor: Cursor) -> tuple[str, ...]:
    return tuple(each.spelling for each in clang_api.children(cursor) if each.kind is CursorKind.ANNOTATE_ATTR)


def _is_in_text(found: Cursor | Diagnostic) -> bool:
    file = found.location.file
    return file is not None and Path(file.name).name == MAIN
