"""The results of an earlier run, against which only what is new counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mmuproof.cli.shared.errors import UsageProblem


def read_baseline(file: Path) -> Sequence[str]:
    """The fingerprints of all findings of a results file.

    Raises:
        UsageProblem: it cannot be read, or is none of ours.
    """
    try:
        content = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageProblem(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        return [str(mark) for finding in content["findings"] for mark in finding["fingerprints"]]
    except (KeyError, TypeError):
        raise UsageProblem(f"{file} is no results file with findings, as --json writes it") from None
