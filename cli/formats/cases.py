"""A run as tools see it, whichever command it was: cases, each with how it ended."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from mmuproof.cli.formats.places import split_place
from mmuproof.cli.shared.results import Counterexample, CutNote, TracedStep

CaseKey = tuple[str, str]
"""The area or commit of a case, and what was judged."""


class Ending(enum.Enum):
    """How a case ended, for whoever has to act on it."""

    WRONG = "wrong"
    """It makes the exit status 1."""
    OPEN = "open"
    """It is not decided, and makes the exit status 3 where nothing is wrong."""
    KNOWN = "known"
    """Something is wrong or open that is known and allowed; it leaves the exit status as it is."""
    SKIPPED = "skipped"
    """There is nothing to be judged."""
    PASSED = "passed"

    @property
    def counts(self) -> bool:
        """Whether it changes the exit status."""
        return self in (Ending.WRONG, Ending.OPEN)

    @property
    def is_finding(self) -> bool:
        """Whether there is anything to be told."""
        return self not in (Ending.PASSED, Ending.SKIPPED)


@dataclass(frozen=True)
class Rule:
    """What a case is held against: its name, what it says in plain sentences, and from where that is."""

    name: str
    says: str
    source: str = ""


@dataclass(frozen=True)
class QuotedLine:
    """A line of a file of the kernel tree, as it was when that tree was at hand."""

    file: str
    number: int
    text: str


@dataclass(frozen=True, kw_only=True)
class CaseSide:
    """One of two versions that were compared.

    Args:
        title: which.
        shows: what it shows.
        steps: how it comes to that.
        at: where the function is, ``file:line``; empty if that is not known.
        reads: what the bits of ``shows`` say in one line, if that is known.
    """

    title: str
    shows: str
    steps: tuple[TracedStep, ...]
    at: str = ""
    reads: str = ""


@dataclass(frozen=True, kw_only=True)
class JudgedCase:
    """One thing that was judged.

    Args:
        rule: what it is held against.
        group: the area that it belongs to.
        name: what was judged.
        variant: for which vendor, or for which masks; may be empty.
        verdict: the verdict, as the command calls it.
        outcome: what that means.
        text: what is wrong or open, in a sentence.
        details: further lines.
        at: ``file:line`` in the kernel tree, ``file`` alone where no line is known, or empty.
        function: the function that it is about, where that is known.
        steps: how the code came to what is wrong.
        known: as what it is known; empty if it is new.
        seconds: the processor time that it took.
        marks: what exactly is wrong or open, in words that stay the same while it does; see `JudgedCase.named`.
        sides: the two versions, where such were compared and are told apart by an example.
        part: of which part of the rule it is; empty if that has none.
        told: the counterexample, if there is one.
        again: the command that shows the same again, if there is one.
        assumptions: what the verdict takes for granted.
        cuts: the calls that were not followed.
        lines: the lines of C around its steps, where the tree is gone when the report is written.
        former_lines: the same of the old version.
    """

    rule: Rule
    group: str
    name: str
    variant: str = ""
    verdict: str
    outcome: Ending
    text: str = ""
    details: tuple[str, ...] = ()
    at: str = ""
    function: str = ""
    steps: tuple[TracedStep, ...] = ()
    known: str = ""
    seconds: float = 0.0
    marks: tuple[str, ...] = ()
    sides: tuple[CaseSide, ...] = ()
    part: str = ""
    told: Counterexample | None = None
    again: str = ""
    assumptions: tuple[str, ...] = ()
    cuts: tuple[CutNote, ...] = ()
    lines: tuple[QuotedLine, ...] = ()
    former_lines: tuple[QuotedLine, ...] = ()

    @property
    def named(self) -> str:
        """What was judged, with the vendor or the masks."""
        return f"{self.name} {self.variant}".rstrip()

    @property
    def key(self) -> CaseKey:
        """What tells it from all others of a run: of a series, each commit may turn the same theorem."""
        return self.group, self.named

    @property
    def place(self) -> tuple[str, int | None]:
        """The file and the line, as far as they are known."""
        return split_place(self.at)

    @property
    def sentence(self) -> str:
        """What is wrong, on one line; the verdict where nothing more is known."""
        return " ".join(self.text.split()) or self.verdict

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """A line for each thing that is wrong or open; the same in every run in which it is the same."""
        if not self.outcome.is_finding:
            return ()
        return tuple(": ".join(filter(None, (self.named, self.verdict, mark))) for mark in self.marks or ("",))


@dataclass(frozen=True, kw_only=True)
class JudgedRun:
    """A whole run.

    Args:
        command: the command's name.
        subject: what was judged, in words.
        root: the folder of the kernel tree, empty if it was read from elsewhere.
        cases: what was judged, group by group.
        seconds: how long it took.
        notes: further lines about the run.
        gone: the fingerprints of a baseline that are no more, of what was judged.
        baseline: the file of that baseline, empty if there was none.
        decides: whether anything is judged; a table of what is where judges nothing.
    """

    command: str
    subject: str
    root: str = ""
    cases: tuple[JudgedCase, ...]
    seconds: float
    notes: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    baseline: str = ""
    decides: bool = True

    @property
    def findings(self) -> tuple[JudgedCase, ...]:
        """The cases of which there is anything to be told; what counts comes first."""
        found = [each for each in self.cases if each.outcome.is_finding]
        return tuple(sorted(found, key=lambda each: _URGENCY.index(each.outcome)))

    @property
    def groups(self) -> Mapping[str, Sequence[JudgedCase]]:
        """The cases by area, in their order."""
        found: dict[str, list[JudgedCase]] = {}
        for each in self.cases:
            found.setdefault(each.group, []).append(each)
        return found

    @property
    def exit_status(self) -> int:
        """0 if nothing counts, 1 if something is wrong, 3 if something is open and nothing wrong."""
        outcomes = {each.outcome for each in self.cases}
        if Ending.WRONG in outcomes:
            return 1
        return 3 if Ending.OPEN in outcomes else 0


def counted(cases: Iterable[JudgedCase]) -> str:
    """How many cases have which verdict, the most urgent first: ``2 REFUTED (1 known), 30 PROVED``."""
    found: dict[str, list[JudgedCase]] = {}
    for each in sorted(cases, key=lambda each: _URGENCY.index(each.outcome)):
        found.setdefault(each.verdict, []).append(each)
    return ", ".join(f"{len(same)} {verdict}{_known(same)}" for verdict, same in found.items())


def _known(cases: Sequence[JudgedCase]) -> str:
    known = sum(bool(each.known) for each in cases)
    which = "" if known == len(cases) else f"{known} of them "
    return f" ({which}known)" if known else ""


_URGENCY = tuple(Ending)


def without_baseline(run: JudgedRun, file: str, known: Sequence[str]) -> JudgedRun:
    """A run in which only what is new counts.

    Args:
        run: the run.
        file: where the baseline is from.
        known: the fingerprints that it has.
    """
    before = set(known)

    def judged(case: JudgedCase) -> JudgedCase:
        if case.outcome.counts and set(case.fingerprints) <= before:
            return replace(case, outcome=Ending.KNOWN, known=case.known or "in the baseline")
        return case

    cases = tuple(judged(each) for each in run.cases)
    now = {mark for each in cases for mark in each.fingerprints}
    # What was not judged this time may still be there.
    judged_now = tuple(f"{each.named}: " for each in cases)
    gone = tuple(mark for mark in known if mark not in now and mark.startswith(judged_now))
    return replace(run, cases=cases, gone=gone, baseline=file)
