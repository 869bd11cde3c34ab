"""A question as somebody types it: ``u64 s, struct kvm *kvm: expression``, taken apart without a compiler."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*|/\*.*?\*/)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)"
    r"""|(?P<text>[uUL]?(?:"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))"""
    r"|(?P<sign>.)",
    re.DOTALL,
)
_COMPARES = re.compile(r"(?:==|!=|(?<!<)<=|(?<!>)>=).?\Z", re.DOTALL)
"""A ``=`` that is no assignment, with what follows it."""
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_NO_FUNCTIONS = frozenset(("if", "while", "for", "switch", "return", "sizeof", "typeof", "__typeof__", "_Alignof"))


class TextProblem(Exception):  # noqa: N818 - reads as what happened
    """Something in the text that no compiler needs to be asked about.

    Args:
        position: where in the text.
        message: what is wrong.
    """

    def __init__(self, position: int, message: str) -> None:
        self.position, self.message = position, message
        super().__init__(message)


@dataclass(frozen=True)
class Token:
    """A name, number, string or punctuation mark, and where it begins."""

    text: str
    position: int
    is_name: bool = False


@dataclass(frozen=True)
class Declaration:
    """A free variable as it is declared: ``text`` is all of it, at ``position``."""

    name: str
    text: str
    position: int


@dataclass(frozen=True)
class QuestionText:
    """A question: its free variables as far as they are declared, and where the expression begins."""

    text: str
    declarations: tuple[Declaration, ...]
    start: int

    @property
    def tokens(self) -> tuple[Token, ...]:
        """The expression's tokens, with their positions in the whole text."""
        return tuple(tokens(self.text, self.start))


def tokens(text: str, start: int = 0) -> Iterator[Token]:
    """The tokens from ``start`` on; comments and blanks are left out."""
    for match in _TOKEN.finditer(text, start):
        if match.lastgroup != "space":
            yield Token(match.group(), match.start(), match.lastgroup == "name")


def read_question(text: str) -> QuestionText:
    """Take a question apart.

    Raises:
        TextProblem: it is empty, its brackets do not match, it assigns something outside of ({ and }), or a declaration
            has no name.
    """
    found = list(tokens(text))
    if not found:
        raise TextProblem(0, "there is no expression")
    _check_brackets(found)
    _check_assignments(text, found)
    colon = _first_colon(found)
    if colon is None:
        return QuestionText(text, (), 0)
    if colon is found[-1]:
        raise TextProblem(len(text), "there is no expression behind the colon")
    return QuestionText(text, tuple(_declarations(text, found, colon)), colon.position + 1)


def _check_brackets(found: Sequence[Token]) -> None:
    opened: list[Token] = []
    for token in found:
        if token.text in _CLOSING:
            opened.append(token)
        elif token.text in _CLOSING.values():
            if not opened or _CLOSING[opened[-1].text] != token.text:
                raise TextProblem(token.position, f"nothing is open that this {token.text!r} closes")
            opened.pop()
        elif token.text == ";" and not any(each.text == "{" for each in opened):
            raise TextProblem(token.position, "an expression has no ';'; statements go between ({ and })")
    if opened:
        raise TextProblem(opened[-1].position, f"this {opened[-1].text!r} is never closed")


def _check_assignments(text: str, found: Sequence[Token]) -> None:
    """Nobody asks whether something is possible by assigning it."""
    depth = 0
    for token in found:
        depth += (token.text == "{") - (token.text == "}")
        if token.text == "=" and not depth and not _COMPARES.search(text, 0, token.position + 2):
            raise TextProblem(
                token.position, "this is an assignment; did you mean '=='? Statements go between ({ and })"
            )


def _first_colon(found: Sequence[Token]) -> Token | None:
    """The colon behind the declarations: outside of brackets, and with no ``?`` in front of it."""
    depth = 0
    for token in found:
        if token.text in _CLOSING:
            depth += 1
        elif token.text in _CLOSING.values():
            depth -= 1
        elif depth == 0 and token.text in "?:":
            return token if token.text == ":" else None
    return None


def _declarations(text: str, found: Sequence[Token], colon: Token) -> Iterator[Declaration]:
    part: list[Token] = []
    depth = 0
    for token in found:
        ends = token is colon or (token.text == "," and not depth)
        if not ends:
            depth += (token.text in _CLOSING) - (token.text in _CLOSING.values())
            part.append(token)
            continue
        if not part:
            raise TextProblem(token.position, "a declaration is missing, as in 'u64 spte: …'")
        start, end = part[0].position, part[-1].position + len(part[-1].text)
        yield Declaration(_declared_name(part), text[start:end], start)
        part = []
        if token is colon:
            return


def _declared_name(part: Sequence[Token]) -> str:
    """The last name outside of brackets; in front of it stands at least one token of the type."""
    depth, name = 0, None
    for number, token in enumerate(part):
        if token.text in _CLOSING:
            depth += 1
        elif token.text in _CLOSING.values():
            depth -= 1
        elif token.is_name and not depth and number:
            name = token.text
    if name is None:
        raise TextProblem(part[0].position, "a declaration needs a type and a name, as in 'u64 spte: …'")
    return name


@dataclass(frozen=True)
class Argument:
    """A name that stands alone, or as ``&name``, as an argument of a call."""

    function: str
    index: int
    name: str
    by_address: bool = False


def called_names(found: Sequence[Token]) -> tuple[str, ...]:
    """The names that are followed by a parenthesis, each once."""
    names = (
        token.text
        for token, following in pairwise(found)
        if token.is_name and following.text == "(" and token.text not in _NO_FUNCTIONS
    )
    return tuple(dict.fromkeys(names))


def plain_arguments(found: Sequence[Token]) -> tuple[Argument, ...]:
    """Every name that stands alone as an argument of a call by name, or whose address does."""
    arguments: list[Argument] = []
    for number, (token, following) in enumerate(pairwise(found)):
        if token.is_name and following.text == "(" and token.text not in _NO_FUNCTIONS:
            for index, part in enumerate(_parts(found[number + 2 :])):
                by_address = len(part) == 2 and part[0].text == "&"
                if (len(part) == 1 or by_address) and part[-1].is_name:
                    arguments.append(Argument(token.text, index, part[-1].text, by_address))
    return tuple(arguments)


def _parts(found: Sequence[Token]) -> list[list[Token]]:
    """What stands between the commas up to the parenthesis that closes."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        depth += (token.text in _CLOSING) - (token.text in _CLOSING.values())
        if depth < 0:
            return parts
        if token.text == "," and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
