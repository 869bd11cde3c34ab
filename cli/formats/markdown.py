"""A run as Markdown: a summary for the page of a job, or for a mail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mmuproof.cli.formats.cases import JudgedCase, JudgedRun, counted

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&]|^[#+-])")
_FENCE = re.compile(r"`{3,}")
_SAYS = {0: "Nothing is wrong.", 1: "Something is wrong.", 3: "Something could not be decided."}


def markdown_text(run: JudgedRun) -> str:
    """The whole run: what counts, what is known, and a row for each area."""
    return "".join(f"{line}\n" for line in _lines(run))


def _lines(run: JudgedRun) -> Iterator[str]:
    yield f"### mmuproof {run.command}: {_SAYS[run.exit_status]}"
    yield ""
    yield f"{_plain(counted(run.cases) or 'nothing to judge')}, on {_plain(run.subject)}, in {run.seconds:.1f} s."
    yield ""
    counting = [each for each in run.findings if each.outcome.counts]
    known = [each for each in run.findings if not each.outcome.counts]
    for case in counting:
        yield from _finding(case)
    if known:
        yield from _folded(f"{len(known)} known", _table(("what", "known as", "says"), map(_known_row, known)))
    if run.gone:
        yield from _folded(
            f"{len(run.gone)} gone since the baseline", [f"- {_plain(each)}" for each in run.gone] + [""]
        )
    rows = (
        (group, counted(cases), f"{sum(each.seconds for each in cases):.1f} s") for group, cases in run.groups.items()
    )
    yield from _folded(f"{len(run.groups)} areas", _table(("area", "verdicts", "processor time"), rows))
    for note in run.notes:
        yield _plain(note)
        yield ""


def _finding(case: JudgedCase) -> Iterator[str]:
    place = f" (`{_code(case.at)}`)" if case.at else ""
    yield f"- **{_plain(case.verdict)}** {_plain(case.named)}: {_plain(case.sentence)}{place}"
    if case.details:
        text = "\n".join(case.details)
        fence = "`" * (max((len(each) for each in _FENCE.findall(text)), default=2) + 1)
        yield ""
        yield from (f"  {line}".rstrip() for line in (f"{fence}text", *text.splitlines(), fence))
    yield ""


def _known_row(case: JudgedCase) -> tuple[str, ...]:
    return f"{case.verdict} {case.named}", case.known, case.sentence


def _folded(title: str, lines: Sequence[str]) -> Iterator[str]:
    yield f"<details><summary>{_plain(title)}</summary>"
    yield ""
    yield from lines
    yield "</details>"
    yield ""


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> list[str]:
    every = [head, ["---"] * len(head), *([_plain(cell) for cell in row] for row in rows)]
    return [*(f"| {' | '.join(row)} |" for row in every), ""]


def _plain(text: str) -> str:
    """Words that mean nothing to Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    return text.replace("`", "'")
