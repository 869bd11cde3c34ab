"""The table of tries: each finding has one, or a reason why there is none; and none can pass by accident."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from mmuproof.live.guests.steps import RunVcpu
from mmuproof.live.trial import LiveTry
from mmuproof.live.tries.catalogue import TRIES, WITHOUT_TRY
from mmuproof.proofs.known_findings import KNOWN_FINDINGS

FINDINGS = Path(__file__).resolve().parents[2] / "docs" / "findings.md"
TRIED = {trial.finding for trial in TRIES}


def test_each_finding_has_a_try_or_a_reason_and_not_both() -> None:
    told = {int(number) for number in re.findall(r"^## (\d+)\. ", FINDINGS.read_text("utf-8"), re.MULTILINE)}
    assert told == TRIED | WITHOUT_TRY.keys()
    assert TRIED & WITHOUT_TRY.keys() == set()
    assert {finding.number for finding in KNOWN_FINDINGS} <= told


def test_names_are_used_once_and_can_be_typed() -> None:
    names = [trial.name for trial in TRIES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"\d+(-[a-z]+)*", name) and int(name.partition("-")[0]) in TRIED for name in names)


@pytest.mark.parametrize("trial", TRIES, ids=lambda trial: trial.name)
def test_what_shows_a_finding_is_told_from_what_is_right(trial: LiveTry) -> None:
    right = trial.right
    for shows in trial.ways:
        other = {name for name in shows.facts.keys() & right.facts.keys() if shows.facts[name] != right.facts[name]}
        assert other or shows.warning != right.warning or shows.is_fatal
    assert right.warning is None
    assert not right.is_fatal
    assert trial.control != trial.attempt
    assert trial.control_gives.warning is None


@pytest.mark.parametrize("trial", TRIES, ids=lambda trial: trial.name)
def test_what_is_asked_for_is_something_that_the_guest_does(trial: LiveTry) -> None:
    assert trial.otherwise is None
    for attempt, expectations in ((trial.attempt, (*trial.ways, trial.right)), (trial.control, (trial.control_gives,))):
        labels = {step.label for step in attempt.guest if isinstance(step, RunVcpu)}
        asked = {name.partition(".")[0] for seen in expectations for name in seen.facts if "." in name}
        assert asked - {"host"} <= labels
        assert asked


@pytest.mark.parametrize("trial", TRIES, ids=lambda trial: trial.name)
def test_every_step_fits_a_line_of_the_vmm(trial: LiveTry) -> None:
    if not shutil.which("as"):
        pytest.skip("needs an assembler (on Debian: apt install binutils)")
    for step in (*trial.attempt.guest, *trial.control.guest):
        words = step.line().split(" ")
        assert 1 <= len(words) <= 32
        assert all(words)


def test_a_series_that_is_left_out_is_left_out_for_a_reason() -> None:
    assert all(bool(trial.impossible_on) == bool(trial.why_impossible) for trial in TRIES)


def test_only_qemu_is_asked_for_more_processors() -> None:
    assert all(trial.machine.is_qemu for trial in TRIES if trial.processors > 1)
