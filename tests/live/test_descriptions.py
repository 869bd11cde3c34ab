"""Descriptions of guests: what is wrong with one is told with file and key; tables translate as they say."""

from __future__ import annotations

import re
import struct
from dataclasses import replace

import pytest

from mmuproof.live.descriptions.bits import EPT_ENTRY, GUEST_ENTRY
from mmuproof.live.descriptions.description import GuestDescription, GuestPaging, TableEntry
from mmuproof.live.descriptions.geometry import geometry_of
from mmuproof.live.descriptions.layout import PROGRAMS, TABLES, USER_PROGRAMS
from mmuproof.live.descriptions.making import guest_of
from mmuproof.live.descriptions.reading import parsed_description
from mmuproof.live.descriptions.results import came, expected_facts
from mmuproof.live.descriptions.tables import PageTables
from mmuproof.live.descriptions.toml_tables import DescriptionError
from mmuproof.live.descriptions.trials import trials_of
from mmuproof.live.guests.steps import Mode, Peek, Poke, RunVcpu, Step
from mmuproof.live.trial import Emulated, Seen, SomeBits
from mmuproof.live.tries.described import FOLDER

TEXT = """
says = "A read."
machine = "intel"
[guest]
paging = "4-level"
[[guest.entry]]
of = 0x60_0000
level = 1
to = 0x60_0000
bits = "P W A D"
[l1]
stage = "EPT"
[[l1.entry]]
of = 0x60_0000
level = 1
to = 0x61_0000
bits = "R W MT=6"
[[access]]
do = "read"
at = 0x60_0008
right = { is = "done", frame = 0x61_0000 }
"""


def described(text: str = TEXT) -> GuestDescription:
    return parsed_description(text, "g.toml")


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('says = "A read."', "", "g.toml: says: it is missing; it is a text"),
        ('says = "A read."', 'says = " "', "g.toml: says: it is empty"),
        (
            'machine = "intel"',
            'machine = "arm"',
            "g.toml: machine: it is 'arm', and none of amd, amd-bochs, intel, intel-keys",
        ),
        ('machine = "intel"', 'machine = "amd"', "g.toml: l1.stage: AMD, by QEMU has no EPT"),
        ('machine = "intel"', 'machine = "intel"\nhost.tdp = 1', "g.toml: host.tdp: it is not true or false"),
        ('machine = "intel"', 'machine = "intel"\nhost.tdp = false', "g.toml: host.tdp: without it KVM offers no EPT"),
        ('machine = "intel"', 'machine = "intel"\nhost.kvm = "a b"', "g.toml: host.kvm: 'a b': it is no NAME=VALUE"),
        ('machine = "intel"', 'machine = "intel"\nhost.needs = "mbec"', "host.needs: 'mbec' is no MODULE.NAME"),
        ('machine = "intel"', 'machin = "intel"', "g.toml: machine: it is missing"),
        ('paging = "4-level"', 'paging = "4"', "g.toml: guest.paging: it is '4', and none of none, 32-bit, PAE,"),
        ('paging = "4-level"', 'paging = "none"', "g.toml: guest.entry: there are no tables without paging"),
        (
            'stage = "EPT"',
            'stage = "EPT"\n[[l1.after]]\nof = 0x60_0000\nlevel = 1\nbits = "A R"',
            "g.toml: l1.after[1].bits: only A and D are looked at",
        ),
        (
            'stage = "EPT"',
            'stage = "EPT"\n[[l1.after]]\nof = 0x61_0000\nlevel = 1\nbits = "A"',
            "g.toml: l1.after[1]: there is no entry of 0x610000 at level 1",
        ),
        ('do = "read"', 'do = "read"\nac = true', "g.toml: access[1].ac: it matters to a supervisor with CR4.SMAP"),
        (
            'paging = "4-level"',
            'paging = "4-level"\nmaxphyaddr = 60',
            "guest.maxphyaddr: it is no number from 0 to 0x34",
        ),
        (
            'paging = "4-level"',
            'paging = "4-level"\ncr4 = "SMEEP"',
            "guest.cr4: no bit is called 'SMEEP'; there are PSE,",
        ),
        (
            'paging = "4-level"',
            'paging = "4-level"\nentrys = 1',
            "guest.entrys: there is no such key; did you mean entry?",
        ),
        (
            "level = 1\nto = 0x60_0000",
            "level = 5",
            "g.toml: guest.entry[1].level: it is 5, and these tables have levels 1 to 4",
        ),
        ("to = 0x60_0000", "to = 0x60_0001", "g.toml: guest.entry[1].to: 0x600001 is no address of a page"),
        (
            "of = 0x60_0000\nlevel = 1\nto = 0x60",
            "of = 0x20_0000\nlevel = 2\nto = 0x60",
            "it leads to the first 4 MBytes too",
        ),
        ('bits = "P W A D"', 'bits = "R"', "g.toml: guest.entry[1].bits: no bit is called 'R'; there are P, W,"),
        ('bits = "P W A D"', 'bits = "PK=16"', "g.toml: guest.entry[1].bits: no bit is called 'PK=16'"),
        (
            "of = 0x60_0000\nlevel = 1\nto = 0x61",
            "of = 0x1_0000_0000_0000\nlevel = 1\nto = 0x61",
            "l1.entry[1].of: 0x1000000000000 is no",
        ),
        ('stage = "EPT"', 'stage = "EPT"\ngmet = true', "g.toml: l1.gmet: it is of NPT"),
        ('stage = "EPT"', 'stage = "NPT"', "g.toml: l1.entry[1].bits: no bit is called 'R'"),
        ('do = "read"', 'do = "peek"', "g.toml: access[1].do: it is 'peek', and none of read, write, fetch, outs, ins"),
        ('do = "read"', 'do = "read"\nby = "root"', "g.toml: access[1].by: it is 'root', and none of user, supervisor"),
        ('do = "read"', 'do = "read"\nshows = "nested page fault"', "access[1].shows: there is no L1 with NPT"),
        (
            'do = "read"',
            'do = "read"\nshows = { is = "done", frame = 0x61_0000 }',
            "access[1].shows: it is what is right",
        ),
        (
            'do = "read"',
            'do = "read"\nshows = "MMIO"',
            "g.toml: access[1].shows: it needs the address that the VMM is told",
        ),
        ('is = "done"', 'is = "done", code = "P"', "g.toml: access[1].right.code: there is no such thing of 'done'"),
        ('is = "done", frame = 0x61_0000', 'is = "done", frame = 0x61_0000_0000', "there is no memory at 0x6100000000"),
        (
            'is = "done", frame = 0x61_0000',
            'is = "EPT violation", mask = 1',
            "access[1].right: there is a mask, and no code",
        ),
        ("[[access]]", "[[acces]]", "g.toml: acces: there is no such key; did you mean access?"),
        ("[[access]]", "[[access]", "g.toml: "),
        ("[[access]]", "[control]\n[[access]]", "g.toml: control: it changes nothing"),
        (
            "[[access]]",
            "[control]\nguest.paging = 5\n[[access]]",
            "g.toml (with control): guest.paging: it is not a text",
        ),
        (
            "[[guest.entry]]",
            "[[guest.memory]]\nat = 0x100_0000\nsize = 1\n[[guest.entry]]",
            "guest.memory[1]: it is not made of",
        ),
        ('is = "done", frame = 0x61_0000', 'is = "no end"', "access[1].right: a processor ends every access"),
        (
            "[[access]]",
            '[[access]]\ndo = "read"\nat = 0x60_0000\nshows = "no end"\n[[access]]',
            "access[1].shows: nothing comes after an access without an end",
        ),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(old: str, new: str, error: str) -> None:
    assert TEXT.count(old) >= 1
    with pytest.raises(DescriptionError, match=re.escape(error)) as raised:
        described(TEXT.replace(old, new, 1))
    assert str(raised.value).startswith("g.toml")


def test_an_entry_is_given_once() -> None:
    again = "[[guest.entry]]\nof = 0x60_0fff\nlevel = 1\nto = 0\nbits = 0\n[l1]"
    with pytest.raises(DescriptionError, match=re.escape("guest.entry[2]: it is the same as guest.entry[1]")):
        described(TEXT.replace("[l1]", again))


def test_bits_have_names_numbers_and_fields() -> None:
    assert EPT_ENTRY.number("R X MT=6 XU 63") == 1 | 4 | 6 << 3 | 1 << 10 | 1 << 63
    assert GUEST_ENTRY.number("") == 0
    for value in (0, 0x8000000000000063, 5 << 59 | 1, 1 << 52 | 7):
        assert GUEST_ENTRY.number(GUEST_ENTRY.text(value)) == value


def memory_of(steps: tuple[Step, ...]) -> dict[int, int]:
    """The bytes of the guest's memory."""
    return {step.gpa + n: byte for step in steps if isinstance(step, Poke) for n, byte in enumerate(step.content)}


def walked(memory: dict[int, int], root: int, levels: int, bits: int, size: int, address: int) -> list[int]:
    """The entries by which an address is translated, down to one that is empty or maps a page."""
    found: list[int] = []
    table = root
    for level in range(levels, 0, -1):
        at = table + size * (address >> 12 + bits * (level - 1) & (1 << bits) - 1)
        entry = int.from_bytes(bytes(memory.get(at + n, 0) for n in range(size)), "little")
        found.append(entry)
        if not entry or (level > 1 and entry & 0x80):
            break
        table = entry & 0xFFFFFFFFFF000
    return found


@pytest.mark.parametrize(
    ("paging", "bits", "size"),
    [(GuestPaging.BITS_32, 10, 4), (GuestPaging.PAE, 9, 8), (GuestPaging.LEVELS_4, 9, 8), (GuestPaging.LEVELS_5, 9, 8)],
)
def test_tables_translate_as_their_entries_say(paging: GuestPaging, bits: int, size: int) -> None:
    tables = PageTables(geometry_of(paging), TABLES)
    last = {32: 0xFFFFF000, 64: (1 << 64) - 4096}[geometry_of(paging).address_bits]
    tables.add(
        (
            TableEntry(of=0x400000, level=1, to=0x700000, bits=0x23),
            TableEntry(of=0x800000, level=2, to=0x900000, bits=0x7),
            TableEntry(of=0x801000, level=1, to=0xA00000, bits=0x1),
            TableEntry(of=last, level=1, to=0x500000, bits=0x67),
            TableEntry(of=0x1000000, level=2, to=0x800000, bits=0xE7),
        )
    )
    memory = memory_of(tables.steps())

    def leaf(address: int) -> int:
        return walked(memory, tables.root, paging.levels, bits, size, address)[-1]

    assert leaf(0x400000) == 0x700023
    assert leaf(0x801000) == 0xA00001
    assert leaf(last) == 0x500067
    assert leaf(0x1000000) == 0x8000E7
    assert leaf(0x500000) == 0
    assert walked(memory, tables.root, paging.levels, bits, size, 0x801000)[-2] == 0x900007
    pointers = walked(memory, tables.root, paging.levels, bits, size, 0x400000)[:-1]
    assert all(
        entry & 0xFFF == (1 if paging is GuestPaging.PAE and not n else 0x67) for n, entry in enumerate(pointers)
    )


def test_a_large_page_of_32_bit_paging_has_its_high_bits_in_the_middle() -> None:
    tables = PageTables(geometry_of(GuestPaging.BITS_32), TABLES)
    tables.add((TableEntry(of=0x400000, level=2, to=0x10_0000_0000, bits=0x81),))
    assert list(tables.values.values()) == [1 << 17 | 0x81]


def test_a_guest_of_l1_has_its_own_tables_and_those_of_l1() -> None:
    steps = guest_of(described())
    memory = memory_of(steps)
    runs = [step.label for step in steps if isinstance(step, RunVcpu)]
    assert runs == ["access1"]
    assert walked(memory, 0x100000, 4, 9, 8, 0x600000)[-1] == 0x600063
    assert walked(memory, 0x200000, 4, 9, 8, 0x600000)[-1] == 0x610033
    assert walked(memory, 0x200000, 4, 9, 8, 0x100000)[-1] == 0x100437
    assert walked(memory, 0x100000, 4, 9, 8, PROGRAMS)[-1] & 7 == 3
    assert walked(memory, 0x100000, 4, 9, 8, USER_PROGRAMS)[-1] & 7 == 7
    assert bytes(memory[0x610000 + n] for n in range(8)) == struct.pack("<Q", 0x610CC)
    mode = next(step for step in steps[::-1] if isinstance(step, Mode))
    assert (mode.rdi, mode.cpl) == (0x600008, 0)


def test_what_is_right_is_known_by_the_page_that_is_read() -> None:
    guest = described()
    facts = expected_facts(guest, 1, guest.accesses[0].right)
    assert facts == {
        "access1.stop": "hlt",
        "access1.exit": 0,
        "access1.interruption": 0x80000603,
        "access1.rbx": 0x610CC,
    }


def test_a_write_is_known_by_what_is_in_the_page() -> None:
    guest = described(TEXT.replace('do = "read"', 'do = "write"'))
    assert Peek("access1.in-0x610000", 0x610008) in guest_of(guest)
    assert expected_facts(guest, 1, guest.accesses[0].right)["access1.in-0x610000"] == SomeBits(0xFFFFFFFF, 0xCCCCCCCC)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"stop": "hlt", "exit": 48, "qualification": 0x181, "gpa": 0x600000},
            "EPT violation 0x181 (READ LINEAR FINAL) of 0x600000",
        ),
        ({"stop": "hlt", "exit": 0, "interruption": 0x80000B0E, "interruption_code": 9}, "page fault 0x9 (P RSVD)"),
        ({"stop": "hlt", "exit": 0, "interruption": 0x80000603, "rbx": 0x610CC}, "done, 0x610cc was read"),
        ({"stop": "hlt", "exit": 2}, "an exit of 2"),
        ({"stop": "exit-8:0x2"}, "the VM stopped: exit-8:0x2"),
        ({"stop": "endless", "exit": 48}, "no end"),
        ({}, "nothing: it was not made"),
    ],
)
def test_what_came_is_told_in_words(facts: dict[str, int | str], said: str) -> None:
    assert came(described(), 1, {f"access1.{name}": value for name, value in facts.items()}) == said


def test_of_an_access_without_an_end_nothing_else_is_known() -> None:
    (trial,) = trials_of("x", described(TEXT + 'shows = "no end"'))
    assert trial.shows == Seen({"access1.stop": "endless"})


def test_memory_that_a_guest_only_reads_is_a_slot_of_its_own() -> None:
    guest = described(
        TEXT.replace(
            "[[guest.entry]]", "[[guest.memory]]\nat = 0x100_0000\nsize = 0x1000\nread_only = true\n[[guest.entry]]"
        )
    )
    assert "memory 0x1000000 0x1000 small read-only" in [step.line() for step in guest_of(guest)]


def test_each_machine_has_a_try_with_its_own_parameter() -> None:
    both = described(
        TEXT[: TEXT.index("[l1]")].replace('"intel"', '["amd", "intel"]\nhost.tdp = false')
        + TEXT[TEXT.index("[[access]]") :]
    )
    trials = trials_of("x", both)
    assert [(trial.name, trial.attempt.modules.vendor) for trial in trials] == [
        ("x", ("npt=0",)),
        ("x-intel", ("ept=0",)),
    ]
    assert [trial.machine for trial in trials] == [Emulated.AMD, Emulated.INTEL]


def test_without_anything_that_shows_whatever_is_not_right_does() -> None:
    (trial,) = trials_of("x", described())
    assert trial.ways == ()
    assert trial.otherwise == Seen({"access1.stop": "hlt"})
    assert trial.control != trial.attempt
    (known,) = trials_of("x", described(TEXT + 'shows = "EPT violation"'))
    assert known.otherwise is None
    assert known.shows != known.right


def test_the_control_reads_its_instructions_whatever_the_guest_may_do_with_them() -> None:
    text = TEXT.replace(
        "[[l1.entry]]", '[[l1.entry]]\nof = 0x4_0000\nlevel = 1\nto = 0x4_0000\nbits = "X MT=6"\n[[l1.entry]]'
    )
    (plain,), (execute_only,) = (trials_of("x", described(each)) for each in (TEXT, text))
    assert execute_only.attempt != plain.attempt
    assert execute_only.control == plain.control


def test_mbec_has_to_be_offered() -> None:
    guest = described()
    assert guest.l1 is not None
    (trial,) = trials_of("x", replace(guest, l1=replace(guest.l1, mbec=True)))
    assert trial.offered_by == ("kvm_intel", "mbec")


def test_the_tries_that_come_along_are_described_completely() -> None:
    files = sorted(FOLDER.glob("*.toml"))
    assert files
    for file in files:
        guest = parsed_description(file.read_text("utf-8"), file.name)
        assert guest.expects_a_mistake
        assert guest.control is not None
        assert guest.finding == int(file.stem.partition("-")[0])
