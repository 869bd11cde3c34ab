"""Nested paging rights against APM 15.25, with Table 15-21 written out."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import FALSE, TRUE, bool_var, boolean, bv, var
from mmuproof.spec import npt
from mmuproof.spec.access import DATA_READ, DATA_WRITE, INSTRUCTION_FETCH, READ_MODIFY_WRITE, Access

ACCESSES = {"read": DATA_READ, "write": DATA_WRITE, "read-modify-write": READ_MODIFY_WRITE, "fetch": INSTRUCTION_FETCH}
BOTH = (False, True)
CPLS = (0, 1, 2, 3)


# Entries in which each of the given bits is as likely 0 as 1, which numbers drawn at random are not.
def entries_with(*bits: int) -> st.SearchStrategy[list[int]]:
    masks = [1 << bit for bit in bits]
    chosen = st.lists(st.sampled_from(masks), unique=True).map(sum)
    noise = st.integers(0, 2**64 - 1).map(lambda value: value & ~sum(masks))
    entry = st.builds(lambda bits, rest: bits | rest, chosen, noise)
    return st.lists(entry, min_size=1, max_size=5)


def allows(
    writable: bool,
    user: bool,
    no_execute: bool,
    access: Access,
    *,
    gmet: bool,
    cpl: int,
    nxe: bool = True,
    void: bool = False,
) -> bool:
    return bool(
        npt.allows(
            npt.NestedPermissions(boolean(writable), boolean(user), boolean(no_execute)),
            access,
            gmet=boolean(gmet),
            cpl=bv(cpl, 2),
            no_execute_enabled=boolean(nxe),
            gmet_void_without_nxe=boolean(void),
        )
    )


# Table 15-21: effective NX, effective U/S, fetch allowed at CPL 3, fetch allowed at CPL 0 to 2.
TABLE_15_21 = [
    (True, True, False, False),
    (True, False, False, False),
    (False, True, True, False),
    (False, False, True, True),
]


@pytest.mark.parametrize("writable", BOTH)
@pytest.mark.parametrize("cpl", CPLS)
@pytest.mark.parametrize(("no_execute", "user", "at_3", "below_3"), TABLE_15_21)
def test_gmet_fetches_follow_table_15_21(
    no_execute: bool, user: bool, at_3: bool, below_3: bool, cpl: int, writable: bool
) -> None:
    for void in BOTH:  # the open choice is one only without EFER.NXE of the host
        found = allows(writable, user, no_execute, INSTRUCTION_FETCH, gmet=True, cpl=cpl, void=void)
        assert found == (at_3 if cpl == 3 else below_3)


# Without GMET. Access, writable, user, NX, host NXE, allowed.  None: does not matter.
Row = tuple[str, bool | None, bool | None, bool | None, bool | None, bool]
ORDINARY: list[Row] = [
    ("read", None, True, None, None, True),
    ("read", None, False, None, None, False),
    ("write", True, True, None, None, True),
    ("write", False, True, None, None, False),
    ("write", None, False, None, None, False),
    ("read-modify-write", True, True, None, None, True),
    ("read-modify-write", False, True, None, None, False),
    ("read-modify-write", None, False, None, None, False),
    ("fetch", None, True, False, None, True),
    ("fetch", None, True, True, True, False),
    ("fetch", None, True, True, False, True),
    ("fetch", None, False, None, None, False),
]
# With GMET, data accesses: nested U/S does not matter.
GMET_DATA: list[Row] = [
    ("read", None, None, None, None, True),
    ("write", True, None, None, None, True),
    ("write", False, None, None, None, False),
    ("read-modify-write", True, None, None, None, True),
    ("read-modify-write", False, None, None, None, False),
]


def settings_of(row: Row) -> list[tuple[bool, bool, bool, bool]]:
    free = [BOTH if value is None else (value,) for value in row[1:5]]
    return [(w, u, x, n) for w, u, x, n in product(*free)]


@pytest.mark.parametrize(
    ("gmet", "row"),
    [*((False, row) for row in ORDINARY), *((True, row) for row in GMET_DATA)],
    ids=lambda value: str(value),
)
def test_rights(gmet: bool, row: Row) -> None:
    for (writable, user, no_execute, nxe), cpl, void in product(settings_of(row), CPLS, BOTH):
        found = allows(writable, user, no_execute, ACCESSES[row[0]], gmet=gmet, cpl=cpl, nxe=nxe, void=void)
        assert found == row[5]


@pytest.mark.parametrize(("rows", "names"), [(ORDINARY, set(ACCESSES)), (GMET_DATA, set(ACCESSES) - {"fetch"})])
def test_the_tables_name_every_case_once(rows: list[Row], names: set[str]) -> None:
    cases = [(row[0], setting) for row in rows for setting in settings_of(row)]
    assert len(cases) == len(set(cases)) == 16 * len(names)
    assert {name for name, _ in cases} == names


# Host EFER.NXE = 0 and GMET: NX does not count.  CPL, effective U/S, allowed if active, allowed if void.
GMET_WITHOUT_NXE = [
    *((cpl, False, True, True) for cpl in CPLS),
    (0, True, False, True),
    (1, True, False, True),
    (2, True, False, True),
    (3, True, True, True),
]


@pytest.mark.parametrize("no_execute", BOTH)
@pytest.mark.parametrize(("cpl", "user", "active", "void"), GMET_WITHOUT_NXE)
def test_gmet_without_nxe_is_the_callers_choice(
    cpl: int, user: bool, active: bool, void: bool, no_execute: bool
) -> None:
    def fetch(choice: bool) -> bool:
        return allows(True, user, no_execute, INSTRUCTION_FETCH, gmet=True, cpl=cpl, nxe=False, void=choice)

    assert (fetch(False), fetch(True)) == (active, void)


def test_every_choice_of_reading_is_the_same_with_nxe() -> None:
    page = npt.NestedPermissions(bool_var("w"), bool_var("u"), bool_var("x"))
    access = Access(bool_var("read"), bool_var("write"), bool_var("fetch"))
    with_nxe = [
        npt.allows(
            page, access, gmet=bool_var("g"), cpl=var("cpl", 2), no_execute_enabled=TRUE, gmet_void_without_nxe=choice
        )
        for choice in (FALSE, TRUE)
    ]
    assert with_nxe[0] is with_nxe[1]


@given(entries_with(1, 2, 63))
def test_effective_permissions_join_all_levels(entries: list[int]) -> None:
    found = npt.effective([bv(entry, 64) for entry in entries])
    assert bool(found.writable) == all(entry & 2 for entry in entries)
    assert bool(found.user) == all(entry & 4 for entry in entries)
    assert bool(found.no_execute) == any(entry >> 63 for entry in entries)


# R/W, U/S and NX per level from the top; effective R/W, U/S and NX.
EFFECTIVE = [
    ([(1, 1, 0), (1, 1, 0)], (True, True, False)),
    ([(0, 1, 0), (1, 1, 0)], (False, True, False)),
    ([(1, 1, 0), (1, 0, 0)], (True, False, False)),
    ([(1, 1, 1), (1, 1, 0)], (True, True, True)),
    ([(1, 1, 0), (1, 1, 1)], (True, True, True)),
]


@pytest.mark.parametrize(("levels", "expected"), EFFECTIVE)
def test_one_level_is_enough_to_restrict(levels: list[tuple[int, int, int]], expected: tuple[bool, bool, bool]) -> None:
    found = npt.effective([bv(1 | w << 1 | u << 2 | x << 63, 64) for w, u, x in levels])
    assert (bool(found.writable), bool(found.user), bool(found.no_execute)) == expected


@given(st.integers(0, 2**64 - 1))
def test_present_is_bit_0(entry: int) -> None:
    assert bool(npt.present(bv(entry, 64))) == bool(entry & 1)


def test_a_32_bit_entry_has_no_nx_bit() -> None:
    assert npt.permissions_of(var("entry", 32)).no_execute is FALSE
    assert npt.permissions_of(var("entry", 64)).no_execute is not FALSE


# Read-only guest page tables, access updates a flag, counts as a write.
@pytest.mark.parametrize(
    ("read_only", "updates", "write"),
    [(False, False, True), (False, True, True), (True, False, False), (True, True, True)],
)
def test_access_to_a_guest_page_table(read_only: bool, updates: bool, write: bool) -> None:
    found = npt.guest_page_table_access(read_only_guest_page_tables=boolean(read_only), updates_flags=boolean(updates))
    assert (found.read, found.write, found.fetch) == (TRUE, boolean(write), FALSE)


@pytest.mark.parametrize(
    ("user", "gmet", "allowed"), [(False, False, False), (True, False, True), (False, True, True), (True, True, True)]
)
def test_guest_page_tables_need_a_nested_user_page_unless_gmet(user: bool, gmet: bool, allowed: bool) -> None:
    access = npt.guest_page_table_access(read_only_guest_page_tables=FALSE, updates_flags=FALSE)
    assert allows(True, user, True, access, gmet=gmet, cpl=0) == allowed


def test_symbolic_judgement_depends_on_cpl_only_for_gmet_fetches() -> None:
    formula = npt.allows(
        npt.NestedPermissions(TRUE, TRUE, FALSE),
        Access(FALSE, FALSE, bool_var("fetch")),
        gmet=bool_var("gmet"),
        cpl=var("cpl", 2),
        no_execute_enabled=TRUE,
        gmet_void_without_nxe=FALSE,
    )
    denied = {
        (fetch, gmet, cpl)
        for fetch, gmet, cpl in product((0, 1), (0, 1), CPLS)
        if not evaluate(formula, {"fetch": fetch, "gmet": gmet, "cpl": cpl})
    }
    assert denied == {(1, 1, 0), (1, 1, 1), (1, 1, 2)}


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one entry"):
        npt.effective([])
    with pytest.raises(ValueError, match="32 or 64 bits"):
        npt.present(bv(1, 16))
    with pytest.raises(ValueError, match="2 bits"):
        npt.allows(
            npt.NestedPermissions(TRUE, TRUE, TRUE),
            DATA_READ,
            gmet=TRUE,
            cpl=bv(0, 3),
            no_execute_enabled=TRUE,
            gmet_void_without_nxe=TRUE,
        )
