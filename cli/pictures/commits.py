"""A series as a picture: the commits from left to right, and below each what it makes of what it touches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmuproof.cli.shared.drawing import LETTER, Drawing, Figure, GridCell, Look, Sheet, Wording

_CELL = 15
_NAME = 12 * LETTER + 8
"""How high a commit's short id stands, from below to above."""
_SIDE_BY_SIDE = 40
"""As many commits are drawn beside each other; the others stand below them."""


@dataclass(frozen=True, kw_only=True)
class CommitColumn:
    """A commit: its short id, its first line, and what becomes of it, in a word and as it looks."""

    name: str
    subject: str
    status: str
    look: Look


@dataclass(frozen=True, kw_only=True)
class CommitMark:
    """What a commit makes of something: in words, as it looks, and by which letter; none where it changes nothing."""

    says: str
    look: Look
    letter: str = ""


@dataclass(frozen=True, kw_only=True)
class SeriesPicture:
    """A series.

    Args:
        title: what is drawn.
        caption: what has to be known to read it.
        what: what a row is of.
        columns: the commits.
        rows: what each of them makes of each thing, by its name.
        says: in a sentence, how many marks with a letter there are: ``{} results are turned.``
    """

    title: str
    caption: str
    what: str
    columns: Sequence[CommitColumn]
    rows: Mapping[str, Sequence[CommitMark]]
    says: str

    def figure(self) -> Figure:
        """The picture, with the same as a table."""
        every = range(len(self.columns))
        parts = [every[at : at + _SIDE_BY_SIDE] for at in range(0, len(self.columns), _SIDE_BY_SIDE)]
        return Figure(
            title=self.title,
            drawings=tuple(self._drawing(part) for part in parts),
            caption=self.caption,
            head=(self.what, *(each.name for each in self.columns)),
            rows=(
                ("", *(each.status for each in self.columns)),
                *((name, *(mark.says for mark in marks)) for name, marks in self.rows.items()),
            ),
        )

    def _drawing(self, part: range) -> Drawing:
        left = max(map(len, self.rows)) * LETTER + 10
        sheet = Sheet(width=left + len(part) * _CELL + 2)
        here = [self.columns[number] for number in part]
        sheet.row(left, _CELL, _NAME, (GridCell(look=Look.FAINT, text=each.name, turned=True) for each in here))
        sheet.y += _NAME
        statuses = (GridCell(look=each.look, says=f"{each.name} {each.subject}: {each.status}") for each in here)
        sheet.row(left, _CELL, _CELL, statuses)
        sheet.y += _CELL + 5
        for name, marks in self.rows.items():
            sheet.labels.append(Wording(x=left - 6, y=sheet.y + 11, text=name, at_end=True))
            cells = (
                GridCell(
                    look=mark.look,
                    text=mark.letter,
                    says=f"{name} after {column.name} {column.subject}: {mark.says}" if mark.says else "",
                )
                for column, mark in zip(here, (marks[number] for number in part), strict=True)
            )
            sheet.row(left, _CELL, _CELL, cells)
            sheet.y += _CELL + 2
        lettered = sum(bool(marks[number].letter) for marks in self.rows.values() for number in part)
        return sheet.drawing(f"From {here[0].name} to {here[-1].name}", self.says.format(lettered))
