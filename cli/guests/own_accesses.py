"""Guests for which KVM itself makes an access, or fetches an instruction, behind L1's tables.

`nested.judgement`, `nested.user-address`, `nested.non-gmet-user`, `nested.one-stage-bit`, `exit.injected-npf` and
`walk.own-access`.

L2's OUTS and INS lead to such accesses: KVM fetches them, walks L2's tables for the operand, and reads or writes.
"""

from __future__ import annotations

import re
from dataclasses import replace

from mmuproof.cli.guests import rights
from mmuproof.cli.guests.stages import (
    DENIED,
    EPT_LEAF,
    FRAME,
    GUEST_LEAF,
    LARGE,
    TABLE,
    address_of,
    done_in,
    guest_leaf,
    machines_of,
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
    GuestPaging,
    ResultKind,
    RunByL1,
    SecondStage,
    TableEntry,
)
from mmuproof.live.descriptions.layout import PROGRAMS, USER_PROGRAMS
from mmuproof.model.vendor import Vendor

_AT = address_of(1)
_UNTABLED = _AT + LARGE[2]
"""An address whose lowest table L1 does not map."""
_OUTS = GuestAccessKind.OUTS
_USER, _NO_EXECUTE = (bits.GUEST_ENTRY.number(name) for name in ("U", "NX"))
_ENTRY = re.compile(r"entry of level (\d)$")
_NPF, _STAGE = ResultKind.NESTED_FAULT, bits.NESTED_FAULT.number("FINAL TABLE")
_LINEAR_STAGE = bits.EPT_VIOLATION.number("LINEAR FINAL")


def judged(told: ToldInputs) -> GuestDescription:
    """An access of KVM's own that L1's tables allow and KVM does not, or the other way round (`nested.judgement`)."""
    told.ignore("guest's pte_access", "L1's EFER")
    if told.number("GMET for L2"):
        raise NoGuestError("it takes GMET, which neither emulator has")
    if "F" not in told.flags("access"):
        return rights.ept_rights(told) if told.vendor is Vendor.INTEL else rights.npt_rights(told)
    if told.counterexample.symptom.endswith("-allowed"):
        raise NoGuestError("the processor refuses the fetch before KVM makes one")
    if told.counterexample.symptom != "user-fetch-denied" and told.counterexample.symptom != "supervisor-fetch-denied":
        raise NoGuestError(f"an access cannot tell '{told.counterexample.symptom}'")
    granted = told.flags("pte_access")
    if told.vendor is Vendor.INTEL:
        user_address = "USER" in told.flags("guest's pte_access")
        names = {"READ": "R", "WRITE": "W", "EXEC": "X", "USER_EXEC": "XU", "USER": "R"}
        given = bits.EPT_ENTRY.number(" ".join(names[each] for each in sorted(granted)) + " MT=6")
        return _emulated(told, given, user_address=user_address, mbec=bool(told.number("MBEC for L2")))
    given = bits.GUEST_ENTRY.number("P A D") | bits.GUEST_ENTRY.number("W") * ("WRITE" in granted)
    given |= _USER * ("USER" in granted) | _NO_EXECUTE * ("EXEC" not in granted)
    return _emulated(told, given, user_address=True, mbec=False)


def told_access(told: ToldInputs) -> GuestDescription:
    """KVM's own read or write of a page that L1's EPT does not map, and what L1 is told it was (`walk.own-access`)."""
    flags = told.flags("KVM's access")
    if "F" in flags:
        raise NoGuestError("the processor refuses the fetch before KVM makes one")
    kind, name = (GuestAccessKind.INS, "WRITE") if "W" in flags else (_OUTS, "READ")
    wrong = told.flags("the exit qualification") & {"READ", "WRITE", "FETCH"}
    told.ignore_all()
    right, shows = (
        AccessResult(
            kind=ResultKind.EPT_VIOLATION,
            code=bits.EPT_VIOLATION.number(code),
            mask=bits.EPT_VIOLATION.number("READ WRITE FETCH"),
            address=FRAME,
        )
        for code in (name, " ".join(sorted(wrong)))
    )
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        paging=GuestPaging.LEVELS_4,
        entries=(TableEntry(of=_AT, level=1, to=FRAME, bits=GUEST_LEAF),),
        l1=running_l1(SecondStage.EPT),
        accesses=(GuestAccess(kind=kind, address=_AT, right=right, shows=shows),),
        cannot=told.left(),
    )


def user_address(told: ToldInputs) -> GuestDescription:
    """KVM's fetch of an instruction of L2's, put to L1's EPT as one from the other kind of address."""
    symptom = told.counterexample.symptom
    if symptom not in ("supervisor-address-as-user", "user-address-as-supervisor"):
        raise NoGuestError("only a fetch depends on whose address it is, and only one of an instruction is made")
    of_user = symptom.startswith("user")
    if "U" in told.flags("access") and not of_user:
        raise NoGuestError("the processor refuses CPL 3 the instruction before KVM fetches it")
    # The processor fetches it first, and what it needs is granted.
    lower = [level for level in _supervisor_levels(told) if level > 1]
    if lower and not of_user:
        raise NoGuestError(f"the entry of level {lower[0]} translates all that the guest needs for itself")
    given = EPT_LEAF & ~bits.EPT_ENTRY.number("X" if of_user else "XU")
    made = _emulated(told, given, user_address=of_user, mbec=True)
    if "paging off" not in told.part:
        return made
    access = replace(made.accesses[0], address=FRAME)
    return replace(made, paging=GuestPaging.NONE, entries=(), accesses=(access,))


def supervisor_in_npt(told: ToldInputs) -> GuestDescription:
    """KVM's access to a page that L1's nested page tables have for the supervisor (`nested.non-gmet-user`)."""
    told.ignore_all()
    entry = TableEntry(of=FRAME, level=1, to=FRAME, bits=GUEST_LEAF & ~_USER)
    access = GuestAccess(kind=_OUTS, address=_AT, right=AccessResult(kind=_NPF), shows=done_in(FRAME))
    return _of_l2(told, running_l1(SecondStage.NPT, entry), access)


def told_stage(told: ToldInputs) -> GuestDescription:
    """KVM's accesses to a table of L2's and to a page, neither of which L1 maps (`nested.one-stage-bit`)."""
    if "PDPTE" in told.part:
        raise NoGuestError("page-directory pointers are loaded before any access")
    told.ignore_all()
    stage = stage_of(told.vendor)
    accesses = (_denied(stage, _UNTABLED, TABLE), _denied(stage, _AT, FRAME))
    more = () if "4 levels" in told.part else (f"{told.part}: the L2 of this guest has four levels",)
    return replace(_of_l2(told, running_l1(stage), *accesses), may_warn=True, cannot=more)


def injected_fault(told: ToldInputs) -> GuestDescription:
    """Nested page faults of both stages that KVM finds itself, and of which L1 is told (`exit.injected-npf`)."""
    if told.number("from_hardware"):
        raise NoGuestError("KVM finds another fault than the processor, so L1's tables change between the two")
    symptom = told.counterexample.symptom
    if symptom not in ("final", "guest-page", "address"):
        raise NoGuestError(f"no guest is made to be told '{symptom}' wrongly")
    last = [each for each in told.counterexample.inputs if each.name.startswith("last ")]
    told.ignore_all()
    accesses = (_denied(SecondStage.NPT, _UNTABLED, TABLE), _denied(SecondStage.NPT, _AT, FRAME))
    left = tuple(f"{each.name} = {each.text}: the last exit is that of the OUTS" for each in last)
    return replace(_of_l2(told, running_l1(SecondStage.NPT), *accesses), may_warn=True, cannot=left)


def _denied(stage: SecondStage, at: int, of: int) -> GuestAccess:
    """An OUTS from an address of which L1 does not map the page or table."""
    is_table = of == TABLE
    if stage is SecondStage.NPT:
        code = bits.NESTED_FAULT.number("TABLE" if is_table else "FINAL")
        right = AccessResult(kind=_NPF, code=code, mask=_STAGE, address=of)
    else:
        code = bits.EPT_VIOLATION.number("LINEAR" if is_table else "LINEAR FINAL")
        right = AccessResult(kind=ResultKind.EPT_VIOLATION, code=code, mask=_LINEAR_STAGE)
    return GuestAccess(kind=_OUTS, address=at, right=right)


def _of_l2(told: ToldInputs, l1: RunByL1, *accesses: GuestAccess) -> GuestDescription:
    """An L2 of four levels with a page at one address, and a table at `TABLE` for another."""
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        paging=GuestPaging.LEVELS_4,
        entries=(
            TableEntry(of=_AT, level=1, to=FRAME, bits=GUEST_LEAF),
            TableEntry(of=_UNTABLED, level=2, to=TABLE, bits=GUEST_LEAF),
            TableEntry(of=_UNTABLED, level=1, to=FRAME, bits=GUEST_LEAF),
        ),
        l1=l1,
        accesses=accesses,
        cannot=told.left(),
    )


def _emulated(told: ToldInputs, given: int, *, user_address: bool, mbec: bool) -> GuestDescription:
    """L2's OUTS, which KVM has to fetch from a page with these rights of L1's; its operand is in another page."""
    stage = stage_of(told.vendor)
    user = "U" in told.flags("access") and user_address
    program = USER_PROGRAMS if user else PROGRAMS
    refused = DENIED if stage is SecondStage.EPT else AccessResult(kind=_NPF)
    l1 = running_l1(
        stage, TableEntry(of=program, level=1, to=program, bits=given), small_page(stage, FRAME, FRAME), mbec=mbec
    )
    for name in [each.name for each in told.counterexample.inputs]:
        if _ENTRY.match(name):
            told.ignore(name)
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        paging=GuestPaging.LEVELS_4,
        entries=(
            TableEntry(of=program, level=1, to=program, bits=guest_leaf(user=user_address)),
            TableEntry(of=_AT, level=1, to=FRAME, bits=GUEST_LEAF),
        ),
        l1=l1,
        accesses=(GuestAccess(kind=_OUTS, address=_AT, user=user, right=done_in(FRAME), shows=refused),),
        cannot=told.left(),
    )


def _supervisor_levels(told: ToldInputs) -> list[int]:
    """The levels of which the counterexample has an entry for the supervisor."""
    return [
        int(found.group(1))
        for each in told.counterexample.inputs
        if (found := _ENTRY.match(each.name)) and not told.first_number(each.name) & _USER
    ]
