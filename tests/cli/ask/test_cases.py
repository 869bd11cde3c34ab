from __future__ import annotations

import pytest

from mmuproof.cli.ask.cases import replies_run
from mmuproof.cli.ask.replies import Goal, Replies, Reply
from mmuproof.cli.formats.cases import Ending
from mmuproof.cli.shared.results import Counterexample, Input, KernelIdentity
from mmuproof.smt.obligation import Verdict

STATE = Counterexample(
    symptom="", sentence="", inputs=(Input("s", "1"),), values={}, steps=(), actual="", expected="", at="spte.h:3"
)


@pytest.mark.parametrize(
    ("wanted", "verdict", "outcome", "says"),
    [
        (Goal.ALWAYS, Verdict.PROVED, Ending.PASSED, "ALWAYS"),
        (Goal.ALWAYS, Verdict.REFUTED, Ending.WRONG, "NOT ALWAYS"),
        (Goal.POSSIBLE, Verdict.REFUTED, Ending.PASSED, "POSSIBLE"),
        (Goal.POSSIBLE, Verdict.PROVED, Ending.WRONG, "IMPOSSIBLE"),
        (Goal.IMPOSSIBLE, Verdict.PROVED, Ending.PASSED, "IMPOSSIBLE"),
        (Goal.ALWAYS, Verdict.UNKNOWN, Ending.OPEN, "UNKNOWN"),
    ],
)
def test_an_answer_counts_if_it_is_not_the_wanted_one(
    wanted: Goal, verdict: Verdict, outcome: Ending, says: str
) -> None:
    example = STATE if verdict is Verdict.REFUTED else None
    reply = Reply(name="s & 1", wanted=wanted, vendor=None, verdict=verdict, unit="mmu.c", example=example)
    run = replies_run(
        Replies(kernel=KernelIdentity(source="linux", version="7.2"), answers=(reply, reply), seconds=0.0)
    )
    case, _ = run.cases
    assert (case.outcome, case.verdict, case.group) == (outcome, says, "mmu.c")
    assert run.exit_status == {Ending.PASSED: 0, Ending.WRONG: 1, Ending.OPEN: 3}[outcome]
    if outcome is Ending.WRONG and example is not None:
        assert case.at == "spte.h:3"
        assert any("s=1" in line for line in case.details)
