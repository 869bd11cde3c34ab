"""`mmuproof diff --series`: a series of commits, one line each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mmuproof.cli.diff.claims import CLAIM_STYLES, CommitClaim, claim_of
from mmuproof.cli.diff.command import DiffRequest
from mmuproof.cli.diff.in_brief import in_brief
from mmuproof.cli.diff.stepwise import StepwiseComparison
from mmuproof.cli.diff.tree_comparison import Found, Selected
from mmuproof.cli.shared.caching import TREES, cache_folder
from mmuproof.cli.shared.configuring import given_config
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.unusable import usable
from mmuproof.lift.tree.around import repository_around
from mmuproof.lift.tree.series import Commit, read_series, series_trees


def compare_series(request: DiffRequest, output: Output) -> int:
    """Compare commit by commit: 1 if a claim of no functional change is broken, 3 if one is open, else 0.

    Raises:
        UsageProblem: the repository, the range or a tree cannot be used.
    """
    start = time.perf_counter()
    assert request.series is not None
    repository = repository_around(Path(request.old).expanduser())
    given = given_config(request.config)
    wanted = Selected(jobs=request.jobs, budget=request.budget)
    with usable():
        commits = read_series(request.series, repository)
        found: dict[str, Found] = {}
        with (
            output.progress(verbose=request.verbose) as watcher,
            TemporaryDirectory(prefix="mmuproof-") as folder,
            series_trees(repository, commits, cache=cache_folder(TREES)) as steps,
        ):
            comparison = StepwiseComparison(Path(folder), given, wanted, watcher)
            for step in steps:
                changed = frozenset(step.commit.changed)
                found[step.commit.id] = comparison.compare(step.before, step.after, changed)
    claims = [_print_commit(output, commit, found.get(commit.id)) for commit in commits]
    output.line()
    output.line(
        f"{len(claims)} commit{'s' if len(claims) != 1 else ''}",
        *_counts(claims),
        f" in {time.perf_counter() - start:.1f} s",
    )
    if CommitClaim.BROKEN in claims:
        return 1
    return 3 if CommitClaim.OPEN in claims else 0


def _print_commit(output: Output, commit: Commit, found: Found | None) -> CommitClaim:
    """One line: what the commit does to which functions, and whether its claim stands."""
    judgements = found.judgements if found is not None else ()
    claim = claim_of(commit.message, judgements, found.outside if found is not None else ())
    told: list[str | tuple[str, str]] = [(commit.short_id, "dim"), f"  {commit.subject}: {_says(commit, found)}"]
    if claim is not CommitClaim.NONE:
        told += ["; no functional change: ", (claim.value, CLAIM_STYLES[claim])]
    output.line(*told)
    return claim


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
