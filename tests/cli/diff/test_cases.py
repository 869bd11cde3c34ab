from __future__ import annotations

from mmuproof.cli.diff.cases import difference_run
from mmuproof.cli.diff.changes import CallerCheck, Difference, Judgement, Witness
from mmuproof.cli.formats.cases import Ending
from mmuproof.cli.shared.results import Input, KernelIdentity, TracedStep
from mmuproof.compare.claims import Change

KERNEL = KernelIdentity(source="linux", version="7.2")
WITNESS = Witness(
    what="result",
    inputs=(Input("x", "1"),),
    values={},
    old_steps=(),
    new_steps=(TracedStep("mmu.c:8", "y = 1"),),
    old="0",
    new="1",
)


def test_a_function_that_differs_is_told_with_its_place_and_input() -> None:
    judgement = Judgement(
        function="f",
        change=Change.DIFFERS,
        masks="intel",
        new_at="mmu.c:7",
        differs_in=("its result",),
        witness=WITNESS,
    )
    (case,) = difference_run(Difference(old=KERNEL, new=KERNEL, judgements=(judgement,), unchanged=0)).cases
    assert (case.rule.name, case.outcome, case.at, case.group) == ("differs", Ending.WRONG, "mmu.c:7", "mmu.c")
    assert case.sentence == "f() differs: in its result"
    assert any("x=1" in line for line in case.details)
    assert case.fingerprints == ("f intel: differs: its result",)


def test_a_condition_that_all_callers_see_to_is_as_good_as_equal() -> None:
    for guarantees, outcome in ((True, Ending.PASSED), (False, Ending.WRONG), (None, Ending.WRONG)):
        judgement = Judgement(
            function="f", change=Change.EQUAL_IF, condition="x", callers=(CallerCheck("g", guarantees),)
        )
        (case,) = difference_run(Difference(old=KERNEL, new=KERNEL, judgements=(judgement,), unchanged=0)).cases
        assert case.outcome is outcome


def test_a_file_that_was_not_looked_at_is_open() -> None:
    run = difference_run(Difference(old=KERNEL, new=KERNEL, judgements=(), unchanged=3, outside=("a.c",)))
    assert [(each.name, each.outcome) for each in run.cases] == [("a.c", Ending.OPEN)]
    assert run.exit_status == 3
