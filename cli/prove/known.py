"""Known findings that do not show as they are recorded: a fix, or a record that has gone stale."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.cli.shared.results import Result
from mmuproof.proofs.known_findings import KnownFinding, known_as
from mmuproof.proofs.shape import Shape
from mmuproof.smt.obligation import Verdict


def remarks(results: Sequence[Result], known: Sequence[KnownFinding]) -> tuple[str, ...]:
    """For each result of which findings are known: which of them it does not show, or not as recorded."""
    found = []
    for result in results:
        recorded = [each.number for each in known if any(_is_of(shape, result) for shape in each.shapes)]
        shown = {known_as(shape, known) for shape in result.refuted}
        missing = [number for number in recorded if number not in shown]
        if not missing:
            continue
        name = f"{result.theorem} {result.vendor.value}"
        numbers = f"known finding{'s' if len(missing) > 1 else ''} {', '.join(map(str, missing))}"
        others = [shape for shape in result.refuted if known_as(shape, known) is None]
        if others:
            wrong = "; ".join(_described(shape) for shape in others)
            found.append(f"{name} is refuted in another way than {numbers} {_is(missing)} recorded: {wrong}.")
        elif result.verdict in (Verdict.PROVED, Verdict.REFUTED):
            found.append(f"{name} does not show {numbers} here (docs/findings.md): it is {result.verdict.value}.")
    return tuple(found)


def _is(numbers: Sequence[int]) -> str:
    return "are" if len(numbers) > 1 else "is"


def _is_of(shape: Shape, result: Result) -> bool:
    return (shape.theorem, shape.vendor) == (result.theorem, result.vendor)


def _described(shape: Shape) -> str:
    part = f"{shape.part}: " if shape.part else ""
    return f"{part}{shape.symptom}{f' at {shape.place}' if shape.place else ''}"
