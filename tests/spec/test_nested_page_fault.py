"""EXITINFO1 of a nested page fault, against values worked out from APM 15.25.6 by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmuproof.smt.graph import evaluate, variables
from mmuproof.smt.terms import FALSE, TRUE, boolean, bv, var
from mmuproof.spec.nested_page_fault import NestedPageFault, can_happen, reported, user_access
from mmuproof.spec.open_choices import GMET_USER_FLAG_OF_DATA

A_READ = NestedPageFault(
    write=FALSE,
    fetch=FALSE,
    present=FALSE,
    reserved=FALSE,
    final=TRUE,
    cpl=bv(0, 2),
    gmet=FALSE,
    shadow_stack=FALSE,
    shadow_stack_page=FALSE,
    rmp=FALSE,
    encrypted=FALSE,
    size_mismatch=FALSE,
    vmpl=FALSE,
)
A_FETCH = replace(A_READ, fetch=TRUE)
OF_A_TABLE = replace(A_READ, write=TRUE, final=FALSE)


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        (A_READ, 0x1_0000_0004),
        (A_FETCH, 0x1_0000_0014),
        # A reserved bit, hit by the access to a guest page table, and in the final walk.
        (replace(OF_A_TABLE, present=TRUE, reserved=TRUE), 0x2_0000_000F),
        (replace(A_READ, present=TRUE, reserved=TRUE), 0x1_0000_000D),
        (replace(A_FETCH, gmet=TRUE, cpl=bv(2, 2), present=TRUE), 0x1_0000_0011),
        (replace(A_FETCH, gmet=TRUE, cpl=bv(3, 2), present=TRUE), 0x1_0000_0015),
        (replace(A_READ, shadow_stack=TRUE), 0x1_0000_0044),
        (replace(A_READ, rmp=TRUE, size_mismatch=TRUE, encrypted=TRUE), 0xD_8000_0004),
        (replace(A_READ, rmp=TRUE, vmpl=TRUE), 0x11_8000_0004),
        (replace(A_READ, shadow_stack_page=TRUE), 0x21_0000_0004),
    ],
)
def test_the_only_possible_number(fault: NestedPageFault, number: int) -> None:
    possible = reported(fault).possible(var("EXITINFO1", 64))
    assert set(variables(possible)) == {"EXITINFO1"}
    assert evaluate(possible, {"EXITINFO1": number})
    assert not any(evaluate(possible, {"EXITINFO1": number ^ 1 << index}) for index in range(64))


def test_with_gmet_the_user_flag_of_data_is_open() -> None:
    fault = replace(A_READ, gmet=TRUE)
    possible = reported(fault).possible(var("EXITINFO1", 64))
    open_ = dict.fromkeys(variables(possible), 0)
    assert all(evaluate(possible, {**open_, "EXITINFO1": 0x1_0000_0000 | user << 2}) for user in (0, 1))


@pytest.mark.parametrize(("second", "cpl", "user"), [(0, 0, 1), (0, 3, 1), (1, 0, 0), (1, 2, 0), (1, 3, 1)])
def test_with_gmet_the_user_flag_of_data_can_be_decided(second: int, cpl: int, user: int) -> None:
    choice = GMET_USER_FLAG_OF_DATA
    reading = user_access(replace(A_READ, gmet=TRUE, cpl=bv(cpl, 2)))
    values = {choice.decided.name: 1, choice.second.name: second}
    assert evaluate(reading.defined, values) == 1
    assert evaluate(reading.value, values) == user


@pytest.mark.parametrize(
    ("fault", "happens"),
    [
        (A_READ, True),
        (A_FETCH, True),
        (OF_A_TABLE, True),
        (replace(A_FETCH, write=TRUE), False),
        (replace(A_READ, final=FALSE), False),
        (replace(OF_A_TABLE, fetch=TRUE), False),
        (replace(A_READ, reserved=TRUE), False),
    ],
)
def test_what_can_happen(fault: NestedPageFault, happens: bool) -> None:
    assert can_happen(fault) is boolean(happens)


def test_a_privilege_level_has_two_bits() -> None:
    with pytest.raises(ValueError, match="2 bits"):
        user_access(replace(A_READ, cpl=bv(0, 8)))
