from __future__ import annotations

import pytest

from mmuproof.cli.diff.cases import claim_case, difference_run, former_places, witness_places
from mmuproof.cli.diff.changes import CallerCheck, Difference, Judgement, Witness
from mmuproof.cli.diff.claims import CommitClaim
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


EQUAL = Judgement(function="f", change=Change.EQUAL, new_at="mmu.c:1")
LESS = Judgement(function="g", change=Change.LESS, masks="intel", new_at="mmu.c:7", old_at="mmu.c:6", witness=WITNESS)
BARE = Judgement(function="h", change=Change.DIFFERS, new_at="mmu.c:9", old_at="mmu.c:8")
OPEN = Judgement(function="k", change=Change.NOT_COMPARED, new_at="mmu.c:11")


def test_a_broken_claim_is_told_by_a_function_with_an_input() -> None:
    case = claim_case("abc Do it", "Do it", CommitClaim.BROKEN, (EQUAL, BARE, LESS, OPEN), ("x86.c",))
    assert case.outcome is Ending.WRONG
    assert case.sentence == (
        "abc Do it claims no functional change, but g() allows less than before (intel), "
        "h() shows something else than before."
    )
    assert (case.at, case.function, case.steps) == ("mmu.c:7", "g", WITNESS.new_steps)
    assert [(each.title, each.at) for each in case.sides] == [("old", "mmu.c:6"), ("new", "mmu.c:7")]
    assert any("x=1" in line for line in case.details)
    # Another function that differs makes it new.
    assert case.fingerprints != claim_case("abc Do it", "Do it", CommitClaim.BROKEN, (LESS,), ()).fingerprints


@pytest.mark.parametrize(
    ("judgements", "outside", "says"),
    [
        ((EQUAL, OPEN), (), "abc claims no functional change, but k() could not be compared."),
        ((EQUAL,), ("x86.c",), "abc claims no functional change, but x86.c was not looked at."),
    ],
)
def test_an_open_claim_says_what_is_not_known(
    judgements: tuple[Judgement, ...], outside: tuple[str, ...], says: str
) -> None:
    case = claim_case("abc", "", CommitClaim.OPEN, judgements, outside)
    assert (case.outcome, case.sentence) == (Ending.OPEN, says)


def test_the_lines_of_both_versions_are_those_of_what_is_not_equal() -> None:
    assert list(witness_places((EQUAL, LESS, BARE))) == ["mmu.c:7", "mmu.c:8", "mmu.c:9"]
    assert list(former_places((EQUAL, LESS, BARE))) == ["mmu.c:6", "mmu.c:8"]
