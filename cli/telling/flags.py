"""Numbers as a kernel developer writes them."""

from __future__ import annotations

from collections.abc import Sequence


def number(value: int) -> str:
    """A digit as it is, anything larger in hexadecimal."""
    return str(value) if value < 10 else f"{value:#x}"


def flags_text(flags: Sequence[tuple[int, str]], value: int) -> str:
    """A set of flags by their names; what has no name is left in hexadecimal."""
    names = [name for index, name in flags if value >> index & 1]
    rest = value & ~sum(1 << index for index in {index for index, _ in flags})
    return "|".join([*names, *([f"{rest:#x}"] if rest else [])]) or "0"
