"""Reserved bits as formulas: the same as the numbers of the layouts, and the manuals' own examples."""

from itertools import chain, combinations

import pytest

from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import BitVec, Bool, bool_var, boolean, bv, eq, var
from mmuproof.spec.entry_layout import Control, EntryFormat, EntryKind, reserved_bits
from mmuproof.spec.ept_layout import EPT
from mmuproof.spec.npt_layout import NPT_LONG_MODE
from mmuproof.spec.paging_layout import AMD_LONG_MODE, INTEL_LONG_MODE, PAE, PAGING_32BIT
from mmuproof.spec.reserved import maps_page, plausible_width, reserved_bit_set, reserved_mask

FORMATS = (EPT, NPT_LONG_MODE, AMD_LONG_MODE, INTEL_LONG_MODE, PAE, PAGING_32BIT)
KINDS = [(entry_format, kind) for entry_format in FORMATS for kind in entry_format.kinds]
DECIDING = (Control.PAGES_2M, Control.PAGES_1G, Control.NO_EXECUTE, Control.PAGE_SIZE_EXTENSIONS, Control.PSE_36)
WIDTHS = range(32, 53)
WIDTH = var("M", 8)
FREE = {control: bool_var(control.name) for control in DECIDING}


def settings() -> list[frozenset[Control]]:
    chosen = chain.from_iterable(combinations(DECIDING, count) for count in range(len(DECIDING) + 1))
    return [frozenset(each) for each in chosen]


def known(on: frozenset[Control], width: int) -> dict[str, int]:
    return {control.name: int(control in on) for control in DECIDING} | {"M": width}


@pytest.mark.parametrize(("entry_format", "kind"), KINDS, ids=lambda each: getattr(each, "name", ""))
def test_the_formula_gives_the_bits_of_the_layout(entry_format: EntryFormat, kind: EntryKind) -> None:
    level, page = kind.shape
    formula = reserved_mask(entry_format, kind.shape, FREE, WIDTH)
    for on in settings():
        if kind.needs is not None and kind.needs not in on:
            continue
        for width in WIDTHS:
            expected = reserved_bits(entry_format, level, page, on, max_physical_address=width)
            assert evaluate(formula, known(on, width)) == expected


def is_set(entry_format: EntryFormat, entry: int, level: int, on: set[Control], width: int = 46) -> bool:
    controls = {control: boolean(control in on) for control in DECIDING}
    formula = reserved_bit_set(entry_format, bv(entry, entry_format.width), level, controls, bv(width, 8))
    return bool(evaluate(formula, {}))


@pytest.mark.parametrize(
    ("entry_format", "entry", "level", "on", "expected"),
    [
        # SDM 5.5: bit 7 of a PDPTE is reserved without 1-GByte pages, and then so are no others for it.
        (INTEL_LONG_MODE, 0x80, 3, set(), True),
        (INTEL_LONG_MODE, 0x80, 3, {Control.PAGES_1G}, False),
        (INTEL_LONG_MODE, 0x2080, 3, {Control.PAGES_1G}, True),
        (INTEL_LONG_MODE, 0x1080, 3, {Control.PAGES_1G}, False),
        (INTEL_LONG_MODE, 0x80, 4, {Control.PAGES_1G}, True),
        # AMD alone reserves bit 8 in the two upper levels.
        (INTEL_LONG_MODE, 0x100, 4, set(), False),
        (AMD_LONG_MODE, 0x100, 4, set(), True),
        (AMD_LONG_MODE, 0x100, 5, set(), True),
        (AMD_LONG_MODE, 0x100, 3, set(), False),
        # Bit 63 without EFER.NXE, bits 62:52 in PAE paging only.
        (INTEL_LONG_MODE, 1 << 63, 1, set(), True),
        (INTEL_LONG_MODE, 1 << 63, 1, {Control.NO_EXECUTE}, False),
        (INTEL_LONG_MODE, 1 << 62, 1, set(), False),
        (PAE, 1 << 62, 1, set(), True),
        (PAE, 1 << 63, 3, {Control.NO_EXECUTE}, True),
        (PAE, 0x2, 3, set(), True),
        # SDM 5.3: a PDE maps a page only with CR4.PSE; PSE-36 gives bits 20:13 up to the width.
        (PAGING_32BIT, 0x202080, 2, set(), False),
        (PAGING_32BIT, 0x2080, 2, {Control.PAGE_SIZE_EXTENSIONS}, True),
        (PAGING_32BIT, 0x200080, 2, {Control.PAGE_SIZE_EXTENSIONS, Control.PSE_36}, True),
        (PAGING_32BIT, 0x1E080, 2, {Control.PAGE_SIZE_EXTENSIONS, Control.PSE_36}, False),
        (PAGING_32BIT, 0x202080, 1, {Control.PAGE_SIZE_EXTENSIONS}, False),
        # SDM 31.3.2: bits 6:3 of an EPT entry that points to a table, bit 7 where it cannot map a page.
        (EPT, 0x40, 2, {Control.PAGES_2M}, True),
        (EPT, 0xC0, 2, {Control.PAGES_2M}, False),
        (EPT, 0x80, 2, set(), True),
        (EPT, 0x80, 1, set(), False),
        (EPT, 1 << 46, 1, set(), True),
        (EPT, 1 << 45, 1, set(), False),
        (EPT, 1 << 52, 1, set(), False),
    ],
)
def test_single_entries(entry_format: EntryFormat, entry: int, level: int, on: set[Control], expected: bool) -> None:
    assert is_set(entry_format, entry, level, on) == expected


@pytest.mark.parametrize(("width", "reserved"), [(36, 0x20000), (37, 0x40000), (40, 0x200000)])
def test_pse_36_gives_as_many_address_bits_as_there_are_above_32(width: int, reserved: int) -> None:
    on = {Control.PAGE_SIZE_EXTENSIONS, Control.PSE_36}
    assert is_set(PAGING_32BIT, reserved | 0x80, 2, on, width)
    assert not is_set(PAGING_32BIT, (reserved >> 1 if reserved < 0x200000 else 0x100000) | 0x80, 2, on, width)


def test_a_level_that_a_format_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="no level 4"):
        maps_page(PAE, bv(0, 64), 4, {})


def test_a_control_that_decides_has_to_be_given() -> None:
    with pytest.raises(KeyError):
        reserved_mask(EPT, EPT.kinds[4].shape, {}, WIDTH)


def test_what_maps_a_page() -> None:
    entry = var("e", 64)

    def page(entry_format: EntryFormat, level: int) -> Bool:
        small: BitVec = var("e", 32) if entry_format is PAGING_32BIT else entry
        return maps_page(entry_format, small, level, FREE)

    assert page(EPT, 1) is boolean(True)
    assert page(EPT, 4) is page(PAE, 3) is boolean(False)
    assert evaluate(page(EPT, 3), {"e": 0x80}) == 1
    on = {"e": 0x80, "PAGE_SIZE_EXTENSIONS": 0}
    assert evaluate(page(PAGING_32BIT, 2), on) == 0


@pytest.mark.parametrize(("width", "expected"), [(31, False), (32, True), (52, True), (53, False)])
def test_the_widths_of_the_architecture(width: int, expected: bool) -> None:
    formula = plausible_width(WIDTH)
    assert bool(evaluate(formula, {"M": width})) == expected
    assert evaluate(eq(WIDTH, width), {"M": width}) == 1
