"""Where things are in the guests that are made of counterexamples, and what they have in common."""

from __future__ import annotations

from mmuproof.cli.guests.told import NoGuestError
from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.description import AccessResult, ResultKind, RunByL1, SecondStage, TableEntry
from mmuproof.live.trial import Emulated
from mmuproof.model.vendor import Vendor

FRAME, TABLE = 0x800000, 0x600000
"""A page that an access may reach, at the start of one of each size up to 4 MBytes; and one for a table."""
LARGE = {1: 1 << 12, 2: 1 << 21, 3: 1 << 30}
"""The size of the pages that entries of a level map, but for 32-bit paging."""
NX_IN_EFER = bits.EFER.number("NX")
GUEST_LEAF, GUEST_PAGE = bits.GUEST_ENTRY.number("P W U A D"), bits.GUEST_ENTRY.number("P W U A D PS")
EPT_LEAF = bits.EPT_ENTRY.number("R W X XU MT=6")
DENIED = AccessResult(kind=ResultKind.EPT_VIOLATION)
MISCONFIGURED = AccessResult(kind=ResultKind.EPT_MISCONFIGURATION)


def machines_of(vendor: Vendor) -> tuple[Emulated, ...]:
    """What the tables of a vendor can be tried on."""
    return {
        Vendor.INTEL: (Emulated.INTEL,),
        Vendor.AMD: (Emulated.AMD,),
        Vendor.SHADOW: (Emulated.AMD, Emulated.INTEL),
    }[vendor]


def address_of(level: int) -> int:
    """An address whose entry of this level, and those below, translate nothing of what a guest needs for itself."""
    return {1: 1 << 30, 2: 1 << 30, 3: 1 << 30, 4: 1 << 39, 5: 1 << 48}[level]


def stage_of(vendor: Vendor) -> SecondStage:
    """What an L1 uses for its L2.

    Raises:
        NoGuestError: without TDP there is none.
    """
    if vendor is Vendor.SHADOW:
        raise NoGuestError("without EPT or nested paging there is no second stage")
    return SecondStage.EPT if vendor is Vendor.INTEL else SecondStage.NPT


def running_l1(stage: SecondStage, *entries: TableEntry, mbec: bool = False, gmet: bool = False) -> RunByL1:
    """An L1 with EFER.NX."""
    return RunByL1(stage=stage, entries=entries, mbec=mbec, gmet=gmet, efer=NX_IN_EFER)


def small_page(stage: SecondStage, gpa: int, to: int) -> TableEntry:
    """An entry of L1 that maps a page with all rights."""
    return TableEntry(of=gpa, level=1, to=to, bits=EPT_LEAF if stage is SecondStage.EPT else GUEST_LEAF)


def guest_leaf(*, user: bool) -> int:
    """The bits of an entry of a guest's own tables that maps a page with all rights, or all of a supervisor's."""
    return GUEST_LEAF if user else GUEST_LEAF & ~bits.GUEST_ENTRY.number("U")


def page_fault(code: str) -> AccessResult:
    """A page fault with this error code."""
    return AccessResult(kind=ResultKind.PAGE_FAULT, code=bits.PAGE_FAULT.number(code))


def done_in(frame: int) -> AccessResult:
    """The access has reached this page."""
    return AccessResult(kind=ResultKind.DONE, frame=frame)
