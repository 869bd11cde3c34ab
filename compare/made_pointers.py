"""Structs that were inside another and are pointed to now: put back inside, as if each struct's pointer led to its own.

That is an assumption, and is told as one: that no two pointers lead to the same object, and that the pointer always
leads to it. Where the pointer is set, what it is set to is worked out and left. Where that is memory that was got for
it and is zero, what is inside is zero.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mmuproof.compare.put_back import OtherForm, Stretch, file_text
from mmuproof.lift.parsing.former_names import FormerNames
from mmuproof.lift.parsing.member_places import TextPlace

_POINTER = re.compile(r"(?P<type>[\w\s]+?)\s*\*\s*(?P<name>\w+)")
_ZEROED = re.compile(r"k\w*zalloc\w*\(")
_TARGET = re.compile(r"[\w\s.>()\[\]-]+=\s*")


def as_embedded(
    root: Path, member: tuple[str, str], struct: str, declared: TextPlace | None, set_: Sequence[TextPlace | None]
) -> OtherForm | None:
    """A pointer in a struct as the struct that it leads to; None if its text does not tell.

    Args:
        root: the tree's folder.
        member: the struct that has the pointer, and the pointer.
        struct: the one that it leads to.
        declared: where it is declared.
        set_: where it is set.
    """
    record, name = member
    found = None if declared is None else _POINTER.fullmatch(_text(root, declared))
    if declared is None or found is None or found["name"] != name:
        return None
    changes = [_instead(declared, f"{found['type']} {name}[1]")]
    for each in set_:
        if each is None or not _TARGET.fullmatch(_text(root, each)):
            return None
        changes.append(_zeroed(root, each) or _instead(each, "(void)"))
    sentence = (
        f"{record}.{name} leads to what was {record}.{name} itself: it is taken as a part of it, "
        "to which no other pointer of the kind leads and which is always there"
    )
    return OtherForm(
        name=f"{record}.{name}",
        changes=tuple(dict.fromkeys(changes)),
        names=FormerNames(embedded={member: struct}, forms={f"{record}.{name}": sentence}),
        mark=name,
    )


def _zeroed(root: Path, target: TextPlace) -> Stretch | None:
    """The text where a pointer is set to memory that is zero, with the struct set to zero instead; None elsewhere."""
    text = file_text(root, target.file)
    call = _ZEROED.match(text, target.end)
    if call is None:
        return None
    depth, end = 1, call.end()
    while depth and end < len(text):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    whole = text[target.start : target.end].rstrip().removesuffix("=").rstrip()
    return Stretch(file=target.file, start=target.start, end=end, text=f"memset({whole}, 0, sizeof(*({whole})))")


def _instead(place: TextPlace, text: str) -> Stretch:
    return Stretch(file=place.file, start=place.start, end=place.end, text=text)


def _text(root: Path, place: TextPlace) -> str:
    return file_text(root, place.file)[place.start : place.end]
