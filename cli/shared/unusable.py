"""Kernel trees that cannot be used, as a user is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mmuproof.cli.shared.errors import UnusableTree
from mmuproof.lift.errors import LiftError, ParseFailed
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
    except (LiftError, NotThere) as error:
        raise _unusable(error) from error
