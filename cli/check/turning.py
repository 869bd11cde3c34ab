"""Which theorems a change turns: those whose claims are others after it, decided of both kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from mmuproof.cli.prove.relatives import BodyChange, BodyLayout, RestsOn, change_between
from mmuproof.cli.prove.running import Proved, Prover
from mmuproof.cli.shared.forked import side_by_side
from mmuproof.cli.shared.results import Result
from mmuproof.cli.shared.selection import Task
from mmuproof.cli.shared.watching import Watcher
from mmuproof.lift.errors import Gone, Missing, Refused, Undefined
from mmuproof.lift.ran import collected
from mmuproof.model.features import Contradiction
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.lifted.bodies import KernelBodies
from mmuproof.proofs.digests import decided
from mmuproof.smt.digests import Digests
from mmuproof.smt.obligation import Verdict
from mmuproof.spec.hardware import Hardware


@dataclass(frozen=True)
class Said:
    """What a theorem says of a kernel.

    Args:
        claims: a digest for each claim, or why there is none.
        rests_on: what of the tree that rests on.
    """

    claims: tuple[str, ...]
    rests_on: RestsOn


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
        said: what each says after it, in the order of the tasks.
        turns: those that say something else than before.
        failures: where exceptions in it come from, each with the theorem.
    """

    said: tuple[Said, ...]
    turns: tuple[Turn, ...]
    failures: tuple[tuple[str, str], ...] = ()


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


@dataclass(frozen=True, kw_only=True)
class _DecidingBoth:
    """A process of its own decides a few theorems of both kernels."""

    before: Prover
    after: Prover
    known: Mapping[Task, Said]
    step: TreeStep
    digests: Digests = field(default_factory=Digests)

    def group(self, tasks: Sequence[Task]) -> list[tuple[Said, Proved | None, Proved | None]]:
        """What each says after the change, and its results if it says something else than before."""
        return [self._one(task) for task in tasks]

    def _one(self, task: Task) -> tuple[Said, Proved | None, Proved | None]:
        earlier = self.known.get(task) or self._said(task, self.before.kvm, self.step.before)
        if self.step.change is not None and self.step.change.leaves(earlier.rests_on):
            return earlier, None, None
        said = self._said(task, self.after.kvm, self.step.after)
        if said.claims == earlier.claims:
            return said, None, None
        (before,), (after,) = self.before.all([task]), self.after.all([task])
        return said, before, after

    def _said(self, task: Task, kvm: Kvm, layout: BodyLayout) -> Said:
        with collected() as ran:
            claims = self._claims(task, kvm)
        return Said(claims, layout.rests_on(ran.read()))

    def _claims(self, task: Task, kvm: Kvm) -> tuple[str, ...]:
        try:
            if lacking := task.theorem.lacking(kvm, task.vendor):
                return tuple(each.value for each in lacking)
            claims = [claim.on(Hardware()) for claim in task.theorem.state(kvm, task.vendor)]
        except (NotThere, Missing, Gone) as missing:
            return ("not found", *missing.names)
        except (Contradiction, Refused, Undefined) as error:
            return (type(error).__name__, str(error))
        return tuple(f"{each.case.part} {self.digests.of(decided(each, places=False))}" for each in claims)


def turned(
    tasks: Sequence[Task],
    before: Prover,
    after: Prover,
    known: Mapping[Task, Said],
    step: TreeStep,
    *,
    processes: int,
    watcher: Watcher,
) -> Turned:
    """What a change does to theorems.

    Args:
        tasks: the theorems; the vendors of one stand together.
        before: proves them of the kernel before it.
        after: proves them of the kernel after it.
        known: what they say of the kernel before it, as far as that is known.
        step: where the bodies of the two trees are.
        processes: how many of them work.
        watcher: is told how far it has come.

    Raises:
        SourceError: a tree turns out to be unusable.
    """
    groups = [list(group) for _, group in groupby(tasks, key=lambda task: task.theorem.name)]
    watcher.phase("stating theorems", len(groups))
    comparing = _DecidingBoth(before=before, after=after, known=known, step=step)
    found = [each for group in side_by_side(comparing.group, groups, processes, watcher.advance) for each in group]
    results = [(one, other) for _, one, other in found if one is not None and other is not None]
    return Turned(
        said=tuple(said for said, _, _ in found),
        turns=tuple(Turn(one.result, other.result) for one, other in results),
        failures=tuple(
            (f"{each.result.theorem} {each.result.vendor.value}", failure)
            for pair in results
            for each in pair
            for failure in each.failures
        ),
    )
