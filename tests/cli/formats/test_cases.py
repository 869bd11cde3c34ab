from __future__ import annotations

from dataclasses import replace

import pytest

from mmuproof.cli.formats.cases import Ending, JudgedCase, counted, without_baseline
from tests.cli.formats.runs import CASES, case, run

BY_NAME = {each.name: each for each in CASES}


@pytest.mark.parametrize(
    ("names", "status"),
    [
        ([], 0),
        (["good.one", "good.absent", "bad.known"], 0),
        (["good.one", "bad.lost"], 3),
        (["bad.lost", "bad.new", "good.one"], 1),
    ],
)
def test_the_worst_case_is_the_exit_status(names: list[str], status: int) -> None:
    assert run(cases=tuple(BY_NAME[name] for name in names)).exit_status == status


def test_what_counts_is_told_first() -> None:
    assert [each.name for each in run().findings] == ["bad.new", "odd.text", "bad.lost", "bad.known"]


def test_verdicts_are_counted_with_what_is_known() -> None:
    assert counted(CASES) == "3 REFUTED (1 of them known), 1 LOST, 2 NOT_APPLICABLE, 1 PROVED"


@pytest.mark.parametrize(
    ("at", "place"), [("a/b.c:7", ("a/b.c", 7)), ("a/b.c", ("a/b.c", None)), ("", ("", None)), ("a:b", ("a:b", None))]
)
def test_a_place_is_a_file_and_perhaps_a_line(at: str, place: tuple[str, int | None]) -> None:
    assert replace(CASES[0], at=at).place == place


def judged(cases: tuple[JudgedCase, ...], known: list[str]) -> list[Ending]:
    return [each.outcome for each in without_baseline(run(cases=cases), "old.json", known).cases]


def test_against_a_baseline_only_what_is_new_counts() -> None:
    wrong, lost = BY_NAME["bad.new"], BY_NAME["bad.lost"]
    before = [*wrong.fingerprints, *lost.fingerprints]
    assert judged((wrong, lost), before) == [Ending.KNOWN, Ending.KNOWN]
    # The same theorem, wrong in one more way; and one that was lost and is wrong now.
    assert judged((replace(wrong, marks=("part: symptom", "part: other")),), before) == [Ending.WRONG]
    assert judged((replace(wrong, variant="amd"),), before) == [Ending.WRONG]
    assert judged((replace(lost, outcome=Ending.WRONG, verdict="REFUTED"),), before) == [Ending.WRONG]
    assert judged((wrong,), []) == [Ending.WRONG]


def test_what_is_gone_is_told_of_what_was_judged() -> None:
    before = ["good.one intel: REFUTED: part", "elsewhere.one intel: REFUTED", "bad.new intel: REFUTED: part: symptom"]
    question = replace(CASES[0], name="u64 s: s & 1", outcome=Ending.PASSED)
    (gone,) = without_baseline(run(cases=(question,)), "old.json", ["u64 s: s & 1 intel: POSSIBLE"]).gone
    assert gone == "u64 s: s & 1 intel: POSSIBLE"
    found = without_baseline(run(), "old.json", before)
    assert found.gone == ("good.one intel: REFUTED: part",)
    assert found.exit_status == 1
    assert (
        without_baseline(run(cases=(case("good.one", Ending.PASSED, "PROVED"),)), "old.json", before).exit_status == 0
    )
