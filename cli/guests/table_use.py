"""Guests whose tables KVM marks, or translates an address by: `walk.flags` and `walk.translated`."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.cli.guests.stages import (
    DENIED,
    EPT_LEAF,
    FRAME,
    GUEST_LEAF,
    address_of,
    done_in,
    guest_leaf,
    machines_of,
    page_fault,
    running_l1,
    small_page,
)
from mmuproof.cli.guests.told import NoGuestError, ToldInputs
from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.bits import BitNames
from mmuproof.live.descriptions.description import (
    AccessResult,
    EntryAfter,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestPaging,
    HostKvm,
    ResultKind,
    RunByL1,
    SecondStage,
    TableEntry,
)
from mmuproof.model.vendor import Vendor

_AT, _IN_PAGE = address_of(1), 1
_OUTS, _INS = GuestAccessKind.OUTS, GuestAccessKind.INS
_FLAGS = "A D"


def marked(told: ToldInputs) -> GuestDescription:
    """A page that is read or written, whose entry has the flags of that in the end (`walk.flags`)."""
    if told.counterexample.symptom not in ("flag-unset", "another-flag"):
        raise NoGuestError("the entry changes while it is walked, or it is a log that tells")
    writes, of_ept = bool(told.number("for a write")), _is_of_ept(told)
    told.ignore_all()
    kinds = (GuestAccessKind.READ, GuestAccessKind.WRITE)
    if not of_ept and told.vendor is not Vendor.SHADOW:
        # With EPT or nested paging KVM walks the guest's own tables to emulate alone.
        kinds = (_OUTS, _INS)
    access = GuestAccess(kind=kinds[writes], address=_AT, right=done_in(FRAME))
    names = bits.EPT_ENTRY if of_ept else bits.GUEST_ENTRY
    after = EntryAfter(
        of=FRAME if of_ept else _AT, level=1, bits=names.number(_FLAGS if writes else "A"), mask=names.number(_FLAGS)
    )
    made = _guest(told, access)
    if not of_ept:
        return replace(made, entries=(_page(GUEST_LEAF & ~_all(bits.GUEST_ENTRY)),), after=(after,))
    entry = TableEntry(of=FRAME, level=1, to=FRAME, bits=EPT_LEAF & ~_all(bits.EPT_ENTRY))
    l1 = replace(running_l1(SecondStage.EPT, entry), accessed_dirty=True, after=(after,))
    return replace(made, l1=l1)


def translated(told: ToldInputs) -> GuestDescription:
    """An OUTS whose operand KVM itself has to translate (`walk.translated`)."""
    symptom, of_ept = told.counterexample.symptom, _is_of_ept(told)
    is_user = "U" in told.flags("access") or bool(told.number("access") & bits.PAGE_FAULT.number("U"))
    told.ignore_all()
    l1 = running_l1(SecondStage.EPT, small_page(SecondStage.EPT, FRAME, FRAME)) if of_ept else None
    if symptom == "another-address":
        access = GuestAccess(kind=_OUTS, address=_AT + _IN_PAGE, right=done_in(FRAME))
        return replace(_guest(told, access), l1=l1)
    if symptom == "fault-ignored":
        return _faulting(told, of_ept)
    if symptom != "another-access" or not is_user or of_ept:
        raise NoGuestError("what another access would come to, no instruction that KVM emulates tells")
    right = replace(page_fault("P U"), mask=bits.PAGE_FAULT.number("P U"))
    access = GuestAccess(kind=_OUTS, address=_AT, user=True, right=right, shows=done_in(FRAME))
    return replace(_guest(told, access), entries=(_page(guest_leaf(user=False)),))


def _faulting(told: ToldInputs, of_ept: bool) -> GuestDescription:
    right = DENIED if of_ept else AccessResult(kind=ResultKind.PAGE_FAULT)
    l1: RunByL1 | None = running_l1(SecondStage.EPT) if of_ept else None
    made = _guest(told, GuestAccess(kind=_OUTS, address=_AT, right=right))
    return replace(made, l1=l1) if of_ept else replace(made, entries=())


def _is_of_ept(told: ToldInputs) -> bool:
    of_ept = "ept_" in f"{told.part} {told.counterexample.sentence}"
    if of_ept and told.vendor is not Vendor.INTEL:
        raise NoGuestError("it is of EPT; see vendor intel")
    return of_ept


def _all(names: BitNames) -> int:
    return names.number(_FLAGS)


def _page(given: int) -> TableEntry:
    return TableEntry(of=_AT, level=1, to=FRAME, bits=given)


def _guest(told: ToldInputs, access: GuestAccess) -> GuestDescription:
    """A guest of four levels with a page, that makes one access."""
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        host=HostKvm(tdp=told.vendor is not Vendor.SHADOW),
        paging=GuestPaging.LEVELS_4,
        entries=(_page(GUEST_LEAF),),
        accesses=(access,),
        cannot=told.left(),
    )
