"""Guests that lead to counterexamples of theorems on walks: where they end, what they grant, where they come to.

`walk.end`, `walk.clean`, `walk.granted`, `walk.reached` and `walk.reported`.
"""

from __future__ import annotations

import re

from mmuproof.cli.guests.stages import (
    FRAME,
    GUEST_LEAF,
    GUEST_PAGE,
    LARGE,
    NX_IN_EFER,
    TABLE,
    address_of,
    done_in,
    machines_of,
)
from mmuproof.cli.guests.told import NoGuestError, ToldInputs
from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.description import (
    AccessResult,
    EntryAfter,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestMemory,
    GuestPaging,
    HostKvm,
    ResultKind,
    TableEntry,
)
from mmuproof.model.vendor import Vendor

_WRITABLE, _OF_USER, _NO_EXECUTE = (bits.GUEST_ENTRY.number(name) for name in ("W", "U", "NX"))
_DIRTY, _KEPT = (bits.GUEST_ENTRY.number(text) for text in ("D", "P A D"))
_FAULT = AccessResult(kind=ResultKind.PAGE_FAULT)
_FLAGS = {"present": "P", "write": "W", "user": "U", "reserved": "RSVD"}
"""What an error code tells, by symptom."""
_ENTRY = re.compile(r"entry of level (\d)")
_IN_LARGE_PAGE, _SECOND_GB = 0x5000, 1 << 30
_PAGE_OF_32_BITS = 1 << 22
_ABOVE_32_BITS = GuestMemory(gpa=(1 << 32) + FRAME, size=_PAGE_OF_32_BITS)


def end_of_walk(told: ToldInputs) -> GuestDescription:
    """A walk that goes on behind a page, or ends at an entry that leads to a table (`walk.end`)."""
    paging, level = _paging(told), told.number("level", 2)
    told.ignore("gpte", "CR4.PSE", "PSE-36")
    if told.counterexample.symptom == "goes-on":
        if level not in LARGE or level == 1:
            raise NoGuestError(f"no guest has a page of level {level}")
        at = address_of(level) + _IN_LARGE_PAGE
        # A page of 1 GByte holds this frame where it is; a smaller one begins there.
        entry = TableEntry(of=address_of(level), level=level, to=FRAME if level == 2 else 0, bits=GUEST_PAGE)
        frame = FRAME + _IN_LARGE_PAGE
        at += FRAME if level > 2 else 0
        return _guest(told, paging, (entry,), _read(told, at, done_in(frame), _FAULT), cr4=_pse(paging))
    if paging is not GuestPaging.BITS_32:
        raise NoGuestError("in these tables bit 7 of an entry that leads to a table is reserved")
    at = address_of(2) + _PAGE_OF_32_BITS
    table = TableEntry(of=at, level=2, to=TABLE + 0x10_0000, bits=GUEST_PAGE & ~_DIRTY)
    page = TableEntry(of=at, level=1, to=FRAME, bits=GUEST_LEAF)
    return _guest(told, paging, (table, page), _read(told, at, done_in(FRAME), done_in(_PAGE_OF_32_BITS)))


def clean_entry(told: ToldInputs) -> GuestDescription:
    """A page that is read and then written, whose entry has to be dirty in the end (`walk.clean`)."""
    if told.counterexample.symptom != "clean-writable":
        raise NoGuestError("a guest can see nothing of it but a dirty flag that is not set")
    paging, at = _paging(told), address_of(1)
    told.ignore_all()
    entry = TableEntry(of=at, level=1, to=FRAME, bits=GUEST_LEAF & ~_DIRTY)
    accesses = (
        GuestAccess(kind=_kinds(told)[0], address=at, right=done_in(FRAME)),
        GuestAccess(kind=GuestAccessKind.WRITE, address=at, right=done_in(FRAME)),
    )
    after = EntryAfter(of=at, level=1, bits=bits.GUEST_ENTRY.number("A D"), mask=_DIRTY)
    return _guest(told, paging, (entry,), accesses, after=(after,))


def granted(told: ToldInputs) -> GuestDescription:
    """A page below entries of these rights, and an access that they grant and KVM does not, or the other way round."""
    symptom, paging = told.counterexample.symptom, _paging(told)
    if symptom not in ("judged-more", "judged-less", "handed-on-more"):
        raise NoGuestError(f"no access of a guest's tells '{symptom}'")
    values = {
        int(found[1]): told.number(each.name)
        for each in told.counterexample.inputs
        if (found := _ENTRY.match(each.name))
    }
    if not values:
        raise NoGuestError("the entries may have any value")
    judged = told.flags("the judged pte_access") | told.flags("walker->pte_access")
    top = min(paging.levels, 4 if paging is not GuestPaging.PAE else 2)
    lowest = min(values)
    at = address_of(max(level for level in (1, *values) if level <= top))
    # Whatever maps the page in the counterexample, here it is an entry of the lowest level.
    rights = {1 if level == lowest else level: value for level, value in values.items() if level <= top}
    entries = tuple(
        TableEntry(
            of=at,
            level=level,
            to=FRAME if level == 1 else None,
            bits=_KEPT | rights.get(level, _WRITABLE | _OF_USER) & (_WRITABLE | _OF_USER | _NO_EXECUTE),
        )
        for level in range(_highest(at, top), 0, -1)
    )
    given = {
        "WRITE": all(entry.bits & _WRITABLE for entry in entries),
        "USER": all(entry.bits & _OF_USER for entry in entries),
        "EXEC": not any(entry.bits & _NO_EXECUTE for entry in entries),
    }
    wrong = next((name for name, right in given.items() if right != (name in judged)), None)
    if wrong is None:
        raise NoGuestError("KVM grants what the entries grant to the accesses that described guests make")
    read, write = _kinds(told)
    kind = {"WRITE": write, "USER": read, "EXEC": GuestAccessKind.FETCH}[wrong]
    if wrong == "EXEC" and told.vendor is not Vendor.SHADOW:
        raise NoGuestError("with EPT or nested paging KVM fetches nothing by its own walk; see vendor shadow")
    user = wrong == "USER" or (wrong == "EXEC" and given["USER"])
    right, shows = (done_in(FRAME), _FAULT) if given[wrong] else (_FAULT, done_in(FRAME))
    access = GuestAccess(kind=kind, address=at, user=user, right=right, shows=shows)
    nx = NX_IN_EFER * (wrong == "EXEC" or any(entry.bits & _NO_EXECUTE for entry in entries))
    return _guest(told, paging, entries, (access,), cr0=bits.CR0.number("WP"), efer=nx)


def _highest(address: int, top: int) -> int:
    """The highest level at which an address has an entry of its own, where the guest's own pages have none."""
    return max(level for level in range(1, top + 1) if address_of(level) <= address)


def reached(told: ToldInputs) -> GuestDescription:
    """A read that comes to another page (`walk.reached`)."""
    paging, symptom = _paging(told), told.counterexample.symptom
    told.ignore_all()
    if symptom == "another-pdpte":
        first, at = address_of(1) - _SECOND_GB + TABLE, address_of(1) + TABLE
        pages = (
            TableEntry(of=first, level=1, to=FRAME, bits=GUEST_LEAF),
            TableEntry(of=at, level=1, to=FRAME + LARGE[2], bits=GUEST_LEAF),
        )
        return _guest(told, paging, pages, _read(told, at, done_in(FRAME + LARGE[2]), done_in(FRAME)))
    if symptom != "another-frame" or paging is not GuestPaging.BITS_32:
        raise NoGuestError("only another PDPTE, and a page of 4 MBytes above 4 GBytes, are made into guests")
    at = address_of(2)
    entry = TableEntry(of=at, level=2, to=_ABOVE_32_BITS.gpa, bits=GUEST_PAGE)
    read = _read(
        told, at + _IN_LARGE_PAGE, done_in(_ABOVE_32_BITS.gpa + _IN_LARGE_PAGE), done_in(FRAME + _IN_LARGE_PAGE)
    )
    return _guest(told, paging, (entry,), read, cr4=_pse(paging), memory=(_ABOVE_32_BITS,))


def reported(told: ToldInputs) -> GuestDescription:
    """An access to a page that is not there or has a reserved bit, and its error code (`walk.reported`)."""
    flag = _FLAGS.get(told.counterexample.symptom)
    if flag is None:
        raise NoGuestError(f"no error code of a described access's tells '{told.counterexample.symptom}'")
    paging, at = _paging(told), address_of(1)
    if told.vendor is not Vendor.SHADOW:
        raise NoGuestError("with EPT or nested paging KVM walks a guest's tables only to emulate; see vendor shadow")
    told.ignore_all()
    malformed = flag in ("P", "RSVD") and paging is not GuestPaging.BITS_32
    # Without EFER.NX bit 63 is reserved.
    entries = (TableEntry(of=at, level=1, to=FRAME, bits=GUEST_LEAF | _NO_EXECUTE),) if malformed else ()
    right = bits.PAGE_FAULT.number("P W U RSVD" if malformed else "W U")
    shows = right ^ bits.PAGE_FAULT.number(flag)
    access = GuestAccess(
        kind=GuestAccessKind.WRITE,
        address=at,
        user=True,
        right=AccessResult(kind=ResultKind.PAGE_FAULT, code=right),
        shows=AccessResult(kind=ResultKind.PAGE_FAULT, code=shows),
    )
    return _guest(told, paging, entries, (access,))


def _paging(told: ToldInputs) -> GuestPaging:
    part = told.part
    if "nested EPT" in part or part.startswith("EPT"):
        raise NoGuestError("it is of L1's EPT")
    if "32-bit" in part:
        return GuestPaging.BITS_32
    if "PAE" in part:
        return GuestPaging.PAE
    return GuestPaging.LEVELS_5 if part.startswith("5 levels") else GuestPaging.LEVELS_4


def _pse(paging: GuestPaging) -> int:
    return bits.CR4.number("PSE") * (paging is GuestPaging.BITS_32)


def _kinds(told: ToldInputs) -> tuple[GuestAccessKind, GuestAccessKind]:
    """A read and a write for which KVM walks: with EPT or nested paging it does so to emulate alone."""
    if told.vendor is Vendor.SHADOW:
        return GuestAccessKind.READ, GuestAccessKind.WRITE
    return GuestAccessKind.OUTS, GuestAccessKind.INS


def _read(told: ToldInputs, at: int, right: AccessResult, shows: AccessResult) -> tuple[GuestAccess, ...]:
    return (GuestAccess(kind=_kinds(told)[0], address=at, right=right, shows=shows),)


def _guest(
    told: ToldInputs,
    paging: GuestPaging,
    entries: tuple[TableEntry, ...],
    accesses: tuple[GuestAccess, ...],
    *,
    cr0: int = 0,
    cr4: int = 0,
    efer: int = 0,
    memory: tuple[GuestMemory, ...] = (),
    after: tuple[EntryAfter, ...] = (),
) -> GuestDescription:
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        host=HostKvm(tdp=told.vendor is not Vendor.SHADOW),
        paging=paging,
        cr0=cr0,
        cr4=cr4,
        efer=efer,
        memory=memory,
        entries=entries,
        accesses=accesses,
        after=after,
        cannot=told.left(),
    )
