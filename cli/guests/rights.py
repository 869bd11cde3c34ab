"""Guests with an access of which a theorem says that KVM allows what is forbidden, or forbids what is allowed.

`permission.paging`, `permission.pkeys`, `permission.ept`, `permission.ept-mbec`, `permission.npt` and
`permission.npt-gmet`.
"""

from __future__ import annotations

from dataclasses import replace

from mmuproof.cli.guests.stages import (
    DENIED,
    FRAME,
    GUEST_LEAF,
    NX_IN_EFER,
    address_of,
    done_in,
    guest_leaf,
    machines_of,
    running_l1,
)
from mmuproof.cli.guests.told import NoGuestError, ToldInputs
from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.description import (
    AccessResult,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestPaging,
    HostKvm,
    ResultKind,
    SecondStage,
    TableEntry,
)
from mmuproof.live.trial import Emulated

_AT = address_of(1)
_NO_EXECUTE = bits.GUEST_ENTRY.number("NX")


def paging_rights(told: ToldInputs) -> GuestDescription:
    """A guest with a page of these rights; KVM judges data accesses where it emulates them, and fetches without TDP."""
    access, granted = told.flags("access"), told.flags("pte_access")
    kind, allowed = _kind(told, access, emulated=True), _is_gained(told)
    user, is_fetch = "U" in access, "F" in access
    told.ignore("role.efer_lma")
    checked = bool(told.number("eflags.ac"))
    if checked and (user or not told.number("role.cr4_smap")):
        raise NoGuestError("EFLAGS.AC is 1 where it matters to no access that described guests make")
    if "IMPLICIT" in access:
        raise NoGuestError("KVM makes implicit accesses where it reads descriptors, and described guests lead to none")
    cr4 = {"SMEP": "role.cr4_smep", "SMAP": "role.cr4_smap", "PKE": "role.cr4_pke"}
    set_bits = " ".join(name for name, role in cr4.items() if told.number(role))
    nx = told.number("role.efer_nx")
    key = told.number("pte_pkey")
    page = bits.GUEST_ENTRY.number(f"P A D PK={key}")
    page |= bits.GUEST_ENTRY.number("W") * ("WRITE" in granted) | bits.GUEST_ENTRY.number("U") * ("USER" in granted)
    page |= _NO_EXECUTE * (bool(nx) and is_fetch and "EXEC" not in granted)
    fault = AccessResult(kind=ResultKind.PAGE_FAULT)
    return GuestDescription(
        says=told.says,
        machines=(Emulated.AMD, Emulated.INTEL),
        host=HostKvm(tdp=not is_fetch),
        paging=GuestPaging.LEVELS_4,
        cr0=bits.CR0.number("WP") * bool(told.number("cr0.wp")),
        cr4=bits.CR4.number(set_bits),
        efer=NX_IN_EFER * bool(nx),
        pkru=told.number("pkru"),
        entries=(TableEntry(of=_AT, level=1, to=FRAME, bits=page),),
        accesses=(replace(_access(kind, user, allowed, fault), alignment_check=checked),),
        cannot=told.left(),
    )


def ept_rights(told: ToldInputs) -> GuestDescription:
    """An L2 whose access goes through an entry of L1's EPT with these rights."""
    access, granted = told.flags("access"), told.flags("pte_access")
    gained = _is_gained(told)
    kind = _kind(told, access, emulated=gained or _is_own(told))
    if told.result.vendor.value != "intel":
        raise NoGuestError("it is not of EPT")
    told.ignore("role.cr4_smep")
    names = {"READ": "R", "WRITE": "W", "EXEC": "X", "USER_EXEC": "XU", "USER": "R"}
    # An entry that grants nothing is not present, and is refused for that.
    given = " ".join(names[each] for each in granted if each in names) or ("R" if access & {"W", "F"} else "X")
    rights = bits.EPT_ENTRY.number(f"{given} MT=6")
    entry = TableEntry(of=FRAME, level=1, to=FRAME, bits=rights)
    user = "U" in access and "F" in access
    mbec = told.result.theorem.endswith("mbec") or bool(told.number("MBEC for L2"))
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        paging=GuestPaging.LEVELS_4,
        entries=(TableEntry(of=_AT, level=1, to=FRAME, bits=guest_leaf(user=user)),),
        l1=running_l1(SecondStage.EPT, entry, mbec=mbec),
        accesses=(_access(kind, user, gained, DENIED),),
        cannot=told.left(),
    )


def npt_rights(told: ToldInputs) -> GuestDescription:
    """An L2 whose access goes through an entry of L1's nested page tables with these rights."""
    access, granted = told.flags("access"), told.flags("pte_access")
    gained = _is_gained(told)
    kind = _kind(told, access, emulated=gained or _is_own(told))
    told.ignore("role.cr4_smep", "role.cr0_wp", "role.cr4_smap")
    nx, gmet = told.number("role.efer_nx"), told.result.theorem.endswith("gmet")
    user = told.number("CPL") == 3
    page = bits.GUEST_ENTRY.number("P A D") | bits.GUEST_ENTRY.number("W") * ("WRITE" in granted)
    page |= bits.GUEST_ENTRY.number("U") * ("USER" in granted)
    page |= _NO_EXECUTE * (bool(nx) and "F" in access and "EXEC" not in granted)
    entry = TableEntry(of=FRAME, level=1, to=FRAME, bits=page)
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        paging=GuestPaging.LEVELS_4,
        entries=(TableEntry(of=_AT, level=1, to=FRAME, bits=GUEST_LEAF),),
        l1=running_l1(SecondStage.NPT, entry, gmet=gmet),
        accesses=(_access(kind, user, gained, AccessResult(kind=ResultKind.NESTED_FAULT)),),
        cannot=told.left(),
    )


def _is_own(told: ToldInputs) -> bool:
    """Whether it is about accesses that KVM makes itself."""
    return told.result.theorem.startswith("nested.")


def _is_gained(told: ToldInputs) -> bool:
    """Whether KVM allows what is forbidden."""
    symptom = told.counterexample.symptom
    if symptom.endswith("-allowed") or symptom in ("key-ignored", "rights-ignored"):
        return True
    if symptom.endswith("-denied") or symptom == "key-invented":
        return False
    raise NoGuestError(f"an access cannot tell '{symptom}'")


def _kind(told: ToldInputs, access: frozenset[str], *, emulated: bool) -> GuestAccessKind:
    """How the access is made: where KVM lets through what the processor forbids, KVM has to make it."""
    if "F" in access:
        if _is_gained(told):
            raise NoGuestError(
                "the processor refuses the fetch whatever KVM's walk says, and KVM emulates no fetch by itself"
            )
        return GuestAccessKind.FETCH
    if "W" in access:
        return GuestAccessKind.INS if emulated else GuestAccessKind.WRITE
    return GuestAccessKind.OUTS if emulated else GuestAccessKind.READ


def _access(kind: GuestAccessKind, user: bool, gained: bool, refused: AccessResult) -> GuestAccess:
    done = done_in(FRAME)
    right, shows = (refused, done) if gained else (done, refused)
    return GuestAccess(kind=kind, address=_AT, user=user, right=right, shows=shows)
