"""Protection keys against SDM 5.6.2."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import bool_var, boolean, bv, var
from mmuproof.spec import protection_keys
from mmuproof.spec.access import DATA_READ, DATA_WRITE, INSTRUCTION_FETCH, READ_MODIFY_WRITE, Access

BOTH = (False, True)
KEYS = range(16)
AD, WD = 1, 2

# PKU: access, rights of the key, user-mode access, CR0.WP, denied.  None: does not matter.
PKU = [
    (DATA_READ, 0, None, None, False),
    (DATA_READ, WD, None, None, False),
    (DATA_READ, AD, None, None, True),
    (DATA_READ, AD | WD, None, None, True),
    (DATA_WRITE, 0, None, None, False),
    (DATA_WRITE, AD, None, None, True),
    (DATA_WRITE, AD | WD, None, None, True),
    (DATA_WRITE, WD, True, None, True),
    (DATA_WRITE, WD, False, True, True),
    (DATA_WRITE, WD, False, False, False),
    (READ_MODIFY_WRITE, 0, None, None, False),
    (READ_MODIFY_WRITE, AD, None, None, True),
    (READ_MODIFY_WRITE, AD | WD, None, None, True),
    (READ_MODIFY_WRITE, WD, True, None, True),
    (READ_MODIFY_WRITE, WD, False, True, True),
    (READ_MODIFY_WRITE, WD, False, False, False),
    (INSTRUCTION_FETCH, 0, None, None, False),
    (INSTRUCTION_FETCH, AD, None, None, False),
    (INSTRUCTION_FETCH, WD, None, None, False),
    (INSTRUCTION_FETCH, AD | WD, None, None, False),
]


def pku(
    access: Access,
    pkru: int,
    key: int,
    *,
    user_mode: bool,
    wp: bool,
    user_address: bool = True,
    enabled: bool = True,
    long_mode: bool = True,
) -> bool:
    return bool(
        protection_keys.denied(
            access,
            pkru=bv(pkru, 32),
            key=bv(key, 4),
            user_address=boolean(user_address),
            user_mode_access=boolean(user_mode),
            write_protect=boolean(wp),
            enabled=boolean(enabled),
            long_mode=boolean(long_mode),
        )
    )


def pks(
    access: Access,
    pkrs: int,
    key: int,
    *,
    wp: bool,
    user_address: bool = False,
    enabled: bool = True,
    long_mode: bool = True,
) -> bool:
    return bool(
        protection_keys.denied_at_supervisor_address(
            access,
            pkrs=bv(pkrs, 32),
            key=bv(key, 4),
            user_address=boolean(user_address),
            write_protect=boolean(wp),
            enabled=boolean(enabled),
            long_mode=boolean(long_mode),
        )
    )


@pytest.mark.parametrize(("access", "rights", "user_mode", "wp", "denied"), PKU)
def test_user_address(access: Access, rights: int, user_mode: bool | None, wp: bool | None, denied: bool) -> None:
    modes, protects = (BOTH if value is None else (value,) for value in (user_mode, wp))
    for key, mode, protect in product(KEYS, modes, protects):
        # Every other key has the opposite rights.
        pkru = (0xFFFFFFFF if rights == 0 else 0) & ~(3 << 2 * key) | rights << 2 * key
        assert pku(access, pkru, key, user_mode=mode, wp=protect) == denied


@pytest.mark.parametrize(("access", "rights", "user_mode", "wp", "denied"), [r for r in PKU if r[2] is not True])
def test_supervisor_address_is_judged_like_a_supervisor_mode_access(
    access: Access, rights: int, user_mode: bool | None, wp: bool | None, denied: bool
) -> None:
    for key, protect in product(KEYS, BOTH if wp is None else (wp,)):
        pkrs = (0xFFFFFFFF if rights == 0 else 0) & ~(3 << 2 * key) | rights << 2 * key
        assert pks(access, pkrs, key, wp=protect) == denied


@pytest.mark.parametrize("switch", ["enabled", "long_mode", "user_address"])
@pytest.mark.parametrize("access", [DATA_READ, DATA_WRITE])
def test_keys_deny_nothing_where_they_do_not_apply(switch: str, access: Access) -> None:
    everything = 0xFFFFFFFF
    assert pku(access, everything, 5, user_mode=True, wp=True)
    assert not pku(access, everything, 5, user_mode=True, wp=True, **{switch: False})
    assert pks(access, everything, 5, wp=True)
    # For supervisor-mode addresses the address condition is the other way round.
    assert not pks(access, everything, 5, wp=True, **{switch: switch == "user_address"})


@given(st.integers(0, 2**32 - 1), st.integers(0, 15))
def test_a_symbolic_key_picks_its_own_two_bits(pkru: int, key: int) -> None:
    register, number = var("pkru", 32), var("key", 4)
    values = {"pkru": pkru, "key": key}
    access_disabled = protection_keys.access_disabled(register, number)
    write_disabled = protection_keys.write_disabled(register, number)
    assert evaluate(access_disabled, values) == pkru >> 2 * key & 1
    assert evaluate(write_disabled, values) == pkru >> 2 * key + 1 & 1


@pytest.mark.parametrize(("rights", "key"), [(64, 4), (32, 5)])
def test_widths_are_checked(rights: int, key: int) -> None:
    with pytest.raises(ValueError, match="key rights have 32 bits"):
        protection_keys.denied_at_supervisor_address(
            DATA_READ,
            pkrs=bv(0, rights),
            key=bv(0, key),
            user_address=bool_var("u"),
            write_protect=bool_var("wp"),
            enabled=bool_var("on"),
            long_mode=bool_var("lm"),
        )
