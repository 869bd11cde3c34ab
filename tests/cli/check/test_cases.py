from __future__ import annotations

from dataclasses import replace

import pytest

from mmuproof.cli.check.cases import checked_run
from mmuproof.cli.check.findings import Checked, CheckedStep
from mmuproof.cli.check.turning import Turn
from mmuproof.cli.diff.changes import Judgement
from mmuproof.cli.diff.claims import CommitClaim
from mmuproof.cli.formats.cases import Ending, QuotedLine
from mmuproof.cli.formats.html import html_text
from mmuproof.cli.shared.results import Counterexample, Result
from mmuproof.compare.claims import Change
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.shape import Shape
from mmuproof.proofs.theorem import Theorem
from mmuproof.smt.obligation import Verdict

THEOREM = Theorem(name="t.one", claim="It holds.", source="SDM 1", state=lambda _kvm, _vendor: (), catches=())
TOLD = Counterexample(
    symptom="s", sentence="It is wrong.", inputs=(), values={}, steps=(), actual="a", expected="b", at="mmu.c:7"
)


def result(verdict: Verdict) -> Result:
    is_wrong = verdict is Verdict.REFUTED
    return Result(
        theorem="t.one",
        vendor=Vendor.AMD,
        verdict=verdict,
        seconds=0.0,
        counterexample=TOLD if is_wrong else None,
        refuted=(Shape(theorem="t.one", vendor=Vendor.AMD, part="p", symptom="s", place=""),) if is_wrong else (),
    )


def step(after: Verdict = Verdict.PROVED, claim: CommitClaim = CommitClaim.NONE) -> CheckedStep:
    turn = Turn(result(Verdict.PROVED), result(after))
    judgement = Judgement(function="f", change=Change.DIFFERS, new_at="spte.c:3")
    return CheckedStep(
        name="abc", subject="Do it", is_read=True, claim=claim, turns=(turn,), theorems=1, judgements=(judgement,)
    )


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([], 0),
        ([step()], 0),
        ([step(claim=CommitClaim.STANDS)], 0),
        ([step(), step(Verdict.LOST)], 3),
        ([step(claim=CommitClaim.OPEN)], 3),
        ([step(Verdict.LOST), step(Verdict.REFUTED), step()], 1),
        ([step(claim=CommitClaim.BROKEN)], 1),
    ],
)
def test_the_exit_status_is_that_of_the_worst_step(steps: list[CheckedStep], status: int) -> None:
    report = Checked(source="linux", steps=tuple(steps), seconds=0.0)
    assert checked_run(report, [THEOREM]).exit_status == status


def test_a_commit_is_a_group_with_what_it_turns() -> None:
    report = Checked(source="linux", steps=(step(Verdict.REFUTED, CommitClaim.BROKEN),), seconds=0.0)
    commit, claim, turned = checked_run(report, [THEOREM]).groups["abc Do it"]
    assert (commit.name, commit.outcome) == ("Do it", Ending.PASSED)
    assert (claim.outcome, claim.at) == (Ending.WRONG, "spte.c:3")
    assert (turned.named, turned.at, turned.sentence) == ("t.one amd", "mmu.c:7", "It is wrong.")
    assert turned.details[0] == "Before abc Do it: PROVED."
    # How to see it again would speak of another tree.
    assert not any("mmuproof prove" in line for line in turned.details)
    # The same as prove finds it, so that its results are a baseline here as well.
    assert turned.fingerprints == ("t.one amd: REFUTED: p: s",)


def test_the_page_has_the_lines_of_c_of_each_commit() -> None:
    # The same line in two commits, whose trees are both gone.
    steps = [
        replace(step(Verdict.REFUTED), name=name, lines=(QuotedLine("mmu.c", 7, f"return {name};"),))
        for name in ("abc", "def")
    ]
    report = Checked(source="linux", steps=tuple(steps), seconds=0.0)
    page = html_text(checked_run(report, [THEOREM]))
    assert page.count('<span class="at">7</span>return abc;') == 1
    assert page.count('<span class="at">7</span>return def;') == 1
