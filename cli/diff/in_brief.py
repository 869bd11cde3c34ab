"""What becomes of the functions of a change, on one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmuproof.cli.diff.changes import Judgement
from mmuproof.cli.shared.console import few
from mmuproof.compare.claims import Change

_ORDER = (Change.DIFFERS, Change.MORE, Change.LESS, Change.EQUAL_IF, Change.UNKNOWN, Change.NOT_COMPARED, Change.EQUAL)
_MOST_NAMES = 3


def in_brief(
    judgements: Sequence[Judgement], come: Sequence[str], gone: Sequence[str], locals_renamed: Sequence[str] = ()
) -> str:
    """The functions by what becomes of them, the worst first; of many alike only the first are named.

    Those come first that have changed themselves, and then those that call them.

    Args:
        judgements: what becomes of those that both versions have.
        come: those that are new.
        gone: those that are gone.
        locals_renamed: those in which nothing changes but what variables of their own are called.
    """
    if not (judgements or come or gone or locals_renamed):
        return "no function of the MMU"
    parts = []
    judgements = sorted(judgements, key=lambda each: not each.directly)
    # Of a function with several judgements that are not alike, each is told with its masks.
    found = {(each.function, each.change) for each in judgements}
    several = {name for name, count in Counter(name for name, _ in found).items() if count > 1}
    for change in _ORDER:
        names = list(
            dict.fromkeys(
                f"{each.function} ({each.masks})" if each.function in several and each.masks else each.function
                for each in judgements
                if each.change is change
            )
        )
        if names:
            parts.append(f"{change.value}: {few(names, _MOST_NAMES)}")
    parts += [f"new: {few(come, _MOST_NAMES)}"] if come else []
    parts += [f"gone: {few(gone, _MOST_NAMES)}"] if gone else []
    parts += [f"only local variables renamed: {few(locals_renamed, _MOST_NAMES)}"] if locals_renamed else []
    return "; ".join(parts)
