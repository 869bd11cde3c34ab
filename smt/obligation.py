"""What is asked of a solver, and what comes back."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mmuproof.smt.graph import postorder, values_of, variables_among
from mmuproof.smt.terms import Bool, Term, all_of, negate


class Verdict(enum.Enum):
    """What is known of a claim once it has been decided."""

    PROVED = "PROVED"
    """No counterexample exists, and the assumptions are satisfiable."""
    REFUTED = "REFUTED"
    """A counterexample exists; evaluating it with plain integers has confirmed it."""
    VACUOUS = "VACUOUS"
    """The assumptions contradict each other, so nothing has been shown."""
    UNKNOWN = "UNKNOWN"
    """The solver's budget ran out."""
    NOT_APPLICABLE = "NOT_APPLICABLE"
    """What the claim is about does not exist here."""
    LOST = "LOST"
    """Something that the question is about is not found, although there is reason to think that it is there."""
    ERROR = "ERROR"
    """The question could not be posed, or the answer did not stand its check."""

    @property
    def green(self) -> bool:
        """Whether this verdict leaves a run successful."""
        return self in (Verdict.PROVED, Verdict.NOT_APPLICABLE)


@dataclass(frozen=True)
class Assumption:
    """A condition under which a claim is made, with the words that a report uses for it."""

    label: str
    term: Bool


@dataclass(frozen=True)
class Obligation:
    """``claim`` has to hold for every value of every variable that satisfies the assumptions."""

    assumptions: tuple[Assumption, ...]
    claim: Bool

    @property
    def premise(self) -> Bool:
        """All assumptions together."""
        return all_of(*(assumption.term for assumption in self.assumptions))

    @property
    def broken(self) -> Bool:
        """That the assumptions hold, and the claim does not."""
        return all_of(self.premise, negate(self.claim))

    @property
    def terms(self) -> tuple[Bool, ...]:
        """Each assumption, and the claim last."""
        return *(assumption.term for assumption in self.assumptions), self.claim

    @cached_property
    def order(self) -> Sequence[Term]:
        """Every node of the assumptions and the claim, arguments before the nodes that use them."""
        return postorder(self.terms)

    @cached_property
    def variables(self) -> Mapping[str, Term]:
        """The variables of the assumptions and the claim by name."""
        return variables_among(self.order)

    def is_refuted_by(self, values: Mapping[str, int]) -> bool:
        """Whether an assignment satisfies the assumptions and breaks the claim, by plain integers."""
        known = values_of(self.order, values)
        *premises, claim = (known[each] for each in self.terms)
        return all(premises) and not claim


@dataclass(frozen=True)
class Assignment:
    """Values that satisfy the assumptions and break the claim.

    ``values`` gives every variable of the obligation.  ``relevant`` gives for each variable the mask of
    those bits that matter: with these bits as they are and any value for all others, every assignment
    that satisfies the assumptions breaks the claim.
    """

    values: Mapping[str, int]
    relevant: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A decided obligation.

    ``seconds`` is the processor time that it took.  ``assignment`` comes with REFUTED; ``core`` (the labels of
    assumptions that contradict each other) with VACUOUS; ``reason`` with UNKNOWN and ERROR.
    """

    verdict: Verdict
    seconds: float
    assignment: Assignment | None = None
    core: tuple[str, ...] = ()
    reason: str | None = None
