"""What the VMM has said on the console of a kernel, part by part."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mmuproof.live.guests.paging import fault_of
from mmuproof.live.trial import Facts

READY, DEAD = "done", "dead"
"""The last word of the VMM, if it came to the plan's end and if not."""

_LINE = re.compile(r"@ (\w+):? ?(.*)")
_TIME = re.compile(r"^\[ *\d+\.\d+\] ")
_FRAME = re.compile(r"^ (?:\? )?([\w.]+)\+0x[0-9a-f]+/0x[0-9a-f]+")
# "WARNING: CPU: 0 PID: 9 at FILE:LINE function+0x1/0x2 [kvm]" or "WARNING: FILE:LINE at function+0x1/0x2 [kvm], ..."
_WARNING = re.compile(r"^WARNING: .*?([\w.]+)\+0x[0-9a-f]+/0x[0-9a-f]+")
# "Oops: ..." or "invalid opcode: ..." [#1], and where it was.
_DEATH = re.compile(r"^.*\[#\d+\]")
_WHERE = re.compile(r"^RIP: 0010:([\w.]+)\+0x")
_CUT = "------------[ cut here ]------------"
_END_OF_TRACE = "---[ end trace"


@dataclass(frozen=True)
class KernelReport:
    """What the kernel has reported of itself: a warning, or that it has died.

    Args:
        function: in which it was.
        fatal: whether it has died.
        lines: the report.
    """

    function: str
    fatal: bool
    lines: tuple[str, ...]

    @property
    def trace(self) -> tuple[str, ...]:
        """The functions of its call trace, those that the kernel is not sure of among them."""
        return tuple(found.group(1) for line in self.lines if (found := _FRAME.match(line)))


@dataclass(frozen=True)
class Observed:
    """What one guest has shown.

    Args:
        facts: by name: numbers as such, all else as text.
        broken: why nothing can be said of it; empty if something can.
        log: what the kernel has logged meanwhile.
        stuck: whether the VMM's process never ended.
    """

    facts: Facts
    broken: tuple[str, ...]
    log: tuple[str, ...]
    stuck: bool = False

    @property
    def warnings(self) -> tuple[KernelReport, ...]:
        """The warnings that have fired."""
        return tuple(report for report in _reports(self.log) if not report.fatal)

    @property
    def deaths(self) -> tuple[KernelReport, ...]:
        """What the kernel has died of."""
        return tuple(report for report in _reports(self.log) if report.fatal)


def observed(console: str) -> dict[str, Observed]:
    """What each part of the plan has shown that came to its end, by name."""
    found: dict[str, Observed] = {}
    facts: dict[str, int | str] = {}
    broken: list[str] = []
    log: list[str] = []
    stuck = False
    for line in console.splitlines():
        # What the firmware or the kernel has left unended stands before it.
        said = _LINE.search(line)
        if said is None:
            continue
        kind, rest = said.groups()
        if kind == "try":
            facts, broken, log, stuck = {}, [], [], False
        elif kind == "fact":
            name, _, value = rest.partition("=")
            facts[name] = _value(value)
        elif kind == "broken":
            broken.append(rest)
        elif kind == "stuck":
            stuck = True
        elif kind == "log":
            log.append(rest)
        elif kind == "end":
            found[rest] = Observed({**facts, **_faults(facts)}, tuple(broken), tuple(log), stuck)
    return found


def why_dead(console: str) -> str:
    """What was said last, by the VMM or a panicking kernel, for a console that does not end as it should."""
    lines = [line.strip() for line in console.splitlines() if line.strip()]
    telling = [line for line in lines if "Kernel panic" in line or "@ broken" in line]
    return (telling or lines or ["nothing on the console"])[-1]


def _value(text: str) -> int | str:
    try:
        return int(text, 0)
    except ValueError:
        return text


def _faults(facts: Facts) -> Facts:
    """Of each run: in which exception's handler it stopped as ``RUN.fault``, and the ``RUN.error_code``."""
    derived: dict[str, int | str] = {}
    for name, value in facts.items():
        run, _, what = name.rpartition(".")
        if what == "rip" and isinstance(value, int):
            fault, top = fault_of(value), facts[f"{run}.top"]
            derived[f"{run}.fault"] = "none" if fault is None else fault
            if fault is not None and isinstance(top, int):
                derived[f"{run}.error_code"] = top & 0xFFFFFFFF
    return derived


def _reports(log: tuple[str, ...]) -> tuple[KernelReport, ...]:
    """The reports in a log: each ends with its own line, and begins at a cut or after the one before it."""
    found: list[KernelReport] = []
    lines: list[str] = []
    for line in log:
        text = _TIME.sub("", line)
        if text == _CUT:
            lines = []
        lines.append(text)
        if text.startswith(_END_OF_TRACE):
            found.append(_report(tuple(lines)))
            lines = []
    return tuple(found)


def _report(lines: tuple[str, ...]) -> KernelReport:
    fatal = any(_DEATH.match(line) for line in lines)
    pattern = _WHERE if fatal else _WARNING
    functions = [match.group(1).partition(".")[0] for line in lines if (match := pattern.match(line))]
    return KernelReport((functions or ["?"])[0], fatal, lines)
