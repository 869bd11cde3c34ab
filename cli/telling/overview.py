"""What matters of many results, on one screen: what is new, what is known, and a line for each area."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.cli.formats.cases import Ending, JudgedCase, JudgedRun, counted
from mmuproof.cli.shared.console import Output

_STYLES = {
    Ending.WRONG: "bold red",
    Ending.OPEN: "bold magenta",
    Ending.KNOWN: "yellow",
    Ending.SKIPPED: "dim",
    Ending.PASSED: "green",
}


def print_findings(output: Output, cases: Sequence[JudgedCase]) -> None:
    """A row for each case that is told nowhere else."""
    widths = [max((len(text) for text in column), default=0) for column in zip(*map(_cells, cases), strict=True)]
    for case in cases:
        verdict, name = (text.ljust(width) for text, width in zip(_cells(case), widths, strict=True))
        known = f"{case.known}: " if case.known else ""
        output.row((verdict, _STYLES[case.outcome]), f"  {name}  {known}{case.sentence}", whole=False)
    if cases:
        output.line()


def _cells(case: JudgedCase) -> tuple[str, str]:
    return case.verdict, case.named


def print_known(output: Output, cases: Sequence[JudgedCase], baseline: str) -> None:
    """A row for each finding that is known, or in a baseline, with the theorems that show it."""
    if not cases:
        return
    where = f"docs/findings.md{f', {baseline}' if baseline else ''}"
    output.line(f"Known findings ({where}); -v tells them in full:")
    together: dict[tuple[str, str], list[JudgedCase]] = {}
    for case in cases:
        together.setdefault((case.known, case.name), []).append(case)
    rows = [
        (known.removeprefix("known finding ").removeprefix("known findings "), name, same)
        for (known, name), same in together.items()
    ]
    numbers, names = (max(len(row[column]) for row in rows) for column in (0, 1))
    variants = max(len(_variants(same)) for _, _, same in rows)
    for number, name, same in rows:
        output.row(
            (f"  {number.rjust(numbers)}", _STYLES[Ending.KNOWN]),
            f"  {name.ljust(names)}  {_variants(same).ljust(variants)}  {same[0].sentence}",
            whole=False,
        )
    output.line()


def _variants(cases: Sequence[JudgedCase]) -> str:
    return ", ".join(dict.fromkeys(each.variant for each in cases if each.variant))


def print_gone(output: Output, run: JudgedRun) -> None:
    """What a baseline has and this run has not any more."""
    if run.gone:
        output.line(f"Gone since {run.baseline}:")
        for each in run.gone:
            output.line("  ", (each, "green"))
        output.line()


def print_areas(output: Output, run: JudgedRun) -> None:
    """A row for each area."""
    names = max(len(group) for group in run.groups)
    for group, cases in run.groups.items():
        worst = min((each.outcome for each in cases), key=list(Ending).index)
        output.line((group.ljust(names), _STYLES[worst]), f"  {counted(cases)}")
