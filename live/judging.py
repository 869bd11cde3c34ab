"""The verdict on a try."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from mmuproof.live.console import KernelReport, Observed
from mmuproof.live.plan import ATTEMPT, CONTROL, TryPart
from mmuproof.live.trial import LiveTry, Seen, Warned

_NONE, _ON = "none", ("Y", 1)


class TryOutcome(Enum):
    """What a try has told."""

    SHOWS = "SHOWS"
    ABSENT = "ABSENT"
    BROKEN = "BROKEN"


@dataclass(frozen=True)
class Judged:
    """The verdict on a try.

    Args:
        trial: which.
        outcome: see there.
        why: what was seen, or why the try says nothing.
    """

    trial: LiveTry
    outcome: TryOutcome
    why: str


def judged(trial: LiveTry, seen: Mapping[str, Observed]) -> Judged:
    """Judge a try by what its guests have shown.

    Args:
        trial: which.
        seen: by the name of each part that came to its end, what it has shown.
    """
    found: dict[str, Observed] = {}
    for role in (CONTROL, ATTEMPT):
        observed = seen.get(TryPart(trial, role).name)
        if observed is None:
            return Judged(trial, TryOutcome.BROKEN, f"the {role} did not come to its end")
        if observed.broken:
            return Judged(trial, TryOutcome.BROKEN, f"the {role}: {'; '.join(observed.broken)}")
        found[role] = observed
    if trial.offered_by:
        name = ".".join(trial.offered_by)
        offered = found[ATTEMPT].facts.get(name, _NONE)
        if offered == _NONE:
            return Judged(trial, TryOutcome.ABSENT, f"this kernel has no {name}")
        if offered not in _ON:
            return Judged(trial, TryOutcome.BROKEN, f"{name} is {offered}")
    wrong = differences(trial.control_gives, found[CONTROL])
    if wrong:
        return Judged(trial, TryOutcome.BROKEN, f"the control: {'; '.join(wrong)}")
    for outcome, expected in ((TryOutcome.SHOWS, trial.shows), (TryOutcome.ABSENT, trial.right)):
        if not differences(expected, found[ATTEMPT]):
            return Judged(trial, outcome, told(expected, found[ATTEMPT]))
    return Judged(trial, TryOutcome.BROKEN, f"neither: {'; '.join(differences(trial.shows, found[ATTEMPT]))}")


def differences(expected: Seen, observed: Observed) -> list[str]:
    """How what was seen differs from what was expected, in words; nothing if it does not."""
    wrong = [
        f"{name} is {shown(observed.facts.get(name))}, not {shown(value)}"
        for name, value in expected.facts.items()
        if observed.facts.get(name) != value
    ]
    reports = observed.reports
    if expected.warning is None:
        return wrong + [f"a warning in {report.function}()" for report in reports]
    others = [report for report in reports if not _is(expected.warning, report)]
    if len(others) == len(reports):
        wrong.append(f"no such warning in {expected.warning.function}()")
    return wrong + [f"another warning in {report.function}()" for report in others]


def told(expected: Seen, observed: Observed) -> str:
    """What was seen of what matters, in words."""
    facts = [f"{name}={shown(observed.facts[name])}" for name in expected.facts]
    return " ".join([f"WARN in {report.function}()" for report in observed.reports] + facts)


def shown(value: int | str | None) -> str:
    """A fact's value: numbers in hexadecimal."""
    return f"{value:#x}" if isinstance(value, int) else str(value)


def _is(warning: Warned, report: KernelReport) -> bool:
    return (
        report.function.partition(".")[0] == warning.function
        and any(re.search(warning.text, line) for line in report.lines)
        and (not warning.through or any(re.search(warning.through, each) for each in report.trace))
    )
