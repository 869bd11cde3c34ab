"""Verdicts: what is neither is broken, and so is whatever has no right control."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmuproof.live.console import Observed, observed
from mmuproof.live.judging import TryOutcome, judged
from mmuproof.live.trial import ANY_WARNING, Attempt, Emulated, Facts, LiveTry, Seen, SomeBits, Warned
from tests.live.test_console import DEATH, NEWER, OLDER

TRY = LiveTry(
    name="t",
    finding=1,
    machine=Emulated.AMD,
    says="",
    attempt=Attempt(()),
    shows=Seen({"x": 1}),
    right=Seen({"x": 2}),
    control=Attempt(()),
    control_gives=Seen({"x": 3}),
)
WARNS = replace(TRY, shows=Seen({"x": 1}, Warned("older_function", "^spte = 0x8", "^call")))
DIES = replace(TRY, shows=Seen({"x": 1}, dies_in="dying_function"))


def part(facts: Facts, log: str = "", *, stuck: bool = False, broken: tuple[str, ...] = ()) -> Observed:
    logged = observed(f"@ try a\n{log}@ end a\n")["a"].log
    return Observed(facts, broken, logged, stuck)


def outcome(trial: LiveTry, attempt: Observed | None, control: Observed | None = None) -> TryOutcome:
    parts = {"t/attempt": attempt, "t/control": control or part({"x": 3})}
    return judged(trial, {name: seen for name, seen in parts.items() if seen is not None}).outcome


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, TryOutcome.SHOWS), (2, TryOutcome.ABSENT), (3, TryOutcome.BROKEN), ("1", TryOutcome.BROKEN)],
)
def test_what_is_seen_decides(value: int | str, expected: TryOutcome) -> None:
    assert outcome(TRY, part({"x": value})) is expected


def test_without_both_parts_a_try_is_broken() -> None:
    assert outcome(TRY, None) is TryOutcome.BROKEN
    assert judged(TRY, {"t/attempt": part({"x": 1})}).outcome is TryOutcome.BROKEN


@pytest.mark.parametrize(
    "control", [part({"x": 1}), part({}), part({"x": 3}, OLDER), part({"x": 3}, stuck=True), part({"x": 3}, DEATH)]
)
def test_with_a_wrong_control_a_try_is_broken(control: Observed) -> None:
    assert outcome(TRY, part({"x": 1}), control) is TryOutcome.BROKEN


def test_a_part_that_the_vmm_calls_broken_breaks_the_try() -> None:
    assert outcome(TRY, part({"x": 1}, broken=("ended by signal 14",))) is TryOutcome.BROKEN


def test_a_warning_that_nobody_expects_breaks_a_try() -> None:
    assert outcome(TRY, part({"x": 1}, OLDER)) is TryOutcome.BROKEN
    assert outcome(TRY, part({"x": 2}, OLDER)) is TryOutcome.BROKEN


def test_a_warning_is_known_by_function_text_and_trace() -> None:
    assert outcome(WARNS, part({"x": 1}, OLDER)) is TryOutcome.SHOWS
    assert outcome(WARNS, part({"x": 1})) is TryOutcome.BROKEN
    assert outcome(WARNS, part({"x": 2})) is TryOutcome.ABSENT
    assert outcome(WARNS, part({"x": 1}, NEWER)) is TryOutcome.BROKEN
    assert outcome(WARNS, part({"x": 1}, OLDER + NEWER)) is TryOutcome.BROKEN
    for wrong in (Warned("older_function", "spte = 0x9"), Warned("older_function", through="nobody"), Warned("older")):
        assert outcome(replace(TRY, shows=Seen({"x": 1}, wrong)), part({"x": 1}, OLDER)) is TryOutcome.BROKEN


def test_a_line_number_does_not_matter() -> None:
    assert outcome(WARNS, part({"x": 1}, OLDER.replace(":12", ":4711"))) is TryOutcome.SHOWS


def test_a_kernel_may_die_only_where_it_is_said_to() -> None:
    assert outcome(DIES, part({"x": 1}, DEATH, stuck=True)) is TryOutcome.SHOWS
    assert outcome(DIES, part({"x": 1}, stuck=True)) is TryOutcome.BROKEN
    assert outcome(DIES, part({"x": 1}, DEATH.replace("dying", "other"))) is TryOutcome.BROKEN
    assert outcome(TRY, part({"x": 1}, DEATH)) is TryOutcome.BROKEN
    assert outcome(TRY, part({"x": 1}, stuck=True)) is TryOutcome.BROKEN


def test_some_bits_of_a_number_can_be_asked_for() -> None:
    trial = replace(TRY, shows=Seen({"x": SomeBits(0xF0, 0x10)}))
    assert outcome(trial, part({"x": 0x1F})) is TryOutcome.SHOWS
    assert outcome(trial, part({"x": 0x2F})) is TryOutcome.BROKEN
    assert outcome(trial, part({"x": "0x1f"})) is TryOutcome.BROKEN


def test_what_a_kernel_does_not_offer_is_absent_and_what_is_off_breaks_the_try() -> None:
    trial = replace(TRY, offered_by=("kvm_x", "p"))
    assert outcome(trial, part({"x": 1, "kvm_x.p": "Y"})) is TryOutcome.SHOWS
    assert outcome(trial, part({"x": 1, "kvm_x.p": 1})) is TryOutcome.SHOWS
    assert outcome(trial, part({"x": 1, "kvm_x.p": "none"})) is TryOutcome.ABSENT
    assert outcome(trial, part({"x": 1, "kvm_x.p": "N"})) is TryOutcome.BROKEN
    assert outcome(trial, part({"kvm_x.p": "none"}, broken=("MSR",))) is TryOutcome.ABSENT
    assert outcome(trial, part({"x": 1, "kvm_x.p": "Y"}, broken=("MSR",))) is TryOutcome.BROKEN
    # Where a parameter was not asked for, nothing is known of it.
    assert outcome(trial, part({"x": 1})) is TryOutcome.BROKEN


def test_a_finding_may_show_in_more_ways_than_one() -> None:
    trial = replace(TRY, also_shows=(Seen({"x": 4}, Warned("older_function")),))
    assert outcome(trial, part({"x": 1})) is TryOutcome.SHOWS
    assert outcome(trial, part({"x": 4}, OLDER)) is TryOutcome.SHOWS
    assert outcome(trial, part({"x": 4})) is TryOutcome.BROKEN
    assert outcome(trial, part({"x": 1}, OLDER)) is TryOutcome.BROKEN


def test_where_nothing_is_said_to_show_whatever_is_not_right_does_if_the_guest_came_to_its_end() -> None:
    trial = replace(TRY, shows=None, otherwise=Seen({"stop": "hlt"}))
    assert outcome(trial, part({"x": 2, "stop": "hlt"})) is TryOutcome.ABSENT
    assert outcome(trial, part({"x": 1, "stop": "hlt"})) is TryOutcome.SHOWS
    assert outcome(trial, part({"stop": "hlt"})) is TryOutcome.SHOWS
    assert outcome(trial, part({"x": 1, "stop": "exit-8"})) is TryOutcome.BROKEN
    assert outcome(trial, part({"x": 1, "stop": "hlt"}, OLDER)) is TryOutcome.BROKEN
    assert outcome(trial, part({"x": 1, "stop": "hlt"}, broken=("no memory",))) is TryOutcome.BROKEN


def test_where_a_kernel_may_warn_of_itself_any_warning_will_do_and_only_where_it_shows() -> None:
    assert outcome(TRY, part({"x": 1}, OLDER)) is TryOutcome.BROKEN
    may = replace(TRY, shows=Seen({"x": 1}, ANY_WARNING))
    assert outcome(may, part({"x": 1}, OLDER)) is TryOutcome.SHOWS
    assert outcome(may, part({"x": 1})) is TryOutcome.SHOWS
    assert outcome(may, part({"x": 2}, OLDER)) is TryOutcome.BROKEN
