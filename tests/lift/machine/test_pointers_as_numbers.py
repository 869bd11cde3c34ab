"""Pointers of which only a number is known: a cut stores several in a row, and how far apart they are is a number."""

from __future__ import annotations

from collections.abc import Callable

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Memory, Pointer, Target
from mmuproof.smt.terms import TRUE, bv
from tests.lift.machine.conftest import LiftedFile

_PAGES = """
struct page { u64 words[8]; };
int find(struct page **pages);
u64 f(void) { struct page *pages[2]; find(pages); return pages[1] - pages[0]; }
"""


def test_numbers_that_a_cut_stores_in_a_row_are_as_far_apart_as_they_say(program: Callable[[str], LiftedFile]) -> None:
    lifted = program(_PAGES)
    places = (Pointer((Target(guard=TRUE, address=bv(each, 64)),)) for each in (0x1000, 0x1000 + 3 * 64))
    stores = tuple((0, str(number), place) for number, place in enumerate(places))
    cut = Cut(function="find", reason="x", gives=bv(2, 32), stores=stores)
    assert lifted.machine(cut).run(lifted.unit.function("f"), [], Memory()) is bv(3, 64)
