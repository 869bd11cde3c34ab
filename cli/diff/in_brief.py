"""What becomes of the functions of a change, on one line."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.cli.diff.changes import Judgement
from mmuproof.compare.claims import Change

_ORDER = (Change.DIFFERS, Change.MORE, Change.LESS, Change.EQUAL_IF, Change.UNKNOWN, Change.NOT_COMPARED, Change.EQUAL)
_MOST_NAMES = 3


def in_brief(judgements: Sequence[Judgement], come: Sequence[str], gone: Sequence[str]) -> str:
    """The functions by what becomes of them, the worst first; of many alike only the first are named.

    Args:
        judgements: what becomes of those that both versions have.
        come: those that are new.
        gone: those that are gone.
    """
    if not (judgements or come or gone):
        return "no function of the MMU"
    parts = []
    for change in _ORDER:
        names = list(dict.fromkeys(each.function for each in judgements if each.change is change))
        if names:
            parts.append(f"{change.value}: {_few(names)}")
    parts += [f"new: {_few(come)}"] if come else []
    parts += [f"gone: {_few(gone)}"] if gone else []
    return "; ".join(parts)


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
