"""The picture of a series: a column a commit, a row a function that is not the same after some commit."""

from __future__ import annotations

from mmuproof.cli.diff.changes import CallerCheck, Judgement
from mmuproof.cli.diff.claims import CommitClaim
from mmuproof.cli.diff.commits import ComparedCommit
from mmuproof.cli.diff.series_picture import drawn_commits, functions_figure
from mmuproof.cli.diff.tree_comparison import Found
from mmuproof.cli.shared.drawing import Look
from mmuproof.compare.claims import Change
from mmuproof.lift.tree.series import Commit


def commit(number: int, *judgements: Judgement, claim: CommitClaim = CommitClaim.NONE) -> ComparedCommit:
    made = Commit(id=f"{number:040x}", parent="0" * 40, message=f"Number {number}", changed=(), elsewhere=0)
    found = Found(judgements=judgements, unchanged=0, gone=(), come=(), outside=(), notes=())
    return ComparedCommit(commit=made, found=found if judgements else None, claim=claim)


def judged(function: str, change: Change, masks: str = "") -> Judgement:
    return Judgement(function=function, change=change, masks=masks)


def test_a_function_has_a_row_once_it_is_not_the_same() -> None:
    figure = functions_figure(
        drawn_commits(
            [
                commit(1, judged("f", Change.EQUAL), judged("g", Change.EQUAL)),
                commit(2),
                commit(
                    3,
                    judged("f", Change.LESS, "intel"),
                    judged("f", Change.EQUAL, "amd, shadow"),
                    claim=CommitClaim.BROKEN,
                ),
            ]
        )
    )
    assert figure is not None
    assert figure.rows == (
        ("", "claims nothing", "claims nothing", "claim broken"),
        ("f", "equal", "", "new allows less"),
    )
    (drawing,) = figure.drawings
    assert [(each.lines, each.look) for each in drawing.boxes if each.lines and not each.turned] == [(("L",), Look.SET)]
    assert drawing.says == "1 times a function is not the same after a commit."


def test_where_all_is_equal_there_is_no_picture() -> None:
    seen_to = Judgement(function="f", change=Change.EQUAL_IF, condition="x", callers=(CallerCheck("g", True),))
    assert functions_figure(drawn_commits([commit(1, judged("f", Change.EQUAL)), commit(2, seen_to)])) is None
