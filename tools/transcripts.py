"""Write the tables of options in the documentation, and below the commands that it shows what they print.

A table of options stands between ``<!-- options of COMMAND -->`` and ``<!-- end -->``; it says what the fields of the
command's request say.

A block that begins with ```` ```console ```` holds one command after ``$ ``; all below it is its output.
A line of it that is ``…`` alone stands for what is left out: what is shown on either side of it goes from its first
line to its last, whatever comes between them now.
A block that begins with ```` ```sh ```` holds shell commands, whose output is not shown.
The commands of a page run one after the other in a folder in which the cached kernels and ``docs/examples`` are, so
``linux-7.2`` is a path.  With ``--check`` nothing is written: the exit status says whether every transcript is still
what the command prints, times aside.  Pages may be named.
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

from mmuproof.cli.main import COMMANDS
from mmuproof.cli.shared.caching import NO_RESULTS, kernels_folder
from mmuproof.cli.shared.options import declared

ROOT = Path(__file__).resolve().parent.parent
PAGES = (
    "README.md",
    "docs/commands.md",
    "docs/mbec-gmet.md",
    "docs/errata.md",
    "docs/ask.md",
    "docs/diff.md",
    "docs/check.md",
    "docs/decode.md",
    "docs/own-theorems.md",
    "docs/table.md",
)
EXAMPLES = ROOT / "docs" / "examples"
_BLOCK = re.compile(
    r"(?<=^```console\n)\$ (?P<command>[^\n]*)\n(?P<output>.*?)(?=^```$)|(?<=^```sh\n)(?P<script>.*?)(?=^```$)",
    re.MULTILINE | re.DOTALL,
)
_TABLE = re.compile(r"(?<=^<!-- options of )(\w+)( -->\n).*?(?=^<!-- end -->$)", re.MULTILINE | re.DOTALL)
# What a reader may have to type, and would be taken for markup: names, paths, patterns, options.
_LITERAL = re.compile(r"(?<![\w*.-])(?:--?[a-z][\w-]*|[\w*.-]*[*_/@][\w*/@.-]*[\w*])")
_PAGE = re.compile(r"`docs/([\w-]+)\.md`")
_LEFT_OUT = "…\n"
# A commit made in an example is the same whoever makes it, and whenever.
_COMMITTER = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A"), ("EMAIL", "a@example.org"), ("DATE", "2026-01-01T00:00:00Z"))
    },
}
_CHANGING = re.compile(r"\d+\.\d+ s\b| +(?=\d+\.\d+ s)|(?<=Linux )\d+\.\d+\.\d+|(?<=mmuproof )\d+\.\d+\.\d+")


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder in which the kernels and the examples of the documentation are."""
    with tempfile.TemporaryDirectory(prefix="transcripts-") as folder:
        place = Path(folder)
        for each in (*kernels_folder().iterdir(), *EXAMPLES.iterdir()):
            (place / each.name).symlink_to(each)
        yield place


def run(command: str, place: Path) -> str:
    """What a command prints."""
    program, *arguments = shlex.split(command)
    if program != "mmuproof":
        raise SystemExit(f"transcripts: only mmuproof is run, not {program}")
    done = subprocess.run(
        [sys.executable, "-m", "mmuproof.cli.main", *arguments],
        cwd=place,
        # A reader has not run the command before.
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "110", NO_RESULTS: "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout.rstrip("\n") + "\n"


def shell(script: str, place: Path) -> None:
    """Run the commands that a page has a reader run beforehand."""
    subprocess.run(["sh", "-eu", "-c", script], cwd=place, env={**os.environ, **_COMMITTER}, check=True)


def trimmed(shown: str, output: str) -> str:
    """An output without what a transcript leaves out of it."""
    if _LEFT_OUT not in shown:
        return output
    lines = output.splitlines(keepends=True)
    known = [steady(line) for line in lines]
    kept: list[str] = []
    at = 0
    for part in re.split(rf"^{_LEFT_OUT}", shown, flags=re.MULTILINE):
        wanted = steady(part).splitlines(keepends=True)
        if wanted:
            first = _find(wanted[0], known, at)
            # A part of one line ends where it begins; a repeated last line is that of the same length, if there is one.
            same = first + len(wanted)
            at = same if known[first:same] == wanted else _find(wanted[-1], known, first) + 1
            kept += lines[first:at]
        kept.append(_LEFT_OUT)
    return "".join(kept[:-1])


def _find(line: str, lines: list[str], start: int) -> int:
    try:
        return lines.index(line, start)
    except ValueError:
        raise SystemExit(f"transcripts: a part that is shown begins or ends with what is not printed: {line}") from None


def refreshed(text: str) -> str:
    """A page with the output of each of its commands as it is now."""
    with workplace() as place:

        def block(found: re.Match[str]) -> str:
            if found["script"] is not None:
                shell(found["script"], place)
                return found[0]
            return f"$ {found['command']}\n{trimmed(found['output'], run(found['command'], place))}"

        return _BLOCK.sub(block, text)


def option_table(name: str) -> str:
    """What the options of a command are, as a table."""
    (request,) = (command.request for command in COMMANDS if command.name == name)
    rows = ["| option | meaning |\n|---|---|\n"]
    for _, _, given in declared(request):
        if given.names:
            *shorter, last = sorted(given.names, key=len)
            names = [*shorter, last if given.metavar is None else f"{last} {given.metavar}"]
            says = _PAGE.sub(r"[\1](\1.md)", _LITERAL.sub(r"`\g<0>`", given.says))
            called = ", ".join(f"`{each}`" for each in names)
            rows.append(f"| {_escaped(called)} | {_escaped(says)} |\n")
    return "".join(rows)


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def tabled(text: str) -> str:
    """A page with its tables of options as they are now."""
    return _TABLE.sub(lambda found: f"{found[1]}{found[2]}\n{option_table(found[1])}\n", text)


def steady(text: str) -> str:
    """A page without what changes from run to run."""
    return _CHANGING.sub("…", text)


def main() -> int:
    """Refresh or check every page."""
    stale = False
    named = [each for each in sys.argv[1:] if each != "--check"]
    for name in named or PAGES:
        page = ROOT / name
        before = page.read_text("utf-8")
        after = refreshed(tabled(before))
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
