"""Findings as workflow commands of GitHub Actions, which shows them beside the lines that they are about."""

from __future__ import annotations

from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun, counted
from mmuproof.cli.formats.places import opened_as

_COMMANDS = {Ending.WRONG: "error", Ending.OPEN: "error", Ending.KNOWN: "notice"}


def github_text(run: JudgedRun) -> str:
    """A command for each finding, and a line with the counts."""
    return "".join(f"{line}\n" for line in (*(_command(run, each) for each in run.findings), _summary(run)))


def _command(run: JudgedRun, case: JudgedCase) -> str:
    file, line = case.place
    properties = {
        "file": opened_as(run.root, file),
        "line": "" if line is None else str(line),
        "title": f"{case.verdict} {case.named}",
    }
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    known = f" ({case.known})" if case.known else ""
    return f"::{_COMMANDS[case.outcome]} {told}::{_data(chr(10).join((case.sentence + known, *case.details)))}"


def _summary(run: JudgedRun) -> str:
    # A line that begins with :: would be a command.
    return f"mmuproof {run.command}: {counted(run.cases) or 'nothing to judge'} on {' '.join(run.subject.split())}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
