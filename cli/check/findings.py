"""What `mmuproof check` has found of each commit or patch, as typed rows."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmuproof.cli.check.turning import Turn
from mmuproof.cli.diff.changes import Judgement
from mmuproof.cli.diff.claims import CommitClaim
from mmuproof.cli.formats.cases import QuotedLine


class StepStatus(enum.Enum):
    """What becomes of a commit or patch."""

    FINE = "fine"
    """No theorem is turned for the worse, and a claim of no functional change stands."""
    WRONG = "wrong"
    """A theorem is refuted that was not, or such a claim is broken."""
    OPEN = "open"
    """Neither, but something could not be decided."""


@dataclass(frozen=True, kw_only=True)
class CheckedStep:
    """A commit or patch.

    Args:
        name: the short id of the commit, or what the patch is called.
        subject: the first line of its message; empty if it has none.
        is_read: whether it changes anything that is read.
        claim: what becomes of its claim of no functional change.
        judgements: what becomes of each function of the MMU that has changed.
        come: functions that are new.
        gone: functions that are gone.
        locals_renamed: functions in which nothing changes but what variables of their own are called.
        outside: files of KVM's that have changed and whose functions were not compared.
        turns: the theorems that say something else than before, with both results.
        theorems: how many results there were to be turned; 0 if no theorem looks at what is changed.
        seconds: how long it took.
        is_kept: whether an earlier run has found it.
        unusable: why the tree after it, or the one before, cannot be used; empty if both can.
        lines: the lines of C after it of which what is told of it speaks.
        former_lines: the same before it.
    """

    name: str
    subject: str
    is_read: bool
    claim: CommitClaim
    judgements: tuple[Judgement, ...] = ()
    come: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    locals_renamed: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    theorems: int = 0
    seconds: float = 0.0
    is_kept: bool = False
    unusable: str = ""
    lines: tuple[QuotedLine, ...] = ()
    former_lines: tuple[QuotedLine, ...] = ()

    @property
    def new(self) -> tuple[Turn, ...]:
        """The theorems that have another result after it."""
        return tuple(each for each in self.turns if each.is_new)

    @property
    def status(self) -> StepStatus:
        """What becomes of it."""
        if self.claim is CommitClaim.BROKEN or any(each.is_worse for each in self.turns):
            return StepStatus.WRONG
        if self.unusable or self.claim is CommitClaim.OPEN or any(each.is_open for each in self.turns):
            return StepStatus.OPEN
        return StepStatus.FINE


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A whole run."""

    source: str
    steps: tuple[CheckedStep, ...]
    seconds: float
    solvers: Mapping[str, str] = field(default_factory=dict)
