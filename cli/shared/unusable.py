"""Kernel trees that cannot be used, as a user is told."""

from __future__ import annotations

from mmuproof.cli.shared.errors import UnusableTree
from mmuproof.lift.errors import LiftError, ParseFailed
from mmuproof.model.kvm import NotThere


def unusable(error: LiftError | NotThere) -> UnusableTree:
    """What is wrong with a tree."""
    if isinstance(error, ParseFailed):
        count = len(error.diagnostics)
        return UnusableTree(
            f"{error.unit} does not parse: {count} error{'' if count == 1 else 's'}",
            list(dict.fromkeys(error.diagnostics)),
        )
    return UnusableTree(str(error))
