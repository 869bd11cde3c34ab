"""Stating theorems and deciding their claims, theorems side by side, and one verdict for each."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby

from mmuproof.cli.numbers.decoded import Assumed, Decoded, Decoder
from mmuproof.cli.prove.kept import claims_said
from mmuproof.cli.prove.left_out import LeftOut
from mmuproof.cli.shared.errors import traced
from mmuproof.cli.shared.forked import side_by_side
from mmuproof.cli.shared.known_proofs import AddedProofs, KnownProofs
from mmuproof.cli.shared.results import Counterexample, CutNote, Result, in_part
from mmuproof.cli.shared.selection import Task
from mmuproof.cli.shared.solving import Solver, leave_all
from mmuproof.cli.shared.watching import Watcher
from mmuproof.cli.telling.counterexamples import Decode, NoSymptom, explain
from mmuproof.lift.errors import Gone, LiftError, Missing, Refused, SourceError, Undefined
from mmuproof.lift.machine.doubts import left_out
from mmuproof.lift.ran import Read, remembered
from mmuproof.model.features import MARKS, Contradiction, Feature
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.known_findings import KnownFinding, known_as
from mmuproof.proofs.shape import Shape
from mmuproof.proofs.stated import series_before, stated
from mmuproof.proofs.theorem import Claim, always_undefined
from mmuproof.smt.obligation import Answer, Verdict
from mmuproof.spec.hardware import Hardware

_FUNCTION = re.compile(r"\w+\(\)")
_NAMED = re.compile(r"\w+\(\)|\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b")
"""How words name a function, or a macro."""
_OF_KVM = "arch/x86/kvm/"
_SHARE = 64
"""Results for which a process of their own is worth while that reads everything."""
_FEW, _MOST_OF_FEW = 4, 4
"""Results for which one is worth while where little is left to find, and how many there are then."""
_ANY_HOST = Assumed(max_physical_address=52)
"""Of a counterexample's host nothing is supposed that the counterexample does not say."""
SEVERITY = (Verdict.REFUTED, Verdict.ERROR, Verdict.LOST, Verdict.UNKNOWN, Verdict.VACUOUS, Verdict.PROVED)
"""A theorem's verdict is the first of these that one of its claims has.

REFUTED comes before ERROR because a confirmed counterexample stands by itself, whatever became of the other
claims.
"""


@dataclass(frozen=True, kw_only=True)
class _Finding:
    """What became of one claim.

    ``seconds`` is the processor time that it took; ``failure`` an exception that tells more than the reason.
    """

    verdict: Verdict
    reason: str | None = None
    counterexample: Counterexample | None = None
    seconds: float = 0.0
    failure: Exception | None = None


@dataclass(frozen=True, kw_only=True)
class Proved:
    """A task's result, and where the exceptions in it come from.

    ``read`` is what of the tree was read for it; None if that is not known.  ``proofs`` are those of its claims.
    ``claims`` tells of each what it says; None if that is not known.
    """

    result: Result
    claims: tuple[str, ...] | None = None
    failures: tuple[str, ...] = ()
    read: Read | None = None
    proofs: AddedProofs = field(default_factory=AddedProofs)


def run(
    tasks: Sequence[Task],
    kvm: Kvm,
    solver: Solver,
    *,
    processes: int,
    watcher: Watcher,
    known: Sequence[KnownFinding] = (),
    hardware: Hardware | None = None,
    release: str | None = None,
    left_out: LeftOut | None = None,
    proofs: KnownProofs | None = None,
) -> tuple[Proved, ...]:
    """The verdict on every task, in the order of the tasks.

    Args:
        tasks: what is to be proved.
        kvm: the implementation that it is proved of; what it has read so far is shared by all processes.
        solver: decides it.
        processes: how many of them work; this one waits for them, so that a signal reaches it.
        watcher: is told how far it has come.
        known: the findings as which counterexamples are recognised.
        hardware: what is known of the processor; nothing if it is not given.
        release: which kernel it is, ``7.2.13``; what is stated of releases before it has to be stated of it.
        left_out: what its configuration leaves out.
        proofs: what earlier runs have proved.

    Raises:
        SourceError: the tree turns out to be unusable.
    """
    prover = Prover(
        kvm=kvm,
        solver=solver if proofs is None else proofs.before(solver),
        proofs=proofs,
        known=known,
        hardware=hardware or Hardware(),
        release=release,
        left_out=left_out or LeftOut(),
    )
    # The vendors of one theorem have nearly all in common.
    theorems = [list(group) for _, group in groupby(tasks, key=lambda task: task.theorem.name)]
    watcher.phase("proving", len(theorems))
    groups = side_by_side(prover.all, theorems, processes, watcher.advance, lost=lost_with)
    proved = tuple(each for group in groups for each in group)
    for task, each in zip(tasks, proved, strict=True):
        for failure in each.failures:
            watcher.failure(f"{task.theorem.name} {task.vendor.value}", failure)
    return proved


@dataclass(frozen=True)
class Workforce:
    """How many processes are worth while, and whether all that they read is to be read before there are several."""

    processes: int
    reads_ahead: bool

    @classmethod
    def of(cls, tasks: int, most: int, *, is_kept: bool) -> Workforce:
        """Those for some tasks: each process has to lift for itself what it needs.

        Args:
            tasks: how many there are.
            most: how many processes there may be.
            is_kept: whether the units are kept, so that a process soon has those few that it needs.
        """
        many = min(most, 1 + tasks // _SHARE)
        if many > 1 or not is_kept:
            return cls(many, many > 1)
        return cls(min(most, _MOST_OF_FEW, 1 + tasks // _FEW), reads_ahead=False)


def lost_with(tasks: Sequence[Task], how: str) -> list[Proved]:
    """What is told of a theorem whose process has ended, as one does that needs more memory than there is."""
    return [
        Proved(
            result=Result(
                theorem=task.theorem.name,
                vendor=task.vendor,
                verdict=Verdict.ERROR,
                seconds=0.0,
                reason=f"the process that proved it {how}",
                assumptions=task.theorem.assumes,
                source=task.theorem.source,
            )
        )
        for task in tasks
    ]


@dataclass(frozen=True, kw_only=True)
class Prover:
    """What is the same for all tasks of a run; see `run`."""

    kvm: Kvm
    solver: Solver
    known: Sequence[KnownFinding]
    hardware: Hardware
    release: str | None = None
    left_out: LeftOut = field(default_factory=LeftOut)
    proofs: KnownProofs | None = None

    def all(self, tasks: Sequence[Task]) -> list[Proved]:
        """The verdicts on some tasks."""
        return [self._one(task) for task in tasks]

    def _one(self, task: Task) -> Proved:
        with remembered() as ran:
            proved, parts = self._prove(task)
            proved = self._with_what_is_lost(task, proved, parts)
        read = ran.read()
        proofs = AddedProofs() if self.proofs is None else self.proofs.added()
        return replace(
            proved,
            read=read,
            result=self._placed(proved.result, read),
            proofs=proofs,
            claims=claims_said(parts, proofs.asked) if len(parts) == len(proofs.asked) > 0 else None,
        )

    def _placed(self, result: Result, read: Read) -> Result:
        """A result whose counterexample has a place in the code, if any code was read for it.

        That is the function or macro of which its words speak, or else the first body that was read, one of KVM's if
        any is.
        """
        told = result.counterexample
        if told is None or told.at:
            return result
        function = told.place.partition(":")[2]
        words = (told.sentence, told.actual, told.expected, *(each.part for each in result.refuted))
        named = [each.removesuffix("()") for text in words for each in _NAMED.findall(text)]
        shown = [each.name for each in told.inputs if _NAMED.fullmatch(each.name)]
        places = filter(None, map(self.kvm.place_of, (*filter(None, (function,)), *named, *shown)))
        bodies = sorted(map(str, read.bodies), key=lambda each: (not each.startswith(_OF_KVM), each))
        at = next(places, None) or next(iter(bodies), "")
        return replace(result, counterexample=replace(told, at=at))

    def _with_what_is_lost(self, task: Task, proved: Proved, parts: Sequence[str]) -> Proved:
        """A result, and what of it was stated of an earlier release and is not stated here."""
        series = None if self.release is None else series_before(self.release)
        if series is None or proved.result.verdict in (Verdict.ERROR, Verdict.LOST) or self._why_left_out(task, series):
            return proved
        missing = stated(task.theorem.name, task.vendor).missing(parts, series)
        left_out = self.left_out.parts(task.theorem.name, task.vendor)
        if gone := [part for part in missing if part in left_out]:
            why = ", ".join(dict.fromkeys(left_out[part] for part in gone))
            reason = f"without {', '.join(repr(part) for part in gone)}, which the configuration leaves out: {why}"
            told = proved.result.reason
            reason = reason if told is None else f"{told} Besides, {reason}"
            proved = replace(proved, result=replace(proved.result, reason=reason))
        missing = tuple(part for part in missing if part not in left_out)
        if not missing:
            return proved
        named = ", ".join(repr(part) for part in missing if part) or "all of it"
        # What is there itself has not been lost by its name.
        gone = [
            each for each in _FUNCTION.findall(named) if not any(near.startswith(each) for near in self.kvm.near(each))
        ]
        lost = f"not stated here, and stated of Linux {series}: {named}{self._like(gone)}"
        result, told = proved.result, proved.result.reason
        # What is only known to be wrong hides nothing that is lost; a new counterexample stands by itself.
        refuted = result.verdict is Verdict.REFUTED and not result.known
        return replace(
            proved,
            result=replace(
                result,
                verdict=Verdict.REFUTED if refuted else Verdict.LOST,
                reason=f"{told} Besides, LOST: {lost}" if refuted else lost if told is None else f"{lost}; {told}",
                known=(),
            ),
        )

    def _why_left_out(self, task: Task, series: str | None) -> str | None:
        """Why the configuration leaves out all that a theorem speaks of; None if it does not."""
        if module := self.left_out.module(task.vendor):
            return module
        parts = stated(task.theorem.name, task.vendor).missing((), series)
        left_out = self.left_out.parts(task.theorem.name, task.vendor)
        if not parts or not left_out.keys() >= set(parts):
            return None
        return ", ".join(dict.fromkeys(left_out[part] for part in parts))

    def _prove(self, task: Task) -> tuple[Proved, Sequence[str]]:
        """A task's result, and the parts of the theorem that are stated."""
        start = time.thread_time()

        def ended(verdict: Verdict, reason: str, error: Exception | None = None) -> tuple[Proved, Sequence[str]]:
            theorem = task.theorem
            result = Result(
                theorem=theorem.name,
                vendor=task.vendor,
                verdict=verdict,
                seconds=time.thread_time() - start,
                reason=reason,
                assumptions=theorem.assumes,
                source=theorem.source,
            )
            return Proved(result=result, failures=() if error is None else (traced(error),)), ()

        self.kvm.asked.clear()
        series = None if self.release is None else series_before(self.release)
        if why := self._why_left_out(task, series):
            return ended(Verdict.NOT_APPLICABLE, f"the configuration leaves out what this is about: {why}")
        try:
            if lacking := task.theorem.lacking(self.kvm, task.vendor):
                return ended(Verdict.NOT_APPLICABLE, f"this kernel lacks {', '.join(each.value for each in lacking)}")
            claims = tuple(claim.on(self.hardware) for claim in task.theorem.state(self.kvm, task.vendor))
        except Contradiction as contradiction:
            return ended(Verdict.LOST, f"{contradiction}{self._like(list(map(str, contradiction.missing)))}")
        except (NotThere, Missing, Gone) as missing:
            return ended(Verdict.LOST, self._lost(task, missing.names))
        except Undefined as undefined:
            claims = (always_undefined(undefined.location or "an unknown place", undefined.reason),)
        except Refused as refused:
            return ended(Verdict.ERROR, refused.message, refused)
        except SourceError:
            raise
        except Exception as error:
            # One theorem that cannot be stated must not keep the others from being decided.
            return ended(Verdict.ERROR, f"stating it failed: {_described(error)}", error)
        unlisted = next((each for claim in claims for each in left_out(claim.obligation.order)), None)
        if unlisted is not None:
            return ended(Verdict.ERROR, f"a cut says too little: {unlisted}")
        if not claims:
            return ended(Verdict.ERROR, "the theorem states no claim")
        seconds = time.thread_time() - start
        switches = tuple(_switch(feature, there=there) for feature, there in self.kvm.asked.items())
        concluded = _conclude(
            task, claims, _find(claims, self.solver, self._decoder(task.vendor)), seconds, self.known, switches
        )
        return concluded, [claim.case.part for claim in claims]

    def _decoder(self, vendor: Vendor) -> Decode:
        """Reads the numbers of counterexamples by the kernel's names; what it cannot read is told as it is."""

        def decode(kind: NumberKind, number: int, values: Mapping[str, int]) -> Decoded | None:
            with suppress(NotThere, LiftError):
                return Decoder(self.kvm, _ANY_HOST).decode(kind, number, vendor, values)
            return None

        return decode

    def _lost(self, task: Task, names: Sequence[str]) -> str:
        """What was looked for, what is like it here, and which series has it."""
        last = stated(task.theorem.name, task.vendor).last()
        return f"not found: {', '.join(names)}{self._like(names)}{f'; Linux {last} has it' if last else ''}"

    def _like(self, names: Sequence[str]) -> str:
        """What is like some names that this kernel lacks, as the end of a sentence."""
        like = dict.fromkeys(each for name in names for each in self.kvm.near(name))
        return f"; like it here: {', '.join(like)}" if like else ""


def _switch(feature: Feature, *, there: bool) -> str:
    """What a claim depends on besides its terms: which of several things it says."""
    return f"the kernel {'has' if there else 'lacks'} {feature.value}: {' and '.join(map(str, MARKS[feature]))}"


def _conclude(
    task: Task,
    claims: Sequence[Claim],
    findings: Sequence[_Finding],
    seconds: float,
    known: Sequence[KnownFinding],
    switches: Sequence[str],
) -> Proved:
    told = _tell(task, claims, findings, known)
    theorem = task.theorem
    labels = (assumption.label for each in claims for assumption in each.case.assumptions)
    cuts = (
        CutNote(cut.function, cut.at, cut.reason, cut.unchecked) for each in claims for cut in each.case.evidence.cuts
    )
    result = Result(
        theorem=theorem.name,
        vendor=task.vendor,
        verdict=told.worst.verdict,
        seconds=seconds + sum(finding.seconds for finding in findings),
        reason=told.reason,
        assumptions=tuple(dict.fromkeys((*theorem.assumes, *labels, *switches))),
        cuts=tuple(dict.fromkeys(cuts)),
        counterexample=told.worst.counterexample,
        source=theorem.source,
        refuted=told.refuted,
        known=told.known,
        claims=len(claims),
    )
    return Proved(result=result, failures=tuple(traced(each.failure) for each in findings if each.failure is not None))


@dataclass(frozen=True)
class _Decided:
    """A claim with what became of it; ``known`` is the number of the known finding that its counterexample is."""

    claim: Claim
    finding: _Finding
    shape: Shape | None
    known: int | None

    @property
    def rank(self) -> tuple[int, bool]:
        """What is told first; of what is refuted that is what is not known."""
        return SEVERITY.index(self.finding.verdict), self.known is not None

    @property
    def reason(self) -> str | None:
        """Why, with the part of the theorem."""
        reason = self.finding.reason
        return None if reason is None else in_part(self.claim.case.part, reason)


@dataclass(frozen=True)
class _Told:
    """What a theorem's findings come to: the worst of them, why, and whether all that is wrong is known."""

    worst: _Finding
    reason: str | None
    refuted: tuple[Shape, ...]
    known: tuple[int, ...]


def _decided(task: Task, claim: Claim, finding: _Finding, known: Sequence[KnownFinding]) -> _Decided:
    if finding.counterexample is None:
        return _Decided(claim, finding, None, None)
    told = finding.counterexample
    shape = Shape(
        theorem=task.theorem.name, vendor=task.vendor, part=claim.case.part, symptom=told.symptom, place=told.place
    )
    number = known_as(shape, known)
    if number is None and (gone := claim.case.evidence.gone_cuts):
        return _Decided(claim, _in_doubt(finding, gone), None, None)
    return _Decided(claim, finding, shape, number)


def _in_doubt(finding: _Finding, gone: Sequence[str]) -> _Finding:
    """What was found wrong where something was followed that is not followed elsewhere: nobody can tell."""
    named = ", ".join(f"{name}()" for name in gone)
    reason = (
        f"not found: {named}, which is not followed where it is called; if it has another name here, or is a part of "
        f"its caller, this may come of that: {finding.reason}"
    )
    return replace(finding, verdict=Verdict.LOST, reason=reason, counterexample=None)


def _tell(task: Task, claims: Sequence[Claim], findings: Sequence[_Finding], known: Sequence[KnownFinding]) -> _Told:
    pairs = zip(claims, findings, strict=True)
    decided = sorted((_decided(task, *pair, known) for pair in pairs), key=lambda each: each.rank)
    worst = decided[0]
    wrong = [each for each in decided if each.finding.verdict is not Verdict.PROVED]
    numbers = tuple(dict.fromkeys(each.known for each in wrong if each.known is not None))
    others = [each for each in wrong if each.known is None]
    reason = worst.reason
    if worst.known is not None:
        reason = f"known finding {', '.join(map(str, numbers))}: {reason}"
        if others:
            reason += f" Besides, {others[0].finding.verdict.value}: {others[0].reason}"
    shapes = tuple(dict.fromkeys(each.shape for each in decided if each.shape is not None))
    return _Told(worst.finding, reason, shapes, () if others else numbers)


def _find(claims: Sequence[Claim], solver: Solver, decode: Decode) -> list[_Finding]:
    """What becomes of a theorem's claims."""
    try:
        answers = solver.prove([claim.obligation for claim in claims])
    except Exception:
        # Each is decided by itself, and told for itself what is wrong with it.
        answers = leave_all(claims)
    return [
        _decide(claim, solver, decode) if answer is None else _Finding(verdict=answer.verdict, seconds=answer.seconds)
        for claim, answer in zip(claims, answers, strict=True)
    ]


def _decide(claim: Claim, solver: Solver, decode: Decode) -> _Finding:
    """Decide a claim and tell its counterexample."""
    try:
        answer = solver.decide(claim.obligation, [way.when for way in claim.ways_to_fail])
    except Exception as error:
        return _Finding(verdict=Verdict.ERROR, reason=f"deciding it failed: {_described(error)}", failure=error)
    start = time.thread_time()
    found = _finding_of(claim, answer, solver, decode)
    return replace(found, seconds=answer.seconds + time.thread_time() - start)


def _finding_of(claim: Claim, answer: Answer, solver: Solver, decode: Decode) -> _Finding:
    if answer.verdict is Verdict.VACUOUS:
        return _Finding(
            verdict=answer.verdict, reason=f"the assumptions contradict each other: {'; '.join(answer.core)}"
        )
    if answer.verdict is not Verdict.REFUTED:
        return _Finding(verdict=answer.verdict, reason=answer.reason)
    if answer.assignment is None:
        return _Finding(verdict=Verdict.ERROR, reason="the solver refutes it without a counterexample")
    try:
        told = explain(claim, answer.assignment, solver.satisfiable, decode)
    except NoSymptom as error:
        return _Finding(verdict=Verdict.ERROR, reason=str(error))
    except Exception as error:
        return _Finding(
            verdict=Verdict.ERROR, reason=f"telling its counterexample failed: {_described(error)}", failure=error
        )
    return _Finding(verdict=Verdict.REFUTED, reason=told.sentence, counterexample=told)


def _described(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
