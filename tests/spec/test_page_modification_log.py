"""The log of pages, against values worked out by hand from SDM 31.3.6."""

from __future__ import annotations

import pytest

from mmuproof.smt.terms import FALSE, TRUE, bv
from mmuproof.spec import page_modification_log as log


@pytest.mark.parametrize(
    ("index", "entry", "held"),
    [
        (511, 511, False),
        (510, 511, True),
        (510, 510, False),
        (0, 0, False),
        (0, 1, True),
        (0xFFFF, 0, True),
        (512, 511, True),
        (0xFFFF, 512, False),
        (3, -1, False),
    ],
)
def test_the_processor_logs_from_the_last_entry_down(index: int, entry: int, held: bool) -> None:
    assert log.holds(bv(index, 16), bv(entry, 32)) is (TRUE if held else FALSE)


def test_an_address_is_logged_as_that_of_its_page_at_the_index() -> None:
    assert log.logged(bv(0x12345678, 64)).value == 0x12345000
    assert log.place(bv(0x8000, 64), bv(511, 16)).value == 0x8FF8
    assert log.next_index(bv(0, 16)).value == 0xFFFF
    assert (log.room(bv(511, 16)), log.room(bv(512, 16))) == (TRUE, FALSE)
