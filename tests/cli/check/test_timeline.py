"""The picture of a series: a column a commit, a row a theorem that some commit turns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmuproof.cli.check.findings import CheckedStep
from mmuproof.cli.check.timeline import timeline
from mmuproof.cli.check.turning import Turn
from mmuproof.cli.diff.claims import CommitClaim
from mmuproof.cli.shared.drawing import Look
from mmuproof.cli.shared.results import Result
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.shape import Shape
from mmuproof.smt.obligation import Verdict

PROVED = Result(theorem="spte.nonleaf", vendor=Vendor.AMD, verdict=Verdict.PROVED, seconds=0.5, claims=2)
SHAPE = Shape(theorem="spte.nonleaf", vendor=Vendor.AMD, part="", symptom="restricts", place="")
REFUTED = replace(PROVED, verdict=Verdict.REFUTED, refuted=(SHAPE,))
LOST = replace(PROVED, theorem="spte.pfn", verdict=Verdict.LOST)


def commit(number: int, *turns: Turn) -> CheckedStep:
    return CheckedStep(
        name=f"{number:012x}", subject=f"Number {number}", is_read=True, claim=CommitClaim.NONE, turns=turns
    )


SERIES = (
    commit(1),
    commit(2, Turn(PROVED, REFUTED), Turn(replace(LOST, verdict=Verdict.PROVED), LOST)),
    commit(3),
    commit(4, Turn(REFUTED, PROVED)),
)


def test_a_verdict_lasts_until_a_commit_turns_it() -> None:
    figure = timeline(SERIES)
    assert figure is not None
    assert figure.head == ("theorem", *(each.name for each in SERIES))
    assert figure.rows == (
        ("", "fine", "wrong", "fine", "fine"),
        ("spte.nonleaf amd", "PROVED", "REFUTED", "REFUTED", "PROVED"),
        ("spte.pfn amd", "PROVED", "LOST", "LOST", "LOST"),
    )


def test_a_letter_stands_where_a_commit_turns_a_theorem() -> None:
    figure = timeline(SERIES)
    assert figure is not None
    (drawing,) = figure.drawings
    marked = [(each.lines, each.look) for each in drawing.boxes if each.lines and not each.turned]
    assert marked == [(("R",), Look.WRONG), (("P",), Look.GOOD), (("L",), Look.OPEN)]
    assert drawing.says == "3 results are turned."


@pytest.mark.parametrize(
    ("after", "look"),
    [
        (REFUTED, Look.WRONG),
        (replace(REFUTED, known=(3,)), Look.KNOWN),
        (replace(PROVED, verdict=Verdict.ERROR), Look.OPEN),
    ],
    ids=["refuted", "known", "an error"],
)
def test_what_is_known_looks_otherwise(after: Result, look: Look) -> None:
    figure = timeline([commit(1, Turn(PROVED, after))])
    assert figure is not None
    assert look in {each.look for each in figure.drawings[0].boxes if each.lines == (after.verdict.value[0],)}


def test_a_result_that_a_commit_leaves_is_no_turn() -> None:
    assert timeline([commit(1, Turn(PROVED, PROVED)), commit(2)]) is None


@pytest.mark.parametrize(("count", "drawings"), [(1, 1), (40, 1), (41, 2), (400, 10)])
def test_a_long_series_goes_on_below(count: int, drawings: int) -> None:
    figure = timeline([commit(1, Turn(PROVED, REFUTED)), *(commit(number) for number in range(2, count + 1))])
    assert figure is not None
    assert len(figure.drawings) == drawings
    assert sum(each.turned for drawing in figure.drawings for each in drawing.boxes) == count
    assert all(box.x + box.width <= drawing.width for drawing in figure.drawings for box in drawing.boxes)
