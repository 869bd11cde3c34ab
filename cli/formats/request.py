"""What a user can ask for of any command that decides: in which formats, where to, and what counts."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from mmuproof.cli.shared.options import Results, option


class Format(enum.Enum):
    """What the results can be written as."""

    CONSOLE = "console"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"
    KTAP = "ktap"
    GITHUB = "github"
    MARKDOWN = "markdown"
    EDITOR = "editor"
    HTML = "html"


@dataclass(frozen=True, kw_only=True)
class Reporting:
    """In which formats the results are wanted, and which of them count."""

    formats: Annotated[
        tuple[str, ...],
        option(
            "In which format: console, json, junit, sarif, ktap, github, markdown, editor or html (docs/formats.md).  "
            "With =FILE it is written there as well, else it takes the place of the console's; may be repeated.",
            "FORMAT[=FILE]",
            "--format",
            values=tuple(each.value for each in Format),
        ),
    ] = ()
    output: Annotated[Path | None, option("Write the format there; the same as --format FORMAT=FILE.", "FILE")] = None
    html: Annotated[
        Path | None,
        option(
            "Write a page with pictures and the lines of C there as well (docs/report.md); - for standard output.",
            "FILE",
        ),
    ] = None
    json: Results = None
    baseline: Annotated[
        Path | None,
        option(
            "The results of an earlier run (--json): only what is new counts for the exit status, and what has gone "
            "is told.",
            "RESULTS",
        ),
    ] = None
    quiet: Annotated[
        bool, option("Print nothing but a line for each thing that counts for the exit status.", None, "--quiet", "-q")
    ] = False
