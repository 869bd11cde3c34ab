"""Which page each access of a description is to reach, by the addresses of its entries alone."""

from __future__ import annotations

from collections.abc import Iterable

from mmuproof.live.descriptions.description import GuestDescription, TableEntry
from mmuproof.live.descriptions.geometry import TableGeometry, geometry_of, nested_geometry
from mmuproof.live.descriptions.layout import OWN_SIZE, PAGE
from mmuproof.live.guests.paging import RAM_SIZE


def frames_of(guest: GuestDescription) -> frozenset[int]:
    """All pages of memory that accesses may reach, or are said to reach, beside those of the guest itself."""
    results = [result for access in guest.accesses for result in (access.right, access.shows) if result]
    found = {result.frame for result in results if result.frame is not None}
    for access in guest.accesses:
        frame = reached(guest, access.address)
        if frame is not None:
            found.add(frame)
    return frozenset(frame & -PAGE for frame in found if is_memory(guest, frame) and frame >= OWN_SIZE)


def reached(guest: GuestDescription, address: int) -> int | None:
    """The L1-physical address that a linear address leads to, if the entries lead anywhere."""
    gpa: int | None = address
    if guest.paging.levels:
        gpa = _through(guest.entries, geometry_of(guest.paging), address)
    if gpa is not None and guest.l1 is not None:
        gpa = _through(guest.l1.entries, nested_geometry(guest.l1.stage), gpa)
    return gpa


def _through(entries: Iterable[TableEntry], shape: TableGeometry, address: int) -> int | None:
    if address < OWN_SIZE:
        return address
    chosen = [entry for entry in entries if entry.of >> shape.shift(entry.level) == address >> shape.shift(entry.level)]
    if not chosen:
        return None
    lowest = min(chosen, key=lambda entry: entry.level)
    return None if lowest.to is None else lowest.to + (address & ((1 << shape.shift(lowest.level)) - 1))


def is_memory(guest: GuestDescription, frame: int) -> bool:
    """Whether there is memory at a guest-physical address."""
    return frame < RAM_SIZE or any(slot.gpa <= frame < slot.gpa + slot.size for slot in guest.memory)
