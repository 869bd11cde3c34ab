"""What clang may take for a text that it parses: set once, for all that a process parses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ParseLimits:
    """What clang may take for one text.

    The largest unit of Linux 7.3 takes 3 seconds and 100 MiB, and so do the units of the MMU that are parsed together.

    Args:
        seconds: processor time.
        mebibytes: by how much the memory of the process may grow meanwhile, whatever else goes on in it.
    """

    seconds: int = 60
    mebibytes: int = 1024


DEFAULT_LIMITS = ParseLimits()
_given = [DEFAULT_LIMITS]


def parse_limits() -> ParseLimits:
    """The limits that hold."""
    return _given[0]


def set_parse_limits(limits: ParseLimits) -> None:
    """Set the limits for all that this process, and copies of it, parse from now on."""
    _given[0] = limits
