"""Guests with an EPT violation of which KVM tells itself the wrong kind of access (`exit.ept-violation`)."""

from __future__ import annotations

from mmuproof.cli.guests.stages import DENIED, FRAME, GUEST_LEAF, address_of, done_in, machines_of, running_l1
from mmuproof.cli.guests.told import NoGuestError, ToldInputs
from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.description import (
    AccessResult,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestPaging,
    ResultKind,
    SecondStage,
    TableEntry,
)

_AT = address_of(1)
_LACKS = {"write": ("R X XU MT=6", GuestAccessKind.WRITE), "fetch": ("R W MT=6", GuestAccessKind.FETCH)}


def taken_for_another(told: ToldInputs) -> GuestDescription:
    """A write or fetch that L1's EPT denies, where it allows reads: KVM takes it for one and finds nothing wrong."""
    symptom = told.counterexample.symptom
    if symptom not in _LACKS:
        raise NoGuestError("an L2's access is denied or allowed all the same, by what KVM's walk of L1's EPT finds")
    if not told.number(f"a {symptom}"):
        raise NoGuestError(f"a read is taken for a {symptom}, and L1's EPT denies no access that it grants by that")
    told.ignore("exit qualification", "error_code", "allow_smaller_maxphyaddr", "mmu_has_mbec()")
    given, kind = _LACKS[symptom]
    entry = TableEntry(of=FRAME, level=1, to=FRAME, bits=bits.EPT_ENTRY.number(given))
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        paging=GuestPaging.LEVELS_4,
        entries=(TableEntry(of=_AT, level=1, to=FRAME, bits=GUEST_LEAF),),
        l1=running_l1(SecondStage.EPT, entry),
        accesses=(
            GuestAccess(kind=GuestAccessKind.READ, address=_AT, right=done_in(FRAME)),
            GuestAccess(kind=kind, address=_AT, right=DENIED, shows=AccessResult(kind=ResultKind.ENDLESS)),
        ),
        cannot=told.left(),
    )
