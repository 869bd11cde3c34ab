"""The verdict on a try."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from mmuproof.live.console import KernelReport, Observed
from mmuproof.live.plan import ATTEMPT, CONTROL, TryPart
from mmuproof.live.trial import ExpectedFact, LiveTry, OneOf, Seen, SomeBits, Warned

_NONE, _ON = "none", ("Y", 1)


class TryOutcome(Enum):
    """What a try has told."""

    SHOWS = "SHOWS"
    ABSENT = "ABSENT"
    BROKEN = "BROKEN"


@dataclass(frozen=True)
class JudgedTry:
    """The verdict on a try.

    Args:
        trial: which.
        outcome: see there.
        why: what was seen, or why the try says nothing.
    """

    trial: LiveTry
    outcome: TryOutcome
    why: str


def judged(trial: LiveTry, seen: Mapping[str, Observed]) -> JudgedTry:
    """Judge a try by what its guests have shown.

    Args:
        trial: which.
        seen: by the name of each part that came to its end, what it has shown.
    """
    found: dict[str, Observed] = {}
    for role in (CONTROL, ATTEMPT):
        observed = seen.get(TryPart(trial, role).name)
        if observed is None:
            return JudgedTry(trial, TryOutcome.BROKEN, f"the {role} did not come to its end")
        found[role] = observed
    if trial.offered_by:
        name = ".".join(trial.offered_by)
        offered = found[ATTEMPT].facts.get(name)
        if offered == _NONE:
            # What such a guest meets does not matter: it uses what this kernel does not know.
            return JudgedTry(trial, TryOutcome.ABSENT, f"this kernel has no {name}")
        if offered not in _ON:
            return JudgedTry(trial, TryOutcome.BROKEN, f"{name} is {shown(offered)}")
    for role, observed in found.items():
        if observed.broken:
            return JudgedTry(trial, TryOutcome.BROKEN, f"the {role}: {'; '.join(observed.broken)}")
    wrong = differences(trial.control_gives, found[CONTROL])
    if wrong:
        return JudgedTry(trial, TryOutcome.BROKEN, f"the control: {'; '.join(wrong)}")
    attempt = found[ATTEMPT]
    shows = [(TryOutcome.SHOWS, expected) for expected in trial.ways]
    for outcome, expected in (*shows, (TryOutcome.ABSENT, trial.right)):
        if not differences(expected, attempt):
            return JudgedTry(trial, outcome, told(expected, attempt))
    if trial.otherwise is not None and not differences(trial.otherwise, attempt):
        return JudgedTry(trial, TryOutcome.SHOWS, "; ".join(differences(trial.right, attempt)))
    neither = differences(trial.shows or trial.otherwise or trial.right, attempt)
    return JudgedTry(trial, TryOutcome.BROKEN, f"neither: {'; '.join(neither)}")


def differences(expected: Seen, observed: Observed) -> list[str]:
    """How what was seen differs from what was expected, in words; nothing if it does not."""
    wrong = [
        f"{name} is {shown(observed.facts.get(name))}, not {shown(value)}"
        for name, value in expected.facts.items()
        if not fits(value, observed.facts.get(name))
    ]
    return wrong + _wrong_warnings(expected.warning, observed.warnings) + _wrong_end(expected, observed)


def _wrong_warnings(expected: Warned | None, warnings: Sequence[KernelReport]) -> list[str]:
    others = [each for each in warnings if expected is None or not _is(expected, each)]
    wrong = [f"another warning in {each.function}()" for each in others]
    if expected is not None and not expected.optional and len(others) == len(warnings):
        wrong.append(f"no such warning in {expected.function}()")
    return wrong


def _wrong_end(expected: Seen, observed: Observed) -> list[str]:
    died = [each.function for each in observed.deaths]
    if died != [expected.dies_in] * bool(expected.dies_in):
        return [f"the kernel died in {', '.join(f'{each}()' for each in died) or 'nothing'}"]
    if expected.hangs and not observed.stuck:
        return ["the VMM's process has ended"]
    return ["the VMM's process did not end"] if observed.stuck and not expected.is_fatal else []


def told(expected: Seen, observed: Observed) -> str:
    """What was seen of what matters, in words."""
    facts = [f"{name}={shown(observed.facts[name])}" for name in expected.facts]
    warned = [f"WARN in {report.function}()" for report in observed.warnings]
    died = [f"the kernel died in {report.function}()" for report in observed.deaths]
    hangs = ["the VMM's process cannot be ended"] * (expected.hangs and observed.stuck)
    return " ".join(warned + died + hangs + facts)


def fits(expected: ExpectedFact, value: int | str | None) -> bool:
    """Whether a fact is as it should be, in the bits that count."""
    if isinstance(expected, SomeBits):
        return isinstance(value, int) and value & expected.mask == expected.value
    if isinstance(expected, OneOf):
        return value in expected.values
    return value == expected


def shown(value: ExpectedFact | None) -> str:
    """A fact's value: numbers in hexadecimal."""
    if isinstance(value, SomeBits):
        return f"{value.value:#x} in the bits {value.mask:#x}"
    if isinstance(value, OneOf):
        return " or ".join(shown(each) for each in value.values)
    return f"{value:#x}" if isinstance(value, int) else str(value)


def _is(warning: Warned, report: KernelReport) -> bool:
    return (
        warning.function in ("", report.function)
        and any(re.search(warning.text, line) for line in report.lines)
        and (not warning.through or any(re.search(warning.through, each) for each in report.trace))
    )
