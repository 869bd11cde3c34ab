"""What was found of commits in earlier runs: a run that was interrupted goes on where it was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from mmuproof.cli.check.findings import CheckedStep
from mmuproof.cli.shared.kept_files import KeptFiles, digest_of
from mmuproof.cli.shared.own_code import code_digest
from mmuproof.cli.shared.records import plain, record_of
from mmuproof.smt.obligation import Verdict

_MOST = 4096
"""As many commits are remembered."""
_UNDECIDED = (Verdict.UNKNOWN, Verdict.ERROR)


class KeptSteps:
    """What was found of commits by a run that asked the same.

    A commit's id stands for all that it and the one before it hold.  What was not decided is not kept.

    Args:
        folder: where it is kept; None keeps and finds nothing.
        asks: what was asked of the commits.
    """

    def __init__(self, folder: Path | None, asks: Iterable[str]) -> None:
        self._files, self._like = KeptFiles(folder, _MOST), digest_of(code_digest(), *asks)
        self._known: dict[str, CheckedStep | None] = {}

    def find(self, commit: str) -> CheckedStep | None:
        """What is known of a commit, by its id."""
        if commit not in self._known:
            self._known[commit] = _read(self._files.read(self._name(commit)))
        return self._known[commit]

    def keep(self, commit: str, step: CheckedStep) -> None:
        """Keep what was found of a commit."""
        verdicts = {result.verdict for each in step.turns for result in (each.before, each.after)}
        if not step.unusable and verdicts.isdisjoint(_UNDECIDED) and not any(each.failure for each in step.judgements):
            self._files.write(self._name(commit), plain(step))

    def _name(self, commit: str) -> str:
        return f"{self._like}-{commit}.json"


def _read(content: object) -> CheckedStep | None:
    try:
        return None if content is None else replace(record_of(CheckedStep, content), is_kept=True)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
