"""EPT presence and misconfigurations against SDM 31.3.2 and 31.3.3.1, written out by hand."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.smt.graph import evaluate, substitute
from mmuproof.smt.terms import FALSE, TRUE, Bool, bool_var, boolean, bv, var
from mmuproof.spec import ept

R, W, X, XU = 1 << 0, 1 << 1, 1 << 2, 1 << 10
LARGE, PAGING_WRITE = 1 << 7, 1 << 58
WRITE_BACK = 6 << 3
# Level and whether the entry maps a page.
SHAPES = [(5, False), (4, False), (3, False), (2, False), (3, True), (2, True), (1, True)]
SHAPE_IDS = [f"level-{level}-{'page' if leaf else 'table'}" for level, leaf in SHAPES]


def plain(level: int, leaf: bool) -> int:
    """The bits besides permissions that make the shape well formed."""
    return (WRITE_BACK if leaf else 0) | (LARGE if leaf and level > 1 else 0)


@dataclass(frozen=True, kw_only=True)
class EptSetting:
    """Controls and capabilities; by default everything is supported and no control is on."""

    mbec: bool = False
    execute_only: bool = True
    paging_write_control: bool = False
    pages_2m: bool = True
    pages_1g: bool = True
    memory_type_checked_in_1g: bool = True
    width: int = 46


DEFAULT = EptSetting()


def misconfigured(entry: int, level: int, leaf: bool, setting: EptSetting = DEFAULT) -> bool:
    return bool(
        ept.misconfigured(
            bv(entry, 64),
            level=level,
            maps_page=leaf,
            max_physical_address=setting.width,
            mbec=boolean(setting.mbec),
            execute_only=boolean(setting.execute_only),
            paging_write_control=boolean(setting.paging_write_control),
            pages_2m=boolean(setting.pages_2m),
            pages_1g=boolean(setting.pages_1g),
            memory_type_checked_in_1g=boolean(setting.memory_type_checked_in_1g),
        )
    )


# permissions, present without mode-based execute control, present with it
PRESENCE = [
    (0, False, False),
    (XU, False, True),
    (R, True, True),
    (W, True, True),
    (X, True, True),
    (X | XU, True, True),
    (R | W | X | XU, True, True),
]


@pytest.mark.parametrize(("entry", "without", "with_mbec"), PRESENCE)
def test_presence(entry: int, without: bool, with_mbec: bool) -> None:
    # Every bit that does not count for presence is 1.
    noise = ~(R | W | X | XU)
    assert bool(ept.present(bv(entry | noise, 64), mbec=FALSE)) == without
    assert bool(ept.present(bv(entry | noise, 64), mbec=TRUE)) == with_mbec


N, Y = False, True
# Every combination of R, W, X and XU; misconfigured for:
#  columns: no MBEC + no exec-only | no MBEC + exec-only | MBEC + no exec-only | MBEC + exec-only
PERMISSIONS = [
    (0, N, N, N, N),
    (R, N, N, N, N),
    (W, Y, Y, Y, Y),
    (R | W, N, N, N, N),
    (X, Y, N, Y, N),
    (R | X, N, N, N, N),
    (W | X, Y, Y, Y, Y),
    (R | W | X, N, N, N, N),
    (XU, N, N, Y, N),
    (R | XU, N, N, N, N),
    (W | XU, Y, Y, Y, Y),
    (R | W | XU, N, N, N, N),
    (X | XU, Y, N, Y, N),
    (R | X | XU, N, N, N, N),
    (W | X | XU, Y, Y, Y, Y),
    (R | W | X | XU, N, N, N, N),
]
COLUMNS = [(False, False), (False, True), (True, False), (True, True)]


def letters(entry: int) -> str:
    return "".join(name for name, value in (("R", R), ("W", W), ("X", X), ("U", XU)) if entry & value) or "none"


def test_the_permission_table_is_complete() -> None:
    assert len({row[0] for row in PERMISSIONS}) == 16


@pytest.mark.parametrize("shape", SHAPES, ids=SHAPE_IDS)
@pytest.mark.parametrize("row", PERMISSIONS, ids=lambda row: letters(row[0]))
def test_permission_combinations(row: tuple[int, bool, bool, bool, bool], shape: tuple[int, bool]) -> None:
    entry = row[0] | plain(*shape)
    found = [misconfigured(entry, *shape, EptSetting(mbec=mbec, execute_only=xo)) for mbec, xo in COLUMNS]
    assert found == list(row[1:])


# entry, maps a page, EPT paging-write control, misconfigured (execute-only supported, MBEC off)
PAGING_WRITES = [
    (X | PAGING_WRITE, True, True, True),
    (X | PAGING_WRITE, True, False, False),
    (X | PAGING_WRITE, False, True, False),
    (R | PAGING_WRITE, True, True, False),
    (PAGING_WRITE, True, True, False),
]


@pytest.mark.parametrize(("entry", "leaf", "control", "expected"), PAGING_WRITES)
def test_paging_write_mark_needs_a_readable_page(entry: int, leaf: bool, control: bool, expected: bool) -> None:
    level = 1 if leaf else 2
    setting = EptSetting(paging_write_control=control)
    assert misconfigured(entry | plain(level, leaf), level, leaf, setting) == expected
    assert (
        bool(
            ept.misconfigured_permissions(
                bv(entry, 64), mbec=FALSE, execute_only=TRUE, paging_write_control=boolean(control), maps_page=leaf
            )
        )
        == expected
    )


# What is reserved for each shape below the physical-address width: bits high:low.
RESERVED = {
    (5, False): [(7, 3)],
    (4, False): [(7, 3)],
    (3, False): [(6, 3)],
    (2, False): [(6, 3)],
    (3, True): [(29, 12)],
    (2, True): [(20, 12)],
    (1, True): [],
}


@pytest.mark.parametrize("width", [32, 36, 39, 46, 51, 52])
@pytest.mark.parametrize("shape", SHAPES, ids=SHAPE_IDS)
def test_each_single_bit_is_misconfigured_iff_reserved(shape: tuple[int, bool], width: int) -> None:
    level, leaf = shape
    reserved = {bit for high, low in RESERVED[shape] for bit in range(low, high + 1)} | set(range(width, 52))
    # Bits that change the shape, the permissions or the memory type are the subject of other tests.
    others = {0, 1, 2, 10} | ({7} if level in (2, 3) else set()) | ({3, 4, 5} if leaf else set())
    found = {
        bit
        for bit in set(range(64)) - others
        if misconfigured(R | W | X | plain(level, leaf) | 1 << bit, level, leaf, EptSetting(width=width))
    }
    assert found == reserved


@pytest.mark.parametrize(
    ("level", "setting", "expected"),
    [
        (3, EptSetting(), False),
        (3, EptSetting(pages_1g=False), True),
        (3, EptSetting(pages_2m=False), False),
        (2, EptSetting(), False),
        (2, EptSetting(pages_2m=False), True),
        (2, EptSetting(pages_1g=False), False),
    ],
)
def test_large_page_is_misconfigured_iff_its_size_is_unsupported(
    level: int, setting: EptSetting, expected: bool
) -> None:
    assert misconfigured(R | plain(level, True), level, True, setting) == expected


MEMORY_TYPES = {0: False, 1: False, 2: True, 3: True, 4: False, 5: False, 6: False, 7: True}


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize(("memory_type", "expected"), MEMORY_TYPES.items())
def test_reserved_memory_types(memory_type: int, expected: bool, level: int) -> None:
    entry = R | (LARGE if level > 1 else 0) | memory_type << 3
    assert misconfigured(entry, level, True) == expected


@pytest.mark.parametrize(("level", "expected"), [(1, True), (2, True), (3, False)])
def test_memory_type_of_1g_page_can_be_left_unchecked_and_no_other(level: int, expected: bool) -> None:
    entry = R | (LARGE if level > 1 else 0) | 3 << 3
    assert misconfigured(entry, level, True, EptSetting(memory_type_checked_in_1g=False)) == expected


@pytest.mark.parametrize("shape", SHAPES, ids=SHAPE_IDS)
@given(bits=st.integers(0, 2**64 - 1), mbec=st.booleans(), control=st.booleans(), xo=st.booleans())
def test_an_entry_that_is_not_present_is_never_misconfigured(
    shape: tuple[int, bool], bits: int, mbec: bool, control: bool, xo: bool
) -> None:
    entry = bits & ~(R | W | X | (XU if mbec else 0))
    setting = EptSetting(mbec=mbec, paging_write_control=control, execute_only=xo, pages_1g=False, pages_2m=False)
    assert not misconfigured(entry, *shape, setting)


@given(bits=st.integers(0, 2**64 - 1), xo=st.booleans(), leaf=st.booleans())
def test_without_mbec_bit_10_never_matters(bits: int, xo: bool, leaf: bool) -> None:
    setting = EptSetting(mbec=False, execute_only=xo)
    assert misconfigured(bits | XU, 1 + (not leaf), leaf, setting) == misconfigured(
        bits & ~XU, 1 + (not leaf), leaf, setting
    )


@pytest.mark.parametrize("shape", SHAPES, ids=SHAPE_IDS)
def test_on_symbolic_entries_the_formula_is_the_same(shape: tuple[int, bool]) -> None:
    level, leaf = shape
    names = ("mbec", "execute_only", "paging_write_control", "pages_2m", "pages_1g", "memory_type_checked_in_1g")
    parameters: dict[str, Bool] = {name: bool_var(name) for name in names}
    entry = var("entry", 64)
    formula = ept.misconfigured(entry, level=level, maps_page=leaf, max_physical_address=46, **parameters)
    seen = set()
    for position in range(64):
        value = 1 << position | X | plain(level, leaf)
        for setting in (
            EptSetting(),
            EptSetting(mbec=True, execute_only=False, paging_write_control=True),
            EptSetting(pages_2m=False, pages_1g=False),
        ):
            values = {name: int(getattr(setting, name)) for name in names}
            expected = misconfigured(value, level, leaf, setting)
            assert evaluate(formula, {"entry": value, **values}) == expected
            assert evaluate(substitute(formula, {entry: bv(value, 64)}), values) == expected
            seen.add(expected)
    assert seen == {False, True}


@pytest.mark.parametrize(("level", "leaf"), [(1, False), (4, True), (5, True), (0, True), (6, False)])
def test_shapes_that_do_not_exist_are_refused(level: int, leaf: bool) -> None:
    with pytest.raises(ValueError, match="has no entry"):
        misconfigured(R, level, leaf)


@pytest.mark.parametrize("width", [31, 53])
def test_widths_that_do_not_exist_are_refused(width: int) -> None:
    with pytest.raises(ValueError, match="physical-address width"):
        misconfigured(R, 1, True, EptSetting(width=width))


@pytest.mark.parametrize(
    ("level", "bit_7", "expected"),
    [(1, 0, True), (1, 1, True), (2, 0, False), (2, 1, True), (3, 0, False), (3, 1, True), (4, 1, False)],
)
def test_which_entries_map_a_page(level: int, bit_7: int, expected: bool) -> None:
    assert bool(ept.entry_maps_page(bv(R | bit_7 << 7, 64), level)) == expected


@pytest.mark.parametrize("level", [0, 6])
def test_levels_that_do_not_exist_map_nothing(level: int) -> None:
    with pytest.raises(ValueError, match="no level"):
        ept.entry_maps_page(bv(R, 64), level)
