"""What no guest can be: checked before anything is made of a description."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.description import (
    AccessResult,
    EntryAfter,
    GuestAccess,
    GuestDescription,
    GuestPaging,
    ResultKind,
    RunByL1,
    SecondStage,
    TableEntry,
)
from mmuproof.live.descriptions.frames import is_memory
from mmuproof.live.descriptions.geometry import TableGeometry, geometry_of, leads_on, nested_geometry
from mmuproof.live.descriptions.layout import OWN_SIZE, PAGE
from mmuproof.live.guests.paging import RAM_SIZE
from mmuproof.live.trial import Emulated

_MOST_MEMORY, _MOST_ACCESSES = 6, 200
# Each brings at most four tables along, and there is room for 256.
_MOST_ENTRIES = 60
_LEAST_WIDTH = 32
_WITHOUT_ADDRESS = (ResultKind.DONE, ResultKind.PROTECTION, ResultKind.PAGE_FAULT, ResultKind.ENDLESS)


def why_senseless(guest: GuestDescription) -> tuple[str, str] | None:
    """The first thing that cannot be: the key, and why; None if the guest can be made."""
    return next(_wrong(guest), None)


def _wrong(guest: GuestDescription) -> Iterator[tuple[str, str]]:
    if not guest.says.strip():
        yield "says", "it is empty"
    if not 1 <= len(guest.accesses) <= _MOST_ACCESSES:
        yield "access", f"there are {len(guest.accesses)}, and not 1 to {_MOST_ACCESSES}"
    if guest.width is not None and guest.width < _LEAST_WIDTH:
        yield "guest.maxphyaddr", f"it is less than {_LEAST_WIDTH}"
    if len(guest.memory) > _MOST_MEMORY:
        yield "guest.memory", f"there are more than {_MOST_MEMORY}"
    for n, slot in enumerate(guest.memory, start=1):
        if slot.gpa % PAGE or slot.size % PAGE or not slot.size:
            yield f"guest.memory[{n}]", "it is not made of whole pages"
        if slot.gpa < RAM_SIZE:
            yield f"guest.memory[{n}].at", f"memory up to {RAM_SIZE:#x} is there already"
    if guest.paging is GuestPaging.LEVELS_5 and Emulated.AMD_BOCHS in guest.machines:
        yield "guest.paging", f"{Emulated.AMD_BOCHS.value}, it has no 5-level paging"
    if guest.l1 is not None:
        yield from _wrong_l1(guest, guest.l1)
    if guest.paging.levels:
        yield from _wrong_entries("guest.entry", guest.entries, geometry_of(guest.paging))
    elif guest.entries:
        yield "guest.entry", "there are no tables without paging"
    yield from _wrong_after("guest.after", guest.after, guest.entries)
    for n, access in enumerate(guest.accesses, start=1):
        yield from ((f"access[{n}].{key}", why) for key, why in _wrong_access(guest, access))


def _wrong_l1(guest: GuestDescription, l1: RunByL1) -> Iterator[tuple[str, str]]:
    is_ept = l1.stage is SecondStage.EPT
    for machine in guest.machines:
        if machine.is_amd == is_ept:
            yield "l1.stage", f"{machine.value} has no {l1.stage.value}"
    if not guest.host.tdp:
        yield "host.tdp", f"without it KVM offers no {l1.stage.value}"
    if guest.paging is GuestPaging.LEVELS_5:
        yield "guest.paging", "an L2 with 5-level paging needs an L1 with it, and that has 4-level paging"
    if l1.mbec and not is_ept:
        yield "l1.mbec", "it is of EPT"
    if l1.accessed_dirty and not is_ept:
        yield "l1.accessed_dirty", "it is of EPT; nested paging always has them"
    if l1.gmet and is_ept:
        yield "l1.gmet", "it is of NPT"
    yield from _wrong_entries("l1.entry", l1.entries, nested_geometry(l1.stage))
    yield from _wrong_after("l1.after", l1.after, l1.entries)


def _wrong_entries(key: str, entries: tuple[TableEntry, ...], shape: TableGeometry) -> Iterator[tuple[str, str]]:
    if len(entries) > _MOST_ENTRIES:
        yield key, f"there are more than {_MOST_ENTRIES}"
    seen: dict[tuple[int, int], int] = {}
    for n, entry in enumerate(entries, start=1):
        where = f"{key}[{n}]"
        if not 1 <= entry.level <= shape.levels:
            yield f"{where}.level", f"it is {entry.level}, and these tables have levels 1 to {shape.levels}"
            continue
        if not _fits(entry.of, shape):
            yield f"{where}.of", f"{entry.of:#x} is no address that these tables translate"
        if entry.to is not None and (entry.to % PAGE or entry.to >> 52):
            yield f"{where}.to", f"{entry.to:#x} is no address of a page"
        place = (entry.level, entry.of >> shape.shift(entry.level))
        if place in seen:
            yield where, f"it is the same as {key}[{seen[place]}]"
        seen[place] = n
        if entry.level > 1 and entry.of >> shape.shift(entry.level) << shape.shift(entry.level) < OWN_SIZE:
            yield f"{where}.of", f"it leads to the first {OWN_SIZE >> 20} MBytes too, where the guest is itself"
        if shape.entry_size == 4 and entry.bits >> 32:
            yield f"{where}.bits", "an entry of 32-bit paging has 32 bits"
        if entry.to is not None and leads_on(entry, entries, shape) and entry.to >= RAM_SIZE:
            yield f"{where}.to", f"a table has to be in the first {RAM_SIZE >> 20} MBytes"


def _wrong_after(key: str, after: tuple[EntryAfter, ...], entries: tuple[TableEntry, ...]) -> Iterator[tuple[str, str]]:
    known = {(entry.level, entry.of) for entry in entries}
    for n, each in enumerate(after, start=1):
        if (each.level, each.of) not in known:
            yield f"{key}[{n}]", f"there is no entry of {each.of:#x} at level {each.level}"


def _fits(address: int, shape: TableGeometry) -> bool:
    if shape.address_bits < 64:
        return not address >> shape.address_bits
    top = address >> shape.shift(shape.levels + 1) - 1
    return top in (0, (1 << 64 - shape.shift(shape.levels + 1) + 1) - 1)


def _wrong_access(guest: GuestDescription, access: GuestAccess) -> Iterator[tuple[str, str]]:
    if guest.paging.code_bits == 32 and access.address >> 32:
        yield "at", f"{access.address:#x} is no address of 32 bits"
    if access.alignment_check and (access.user or not guest.cr4 & bits.CR4.number("SMAP")):
        yield "ac", "it matters to a supervisor with CR4.SMAP"
    if access.shows == access.right:
        yield "shows", "it is what is right"
    if access.right.kind is ResultKind.ENDLESS:
        yield "right", "a processor ends every access"
    if access.shows and access.shows.kind is ResultKind.ENDLESS and access is not guest.accesses[-1]:
        yield "shows", "nothing comes after an access without an end"
    for key, result in (("right", access.right), ("shows", access.shows)):
        if result is not None:
            yield from ((key, why) for why in _wrong_result(guest, result))


def _wrong_result(guest: GuestDescription, result: AccessResult) -> Iterator[str]:
    l1 = guest.l1
    if result.kind.of_ept and (l1 is None or l1.stage is not SecondStage.EPT):
        yield f"there is no L1 with EPT to be told of an {result.kind.value}"
    if result.kind is ResultKind.NESTED_FAULT and (l1 is None or l1.stage is not SecondStage.NPT):
        yield "there is no L1 with NPT to be told of a nested page fault"
    if result.frame is not None and result.kind is not ResultKind.DONE:
        yield f"a {result.kind.value} reaches no frame"
    if result.frame is not None and not is_memory(guest, result.frame):
        yield f"there is no memory at {result.frame:#x}"
    if result.mask is not None and result.code is None:
        yield "there is a mask, and no code"
    if result.address is not None and result.kind in _WITHOUT_ADDRESS:
        yield f"no address is told of '{result.kind.value}'"
    if result.kind is ResultKind.MMIO and result.address is None:
        yield "it needs the address that the VMM is told"
