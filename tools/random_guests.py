"""Guests of random tables and registers, with what is right of each access by the manuals on paging."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.description import (
    AccessResult,
    EntryAfter,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestPaging,
    ResultKind,
    TableEntry,
)
from mmuproof.live.trial import Emulated
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, boolean, bv, extract
from mmuproof.spec import page_fault, paging, protection_keys
from mmuproof.spec.access import Access
from mmuproof.spec.entry_layout import Control, EntryFormat
from mmuproof.spec.paging_layout import AMD_LONG_MODE, INTEL_LONG_MODE, PAE, PAGING_32BIT
from mmuproof.spec.reserved import reserved_bit_set

_PAGES, _FIRST_FRAME, _PAGE = 12, 0x800000, 0x1000
WIDTH = 40
"""MAXPHYADDR of both emulated processors or less: no entry uses a higher address bit that is not to be reserved."""
_PRESENT, _WRITABLE, _ALL = (bits.GUEST_ENTRY.number(text) for text in ("P", "W", "P W U A D"))
_KEY_LOW, _KEY_HIGH = 59, 62
_KEY_FLAG = bits.PAGE_FAULT.number("PK")
_SPECIAL = (51, 52, 62)
"""Bits that are reserved in entries of some modes, and not in others."""
_MODES = (GuestPaging.BITS_32, GuestPaging.PAE, GuestPaging.LEVELS_4)
_LONG_MODES = (GuestPaging.LEVELS_4, GuestPaging.LEVELS_5)


@dataclass(frozen=True)
class TranslatedPage:
    """A linear address, and the entries that translate it, from the root down."""

    address: int
    entries: tuple[TableEntry, ...]


def random_guest(seed: int, machine: Emulated, by_kvm: bool, *, without_kvm: bool = False) -> GuestDescription:
    """A guest of random tables and registers, with what is right by the manuals.

    Args:
        seed: the same gives the same guest.
        machine: on which it runs.
        by_kvm: the accesses are those that KVM makes.
        without_kvm: it has the processor itself, so that guests with 5-level paging can be beside others in Bochs too.
    """
    choose = random.Random(seed)
    levels_5 = machine.is_qemu or (machine is Emulated.INTEL and without_kvm)
    mode = choose.choice((*_MODES, GuestPaging.LEVELS_5) if levels_5 else _MODES)
    has_keys = machine is not Emulated.AMD_BOCHS and mode in _LONG_MODES and choose.random() < 0.5
    cr0, cr4, efer = (_some(choose, names) for names in ((bits.CR0, "WP"), (bits.CR4, "SMEP SMAP"), (bits.EFER, "NX")))
    pages = tuple(_page(choose, mode, number, has_key=has_keys, is_qemu=machine.is_qemu) for number in range(_PAGES))
    guest = GuestDescription(
        says=f"Random tables of {mode.value} paging, seed {seed}.",
        machines=(machine,),
        paging=mode,
        cr0=cr0,
        cr4=cr4 | bits.CR4.number("PKE") * has_keys,
        efer=efer,
        pkru=choose.getrandbits(30) << 2 | 4 if has_keys else 0,
        entries=tuple(entry for page in pages for entry in page.entries),
        accesses=(),
    )
    kinds = (
        (GuestAccessKind.OUTS, GuestAccessKind.INS)
        if by_kvm
        else (GuestAccessKind.READ, GuestAccessKind.WRITE, GuestAccessKind.FETCH)
    )
    accesses = tuple(
        replace(access, right=right_by_manual(guest, page, access))
        for page in pages
        for access in _accesses(choose, page, kinds, has_smap=bool(cr4 & bits.CR4.number("SMAP")))
    )
    flags = (each for page in pages for each in flags_after(page.entries, made_on(accesses, page), bits.GUEST_ENTRY))
    return replace(guest, accesses=accesses, after=tuple(flags))


def _accesses(
    choose: random.Random, page: TranslatedPage, kinds: Iterable[GuestAccessKind], *, has_smap: bool
) -> Iterator[GuestAccess]:
    for kind in kinds:
        for user in (False, True):
            checked = has_smap and not user and choose.random() < 0.5
            yield GuestAccess(kind=kind, address=page.address, user=user, alignment_check=checked)


def made_on(accesses: Iterable[GuestAccess], page: TranslatedPage) -> tuple[GuestAccess, ...]:
    """The accesses to a page."""
    return tuple(access for access in accesses if access.address == page.address)


def flags_after(
    entries: Iterable[TableEntry], made: Sequence[GuestAccess], names: bits.BitNames
) -> Iterator[EntryAfter]:
    """The accessed and dirty flags of a page's entries, after accesses of which it is said what is right.

    Of what is denied, the manual does not say whether the entries count as accessed.  Nothing is written by it.

    Args:
        entries: in which the flags have some value before.
        made: the accesses to the page.
        names: of the bits of an entry.
    """
    accessed, dirty = names.number("A"), names.number("D")
    is_done = any(access.right.kind is ResultKind.DONE for access in made)
    is_written = any(access.right.kind is ResultKind.DONE and is_true(access_of(access.kind).write) for access in made)
    for entry in entries:
        set_before = entry.bits & (accessed | dirty)
        set_after = set_before | accessed * is_done | dirty * (is_written and entry.level == 1)
        known = dirty | accessed * bool(set_after & accessed)
        yield EntryAfter(of=entry.of, level=entry.level, bits=set_after, mask=known)


def _some(choose: random.Random, named: tuple[bits.BitNames, str]) -> int:
    names, text = named
    return sum(names.number(word) for word in text.split() if choose.random() < 0.5)


def _page(choose: random.Random, mode: GuestPaging, number: int, *, has_key: bool, is_qemu: bool) -> TranslatedPage:
    top = {GuestPaging.BITS_32: 2, GuestPaging.PAE: 2}.get(mode, mode.levels)
    # Each in a table of its own at every level.
    shift = {GuestPaging.BITS_32: 22, GuestPaging.PAE: 21, GuestPaging.LEVELS_4: 39, GuestPaging.LEVELS_5: 48}[mode]
    address = (number + 4) << shift
    frame = _FIRST_FRAME + number * _PAGE
    entries = []
    for level in range(top, 0, -1):
        value = _ALL if choose.random() < 0.6 else _random_rights(choose, mode)
        # Bochs ends if a supervisor writes a page that is neither writable nor dirty, where CR0.WP is clear.
        clear = "A D" if is_qemu or value & _WRITABLE else "A"
        value &= ~sum(bits.GUEST_ENTRY.number(flag) for flag in clear.split() if choose.random() < 0.3)
        if has_key and level == 1:
            value |= choose.randrange(1, 16) << _KEY_LOW
        entries.append(TableEntry(of=address, level=level, to=frame if level == 1 else None, bits=value))
    return TranslatedPage(address, tuple(entries))


def _random_rights(choose: random.Random, mode: GuestPaging) -> int:
    value = bits.GUEST_ENTRY.number("A D") | _PRESENT * (choose.random() < 0.9)
    value |= sum(bits.GUEST_ENTRY.number(name) for name in ("W", "U") if choose.random() < 0.6)
    if mode is GuestPaging.BITS_32:
        return value
    value |= bits.GUEST_ENTRY.number("NX") * (choose.random() < 0.3)
    return value | (1 << choose.choice(_SPECIAL) if choose.random() < 0.15 else 0)


def right_by_manual(guest: GuestDescription, page: TranslatedPage, made: GuestAccess) -> AccessResult:
    """What an access comes to by the manuals."""
    access = paging.LinearAccess(access_of(made.kind), boolean(made.user), FALSE)
    smep, nx = guest.cr4 >> 20 & 1, guest.efer >> 11 & 1
    controls = paging.PagingControls(
        write_protect=boolean(bool(guest.cr0)),
        smep=boolean(bool(smep)),
        smap=boolean(bool(guest.cr4 >> 21 & 1)),
        no_execute_enabled=boolean(bool(nx)),
        alignment_check=boolean(made.alignment_check),
    )
    layout, settings = _layout(guest), settings_with(bool(guest.efer))
    width = 32 if guest.paging is GuestPaging.BITS_32 else 64
    values = [bv(entry.bits | (entry.to or 0), width) for entry in page.entries]
    missing, reserved = stopped_at(page.entries, values, layout, settings)
    rights = paging.combined(values)
    denied = not is_true(paging.allows(rights, access, controls))
    by_key = _denied_by_key(guest, values[-1], access, rights.user_address)
    cause = page_fault.FaultCause(boolean(missing), boolean(reserved), boolean(denied), by_key)
    if not is_true(page_fault.faults(cause)):
        return AccessResult(kind=ResultKind.DONE, frame=page.entries[-1].to)
    code = page_fault.error_code(
        cause,
        access,
        smep=boolean(bool(smep)),
        physical_address_extension=boolean(guest.paging is not GuestPaging.BITS_32),
        no_execute_enabled=boolean(bool(nx)),
        key_flag_beside_other_cause=FALSE,
    )
    # Whether the key is told beside another cause the manual leaves open.
    mask = ~_KEY_FLAG & (1 << code.width) - 1 if is_true(by_key) and (reserved or denied) else None
    return AccessResult(kind=ResultKind.PAGE_FAULT, code=number_of(code), mask=mask)


def _denied_by_key(guest: GuestDescription, last: BitVec, access: paging.LinearAccess, user_address: Bool) -> Bool:
    if guest.paging not in _LONG_MODES:
        return FALSE
    return protection_keys.denied(
        access.access,
        pkru=bv(guest.pkru, 32),
        key=extract(last, _KEY_HIGH, _KEY_LOW),
        user_address=user_address,
        user_mode_access=access.is_user_mode_access,
        write_protect=boolean(bool(guest.cr0)),
        enabled=boolean(bool(guest.cr4 & bits.CR4.number("PKE"))),
        long_mode=TRUE,
    )


def stopped_at(
    entries: Sequence[TableEntry], values: Sequence[BitVec], layout: EntryFormat, settings: Mapping[Control, Bool]
) -> tuple[bool, bool]:
    """Whether a walk ends at an entry that is not present, and whether at one with a reserved bit.

    Args:
        entries: those of the walk, from the root down.
        values: what they hold.
        layout: what their bits are.
        settings: the controls that decide which are reserved.
    """
    for entry, value in zip(entries, values, strict=True):
        if not is_true(paging.present(value)):
            return True, False
        if is_true(reserved_bit_set(layout, value, entry.level, settings, bv(WIDTH, 8))):
            return False, True
    return False, False


def access_of(kind: GuestAccessKind) -> Access:
    """What an access does; no instruction here reads and writes."""
    write = kind in (GuestAccessKind.WRITE, GuestAccessKind.INS)
    fetch = kind is GuestAccessKind.FETCH
    return Access(boolean(not write and not fetch), boolean(write), boolean(fetch))


def _layout(guest: GuestDescription) -> EntryFormat:
    if guest.paging in _LONG_MODES:
        return AMD_LONG_MODE if guest.machines[0].is_amd else INTEL_LONG_MODE
    return PAE if guest.paging is GuestPaging.PAE else PAGING_32BIT


def settings_with(nx: bool) -> Mapping[Control, Bool]:
    """The controls that decide which bits of an entry are reserved, with EFER.NXE or without."""
    on = {Control.NO_EXECUTE: nx, Control.PAGES_1G: True}
    return {control: boolean(on.get(control, False)) for control in Control}


def is_true(term: Bool) -> bool:
    """A truth value that depends on nothing."""
    assert term.is_const
    return bool(term.value)


def number_of(term: BitVec) -> int:
    """A number that depends on nothing."""
    assert term.is_const
    assert term.value is not None
    return int(term.value)
