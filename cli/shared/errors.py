"""What a user did wrong, or gave us that cannot be used; and where a mistake of ours comes from."""

from __future__ import annotations

import traceback
from collections.abc import Sequence


class UsageProblem(Exception):  # noqa: N818 - reads as what happened
    """The run cannot start, or cannot go on, for a reason that the user can do something about.

    Args:
        message: one line that says what is wrong.
        details: further lines, such as a compiler's diagnostics.
    """

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        self.message = " ".join(message.split())
        self.details = tuple(details)
        super().__init__(self.message)


class UnusableTree(UsageProblem):
    """A kernel tree that cannot be used."""


def traced(error: BaseException) -> str:
    """Where an exception comes from, as Python tells it."""
    return "".join(traceback.format_exception(error)).rstrip()
