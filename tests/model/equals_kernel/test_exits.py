"""What the reference model makes of exits is what Linux 7.2.13's C makes of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmuproof.model.exits import EptViolationExit, Exits, InjectedEptViolation
from mmuproof.smt.terms import Term, extract, var
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_CPL: dict[Term, Term] = {var("svm->vmcb->save.cpl", 8): extract(var("svm->vmcb->save.word25", 64), 31, 24)}
_OF_SVM: dict[str, Callable[[Exits], object]] = {
    "npf": lambda exits: exits.npf(),
    "npf_of_device": lambda exits: exits.npf_of_device(),
    "injected_npf": lambda exits: exits.injected_npf(),
}
_OF_VMX: dict[str, Callable[[Exits], EptViolationExit | InjectedEptViolation]] = {
    "ept_violation": lambda exits: exits.ept_violation(),
    "injected_ept_violation": lambda exits: exits.injected_ept_violation(),
}


@pytest.mark.parametrize("name", _OF_SVM)
def test_the_handler_of_svm(both: Both, name: str) -> None:
    mine, theirs = (_OF_SVM[name](kvm.exits) for kvm in both)
    prove_equal(mine, theirs, stands_for=_CPL)


def test_the_handler_of_misconfigurations(both: Both) -> None:
    mine, theirs = (kvm.exits.ept_misconfiguration() for kvm in both)
    prove_equal(mine, theirs)


@pytest.mark.parametrize("name", _OF_VMX)
def test_the_handler_of_vmx(both: Both, name: str) -> None:
    mine, theirs = (_OF_VMX[name](kvm.exits) for kvm in both)
    # The model does not describe what the code asserts of trust domains.
    prove_equal(mine, theirs, where={"evidence": theirs.plain_vm})
