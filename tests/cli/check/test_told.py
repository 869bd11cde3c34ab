"""What is told of a commit has room in a mail, and says of each thing once what is wrong about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO

import pytest

from mmuproof.cli.check.findings import Checked, CheckedStep
from mmuproof.cli.check.report import print_step, print_totals
from mmuproof.cli.check.turning import Turn
from mmuproof.cli.diff.changes import Judgement, Witness
from mmuproof.cli.diff.claims import CommitClaim
from mmuproof.cli.shared.console import Output
from mmuproof.cli.shared.results import Counterexample, Result
from mmuproof.compare.claims import Change
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.shape import Shape
from mmuproof.smt.obligation import Verdict

ROOM = 15
EVERY = (Vendor.INTEL, Vendor.AMD, Vendor.SHADOW)


def result(theorem: str, vendor: Vendor, verdict: Verdict, at: str = "mmu.c:7") -> Result:
    told = Counterexample(
        symptom="s", sentence="It is wrong.", inputs=(), values={}, steps=(), actual="a", expected="b", at=at
    )
    is_wrong = verdict is Verdict.REFUTED
    shape = Shape(theorem=theorem, vendor=vendor, part="p", symptom="s", place="")
    return Result(
        theorem=theorem,
        vendor=vendor,
        verdict=verdict,
        seconds=0.0,
        counterexample=told if is_wrong else None,
        refuted=(shape,) if is_wrong else (),
    )


def turn(theorem: str, vendor: Vendor, *, at: str = "mmu.c:7", better: bool = False) -> Turn:
    right, wrong = result(theorem, vendor, Verdict.PROVED), result(theorem, vendor, Verdict.REFUTED, at)
    return Turn(wrong, right) if better else Turn(right, wrong)


DIFFERS = Judgement(
    function="zap",
    change=Change.DIFFERS,
    new_at="mmu.c:3",
    differs_in=("*sptep", "a WARN"),
    witness=Witness(what="*sptep", inputs=(), values={}, old_steps=(), new_steps=(), old="0", new="1"),
)
NOT_COMPARED = Judgement(function="sweep", change=Change.NOT_COMPARED, reason="mmu.c:9: a list whose end is not known")


def commit(*turns: Turn, judgements: Sequence[Judgement] = (), outside: tuple[str, ...] = ()) -> CheckedStep:
    return CheckedStep(
        name="0123456789ab",
        subject="Do it",
        is_read=True,
        claim=CommitClaim.BROKEN,
        judgements=tuple(judgements),
        outside=outside,
        turns=turns,
        theorems=len(turns),
        is_kept=True,
    )


def lines_of(step: CheckedStep, *, verbose: bool = False) -> list[str]:
    to = StringIO()
    print_step(Output(to), step, verbose=verbose)
    return to.getvalue().splitlines()


def test_a_theorem_is_told_once_for_all_vendors_of_which_the_same_is_said() -> None:
    elsewhere = turn("t.one", Vendor.SHADOW, at="mmu.c:8")
    lines = lines_of(commit(turn("t.one", Vendor.INTEL), turn("t.one", Vendor.AMD), elsewhere))
    assert lines[-4:] == [
        "    PROVED -> REFUTED  t.one intel, amd",
        "      It is wrong.  (mmu.c:7)",
        "    PROVED -> REFUTED  t.one shadow",
        "      It is wrong.  (mmu.c:8)",
    ]


def test_a_commit_that_turns_much_has_room_in_a_mail_all_the_same() -> None:
    turns = [turn(f"t.{number}", vendor) for number in range(20) for vendor in EVERY]
    for count in range(len(turns) + 1):
        for better in range(3):
            also = [turn(f"u.{number}", Vendor.AMD, better=True) for number in range(better)]
            step = commit(*also, *turns[:count], judgements=[NOT_COMPARED, DIFFERS], outside=("svm.c",))
            lines = lines_of(step)
            assert len(lines) <= ROOM
            told = sum(f" t.{number} " in line for number in range(20) for line in lines)
            told += sum(f" u.{number} " in line for number in range(20) for line in lines)
            left = -(-count // 3) + better - told
            assert left == 0 or lines[-1] == f"    and {left} more; -v tells all"
            whole = lines_of(step, verbose=True)
            assert sum(" -> " in line for line in whole) == -(-count // 3) + better


def test_a_function_in_which_only_locals_are_called_otherwise_is_named() -> None:
    step = replace(commit(), locals_renamed=("zap", "sweep"))
    assert "  functions: only local variables renamed: zap, sweep" in lines_of(step)
    equal = Judgement(function="walk", change=Change.EQUAL)
    step = replace(step, judgements=(equal,))
    assert "  functions: equal: walk; only local variables renamed: zap, sweep" in lines_of(step)
    assert "  functions: no function of the MMU" in lines_of(commit())


def test_what_has_changed_itself_is_named_before_what_calls_it() -> None:
    callers = [Judgement(function=f"caller_{number}", change=Change.EQUAL, directly=False) for number in range(9)]
    changed = Judgement(function="zap", change=Change.EQUAL)
    lines = lines_of(commit(judgements=[*callers, changed]))
    assert "  functions: equal: zap, caller_0, caller_1 and 7 more" in lines


def test_it_is_said_in_what_a_function_differs() -> None:
    lines = lines_of(commit(judgements=[NOT_COMPARED, DIFFERS]))
    assert "    zap: There is another *sptep. Also: a WARN.  (mmu.c:3)" in lines
    assert not any("end is not known" in line for line in lines)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("the return value", "It returns something else."),
        ("zap()", "It returns something else."),
        ("a call of flush()", "It calls flush() in other cases."),
        ("the order of flush() and lock()", "It calls flush() and lock() in another order."),
        ("argument 2 of flush()", "There is another argument 2 of flush()."),
        ("what flush() is given", "There is something else in what flush() is given."),
        ("a WARN", "There is another WARN."),
        ("*sptep when flush() is called", "There is another *sptep when flush() is called."),
    ],
)
def test_of_each_thing_it_is_said_how_it_is_another(what: str, said: str) -> None:
    assert DIFFERS.witness is not None
    alone = replace(DIFFERS, differs_in=(what,), witness=replace(DIFFERS.witness, what=what))
    assert f"    zap: {said}  (mmu.c:3)" in lines_of(commit(judgements=[alone]))


def test_a_sentence_that_names_the_function_does_so_once() -> None:
    witness = Witness(what="zap()", inputs=(), values={}, old_steps=(), new_steps=(), old="0", new="1")
    step = commit(judgements=[replace(DIFFERS, change=Change.MORE, differs_in=("zap()",), witness=witness)])
    assert "    zap() allows what it did not allow before.  (mmu.c:3)" in lines_of(step)


def test_it_is_said_why_a_function_was_not_compared_if_none_differs() -> None:
    assert "    sweep: mmu.c:9: a list whose end is not known" in lines_of(commit(judgements=[NOT_COMPARED]))


def test_the_table_at_the_end_names_a_theorem_once() -> None:
    step = commit(*(turn("t.one", vendor) for vendor in EVERY))
    fine = CheckedStep(name="9", subject="Read", is_read=False, claim=CommitClaim.NONE)
    to = StringIO()
    print_totals(Output(to), Checked(source="linux", steps=(step, *[fine] * 9), seconds=0.0))
    assert "         claim broken; t.one intel, amd, shadow\n" in to.getvalue()
