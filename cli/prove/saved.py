"""Results that are kept from one run to the next, for a kernel in which nothing has changed since.

A result is found again by all that it rests on: mmuproof's own code, the solver and the C front end, every file of the
tree that could be read, the configuration, what is taken as known of the processor, and the solver's budget.  What was
not decided is not kept.  A file that was damaged, cut off or put under another name is passed over.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from mmuproof import cli, compare, lift, model, proofs, questions, smt, spec
from mmuproof.cli.shared.json_file import written_whole
from mmuproof.cli.shared.results import Counterexample, CutNote, Input, Result, TracedStep
from mmuproof.cli.shared.selection import Task
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.known_findings import Shape
from mmuproof.smt.obligation import Verdict

ROOMS = (smt, spec, lift, model, compare, questions, proofs, cli)
"""All packages that mmuproof consists of."""
_DECIDED = (Verdict.PROVED, Verdict.REFUTED, Verdict.NOT_APPLICABLE)
_MOST_FILES = 64
"""As many kernels are remembered; the one that has not been asked for longest goes first."""
_PACKAGES = ("z3-solver", "libclang")
_OWN = (".py", ".json", ".config")


@cache
def code_digest() -> str:
    """SHA-256 over all that decides: mmuproof's own files, the packages that it decides with, and Python."""
    digest = hashlib.sha256(sys.version.encode())
    for package in _PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            digest.update(f"{package} {metadata.version(package)}\0".encode())
    for root in (Path(path) for room in ROOMS for path in room.__path__):
        digest.update(f"{root.name}\0".encode())
        for folder, folders, names in os.walk(root, followlinks=True):
            folders.sort()
            for name in sorted(each for each in names if each.endswith(_OWN)):
                path = Path(folder, name)
                content = path.read_bytes()
                digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


@dataclass(frozen=True)
class Recalled:
    """What is known from earlier runs.

    Args:
        results: the result of each task that has one.
        known: the numbers of the known findings of the kernel; None if there is no result.
    """

    results: Mapping[Task, Result]
    known: tuple[int, ...] | None = None


class SavedResults:
    """The results of one kernel, and of all else that they rest on.

    Args:
        folder: where they are kept; None keeps and finds nothing.
        rests_on: what they rest on, besides the code.
    """

    def __init__(self, folder: Path | None, rests_on: Iterable[str]) -> None:
        key = hashlib.sha256()
        for text in () if folder is None else (code_digest(), *rests_on):
            key.update(b"%d:" % len(text.encode()) + text.encode())
        self._key = key.hexdigest()
        self._file = None if folder is None else folder / f"{self._key}.json"

    def recall(self, tasks: Sequence[Task]) -> Recalled:
        """What is known of some tasks."""
        content = self._read()
        try:
            known = tuple(int(number) for number in content["known"])
            found = {(each.theorem, each.vendor): each for each in map(_result, content["results"])}
        except (KeyError, TypeError, ValueError):
            return Recalled({})
        named = ((task, found.get((task.theorem.name, task.vendor))) for task in tasks)
        return Recalled({task: result for task, result in named if result is not None}, known)

    def keep(self, results: Sequence[Result], known: Sequence[int]) -> None:
        """Keep what was decided, beside what is kept already; nothing is lost if that fails."""
        if self._file is None:
            return
        kept = {(each["theorem"], each["vendor"]): each for each in self._read().get("results", [])}
        kept |= {(each.theorem, each.vendor.value): asdict(each) for each in results if each.verdict in _DECIDED}
        content = {"known": list(known), "results": list(kept.values())}
        text = json.dumps(content, sort_keys=True, default=lambda each: each.value)
        with suppress(OSError):
            with written_whole(self._file) as file:
                file.write(f"{self._sum(text)}\n{text}")
            _make_room(self._file.parent)

    def _read(self) -> dict[str, Any]:
        if self._file is None:
            return {}
        try:
            told, _, text = self._file.read_text("utf-8").partition("\n")
            if told != self._sum(text):
                return {}
            os.utime(self._file)
            content = json.loads(text)
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _sum(self, text: str) -> str:
        return hashlib.sha256(f"{self._key}\0{text}".encode()).hexdigest()


def _make_room(folder: Path) -> None:
    files = sorted(folder.glob("*.json"), key=lambda each: each.stat().st_mtime)
    for each in files[:-_MOST_FILES]:
        each.unlink(missing_ok=True)


def _result(content: Mapping[str, Any]) -> Result:
    told = content["counterexample"]
    return Result(
        **{
            **content,
            "vendor": Vendor(content["vendor"]),
            "verdict": Verdict(content["verdict"]),
            "assumptions": tuple(content["assumptions"]),
            "cuts": tuple(
                CutNote(each["function"], each["at"], each["reason"], tuple(each["unchecked"]))
                for each in content["cuts"]
            ),
            "counterexample": None if told is None else _counterexample(told),
            "refuted": tuple(Shape(**{**each, "vendor": Vendor(each["vendor"])}) for each in content["refuted"]),
            "known": tuple(content["known"]),
        }
    )


def _counterexample(told: Mapping[str, Any]) -> Counterexample:
    return Counterexample(
        **{
            **told,
            "inputs": tuple(Input(**each) for each in told["inputs"]),
            "steps": tuple(TracedStep(**each) for each in told["steps"]),
        }
    )
