"""The layouts: every bit has one use, and the bits are where the manuals' tables have them."""

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.spec.entry_layout import (
    Control,
    EntryFormat,
    EntryShape,
    Use,
    defined_bits,
    field_named,
    ignored_bits,
    reserved_bits,
)
from mmuproof.spec.ept_layout import EPT
from mmuproof.spec.npt_layout import NPT_LONG_MODE
from mmuproof.spec.paging_layout import AMD_LONG_MODE, INTEL_LONG_MODE, PAE, PAGING_32BIT

FORMATS = [EPT, INTEL_LONG_MODE, AMD_LONG_MODE, NPT_LONG_MODE, PAE, PAGING_32BIT]
KINDS = [(entry_format, kind) for entry_format in FORMATS for kind in entry_format.kinds]
KIND_SHAPES = [(entry_format, kind.shape) for entry_format, kind in KINDS]
KIND_IDS = [f"{entry_format.name}: {kind.name}" for entry_format, kind in KINDS]
EVERY_CONTROL = frozenset(Control)


def span(high: int, low: int) -> int:
    return sum(1 << position for position in range(low, high + 1))


def spans(text: str) -> int:
    """Bits written as in the manuals: ``63 56:52 11``."""
    total = 0
    for part in text.split():
        high, _, low = part.partition(":")
        total |= span(int(high), int(low or high))
    return total


def settings_of(entry_format: EntryFormat, shape: EntryShape) -> list[frozenset[Control]]:
    """Every set of the controls that the kind of entry depends on."""
    kind = next(kind for kind in entry_format.kinds if kind.shape == shape)
    relevant = {f.needs for f in entry_format.fields if shape in f.shapes and f.needs is not None}
    always = frozenset() if kind.needs is None else frozenset({kind.needs})
    free = sorted(relevant - always, key=lambda control: control.name)
    subsets = chain.from_iterable(combinations(free, count) for count in range(len(free) + 1))
    return [always | frozenset(subset) for subset in subsets]


@pytest.mark.parametrize(("entry_format", "shape"), KIND_SHAPES, ids=KIND_IDS)
def test_every_bit_has_exactly_one_use(entry_format: EntryFormat, shape: EntryShape) -> None:
    for controls in settings_of(entry_format, shape):
        for width in range(32, 53):
            parts = [
                part(entry_format, *shape, controls, max_physical_address=width)
                for part in (defined_bits, ignored_bits, reserved_bits)
            ]
            # Three masks whose sum is all ones, and whose union is too, have no bit in common.
            assert sum(parts) == parts[0] | parts[1] | parts[2] == (1 << entry_format.width) - 1


@pytest.mark.parametrize(("entry_format", "shape"), KIND_SHAPES, ids=KIND_IDS)
def test_fields_neither_overlap_nor_leave_gaps(entry_format: EntryFormat, shape: EntryShape) -> None:
    masks = [f.mask for f in entry_format.fields if shape in f.shapes]
    assert sum(masks) == (1 << entry_format.width) - 1
    assert all(f.low <= f.high for f in entry_format.fields)


@pytest.mark.parametrize("entry_format", FORMATS, ids=lambda entry_format: entry_format.name)
def test_every_field_belongs_to_entries_of_its_format(entry_format: EntryFormat) -> None:
    shapes = {kind.shape for kind in entry_format.kinds}
    assert all(f.shapes and f.shapes <= shapes for f in entry_format.fields)
    assert all(f.source and f.meaning for f in entry_format.fields)


@pytest.mark.parametrize(("entry_format", "shape"), KIND_SHAPES, ids=KIND_IDS)
def test_used_fields_of_one_entry_have_different_names(entry_format: EntryFormat, shape: EntryShape) -> None:
    names = [f.name for f in entry_format.fields if shape in f.shapes and f.use in (Use.DEFINED, Use.ADDRESS)]
    assert len(names) == len(set(names))


@given(
    kind=st.sampled_from(KIND_SHAPES), controls=st.frozensets(st.sampled_from(list(Control))), width=st.integers(32, 51)
)
def test_a_wider_physical_address_only_turns_reserved_bits_into_address_bits(
    kind: tuple[EntryFormat, EntryShape], controls: frozenset[Control], width: int
) -> None:
    entry_format, shape = kind
    controls |= {Control.PAGE_SIZE_EXTENSIONS}
    before = reserved_bits(entry_format, *shape, controls, max_physical_address=width)
    after = reserved_bits(entry_format, *shape, controls, max_physical_address=width + 1)
    assert after & ~before == 0
    assert (before & ~after).bit_count() <= 1
    assert ignored_bits(entry_format, *shape, controls, max_physical_address=width) == ignored_bits(
        entry_format, *shape, controls, max_physical_address=width + 1
    )


# Kind, ignored bits with no control on, ignored bits with all on; SDM Tables 31-1 to 31-7.
EPT_IGNORED = [
    (5, False, "63:52 11:8", "63:52 11 9"),
    (4, False, "63:52 11:8", "63:52 11 9"),
    (3, False, "63:52 11:8", "63:52 11 9"),
    (2, False, "63:52 11:8", "63:52 11 9"),
    (3, True, "63:52 11:8", "62 61 59 56:52 11"),
    (2, True, "63:52 11:8", "62 61 59 56:52 11"),
    (1, True, "63:52 11:7", "62 59 56:52 11 7"),
]
LARGE_PAGES = frozenset({Control.PAGES_1G, Control.PAGES_2M})


@pytest.mark.parametrize(("level", "leaf", "without", "with_all"), EPT_IGNORED)
def test_ept_ignored_bits(level: int, leaf: bool, without: str, with_all: str) -> None:
    assert ignored_bits(EPT, level, leaf, LARGE_PAGES, max_physical_address=46) == spans(without)
    assert ignored_bits(EPT, level, leaf, EVERY_CONTROL, max_physical_address=46) == spans(with_all)


EPT_RESERVED = [
    (5, False, "51:46 7:3"),
    (4, False, "51:46 7:3"),
    (3, False, "51:46 6:3"),
    (2, False, "51:46 6:3"),
    (3, True, "51:46 29:12"),
    (2, True, "51:46 20:12"),
    (1, True, "51:46"),
]


@pytest.mark.parametrize(("level", "leaf", "expected"), EPT_RESERVED)
def test_ept_reserved_bits(level: int, leaf: bool, expected: str) -> None:
    for controls in (LARGE_PAGES, EVERY_CONTROL):
        assert reserved_bits(EPT, level, leaf, controls, max_physical_address=46) == spans(expected)


# Control, level, maps a page, the bit that is ignored without the control and used with it.
EPT_CONTROLLED = [
    *((Control.EPT_ACCESSED_DIRTY, level, leaf, 8) for level, leaf, *_ in EPT_IGNORED),
    *((Control.EPT_ACCESSED_DIRTY, level, True, 9) for level in (1, 2, 3)),
    *((Control.MODE_BASED_EXECUTE, level, leaf, 10) for level, leaf, *_ in EPT_IGNORED),
    *((Control.GUEST_PAGING_VERIFICATION, level, True, 57) for level in (1, 2, 3)),
    *((Control.PAGING_WRITE, level, True, 58) for level in (1, 2, 3)),
    *((Control.SUPERVISOR_SHADOW_STACK, level, True, 60) for level in (1, 2, 3)),
    (Control.SUB_PAGE_WRITE, 1, True, 61),
    *((Control.EPT_VIOLATION_VE, level, True, 63) for level in (1, 2, 3)),
]


@pytest.mark.parametrize(
    ("control", "level", "leaf", "position"),
    EPT_CONTROLLED,
    ids=[f"{c.name}-gives-bit-{p}-a-meaning-at-level-{v}-{'page' if m else 'table'}" for c, v, m, p in EPT_CONTROLLED],
)
def test_a_control_gives_its_ept_bit_a_meaning(control: Control, level: int, leaf: bool, position: int) -> None:
    with_control, without = {control} | LARGE_PAGES, EVERY_CONTROL - {control}
    assert defined_bits(EPT, level, leaf, with_control, max_physical_address=46) >> position & 1
    assert ignored_bits(EPT, level, leaf, without, max_physical_address=46) >> position & 1


def test_no_other_control_has_an_effect_on_ept_bits() -> None:
    expected = {(control, level, leaf, position) for control, level, leaf, position in EPT_CONTROLLED}
    found = set()
    for kind in EPT.kinds:
        for control in EVERY_CONTROL - LARGE_PAGES:
            off = defined_bits(EPT, *kind.shape, LARGE_PAGES, max_physical_address=46)
            on = defined_bits(EPT, *kind.shape, LARGE_PAGES | {control}, max_physical_address=46)
            assert off & ~on == 0
            found |= {(control, *kind.shape, position) for position in range(64) if (on & ~off) >> position & 1}
    assert found == expected


@pytest.mark.parametrize("entry_format", [EPT, INTEL_LONG_MODE, AMD_LONG_MODE, NPT_LONG_MODE])
@pytest.mark.parametrize("leaf", [False, True])
def test_bit_7_at_level_3_is_reserved_without_1g_pages(entry_format: EntryFormat, leaf: bool) -> None:
    without = reserved_bits(entry_format, 3, leaf, EVERY_CONTROL - {Control.PAGES_1G}, max_physical_address=46)
    with_support = reserved_bits(entry_format, 3, leaf, EVERY_CONTROL, max_physical_address=46)
    assert without & ~with_support == 1 << 7


# Format, level, maps a page, controls, width, reserved bits.
ORDINARY_RESERVED = [
    ("intel-pml5e", INTEL_LONG_MODE, 5, False, EVERY_CONTROL, 46, "51:46 7"),
    ("intel-pml4e", INTEL_LONG_MODE, 4, False, EVERY_CONTROL, 46, "51:46 7"),
    ("intel-pml4e-no-nxe", INTEL_LONG_MODE, 4, False, LARGE_PAGES, 46, "63 51:46 7"),
    ("amd-pml5e", AMD_LONG_MODE, 5, False, EVERY_CONTROL, 48, "51:48 8:7"),
    ("amd-pml4e", AMD_LONG_MODE, 4, False, EVERY_CONTROL, 48, "51:48 8:7"),
    ("amd-pdpe", AMD_LONG_MODE, 3, False, EVERY_CONTROL, 48, "51:48"),
    ("intel-1g", INTEL_LONG_MODE, 3, True, EVERY_CONTROL, 39, "51:39 29:13"),
    ("intel-2m", INTEL_LONG_MODE, 2, True, EVERY_CONTROL, 52, "20:13"),
    ("intel-4k-no-nxe", INTEL_LONG_MODE, 1, True, LARGE_PAGES, 52, "63"),
    ("nested-pml4e", NPT_LONG_MODE, 4, False, EVERY_CONTROL, 48, "51:48 8:7"),
    ("nested-1g", NPT_LONG_MODE, 3, True, EVERY_CONTROL, 48, "51:48 29:13"),
    ("nested-2m", NPT_LONG_MODE, 2, True, EVERY_CONTROL, 48, "51:48 20:13"),
    ("nested-4k", NPT_LONG_MODE, 1, True, EVERY_CONTROL, 48, "51:48"),
    ("nested-4k-no-nxe", NPT_LONG_MODE, 1, True, LARGE_PAGES, 48, "63 51:48"),
    ("pae-pdpte", PAE, 3, False, EVERY_CONTROL, 36, "63:36 8:5 2:1"),
    ("pae-pde", PAE, 2, False, EVERY_CONTROL, 36, "62:36"),
    ("pae-2m", PAE, 2, True, EVERY_CONTROL, 36, "62:36 20:13"),
    ("pae-pte", PAE, 1, True, EVERY_CONTROL, 36, "62:36"),
    ("pae-pte-no-nxe", PAE, 1, True, frozenset(), 36, "63:36"),
    ("32-bit-pde", PAGING_32BIT, 2, False, frozenset(), 32, ""),
    ("32-bit-pte", PAGING_32BIT, 1, True, frozenset(), 32, ""),
    ("32-bit-4m-without-pse-36", PAGING_32BIT, 2, True, {Control.PAGE_SIZE_EXTENSIONS}, 46, "21:13"),
    ("32-bit-4m-pse-36-width-32", PAGING_32BIT, 2, True, EVERY_CONTROL, 32, "21:13"),
    ("32-bit-4m-pse-36-width-36", PAGING_32BIT, 2, True, EVERY_CONTROL, 36, "21:17"),
    ("32-bit-4m-pse-36-width-40", PAGING_32BIT, 2, True, EVERY_CONTROL, 40, "21"),
    ("32-bit-4m-pse-36-width-46", PAGING_32BIT, 2, True, EVERY_CONTROL, 46, "21"),
]


@pytest.mark.parametrize("row", ORDINARY_RESERVED, ids=lambda row: row[0])
def test_reserved_bits_of_ordinary_and_nested_entries(
    row: tuple[str, EntryFormat, int, bool, frozenset[Control], int, str],
) -> None:
    _, entry_format, level, leaf, controls, width, expected = row
    found = reserved_bits(entry_format, level, leaf, controls, max_physical_address=width)
    assert found == spans(expected)


def test_the_vendors_differ_in_bit_8_of_the_upper_levels_only() -> None:
    differing = {}
    for kind in INTEL_LONG_MODE.kinds:
        intel = reserved_bits(INTEL_LONG_MODE, *kind.shape, EVERY_CONTROL, max_physical_address=48)
        amd = reserved_bits(AMD_LONG_MODE, *kind.shape, EVERY_CONTROL, max_physical_address=48)
        if intel != amd:
            differing[tuple(kind.shape)] = intel ^ amd
    assert differing == {(5, False): 1 << 8, (4, False): 1 << 8}


def test_protection_keys_are_software_bits_in_nested_tables() -> None:
    key = span(62, 59)
    assert defined_bits(INTEL_LONG_MODE, 1, True, EVERY_CONTROL, max_physical_address=48) & key == key
    assert ignored_bits(NPT_LONG_MODE, 1, True, EVERY_CONTROL, max_physical_address=48) & key == key


def test_a_4m_page_needs_page_size_extensions() -> None:
    with pytest.raises(ValueError, match=r"CR4\.PSE"):
        defined_bits(PAGING_32BIT, 2, True, frozenset(), max_physical_address=36)


def test_bit_7_of_a_32_bit_pde_is_ignored_without_page_size_extensions() -> None:
    assert ignored_bits(PAGING_32BIT, 2, False, frozenset(), max_physical_address=36) >> 7 & 1


def test_a_field_is_found_by_name() -> None:
    assert field_named(EPT, 1, True, "memory type").mask == span(5, 3)
    assert field_named(EPT, 3, False, "user execute").needs is Control.MODE_BASED_EXECUTE


@pytest.mark.parametrize(("leaf", "name"), [(False, "memory type"), (False, "no such field"), (True, "ignored")])
def test_a_name_for_no_field_or_several_is_refused(leaf: bool, name: str) -> None:
    with pytest.raises(KeyError):
        field_named(EPT, 2, leaf, name)
