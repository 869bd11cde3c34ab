"""What was found of a commit is found again by a run that asks the same, and by no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mmuproof.cli.check.findings import CheckedStep
from mmuproof.cli.check.kept_steps import KeptSteps
from mmuproof.cli.check.turning import Turn
from mmuproof.cli.diff.changes import CallerCheck, Judgement, Witness
from mmuproof.cli.diff.claims import CommitClaim
from mmuproof.cli.shared.kept_files import KeptFiles
from mmuproof.cli.shared.results import Counterexample, Input, Result, TracedStep
from mmuproof.compare.claims import Change
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.shape import Shape
from mmuproof.smt.obligation import Verdict

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROVED = Result(theorem="spte.nonleaf", vendor=Vendor.AMD, verdict=Verdict.PROVED, seconds=0.5, claims=2)
REFUTED = replace(
    PROVED,
    verdict=Verdict.REFUTED,
    counterexample=Counterexample(
        symptom="restricts",
        sentence="It restricts.",
        inputs=(Input("spte", "0x1", "R", {"bits": [0, {"name": "R"}]}),),
        values={"spte": (1 << 64) - 1},
        steps=(TracedStep("spte.c:1", "spte = 1"),),
        actual="1",
        expected="0",
        at="spte.c:1",
    ),
    refuted=(Shape(theorem="spte.nonleaf", vendor=Vendor.AMD, part="", symptom="restricts", place=""),),
)
STEP = CheckedStep(
    name=COMMIT[:12],
    subject="Simplify it",
    is_read=True,
    claim=CommitClaim.BROKEN,
    judgements=(
        Judgement(
            function="make_nonleaf_spte",
            change=Change.DIFFERS,
            masks="amd",
            bits=(2, 63),
            callers=(CallerCheck("link", guarantees=None), CallerCheck("split", guarantees=True)),
            witness=Witness(
                what="result",
                inputs=(Input("ad", "0"),),
                values={"ad": 0},
                old_steps=(),
                new_steps=(TracedStep("spte.c:2", "spte = 3"),),
                old="1",
                new="3",
            ),
        ),
    ),
    come=("helper",),
    turns=(Turn(PROVED, REFUTED),),
    theorems=3,
    seconds=1.5,
)
Keep = Callable[..., KeptSteps]


@pytest.fixture
def kept(tmp_path: Path) -> Keep:
    """The steps of a folder for a run that asks something."""
    return lambda *asks: KeptSteps(tmp_path, asks or ("spte.nonleaf amd",))


def test_a_commit_is_found_again_as_it_was_and_says_so(kept: Keep) -> None:
    kept().keep(COMMIT, STEP)
    assert kept().find(COMMIT) == replace(STEP, is_kept=True)


def test_another_commit_and_another_question_find_nothing(kept: Keep) -> None:
    kept().keep(COMMIT, STEP)
    assert kept().find(COMMIT[::-1]) is None
    assert kept("spte.nonleaf intel").find(COMMIT) is None


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.ERROR])
@pytest.mark.parametrize("side", ["before", "after"])
def test_what_was_not_decided_is_not_kept(verdict: Verdict, side: str, kept: Keep) -> None:
    open_one = replace(PROVED, verdict=verdict)
    turn = Turn(open_one, PROVED) if side == "before" else Turn(PROVED, open_one)
    kept().keep(COMMIT, replace(STEP, turns=(turn,)))
    assert kept().find(COMMIT) is None


def test_a_mistake_of_ours_is_not_kept(kept: Keep) -> None:
    kept().keep(COMMIT, replace(STEP, judgements=(replace(STEP.judgements[0], failure="here"),)))
    assert kept().find(COMMIT) is None


def turned(text: str) -> str:
    total, _, body = text.partition("\n")
    return f"{total}\n{body.replace('REFUTED', 'PROVED')}"


@pytest.mark.parametrize(
    "spoil",
    [
        turned,
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: text.partition("\n")[2],
        lambda text: text.replace("\n", "\n ", 1),
    ],
    ids=["verdict turned", "cut off", "empty", "without its sum", "one blank more"],
)
def test_a_spoilt_file_is_passed_over(spoil: Callable[[str], str], kept: Keep, tmp_path: Path) -> None:
    kept().keep(COMMIT, STEP)
    (file,) = tmp_path.glob("*.json")
    file.write_text(spoil(file.read_text()))
    assert kept().find(COMMIT) is None


def test_a_file_of_another_commit_is_passed_over(kept: Keep, tmp_path: Path) -> None:
    kept().keep(COMMIT, STEP)
    (file,) = tmp_path.glob("*.json")
    file.rename(file.with_name(file.name.replace(COMMIT, COMMIT[::-1])))
    assert kept().find(COMMIT[::-1]) is None


@pytest.mark.parametrize("content", [None, [], {}, {"name": 1}, 5, "x"])
def test_content_of_another_shape_is_passed_over(content: object, kept: Keep, tmp_path: Path) -> None:
    kept().keep(COMMIT, STEP)
    (file,) = tmp_path.glob("*.json")
    KeptFiles(tmp_path, 9).write(file.name, content)
    assert json.loads(file.read_text().partition("\n")[2]) == content
    assert kept().find(COMMIT) is None


def test_without_a_folder_nothing_is_kept(kept: Keep) -> None:
    nowhere = KeptSteps(None, ())
    nowhere.keep(COMMIT, STEP)
    assert nowhere.find(COMMIT) is None
