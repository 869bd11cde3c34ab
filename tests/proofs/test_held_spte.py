"""What theorems start from is said by the bits that mean it, and not by predicates of the code that they judge."""

from __future__ import annotations

import pytest

from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.smt.obligation import Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import BitVec, Bool, negate


class _LastNegated(ReferenceSptes):
    def is_last_spte(self, spte: BitVec, level: BitVec) -> Bool:
        return negate(super().is_last_spte(spte, level))


@pytest.mark.parametrize("name", ["spte.dirty-logging", "spte.aging"])
def test_a_predicate_that_is_wrong_leaves_something_to_be_claimed(name: str) -> None:
    theorem = next(each for each in THEOREMS if each.name == name)
    claims = theorem.state(ReferenceKvm(sptes=_LastNegated), Vendor.INTEL)
    assert {decide(claim.obligation).verdict for claim in claims} <= {Verdict.PROVED, Verdict.REFUTED}
