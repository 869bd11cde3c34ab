"""A description of a guest, written as the file that it is read from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.bits import BitNames
from mmuproof.live.descriptions.description import (
    DONE,
    AccessResult,
    EntryAfter,
    GuestAccess,
    GuestDescription,
    HostKvm,
    RunByL1,
    TableEntry,
)
from mmuproof.live.descriptions.flags import names_in
from mmuproof.live.descriptions.reading import CODES, MACHINES


def description_text(guest: GuestDescription) -> str:
    """The file of a description that has no control of its own; reading it gives the description again."""
    assert guest.control is None
    return "\n".join(_lines(guest)) + "\n"


def _lines(guest: GuestDescription) -> Iterator[str]:
    names = {machine: name for name, machine in MACHINES.items()}
    yield f"says = {_text(guest.says)}"
    if guest.finding is not None:
        yield f"finding = {guest.finding}"
    yield f"machine = {_texts(names[machine] for machine in guest.machines)}"
    yield from _host(guest.host)
    if guest.cannot:
        yield from ("cannot = [", *(f"    {_text(each)}," for each in guest.cannot), "]")
    if guest.warning is not None:
        parts = {"function": guest.warning.function, "text": guest.warning.text, "through": guest.warning.through}
        yield f"warning = {_inline(f'{name} = {_text(value)}' for name, value in parts.items() if value)}"
    if guest.may_warn:
        yield "may_warn = true"
    yield from ("", "[guest]", f"paging = {_text(guest.paging.value)}")
    for name, value, known in (
        ("cr0", guest.cr0, bits.CR0),
        ("cr4", guest.cr4, bits.CR4),
        ("efer", guest.efer, bits.EFER),
    ):
        if value:
            yield f"{name} = {_text(known.text(value))}"
    if guest.pkru:
        yield f"pkru = {guest.pkru:#x}"
    if guest.width is not None:
        yield f"maxphyaddr = {guest.width}"
    if guest.memory:
        slots = (
            _inline((f"at = {slot.gpa:#x}", f"size = {slot.size:#x}", *["read_only = true"] * slot.read_only))
            for slot in guest.memory
        )
        yield f"memory = [{', '.join(slots)}]"
    yield from _entries("guest.entry", guest.entries, bits.GUEST_ENTRY)
    yield from _flags("guest.after", guest.after, bits.GUEST_ENTRY)
    if guest.l1 is not None:
        yield from _l1(guest.l1)
    for access in guest.accesses:
        yield from _access(access)


def _host(host: HostKvm) -> Iterator[str]:
    if not host.tdp:
        yield "host.tdp = false"
    if host.kvm:
        yield f"host.kvm = {_texts(host.kvm)}"
    if host.vendor:
        yield f"host.vendor = {_texts(host.vendor)}"
    if host.huge_pages:
        yield "host.huge_pages = true"
    if host.needs:
        yield f"host.needs = {_text(host.needs)}"


def _l1(l1: RunByL1) -> Iterator[str]:
    yield from ("", "[l1]", f"stage = {_text(l1.stage.value)}", f"efer = {_text(bits.EFER.text(l1.efer))}")
    for name, value in (("mbec", l1.mbec), ("gmet", l1.gmet), ("accessed_dirty", l1.accessed_dirty)):
        if value:
            yield f"{name} = true"
    names = names_in(l1.stage)
    yield from _entries("l1.entry", l1.entries, names)
    yield from _flags("l1.after", l1.after, names)


def _entries(key: str, entries: Iterable[TableEntry], names: BitNames) -> Iterator[str]:
    for entry in entries:
        yield from ("", f"[[{key}]]", f"of = {entry.of:#x}", f"level = {entry.level}")
        if entry.to is not None:
            yield f"to = {entry.to:#x}"
        yield f"bits = {_text(names.text(entry.bits))}"


def _flags(key: str, entries: Iterable[EntryAfter], names: BitNames) -> Iterator[str]:
    for entry in entries:
        yield from ("", f"[[{key}]]", f"of = {entry.of:#x}", f"level = {entry.level}")
        yield f"bits = {_text(names.text(entry.bits))}"
        if entry.mask != names.number("A D"):
            yield f"mask = {_text(names.text(entry.mask))}"


def _access(access: GuestAccess) -> Iterator[str]:
    yield from ("", "[[access]]", f"do = {_text(access.kind.value)}", f"at = {access.address:#x}")
    if access.user:
        yield 'by = "user"'
    if access.alignment_check:
        yield "ac = true"
    if access.right != DONE:
        yield f"right = {_result(access.right)}"
    if access.shows is not None:
        yield f"shows = {_result(access.shows)}"


def _result(result: AccessResult) -> str:
    parts = [f"is = {_text(result.kind.value)}"]
    if result.code is not None:
        parts.append(f"code = {_text(CODES[result.kind].text(result.code))}")
    for name, value in (("mask", result.mask), ("address", result.address), ("frame", result.frame)):
        if value is not None:
            parts.append(f"{name} = {value:#x}")
    return _inline(parts)


def _inline(parts: Iterable[str]) -> str:
    return f"{{ {', '.join(parts)} }}"


def _text(text: str) -> str:
    """A text as TOML has it; the escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


def _texts(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"
