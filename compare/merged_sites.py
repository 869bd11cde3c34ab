"""Where functions called another one earlier, and what stands there now."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from mmuproof.lift.parsing.member_places import TextPlace

_COMMENT_OR_QUOTED = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """One line of C, or several that are one: a call goes on until its last parenthesis.

    Args:
        text: what it says, without blanks around.
        start: where it begins, in characters.
        end: where it ends.
    """

    text: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True, kw_only=True)
class Source:
    """A function that called others, as the sources have it.

    Args:
        before: its earlier text.
        file: the text of the file that it stands in now.
        place: where in that it stands.
    """

    before: str
    file: str
    place: TextPlace

    @property
    def lines_before(self) -> tuple[Line, ...]:
        """What it said, line by line."""
        return lines_of(self.before)

    @property
    def lines_after(self) -> tuple[Line, ...]:
        """What it says now."""
        return lines_of(self.file, self.place.start, self.place.end)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A function that called others, before and now.

    Args:
        name: what it is called now.
        file: where it stands now.
        before: the earlier text, as clang prints it.
        after: the text now.
        variables: what it calls its parameters and variables now.
        source: the same as the sources have it; None if they have it in no one place.
    """

    name: str
    file: str
    before: str
    after: str
    variables: Collection[str]
    source: Source | None = None


@dataclass(frozen=True, kw_only=True)
class Site:
    """What stands where a function was called.

    Args:
        caller: where that is.
        given: what the function was given.
        text: what stands there now.
        is_statement: whether these are statements, and not an expression.
        start: where it begins in the caller's file, in characters.
        end: where it ends.
    """

    caller: Caller
    given: tuple[str, ...]
    text: str
    is_statement: bool
    start: int
    end: int


def lines_of(text: str, start: int = 0, end: int | None = None) -> tuple[Line, ...]:
    """The lines of a stretch of C that say something, comments left out; a brace at an end is a line of its own."""
    said = _COMMENT_OR_QUOTED.sub(_without_comment, text[start:end])
    found: list[Line] = []
    depth, position = 0, start
    for line in said.split("\n"):
        if line.strip() and depth > 0:
            found[-1] = Line(f"{found[-1].text} {line.strip()}", found[-1].start, position + len(line.rstrip()))
        elif line.strip():
            indent = len(line) - len(line.lstrip())
            found.append(Line(" ".join(line.split()), position + indent, position + len(line.rstrip())))
        depth = max(0, depth + line.count("(") - line.count(")"))
        position += len(line) + 1
    return tuple(part for each in found for part in _without_braces(each))


def _without_braces(line: Line) -> Iterator[Line]:
    """A line, and the braces at its ends: more statements behind an ``if`` need them, and the condition stays."""
    if line.text.startswith("}") and len(line.text) > 1:
        yield Line("}", line.start, line.start + 1)
        rest = line.text[1:].lstrip()
        yield from _without_braces(Line(rest, line.start + 1 + line.text[1:].index(rest), line.end))
    elif line.text.endswith("{") and len(line.text) > 1:
        yield Line(line.text[:-1].rstrip(), line.start, line.end - 1)
        yield Line("{", line.end - 1, line.end)
    else:
        yield line


def _without_comment(found: re.Match[str]) -> str:
    """A comment as blanks, places kept; what is quoted as it is."""
    return found[0] if found[0][0] in "\"'" else re.sub(r"[^\n]", " ", found[0])


def sites_of(name: str, caller: Caller, before: Sequence[Line], after: Sequence[Line]) -> Iterator[Site]:
    """What stands now where a function called another, as far as lines tell."""
    # What stands in a header that is read several times, or in one at all, has no end to put a function at.
    if not caller.file.endswith(".c") or not any(re.search(rf"\b{name}\(", each.text) for each in before):
        return
    texts = [each.text for each in before], [each.text for each in after]
    for kind, start, end, other, last in SequenceMatcher(None, *texts, autojunk=False).get_opcodes():
        if kind != "replace" or (end - start > 1 and end - start != last - other):
            continue
        pairs = [(before[start], after[other:last])]
        if end - start == last - other:
            pairs = [(before[start + at], after[other + at : other + at + 1]) for at in range(end - start)]
        for line, lines in pairs:
            call = _call(line.text, name)
            if call is not None:
                yield from _site(caller, call, lines)


def _site(caller: Caller, call: tuple[str, Sequence[str], str], lines: Sequence[Line]) -> Iterator[Site]:
    ahead, given, behind = call
    start, end = lines[0].start, lines[-1].end
    if not ahead and behind == ";":
        text = "\n".join(f"\t{each.text}" for each in lines)
        yield Site(caller=caller, given=tuple(given), text=text, is_statement=True, start=start, end=end)
    elif len(lines) == 1 and lines[0].text.startswith(ahead) and lines[0].text.endswith(behind):
        text = lines[0].text[len(ahead) : len(lines[0].text) - len(behind)]
        yield Site(caller=caller, given=tuple(given), text=text, is_statement=False, start=start, end=end)


def _call(line: str, name: str) -> tuple[str, Sequence[str], str] | None:
    """What stands before a call, what it is given, and what stands behind it, if a line has it once."""
    (*found,) = re.finditer(rf"\b{name}\(", line)
    if len(found) != 1:
        return None
    depth, given, start = 1, list[str](), found[0].end()
    for at in range(found[0].end(), len(line)):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(line[at], 0)
        if depth == 0 or (depth == 1 and line[at] == ","):
            given.append(line[start:at].strip())
            start = at + 1
        if depth == 0:
            return line[: found[0].start()], [each for each in given if each], line[at + 1 :]
    return None
