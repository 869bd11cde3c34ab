"""The kernel's own population count, which is inline assembly, has its meaning from the machine."""
# A C function reads best on one line.

from collections.abc import Callable

import pytest

from mmuproof.smt.graph import evaluate

from .conftest import LiftedFile

COUNTS = """
static inline unsigned long __arch_hweight64(u64 w) { unsigned long r; asm ("popcnt" : "=r" (r) : "r" (w)); return r; }
static inline unsigned int __arch_hweight32(unsigned int w) { unsigned r; asm ("popcnt" : "=r" (r) : "r" (w)); return r; }
u64 f(u64 a) { return __arch_hweight64(a) + 100 * __arch_hweight32(a); }
"""


@pytest.mark.parametrize(
    ("value", "count"), [(0, 0), (1, 101), (1 << 63, 1), (0x1_0000_0000, 1), (0x3_0000_0003, 204), (2**64 - 1, 3264)]
)
def test_it_counts_the_ones_of_its_argument(program: Callable[[str], LiftedFile], value: int, count: int) -> None:
    assert evaluate(program(COUNTS).lift("f").result, {"p0": value}) == count
