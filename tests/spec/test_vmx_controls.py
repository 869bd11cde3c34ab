"""The controls for mode-based execute control against SDM 27.6.2, 29.2.1.1 and appendix A, on numbers."""

from itertools import product

import pytest

from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import Bool, bv
from mmuproof.spec import vmx_controls as vmx

SECONDARY, EPT, MBEC = 1 << 31, 1 << 1, 1 << 22


def true(term: Bool) -> bool:
    return bool(evaluate(term, {}))


@pytest.mark.parametrize(("activated", "ept", "mbec"), list(product((False, True), repeat=3)))
def test_secondary_controls_count_only_where_they_are_activated(activated: bool, ept: bool, mbec: bool) -> None:
    primary = bv(SECONDARY * activated, 32)
    secondary = bv(EPT * ept | MBEC * mbec, 32)
    assert true(vmx.mode_based_execute_control(primary, secondary)) == (activated and mbec)
    assert true(vmx.secondary_control(primary, secondary, vmx.EPT_BIT)) == (activated and ept)
    assert true(vmx.mbec_without_ept(primary, secondary)) == (activated and mbec and not ept)


@pytest.mark.parametrize("number", range(32))
def test_no_other_control_matters(number: int) -> None:
    one = 1 << number
    assert true(vmx.mode_based_execute_control(bv(one, 32), bv(MBEC, 32))) == (number == 31)
    assert true(vmx.mode_based_execute_control(bv(SECONDARY, 32), bv(one, 32))) == (number == 22)
    assert true(vmx.mbec_without_ept(bv(SECONDARY, 32), bv(MBEC | one, 32))) == (number != 1)


def test_the_high_half_of_a_capability_says_what_may_be_set() -> None:
    assert true(vmx.allowed_to_be_set(bv(1 << 54, 64), vmx.MBEC_BIT))
    assert not true(vmx.allowed_to_be_set(bv(1 << 22, 64), vmx.MBEC_BIT))


@pytest.mark.parametrize("number", range(64))
def test_bit_22_tells_of_advanced_information(number: int) -> None:
    assert true(vmx.advanced_information(bv(1 << number, 64))) == (number == 22)
