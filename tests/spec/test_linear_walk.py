"""Which entries translate a linear address, against SDM 5.3 to 5.5, on walks written out by hand."""

from collections.abc import Sequence

import pytest

from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import TRUE, boolean, bv
from mmuproof.spec.entry_layout import Control, EntryFormat
from mmuproof.spec.linear_walk import entries_used
from mmuproof.spec.paging_layout import INTEL_LONG_MODE, PAE, PAGING_32BIT

TABLE, PAGE = 0x7, 0x87


def used(entry_format: EntryFormat, entries: Sequence[int], *, pse: bool = True, width: int = 64) -> list[bool]:
    controls = {Control.PAGES_1G: TRUE, Control.PAGES_2M: TRUE, Control.PAGE_SIZE_EXTENSIONS: boolean(pse)}
    terms = entries_used(entry_format, [bv(entry, width) for entry in entries], controls)
    return [bool(evaluate(term, {})) for term in terms]


@pytest.mark.parametrize(
    ("entries", "number"),
    [
        ((TABLE, TABLE, TABLE, TABLE, TABLE), 5),
        ((TABLE, TABLE, TABLE, TABLE, PAGE), 5),
        ((TABLE, TABLE, TABLE, PAGE, TABLE), 4),
        ((TABLE, TABLE, PAGE, TABLE, TABLE), 3),
        ((TABLE, TABLE, PAGE, PAGE, PAGE), 3),
        ((TABLE, TABLE, TABLE, TABLE), 4),
        ((TABLE, TABLE, PAGE, TABLE), 3),
        ((TABLE, PAGE, TABLE, TABLE), 2),
    ],
)
def test_a_walk_in_long_mode_ends_at_the_first_page(entries: Sequence[int], number: int) -> None:
    assert used(INTEL_LONG_MODE, entries) == [position < number for position in range(len(entries))]


def test_a_walk_in_pae_paging_leaves_the_pdpte_out() -> None:
    assert used(PAE, (TABLE, TABLE)) == [True, True]
    assert used(PAE, (PAGE, TABLE)) == [True, False]


def test_a_page_of_4_mbytes_takes_cr4_pse() -> None:
    assert used(PAGING_32BIT, (PAGE, TABLE), pse=True, width=32) == [True, False]
    assert used(PAGING_32BIT, (PAGE, TABLE), pse=False, width=32) == [True, True]
    assert used(PAGING_32BIT, (TABLE, PAGE), pse=True, width=32) == [True, True]
