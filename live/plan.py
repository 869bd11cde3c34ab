"""The plan that the VMM goes through: which modules are loaded how, and what is done in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmuproof.live.guests.steps import Code, Parameter
from mmuproof.live.trial import Attempt, Emulated, LiveTry, Modules

ATTEMPT, CONTROL = "attempt", "control"

_STOP = "int $0x20"

VENDOR_MODULE = {machine: "kvm-amd" if machine.is_amd else "kvm-intel" for machine in Emulated}


@dataclass(frozen=True)
class TryPart:
    """One guest of a try.

    Args:
        trial: whose.
        role: ATTEMPT or CONTROL.
    """

    trial: LiveTry
    role: str

    @property
    def name(self) -> str:
        """As the console tells it."""
        return f"{self.trial.name}/{self.role}"

    @property
    def attempt(self) -> Attempt:
        """What is run."""
        return self.trial.attempt if self.role == ATTEMPT else self.trial.control

    @property
    def may_be_fatal(self) -> bool:
        """Whether the kernel may die of it."""
        return self.role == ATTEMPT and self.trial.may_be_fatal

    @property
    def _loading(self) -> tuple[str, Modules, str]:
        # A warning that fires once is armed again by loading the modules anew.
        warns = any(each.warning for each in self.trial.ways)
        return (str(self.attempt.modules), self.attempt.modules, self.name if warns else "")

    def loaded_like(self, other: TryPart) -> bool:
        """Whether two guests can be run with the modules loaded once."""
        return self._loading == other._loading


def by_boot(trials: Sequence[LiveTry]) -> tuple[tuple[LiveTry, ...], ...]:
    """Which tries are run in one boot: all that may be, and alone what needs more processors or a kernel to die of.

    One of which the kernel may die can be the last of those that are run together.
    """
    alone = [trial for trial in trials if trial.processors > 1]
    fatal = [trial for trial in trials if trial.may_be_fatal and trial not in alone]
    first = tuple(trial for trial in trials if trial not in (*fatal[1:], *alone))
    return (*((first,) if first else ()), *((trial,) for trial in (*fatal[1:], *alone)))


def parts_of(trials: Iterable[LiveTry]) -> tuple[TryPart, ...]:
    """Both guests of each try, controls first, and those together for which modules are loaded alike.

    After one of which the kernel may die nothing else can be run, so that is the last.
    """
    parts = [TryPart(trial, role) for role in (CONTROL, ATTEMPT) for trial in trials]
    return tuple(sorted(parts, key=lambda part: (part.may_be_fatal, str(part.attempt.modules))))


def plan_without_kernel(parts: Iterable[TryPart]) -> str:
    """The plan as the program of `live/metal/` reads it: there are no modules, and a guest stops with an INT.

    A HLT would leave nobody to wake the processor.
    """
    lines: list[str] = []
    for part in parts:
        steps = (step.stopping_by(_STOP) if isinstance(step, Code) else step for step in part.attempt.guest)
        lines += [f"try {part.name}", *(step.line() for step in steps), f"end {part.name}"]
    return "\n".join(lines) + "\n"


def plan_of(parts: Sequence[TryPart], machine: Emulated, modules: Iterable[str]) -> str:
    """The plan as the VMM reads it.

    Args:
        parts: what is run, in this order.
        machine: which of the vendor modules is loaded.
        modules: all that there are, each after those that it needs.
    """
    vendor = VENDOR_MODULE[machine]
    lines = [f"module {name}" for name in modules if name not in ("kvm", vendor)]
    before: TryPart | None = None
    for part in parts:
        if before is None or not part.loaded_like(before):
            lines += [] if before is None else [f"unload {vendor}", "unload kvm"]
            how = part.attempt.modules
            lines += [" ".join(("module kvm", *how.kvm)), " ".join((f"module {vendor}", *how.vendor))]
        lines += [f"try {part.name}"]
        if part.trial.offered_by:
            lines += [Parameter(*part.trial.offered_by).line()]
        lines += [step.line() for step in part.attempt.guest]
        lines += [f"end {part.name}"]
        before = part
    return "\n".join(lines) + "\n"
