"""Put small random mistakes into a kernel's C, one at a time, and tell which of them no theorem notices.

A mistake is made in a line of which a theorem speaks (``mmuproof coverage``).  It is noticed if a verdict or a number
of claims is another than before.  What nobody notices has to be looked at: a mistake may be harmless, such as one flush
too many, a loop that stops later, or a lock, which theorems leave out.  All else is a gap.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MMUPROOF = Path(sys.executable).with_name("mmuproof")
_LEFT_ALONE = re.compile(r"WARN|BUG|trace_|stat\.|lockdep|assert|pr_(?:err|info|warn)|rcu_|lock\(|resched|smp_")
"""What lines say that only tell somebody something, or that are about locks."""
_EXCHANGED = {
    "&&": "||",
    "||": "&&",
    " == ": " != ",
    " != ": " == ",
    " < ": " <= ",
    " <= ": " < ",
    " > ": " >= ",
    " >= ": " > ",
    " + 1": "",
    " - 1": "",
    "true": "false",
    "false": "true",
    " |= ": " = ",
    " &= ~": " |= ",
}
_STATEMENT = re.compile(
    r"(\s*)(?!return|goto|break|continue|else|case|default)[\w>.\[\]*(&, -]*[\w\])](?: \S?= .*|\(.*\));\s*$"
)
_DECLARATION = re.compile(r"\s*(?:const |static |struct |union |enum |unsigned )*\w+ \*?\w+ = ")
_CONDITION = re.compile(r"(\s*(?:\} else )?if \()(.*)(\)(?: \{)?)\s*$")
_ANSWER = re.compile(r"(\s*return )(.*)(;)\s*$")


@dataclass(frozen=True)
class SpokenLine:
    """A line of which theorems speak.

    Args:
        file: the path below the tree's root.
        line: its number.
        function: whose it is.
    """

    file: str
    line: int
    function: str


def mistakes_in(line: str) -> Iterator[tuple[str, str]]:
    """What could be wrong in a line of C, each with the line that then stands there."""
    if _LEFT_ALONE.search(line):
        return
    statement = _STATEMENT.match(line)
    if statement is not None and not _DECLARATION.match(line):
        yield "left out", f"{statement[1]};"
    for old, new in _EXCHANGED.items():
        for found in re.finditer(re.escape(old), line):
            yield f"{old.strip()} is {new.strip() or 'left out'}", line[: found.start()] + new + line[found.end() :]
    condition = _CONDITION.match(line)
    if condition is not None and _is_balanced(condition[2]):
        yield "never", f"{condition[1]}0 && ({condition[2]}){condition[3]}"
        yield "always", f"{condition[1]}1 || ({condition[2]}){condition[3]}"
    for whole in (condition, _ANSWER.match(line)):
        if whole is not None:
            for part, rest in _without_one(whole[2]):
                yield f"without {part}", f"{whole[1]}{rest}{whole[3]}"


def _without_one(expression: str) -> Iterator[tuple[str, str]]:
    """Each operand of a conjunction or disjunction, and what is left without it."""
    for operator in (" && ", " || "):
        parts = expression.split(operator)
        if len(parts) > 1 and all(map(_is_balanced, parts)):
            for number, part in enumerate(parts):
                yield part, operator.join(parts[:number] + parts[number + 1 :])


def _is_balanced(text: str) -> bool:
    return text.count("(") == text.count(")")


class MutantTrial:
    """A copy of a tree in which mistakes are made, with a cache of its own.

    Args:
        kernel: the tree.
        folder: where the copy and the cache are to be.
        theorems: shell patterns; all if there are none.
        jobs: how many processes prove.
    """

    def __init__(self, kernel: Path, folder: Path, theorems: Sequence[str], jobs: int) -> None:
        self._kernel, self._tree = kernel, folder / "tree"
        shutil.copytree(kernel, self._tree, symlinks=True)
        self._environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
        self._command = ["prove", *theorems, "--kernel", str(self._tree), "--jobs", str(jobs)]
        self._report = folder / "report.json"
        self._before = self._results()

    def places(self, only: str) -> list[SpokenLine]:
        """Where mistakes are made, in files whose path matches a regular expression."""
        told = self._run("coverage", "--kernel", str(self._tree))
        return [
            SpokenLine(each["file"], line, each["function"])
            for each in told["functions"]
            if not each["uncounted"] and re.search(only, each["file"])
            for line in sorted({line for lines in each["theorems"].values() for line in lines})
        ]

    def line(self, place: SpokenLine) -> str:
        """What stands at a place."""
        return self._text(place)[place.line - 1].rstrip("\n")

    def noticed(self, place: SpokenLine, line: str) -> tuple[str, ...]:
        """The theorems whose results are others when another line stands at a place; the tree is as before then."""
        text, file = self._text(place), self._tree / place.file
        text[place.line - 1] = f"{line}\n"
        file.write_text("".join(text), "utf-8")
        try:
            after = self._results()
        finally:
            shutil.copy2(self._kernel / place.file, file)
        both = {*self._before, *after}
        return tuple(sorted({each[0] for each in both if self._before.get(each) != after.get(each)}))

    def _text(self, place: SpokenLine) -> list[str]:
        return (self._kernel / place.file).read_text("utf-8").splitlines(keepends=True)

    def _results(self) -> dict[tuple[str, str], tuple[str, int, tuple[int, ...]]]:
        """By theorem and vendor: the verdict, how many claims it rests on, and which findings it shows."""
        return {
            (each["theorem"], each["vendor"]): (each["verdict"], each["claims"], tuple(each["known_findings"]))
            for each in self._run(*self._command)["results"]
        }

    def _run(self, *arguments: str) -> dict[str, Any]:
        """The report of a run.

        Raises:
            SystemExit: there is none.
        """
        self._report.unlink(missing_ok=True)
        ended = subprocess.run(
            [MMUPROOF, *arguments, "--json", self._report], capture_output=True, text=True, env=self._environment
        )
        if not self._report.is_file():
            sys.exit(f"mutants: {' '.join(arguments)}: exit status {ended.returncode}\n{ended.stderr}")
        report: dict[str, Any] = json.loads(self._report.read_text("utf-8"))
        return report


def main() -> None:
    """Make mistakes, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("theorems", nargs="*", metavar="THEOREM", help="only these: names or shell patterns")
    parser.add_argument("--kernel", type=Path, required=True, metavar="FOLDER", help="the tree")
    parser.add_argument("--count", type=int, default=50, metavar="N", help="how many mistakes are made (50)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="for the choice of mistakes (0)")
    parser.add_argument("--only", default="/mmu/", metavar="REGEX", help="files in whose path it is found (/mmu/)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that prove side by side (1)")
    options = parser.parse_args()
    unnoticed = 0
    with tempfile.TemporaryDirectory(prefix="mmuproof-mutants-") as folder:
        trial = MutantTrial(options.kernel, Path(folder), options.theorems, options.jobs)
        found = [
            (place, how, text) for place in trial.places(options.only) for how, text in mistakes_in(trial.line(place))
        ]
        chosen = random.Random(options.seed).sample(found, min(options.count, len(found)))
        for place, how, text in chosen:
            by = trial.noticed(place, text)
            unnoticed += not by
            told = f"by {', '.join(by[:3])}{', ...' if len(by) > 3 else ''}" if by else trial.line(place).strip()
            print(
                f"{'noticed  ' if by else 'UNNOTICED'}  {place.file}:{place.line}  {place.function}()  {how}:  {told}",
                flush=True,
            )
    print(f"{len(chosen) - unnoticed} of {len(chosen)} noticed; {len(found)} could be made")


if __name__ == "__main__":
    main()
