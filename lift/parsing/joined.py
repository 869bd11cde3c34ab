"""Several translation units parsed in one go, where none can disturb another.

The units of one part of the kernel begin with the same headers, and these are most of what there is to parse. So
clang is given one text that includes one unit after the other, and each is then looked at as if it stood alone: what
comes behind it is not there, nor is anything that another unit's own text declares, or a header of KVM's that it does
not include.

A unit that comes later finds headers read that earlier ones have included, and macros that were defined there. Units
are parsed together only if no earlier one's own text defines a macro that a later one or a header of KVM's mentions,
none undefines one or has a pragma, no macro gets another meaning anywhere, and no variable is declared in two of them.
What is left is taken for granted: that headers mean the same in whatever order they are included.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from clang.cindex import Cursor

from mmuproof.lift.errors import LiftError, SourceError
from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.declared import Declared
from mmuproof.lift.parsing.reader import Reader
from mmuproof.lift.parsing.unit import NO_CONSTANTS, ConstantNames, Unit, failed_assertions, parse_text, unit_text
from mmuproof.lift.tree.included import KVM, Included

_END = "mmuproof_end_"
_OWN_NAME = "-DKBUILD_BASENAME="
_DEFINED = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
_LASTING = re.compile(r"^[ \t]*#[ \t]*(?:undef|pragma)\b|\b_Pragma\b", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")
_OTHER_MEANING = "-Wmacro-redefined"


class NotJoined(LiftError):  # noqa: N818 - reads as what is so
    """Some units have to be parsed each by itself."""


def parse_joined(
    root: Path, arguments: Mapping[str, Sequence[str]], constants: ConstantNames = NO_CONSTANTS
) -> dict[str, Unit]:
    """Parse several units at once.

    Args:
        root: the tree's folder.
        arguments: the units, relative to ``root``, with clang's command line for each.
        constants: those that the units will be asked for.

    Raises:
        NotJoined: one may disturb another, or what they are together does not parse; each may by itself.
        SourceError: a unit cannot be read.
    """
    if len({tuple(each for each in line if not each.startswith(_OWN_NAME)) for line in arguments.values()}) != 1:
        raise NotJoined("the units are not compiled alike")
    paths = _in_order(root, list(arguments))
    line = [each for each in arguments[paths[0]] if each != "-w"]
    text = "".join(
        f"{unit_text(path, constants, number)}extern int {_END}{number};\n" for number, path in enumerate(paths)
    )
    parsed = parse_text(root, ", ".join(paths), text, [*line, "-Wno-everything", _OTHER_MEANING])
    reader = Reader(root)
    for diagnostic in parsed.diagnostics:
        if diagnostic.option == _OTHER_MEANING:
            raise NotJoined(f"{reader.location(diagnostic)}: {diagnostic.spelling}")
    try:
        failed = failed_assertions(paths[0], parsed, reader)
    except LiftError as error:
        raise NotJoined(str(error)) from None
    clang_api.load(parsed.cursor)
    found: dict[str, Unit] = {}
    includes = Included(root)
    variables: dict[str, str] = {}
    pieces: list[tuple[str, Declared]] = []
    stretches = _stretches(clang_api.children(parsed.cursor), len(paths))
    for number, (path, stretch) in enumerate(zip(paths, stretches, strict=True)):
        pieces += [(file, Declared(parsed, each)) for file, each in _by_file(stretch, reader).items()]
        declared, seen = Declared(parsed), includes.of_kvm(path)
        for file, piece in pieces:
            if not file or file in seen:
                declared.take(piece)
            if file == path:
                for name in piece.variables:
                    if variables.setdefault(name, path) != path:
                        raise NotJoined(f"{variables[name]} and {path} both declare {name}")
        found[path] = Unit.part(root, path, reader, failed, declared, constants, number)
    return {path: found[path] for path in arguments}


def _in_order(root: Path, paths: list[str]) -> list[str]:
    """The units in an order that depends on nothing but them: that one last whose own macros headers mention.

    Raises:
        NotJoined: a macro of one may be seen by another.
        SourceError: a unit cannot be read.
    """
    try:
        texts = {path: (root / path).read_text("utf-8", errors="replace") for path in paths}
        headers = [
            file.read_text("utf-8", errors="replace") for folder in KVM for file in sorted((root / folder).rglob("*.h"))
        ]
    except OSError as error:
        raise SourceError(f"{error.filename} cannot be read: {error.strerror}") from None
    defined = {path: set(_DEFINED.findall(text)) for path, text in texts.items()}
    every = set().union(*defined.values())
    in_headers = set(re.findall(rf"\b(?:{'|'.join(sorted(every))})\b", "\n".join(headers))) if every else set()
    # What all define alike is the same for all.
    common = set.intersection(*defined.values())
    paths = sorted(paths, key=lambda path: (bool(defined[path] & in_headers - common), path))
    for index, path in enumerate(paths[:-1]):
        if _LASTING.search(texts[path]):
            raise NotJoined(f"{path} has #undef or #pragma")
        # A word in a comment or a string keeps units apart as well, which is no harm.
        words = (set(_WORD.findall(texts[later])) - defined[later] for later in paths[index + 1 :])
        mentioned = in_headers.union(*words)
        for name in sorted(defined[path] & mentioned - common):
            raise NotJoined(f"{path} defines {name}, which others mention")
    return paths


def _stretches(cursors: Sequence[Cursor], units: int) -> Iterator[Sequence[Cursor]]:
    """What each unit adds."""
    ends = {f"{_END}{number}" for number in range(units)}
    bounds = [0]
    for index, cursor in enumerate(cursors):
        # Names are slow to get, and few declarations are of variables.
        if clang_api.is_variable(cursor) and clang_api.spelling(cursor) in ends:
            bounds.append(index + 1)
    assert len(bounds) == units + 1
    for first, last in pairwise(bounds):
        yield cursors[first:last]


def _by_file(cursors: Sequence[Cursor], reader: Reader) -> dict[str, list[Cursor]]:
    """Declarations by the file of KVM's that they stand in; those that stand elsewhere are under no name."""
    files: dict[int, str] = {}
    found: dict[str, list[Cursor]] = {}
    for cursor in cursors:
        number = clang_api.file_and_line(cursor)[0]
        if number not in files:
            file = reader.location(cursor).file
            files[number] = file if file.startswith(KVM) else ""
        found.setdefault(files[number], []).append(cursor)
    return found
