"""Guests with an entry of which a theorem says that KVM finds reserved bits where there are none, or none where are.

`entry.reserved-paging64`, `entry.reserved-pae`, `entry.reserved-paging32`, `entry.reserved-npt`, `entry.reserved-ept`
and `entry.misconfig`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from mmuproof.cli.guests.stages import (
    FRAME,
    GUEST_LEAF,
    LARGE,
    MISCONFIGURED,
    NX_IN_EFER,
    TABLE,
    address_of,
    done_in,
    machines_of,
    page_fault,
    running_l1,
    small_page,
    stage_of,
)
from mmuproof.cli.guests.told import NoGuestError, ToldInputs
from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.description import (
    AccessResult,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestMemory,
    GuestPaging,
    HostKvm,
    ResultKind,
    RunByL1,
    SecondStage,
    TableEntry,
)
from mmuproof.live.descriptions.layout import OWN_SIZE
from mmuproof.live.guests.paging import PS, RAM_SIZE
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.vendor import Vendor

_AT = address_of(1)
_LEVEL = re.compile(r"\blevel (\d)")
_NAMES = {"PML5E": 5, "PML4E": 4, "PDPTE": 3, "PDE": 2, "PTE": 1, "4-MByte": 2}
_ADDRESS, _HIGH_OF_32_BITS, _PSE_36 = 0x000FFFFFFFFFF000, 0xFFC00000, 0xFF << 13
_HOST_WIDTH = 39
"""What every emulated host has at least, of address bits."""


def guest_entry(told: ToldInputs) -> GuestDescription:
    """A guest that uses the entry: by itself without TDP; by an instruction that KVM emulates, with it."""
    paging = _paging(told)
    level = _level(told.part)
    if paging is GuestPaging.PAE and level == paging.levels:
        raise NoGuestError("page-directory pointers are loaded with CR3, before any access")
    of = address_of(level)
    used, frame = _used(told, paging, level, of)
    # A page of 1 GByte from 0 on begins with what the guest has for itself.
    offset = FRAME if frame < OWN_SIZE else 0
    frame += offset
    is_l2 = told.part.startswith(MmuKind.L2.value)
    width = told.number("maxphyaddr")
    told.ignore("cr0", "AMD")
    _check_large_pages(told)
    more = []
    if told.is_told("PSE36"):
        more.append(f"PSE36 = {told.number('PSE36')}: the guest is told what the host has")
    alone = told.vendor is Vendor.SHADOW
    reserved = page_fault("P RSVD")
    right, shows = _both(told, done_in(frame), reserved, "entry-rejected")
    described = GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        host=HostKvm(tdp=not alone),
        paging=paging,
        cr4=bits.CR4.number("PSE") * ("PSE" in told.flags("cr4")),
        efer=NX_IN_EFER * ("NX" in told.flags("efer")),
        width=width or None,
        memory=_memory(frame),
        entries=used,
        accesses=(
            GuestAccess(
                kind=GuestAccessKind.READ if alone else GuestAccessKind.OUTS,
                address=of + offset,
                right=right,
                shows=shows,
            ),
        ),
        cannot=told.left(more),
    )
    if not is_l2:
        return described
    stage = stage_of(told.vendor)
    inner = FRAME if frame >= RAM_SIZE else frame
    right, shows = _both(told, done_in(inner), reserved, "entry-rejected")
    access = replace(described.accesses[0], right=right, shows=shows)
    l1 = running_l1(stage, small_page(stage, frame, inner), *_tables(stage, used))
    return replace(described, l1=l1, memory=(), accesses=(access,))


def ept_entry(told: ToldInputs) -> GuestDescription:
    """An L2 whose access goes through the entry of L1's EPT."""
    level = _level(told.part)
    value = told.number("gpte") or told.number("entry")
    if not told.is_told("gpte") and not told.is_told("entry"):
        raise NoGuestError("the counterexample is not of one entry")
    mbec = told.number("mbec")
    told.ignore("execonly", "ept_caps")
    if told.is_told("ept_caps") and "1GB" not in told.flags("ept_caps") and level > 2:
        raise NoGuestError("L1 is told of no 1-GByte pages of EPT, and it is always told what KVM offers")
    gpa = address_of(level)
    used, frame = _split(value, level, gpa, leaf=level == 1 or bool(value & PS), page=LARGE.get(level, 0))
    rights = ((1, GuestAccessKind.READ), (2, GuestAccessKind.WRITE), (4, GuestAccessKind.FETCH))
    kind = next((kind for bit, kind in rights if value & bit), GuestAccessKind.READ)
    right, shows = _both(told, AccessResult(kind=ResultKind.DONE), MISCONFIGURED, "misconfiguration-invented")
    access = GuestAccess(kind=kind, address=_AT, right=right, shows=shows)
    l1 = running_l1(SecondStage.EPT, *used, mbec=bool(mbec))
    return _below(told, l1, gpa, frame, access, _capabilities(told))


def npt_entry(told: ToldInputs) -> GuestDescription:
    """An L2 whose access goes through the entry of L1's nested page tables."""
    if "PAE" in told.part:
        raise NoGuestError("L1 is in PAE paging, and the L1 that runs described guests has four levels")
    if "PAE" not in told.flags("cr4"):
        raise NoGuestError("L1 is in 32-bit paging, and the L1 that runs described guests has four levels")
    # Every access of L2 is one of the user's there, and what the entry grants has nothing to do with reserved bits.
    level, value = _level(told.part), told.number("gpte") | bits.GUEST_ENTRY.number("U")
    gpa = address_of(level)
    used, frame = _split(value, level, gpa, leaf=level == 1 or bool(value & PS), page=LARGE.get(level, 0))
    told.ignore("cr0", "AMD", "PSE36")
    _check_large_pages(told)
    reserved = AccessResult(kind=ResultKind.NESTED_FAULT, code=bits.NESTED_FAULT.number("P U RSVD FINAL"))
    right, shows = _both(told, AccessResult(kind=ResultKind.DONE), reserved, "entry-rejected")
    access = GuestAccess(kind=GuestAccessKind.READ, address=_AT, right=right, shows=shows)
    l1 = replace(running_l1(SecondStage.NPT, *used), efer=NX_IN_EFER * ("NX" in told.flags("efer")))
    return _below(told, l1, gpa, frame, access)


def _below(
    told: ToldInputs, l1: RunByL1, gpa: int, frame: int, access: GuestAccess, more: Iterable[str] = ()
) -> GuestDescription:
    """An L2 of four levels that makes one access, to an address that its own tables lead to a guest-physical one."""
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        paging=GuestPaging.LEVELS_4,
        width=told.number("maxphyaddr") or None,
        memory=_memory(frame),
        entries=(TableEntry(of=access.address, level=1, to=gpa, bits=GUEST_LEAF),),
        l1=l1,
        accesses=(access,),
        cannot=told.left(more),
    )


def _check_large_pages(told: ToldInputs) -> None:
    if told.is_told("GBPAGES") and not told.number("GBPAGES"):
        raise NoGuestError("the guest is told of no 1-GByte pages, and it is always told what KVM offers")
    told.ignore("GBPAGES")


def _capabilities(told: ToldInputs) -> list[str]:
    return [
        f"{name} = {'|'.join(sorted(told.flags(name))) or 0}: L1 is told what KVM offers"
        for name in ("execonly", "ept_caps")
        if told.is_told(name)
    ]


def _paging(told: ToldInputs) -> GuestPaging:
    if told.result.theorem == "entry.reserved-paging32":
        return GuestPaging.BITS_32
    if told.result.theorem == "entry.reserved-pae":
        return GuestPaging.PAE
    return GuestPaging.LEVELS_5 if "LA57" in told.flags("cr4") else GuestPaging.LEVELS_4


def _level(part: str) -> int:
    """The level of the entry that a part of these theorems is about."""
    found = _LEVEL.search(part)
    if found:
        return int(found.group(1))
    for name, level in _NAMES.items():
        if name in part:
            return level
    raise NoGuestError(f"of which level the entry is, '{part}' does not say")


def _used(told: ToldInputs, paging: GuestPaging, level: int, of: int) -> tuple[tuple[TableEntry, ...], int]:
    """The entry and what it needs below, and the page to which it leads."""
    value = told.number("gpte")
    leaf = level == 1 or bool(value & PS)
    if paging is not GuestPaging.BITS_32:
        return _split(value, level, of, leaf=leaf, page=LARGE.get(level, 0))
    leaf = level == 1 or (leaf and "PSE" in told.flags("cr4"))
    if not leaf or level == 1:
        return _split(value, level, of, leaf=leaf, page=LARGE[1])
    frame = value & _HIGH_OF_32_BITS | (value & _PSE_36) >> 13 << 32
    entry = TableEntry(of=of, level=level, to=frame or FRAME, bits=value & ~_HIGH_OF_32_BITS & ~_PSE_36)
    return (entry,), _within(frame or FRAME)


def _split(value: int, level: int, of: int, *, leaf: bool, page: int) -> tuple[tuple[TableEntry, ...], int]:
    """An entry as what it leads to and all else; an address of 0 becomes that of a page or table of ours."""
    if leaf and not page:
        raise NoGuestError(f"an entry of level {level} cannot map a page")
    to = value & _ADDRESS & -page if leaf else value & _ADDRESS
    other = value & ~to
    if not leaf:
        to = to or TABLE
        if to >= RAM_SIZE:
            raise NoGuestError(f"the entry leads to a table at {to:#x}, and described guests have tables in low memory")
        lowest = TableEntry(of=of, level=1, to=FRAME, bits=GUEST_LEAF)
        return (TableEntry(of=of, level=level, to=to, bits=other), lowest), FRAME
    if level < 3:
        to = to or FRAME
    return (TableEntry(of=of, level=level, to=to, bits=other),), _within(to)


def _within(frame: int) -> int:
    if frame >> _HOST_WIDTH:
        raise NoGuestError(f"the page is at {frame:#x}, and emulated hosts have {_HOST_WIDTH} address bits")
    return frame


def _memory(frame: int) -> tuple[GuestMemory, ...]:
    return (GuestMemory(frame, 4 << 20),) if frame >= RAM_SIZE else ()


def _tables(stage: SecondStage, used: tuple[TableEntry, ...]) -> tuple[TableEntry, ...]:
    """What L1 maps of the tables of L2 for which the counterexample says a place."""
    return tuple(small_page(stage, entry.to, entry.to) for entry in used[:-1] if entry.to is not None)


def _both(
    told: ToldInputs, walked: AccessResult, refused: AccessResult, invented: str
) -> tuple[AccessResult, AccessResult]:
    """What is right and what shows: KVM refuses wrongly if the symptom is this, and else walks on wrongly."""
    return (walked, refused) if told.counterexample.symptom == invented else (refused, walked)
