"""Guests that lead to counterexamples of theorems on roles, exits, L2's paging structures and `make_spte()`."""

from __future__ import annotations

import re

from mmuproof.cli.guests.stages import (
    EPT_LEAF,
    FRAME,
    GUEST_LEAF,
    GUEST_PAGE,
    LARGE,
    NX_IN_EFER,
    TABLE,
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
from mmuproof.live.descriptions.description import (
    AccessResult,
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
from mmuproof.live.descriptions.layout import TABLES
from mmuproof.live.trial import Warned
from mmuproof.model.vendor import Vendor

_AT = address_of(1)
_WRONG_BIT = re.compile(r"\bin bit (\d+) of the exit qualification\b")
_READ_ONLY = bits.EPT_ENTRY.number("R MT=6")


def fetch_flag(told: ToldInputs) -> GuestDescription:
    """A fetch from a page that is not there (`role.fetch-flag`, `walk.fetch-flag`)."""
    if told.vendor is not Vendor.SHADOW:
        raise NoGuestError(
            "with EPT or nested paging KVM makes no error code for a fetch of the guest's; see vendor shadow"
        )
    cr4, efer = told.flags("CR4"), told.flags("EFER")
    told.ignore("CR0", "role.has_pferr_fetch", "addr", "access", "CR4.PSE", "the error code")
    told.ignore(*(each.name for each in told.counterexample.inputs if each.name.startswith("entry of level")))
    paging = GuestPaging.BITS_32
    if "PAE" in cr4:
        paging = GuestPaging.LEVELS_4 if "LMA" in efer or "LME" in efer else GuestPaging.PAE
    kept = " ".join(sorted(cr4 & {"PSE", "SMEP", "SMAP"}))
    tells = told.counterexample.actual.endswith("1")
    with_flag, without = page_fault("F"), page_fault("")
    right, shows = (without, with_flag) if tells else (with_flag, without)
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        host=HostKvm(tdp=False),
        paging=paging,
        cr4=bits.CR4.number(kept),
        efer=NX_IN_EFER * ("NX" in efer),
        accesses=(GuestAccess(kind=GuestAccessKind.FETCH, address=_AT, right=right, shows=shows),),
        cannot=told.left(),
    )


def structure_access(told: ToldInputs) -> GuestDescription:
    """KVM's own access through tables of L2 that L1's EPT allows to be read only (`nested.structure-access`)."""
    if told.vendor is not Vendor.INTEL:
        raise NoGuestError("nested paging takes every access to a paging structure for a write")
    if told.counterexample.actual != "a write":
        raise NoGuestError("an access that KVM takes for a read shows in nothing")
    if told.number("an accessed or dirty flag has to be set"):
        raise NoGuestError("a flag has to be set, so the processor writes as well")
    flags = bool(told.number("EPTP bit 6"))
    told.ignore("vcpu->arch.efer[10]")
    directory = TableEntry(of=_AT, level=2, to=TABLE, bits=GUEST_LEAF)
    l1 = RunByL1(
        stage=SecondStage.EPT,
        entries=(
            TableEntry(of=TABLE, level=1, to=TABLE, bits=_READ_ONLY),
            TableEntry(of=TABLES, level=1, to=TABLES, bits=_READ_ONLY),
            small_page(SecondStage.EPT, FRAME, FRAME),
        ),
        accessed_dirty=flags,
        efer=NX_IN_EFER,
    )
    code = bits.EPT_VIOLATION.number("WRITE LINEAR")
    denied = AccessResult(kind=ResultKind.EPT_VIOLATION, code=code, mask=code | bits.EPT_VIOLATION.number("FETCH"))
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        paging=GuestPaging.LEVELS_4,
        entries=(directory, TableEntry(of=_AT, level=1, to=FRAME, bits=GUEST_LEAF)),
        l1=l1,
        accesses=(
            GuestAccess(kind=GuestAccessKind.READ, address=_AT, right=done_in(FRAME)),
            GuestAccess(kind=GuestAccessKind.OUTS, address=_AT, right=done_in(FRAME), shows=denied),
        ),
        cannot=told.left(),
    )


def injected_qualification(told: ToldInputs) -> GuestDescription:
    """KVM's own access to a page that L1's EPT does not map (`exit.injected-qualification`)."""
    if told.number("from_hardware"):
        raise NoGuestError(
            "what the processor reported is none of KVM's own accesses, and accesses with a shadow stack "
            "are not described"
        )
    wrong = _WRONG_BIT.search(told.counterexample.sentence)
    telling = bits.EPT_VIOLATION.number("LINEAR FINAL USER")
    if wrong is None or not telling >> int(wrong.group(1)) & 1:
        raise NoGuestError("only a wrong bit 7, 8 or 9 of the exit qualification is made into a guest")
    flags = told.flags("fault->exit_qualification")
    told.ignore("told to L1")
    user = told.number("user-mode address")
    more = []
    if "FETCH" in flags:
        more.append("FETCH: KVM fetches only what the processor has fetched before; the guest reads instead")
    told_rightly = bits.EPT_VIOLATION.number("LINEAR FINAL" + " USER" * bool(user))
    told_wrongly = told_rightly ^ 1 << int(wrong.group(1))
    right, shows = (
        AccessResult(kind=ResultKind.EPT_VIOLATION, code=code, mask=telling, address=FRAME)
        for code in (told_rightly, told_wrongly)
    )
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        host=HostKvm(needs="kvm_intel.mbec"),
        paging=GuestPaging.LEVELS_4,
        entries=(TableEntry(of=_AT, level=1, to=FRAME, bits=guest_leaf(user=bool(user))),),
        l1=running_l1(SecondStage.EPT),
        accesses=(GuestAccess(kind=GuestAccessKind.OUTS, address=_AT, right=right, shows=shows),),
        cannot=told.left(more),
    )


def reserved_spte(told: ToldInputs) -> GuestDescription:
    """An L2 in a large page, of an L1 without EFER.NX, under the mitigation (`entry.shadow-reserved`)."""
    level = told.number("sp->role.level")
    if "L1 without EFER.NX under the mitigation" not in told.part or level != 2:
        raise NoGuestError("only the mitigation's large pages of nested paging are made into guests")
    told.ignore("pte_access", "spte", "cr0", "sme_me_mask[63]")
    l1 = running_l1(SecondStage.NPT, TableEntry(of=FRAME, level=level, to=FRAME, bits=GUEST_PAGE))
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        host=HostKvm(kvm=("nx_huge_pages=force",), huge_pages=True),
        paging=GuestPaging.NONE,
        l1=RunByL1(stage=l1.stage, entries=l1.entries, efer=0),
        warning=Warned("make_spte", rf"level = {level}, rsvd bits = 0x8"),
        accesses=(GuestAccess(kind=GuestAccessKind.READ, address=FRAME, right=done_in(FRAME)),),
        cannot=told.left(),
    )


def empty_spte(told: ToldInputs) -> GuestDescription:
    """An L2 that makes KVM prefetch a neighbour (`spte.no-warning`)."""
    if told.vendor is not Vendor.INTEL or "prefetch" not in f"{told.part} {told.counterexample.place}":
        raise NoGuestError("only what KVM prefetches in a nested EPT is made into guests")
    told.ignore_all()
    page = LARGE[1]
    neighbour = EPT_LEAF & ~bits.EPT_ENTRY.number("R W XU")
    l1 = running_l1(
        SecondStage.EPT,
        TableEntry(of=FRAME, level=2, bits=bits.EPT_ENTRY.number("R")),
        TableEntry(of=FRAME, level=1, to=FRAME, bits=_READ_ONLY),
        TableEntry(of=FRAME + page, level=1, to=FRAME + page, bits=neighbour),
    )
    return GuestDescription(
        says=told.says,
        machines=machines_of(told.vendor),
        paging=GuestPaging.NONE,
        l1=l1,
        warning=Warned("make_spte", through="ept_page_fault"),
        accesses=(GuestAccess(kind=GuestAccessKind.READ, address=FRAME, right=done_in(FRAME)),),
    )
