"""Kernel trees that cannot be used, as a user is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mmuproof.cli.shared.errors import UnusableTree
from mmuproof.lift.errors import LiftError, ParseFailed

if TYPE_CHECKING:
    from mmuproof.model.kvm import NotThere


def _unusable(error: LiftError | NotThere) -> UnusableTree:
    """What is wrong with a tree."""
    if isinstance(error, ParseFailed):
        count = len(error.diagnostics)
        return UnusableTree(
            f"{error.unit} does not parse: {count} error{'' if count == 1 else 's'}",
            list(dict.fromkeys(error.diagnostics)),
        )
    return UnusableTree(str(error))


@contextmanager
def usable() -> Iterator[None]:
    """Tell the user what is wrong with a tree that turns out to be unusable in the ``with`` block.

    Raises:
        UnusableTree: one does.
    """
    try:
        yield
    except LiftError as error:
        raise _unusable(error) from error
    except Exception as error:
        # Only now: a run that an earlier one has told needs nothing of the model.
        from mmuproof.model.kvm import NotThere

        if not isinstance(error, NotThere):
            raise
        raise _unusable(error) from error
