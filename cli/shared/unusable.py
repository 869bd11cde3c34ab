"""Kernel trees that cannot be used, as a user is told."""

from __future__ import annotations

from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.lift.errors import LiftError, ParseFailed
from mmuproof.model.kvm import NotThere


def unusable(error: LiftError | NotThere) -> UsageProblem:
    """What is wrong with a tree."""
    if isinstance(error, ParseFailed):
        count = len(error.diagnostics)
        return UsageProblem(
            f"{error.unit} does not parse: {count} error{'' if count == 1 else 's'}",
            list(dict.fromkeys(error.diagnostics)),
        )
    return UsageProblem(str(error))
