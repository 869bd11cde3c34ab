"""The manual page, from the texts that --help shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mmuproof.cli.shared.options import Command, declared

_ESCAPES = {"\\": "\\e", "-": "\\-", '"': "\\(dq", "'": "\\(aq", "~": "\\(ti", "^": "\\(ha", "`": "\\(ga"}
"""What would be something else on a printed page."""
_AS_IT_STANDS = "\b"
"""What begins a paragraph whose lines are not filled."""


def man_page(commands: Sequence[Command[Any]], says: str, version: str) -> str:
    """The page in the language of man(7).

    Args:
        commands: the commands, in their order.
        says: the help of the whole.
        version: which version it describes.
    """
    return "".join(f"{line}\n" for line in _lines(commands, says, version))


def _lines(commands: Sequence[Command[Any]], says: str, version: str) -> Iterator[str]:
    yield f'.TH MMUPROOF 1 "" "{_plain(f"mmuproof {version}")}" "User Commands"'
    first, *rest = says.strip().split("\n\n")
    yield ".SH NAME"
    yield f"mmuproof \\- {_plain(first[0].lower() + first[1:].rstrip('.'))}"
    yield ".SH SYNOPSIS"
    for command in commands:
        given_words = [given.metavar for _, _, given in declared(command.request) if not given.names and given.metavar]
        words = [f"[{each.strip('[]')}]" for each in given_words]
        yield f".B mmuproof {_plain(command.name)}"
        yield f"[\\fIOPTIONS\\fR] {_plain(' '.join(words))}".rstrip()
        yield ".br"
    yield ".SH DESCRIPTION"
    yield from _paragraphs(rest)
    for command in commands:
        yield f'.SH "MMUPROOF {_plain(command.name.upper())}"'
        yield from _paragraphs(command.says.strip().split("\n\n"))
        options = [given for _, _, given in declared(command.request) if given.names]
        if options:
            yield ".PP"
            yield "Options:"
        for given in options:
            yield ".TP"
            names = ", ".join(f"\\fB{_plain(name)}\\fR" for name in given.names)
            yield f"{names} \\fI{_plain(given.metavar)}\\fR" if given.metavar else names
            yield _line(given.says)


def _paragraphs(texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield ".PP"
        if text.startswith(_AS_IT_STANDS):
            yield ".nf"
            yield from map(_line, text.removeprefix(_AS_IT_STANDS).strip("\n").split("\n"))
            yield ".fi"
        else:
            yield _line(" ".join(text.split()))


def _line(text: str) -> str:
    """A line that is no request, whatever it begins with."""
    return f"\\&{_plain(text)}" if text.startswith(".") else _plain(text)


def _plain(text: str) -> str:
    return "".join(_ESCAPES.get(each, each) for each in text)
