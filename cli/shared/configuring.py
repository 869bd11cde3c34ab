"""The configuration that a user gives."""

from __future__ import annotations

from pathlib import Path

from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.dot_config import DotConfig, read_dot_config


def given_config(file: Path | None) -> DotConfig | None:
    """The user's configuration, if there is one.

    Raises:
        UsageProblem: it cannot be used.
    """
    try:
        return None if file is None else read_dot_config(file.expanduser())
    except SourceError as error:
        raise UsageProblem(str(error)) from None
