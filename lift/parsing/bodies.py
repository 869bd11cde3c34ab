"""Where the bodies of functions are in the files of a tree, told from clang's syntax.

Where two trees say the same outside, and both parse, one body that is another changes nothing of what the compiler
makes of all others: what is declared inside a body ends with it, and bodies with a directive that would outlast them
are not taken out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from mmuproof.lift.parsing import clang_api
from mmuproof.lift.parsing.unit import Unit
from mmuproof.lift.skeleton import BodyText, Skeleton

_LASTING = re.compile(rb"^[ \t]*#[ \t]*(?!if|else|elif|endif)", re.MULTILINE)

_COMMENT_OR_QUOTED = re.compile(
    rb"""/\*.*?\*/ | //[^\n]* | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'""", re.VERBOSE | re.DOTALL
)
_DOUBTFUL = re.compile(rb"\\[ \t\r\f\v]+\n|\?\?/|<[^<>\n]*/[/*][^<>\n]*>")
"""Lines that go on behind white space, other spellings of a backslash, and paths that look as if a comment began."""


def skeletons(root: Path, units: Iterable[Unit], wanted: Collection[str]) -> Mapping[str, Skeleton]:
    """Some files of a tree.

    Args:
        root: the tree's folder.
        units: all units that these files are part of, parsed.
        wanted: the files, relative to the tree.

    Raises:
        OSError: one cannot be read.
    """
    spans: dict[str, dict[int, tuple[int, int]]] = {file: {} for file in wanted}
    for unit in units:
        for name, file in unit.functions_in(lambda found: found in spans).items():
            cursor = unit.definitions[name]
            body = clang_api.body(cursor)
            start, end = body.extent.start.offset, body.extent.end.offset
            spans[file][start] = end, clang_api.file_and_line(cursor)[1]
    return {file: _skeleton((root / file).read_bytes(), found) for file, found in spans.items()}


def _skeleton(text: bytes, spans: Mapping[int, tuple[int, int]]) -> Skeleton:
    """A file, with the end and the line of the name for the beginning of each body."""
    outside, layout, bodies, position, line = hashlib.sha256(), hashlib.sha256(), [], 0, 1
    for start, end, named in _apart(text, spans):
        before, body = text[position:start], text[start:end]
        said = uncommented(before)
        outside.update(b"%d\0" % len(said) + said)
        layout.update(b"%d\0" % len(before) + before)
        first = line + before.count(b"\n")
        line = first + body.count(b"\n")
        bodies.append(
            BodyText(named=named, first=first, last=line, digest=_digest(uncommented(body)), layout=_digest(body))
        )
        position = end
    outside.update(uncommented(text[position:]))
    layout.update(text[position:])
    return Skeleton(outside.hexdigest(), layout.hexdigest(), tuple(bodies))


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def uncommented(text: bytes) -> bytes:
    """A stretch of C without its comments and empty lines; as it is, if it is doubtful what is a comment."""
    if _DOUBTFUL.search(text):
        return text
    pieces = _COMMENT_OR_QUOTED.sub(lambda each: each[0] if each[0][:1] in b"'\"" else b" ", text.replace(b"\\\n", b""))
    lines = (line.strip() for line in pieces.split(b"\n"))
    return b"\n".join(line for line in lines if line)


def _apart(text: bytes, spans: Mapping[int, tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """The bodies that can be taken out: they stand in the text as they are, and one after the other."""
    found = [
        (start, end, named)
        for start, (end, named) in sorted(spans.items())
        # What a macro makes stands where the macro is used.
        if text[start : start + 1] == b"{" and text[end - 1 : end] == b"}" and not _LASTING.search(text[start:end])
    ]
    overlapping = {each for pair in pairwise(found) if pair[0][1] > pair[1][0] for each in pair}
    return (each for each in found if each not in overlapping)
