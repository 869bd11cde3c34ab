"""Numbers of entries, against values worked out by hand from the address bits in SDM 5.5.4."""

from __future__ import annotations

import pytest

from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import bv
from mmuproof.spec.table_numbers import first, number, page, pages

# Bits 47:39, 38:30, 29:21 and 20:12 of this address are 1, 2, 3 and 4.
_FRAME = 0x0000_0080_8060_4000 >> 12


@pytest.mark.parametrize(("level", "expected"), [(1, 4), (2, 3), (3, 2), (4, 1), (5, 0)])
def test_number(level: int, expected: int) -> None:
    assert evaluate(number(bv(_FRAME, 64), level), {}) == expected


@pytest.mark.parametrize(("level", "size"), [(1, 1 << 12), (2, 1 << 21), (3, 1 << 30), (4, 1 << 39)])
def test_pages(level: int, size: int) -> None:
    assert pages(level) << 12 == size


@pytest.mark.parametrize(("level", "expected"), [(1, 0x80_8060_4000), (2, 0x80_8060_0000), (3, 0x80_8000_0000)])
def test_first(level: int, expected: int) -> None:
    assert evaluate(first(bv(_FRAME, 64), level), {}) << 12 == expected


@pytest.mark.parametrize(
    ("level", "expected"),
    [(1, ((1 * 512 + 2) * 512 + 3) * 512 + 4), (2, (1 * 512 + 2) * 512 + 3), (3, 1 * 512 + 2), (4, 1)],
)
def test_page(level: int, expected: int) -> None:
    assert evaluate(page(bv(_FRAME, 64), level), {}) == expected
