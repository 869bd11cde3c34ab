"""The manuals' side of `tools/processor.py`, by hand; and the emulated processor and KVM's walk, held against it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.description import (
    AccessResult,
    GuestAccessKind,
    GuestDescription,
    GuestPaging,
    ResultKind,
    TableEntry,
)
from mmuproof.live.descriptions.sense import why_senseless
from mmuproof.live.trial import Emulated
from tests.live.test_known import kernel_of, need_emulator
from tools.processor import TranslatedPage, random_guest, right_by_manual

TOOL = Path(__file__).resolve().parents[2] / "tools" / "processor.py"
READ, WRITE, FETCH = GuestAccessKind.READ, GuestAccessKind.WRITE, GuestAccessKind.FETCH
NAKED = GuestDescription(says="", machines=(Emulated.AMD,), accesses=(), paging=GuestPaging.LEVELS_4)


def page(*texts: str) -> TranslatedPage:
    """The entries from the root down, by their bits."""
    entries = tuple(
        TableEntry(of=0, level=level, to=0x800000 if level == 1 else None, bits=bits.GUEST_ENTRY.number(text))
        for level, text in zip(range(len(texts), 0, -1), texts, strict=True)
    )
    return TranslatedPage(0, entries)


def code(guest: GuestDescription, entries: TranslatedPage, kind: GuestAccessKind, user: bool) -> str:
    result = right_by_manual(guest, entries, kind, user)
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


@pytest.mark.emulator
@pytest.mark.long
@pytest.mark.parametrize("options", [(), ("--by-kvm",)])
def test_processor_and_kvm_do_as_the_manuals_say(options: tuple[str, ...]) -> None:
    need_emulator(kernel_of("7.2"), Emulated.AMD)
    command = [sys.executable, str(TOOL), "--guests", "40", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
