"""The step from a claim to the shape of its counterexample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.shape import Shape
from mmuproof.proofs.theorem import Claim, Theorem
from mmuproof.smt.graph import evaluate
from mmuproof.smt.obligation import Verdict
from mmuproof.smt.solver import decide


@dataclass(frozen=True)
class StatedClaim:
    """A claim with where it is from."""

    theorem: Theorem
    vendor: Vendor
    claim: Claim

    def shape(self, *, small: bool) -> Shape | Verdict:
        """The shape of the claim's counterexample, made small or not, or the verdict if there is none."""
        ways = self.claim.ways_to_fail
        answer = decide(self.claim.obligation, preferred=[way.when for way in ways], small=small)
        assert answer.verdict is not Verdict.PROVED, "it is not proved together with others, but is alone"
        if answer.assignment is None:
            return answer.verdict
        assert self.claim.obligation.is_refuted_by(answer.assignment.values)
        way = next(way for way in ways if evaluate(way.when, answer.assignment.values))
        return Shape(
            theorem=self.theorem.name, vendor=self.vendor, part=self.claim.case.part, symptom=way.name, place=way.place
        )


def stated(kvm: Kvm, theorems: tuple[Theorem, ...] = THEOREMS) -> Iterator[tuple[StatedClaim, ...]]:
    """The claims of each theorem and vendor for which an implementation has what it is about."""
    for theorem in theorems:
        for vendor in theorem.vendors:
            try:
                claims = theorem.state(kvm, vendor)
            except NotThere:
                continue
            yield tuple(StatedClaim(theorem, vendor, claim) for claim in claims)
