"""What `mmuproof ask` is asked, and the answers, as typed rows."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmuproof.cli.shared.results import Counterexample, CutNote, KernelIdentity
from mmuproof.model.vendor import Vendor
from mmuproof.smt.obligation import Verdict


class Goal(enum.Enum):
    """What a question wants to know, or a property wants to be."""

    POSSIBLE = "possible"
    """Is there a state in which the expression is true?"""
    IMPOSSIBLE = "impossible"
    """Is there none?"""
    ALWAYS = "always"
    """Is it true in every state?"""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The answer to one question, for the tables of one vendor or for any masks.

    Args:
        name: the property's name, or the expression.
        wanted: what is asked.
        vendor: for whose processors the masks are set up; None if they are free.
        verdict: on the claim that it is always true, or else that it never is.
        reason: in words, where the verdict needs some.
        seconds: how long it took.
        unit: the translation unit in which it was asked.
        assumptions: what is taken for granted.
        cuts: the calls that were not followed.
        example: the state in which it is true; for `Goal.ALWAYS` the one in which it is not.
    """

    name: str
    wanted: Goal
    vendor: Vendor | None
    verdict: Verdict
    reason: str | None = None
    seconds: float = 0.0
    unit: str = ""
    assumptions: tuple[str, ...] = ()
    cuts: tuple[CutNote, ...] = ()
    example: Counterexample | None = None

    @property
    def says(self) -> str:
        """The answer in a word."""
        always = self.wanted is Goal.ALWAYS
        words = {
            Verdict.PROVED: "ALWAYS" if always else "IMPOSSIBLE",
            Verdict.REFUTED: "NOT ALWAYS" if always else "POSSIBLE",
        }
        return words.get(self.verdict, self.verdict.value)

    @property
    def is_yes(self) -> bool:
        """Whether it is as it was wanted to be."""
        return self.verdict is (Verdict.REFUTED if self.wanted is Goal.POSSIBLE else Verdict.PROVED)

    @property
    def is_decided(self) -> bool:
        """Whether there is an answer at all."""
        return self.verdict in (Verdict.PROVED, Verdict.REFUTED)


@dataclass(frozen=True, kw_only=True)
class Replies:
    """A whole run; ``notes`` are lines that a reader needs to understand the answers."""

    kernel: KernelIdentity
    answers: tuple[Reply, ...]
    seconds: float
    solvers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
