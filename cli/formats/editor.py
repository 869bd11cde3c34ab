"""Findings for an editor: one line each, ``file:line: verdict: text``."""

from __future__ import annotations

from mmuproof.cli.formats.cases import JudgedCase, JudgedRun
from mmuproof.cli.formats.places import opened_as


def editor_text(run: JudgedRun) -> str:
    """A line for each finding; what counts comes first."""
    return "".join(f"{finding_line(run, each)}\n" for each in run.findings)


def finding_line(run: JudgedRun, case: JudgedCase) -> str:
    """One finding on one line."""
    file, line = case.place
    # Without a line an editor jumps to nothing, and still shows the text.
    place = f"{opened_as(run.root, file)}:{line or 1}: " if file else ""
    known = f" ({case.known})" if case.known else ""
    return f"{place}{case.verdict}: {case.named}: {case.sentence}{known}"
