"""Run the commands that the documentation shows, and write what they print below them.

A block that begins with ```` ```console ```` holds one command after ``$ ``; all below it is its output.
Commands run where the cached kernels and ``docs/examples`` are, so ``linux-7.2`` is a path.  With ``--check``
nothing is written: the exit status says whether every transcript is still what the command prints, times aside.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/commands.md", "docs/mbec-gmet.md", "docs/errata.md", "docs/ask.md")
EXAMPLES = ROOT / "docs" / "examples"
_BLOCK = re.compile(r"(?<=^```console\n)\$ (?P<command>[^\n]*)\n(?P<output>.*?)(?=^```$)", re.MULTILINE | re.DOTALL)
_CHANGING = re.compile(r"\d+\.\d+ s\b| +(?=\d+\.\d+ s)|(?<=Linux )\d+\.\d+\.\d+|(?<=mmuproof )\d+\.\d+\.\d+")


def kernels() -> Path:
    """The folder in which ``make kernels`` leaves the trees."""
    configured = os.environ.get("MMUPROOF_KERNELS")
    return Path(configured) if configured else platformdirs.user_cache_path("mmuproof") / "kernels"


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder in which the kernels and the examples of the documentation are."""
    with tempfile.TemporaryDirectory(prefix="transcripts-") as folder:
        place = Path(folder)
        for each in (*kernels().iterdir(), *EXAMPLES.iterdir()):
            (place / each.name).symlink_to(each)
        yield place


def run(command: str) -> str:
    """What a command prints, with its exit status on the last line if it is not 0."""
    program, *arguments = shlex.split(command)
    if program != "mmuproof":
        raise SystemExit(f"transcripts: only mmuproof is run, not {program}")
    with workplace() as place:
        done = subprocess.run(
            [sys.executable, "-m", "mmuproof.cli.main", *arguments],
            cwd=place,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "110"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    return done.stdout.rstrip("\n") + "\n"


def refreshed(text: str) -> str:
    """A page with the output of each of its commands as it is now."""
    return _BLOCK.sub(lambda block: f"$ {block['command']}\n{run(block['command'])}", text)


def steady(text: str) -> str:
    """A page without what changes from run to run."""
    return _CHANGING.sub("…", text)


def main() -> int:
    """Refresh or check every page."""
    stale = False
    for name in PAGES:
        page = ROOT / name
        before = page.read_text("utf-8")
        after = refreshed(before)
        if "--check" not in sys.argv[1:]:
            page.write_text(after, "utf-8")
        elif steady(before) != steady(after):
            stale = True
            lines = difflib.unified_diff(
                steady(before).splitlines(), steady(after).splitlines(), name, f"{name} (now)", lineterm=""
            )
            sys.stdout.writelines(f"{line}\n" for line in lines)
    return int(stale)


if __name__ == "__main__":
    sys.exit(main())
