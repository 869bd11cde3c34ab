"""What a command line says of functions: names, patterns of names, and what was called otherwise before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
