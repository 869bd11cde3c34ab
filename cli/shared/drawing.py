"""Pictures as typed values: boxes, words and lines in units of a pixel, which a page draws as SVG.

A shape says what it is, and never in which colour it is drawn: a page has a dark and a light scheme, and is printed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

LETTER = 6.1
"""How wide a letter is, of the small letters of pictures, which are all equally wide."""
LINE = 14
"""How far lines of text are apart."""


class Look(enum.Enum):
    """What a shape stands for."""

    PLAIN = "plain"
    FAINT = "faint"
    """Of no interest: ignored bits, and the like."""
    HARDWARE = "hardware"
    """What the manual says."""
    KERNEL = "kernel"
    """What KVM says."""
    SET = "set"
    CLEAR = "clear"
    GOOD = "good"
    WRONG = "wrong"
    OPEN = "open"
    KNOWN = "known"


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle with some words in its middle.

    Args:
        x: its left edge.
        y: its upper edge.
        width: how wide it is.
        height: how high it is.
        look: what it stands for.
        lines: its words, line by line.
        turned: whether they run from below to above.
        says: all of it in words; empty if its words are that.
        about: the name of what it leads to on the page, empty if it leads nowhere.
    """

    x: float
    y: float
    width: float
    height: float
    look: Look = Look.PLAIN
    lines: tuple[str, ...] = ()
    turned: bool = False
    says: str = ""
    about: str = ""

    @property
    def middle(self) -> tuple[float, float]:
        """Where its middle is."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, kw_only=True)
class Wording:
    """Words without a box.

    Args:
        x: where they begin.
        y: the line that they stand on.
        text: they.
        look: what they stand for.
        middle: whether ``x`` is their middle.
        at_end: whether ``x`` is their end.
    """

    x: float
    y: float
    text: str
    look: Look = Look.PLAIN
    middle: bool = False
    at_end: bool = False

    @property
    def anchor(self) -> str:
        """Which part of the words is at ``x``, in SVG's words."""
        return "middle" if self.middle else "end" if self.at_end else "start"


@dataclass(frozen=True, kw_only=True)
class Arrow:
    """A line down, from ``y`` to ``end``; ``headed`` if it is an arrow."""

    x: float
    y: float
    end: float
    headed: bool = True


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A picture.

    Args:
        title: what it shows.
        says: the same in sentences, for whoever cannot see it.
        width: how wide it is.
        height: how high it is.
        boxes: its boxes.
        labels: its words.
        arrows: its lines.
    """

    title: str
    says: str
    width: float
    height: float
    boxes: tuple[Box, ...] = ()
    labels: tuple[Wording, ...] = ()
    arrows: tuple[Arrow, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Pictures that belong together, with the same in words or as a table.

    Args:
        title: what they show.
        drawings: the pictures, from left to right; below each other where there is no room.
        caption: what has to be known to read them.
        head: the titles of the columns of the table.
        rows: its rows; empty if there is no table.
        about: the name of the theorem that it belongs to, empty if it is none.
    """

    title: str
    drawings: tuple[Drawing, ...]
    caption: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    about: str = ""


@dataclass(frozen=True, kw_only=True)
class GridCell:
    """A box of a row; what it has, it has as a `Box`, and one line of words at most."""

    look: Look
    text: str = ""
    turned: bool = False
    says: str = ""


@dataclass(kw_only=True)
class Sheet:
    """A picture that grows downwards while it is drawn.

    Args:
        width: how wide it is.
        y: how high it is so far.
    """

    width: float
    y: float = 1
    boxes: list[Box] = field(default_factory=list)
    labels: list[Wording] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    def row(self, x: float, width: float, height: float, cells: Iterable[GridCell]) -> None:
        """A row of boxes side by side, all of one size, of which the sheet grows by nothing yet.

        Args:
            x: the left edge of the first.
            width: how wide each is.
            height: how high.
            cells: what is in them.
        """
        for place, cell in enumerate(cells):
            self.boxes.append(
                Box(
                    x=x + place * width,
                    y=self.y,
                    width=width,
                    height=height,
                    look=cell.look,
                    lines=(cell.text,) if cell.text else (),
                    turned=cell.turned,
                    says=cell.says,
                )
            )

    def drawing(self, title: str, says: str) -> Drawing:
        """The picture as it is now."""
        return Drawing(
            title=title,
            says=says,
            width=self.width,
            height=self.y + 1,
            boxes=tuple(self.boxes),
            labels=tuple(self.labels),
            arrows=tuple(self.arrows),
        )


def flowing(texts: Iterable[str], width: float, gap: float) -> Sequence[Sequence[tuple[str, float, float]]]:
    """Words side by side in rows that are no wider than they may be: each word with its place and its width."""
    rows: list[list[tuple[str, float, float]]] = [[]]
    at = 0.0
    for text in texts:
        wide = min(len(text) * LETTER + 10, width)
        if rows[-1] and at + wide > width:
            rows.append([])
            at = 0.0
        rows[-1].append((text, at, wide))
        at += wide + gap
    return rows
