"""A function's printed text with its own variables called by numbers: what they are called means nothing.

A word is taken for a variable only if each place where it stands in the text is one where clang sees the variable.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from clang.cindex import Cursor, CursorKind

from mmuproof.lift.parsing import clang_api

_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
_WORD = re.compile(r"[A-Za-z_]\w*")
# Before a word that is a member, a tag or a label.
_NO_VARIABLE = re.compile(r"(?:->|\.|\b(?:struct|union|enum|goto))\s*$")
_OFFSET = re.compile(r"offsetof\s*(?=\()")
_DECLARED = (CursorKind.PARM_DECL, CursorKind.VAR_DECL)
_MOST_BEFORE = 16


def numbered(text: str, function: Cursor) -> str:
    """A function's text with a number in the place of each variable of its own; no text of C has such a word.

    Args:
        text: as clang prints the function.
        function: its definition.
    """
    seen = _seen(function)
    left = _LITERAL.sub(lambda literal: " " * len(literal[0]), text)
    others = [*_LITERAL.findall(text), *_offsets(left)]
    said = {word for each in others for word in _WORD.findall(each)}
    places: dict[str, list[re.Match[str]]] = {}
    for place in _WORD.finditer(left):
        if place[0] in seen:
            places.setdefault(place[0], []).append(place)
    own = (word for word, found in places.items() if word not in said and len(found) == seen[word])
    numbers = {
        word: number
        for number, word in enumerate(
            word for word in own if not any(_is_no_variable(left, place) for place in places[word])
        )
    }
    parts, end = [], 0
    for place in _WORD.finditer(left):
        if place[0] in numbers:
            parts += [text[end : place.start()], f"@{numbers[place[0]]}"]
            end = place.end()
    return "".join((*parts, text[end:]))


def _offsets(text: str) -> Iterator[str]:
    """What offsets are asked of: in these a member stands without anything in front of it."""
    for found in _OFFSET.finditer(text):
        depth = 0
        for end in range(found.end(), len(text)):
            depth += (text[end] == "(") - (text[end] == ")")
            if not depth:
                break
        yield text[found.end() : end + 1]


def _is_no_variable(text: str, place: re.Match[str]) -> bool:
    return _NO_VARIABLE.search(text, max(place.start() - _MOST_BEFORE, 0), place.start()) is not None


def _seen(function: Cursor) -> Counter[str]:
    """How often clang sees each variable of a function's own, where it is declared and where it is used."""
    below = clang_api.descendants(function)
    declared = {
        each: each.spelling
        for each in below
        if each.kind in _DECLARED and each.spelling and not clang_api.has_static_storage(each)
    }
    seen = Counter(declared.values())
    for each in below:
        if each.kind is CursorKind.DECL_REF_EXPR and (named := declared.get(each.referenced)) is not None:
            seen[named] += 1
    return seen
