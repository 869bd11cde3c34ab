"""The chain from what a guest does to what the hardware allows, as a picture with each theorem's verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from mmuproof.cli.shared.drawing import LETTER, LINE, Arrow, Box, Figure, Look, Sheet, Wording, flowing
from mmuproof.proofs.chain import Chain, Stage

_WIDE = 340
_IN = 26
_CHIP = 18
_COLUMNS = int((_WIDE - _IN) / LETTER)


def chain_figure(chain: Chain, looks: Mapping[str, Look]) -> Figure:
    """A chain, from above to below.

    Args:
        chain: it.
        looks: how each theorem has ended that was to be proved.
    """
    sheet = Sheet(width=_WIDE)
    before: str | None = None
    for step in chain.steps:
        if step.start != before:
            sheet.y += 12 if before is not None else 0
            _thing(sheet, step.start)
        _step(sheet, step, looks)
        _thing(sheet, step.end)
        before = step.end
    return Figure(
        title=chain.says,
        drawings=(sheet.drawing(chain.says, "; ".join(f"{each.start} becomes {each.end}" for each in chain.steps)),),
    )


def _functions(step: Stage) -> Sequence[str]:
    return [f"{name}()" for each in step.by for name in each.split("|")]


def _thing(sheet: Sheet, text: str) -> None:
    lines = tuple(textwrap.wrap(text, _COLUMNS))
    height = LINE * len(lines) + 8
    sheet.boxes.append(Box(x=1, y=sheet.y, width=_WIDE - 2, height=height, look=Look.KERNEL, lines=lines))
    sheet.y += height


def _step(sheet: Sheet, step: Stage, looks: Mapping[str, Look]) -> None:
    top = sheet.y
    sheet.y += 4
    for line in textwrap.wrap(", ".join(_functions(step)), _COLUMNS, break_on_hyphens=False):
        sheet.y += LINE
        sheet.labels.append(Wording(x=_IN, y=sheet.y - 3, text=line, look=Look.FAINT))
    sheet.y += 4
    for row in flowing(step.theorems, _WIDE - _IN, 4):
        for text, at, wide in row:
            look = looks.get(text, Look.PLAIN)
            sheet.boxes.append(
                Box(
                    x=_IN + at,
                    y=sheet.y,
                    width=wide,
                    height=_CHIP,
                    look=look,
                    lines=(text,),
                    about=text,
                    says=f"{text}: {_SAID[look]}",
                )
            )
        sheet.y += (_CHIP + 3) if row else 0
    if not step.theorems:
        sheet.y += LINE
        sheet.labels.append(Wording(x=_IN, y=sheet.y - 3, text="no theorem", look=Look.WRONG))
    for line in textwrap.wrap(f"not proved: {step.missing}", _COLUMNS) if step.missing else ():
        sheet.y += LINE
        sheet.labels.append(Wording(x=_IN, y=sheet.y - 3, text=line, look=Look.OPEN))
    sheet.y += 8
    sheet.arrows.append(Arrow(x=12, y=top, end=sheet.y))


_SAID = {
    Look.GOOD: "proved",
    Look.WRONG: "refuted",
    Look.OPEN: "not decided",
    Look.KNOWN: "refuted, as is known",
    Look.FAINT: "does not apply",
    Look.PLAIN: "not asked",
}
