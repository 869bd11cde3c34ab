"""Which theorems a change turns: those whose claims are others after it, decided of both kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from mmuproof.cli.prove.kept import KeptResult, claims_said, moved
from mmuproof.cli.prove.relatives import BodyChange, BodyLayout, change_between
from mmuproof.cli.prove.running import Proved, Prover, Workforce, lost_with
from mmuproof.cli.prove.whole_runs import DECIDED
from mmuproof.cli.shared.forked import nothing, side_by_side
from mmuproof.cli.shared.known_proofs import digests_of
from mmuproof.cli.shared.results import Result
from mmuproof.cli.shared.selection import Task
from mmuproof.cli.shared.watching import Watcher
from mmuproof.lift.errors import Gone, Missing, Refused, Undefined
from mmuproof.lift.ran import collected
from mmuproof.model.features import Contradiction
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.lifted.bodies import KernelBodies
from mmuproof.smt.obligation import Verdict
from mmuproof.spec.hardware import Hardware


@dataclass(frozen=True)
class Turn:
    """A theorem's result before and after a change; they may be alike."""

    before: Result
    after: Result

    @property
    def is_new(self) -> bool:
        """Whether the result after it is another one: a verdict, a symptom, or a place that is not shown before."""
        return self.before.verdict is not self.after.verdict or not set(self.after.refuted) <= set(self.before.refuted)

    @property
    def is_worse(self) -> bool:
        """Whether something is refuted that was not."""
        return self.is_new and self.after.verdict is Verdict.REFUTED

    @property
    def is_open(self) -> bool:
        """Whether it is not known any more."""
        return self.is_new and not self.after.verdict.green and self.after.verdict is not Verdict.REFUTED


@dataclass(frozen=True, kw_only=True)
class Turned:
    """What a change does to theorems.

    Args:
        before: what each says before it, as far as somebody had to know.
        said: what each says after it, in the order of the tasks.
        turns: those that say something else than before.
        failures: where exceptions in it come from, each with the theorem.
        proofs: the claims that were proved on the way.
    """

    before: Mapping[Task, KeptResult]
    said: tuple[KeptResult, ...]
    turns: tuple[Turn, ...]
    failures: tuple[tuple[str, str], ...] = ()
    proofs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TreeStep:
    """Two trees, one after the other.

    Args:
        before: where the bodies are in the one before.
        after: where they are in the one after it.
        change: what is another, if that is only inside of bodies.
    """

    before: BodyLayout
    after: BodyLayout
    change: BodyChange | None

    @classmethod
    def between(cls, before: BodyLayout, after: KernelBodies) -> TreeStep:
        """From a tree to the next.

        Raises:
            LiftError: a unit of that one does not parse.
        """
        change = change_between(before, after)
        later = BodyLayout.of(after) if change is None else before.changed(change)
        return cls(before=before, after=later, change=change)


@dataclass(frozen=True)
class Known:
    """What is known of theorems already.

    Args:
        before: of the kernel before a change.
        after: of the one after it.
    """

    before: Mapping[Task, KeptResult] = field(default_factory=dict)
    after: Mapping[Task, KeptResult] = field(default_factory=dict)

    def same(self, task: Task) -> KeptResult | None:
        """What is known of a theorem after the change, if it is known to say the same before it."""
        one, other = self.before.get(task), self.after.get(task)
        if one is None or other is None or None in (one.claims, other.claims) or one.claims != other.claims:
            return None
        return other


@dataclass(frozen=True, kw_only=True)
class _Both:
    """What is found of a theorem before and after a change; the proofs of both if it says something else."""

    before: KeptResult
    after: KeptResult
    proved: tuple[Proved, ...] = ()
    turn: Turn | None = None


@dataclass(frozen=True, kw_only=True)
class _DecidingBoth:
    """A process of its own decides a few theorems of both kernels."""

    before: Prover
    after: Prover
    known: Known
    step: TreeStep

    def group(self, tasks: Sequence[Task]) -> list[_Both]:
        """What each says, and its results if it says something else than before."""
        return [self._one(task) for task in tasks]

    def lost(self, tasks: Sequence[Task], how: str) -> list[_Both]:
        """What is told of theorems at which a process has ended: nothing is known of them."""
        nothing_known = KeptResult(None, None)
        found = []
        for each in lost_with(tasks, how):
            before = replace(each.result, verdict=Verdict.UNKNOWN, reason="it is not known what it was")
            found.append(_Both(before=nothing_known, after=nothing_known, turn=Turn(before, each.result)))
        return found

    def _one(self, task: Task) -> _Both:
        earlier = self.known.before.get(task)
        if earlier is None or earlier.claims is None:
            said = self._said(task, self.before.kvm, self.step.before)
            earlier = said if earlier is None else replace(said, result=earlier.result)
        if left := _left(earlier, self.step):
            return _Both(before=earlier, after=left)
        later = self.known.after.get(task)
        if later is not None and later.claims is not None:
            said = later
        else:
            said = self._said(task, self.after.kvm, self.step.after)
        if said.claims == earlier.claims:
            return _Both(before=earlier, after=said)
        proved: list[Proved] = []
        before, after = earlier.result, said.result
        if before is None:
            proved += self.before.all([task])
            before = proved[-1].result
        if after is None:
            proved += self.after.all([task])
            after = proved[-1].result
        return _Both(
            before=replace(earlier, result=kept_as(before)),
            after=replace(said, result=kept_as(after)),
            proved=tuple(proved),
            turn=Turn(before, after),
        )

    def _said(self, task: Task, kvm: Kvm, layout: BodyLayout) -> KeptResult:
        with collected() as ran:
            claims = self._claims(task, kvm)
        return KeptResult(None, layout.rests_on(ran.read()), claims)

    def _claims(self, task: Task, kvm: Kvm) -> tuple[str, ...]:
        try:
            if lacking := task.theorem.lacking(kvm, task.vendor):
                return tuple(each.value for each in lacking)
            claims = [claim.on(Hardware()) for claim in task.theorem.state(kvm, task.vendor)]
        except (NotThere, Missing, Gone) as missing:
            return ("not found", *missing.names)
        except (Contradiction, Refused, Undefined) as error:
            return (type(error).__name__, str(error))
        return claims_said([each.case.part for each in claims], digests_of([each.obligation for each in claims]))


def kept_as(result: Result) -> Result | None:
    """A result as it may be kept: what was not decided may be decided the next time."""
    return result if result.verdict in DECIDED else None


def _left(known: KeptResult | None, step: TreeStep) -> KeptResult | None:
    """What is known of a theorem after a step, if all that it rests on stays as it is."""
    if known is None or step.change is None or not step.change.leaves(known.rests_on):
        return None
    return moved(known, step.change)


def turned(
    tasks: Sequence[Task],
    before: Prover,
    after: Prover,
    known: Known,
    step: TreeStep,
    *,
    processes: int,
    watcher: Watcher,
    are_kept: bool = False,
    ahead: Callable[[], None] = nothing,
) -> Turned:
    """What a change does to theorems.

    Args:
        tasks: the theorems; the vendors of one stand together.
        before: proves them of the kernel before it.
        after: proves them of the kernel after it.
        known: what they say, as far as that is known.
        step: where the bodies of the two trees are.
        processes: how many of them work at most.
        watcher: is told how far it has come.
        are_kept: whether the units of both trees are kept.
        ahead: reads what all processes need, before there are several.

    Raises:
        SourceError: a tree turns out to be unusable.
    """
    after_it = {task: left for task in tasks if (left := _left(known.before.get(task), step)) is not None}
    for task in tasks:
        if task not in after_it and (same := known.same(task)) is not None:
            after_it[task] = same
    groups = [
        list(group)
        for _, group in groupby((task for task in tasks if task not in after_it), key=lambda task: task.theorem.name)
    ]
    workforce = Workforce.of(sum(map(len, groups)), processes, is_kept=are_kept)
    if workforce.reads_ahead:
        ahead()
    watcher.phase("stating theorems", len(groups))
    comparing = _DecidingBoth(before=before, after=after, known=known, step=step)
    done = side_by_side(comparing.group, groups, workforce.processes, watcher.advance, lost=comparing.lost)
    both = [each for group in done for each in group]
    found = dict(zip((task for group in groups for task in group), both, strict=True))
    after_it |= {task: each.after for task, each in found.items()}
    proved = [one for each in both for one in each.proved]
    return Turned(
        before={task: each.before for task, each in found.items()},
        said=tuple(after_it[task] for task in tasks),
        turns=tuple(each.turn for each in both if each.turn is not None),
        failures=tuple(
            (f"{each.result.theorem} {each.result.vendor.value}", failure)
            for each in proved
            for failure in each.failures
        ),
        proofs=tuple(proof for each in proved for proof in each.proofs.new),
    )
