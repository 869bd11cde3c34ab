"""`mmuproof diff --series`: a series of commits, one line each."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from mmuproof.cli.diff.cases import former_places, series_run, witness_places
from mmuproof.cli.diff.claims import CLAIM_STYLES, CommitClaim, claim_of
from mmuproof.cli.diff.command import DiffRequest
from mmuproof.cli.diff.commits import ComparedCommit, ComparedSeries
from mmuproof.cli.diff.exhibits import figures_of
from mmuproof.cli.diff.in_brief import in_brief
from mmuproof.cli.diff.reading import kept_units
from mmuproof.cli.diff.report import judgement_content, letters, print_assumptions
from mmuproof.cli.diff.series_picture import drawn_commits, functions_figure
from mmuproof.cli.diff.stepwise import StepwiseComparison
from mmuproof.cli.diff.tree_comparison import Found, Selected
from mmuproof.cli.formats.asked import asked_formats
from mmuproof.cli.formats.cases import JudgedRun
from mmuproof.cli.formats.excerpts import quoted
from mmuproof.cli.formats.exhibits import Exhibits, Gallery
from mmuproof.cli.formats.reporter import Reporter
from mmuproof.cli.shared.caching import TREES, cache_folder
from mmuproof.cli.shared.configuring import given_config
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.tree_text import text_in
from mmuproof.cli.shared.unusable import usable
from mmuproof.cli.telling.overview import print_gone
from mmuproof.cli.telling.results_file import heading
from mmuproof.lift.tree.around import repository_around
from mmuproof.lift.tree.series import Commit, read_series, series_trees
from mmuproof.smt import backend


def compare_series(request: DiffRequest, output: Output) -> int:
    """Compare commit by commit, and tell of each as soon as it is done.

    The exit status is 1 if a claim of no functional change is broken, 3 if one is open, else 0.

    Raises:
        UsageProblem: the repository, the range or a tree cannot be used, or a file cannot be written.
    """
    start = time.perf_counter()
    assert request.series is not None
    repository = repository_around(Path(request.old).expanduser())
    given = given_config(request.config)
    asked = asked_formats(request)
    reporter = Reporter(asked, output)
    wanted = Selected(jobs=request.jobs, budget=request.budget, witnesses=asked.is_for_machines)
    done, told = list[ComparedCommit](), _Rows(reporter.console)
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
                begun = time.perf_counter()
                found = comparison.compare(step.before, step.after, frozenset(step.commit.changed))
                compared = told.row(commits.popleft(), found)
                done.append(
                    replace(
                        compared,
                        seconds=time.perf_counter() - begun,
                        lines=quoted(witness_places(found.judgements), partial(text_in, step.after.root)),
                        former_lines=quoted(former_places(found.judgements), partial(text_in, step.before.root)),
                    )
                )
        done += [told.row(commit, None) for commit in commits]
    report = ComparedSeries(
        repository=request.old,
        series=request.series,
        commits=tuple(done),
        seconds=time.perf_counter() - start,
        solvers={"z3": backend.version()},
    )
    run = reporter.judged(series_run(report))
    _print_totals(reporter.console, told, report, run)
    return reporter.deliver(run, partial(_content, report), _exhibits(report, run))


def _print_totals(output: Output, told: _Rows, report: ComparedSeries, run: JudgedRun) -> None:
    claims = [each.claim for each in report.commits]
    output.line()
    told.rest()
    print_gone(output, run)
    output.line(
        f"{len(claims)} commit{'s' if len(claims) != 1 else ''}", *_counts(claims), f" in {report.seconds:.1f} s"
    )


def _exhibits(report: ComparedSeries, run: JudgedRun) -> Exhibits:
    """What a page shows of a series besides."""
    drawn = functions_figure(drawn_commits(report.commits))
    says = "What each commit does to the functions of the MMU."
    return Exhibits(
        galleries=() if drawn is None else (Gallery("The series", says, (drawn,)),), numbers=figures_of(run.findings)
    )


class _Rows:
    """The rows of a series as they come; what they take for granted is listed below them by letter."""

    def __init__(self, output: Output) -> None:
        self._output, self._assumed = output, dict[str, int]()

    def row(self, commit: Commit, found: Found | None) -> ComparedCommit:
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
        return ComparedCommit(commit=commit, found=found, claim=claim)

    def rest(self) -> None:
        """What was taken for granted in some rows."""
        print_assumptions(self._output, self._assumed)


def _content(report: ComparedSeries) -> dict[str, object]:
    """What the results file says."""
    return {
        **heading("series", report.solvers),
        "repository": report.repository,
        "series": report.series,
        "commits": [_content_of(each) for each in report.commits],
    }


def _content_of(compared: ComparedCommit) -> dict[str, object]:
    found = compared.found
    return {
        "commit": compared.commit.id,
        "subject": compared.commit.subject,
        "no_functional_change": compared.claim.value or None,
        "read": bool(compared.commit.changed),
        "results": [judgement_content(each) for each in found.judgements] if found is not None else [],
        "unchanged": found.unchanged if found is not None else None,
        "gone": list(found.gone) if found is not None else [],
        "come": list(found.come) if found is not None else [],
        "outside": list(found.outside) if found is not None else [],
        "renamed": list(found.notes) if found is not None else [],
        "locals_renamed": list(found.locals_renamed) if found is not None else [],
    }


def _says(commit: Commit, found: Found | None) -> str:
    if not commit.changed:
        return "nothing that is read"
    if found is None:
        return in_brief((), (), ())
    return in_brief(found.judgements, found.come, found.gone, found.locals_renamed)


def _counts(claims: Sequence[CommitClaim]) -> list[str | tuple[str, str]]:
    parts: list[str | tuple[str, str]] = []
    for claim in (CommitClaim.STANDS, CommitClaim.BROKEN, CommitClaim.OPEN):
        count = claims.count(claim)
        if count:
            parts += [", ", (f"{count} {claim.value}", CLAIM_STYLES[claim])]
    return parts
