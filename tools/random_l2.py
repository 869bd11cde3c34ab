"""Guests that an L1 runs on random tables of EPT or nested paging, with what is right of each access by the manuals."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.description import (
    DONE,
    AccessResult,
    EntryAfter,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestMemory,
    GuestPaging,
    ResultKind,
    RunByL1,
    SecondStage,
    TableEntry,
)
from mmuproof.live.trial import Emulated
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, boolean, bv
from mmuproof.spec import ept, ept_violation, nested_page_fault, npt
from mmuproof.spec.access import Access
from mmuproof.spec.paging_layout import AMD_LONG_MODE
from mmuproof.spec.reports import Reported
from tools.random_guests import (
    WIDTH,
    TranslatedPage,
    access_of,
    flags_after,
    is_true,
    made_on,
    right_by_manual,
    settings_with,
    stopped_at,
)

_PAGES, _FIRST_FRAME, _APART = 10, 0x80_0000, 0x20_0000
_TABLES = (0x40_0000, 0x60_0000)
"""Where the lowest tables of the first pages are, of which L1's entries are random too."""
_MEMORY = GuestMemory(gpa=0x100_0000, size=0x100_0000)
_ALL, _OF_KERNEL = (bits.GUEST_ENTRY.number(text) for text in ("P W U A D", "P W A D"))
_FETCH = bits.NESTED_FAULT.number("F")
_KINDS = (GuestAccessKind.READ, GuestAccessKind.WRITE, GuestAccessKind.FETCH)
_LEVELS = (2, 1)
"""Those at which L1's entries are random; the ones above grant all."""


@dataclass(frozen=True)
class L2Page:
    """A linear address: L2's entries, and L1's entries of `_LEVELS`.

    Args:
        own: L2's.
        nested: L1's of its frame.
        table: L1's of the table that has the lowest of L2's entries; empty if it grants all.
    """

    own: TranslatedPage
    nested: tuple[TableEntry, ...]
    table: tuple[TableEntry, ...] = ()


def random_l2(seed: int, machine: Emulated) -> GuestDescription:
    """A guest of random tables of its L1's, with what is right by the manuals."""
    choose = random.Random(seed)
    is_ept = not machine.is_amd
    pages = tuple(_page(choose, number, is_ept) for number in range(_PAGES))
    l1 = RunByL1(
        stage=SecondStage.EPT if is_ept else SecondStage.NPT,
        entries=tuple(entry for page in pages for entry in (*page.nested, *page.table)),
        accessed_dirty=is_ept and choose.random() < 0.5,
        mbec=is_ept and choose.random() < 0.5,
        efer=0 if is_ept else bits.EFER.number("NX") * (choose.random() < 0.5),
    )
    guest = GuestDescription(
        says=f"Random tables of {l1.stage.value}, seed {seed}.",
        machines=(machine,),
        paging=GuestPaging.LEVELS_4,
        memory=(_MEMORY,),
        entries=tuple(entry for page in pages for entry in page.own.entries),
        l1=l1,
        accesses=(),
    )
    right = right_of_ept if is_ept else right_of_npt
    accesses = tuple(
        replace(access, right=right(guest, page, access))
        for page in pages
        for kind in _KINDS
        for access in (GuestAccess(kind=kind, address=page.own.address, user=user) for user in (False, True))
    )
    after = tuple(each for page in pages for each in _flags_after(l1, page, made_on(accesses, page.own)))
    return replace(guest, accesses=accesses, l1=replace(l1, after=after))


def _page(choose: random.Random, number: int, is_ept: bool) -> L2Page:
    address, frame = (number + 4) << 39, _FIRST_FRAME + number * _APART
    table = _TABLES[number] if number < len(_TABLES) else None
    last = _OF_KERNEL if choose.random() < 0.3 else _ALL
    leads = {1: frame, 2: table}
    own = tuple(
        TableEntry(of=address, level=level, to=leads.get(level), bits=last if level == 1 else _ALL)
        for level in range(4, 0, -1)
    )
    nested = _nested(choose, frame, is_ept)
    return L2Page(TranslatedPage(address, own), nested, () if table is None else _nested(choose, table, is_ept))


def _nested(choose: random.Random, frame: int, is_ept: bool) -> tuple[TableEntry, ...]:
    rights, names = (_ept_rights, bits.EPT_ENTRY) if is_ept else (_npt_rights, bits.GUEST_ENTRY)
    return tuple(
        TableEntry(
            of=frame,
            level=level,
            to=frame if level == 1 else None,
            bits=rights(choose, level) | sum(names.number(flag) for flag in ("A", "D") if choose.random() < 0.5),
        )
        for level in _LEVELS
    )


def _flags_after(l1: RunByL1, page: L2Page, made: tuple[GuestAccess, ...]) -> Iterator[EntryAfter]:
    """The flags of L1's entries for a page, and for its table, which the processor reads and, with flags, writes."""
    names = bits.GUEST_ENTRY if l1.stage is SecondStage.NPT else bits.EPT_ENTRY
    of_use = made if l1.stage is SecondStage.NPT or l1.accessed_dirty else ()
    yield from flags_after(page.nested, of_use, names)
    if page.table:
        yield from flags_after(page.table, tuple(_of_table(access, page.table[-1].to) for access in of_use), names)


def _of_table(access: GuestAccess, table: int | None) -> GuestAccess:
    """The processor's own access to a table, on the way to what an access comes to."""
    is_denied = table is not None and access.right.address == table
    return replace(access, kind=GuestAccessKind.WRITE, right=access.right if is_denied else DONE)


def _ept_rights(choose: random.Random, level: int) -> int:
    if choose.random() < (0.6 if level > 1 else 0.1):
        value = bits.EPT_ENTRY.number("R W X XU")
    else:
        value = sum(bits.EPT_ENTRY.number(name) for name in ("R", "W", "X", "XU") if choose.random() < 0.6)
    if level > 1:
        # Bits 6:3 are reserved in an entry that leads to a table.
        return value | (bits.EPT_ENTRY.number("IPAT") if choose.random() < 0.05 else 0)
    kind = choose.choice((2, 3, 7)) if choose.random() < 0.1 else 6
    return value | bits.EPT_ENTRY.number(f"MT={kind}") | (1 << 51 if choose.random() < 0.05 else 0)


def _npt_rights(choose: random.Random, level: int) -> int:
    value = bits.GUEST_ENTRY.number("P") * (choose.random() < 0.9)
    value |= sum(bits.GUEST_ENTRY.number(name) for name in ("W", "U") if choose.random() < 0.8)
    value |= bits.GUEST_ENTRY.number("NX") * (choose.random() < 0.2)
    return value | (1 << 51 if level == 1 and choose.random() < 0.1 else 0)


def right_of_ept(guest: GuestDescription, page: L2Page, made: GuestAccess) -> AccessResult:
    """What an access of a guest below EPT comes to by the manuals."""
    assert guest.l1 is not None
    reading = ept.guest_paging_structure_access(
        accessed_dirty_enabled=boolean(guest.l1.accessed_dirty), updates_flags=FALSE
    )
    denied = _denied_by_ept(guest.l1, page.table, reading, page) if page.table else None
    first = denied or right_by_manual(guest, page.own, made)
    if first.kind is not ResultKind.DONE:
        return first
    return _denied_by_ept(guest.l1, page.nested, access_of(made.kind), page) or first


def _denied_by_ept(l1: RunByL1, entries: tuple[TableEntry, ...], access: Access, page: L2Page) -> AccessResult | None:
    mbec, frame = boolean(l1.mbec), entries[-1].to
    values = _values(entries)
    is_complete = True
    for entry, value in zip(entries, values, strict=True):
        if not is_true(ept.present(value, mbec=mbec)):
            is_complete = False
            break
        if is_true(_misconfigured(value, entry.level, mbec)):
            return AccessResult(kind=ResultKind.EPT_MISCONFIGURATION, address=frame)
    of_user = ept.user_mode_linear_address(TRUE, [boolean(bool(entry.bits & 4)) for entry in page.own.entries])
    permissions = ept.accumulated(values)
    if is_complete and is_true(ept.allows(permissions, access, mbec=mbec, user_mode_address=of_user)):
        return None
    event = ept_violation.EptViolation(
        access=access,
        permissions=permissions,
        walk_complete=boolean(is_complete),
        linear_address_valid=TRUE,
        final=boolean(entries is page.nested),
        user_mode_address=of_user,
        writable_page=TRUE,
        execute_disable_page=FALSE,
        nmi_unblocking=FALSE,
        nmi_unblocking_defined=TRUE,
        shadow_stack=FALSE,
        shadow_stack_page=FALSE,
        guest_paging_verification=FALSE,
        asynchronous=FALSE,
        mbec=mbec,
        advanced_information=TRUE,
        shadow_stack_control=FALSE,
    )
    return _told(ResultKind.EPT_VIOLATION, ept_violation.reported(event), frame)


def right_of_npt(guest: GuestDescription, page: L2Page, made: GuestAccess) -> AccessResult:
    """What an access of a guest on nested page tables comes to by the manuals."""
    assert guest.l1 is not None
    cpl = bv(3 if made.user else 0, 2)
    reading = npt.guest_page_table_access(read_only_guest_page_tables=FALSE, updates_flags=FALSE)
    denied = _denied_by_npt(guest.l1, page.table, reading, cpl, is_final=False) if page.table else None
    first = denied or right_by_manual(guest, page.own, made)
    if first.kind is not ResultKind.DONE:
        return first
    return _denied_by_npt(guest.l1, page.nested, access_of(made.kind), cpl, is_final=True) or first


def _denied_by_npt(
    l1: RunByL1, entries: tuple[TableEntry, ...], access: Access, cpl: BitVec, *, is_final: bool
) -> AccessResult | None:
    nx, values = boolean(bool(l1.efer)), _values(entries)
    missing, reserved = stopped_at(entries, values, AMD_LONG_MODE, settings_with(bool(l1.efer)))
    allowed = npt.allows(
        npt.effective(values), access, gmet=FALSE, cpl=cpl, no_execute_enabled=nx, gmet_void_without_nxe=FALSE
    )
    if not missing and not reserved and is_true(allowed):
        return None
    fault = nested_page_fault.NestedPageFault(
        write=access.write,
        fetch=access.fetch,
        present=boolean(not missing),
        reserved=boolean(reserved),
        final=boolean(is_final),
        cpl=cpl,
        gmet=FALSE,
        shadow_stack=FALSE,
        shadow_stack_page=FALSE,
        rmp=FALSE,
        encrypted=FALSE,
        size_mismatch=FALSE,
        vmpl=FALSE,
    )
    told = _told(ResultKind.NESTED_FAULT, nested_page_fault.reported(fault), entries[-1].to)
    if is_true(nx):
        return told
    # Without CR4.SMEP and EFER.NXE of L1 the manual does not say whether fetches are told.
    assert told.code is not None
    assert told.mask is not None
    return replace(told, code=told.code & ~_FETCH, mask=told.mask & ~_FETCH)


def _values(entries: tuple[TableEntry, ...]) -> list[BitVec]:
    return [bv(entry.bits | (entry.to or 0), 64) for entry in entries]


def _misconfigured(value: BitVec, level: int, mbec: Bool) -> Bool:
    return ept.misconfigured(
        value,
        level=level,
        maps_page=level == 1,
        max_physical_address=WIDTH,
        mbec=mbec,
        execute_only=TRUE,
        paging_write_control=FALSE,
        pages_2m=TRUE,
        pages_1g=TRUE,
        memory_type_checked_in_1g=FALSE,
    )


def _told(kind: ResultKind, reported: Reported, frame: int | None) -> AccessResult:
    """A result with those bits of its number that the manual defines."""
    code = mask = 0
    for each in reported.report.fields:
        reading = reported.readings[each.name]
        if is_true(reading.defined):
            mask |= 1 << each.bit
            code |= is_true(reading.value) << each.bit
    return AccessResult(kind=kind, code=code, mask=mask, address=frame)
