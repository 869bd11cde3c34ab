"""EPTP against SDM 27.6.11 and 29.2.1.1, on numbers."""

import pytest

from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import BitVec, Bool, bv
from mmuproof.spec import ept_pointer

# A table at 0x12345000, four levels, flags, write-back.
USUAL = 0x1234505E


def value(term: BitVec | Bool) -> int:
    return int(evaluate(term, {}))


def test_the_fields_of_a_usual_pointer() -> None:
    pointer = bv(USUAL, 64)
    assert value(ept_pointer.root(pointer)) == 0x12345000
    assert value(ept_pointer.levels(pointer)) == 4
    assert value(ept_pointer.memory_type(pointer)) == ept_pointer.WRITE_BACK
    assert value(ept_pointer.accessed_dirty(pointer))
    assert not value(ept_pointer.has_other_bits(pointer))
    assert value(ept_pointer.enters(pointer))


@pytest.mark.parametrize("number", range(64))
def test_each_bit_belongs_to_one_field(number: int) -> None:
    pointer = bv(1 << number, 64)
    fields = (
        value(ept_pointer.memory_type(pointer)) != 0,
        value(ept_pointer.levels(pointer)) != 1,
        value(ept_pointer.accessed_dirty(pointer)) != 0,
        value(ept_pointer.root(pointer)) != 0,
        value(ept_pointer.has_other_bits(pointer)) != 0,
    )
    assert fields == (number < 3, 3 <= number < 6, number == 6, 12 <= number < 52, 7 <= number < 12 or number >= 52)


@pytest.mark.parametrize(
    ("pointer", "accepted"),
    [(0x1E, True), (0x26, True), (0x18, True), (0x16, False), (0x2E, False), (0x1F, False), (0x9E, False)],
)
def test_vm_entry_takes_two_types_and_four_or_five_levels(pointer: int, accepted: bool) -> None:
    assert bool(value(ept_pointer.enters(bv(pointer, 64)))) == accepted


@pytest.mark.parametrize(
    ("address", "possible"),
    [(0x1000, True), (0x1800, False), (1 << 51, True), (1 << 52, False), ((1 << 64) - 1, False)],
)
def test_where_a_table_can_be(address: int, possible: bool) -> None:
    assert bool(value(ept_pointer.is_table(bv(address, 64)))) == possible
