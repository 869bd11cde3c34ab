"""The manuals' side of `tools/processor.py`, by hand; and the emulated processor and KVM's walk, held against it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.description import (
    DONE,
    AccessResult,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestPaging,
    ResultKind,
    RunByL1,
    SecondStage,
    TableEntry,
)
from mmuproof.live.descriptions.sense import why_senseless
from mmuproof.live.trial import Emulated
from tests.live.test_known import kernel_of, need_emulator
from tools.quirks import QUIRKS, quirk_of
from tools.random_guests import TranslatedPage, flags_after, random_guest, right_by_manual
from tools.random_l2 import L2Page, random_l2, right_of_ept, right_of_npt

ROOT = Path(__file__).resolve().parents[2]
TOOL = (sys.executable, "-m", "tools.processor")
#: As a user runs it, who has no more on Python's path than what is installed.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
READ, WRITE, FETCH = GuestAccessKind.READ, GuestAccessKind.WRITE, GuestAccessKind.FETCH
NAKED = GuestDescription(says="", machines=(Emulated.AMD,), accesses=(), paging=GuestPaging.LEVELS_4)


def made(kind: GuestAccessKind, user: bool = False, ac: bool = False) -> GuestAccess:
    return GuestAccess(kind=kind, address=0, user=user, alignment_check=ac)


def page(*texts: str) -> TranslatedPage:
    """The entries from the root down, by their bits."""
    entries = tuple(
        TableEntry(of=0, level=level, to=0x800000 if level == 1 else None, bits=bits.GUEST_ENTRY.number(text))
        for level, text in zip(range(len(texts), 0, -1), texts, strict=True)
    )
    return TranslatedPage(0, entries)


def code(guest: GuestDescription, entries: TranslatedPage, kind: GuestAccessKind, user: bool) -> str:
    result = right_by_manual(guest, entries, made(kind, user))
    if result == AccessResult(kind=ResultKind.DONE, frame=0x800000):
        return "done"
    assert result.kind is ResultKind.PAGE_FAULT
    assert result.code is not None
    return bits.PAGE_FAULT.text(result.code)


ALL4 = ("P W U", "P W U", "P W U", "P W U")


@pytest.mark.parametrize(
    ("entries", "registers", "kind", "user", "expected"),
    [
        (ALL4, {}, WRITE, True, "done"),
        (("P W U", "P U", "P W U", "P W U"), {}, WRITE, True, "P W U"),
        (("P W U", "P U", "P W U", "P W U"), {}, WRITE, False, "done"),
        (("P W U", "P U", "P W U", "P W U"), {"cr0": "WP"}, WRITE, False, "P W"),
        (("P W U", "P W", "P W U", "P W U"), {}, READ, True, "P U"),
        (("P W U", "P W U", "W U", "P W U NX"), {"efer": "NX"}, FETCH, True, "U F"),
        (("P W U", "P W U", "P W U", "P W U NX"), {"efer": "NX"}, FETCH, False, "P F"),
        (("P W U", "P W U", "P W U", "P W U NX"), {}, READ, False, "P RSVD"),
        (ALL4, {"cr4": "SMEP"}, FETCH, False, "P F"),
        (ALL4, {"cr4": "SMEP"}, FETCH, True, "done"),
        (ALL4, {"cr4": "SMAP"}, READ, False, "P"),
        (("P W", *ALL4[1:]), {"cr4": "SMAP"}, READ, False, "done"),
        (("P W U", "P W U", "P W U", "P W U 51"), {}, READ, False, "P RSVD"),
        (("P W U", "P W U", "P W U", "P W U 52"), {}, READ, False, "done"),
    ],
)
def test_what_is_right_is_what_the_manuals_say(
    entries: tuple[str, ...], registers: dict[str, str], kind: GuestAccessKind, user: bool, expected: str
) -> None:
    names = {"cr0": bits.CR0, "cr4": bits.CR4, "efer": bits.EFER}
    numbers = {name: names[name].number(text) for name, text in registers.items()}
    guest = replace(NAKED, cr0=numbers.get("cr0", 0), cr4=numbers.get("cr4", 0), efer=numbers.get("efer", 0))
    assert code(guest, page(*entries), kind, user) == expected


def test_in_32_bit_paging_a_fetch_is_told_only_with_smep() -> None:
    guest = replace(NAKED, paging=GuestPaging.BITS_32, efer=bits.EFER.number("NX"))
    assert code(guest, page("P W U", "W U"), FETCH, True) == "U"
    assert code(replace(guest, cr4=bits.CR4.number("SMEP")), page("P W U", "W U"), FETCH, True) == "U F"


def test_random_guests_can_be_made_and_are_the_same_for_the_same_seed() -> None:
    for seed in range(30):
        guest = random_guest(seed, Emulated.AMD, by_kvm=False)
        assert why_senseless(guest) is None
        assert guest == random_guest(seed, Emulated.AMD, by_kvm=False)
    results = {access.right.kind for seed in range(5) for access in random_guest(seed, Emulated.AMD, False).accesses}
    assert results == {ResultKind.DONE, ResultKind.PAGE_FAULT}


FRAME = 0x80_0000


def l2_page(own: str, names: bits.BitNames, *nested: str) -> L2Page:
    """L2's entries, of which the last has these bits, and L1's of levels 2 and 1."""
    entries = tuple(
        TableEntry(of=FRAME, level=level, to=FRAME if level == 1 else None, bits=names.number(text))
        for level, text in zip((2, 1), nested, strict=True)
    )
    return L2Page(page(*ALL4[1:], own), entries)


@pytest.mark.parametrize(
    ("own", "nested", "mbec", "kind", "user", "expected"),
    [
        ("P W U", ("R W X XU", "R W X XU MT=6"), True, FETCH, True, "done"),
        ("P W U", ("R W X XU", "R W X MT=6"), True, FETCH, False, "FETCH R W X LINEAR FINAL USER WRITABLE"),
        ("P W U", ("R W X XU", "R W X MT=6"), False, FETCH, False, "done"),
        ("P W", ("R W X XU", "R W X MT=6"), True, FETCH, False, "done"),
        ("P W", ("R W X XU", "R W XU MT=6"), True, FETCH, False, "FETCH R W XU LINEAR FINAL WRITABLE"),
        ("P W", ("R W X XU", "R W X XU MT=6"), True, READ, True, "page fault"),
        ("P W U", ("R W X XU", "X MT=6"), False, READ, False, "READ X LINEAR FINAL USER WRITABLE"),
        ("P W U", ("R X XU", "R W X XU MT=6"), True, WRITE, False, "WRITE R X XU LINEAR FINAL USER WRITABLE"),
        ("P W U", ("XU", "R W X MT=6"), True, READ, False, "READ LINEAR FINAL USER WRITABLE"),
        ("P W U", ("XU", "R W X MT=6"), False, READ, False, "READ LINEAR FINAL USER WRITABLE"),
        ("P W U", ("R W X", "W X MT=6"), False, READ, False, "EPT misconfiguration"),
        ("P W U", ("R W X", "R W X MT=3"), False, READ, False, "EPT misconfiguration"),
        ("P W U", ("R W X IPAT", "R W X MT=6"), False, READ, False, "EPT misconfiguration"),
        ("P W U", ("R W X", "R W X MT=6 51"), False, READ, False, "EPT misconfiguration"),
    ],
)
def test_what_is_right_below_ept(
    own: str, nested: tuple[str, str], mbec: bool, kind: GuestAccessKind, user: bool, expected: str
) -> None:
    guest = replace(NAKED, machines=(Emulated.INTEL,), l1=RunByL1(stage=SecondStage.EPT, mbec=mbec, efer=0))
    found = right_of_ept(guest, l2_page(own, bits.EPT_ENTRY, *nested), made(kind, user))
    is_violation = found.kind is ResultKind.EPT_VIOLATION
    assert (bits.EPT_VIOLATION.text(found.code or 0) if is_violation else found.kind.value) == expected
    assert not is_violation or bool(found.mask and found.mask & bits.EPT_VIOLATION.number("XU")) == mbec


@pytest.mark.parametrize(
    ("own", "nested", "nx", "kind", "expected"),
    [
        ("P W U", ("P W U", "P W U"), True, FETCH, "done"),
        ("P W U", ("P W U", "P U"), True, WRITE, "P W U FINAL"),
        ("P W U", ("P W", "P W U"), True, READ, "P U FINAL"),
        ("P W U", ("W U", "P W U"), True, READ, "U FINAL"),
        ("P W U", ("P W U NX", "P W U"), True, FETCH, "P U F FINAL"),
        ("P W U", ("P W U NX", "P W U"), False, READ, "P U RSVD FINAL"),
        ("P W U", ("P W U", "P W U 51"), True, READ, "P U RSVD FINAL"),
        ("P W U", ("P W U", "W U"), False, FETCH, "U FINAL"),
    ],
)
def test_what_is_right_on_nested_page_tables(
    own: str, nested: tuple[str, str], nx: bool, kind: GuestAccessKind, expected: str
) -> None:
    guest = replace(NAKED, l1=RunByL1(stage=SecondStage.NPT, efer=bits.EFER.number("NX") * nx))
    found = right_of_npt(guest, l2_page(own, bits.GUEST_ENTRY, *nested), made(kind))
    is_fault = found.kind is ResultKind.NESTED_FAULT
    assert (bits.NESTED_FAULT.text(found.code or 0) if is_fault else found.kind.value) == expected


@pytest.mark.parametrize("machine", [Emulated.AMD, Emulated.INTEL])
def test_random_guests_of_an_l1_can_be_made_and_come_to_every_result(machine: Emulated) -> None:
    guests = [random_l2(seed, machine) for seed in range(12)]
    assert [why_senseless(guest) for guest in guests] == [None] * 12
    assert guests[5] == random_l2(5, machine)
    of_stage = {
        Emulated.AMD: {ResultKind.NESTED_FAULT},
        Emulated.INTEL: {ResultKind.EPT_VIOLATION, ResultKind.EPT_MISCONFIGURATION},
    }[machine]
    found = {access.right.kind for guest in guests for access in guest.accesses}
    assert found == {ResultKind.DONE, ResultKind.PAGE_FAULT, *of_stage}


def test_a_key_that_denies_beside_another_cause_may_be_told_or_not() -> None:
    guest = replace(NAKED, cr4=bits.CR4.number("PKE"), pkru=1 << 6)
    by_key = page("P W U", "P W U", "P W U", "P W U PK=3")
    assert code(guest, by_key, READ, True) == "P U PK"
    assert code(guest, by_key, READ, False) == "P PK"
    assert code(guest, by_key, FETCH, True) == "done"
    beside = right_by_manual(guest, page("P W U", "P U", "P W U", "P W U PK=3"), made(WRITE, True))
    assert beside.mask == 0xFFFF_FFFF & ~bits.PAGE_FAULT.number("PK")
    of_supervisor = page("P W U", "P W", "P W U", "P W U PK=3")
    assert code(guest, of_supervisor, READ, False) == "done"


@pytest.mark.parametrize(
    ("machine", "right", "came", "number"),
    [
        (Emulated.AMD, "page fault 0xd (P U RSVD)", "page fault 0xc (U RSVD)", 0),
        (Emulated.AMD, "page fault 0x5 (P U)", "page fault 0x4 (U)", None),
        (Emulated.INTEL, "page fault 0xd (P U RSVD)", "page fault 0xc (U RSVD)", None),
        (Emulated.INTEL, "page fault 0x5 (P U)", "page fault 0x25 (P U PK)", 1),
        (Emulated.INTEL, "page fault 0x21 (P PK)", "done, 0x809cc was read", 3),
        (Emulated.INTEL, "page fault 0x25 (P U PK)", "done, 0x809cc was read", None),
        (Emulated.INTEL, "done", "page fault 0x5 (P U)", None),
        (Emulated.INTEL, "done", "page fault 0x23 (P W PK)", 2),
        (Emulated.AMD_BOCHS, "page fault 0xd (P U RSVD)", "page fault 0xc (U RSVD)", None),
    ],
)
def test_what_an_emulator_is_known_to_do_is_told_from_what_is_new(
    machine: Emulated, right: str, came: str, number: int | None
) -> None:
    assert quirk_of(machine, right, came) is (None if number is None else QUIRKS[number])


NPF, EPT = "nested page fault", "EPT violation"


@pytest.mark.parametrize(
    ("machine", "right", "came", "number"),
    [
        (Emulated.AMD, f"{NPF} 0x10000000d (P U RSVD FINAL) in the bits 0x3f8000004f", f"{NPF} 0x10000001c (U)", 4),
        (Emulated.AMD, f"{NPF} 0x10000000d (P U RSVD FINAL)", f"{NPF} 0x100000008 (RSVD FINAL)", None),
        (Emulated.INTEL, f"{EPT} 0x7c1 (READ XU) in the bits 0x1bfff of 0x800000", f"{EPT} 0x2781 of 0x800000", 5),
        (Emulated.INTEL, f"{EPT} 0x7c1 (READ XU) in the bits 0x1bfff of 0x800000", f"{EPT} 0x781 of 0x800000", None),
        (Emulated.INTEL, f"{EPT} 0x8b (READ WRITE R LINEAR) in the bits 0x1b1ff", f"{EPT} 0x8a (WRITE R LINEAR)", 6),
        (Emulated.INTEL, f"{EPT} 0xcb (READ WRITE R XU) in the bits 0x1b1ff", f"{EPT} 0x208a (WRITE R SS)", 6),
        (Emulated.INTEL, f"{EPT} 0x18b (READ WRITE R FINAL)", f"{EPT} 0x18a (WRITE R FINAL)", None),
    ],
)
def test_what_an_emulator_tells_an_l1_otherwise_counts_as_known_only_without_kvm(
    machine: Emulated, right: str, came: str, number: int | None
) -> None:
    assert quirk_of(machine, right, came, without_kvm=True) is (None if number is None else QUIRKS[number])
    assert quirk_of(machine, right, came) is None


def test_flags_are_set_by_what_is_done_and_left_open_by_what_is_denied() -> None:
    entries = tuple(TableEntry(of=0, level=level, bits=bits.GUEST_ENTRY.number("P")) for level in (2, 1))
    denied = AccessResult(kind=ResultKind.PAGE_FAULT)

    def flags(*results: tuple[GuestAccessKind, AccessResult]) -> list[tuple[str, str]]:
        accesses = [replace(made(kind), right=right) for kind, right in results]
        names = bits.GUEST_ENTRY
        return [(names.text(each.bits), names.text(each.mask)) for each in flags_after(entries, accesses, names)]

    assert flags((READ, DONE)) == [("A", "A D"), ("A", "A D")]
    assert flags((WRITE, DONE)) == [("A", "A D"), ("A D", "A D")]
    assert flags((WRITE, denied)) == [("", "D"), ("", "D")]
    assert flags() == [("", "D"), ("", "D")]


@pytest.mark.parametrize(("ac", "expected"), [(False, "P W"), (True, "done")])
def test_with_ac_smap_lets_a_supervisor_through(ac: bool, expected: str) -> None:
    guest = replace(NAKED, cr4=bits.CR4.number("SMAP"))
    found = right_by_manual(guest, page(*ALL4), made(WRITE, ac=ac))
    assert (bits.PAGE_FAULT.text(found.code or 0) if found.code is not None else found.kind.value) == expected


@pytest.mark.parametrize(("flags", "expected"), [(False, "READ X LINEAR"), (True, "READ WRITE X LINEAR")])
def test_a_table_that_ept_denies_is_told_as_read_and_with_flags_as_written_too(flags: bool, expected: str) -> None:
    l1 = RunByL1(stage=SecondStage.EPT, accessed_dirty=flags, efer=0)
    guest = replace(NAKED, machines=(Emulated.INTEL,), l1=l1)
    below = l2_page("P W U", bits.EPT_ENTRY, "R W X", "R W X MT=6")
    entries = tuple(replace(each, bits=bits.EPT_ENTRY.number("X")) for each in below.nested)
    table = tuple(replace(each, to=each.to and 0x40_0000) for each in entries)
    found = right_of_ept(guest, replace(below, table=table), made(READ))
    assert found.kind is ResultKind.EPT_VIOLATION
    assert bits.EPT_VIOLATION.text(found.code or 0) == expected
    assert found.address == 0x40_0000


def test_it_can_be_run_as_the_documentation_says() -> None:
    assert 'make processor ARGS="--guests' in (ROOT / "docs/guests.md").read_text("utf-8")
    assert "\t$(BIN)/python -m tools.processor $(ARGS)\n" in (ROOT / "Makefile").read_text("utf-8")
    done = subprocess.run([*TOOL, "--help"], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--nested" in done.stdout
    assert "--without-kvm" in done.stdout


@pytest.mark.emulator
@pytest.mark.long
@pytest.mark.parametrize(
    ("machine", "options"),
    [
        (Emulated.AMD, ("--guests", "40")),
        (Emulated.AMD, ("--guests", "40", "--by-kvm")),
        (Emulated.AMD, ("--guests", "20", "--nested")),
        (Emulated.INTEL, ("--guests", "10", "--machine", "intel")),
        (Emulated.INTEL, ("--guests", "10", "--machine", "intel", "--nested")),
        (Emulated.AMD_BOCHS, ("--guests", "10", "--machine", "amd-bochs", "--nested")),
        (Emulated.AMD, ("--guests", "100", "--without-kvm")),
        (Emulated.AMD, ("--guests", "100", "--without-kvm", "--nested")),
        (Emulated.INTEL, ("--guests", "100", "--machine", "intel", "--without-kvm")),
        (Emulated.INTEL, ("--guests", "100", "--machine", "intel", "--without-kvm", "--nested")),
        (Emulated.AMD_BOCHS, ("--guests", "100", "--machine", "amd-bochs", "--without-kvm")),
        (Emulated.AMD_BOCHS, ("--guests", "100", "--machine", "amd-bochs", "--without-kvm", "--nested")),
    ],
)
def test_processor_and_kvm_do_as_the_manuals_say(machine: Emulated, options: tuple[str, ...]) -> None:
    need_emulator(kernel_of("7.2"), machine)
    done = subprocess.run([*TOOL, *options], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
