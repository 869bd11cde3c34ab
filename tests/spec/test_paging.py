"""Access rights of ordinary paging, row by row from SDM 5.6.1."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.smt.terms import FALSE, boolean, bv, var
from mmuproof.spec import paging
from mmuproof.spec.access import DATA_READ, DATA_WRITE, INSTRUCTION_FETCH, READ_MODIFY_WRITE, Access

ACCESSES = {"read": DATA_READ, "write": DATA_WRITE, "read-modify-write": READ_MODIFY_WRITE, "fetch": INSTRUCTION_FETCH}
NAMES = ("U", "W", "XD", "WP", "SMEP", "SMAP", "NXE", "AC")


# Entries in which each of the given bits is as likely 0 as 1, which numbers drawn at random are not.
def entries_with(*bits: int) -> st.SearchStrategy[list[int]]:
    masks = [1 << bit for bit in bits]
    chosen = st.lists(st.sampled_from(masks), unique=True).map(sum)
    noise = st.integers(0, 2**64 - 1).map(lambda value: value & ~sum(masks))
    entry = st.builds(lambda bits, rest: bits | rest, chosen, noise)
    return st.lists(entry, min_size=1, max_size=5)


def allows(access: Access, user_mode: bool, implicit: bool, on: set[str]) -> bool:
    flag = {name: boolean(name in on) for name in NAMES}
    return bool(
        paging.allows(
            paging.AccessRights(flag["U"], flag["W"], flag["XD"]),
            paging.LinearAccess(access, boolean(user_mode), boolean(implicit)),
            paging.PagingControls(
                write_protect=flag["WP"],
                smep=flag["SMEP"],
                smap=flag["SMAP"],
                no_execute_enabled=flag["NXE"],
                alignment_check=flag["AC"],
            ),
        )
    )


# A row: mode of the access, what it does, what is set ("U") and clear ("-U") in the translation and the
# controls, and whether the access is allowed then.  Whatever a row does not name takes both values.
ROWS = [
    ("supervisor", "read", "-U", True),
    ("supervisor", "read", "U -SMAP", True),
    ("supervisor", "read", "U SMAP AC", True),
    ("supervisor", "read", "U SMAP -AC", False),
    ("implicit", "read", "-U", True),
    ("implicit", "read", "U -SMAP", True),
    ("implicit", "read", "U SMAP", False),
    ("supervisor", "write", "-U -WP", True),
    ("supervisor", "write", "-U WP W", True),
    ("supervisor", "write", "-U WP -W", False),
    ("supervisor", "write", "U WP -W", False),
    ("supervisor", "write", "U -WP -SMAP", True),
    ("supervisor", "write", "U -WP SMAP AC", True),
    ("supervisor", "write", "U -WP SMAP -AC", False),
    ("supervisor", "write", "U WP W -SMAP", True),
    ("supervisor", "write", "U WP W SMAP AC", True),
    ("supervisor", "write", "U WP W SMAP -AC", False),
    ("implicit", "write", "-U -WP", True),
    ("implicit", "write", "-U WP W", True),
    ("implicit", "write", "-U WP -W", False),
    ("implicit", "write", "U WP -W", False),
    ("implicit", "write", "U -WP -SMAP", True),
    ("implicit", "write", "U WP W -SMAP", True),
    ("implicit", "write", "U -WP SMAP", False),
    ("implicit", "write", "U WP W SMAP", False),
    ("supervisor", "fetch", "-U -NXE", True),
    ("supervisor", "fetch", "-U NXE -XD", True),
    ("supervisor", "fetch", "-U NXE XD", False),
    ("supervisor", "fetch", "U SMEP", False),
    ("supervisor", "fetch", "U -SMEP -NXE", True),
    ("supervisor", "fetch", "U -SMEP NXE -XD", True),
    ("supervisor", "fetch", "U -SMEP NXE XD", False),
    ("user", "read", "U", True),
    ("user", "read", "-U", False),
    ("user", "write", "U W", True),
    ("user", "write", "U -W", False),
    ("user", "write", "-U", False),
    ("user", "fetch", "U -NXE", True),
    ("user", "fetch", "U NXE -XD", True),
    ("user", "fetch", "U NXE XD", False),
    ("user", "fetch", "-U", False),
]
# A write that reads too is judged as the write.
ROWS += [(mode, "read-modify-write", condition, ok) for mode, what, condition, ok in ROWS if what == "write"]


def settings_of(condition: str) -> list[frozenset[str]]:
    fixed = {token.lstrip("-"): not token.startswith("-") for token in condition.split()}
    choices = [(fixed[name],) if name in fixed else (False, True) for name in NAMES]
    return [frozenset(n for n, value in zip(NAMES, values, strict=True) if value) for values in product(*choices)]


@pytest.mark.parametrize(
    ("mode", "what", "condition", "allowed"),
    ROWS,
    ids=[f"{m}-{w}-{c}-is-{'allowed' if ok else 'denied'}".replace(" ", ",") for m, w, c, ok in ROWS],
)
def test_access_rights(mode: str, what: str, condition: str, allowed: bool) -> None:
    # An implicit access is supervisor-mode at every CPL.
    at_cpl_3 = {"user": (True,), "supervisor": (False,), "implicit": (False, True)}[mode]
    for on, user_mode in product(settings_of(condition), at_cpl_3):
        assert allows(ACCESSES[what], user_mode, mode == "implicit", set(on)) == allowed


# Implicit accesses are data accesses, so there is no implicit fetch.
CASES = sorted(set(product(["supervisor", "user", "implicit"], ACCESSES)) - {("implicit", "fetch")})


@pytest.mark.parametrize(("mode", "what"), CASES)
def test_the_rows_name_every_case_once(mode: str, what: str) -> None:
    cases = [on for m, w, condition, _ in ROWS if (m, w) == (mode, what) for on in settings_of(condition)]
    assert len(cases) == len(set(cases)) == 2 ** len(NAMES)


@given(entries_with(1, 2, 63))
def test_rights_of_an_address_join_all_levels(entries: list[int]) -> None:
    found = paging.combined([bv(entry, 64) for entry in entries])
    assert bool(found.user_address) == all(entry & 4 for entry in entries)
    assert bool(found.writable) == all(entry & 2 for entry in entries)
    assert bool(found.execute_disable) == any(entry >> 63 for entry in entries)


# R/W, U/S and XD per level from the top; writable, user-mode address, execute-disable.
COMBINED = [
    ([(1, 1, 0), (1, 1, 0)], (True, True, False)),
    ([(0, 1, 0), (1, 1, 0)], (False, True, False)),
    ([(1, 1, 0), (1, 0, 0)], (True, False, False)),
    ([(1, 1, 1), (1, 1, 0)], (True, True, True)),
    ([(1, 1, 0), (1, 1, 1)], (True, True, True)),
]


@pytest.mark.parametrize(("levels", "expected"), COMBINED)
def test_one_level_is_enough_to_restrict(levels: list[tuple[int, int, int]], expected: tuple[bool, bool, bool]) -> None:
    found = paging.combined([bv(1 | w << 1 | u << 2 | x << 63, 64) for w, u, x in levels])
    assert (bool(found.writable), bool(found.user_address), bool(found.execute_disable)) == expected


@given(st.integers(0, 2**64 - 1))
def test_present_is_bit_0(entry: int) -> None:
    assert bool(paging.present(bv(entry, 64))) == bool(entry & 1)


def test_a_32_bit_entry_has_no_execute_disable() -> None:
    assert paging.rights_of(var("entry", 32)).execute_disable is FALSE
    assert paging.rights_of(var("entry", 64)).execute_disable is not FALSE


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one entry"):
        paging.combined([])
    with pytest.raises(ValueError, match="32 or 64 bits"):
        paging.rights_of(bv(1, 16))
    with pytest.raises(ValueError, match="32 or 64 bits"):
        paging.present(bv(1, 16))
