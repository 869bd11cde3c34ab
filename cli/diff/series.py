"""`mmuproof diff --series`: a series of commits, one line each."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mmuproof.cli.diff.claims import CLAIM_STYLES, CommitClaim, claim_of
from mmuproof.cli.diff.command import DiffRequest
from mmuproof.cli.diff.in_brief import in_brief
from mmuproof.cli.diff.reading import kept_units
from mmuproof.cli.diff.report import judgement_content, letters, print_assumptions
from mmuproof.cli.diff.stepwise import StepwiseComparison
from mmuproof.cli.diff.tree_comparison import Found, Selected
from mmuproof.cli.shared.caching import TREES, cache_folder
from mmuproof.cli.shared.configuring import given_config
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.json_file import STANDARD_OUTPUT, check_writable, write_json
from mmuproof.cli.shared.unusable import usable
from mmuproof.cli.telling.results_file import heading
from mmuproof.lift.tree.around import repository_around
from mmuproof.lift.tree.series import Commit, read_series, series_trees
from mmuproof.smt import backend


@dataclass(frozen=True)
class _Done:
    """A commit, what was found if it changes anything that is read, and what becomes of its claim."""

    commit: Commit
    found: Found | None
    claim: CommitClaim


def compare_series(request: DiffRequest, output: Output) -> int:
    """Compare commit by commit, and tell of each as soon as it is done.

    The exit status is 1 if a claim of no functional change is broken, 3 if one is open, else 0.

    Raises:
        UsageProblem: the repository, the range or a tree cannot be used.
    """
    start = time.perf_counter()
    assert request.series is not None
    repository = repository_around(Path(request.old).expanduser())
    given = given_config(request.config)
    wanted = Selected(jobs=request.jobs, budget=request.budget)
    if request.json is not None:
        if str(request.json) == STANDARD_OUTPUT:
            raise UsageProblem("--series tells on standard output as it goes; --json needs a file")
        check_writable(request.json)
    done, told = list[_Done](), _Rows(output)
    with usable():
        commits = deque(read_series(request.series, repository))
        with (
            output.progress(verbose=request.verbose) as watcher,
            TemporaryDirectory(prefix="mmuproof-") as folder,
            kept_units() as saved,
            series_trees(repository, tuple(commits), cache=cache_folder(TREES)) as steps,
        ):
            comparison = StepwiseComparison(Path(folder), given, wanted, watcher, saved)
            for step in steps:
                # A row is told as soon as all before it are; a commit that changes nothing that is read has no step.
                while commits[0].id != step.commit.id:
                    done.append(told.row(commits.popleft(), None))
                found = comparison.compare(step.before, step.after, frozenset(step.commit.changed))
                done.append(told.row(commits.popleft(), found))
        done += [told.row(commit, None) for commit in commits]
    claims = [each.claim for each in done]
    output.line()
    told.rest()
    output.line(
        f"{len(claims)} commit{'s' if len(claims) != 1 else ''}",
        *_counts(claims),
        f" in {time.perf_counter() - start:.1f} s",
    )
    if request.json is not None:
        write_json(request.json, _content(request, done))
    if CommitClaim.BROKEN in claims:
        return 1
    return 3 if CommitClaim.OPEN in claims else 0


class _Rows:
    """The rows of a series as they come; what they take for granted is listed below them by letter."""

    def __init__(self, output: Output) -> None:
        self._output, self._assumed = output, dict[str, int]()

    def row(self, commit: Commit, found: Found | None) -> _Done:
        """One line: what the commit does to which functions, and whether its claim stands."""
        judgements = found.judgements if found is not None else ()
        claim = claim_of(commit.message, judgements, found.outside if found is not None else ())
        needed = dict.fromkeys(label for each in judgements for label in each.assumptions)
        given = [letters(self._assumed.setdefault(label, len(self._assumed) + 1)) for label in needed]
        told: list[str | tuple[str, str]] = [(commit.short_id, "dim"), f"  {commit.subject}: {_says(commit, found)}"]
        told += [f" ({','.join(given)})"] if given else []
        if claim is not CommitClaim.NONE:
            told += ["; no functional change: ", (claim.value, CLAIM_STYLES[claim])]
        self._output.line(*told)
        return _Done(commit, found, claim)

    def rest(self) -> None:
        """What was taken for granted in some rows."""
        print_assumptions(self._output, self._assumed)


def _content(request: DiffRequest, done: Sequence[_Done]) -> dict[str, object]:
    """What the results file says."""
    return {
        **heading("series", {"z3": backend.version()}),
        "repository": request.old,
        "series": request.series,
        "commits": [_content_of(each) for each in done],
    }


def _content_of(done: _Done) -> dict[str, object]:
    found = done.found
    return {
        "commit": done.commit.id,
        "subject": done.commit.subject,
        "no_functional_change": done.claim.value or None,
        "read": bool(done.commit.changed),
        "results": [judgement_content(each) for each in found.judgements] if found is not None else [],
        "unchanged": found.unchanged if found is not None else None,
        "gone": list(found.gone) if found is not None else [],
        "come": list(found.come) if found is not None else [],
        "outside": list(found.outside) if found is not None else [],
        "renamed": list(found.notes) if found is not None else [],
    }


def _says(commit: Commit, found: Found | None) -> str:
    if not commit.changed:
        return "nothing that is read"
    return in_brief(found.judgements, found.come, found.gone) if found is not None else in_brief((), (), ())


def _counts(claims: Sequence[CommitClaim]) -> list[str | tuple[str, str]]:
    parts: list[str | tuple[str, str]] = []
    for claim in (CommitClaim.STANDS, CommitClaim.BROKEN, CommitClaim.OPEN):
        count = claims.count(claim)
        if count:
            parts += [", ", (f"{count} {claim.value}", CLAIM_STYLES[claim])]
    return parts
