"""Of what a claim consists, for a digest of it."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.proofs.theorem import Claim
from mmuproof.smt.terms import Term


def decided(claim: Claim, *, places: bool = True) -> Iterator[str | Term]:
    """What a claim's verdict depends on.

    Args:
        claim: the claim.
        places: whether words matter as well: what an assumption is called, and on which line what is not to be
            undefined is.
    """
    yield claim.holds
    for assumption in claim.case.assumptions:
        yield from ((assumption.label,) if places else ())
        yield assumption.term
    for check in claim.case.evidence.checks:
        yield from (check.kind.value, *((check.at, check.function) if places else ()), check.holds)


def told(claim: Claim) -> Iterator[str | Term]:
    """What else a counterexample of a claim is told with."""
    for symptom in claim.symptoms:
        yield from (symptom.name, symptom.when, symptom.sentence, symptom.actual, symptom.expected, symptom.place)
    for shown in claim.case.shown:
        yield from (shown.name, shown.term, repr(shown.flags))
    for step in claim.case.evidence.steps:
        yield from (step.at, step.target, step.guard, step.value)
    for cut in claim.case.evidence.cuts:
        yield from (cut.function, cut.at, cut.reason)
