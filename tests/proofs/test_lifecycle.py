"""The invariant of `lifecycle.*` is minimal: without any one of its conjuncts, it is not inductive or not enough."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.lifecycle_invariant import CONJUNCTS
from mmuproof.proofs.spte.lifecycle import claims_without
from mmuproof.smt.obligation import Verdict
from mmuproof.smt.solver import decide


@pytest.fixture(scope="module")
def kvm() -> ReferenceKvm:
    return ReferenceKvm()


def refuted(kvm: ReferenceKvm, vendor: Vendor, conjunct: str) -> Iterator[str]:
    """The claims that do not hold if the invariant lacks a conjunct."""
    for claim in claims_without(kvm, vendor, conjunct):
        verdict = decide(claim.obligation).verdict
        assert verdict in (Verdict.PROVED, Verdict.REFUTED), claim.case.part
        if verdict is Verdict.REFUTED:
            yield claim.case.part


@pytest.mark.parametrize(
    ("vendor", "conjunct"),
    [
        pytest.param(vendor, conjunct, id=f"{vendor.value}-{conjunct}")
        for vendor, conjuncts in CONJUNCTS.items()
        for conjunct in conjuncts
    ],
)
def test_no_conjunct_can_be_left_out(kvm: ReferenceKvm, vendor: Vendor, conjunct: str) -> None:
    assert next(refuted(kvm, vendor, conjunct), None) is not None


@pytest.mark.parametrize("vendor", Vendor, ids=lambda vendor: vendor.value)
def test_with_all_of_them_every_claim_holds(kvm: ReferenceKvm, vendor: Vendor) -> None:
    assert list(refuted(kvm, vendor, "")) == []
