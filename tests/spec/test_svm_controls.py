"""The controls for guest mode execute trap against APM 15.25.13, on numbers."""

from itertools import product

import pytest

from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import boolean, bv
from mmuproof.spec import svm_controls as svm

NP, GMET = 1 << 0, 1 << 3


@pytest.mark.parametrize(("supported", "paging", "gmet"), list(product((False, True), repeat=3)))
def test_gmet_needs_the_processor_nested_paging_and_its_bit(supported: bool, paging: bool, gmet: bool) -> None:
    control = bv(NP * paging | GMET * gmet, 64)
    on = svm.guest_mode_execute_trap(control, supported=boolean(supported))
    assert bool(evaluate(on, {})) == (supported and paging and gmet)
    assert bool(evaluate(svm.nested_paging(control), {})) == paging


@pytest.mark.parametrize("number", range(64))
def test_no_other_bit_matters(number: int) -> None:
    on = svm.guest_mode_execute_trap(bv(NP | 1 << number, 64), supported=boolean(True))
    assert bool(evaluate(on, {})) == (number == 3)
