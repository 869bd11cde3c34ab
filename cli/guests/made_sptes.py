"""Guests that make KVM make the SPTE of a counterexample, and then access its page.

`spte.permissions`, `acc.one-to-one` and `exec-only.spte`.

KVM may find out by itself that the SPTE is wrong, and warn.
An SPTE that grants too much has to be there before it can be used: the guest makes an access first that is granted.
One that grants too little makes the access fault again and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from mmuproof.cli.guests.stages import (
    DENIED,
    FRAME,
    GUEST_LEAF,
    LARGE,
    NX_IN_EFER,
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
    GuestMemory,
    GuestPaging,
    HostKvm,
    ResultKind,
    TableEntry,
)
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import FALSE, TRUE, boolean
from mmuproof.spec import ept, paging
from mmuproof.spec.access import Access
from mmuproof.spec.ept import EptPermissions
from mmuproof.spec.paging import AccessRights, LinearAccess, PagingControls

_AT = address_of(1)
_READ, _WRITE, _FETCH = GuestAccessKind.READ, GuestAccessKind.WRITE, GuestAccessKind.FETCH
_READ_ONLY_MEMORY = GuestMemory(0x100_0000, LARGE[2], read_only=True)
_OF_EPT = {"READ": "R", "WRITE": "W", "EXEC": "X", "USER_EXEC": "XU"}
_OF_PAGING = {"WRITE": "W", "USER": "U"}
_ENDLESS = AccessResult(kind=ResultKind.ENDLESS)


@dataclass(frozen=True)
class _Use:
    """An access to the page.

    Args:
        kind: see there.
        user: whether the linear address is a user-mode one, or without EPT the access.
    """

    kind: GuestAccessKind
    user: bool


@dataclass(frozen=True)
class _Grant:
    """What the guest's, or L1's, entry grants; the names of flags are those of ACC_*.

    Args:
        vendor: of whose tables.
        flags: the rights.
        mbec: whether MBEC is on.
        controls: those of the guest that depend on the entry.
    """

    vendor: Vendor
    flags: frozenset[str]
    mbec: bool
    controls: PagingControls

    def allows(self, use: _Use) -> bool:
        """Whether the manual allows an access."""
        access = Access(*(boolean(use.kind is kind) for kind in (_READ, _WRITE, _FETCH)))
        if self.vendor is Vendor.INTEL:
            rights = EptPermissions(*(boolean(name in self.flags) for name in _OF_EPT))
            return ept.allows(rights, access, mbec=boolean(self.mbec), user_mode_address=boolean(use.user)) is TRUE
        of_page = AccessRights(
            boolean("USER" in self.flags), boolean("WRITE" in self.flags), boolean("EXEC" not in self.flags)
        )
        # By nested paging every access is one of the user's.
        user = boolean(use.user or self.vendor is Vendor.AMD)
        return paging.allows(of_page, LinearAccess(access, user, FALSE), self.controls) is TRUE

    def bits(self) -> int:
        """Those of an entry that grants it."""
        if self.vendor is Vendor.INTEL:
            return bits.EPT_ENTRY.number(" ".join([*(_OF_EPT[each] for each in sorted(self.flags)), "MT=6"]))
        given = " ".join(_OF_PAGING[each] for each in sorted(self.flags) if each in _OF_PAGING)
        return bits.GUEST_ENTRY.number(f"P A D {given}" + " NX" * ("EXEC" not in self.flags))


def used_spte(told: ToldInputs) -> GuestDescription:
    """A guest that has the SPTE made, and then makes the access of which it is wrong."""
    symptom = told.counterexample.symptom
    if "write-tracking" in symptom:
        raise NoGuestError("the page becomes one of the guest's tables meanwhile, and described memory does not change")
    if symptom == "tracked-unasked":
        raise NoGuestError("one fault more is taken, and the guest notices nothing")
    more = list(_unsettable(told))
    level, prefetched = _level(told), bool(told.number("prefetch"))
    mitigated = level > 1 and bool(told.number("bit 0 of nx_huge_pages"))
    granted = _granted(told, more)
    made = _made(told, granted)
    if told.is_told("host_writable") and not told.number("host_writable") and "WRITE" in granted.flags & made.flags:
        return _read_only(told, more)
    access, before = _wrong_access(told, granted, made, mitigated=mitigated, prefetched=prefetched)
    if prefetched and level > 1:
        raise NoGuestError("KVM prefetches small pages alone")
    host = HostKvm(
        tdp=told.vendor is not Vendor.SHADOW,
        kvm=("nx_huge_pages=force",) * mitigated,
        vendor=("eptad=0",) * bool(told.number("sp->role.ad_disabled")),
        huge_pages=level > 1,
    )
    guest = _through_entry(told, host, granted, level, (*before, access), prefetched)
    return replace(guest, may_warn=True, cannot=told.left(more))


def _unsettable(told: ToldInputs) -> Iterator[str]:
    told.ignore("spte", "kvm->arch.disable_nx_huge_pages", "MBEC", "GMET", "user-mode", "CR4.SMEP", "CR4.SMAP")
    told.ignore("EFLAGS.AC", "CPL", "read", "write", "fetch")
    for name in ("mmu_try_to_unsync_pages()", "bit 0 of mmu_try_to_unsync_pages()"):
        if told.number(name):
            yield f"{name} = 1: the page holds no table of the guest's"
    for name, why in (
        ("pfn", "which page of the host's it is, no guest says"),
        ("old_spte", "the guest makes no access to the page before those that are described"),
        ("synchronizing", "the guest has changed no entry"),
    ):
        if told.number(name):
            yield f"{name} = {told.number(name):#x}: {why}"


def _level(told: ToldInputs) -> int:
    level = told.number("sp->role.level", 1)
    if level > 2:
        raise NoGuestError(f"the emulated host has no pages of level {level} for a guest")
    return level


def _granted(told: ToldInputs, more: list[str]) -> _Grant:
    """What the entry grants: `pte_access`, and what it has to grant besides to be one that the hardware takes."""
    flags = set(told.flags("pte_access"))
    if told.vendor is not Vendor.INTEL:
        if told.number("GMET"):
            more.append("GMET = 1: neither emulator has it")
        return _Grant(told.vendor, frozenset(flags - {"READ"}), False, _controls(told))
    if "USER" in flags:
        # Where reads have no bit of their own, this one stands for them.
        flags = flags - {"USER"} | {"READ"}
    before = frozenset(flags)
    if "WRITE" in flags:
        flags.add("READ")
    if not flags:
        flags.add("EXEC" if "READ" in _in_spte(told) else "READ")
    if flags != before:
        named, grants = "|".join(sorted(before)) or "0", "|".join(sorted(flags))
        more.append(f"pte_access = {named}: no entry of EPT grants just that, and this one grants {grants}")
    modes = [("EXEC" in each) != ("USER_EXEC" in each) for each in (flags, _in_spte(told))]
    mbec = bool(told.number("MBEC")) or any(modes)
    if mbec and told.is_told("MBEC") and not told.number("MBEC"):
        more.append("MBEC = 0: only where L1 turns it on an entry grants execution in one mode alone")
    return _Grant(told.vendor, frozenset(flags), mbec, _controls(told))


def _controls(told: ToldInputs) -> PagingControls:
    smep, smap = (boolean(bool(told.number(f"CR4.{name}"))) for name in ("SMEP", "SMAP"))
    return PagingControls(write_protect=TRUE, smep=smep, smap=smap, no_execute_enabled=TRUE, alignment_check=FALSE)


def _made(told: ToldInputs, granted: _Grant) -> _Grant:
    """What the SPTE grants that KVM makes of that."""
    flags = _in_spte(told)
    if told.vendor is not Vendor.INTEL:
        return replace(granted, flags=flags)
    asked = frozenset("READ" if flag == "USER" else flag for flag in told.flags("pte_access"))
    # What the entry grants besides goes the right way.
    return replace(granted, flags=flags | granted.flags - asked)


def _in_spte(told: ToldInputs) -> frozenset[str]:
    spte = told.first_number("spte")
    if told.vendor is Vendor.INTEL:
        return frozenset(flag for flag, name in _OF_EPT.items() if spte & bits.EPT_ENTRY.number(name))
    flags = frozenset(flag for flag, name in _OF_PAGING.items() if spte & bits.GUEST_ENTRY.number(name))
    return flags if spte & bits.GUEST_ENTRY.number("NX") else flags | {"EXEC"}


def _wrong_access(
    told: ToldInputs, granted: _Grant, made: _Grant, *, mitigated: bool, prefetched: bool
) -> tuple[GuestAccess, tuple[GuestAccess, ...]]:
    """An access of which entry and SPTE say different things, and what has to be before it."""
    said = bool(told.number("user-mode"))
    kinds = (_READ, _WRITE, *(() if mitigated else (_FETCH,)))
    uses = [_Use(kind, user) for kind, user in product(kinds, (said, not said))]
    first = next((use for use in uses if granted.allows(use) and made.allows(use)), None)
    gained = next((use for use in uses if made.allows(use) and not granted.allows(use)), None)
    if gained and (first or prefetched):
        before = _neighbour() if prefetched else _access_of(first, done_in(FRAME)) if first else None
        assert before is not None
        return _access_of(gained, _refused(told), done_in(FRAME)), (before,)
    lost = next((use for use in uses if granted.allows(use) and not made.allows(use)), None)
    if lost is None and mitigated:
        raise NoGuestError("KVM maps a small page where a huge one is not executable, and the guest notices nothing")
    if lost is None:
        raise NoGuestError("no access of a guest's tells the SPTE from the one that is right")
    if prefetched:
        raise NoGuestError("the fault that comes of it makes the SPTE anew, and the guest notices nothing")
    return _access_of(lost, done_in(FRAME), _ENDLESS), ()


def _access_of(use: _Use, right: AccessResult, shows: AccessResult | None = None) -> GuestAccess:
    return GuestAccess(kind=use.kind, address=_AT, user=use.user, right=right, shows=shows)


def _neighbour() -> GuestAccess:
    """An access to the next page, at which KVM prefetches the one in question."""
    return GuestAccess(kind=_READ, address=_AT + LARGE[1], right=done_in(FRAME + LARGE[1]))


def _refused(told: ToldInputs) -> AccessResult:
    kinds = {Vendor.AMD: ResultKind.NESTED_FAULT, Vendor.SHADOW: ResultKind.PAGE_FAULT}
    return AccessResult(kind=kinds[told.vendor]) if told.vendor in kinds else DENIED


def _through_entry(
    told: ToldInputs, host: HostKvm, grant: _Grant, level: int, accesses: tuple[GuestAccess, ...], prefetched: bool
) -> GuestDescription:
    """The page behind an entry with the rights: L1's, or where KVM shadows a guest's own tables one of these."""
    of_page = TableEntry(
        of=_AT if told.vendor is Vendor.SHADOW else FRAME,
        level=level,
        to=FRAME,
        bits=grant.bits() | bits.GUEST_ENTRY.number("PS") * (level > 1),
    )
    made = GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        host=host,
        paging=GuestPaging.LEVELS_4,
        efer=NX_IN_EFER,
        accesses=accesses,
    )
    besides = FRAME + LARGE[1]
    if told.vendor is Vendor.SHADOW:
        cr4 = " ".join(name for name in ("SMEP", "SMAP") if told.number(f"CR4.{name}"))
        neighbour = (TableEntry(of=_AT + LARGE[1], level=1, to=besides, bits=GUEST_LEAF),) * prefetched
        wp = bits.CR0.number("WP")
        return replace(made, cr0=wp, cr4=bits.CR4.number(cr4), entries=(of_page, *neighbour))
    fetches = [access for access in accesses if access.kind is _FETCH]
    # Whose address it is matters to fetches under MBEC alone; an address is one or the other, so each has its own.
    entries = [TableEntry(of=_AT, level=1, to=FRAME, bits=guest_leaf(user=True))]
    if any(not access.user for access in fetches) and grant.mbec:
        entries.append(TableEntry(of=_AT + LARGE[2], level=1, to=FRAME, bits=guest_leaf(user=False)))
        accesses = tuple(_at_supervisor_address(access) for access in accesses)
    stage = stage_of(told.vendor)
    more = (small_page(stage, besides, besides),) * prefetched
    entries += [TableEntry(of=_AT + LARGE[1], level=1, to=besides, bits=GUEST_LEAF)] * prefetched
    l1 = running_l1(stage, of_page, *more, mbec=grant.mbec)
    return replace(made, entries=tuple(entries), l1=l1, accesses=accesses)


def _at_supervisor_address(access: GuestAccess) -> GuestAccess:
    return access if access.user or access.kind is not _FETCH else replace(access, address=_AT + LARGE[2])


def _read_only(told: ToldInputs, more: list[str]) -> GuestDescription:
    """A page that the host lets the guest only read: it is read, so that its SPTE is made, and written."""
    told.ignore("pte_access", "prefetch", "sp->role.level", "bit 0 of nx_huge_pages")
    frame = _READ_ONLY_MEMORY.gpa
    refused = AccessResult(kind=ResultKind.MMIO, address=frame)
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        host=HostKvm(tdp=told.vendor is not Vendor.SHADOW),
        paging=GuestPaging.LEVELS_4,
        memory=(_READ_ONLY_MEMORY,),
        entries=(TableEntry(of=_AT, level=1, to=frame, bits=GUEST_LEAF),),
        accesses=(
            GuestAccess(kind=_READ, address=_AT, right=done_in(frame)),
            GuestAccess(kind=_WRITE, address=_AT, right=refused, shows=done_in(frame)),
        ),
        may_warn=True,
        cannot=told.left(more),
    )
