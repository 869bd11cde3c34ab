"""EPT permissions against the tables of SDM 31.3.3.2, written out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import FALSE, TRUE, bool_var, boolean, bv, var
from mmuproof.spec import ept
from mmuproof.spec.access import DATA_READ, DATA_WRITE, INSTRUCTION_FETCH, READ_MODIFY_WRITE, Access

ACCESSES = {"read": DATA_READ, "write": DATA_WRITE, "read-modify-write": READ_MODIFY_WRITE, "fetch": INSTRUCTION_FETCH}


# Entries in which each of the given bits is as likely 0 as 1, which numbers drawn at random are not.
def entries_with(*bits: int) -> st.SearchStrategy[list[int]]:
    masks = [1 << bit for bit in bits]
    chosen = st.lists(st.sampled_from(masks), unique=True).map(sum)
    noise = st.integers(0, 2**64 - 1).map(lambda value: value & ~sum(masks))
    entry = st.builds(lambda bits, rest: bits | rest, chosen, noise)
    return st.lists(entry, min_size=1, max_size=5)


# What an access needs, as letters: r, w, x (bit 2), u (bit 10).
# access, mode-based execute control, user-mode linear address, needs
NEEDS = [
    ("read", False, False, "r"),
    ("read", False, True, "r"),
    ("read", True, False, "r"),
    ("read", True, True, "r"),
    ("write", False, False, "w"),
    ("write", False, True, "w"),
    ("write", True, False, "w"),
    ("write", True, True, "w"),
    ("read-modify-write", False, False, "rw"),
    ("read-modify-write", False, True, "rw"),
    ("read-modify-write", True, False, "rw"),
    ("read-modify-write", True, True, "rw"),
    ("fetch", False, False, "x"),
    ("fetch", False, True, "x"),
    ("fetch", True, False, "x"),
    ("fetch", True, True, "u"),
]

LETTERS = "rwxu"
EVERY_PERMISSION = ["".join(c for i, c in enumerate(LETTERS) if n >> i & 1) for n in range(16)]


def entry_with(letters: str) -> int:
    bits = {"r": 1 << 0, "w": 1 << 1, "x": 1 << 2, "u": 1 << 10}
    return sum(bits[letter] for letter in letters)


@pytest.mark.parametrize(
    ("name", "mbec", "user", "needs"),
    NEEDS,
    ids=[f"{a}-{'mbec' if m else 'no-mbec'}-{'user' if u else 'supervisor'}-needs-{n}" for a, m, u, n in NEEDS],
)
def test_access_is_allowed_by_exactly_the_permissions_it_needs(name: str, mbec: bool, user: bool, needs: str) -> None:
    allowed = {
        granted
        for granted in EVERY_PERMISSION
        if ept.allows(
            ept.permissions_of(bv(entry_with(granted), 64)),
            ACCESSES[name],
            mbec=boolean(mbec),
            user_mode_address=boolean(user),
        )
    }
    assert allowed == {granted for granted in EVERY_PERMISSION if set(needs) <= set(granted)}


def test_no_access_at_all_is_always_allowed() -> None:
    nothing = Access(read=FALSE, write=FALSE, fetch=FALSE)
    assert ept.allows(ept.permissions_of(bv(0, 64)), nothing, mbec=bool_var("m"), user_mode_address=bool_var("u"))


@given(entries_with(0, 1, 2, 10))
def test_a_permission_holds_for_a_walk_iff_every_entry_has_it(entries: list[int]) -> None:
    permissions = ept.accumulated([bv(entry, 64) for entry in entries])
    found = (permissions.read, permissions.write, permissions.execute, permissions.user_execute)
    expected = tuple(all(entry >> position & 1 for entry in entries) for position in (0, 1, 2, 10))
    assert tuple(map(bool, found)) == expected


@given(st.integers(0, 2**64 - 1), st.booleans(), st.booleans(), st.tuples(*[st.booleans()] * 3))
def test_symbolic_and_concrete_judgement_agree(
    entry: int, mbec: bool, user: bool, kinds: tuple[bool, bool, bool]
) -> None:
    symbolic = ept.allows(
        ept.permissions_of(var("e", 64)),
        Access(read=bool_var("r"), write=bool_var("w"), fetch=bool_var("f")),
        mbec=bool_var("m"),
        user_mode_address=bool_var("u"),
    )
    concrete = ept.allows(
        ept.permissions_of(bv(entry, 64)),
        Access(*map(boolean, kinds)),
        mbec=boolean(mbec),
        user_mode_address=boolean(user),
    )
    values = {"e": entry, "m": mbec, "u": user, "r": kinds[0], "w": kinds[1], "f": kinds[2]}
    assert evaluate(symbolic, values) == concrete.value


# CR0.PG, U/S flags from the top, user-mode linear address
LINEAR_ADDRESSES = [
    (True, (True, True, True, True), True),
    (True, (False, True, True, True), False),
    (True, (True, True, True, False), False),
    (True, (False, False), False),
    (True, (True,), True),
    (False, (), True),
    (False, (False, False), True),
]


@pytest.mark.parametrize(("paging", "user_bits", "expected"), LINEAR_ADDRESSES)
def test_linear_address_is_user_mode_without_paging_or_by_every_entry(
    paging: bool, user_bits: tuple[bool, ...], expected: bool
) -> None:
    found = ept.user_mode_linear_address(boolean(paging), [boolean(user) for user in user_bits])
    assert bool(found) == expected


def test_linear_address_with_paging_has_entries() -> None:
    with pytest.raises(ValueError, match="at least one entry"):
        ept.user_mode_linear_address(bool_var("paging"), [])


def test_a_walk_has_entries() -> None:
    with pytest.raises(ValueError, match="at least one entry"):
        ept.accumulated([])


def test_an_entry_has_64_bits() -> None:
    with pytest.raises(ValueError, match="64 bits"):
        ept.permissions_of(bv(7, 32))


# EPTP bit 6, access updates a flag, counts as a write
STRUCTURE_ACCESSES = [(False, False, False), (False, True, True), (True, False, True), (True, True, True)]


@pytest.mark.parametrize(("accessed_dirty", "updates", "write"), STRUCTURE_ACCESSES)
def test_access_to_guest_paging_structure_is_a_read_and_perhaps_a_write(
    accessed_dirty: bool, updates: bool, write: bool
) -> None:
    found = ept.guest_paging_structure_access(
        accessed_dirty_enabled=boolean(accessed_dirty), updates_flags=boolean(updates)
    )
    assert (found.read, found.write, found.fetch) == (TRUE, boolean(write), FALSE)
