"""`mmuproof prove --guest`: the guest that leads to a counterexample, or why there is none."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mmuproof.cli.guests.guest_file import guest_of_result
from mmuproof.cli.guests.stages import page_fault
from mmuproof.cli.guests.told import NoGuestError
from mmuproof.cli.shared.results import Counterexample, Input, Result
from mmuproof.live.descriptions.bits import EPT_ENTRY, GUEST_ENTRY
from mmuproof.live.descriptions.description import (
    AccessResult,
    GuestAccessKind,
    GuestDescription,
    GuestPaging,
    ResultKind,
    SecondStage,
    TableEntry,
)
from mmuproof.live.descriptions.frames import reached
from mmuproof.live.descriptions.reading import parsed_description, read_description
from mmuproof.live.descriptions.trials import trials_of
from mmuproof.live.descriptions.writing import description_text
from mmuproof.live.judging import TryOutcome
from mmuproof.live.session import run_tries
from mmuproof.live.trial import Emulated
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.shape import Shape
from mmuproof.smt.obligation import Verdict
from tests.live.test_known import kernel_of, need_emulator


def result(theorem: str, vendor: Vendor, symptom: str, part: str = "", actual: str = "", **inputs: str) -> Result:
    """A refuted theorem; names of inputs have `_` for what no keyword has."""
    names = {"pte_access": "pte_access", "role_cr4_smap": "role.cr4_smap", "cr0_wp": "cr0.wp", "EPTP": "EPTP bit 6"}
    names |= {"eflags_ac": "eflags.ac", "from_hardware": "from_hardware", "user": "user-mode address"}
    told = Counterexample(
        symptom=symptom,
        sentence="It is wrong.",
        inputs=tuple(Input(names.get(name, name), text) for name, text in inputs.items()),
        values={},
        steps=(),
        actual=actual,
        expected="",
        at="",
        place="f.c:f",
    )
    shape = Shape(theorem=theorem, vendor=vendor, part=part, symptom=symptom, place="f.c:f")
    return Result(
        theorem=theorem,
        vendor=vendor,
        verdict=Verdict.REFUTED,
        seconds=0,
        counterexample=told,
        refuted=(shape,),
        known=(3,),
    )


PSE_36 = result(
    "entry.reserved-paging32",
    Vendor.SHADOW,
    "entry-rejected",
    "4-MByte pages with more than 36 address bits",
    cr0="PG",
    cr4="PSE",
    maxphyaddr="0x25",
    PSE36="1",
    gpte="0x20081",
)


def written(guest: GuestDescription) -> GuestDescription:
    """The same, out of its file."""
    return parsed_description(description_text(guest), "g.toml")


def test_an_entry_becomes_a_page_that_is_read() -> None:
    guest = guest_of_result(PSE_36)
    assert written(guest) == guest
    assert (guest.paging, guest.width, guest.host.tdp, guest.finding) == (GuestPaging.BITS_32, 37, False, 3)
    assert guest.entries == (TableEntry(of=1 << 30, level=2, to=1 << 36, bits=0x81),)
    (access,) = guest.accesses
    assert access.right == AccessResult(kind=ResultKind.DONE, frame=1 << 36)
    assert access.shows == AccessResult(kind=ResultKind.PAGE_FAULT, code=9)
    assert guest.cannot == ("PSE36 = 1: the guest is told what the host has",)


def of_entries(symptom: str, part: str, vendor: Vendor = Vendor.SHADOW, **told: str) -> Result:
    """A walk of entries, of which `entryN` is that of level N."""
    found = result("walk.granted", vendor, symptom, part)
    inputs = tuple(
        Input(f"entry of level {name[-1]}" if name.startswith("entry") else "the judged pte_access", text)
        for name, text in told.items()
    )
    assert found.counterexample
    return replace(found, counterexample=replace(found.counterexample, inputs=inputs))


def test_what_a_walk_grants_too_much_is_accessed() -> None:
    walk = of_entries("judged-more", "4 levels", entry4="0x8000000000000001", entry3="0x81", judged="READ|EXEC")
    guest = guest_of_result(walk)
    assert written(guest) == guest
    assert [(entry.level, entry.bits >> 63) for entry in guest.entries] == [(4, 1), (3, 0), (2, 0), (1, 0)]
    (access,) = guest.accesses
    assert (access.kind, access.user, access.right.kind) == (GuestAccessKind.FETCH, False, ResultKind.PAGE_FAULT)
    assert access.shows == AccessResult(kind=ResultKind.DONE, frame=0x80_0000)
    with pytest.raises(NoGuestError, match="KVM fetches nothing by its own walk"):
        guest_of_result(replace(walk, vendor=Vendor.AMD))


def test_what_a_walk_grants_too_little_is_denied_and_with_tdp_kvm_makes_the_access() -> None:
    entries = {"entry2": "0x7", "entry1": "0x7"}
    less = of_entries("judged-less", "32-bit paging", Vendor.INTEL, **entries, judged="READ|USER|EXEC")
    guest = guest_of_result(less)
    (access,) = guest.accesses
    assert (guest.paging, access.kind, access.right.kind) == (GuestPaging.BITS_32, GuestAccessKind.INS, ResultKind.DONE)
    assert access.shows == AccessResult(kind=ResultKind.PAGE_FAULT)
    with pytest.raises(NoGuestError, match="KVM grants what the entries grant"):
        guest_of_result(of_entries("judged-more", "4 levels", entry1="0x7", judged="READ|WRITE|USER|EXEC"))


def test_a_clean_entry_has_to_be_dirty_after_a_write() -> None:
    guest = guest_of_result(result("walk.clean", Vendor.SHADOW, "clean-writable", "PAE paging"))
    assert written(guest) == guest
    assert [access.kind for access in guest.accesses] == [GuestAccessKind.READ, GuestAccessKind.WRITE]
    (after,) = guest.after
    assert GUEST_ENTRY.text(after.bits & after.mask) == "D"
    assert not guest.entries[0].bits & GUEST_ENTRY.number("D")


@pytest.mark.parametrize(
    ("theorem", "symptom", "part", "inputs", "right", "shows"),
    [
        ("walk.end", "goes-on", "4-level and 5-level paging, AMD", {"level": "2"}, 0x80_5000, None),
        ("walk.end", "goes-on", "4-level and 5-level paging, AMD", {"level": "3"}, 0x80_5000, None),
        ("walk.end", "ends-early", "32-bit paging", {"level": "2"}, 0x80_0000, 0x40_0000),
        ("walk.reached", "another-pdpte", "PAE paging", {}, 0xA0_0000, 0x80_0000),
        ("walk.reached", "another-frame", "32-bit paging", {}, 0x1_0080_5000, 0x80_5000),
    ],
)
def test_where_a_walk_ends_is_what_is_read(
    theorem: str, symptom: str, part: str, inputs: dict[str, str], right: int, shows: int | None
) -> None:
    guest = guest_of_result(result(theorem, Vendor.SHADOW, symptom, part, **inputs))
    assert written(guest) == guest
    (access,) = guest.accesses
    assert reached(guest, access.address) == right
    assert access.right.frame == right
    assert access.shows
    assert access.shows.frame == shows


@pytest.mark.parametrize(
    ("symptom", "part", "right", "shows"),
    [
        ("user", "4 levels", "W U", "W"),
        ("write", "32-bit paging", "W U", "U"),
        ("present", "PAE paging", "P W U RSVD", "W U RSVD"),
        ("reserved", "5 levels", "P W U RSVD", "P W U"),
    ],
)
def test_what_a_walk_tells_of_a_fault_is_an_error_code(symptom: str, part: str, right: str, shows: str) -> None:
    guest = guest_of_result(result("walk.reported", Vendor.SHADOW, symptom, part))
    assert written(guest) == guest
    (access,) = guest.accesses
    assert access.right == page_fault(right)
    assert access.shows == page_fault(shows)


@pytest.mark.parametrize(
    ("theorem", "symptom", "part", "reason"),
    [
        ("walk.reported", "another-address", "PAE paging", "no error code of a described access's tells"),
        ("walk.reported", "user", "nested EPT, 4 levels", "it is of L1's EPT"),
        ("walk.end", "ends-early", "PAE paging", "bit 7 of an entry that leads to a table is reserved"),
        ("walk.end", "goes-on", "EPT", "it is of L1's EPT"),
        ("walk.clean", "dirty-protected", "PAE paging", "a dirty flag that is not set"),
        ("walk.reached", "another-level", "4 levels", "only another PDPTE"),
    ],
)
def test_of_a_walk_that_no_guest_can_see_the_reason_is_told(theorem: str, symptom: str, part: str, reason: str) -> None:
    with pytest.raises(NoGuestError, match=reason):
        guest_of_result(result(theorem, Vendor.SHADOW, symptom, part))


@pytest.mark.parametrize(("smap", "access"), [("1", "0"), ("0", "0"), ("1", "U")])
def test_ac_is_set_where_it_matters(smap: str, access: str) -> None:
    told = result(
        "permission.paging",
        Vendor.SHADOW,
        "access-denied",
        access=access,
        pte_access="READ|USER",
        role_cr4_smap=smap,
        eflags_ac="1",
    )
    if smap == "0" or access == "U":
        with pytest.raises(NoGuestError, match=r"EFLAGS\.AC is 1 where it matters to no access"):
            guest_of_result(told)
        return
    (made,) = guest_of_result(told).accesses
    assert made.alignment_check


def test_with_tdp_kvm_makes_the_access_itself() -> None:
    text = {"cr0": "PG", "cr4": "PSE", "maxphyaddr": "0x25", "gpte": "0x20081"}
    part = "4-MByte pages with more than 36 address bits"
    guest = guest_of_result(result("entry.reserved-paging32", Vendor.INTEL, "entry-rejected", part, **text))
    assert guest.accesses[0].kind is GuestAccessKind.OUTS
    assert guest.host.tdp


@pytest.mark.parametrize(("bit", "shows"), [(7, 0x300), (8, 0x280), (9, 0x180)])
def test_the_bit_of_which_l1_is_told_wrongly_is_the_one_that_shows(bit: int, shows: int) -> None:
    one = result("exit.injected-qualification", Vendor.INTEL, "s", from_hardware="0", user="1")
    assert one.counterexample is not None
    says = replace(one.counterexample, sentence=f"L1 is told wrongly in bit {bit} of the exit qualification.")
    (access,) = guest_of_result(replace(one, counterexample=says)).accesses
    assert access.shows is not None
    assert (access.right.code, access.shows.code) == (0x380, shows)
    assert access.right.mask == access.shows.mask == 0x380
    with pytest.raises(NoGuestError, match="only a wrong bit 7, 8 or 9"):
        guest_of_result(one)


@pytest.mark.parametrize(("access", "kind", "right"), [("W", "ins", 2), ("0", "outs", 1)])
def test_what_l1_is_told_of_an_access_of_kvms_is_made_an_access_that_kvm_emulates(
    access: str, kind: str, right: int
) -> None:
    inputs = (Input("KVM's access", access), Input("the exit qualification", "READ|WRITE|GVA_VALID"))
    one = result("walk.own-access", Vendor.INTEL, "data-read", "nested EPT, 4 levels")
    assert one.counterexample
    guest = guest_of_result(replace(one, counterexample=replace(one.counterexample, inputs=inputs)))
    assert written(guest) == guest
    (made,) = guest.accesses
    assert made.shows is not None
    assert (made.kind.value, made.right.code, made.shows.code, made.right.mask) == (kind, right, 3, 7)


def test_what_a_guest_cannot_set_is_said() -> None:
    guest = guest_of_result(
        result("permission.ept", Vendor.INTEL, "read-denied", access="0", pte_access="READ", tdp_enabled="0")
    )
    assert guest.cannot == ("tdp_enabled = 0, which is not made of anything that the description says",)
    assert written(guest) == guest


def test_what_kvm_wrongly_allows_it_has_to_do_itself() -> None:
    denied = guest_of_result(result("permission.ept", Vendor.INTEL, "read-denied", access="0", pte_access="READ|EXEC"))
    allowed = guest_of_result(result("permission.ept", Vendor.INTEL, "write-allowed", access="W", pte_access="READ"))
    assert [guest.accesses[0].kind for guest in (denied, allowed)] == [GuestAccessKind.READ, GuestAccessKind.INS]
    assert denied.l1 is not None
    assert denied.l1.stage is SecondStage.EPT
    assert denied.l1.entries[0].bits == 5 | 6 << 3
    (access,) = allowed.accesses
    assert access.shows is not None
    assert (access.right.kind, access.shows.kind) == (ResultKind.EPT_VIOLATION, ResultKind.DONE)


@pytest.mark.parametrize(("access", "given"), [("0", "X"), ("W", "R")])
def test_an_entry_of_ept_that_grants_nothing_would_not_be_present(access: str, given: str) -> None:
    symptom = "write-allowed" if access == "W" else "read-allowed"
    guest = guest_of_result(result("permission.ept", Vendor.INTEL, symptom, access=access, pte_access="0"))
    assert guest.l1 is not None
    assert guest.l1.entries[0].bits == EPT_ENTRY.number(f"{given} MT=6")


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (result("layout.frozen", Vendor.INTEL, "s"), "about no walk"),
        (result("permission.ept", Vendor.INTEL, "fetch-allowed", access="F"), "the processor refuses the fetch"),
        (result("permission.paging", Vendor.SHADOW, "user-read-denied", access="U", eflags_ac="1"), r"EFLAGS\.AC is 1"),
        (result("permission.paging", Vendor.SHADOW, "undefined-behaviour", access="U"), "an access cannot tell"),
        (result("entry.reserved-npt", Vendor.AMD, "s", "nested NPT: level 1", cr4="PSE"), "L1 is in 32-bit paging"),
        (result("entry.reserved-paging64", Vendor.AMD, "s", "level 3", gpte="0x81", GBPAGES="0"), "no 1-GByte pages"),
        (result("entry.reserved-paging64", Vendor.AMD, "s", "nothing"), "of which level the entry is"),
        (result("entry.reserved-paging64", Vendor.AMD, "s", "level 2", gpte="0x8000000000001"), "tables in low memory"),
        (result("role.fetch-flag", Vendor.INTEL, "s"), "see vendor shadow"),
        (result("walk.fetch-flag", Vendor.AMD, "s", "32-bit paging"), "see vendor shadow"),
        (result("walk.reported", Vendor.AMD, "user", "4 levels"), "see vendor shadow"),
        (result("nested.structure-access", Vendor.AMD, "s"), "takes every access"),
        (result("exit.injected-qualification", Vendor.INTEL, "s", from_hardware="1"), "none of KVM's own accesses"),
        (result("entry.shadow-reserved", Vendor.AMD, "s", "shadow"), "only the mitigation's large pages"),
        (result("spte.no-warning", Vendor.AMD, "s"), "only what KVM prefetches"),
    ],
)
def test_without_a_guest_there_is_a_reason(one: Result, why: str) -> None:
    with pytest.raises(NoGuestError, match=why):
        guest_of_result(one)


def prove(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mmuproof.cli.main", "prove", "--kernel", "reference", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_writes_the_file_and_says_how_to_run_it(tmp_path: Path) -> None:
    file = tmp_path / "g.toml"
    done = prove("role.fetch-flag", "--guest", str(file))
    assert done.returncode == 1
    told = " ".join(done.stdout.split())
    assert "No guest for role.fetch-flag intel: with EPT or nested paging" in told
    assert "A guest for role.fetch-flag shadow is in" in told
    assert read_description(file).finding == 10


def test_where_nothing_is_refuted_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "g.toml"
    done = prove("permission.ept", "--guest", str(file))
    assert done.returncode == 0
    assert "nothing is REFUTED" in " ".join(done.stdout.split())
    assert not file.exists()


def test_with_every_defect_no_counterexample_is_told(tmp_path: Path) -> None:
    done = prove("permission.ept", "--defect", "all", "--guest", str(tmp_path / "g.toml"))
    assert done.returncode == 2
    assert "--guest" in done.stderr


@pytest.mark.parametrize(
    ("file", "says"), [("-", "--guest writes a file"), ("/no-such-folder/g", "there is no folder")]
)
def test_a_file_that_cannot_be_written_is_told_before_anything_is_proved(file: str, says: str) -> None:
    done = prove("role.fetch-flag", "--guest", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in " ".join(done.stderr.split())


@pytest.mark.emulator
def test_the_guest_of_a_counterexample_shows_it_on_a_running_kernel(tmp_path: Path) -> None:
    kernel = kernel_of("7.2")
    need_emulator(kernel, Emulated.AMD)
    trials = [each for each in trials_of("g", guest_of_result(PSE_36)) if each.machine is Emulated.AMD]
    (judged,) = run_tries(kernel, Emulated.AMD, trials, tmp_path).results
    assert judged.outcome is TryOutcome.SHOWS, judged.why
