"""Error codes of page faults against SDM 5.7."""

from itertools import product

import pytest

from mmuproof.smt.terms import boolean
from mmuproof.spec import page_fault
from mmuproof.spec.access import DATA_READ, DATA_WRITE, INSTRUCTION_FETCH, READ_MODIFY_WRITE, Access
from mmuproof.spec.page_fault import FaultCause
from mmuproof.spec.paging import LinearAccess

BOTH = (False, True)
P, W, U, RSVD, ID, PK = (1 << position for position in range(6))


def cause(names: str) -> FaultCause:
    given = set(names.split())
    fields = ("not_present", "reserved", "rights", "key")
    assert given <= set(fields)
    return FaultCause(**{field: boolean(field in given) for field in fields})


def code(
    why: str,
    access: Access = DATA_READ,
    *,
    user_mode: bool = False,
    implicit: bool = False,
    smep: bool = False,
    pae: bool = True,
    nxe: bool = False,
    key_beside: bool = False,
) -> int:
    found = page_fault.error_code(
        cause(why),
        LinearAccess(access, boolean(user_mode), boolean(implicit)),
        smep=boolean(smep),
        physical_address_extension=boolean(pae),
        no_execute_enabled=boolean(nxe),
        key_flag_beside_other_cause=boolean(key_beside),
    )
    assert found.width == 32
    return found.value


# Causes, flags among P, RSVD and PK if a key shows only when alone, and if it shows always.
CAUSES = [
    ("not_present", 0, 0),
    ("not_present reserved", 0, 0),
    ("not_present key", 0, 0),
    ("not_present rights", 0, 0),
    ("reserved", P | RSVD, P | RSVD),
    ("reserved rights", P | RSVD, P | RSVD),
    ("reserved key", P | RSVD, P | RSVD | PK),
    ("rights", P, P),
    ("key", P | PK, P | PK),
    ("rights key", P, P | PK),
    ("reserved rights key", P | RSVD, P | RSVD | PK),
]


@pytest.mark.parametrize(("why", "alone", "always"), CAUSES, ids=[row[0] for row in CAUSES])
def test_flags_of_a_cause(why: str, alone: int, always: int) -> None:
    assert bool(page_fault.faults(cause(why)))
    assert code(why, key_beside=False) == alone
    assert code(why, key_beside=True) == always


def test_without_a_cause_there_is_no_fault() -> None:
    assert not page_fault.faults(cause(""))


# Access, CPL 3, implicit, flags among W/R and U/S.
ACCESSES = [
    (DATA_READ, False, False, 0),
    (DATA_READ, True, False, U),
    (DATA_WRITE, False, False, W),
    (DATA_WRITE, True, False, W | U),
    (READ_MODIFY_WRITE, True, False, W | U),
    (DATA_READ, True, True, 0),
    (DATA_WRITE, True, True, W),
]


@pytest.mark.parametrize(("why", "flags"), [("not_present", 0), ("rights", P)])
@pytest.mark.parametrize(("access", "user_mode", "implicit", "expected"), ACCESSES)
def test_flags_of_an_access(
    access: Access, user_mode: bool, implicit: bool, expected: int, why: str, flags: int
) -> None:
    assert code(why, access, user_mode=user_mode, implicit=implicit) == expected | flags


# CR4.SMEP, CR4.PAE, EFER.NXE, a fetch is told from a read.
FETCHES = [
    (False, False, False, False),
    (False, False, True, False),
    (False, True, False, False),
    (False, True, True, True),
    (True, False, False, True),
    (True, False, True, True),
    (True, True, False, True),
    (True, True, True, True),
]


@pytest.mark.parametrize(("smep", "pae", "nxe", "told"), FETCHES)
def test_a_fetch_is_told_with_smep_or_with_pae_and_nxe(smep: bool, pae: bool, nxe: bool, told: bool) -> None:
    assert code("not_present", INSTRUCTION_FETCH, smep=smep, pae=pae, nxe=nxe) == (ID if told else 0)
    assert code("not_present", DATA_READ, smep=smep, pae=pae, nxe=nxe) == 0


def test_reserved_and_key_flags_never_come_without_the_present_flag() -> None:
    names = ("not_present", "reserved", "rights", "key")
    seen = set()
    for chosen in product(BOTH, repeat=4):
        why = " ".join(name for name, on in zip(names, chosen, strict=True) if on)
        for beside in BOTH:
            found = code(why, key_beside=beside)
            seen.add(found)
            assert found & P or not found & (RSVD | PK)
    assert {P | RSVD, P | PK, 0} <= seen
