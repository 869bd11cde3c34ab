"""Guests for which KVM makes an access itself, marks a table, or judges an exit; and the theorems that have none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmuproof.cli.guests.guest_file import MAKERS, guest_of_result
from mmuproof.cli.guests.reasons import WITHOUT_GUEST
from mmuproof.cli.guests.told import NoGuestError
from mmuproof.cli.shared.results import Input, Result
from mmuproof.live.descriptions.bits import EPT_ENTRY, GUEST_ENTRY, NESTED_FAULT
from mmuproof.live.descriptions.description import GuestAccessKind, GuestDescription, GuestPaging, ResultKind
from mmuproof.live.descriptions.layout import PROGRAMS
from mmuproof.live.descriptions.trials import trials_of
from mmuproof.live.trial import ANY_WARNING
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from tests.cli.guests.test_guest_file import result, written

#: Those on walks, exits, nested translation and `make_spte()`.
KINDS = ("walk.", "exit.", "fault.", "nested.", "spte.")
BESIDES = {"acc.one-to-one", "exec-only.spte", "lifecycle.made"}


def of(theorem: str, vendor: Vendor, symptom: str, part: str = "", **told: str) -> Result:
    """A counterexample; `_` stands for a space in the names of inputs."""
    found = result(theorem, vendor, symptom, part)
    assert found.counterexample
    names = {"guests_pte_access": "guest's pte_access", "pte_access": "pte_access", "from_hardware": "from_hardware"}
    inputs = tuple(Input(names.get(name, name.replace("_", " ")), text) for name, text in told.items())
    return replace(found, counterexample=replace(found.counterexample, inputs=inputs))


def made(found: Result) -> GuestDescription:
    """The guest, which is the same out of its file."""
    guest = guest_of_result(found)
    assert written(guest) == guest
    return guest


def test_each_theorem_on_walks_exits_nested_translation_and_sptes_has_a_guest_or_a_reason() -> None:
    mine = {each.name for each in THEOREMS if each.name.startswith(KINDS) or each.name in BESIDES}
    assert MAKERS.keys() & WITHOUT_GUEST.keys() == set()
    assert mine == WITHOUT_GUEST.keys() | {name for name in MAKERS if name in mine}
    assert MAKERS.keys() <= {each.name for each in THEOREMS}


def test_kvms_own_read_is_an_outs_and_its_write_an_ins() -> None:
    reads = of("nested.judgement", Vendor.INTEL, "read-allowed", access="0", pte_access="EXEC")
    writes = of("nested.judgement", Vendor.AMD, "write-denied", access="W", pte_access="READ|WRITE|USER")
    assert [made(each).accesses[0].kind for each in (reads, writes)] == [GuestAccessKind.OUTS, GuestAccessKind.INS]


def test_kvms_own_fetch_is_of_the_page_that_has_the_instruction() -> None:
    told = {"guests_pte_access": "USER", "access": "F", "pte_access": "EXEC"}
    guest = made(of("nested.judgement", Vendor.INTEL, "user-fetch-denied", **told))
    (access,) = guest.accesses
    assert (access.right.kind, access.shows and access.shows.kind) == (ResultKind.DONE, ResultKind.EPT_VIOLATION)
    assert guest.l1 is not None
    assert (guest.l1.entries[0].of, EPT_ENTRY.text(guest.l1.entries[0].bits)) == (PROGRAMS, "X MT=6")
    assert guest.entries[0].of == PROGRAMS
    assert guest.entries[0].bits & GUEST_ENTRY.number("U")


@pytest.mark.parametrize(
    ("symptom", "part", "lacks", "paging"),
    [
        ("user-address-as-supervisor", "4 levels", "X", GuestPaging.LEVELS_4),
        ("supervisor-address-as-user", "4 levels", "XU", GuestPaging.LEVELS_4),
        ("user-address-as-supervisor", "paging off, and PDPTEs", "X", GuestPaging.NONE),
    ],
)
def test_whose_address_it_is_matters_to_a_fetch(symptom: str, part: str, lacks: str, paging: GuestPaging) -> None:
    guest = made(of("nested.user-address", Vendor.INTEL, symptom, part))
    assert guest.l1 is not None
    assert guest.l1.mbec
    assert guest.paging is paging
    assert guest.l1.entries[0].bits | EPT_ENTRY.number(lacks) == EPT_ENTRY.number("R W X XU MT=6")
    assert not guest.l1.entries[0].bits & EPT_ENTRY.number(lacks)


def test_faults_of_both_stages_are_found_by_kvm_and_whatever_else_l1_is_told_shows() -> None:
    told = {"from_hardware": "0", "final_translation": "1", "last_EXITINFO1": "GUEST_PAGE"}
    guest = made(of("exit.injected-npf", Vendor.AMD, "final", **told))
    assert {access.kind for access in guest.accesses} == {GuestAccessKind.OUTS}
    assert [NESTED_FAULT.text(each.right.code or 0) for each in guest.accesses] == ["TABLE", "FINAL"]
    assert len({each.right.address for each in guest.accesses}) == 2
    assert guest.cannot == ("last EXITINFO1 = GUEST_PAGE: the last exit is that of the OUTS",)
    (trial,) = trials_of("g", guest)
    assert trial.otherwise is not None
    assert trial.otherwise.warning == ANY_WARNING


def test_both_stages_are_asked_where_one_is_told_wrongly() -> None:
    guest = made(of("nested.one-stage-bit", Vendor.INTEL, "no-stage", "5 levels"))
    codes = {access.right.code for access in guest.accesses}
    assert len(codes) == 2
    assert guest.cannot == ("5 levels: the L2 of this guest has four levels",)


def test_a_supervisors_entry_of_nested_paging_denies_kvms_own_access() -> None:
    (access,) = made(of("nested.non-gmet-user", Vendor.AMD, "no-user-access", access="0")).accesses
    assert (access.kind, access.right.kind) == (GuestAccessKind.OUTS, ResultKind.NESTED_FAULT)


@pytest.mark.parametrize(("symptom", "kind"), [("fetch", GuestAccessKind.FETCH), ("write", GuestAccessKind.WRITE)])
def test_an_access_that_is_taken_for_a_read_never_ends(symptom: str, kind: GuestAccessKind) -> None:
    guest = made(of("exit.ept-violation", Vendor.INTEL, symptom, **{f"a {symptom}": "1"}))
    read, access = guest.accesses
    assert (read.right.kind, access.kind) == (ResultKind.DONE, kind)
    assert access.shows is not None
    assert (access.right.kind, access.shows.kind) == (ResultKind.EPT_VIOLATION, ResultKind.ENDLESS)


@pytest.mark.parametrize(("vendor", "part"), [(Vendor.INTEL, "ept_f()"), (Vendor.SHADOW, "paging64_f()")])
@pytest.mark.parametrize(("write", "flags"), [("0", "A"), ("1", "A D")])
def test_the_flags_of_an_access_are_looked_at_in_the_end(vendor: Vendor, part: str, write: str, flags: str) -> None:
    guest = made(of("walk.flags", vendor, "flag-unset", part, **{"for a write": write}))
    of_ept = part.startswith("ept")
    (after,) = guest.l1.after if guest.l1 else guest.after
    names = EPT_ENTRY if of_ept else GUEST_ENTRY
    assert (names.text(after.bits), bool(guest.l1)) == (flags, of_ept)


def test_an_address_that_kvm_translates_is_the_operand_of_an_outs() -> None:
    user = made(of("walk.translated", Vendor.SHADOW, "another-access", "paging64_f()", access="U")).accesses[0]
    assert (user.user, user.right.kind, user.shows and user.shows.kind) == (
        True,
        ResultKind.PAGE_FAULT,
        ResultKind.DONE,
    )
    ignored = made(of("walk.translated", Vendor.INTEL, "fault-ignored", "ept_f()"))
    assert ignored.accesses[0].right.kind is ResultKind.EPT_VIOLATION
    moved = made(of("walk.translated", Vendor.INTEL, "another-address", "ept_f()"))
    assert moved.accesses[0].address & 7
    assert moved.accesses[0].shows is None


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (of("nested.judgement", Vendor.INTEL, "user-fetch-allowed", access="F"), "refuses the fetch before"),
        (of("nested.judgement", Vendor.AMD, "user-fetch-denied", access="F", GMET_for_L2="1"), "GMET"),
        (of("nested.judgement", Vendor.AMD, "undefined-behaviour", access="F"), "an access cannot tell"),
        (of("nested.user-address", Vendor.INTEL, "structure-as-user"), "only a fetch depends"),
        (of("nested.user-address", Vendor.INTEL, "supervisor-address-as-user", access="U"), "refuses CPL 3"),
        (
            of("nested.user-address", Vendor.INTEL, "supervisor-address-as-user", entry_of_level_5="0"),
            "all that the guest needs for itself",
        ),
        (of("nested.one-stage-bit", Vendor.INTEL, "no-stage", "PDPTEs"), "before any access"),
        (of("exit.injected-npf", Vendor.AMD, "final", from_hardware="1"), "tables change between"),
        (of("exit.injected-npf", Vendor.AMD, "warning", from_hardware="0"), "no guest is made to be told"),
        (of("exit.ept-violation", Vendor.INTEL, "present-for-absent"), "denied or allowed all the same"),
        (of("exit.ept-violation", Vendor.INTEL, "fetch"), "a read is taken for a fetch"),
        (of("walk.flags", Vendor.AMD, "flag-unset", "ept_f()"), "see vendor intel"),
        (of("walk.flags", Vendor.AMD, "write-unlogged"), "a log that tells"),
        (of("walk.translated", Vendor.INTEL, "another-access", "ept_f()", access="U"), "no instruction"),
        (of("walk.sync", Vendor.SHADOW, "unusable-kept"), "tables or memory change"),
        (of("layout.frozen", Vendor.SHADOW, "s"), "about no walk"),
    ],
)
def test_where_no_guest_can_be_the_reason_is_told(told: Result, why: str) -> None:
    with pytest.raises(NoGuestError, match=why):
        guest_of_result(told)
