"""Addresses under memory encryption, and what an entry gives away on a processor with L1TF, by example."""

import pytest

from mmuproof.smt.terms import BitVec, boolean, bv
from mmuproof.spec.memory_encryption import physical_address_width, without_c_bit
from mmuproof.spec.terminal_fault import finds_nothing, looked_up


def number(term: BitVec) -> int:
    assert term.is_const
    return term.value


@pytest.mark.parametrize(("enabled", "width"), [(True, 43), (False, 48)])
def test_encryption_narrows_addresses(enabled: bool, width: int) -> None:
    assert number(physical_address_width(bv(48, 8), bv(43, 8), enabled=boolean(enabled))) == width


@pytest.mark.parametrize(("enabled", "expected"), [(True, 0x7000_0000_0000), (False, 0xF000_0000_0000)])
def test_the_c_bit_is_not_reserved(enabled: bool, expected: int) -> None:
    reserved = bv(0xF000_0000_0000, 64)
    assert number(without_c_bit(reserved, bv(47, 8), enabled=boolean(enabled))) == expected


def test_the_cache_sees_no_bit_above_its_addresses_and_no_offset() -> None:
    assert number(looked_up(bv((1 << 64) - 1, 64), bv(44, 8))) == (1 << 44) - (1 << 12)


@pytest.mark.parametrize(
    ("entry", "harmless"),
    [
        (0xFFF, True),
        (1 << 63, True),
        (1 << 44, True),
        (0x1000, False),
        (0b11110 << 39, False),
        ((0b11111 << 39) - 1, False),
        (0b11111 << 39, True),
        ((1 << 44) - 1, True),
    ],
)
def test_what_is_found(entry: int, harmless: bool) -> None:
    assert finds_nothing(bv(entry, 64), bv(44, 8)) is boolean(harmless)
