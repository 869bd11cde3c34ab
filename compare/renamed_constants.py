"""What a tree calls constants otherwise than an earlier one: a macro that stands for the same under another name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches


def renamed_constants(old: Mapping[str, str], new: Mapping[str, str], wanted: Collection[str]) -> Mapping[str, str]:
    """Macros of a tree that stand for what others stood for in an earlier one, each with the earlier name.

    Args:
        old: what the earlier tree's macros stand for.
        new: what the tree's do.
        wanted: the earlier names that matter.
    """
    come: dict[str, list[str]] = {}
    for name, body in new.items():
        if name not in old:
            come.setdefault(body, []).append(name)
    found: dict[str, str] = {}
    for former in sorted(set(wanted) & (old.keys() - new.keys())):
        alike = come.get(old[former], [])
        best = alike if len(alike) == 1 else get_close_matches(former, alike, n=1)
        if best:
            found.setdefault(best[0], former)
    return found
