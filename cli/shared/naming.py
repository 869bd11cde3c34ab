"""Names on a command line: patterns, what was called otherwise before, and what a mistyped one may mean."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from mmuproof.cli.shared.errors import UsageProblem

_WILDCARDS = "*?["


def is_pattern(text: str) -> bool:
    """Whether a text stands for many names."""
    return any(character in text for character in _WILDCARDS)


def given_names(names: Sequence[str]) -> Mapping[str, str]:
    """What is called otherwise in the new version, with what it was."""
    found: dict[str, str] = {}
    for each in names:
        old, equals, new = each.partition("=")
        if not equals or not old.strip() or not new.strip():
            raise UsageProblem(f"--map takes OLD=NEW, and not {each!r}")
        found[new.strip()] = old.strip()
    return found


def near(text: str, known: Iterable[str]) -> str:
    """How the message goes on: names like the text, or where all names are to be had."""
    names = list(known)
    lower = {name.lower(): name for name in names}
    found = [lower[each] for each in difflib.get_close_matches(text.lower(), lower, n=4, cutoff=0.55)]
    word = text.strip("*?[]. ").lower()
    found += [name for name in names if word and word in name.lower() and name not in found]
    if found:
        return f"; did you mean {', '.join(found[:4])}?"
    if len(names) <= 8:
        return f"; there {'is' if len(names) == 1 else 'are'} {', '.join(names) or 'none'}"
    return ""
