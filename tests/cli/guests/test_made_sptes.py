"""Guests of counterexamples of `make_spte()`: the SPTE is made, and then used."""

from __future__ import annotations

import pytest

from mmuproof.cli.guests.guest_file import guest_of_result
from mmuproof.cli.guests.told import NoGuestError
from mmuproof.cli.shared.results import Result
from mmuproof.live.descriptions.bits import CR4, EPT_ENTRY, GUEST_ENTRY
from mmuproof.live.descriptions.description import GuestAccessKind, GuestDescription, ResultKind
from mmuproof.live.descriptions.frames import reached
from mmuproof.live.descriptions.making import guest_of
from mmuproof.live.guests.steps import MemorySlot
from mmuproof.model.vendor import Vendor
from tests.cli.guests.test_guest_file import result, written

_INTEL_READS, _ONLY_XS, _ONLY_XU = (
    "0x8000000000000901  (R|A)",
    "0x8000000000000904  (XS|A)",
    "0x8000000000000d00  (XU|A)",
)
READ, WRITE, FETCH = GuestAccessKind.READ, GuestAccessKind.WRITE, GuestAccessKind.FETCH


def of_spte(symptom: str, vendor: Vendor = Vendor.INTEL, theorem: str = "spte.permissions", **told: str) -> Result:
    """A counterexample of `make_spte()`; `level`, `nx` and `ad` stand for inputs whose names are no words."""
    names = {"level": "sp->role.level", "nx": "bit 0 of nx_huge_pages", "ad": "sp->role.ad_disabled"}
    names |= {"smap": "CR4.SMAP", "user_mode": "user-mode"}
    return result(theorem, vendor, symptom, **{names.get(name, name): text for name, text in told.items()})


def kinds(guest: GuestDescription) -> list[tuple[GuestAccessKind, bool, ResultKind, ResultKind | None]]:
    return [(each.kind, each.user, each.right.kind, each.shows.kind if each.shows else None) for each in guest.accesses]


def test_what_an_spte_grants_too_much_is_used_when_it_has_been_made() -> None:
    guest = guest_of_result(of_spte("access-gained", pte_access="EXEC", read="1", spte="0x905  (R|XS|A)"))
    assert written(guest) == guest
    first, second = kinds(guest)
    assert first == (FETCH, False, ResultKind.DONE, None)
    assert second == (READ, False, ResultKind.EPT_VIOLATION, ResultKind.DONE)
    assert guest.l1 is not None
    assert EPT_ENTRY.text(guest.l1.entries[0].bits) == "X MT=6"


def test_what_an_spte_grants_too_little_is_never_done() -> None:
    guest = guest_of_result(of_spte("spte-not-executable", theorem="exec-only.spte", pte_access="EXEC", spte=_ONLY_XU))
    assert written(guest) == guest
    assert kinds(guest) == [(FETCH, False, ResultKind.DONE, ResultKind.ENDLESS)]
    assert guest.l1 is not None
    assert guest.l1.mbec


def test_under_mbec_each_mode_fetches_from_an_address_of_its_own_and_the_page_is_one() -> None:
    guest = guest_of_result(of_spte("access-gained", pte_access="USER_EXEC|READ", spte="0xd05  (R|XS|XU|A)"))
    fetches = [each for each in guest.accesses if each.kind is FETCH]
    assert [each.user for each in fetches] == [False]
    assert {reached(guest, each.address) for each in guest.accesses} == {0x80_0000}
    (entry,) = [each for each in guest.entries if each.of == fetches[0].address]
    assert not entry.bits & GUEST_ENTRY.number("U")


def test_rights_that_no_entry_of_ept_has_are_said() -> None:
    guest = guest_of_result(of_spte("access-gained", pte_access="0", read="1", spte=_INTEL_READS))
    assert guest.cannot == ("pte_access = 0: no entry of EPT grants just that, and this one grants EXEC",)
    guest = guest_of_result(of_spte("access-gained", pte_access="USER_EXEC", MBEC="0", fetch="1", spte=_ONLY_XS))
    assert guest.cannot == ("MBEC = 0: only where L1 turns it on an entry grants execution in one mode alone",)


@pytest.mark.parametrize("vendor", list(Vendor))
def test_what_the_host_may_not_write_is_memory_that_the_guest_only_reads(vendor: Vendor) -> None:
    spte = "0x8080000000000b03  (R|W)" if vendor is Vendor.INTEL else "0x8000000000000c67  (P|W|U|NX)"
    told = of_spte("access-gained", vendor, pte_access="READ|WRITE", host_writable="0", write="1", spte=spte)
    guest = guest_of_result(told)
    assert written(guest) == guest
    assert [each[2:] for each in kinds(guest)] == [(ResultKind.DONE, None), (ResultKind.MMIO, ResultKind.DONE)]
    assert [slot.read_only for slot in guest_of(guest) if isinstance(slot, MemorySlot)] == [False, True]
    assert guest.cannot == ()


def test_the_mitigation_is_turned_on_for_a_huge_page() -> None:
    told = of_spte("user-lost", Vendor.AMD, "acc.one-to-one", level="2", pte_access="READ|USER", nx="1", spte="0x8a1")
    guest = guest_of_result(told)
    assert written(guest) == guest
    assert (guest.host.kvm, guest.host.huge_pages) == (("nx_huge_pages=force",), True)
    assert kinds(guest) == [(READ, False, ResultKind.DONE, ResultKind.ENDLESS)] or guest.accesses[0].user
    assert guest.l1 is not None
    assert guest.l1.entries[0].level == 2


def test_under_shadow_paging_the_guests_own_entry_has_the_rights() -> None:
    told = of_spte("access-gained", Vendor.SHADOW, pte_access="READ|USER", user_mode="0", smap="1", spte="0x8a1  (P|A)")
    guest = guest_of_result(told)
    assert (guest.host.tdp, CR4.text(guest.cr4), guest.l1) == (False, "SMAP", None)
    # Whatever the SPTE grants besides, users are denied what the entry grants them.
    assert kinds(guest) == [(READ, True, ResultKind.DONE, ResultKind.ENDLESS)]


def test_what_is_prefetched_is_used_after_its_neighbour() -> None:
    guest = guest_of_result(of_spte("access-gained", pte_access="EXEC", prefetch="1", spte="0x905  (R|XS|A)"))
    first, second = guest.accesses
    assert (first.address - second.address, reached(guest, first.address)) == (0x1000, 0x80_1000)
    assert second.right.kind is ResultKind.EPT_VIOLATION


def test_without_accessed_flags_in_the_page_kvm_is_loaded_without_them() -> None:
    guest = guest_of_result(of_spte("access-gained", pte_access="EXEC", ad="1", spte="0x905  (R|XS|A)"))
    assert guest.host.vendor == ("eptad=0",)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (of_spte("write-tracking-ignored", theorem="acc.one-to-one"), "one of the guest's tables meanwhile"),
        (of_spte("tracked-unasked", pte_access="READ", spte=_INTEL_READS), "one fault more is taken"),
        (of_spte("access-gained", level="3", pte_access="READ", spte="0x905"), "no pages of level 3"),
        (of_spte("access-gained", level="2", nx="1", pte_access="READ", spte="0x905"), "maps a small page"),
        (of_spte("access-lost", prefetch="1", pte_access="READ", spte="0x800"), "makes the SPTE anew"),
        (of_spte("access-gained", prefetch="1", level="2", pte_access="READ", spte="0x903"), "small pages alone"),
        (of_spte("access-lost", pte_access="READ", spte="0x901"), "no access of a guest's tells"),
        (of_spte("access-lost", pte_access="READ"), "spte may have any value"),
    ],
)
def test_of_an_spte_that_no_guest_can_see_the_reason_is_told(told: Result, why: str) -> None:
    with pytest.raises(NoGuestError, match=why):
        guest_of_result(told)
