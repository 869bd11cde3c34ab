"""The exit qualification of an EPT violation, against values worked out from SDM Table 30-7 by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmuproof.smt.graph import evaluate, variables
from mmuproof.smt.terms import FALSE, TRUE, boolean, bv, var
from mmuproof.spec.access import DATA_READ, DATA_WRITE, INSTRUCTION_FETCH, READ_MODIFY_WRITE
from mmuproof.spec.ept import EptPermissions, guest_paging_structure_access
from mmuproof.spec.ept_violation import EPT_VIOLATION, EptViolation, can_happen, reported
from mmuproof.spec.open_choices import READ_BIT_OF_READ_MODIFY_WRITE

NOTHING = EptPermissions(FALSE, FALSE, FALSE, FALSE)
A_READ = EptViolation(
    access=DATA_READ,
    permissions=NOTHING,
    walk_complete=FALSE,
    linear_address_valid=TRUE,
    final=TRUE,
    user_mode_address=FALSE,
    writable_page=FALSE,
    execute_disable_page=FALSE,
    nmi_unblocking=FALSE,
    nmi_unblocking_defined=TRUE,
    shadow_stack=FALSE,
    shadow_stack_page=FALSE,
    guest_paging_verification=FALSE,
    asynchronous=FALSE,
    mbec=TRUE,
    advanced_information=TRUE,
    shadow_stack_control=TRUE,
)
ALWAYS_DEFINED = {0, 1, 2, 3, 4, 5, 7, 8, 13, 15, 16}


def bits(event: EptViolation) -> tuple[int, set[int]]:
    """The number that is reported, with 0 in undefined bits, and the undefined bits among those with a name."""
    readings = reported(event).readings
    number, undefined = 0, set()
    for field in EPT_VIOLATION.fields:
        reading = readings[field.name]
        values = dict.fromkeys(variables(reading.value, reading.defined), 0)
        if evaluate(reading.defined, values):
            number |= evaluate(reading.value, values) << field.bit
        else:
            undefined.add(field.bit)
    return number, undefined


@pytest.mark.parametrize(
    ("event", "number"),
    [
        # A read of an absent page, of supervisor-mode code.
        (A_READ, 0x181),
        (replace(A_READ, access=DATA_WRITE), 0x182),
        (replace(A_READ, access=INSTRUCTION_FETCH), 0x184),
        # Of a guest paging structure, with and without an update; as hardware with EPT A/D flags has it.
        (replace(A_READ, final=FALSE), 0x081),
        (
            replace(
                A_READ,
                final=FALSE,
                access=guest_paging_structure_access(accessed_dirty_enabled=TRUE, updates_flags=FALSE),
            ),
            0x083,
        ),
        # A PDPTE load by MOV to CR3: no linear address, and bit 8 is clear whatever the access was.
        (replace(A_READ, linear_address_valid=FALSE), 0x001),
        # What the entries grant counts only if all of them are present.
        (replace(A_READ, permissions=EptPermissions(TRUE, TRUE, TRUE, TRUE)), 0x181),
        (replace(A_READ, permissions=EptPermissions(TRUE, FALSE, TRUE, FALSE), walk_complete=TRUE), 0x1A9),
        (replace(A_READ, permissions=EptPermissions(FALSE, FALSE, FALSE, TRUE), walk_complete=TRUE), 0x1C1),
        # Advanced information.
        (replace(A_READ, user_mode_address=TRUE, execute_disable_page=TRUE), 0xB81),
        (replace(A_READ, writable_page=TRUE), 0x581),
        (replace(A_READ, shadow_stack=TRUE, asynchronous=TRUE, guest_paging_verification=TRUE), 0x1A181),
    ],
)
def test_the_number(event: EptViolation, number: int) -> None:
    assert bits(event)[0] == number


def test_nothing_is_undefined_with_everything_on() -> None:
    assert bits(replace(A_READ, walk_complete=TRUE))[1] == set()


@pytest.mark.parametrize(
    ("event", "undefined"),
    [
        (replace(A_READ, mbec=FALSE), {6, 14}),
        (replace(A_READ, advanced_information=FALSE), {9, 10, 11, 14}),
        (replace(A_READ, final=FALSE), {9, 10, 11, 14}),
        (replace(A_READ, linear_address_valid=FALSE), {9, 10, 11, 14}),
        (replace(A_READ, nmi_unblocking_defined=FALSE), {12, 14}),
        (replace(A_READ, walk_complete=TRUE, shadow_stack_control=FALSE), {14}),
        (replace(A_READ, access=READ_MODIFY_WRITE, walk_complete=TRUE), {0}),
        (replace(A_READ, access=READ_MODIFY_WRITE, final=FALSE, walk_complete=TRUE), {9, 10, 11}),
    ],
)
def test_the_undefined_bits(event: EptViolation, undefined: set[int]) -> None:
    assert bits(event)[1] == undefined
    assert not undefined & ALWAYS_DEFINED or undefined == {0}


def test_undefined_bits_and_bits_without_a_name_can_be_anything() -> None:
    possible = reported(replace(A_READ, mbec=FALSE)).possible(var("q", 64))
    assert evaluate(possible, {"q": 0x181})
    assert evaluate(possible, {"q": 0x181 | 1 << 6 | 1 << 14 | 1 << 63})
    assert not evaluate(possible, {"q": 0x181 | 1 << 5})
    assert not evaluate(possible, {"q": 0x081})


@pytest.mark.parametrize("second", [False, True])
def test_the_read_bit_of_a_read_modify_write_can_be_decided(second: bool) -> None:
    choice = READ_BIT_OF_READ_MODIFY_WRITE
    reading = reported(replace(A_READ, access=READ_MODIFY_WRITE)).readings["data-read"]
    values = {choice.decided.name: 1, choice.second.name: int(second)}
    assert evaluate(reading.defined, values) == 1
    assert evaluate(reading.value, values) == second


@pytest.mark.parametrize(
    ("event", "happens"),
    [
        (A_READ, True),
        (replace(A_READ, access=READ_MODIFY_WRITE), True),
        (replace(A_READ, access=INSTRUCTION_FETCH), True),
        (replace(A_READ, access=INSTRUCTION_FETCH, final=FALSE), False),
        (replace(A_READ, access=INSTRUCTION_FETCH, linear_address_valid=FALSE), False),
        (replace(A_READ, access=DATA_WRITE, final=FALSE), False),
        (replace(A_READ, access=replace(DATA_READ, fetch=TRUE)), False),
        (replace(A_READ, access=replace(DATA_READ, read=FALSE)), False),
    ],
)
def test_what_can_happen(event: EptViolation, happens: bool) -> None:
    assert can_happen(event) is boolean(happens)


def test_a_report_has_64_bits() -> None:
    with pytest.raises(ValueError, match="64 bits"):
        reported(A_READ).possible(bv(0, 32))
