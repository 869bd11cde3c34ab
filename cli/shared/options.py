"""Options that several commands have, and what their command lines share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from mmuproof.cli.shared.console import Output

End = Callable[[Callable[[Output], int]], None]
"""Runs a command and ends with its exit status."""

Results = Annotated[
    Path | None,
    typer.Option(metavar="FILE", show_default=False, help="Write the results there as well, whole or not at all."),
]
QuestionBudget = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        max=2**32 - 1,
        show_default=False,
        help="The solver's resource limit for one question, which does not depend on the machine's speed.",
    ),
]
Errata = Annotated[
    Path | None, typer.Option(metavar="FILE", show_default=False, help="Errata of your own, in TOML (docs/errata.md).")
]


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))
