"""Which entries translate an address, and to what, against SDM 5.3 to 5.5, on walks written out by hand."""

from collections.abc import Sequence

import pytest

from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import TRUE, BitVec, boolean, bv
from mmuproof.spec.entry_layout import Control, EntryFormat
from mmuproof.spec.ept_layout import EPT
from mmuproof.spec.linear_walk import entries_used, index_in_table, table_address, translated_to
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


def number(term: BitVec) -> int:
    value = evaluate(term, {})
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize(
    ("entry_format", "level", "address", "index"),
    [
        (INTEL_LONG_MODE, 1, 0x0000_0000_0020_3123, 0x003),
        (INTEL_LONG_MODE, 2, 0x0000_0000_0060_3123, 0x003),
        (INTEL_LONG_MODE, 3, 0x0000_0000_C000_0FFF, 0x003),
        (INTEL_LONG_MODE, 4, 0xFFFF_FF80_0000_0000, 0x1FF),
        (INTEL_LONG_MODE, 5, 0xFF00_0000_0000_0000, 0x100),
        (EPT, 4, 0x0000_0100_0000_0000, 0x002),
        (PAE, 2, 0xFFE0_0000, 0x1FF),
        (PAGING_32BIT, 1, 0x0040_3123, 0x003),
        (PAGING_32BIT, 2, 0xFFC0_3123, 0x3FF),
    ],
)
def test_the_address_chooses_the_entry(entry_format: EntryFormat, level: int, address: int, index: int) -> None:
    assert number(index_in_table(entry_format, level, bv(address, 64))) == index


@pytest.mark.parametrize(
    ("entry_format", "entry", "table"),
    [
        (INTEL_LONG_MODE, 0x8000_0001_2345_6067, 0x1_2345_6000),
        (INTEL_LONG_MODE, 0x7FFF_FFFF_FFFF_FF67, 0xF_FFFF_FFFF_F000),
        (EPT, 0x8000_0001_2345_6507, 0x1_2345_6000),
        (PAGING_32BIT, 0x8765_4067, 0x8765_4000),
    ],
)
def test_an_entry_leads_to_a_table(entry_format: EntryFormat, entry: int, table: int) -> None:
    assert number(table_address(entry_format, bv(entry, entry_format.width), 2)) == table


@pytest.mark.parametrize(
    ("entry_format", "entry", "level", "address", "to"),
    [
        (INTEL_LONG_MODE, 0x8000_0001_2345_6067, 1, 0xFFFF_8000_0060_3123, 0x1_2345_6123),
        # Bit 12 is the PAT flag of a large page, and no address bit.
        (INTEL_LONG_MODE, 0x0000_0001_2340_10E7, 2, 0x0000_0000_0079_8123, 0x1_2359_8123),
        (INTEL_LONG_MODE, 0x0000_0001_4000_00E7, 3, 0x0000_0000_7ABC_DEF0, 0x1_7ABC_DEF0),
        (EPT, 0x0000_0001_2340_00B7, 2, 0x0000_0000_0079_8123, 0x1_2359_8123),
        (PAE, 0x0000_0001_2340_00E7, 2, 0x0079_8123, 0x1_2359_8123),
        (PAGING_32BIT, 0x8765_4067, 1, 0x1234_5123, 0x8765_4123),
        # Bits 20:13 are address bits 39:32.
        (PAGING_32BIT, 0x8740_60E7, 2, 0x0079_8123, 0x3_8779_8123),
    ],
)
def test_an_entry_maps_a_page(entry_format: EntryFormat, entry: int, level: int, address: int, to: int) -> None:
    controls = {Control.PSE_36: TRUE}
    found = translated_to(entry_format, bv(entry, entry_format.width), level, bv(address, 64), controls)
    assert number(found) == to


def test_without_pse_36_the_upper_address_bits_are_none() -> None:
    found = translated_to(PAGING_32BIT, bv(0x8740_60E7, 32), 2, bv(0x79_8123, 64), {Control.PSE_36: boolean(False)})
    assert number(found) == 0x8779_8123


def test_a_level_without_pages_or_without_tables_is_said() -> None:
    with pytest.raises(ValueError, match="no entry"):
        translated_to(INTEL_LONG_MODE, bv(TABLE, 64), 4, bv(0, 64), {})
    with pytest.raises(ValueError, match="no entry"):
        table_address(INTEL_LONG_MODE, bv(TABLE, 64), 1)
