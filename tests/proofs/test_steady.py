"""No verdict depends on the solver's seed, nor on the order in which theorems are stated and decided."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.theorem import Theorem
from mmuproof.smt.graph import evaluate
from mmuproof.smt.solver import decide

Verdicts = dict[tuple[str, Vendor, str], str]


def verdicts(theorems: Iterable[Theorem], seed: int) -> Verdicts:
    """What becomes of every claim on a model of its own: PROVED, or what its counterexample shows."""
    kvm, found = ReferenceKvm(), Verdicts()
    for theorem in theorems:
        for vendor in theorem.vendors:
            for claim in theorem.state(kvm, vendor):
                ways = claim.ways_to_fail
                answer = decide(claim.obligation, preferred=[way.when for way in ways], seed=seed)
                shown = answer.verdict.value
                if answer.assignment is not None:
                    values = answer.assignment.values
                    shown = next(way.name for way in ways if evaluate(way.when, values))
                found[theorem.name, vendor, claim.case.part] = shown
    return found


@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.long)])
def test_another_order_and_another_seed_give_the_same_verdicts(step: int) -> None:
    theorems = THEOREMS[::step]
    assert verdicts(reversed(theorems), seed=20261123) == verdicts(theorems, seed=0)


def test_no_two_claims_of_a_theorem_have_the_same_part() -> None:
    """Otherwise one verdict above would hide another."""
    kvm = ReferenceKvm()
    for theorem in THEOREMS:
        for vendor in theorem.vendors:
            parts = [claim.case.part for claim in theorem.state(kvm, vendor)]
            assert len(parts) == len(set(parts)), theorem.name
