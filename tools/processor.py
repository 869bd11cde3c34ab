"""Hold an emulated processor, or KVM's own walk, against the manuals: ``processor.py [--guests N] [--by-kvm] ...``.

Makes guests with random tables of every paging mode and random control registers, each with accesses of every kind,
says of each access what is right by `spec/`, runs them on a kernel in an emulator, and tells what came otherwise.
With EPT or nested paging on, a guest's own tables are walked by the processor; with ``--by-kvm`` the accesses are OUTS
and INS, for which KVM walks them.

QEMU's own walk is known to tell RSVD without P; that is counted, and is no difference.

Exit status: 0 all is right; 1 something differs; 2 something that is needed is not there, or a guest is broken.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from mmuproof.live.compiling import CompilerError
from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.description import (
    AccessResult,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestPaging,
    ResultKind,
    TableEntry,
)
from mmuproof.live.descriptions.results import came, told_result
from mmuproof.live.descriptions.trials import trials_of
from mmuproof.live.descriptions.writing import description_text
from mmuproof.live.emulators.bounded import EmulatorError
from mmuproof.live.guests.code import AssemblerError
from mmuproof.live.judging import TryOutcome
from mmuproof.live.kernels import NoKernelError, built_kernel
from mmuproof.live.plan import ATTEMPT, TryPart
from mmuproof.live.session import run_tries
from mmuproof.live.trial import Emulated
from mmuproof.smt.terms import FALSE, BitVec, Bool, boolean, bv
from mmuproof.spec import page_fault, paging
from mmuproof.spec.access import Access
from mmuproof.spec.entry_layout import Control, EntryFormat
from mmuproof.spec.paging_layout import AMD_LONG_MODE, INTEL_LONG_MODE, PAE, PAGING_32BIT
from mmuproof.spec.reserved import reserved_bit_set

_PAGES, _FIRST_FRAME, _PAGE = 12, 0x800000, 0x1000
_WIDTH = 40
"""MAXPHYADDR of both emulated processors or less: no entry here uses a higher address bit."""
_PRESENT, _ALL = bits.GUEST_ENTRY.number("P"), bits.GUEST_ENTRY.number("P W U A D")
_RESERVED = bits.PAGE_FAULT.number("RSVD")
_SPECIAL = (51, 52, 62)
"""Bits that are reserved in entries of some modes, and not in others."""
_MODES = (GuestPaging.BITS_32, GuestPaging.PAE, GuestPaging.LEVELS_4)
_MACHINES = {"amd": Emulated.AMD, "intel": Emulated.INTEL}


@dataclass(frozen=True)
class TranslatedPage:
    """A linear address, and the entries that translate it, from the root down."""

    address: int
    entries: tuple[TableEntry, ...]


def random_guest(seed: int, machine: Emulated, by_kvm: bool) -> GuestDescription:
    """A guest of random tables and registers, with what is right by the manuals."""
    choose = random.Random(seed)
    mode = choose.choice(_MODES)
    cr0, cr4, efer = (_some(choose, names) for names in ((bits.CR0, "WP"), (bits.CR4, "SMEP SMAP"), (bits.EFER, "NX")))
    pages = tuple(_page(choose, mode, number) for number in range(_PAGES))
    guest = GuestDescription(
        says=f"Random tables of {mode.value} paging, seed {seed}.",
        machines=(machine,),
        paging=mode,
        cr0=cr0,
        cr4=cr4,
        efer=efer,
        entries=tuple(entry for page in pages for entry in page.entries),
        accesses=(),
    )
    kinds = (
        (GuestAccessKind.OUTS, GuestAccessKind.INS)
        if by_kvm
        else (GuestAccessKind.READ, GuestAccessKind.WRITE, GuestAccessKind.FETCH)
    )
    accesses = tuple(
        GuestAccess(kind=kind, address=page.address, user=user, right=right_by_manual(guest, page, kind, user))
        for page in pages
        for kind in kinds
        for user in (False, True)
    )
    return GuestDescription(**{**vars(guest), "accesses": accesses})


def _some(choose: random.Random, named: tuple[bits.BitNames, str]) -> int:
    names, text = named
    return sum(names.number(word) for word in text.split() if choose.random() < 0.5)


def _page(choose: random.Random, mode: GuestPaging, number: int) -> TranslatedPage:
    top = {GuestPaging.BITS_32: 2, GuestPaging.PAE: 2, GuestPaging.LEVELS_4: 4}[mode]
    # Each in a table of its own at every level.
    shift = {GuestPaging.BITS_32: 22, GuestPaging.PAE: 21, GuestPaging.LEVELS_4: 39}[mode]
    address = (number + 4) << shift
    frame = _FIRST_FRAME + number * _PAGE
    entries = []
    for level in range(top, 0, -1):
        value = _ALL if choose.random() < 0.6 else _random_rights(choose, mode)
        entries.append(TableEntry(of=address, level=level, to=frame if level == 1 else None, bits=value))
    return TranslatedPage(address, tuple(entries))


def _random_rights(choose: random.Random, mode: GuestPaging) -> int:
    value = bits.GUEST_ENTRY.number("A D") | _PRESENT * (choose.random() < 0.9)
    value |= sum(bits.GUEST_ENTRY.number(name) for name in ("W", "U") if choose.random() < 0.6)
    if mode is GuestPaging.BITS_32:
        return value
    value |= bits.GUEST_ENTRY.number("NX") * (choose.random() < 0.3)
    return value | (1 << choose.choice(_SPECIAL) if choose.random() < 0.15 else 0)


def right_by_manual(guest: GuestDescription, page: TranslatedPage, kind: GuestAccessKind, user: bool) -> AccessResult:
    """What an access comes to by the manuals."""
    write = kind in (GuestAccessKind.WRITE, GuestAccessKind.INS)
    fetch = kind is GuestAccessKind.FETCH
    access = paging.LinearAccess(
        Access(boolean(not write and not fetch), boolean(write), boolean(fetch)), boolean(user), FALSE
    )
    smep, nx = guest.cr4 >> 20 & 1, guest.efer >> 11 & 1
    controls = paging.PagingControls(
        write_protect=boolean(bool(guest.cr0)),
        smep=boolean(bool(smep)),
        smap=boolean(bool(guest.cr4 >> 21 & 1)),
        no_execute_enabled=boolean(bool(nx)),
        alignment_check=FALSE,
    )
    layout, settings = _layout(guest), _settings(guest)
    width = 32 if guest.paging is GuestPaging.BITS_32 else 64
    values = [bv(entry.bits | (entry.to or 0), width) for entry in page.entries]
    missing = reserved = False
    for entry, value in zip(page.entries, values, strict=True):
        missing = not _true(paging.present(value))
        reserved = not missing and _true(reserved_bit_set(layout, value, entry.level, settings, bv(_WIDTH, 8)))
        if missing or reserved:
            break
    denied = not _true(paging.allows(paging.combined(values), access, controls))
    cause = page_fault.FaultCause(boolean(missing), boolean(reserved), boolean(denied), FALSE)
    if not _true(page_fault.faults(cause)):
        return AccessResult(kind=ResultKind.DONE, frame=page.entries[-1].to)
    code = page_fault.error_code(
        cause,
        access,
        smep=boolean(bool(smep)),
        physical_address_extension=boolean(guest.paging is not GuestPaging.BITS_32),
        no_execute_enabled=boolean(bool(nx)),
        key_flag_beside_other_cause=FALSE,
    )
    return AccessResult(kind=ResultKind.PAGE_FAULT, code=_value(code))


def _layout(guest: GuestDescription) -> EntryFormat:
    if guest.paging is GuestPaging.LEVELS_4:
        return AMD_LONG_MODE if guest.machines[0] is Emulated.AMD else INTEL_LONG_MODE
    return PAE if guest.paging is GuestPaging.PAE else PAGING_32BIT


def _settings(guest: GuestDescription) -> Mapping[Control, Bool]:
    on = {Control.NO_EXECUTE: bool(guest.efer), Control.PAGES_1G: True}
    return {control: boolean(on.get(control, False)) for control in Control}


def _true(term: Bool) -> bool:
    assert term.is_const
    return bool(term.value)


def _value(term: BitVec) -> int:
    assert term.is_const
    assert term.value is not None
    return int(term.value)


def main() -> int:
    """Compare as the command line asks; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kernel", default="7.2", metavar="SERIES", help="the kernel that runs; 7.2 by default")
    parser.add_argument("--machine", choices=sorted(_MACHINES), default="amd", help="amd (QEMU) or intel (Bochs)")
    parser.add_argument("--guests", type=int, default=20, metavar="N", help="how many guests")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the first guest")
    parser.add_argument("--by-kvm", action="store_true", help="KVM makes the accesses, and walks the tables")
    parser.add_argument(
        "--keep", metavar="FOLDER", type=Path, help="write the guests that differ there, as descriptions"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="each access that differs")
    arguments = parser.parse_args()
    machine = _MACHINES[arguments.machine]
    seeds = range(arguments.seed, arguments.seed + arguments.guests)
    guests = {f"seed-{seed}": random_guest(seed, machine, arguments.by_kvm) for seed in seeds}
    trials = [trial for name, guest in guests.items() for trial in trials_of(name, guest)]
    cache = Path(os.environ.get("MMUPROOF_KERNELS") or platformdirs.user_cache_path("mmuproof") / "kernels")
    try:
        with tempfile.TemporaryDirectory() as folder:
            boot = run_tries(built_kernel(cache, arguments.kernel), machine, trials, Path(folder))
    except NoKernelError as error:
        sys.stderr.write(f"processor: {error}: make live-kernels\n")
        return 2
    except (AssemblerError, CompilerError, EmulatorError) as error:
        sys.stderr.write(f"processor: {error}\n")
        return 2
    found: Counter[tuple[str, str]] = Counter()
    broken = known = 0
    for judged in boot.results:
        guest = guests[judged.trial.name]
        if judged.outcome is TryOutcome.BROKEN:
            broken += 1
            print(f"{judged.trial.name} is broken: {judged.why}")
            continue
        facts = boot.seen[TryPart(judged.trial, ATTEMPT).name].facts
        every = list(_differing(guest, facts))
        differing = [each for each in every if not _known(machine, arguments.by_kvm, *each[1:])]
        known += len(every) - len(differing)
        found.update((right, what) for _, right, what in differing)
        for number, right, what in differing if arguments.verbose else ():
            access = guest.accesses[number - 1]
            who = "user" if access.user else "supervisor"
            print(f"{judged.trial.name}: {access.kind.value} {access.address:#x}, {who}: right {right}, came {what}")
        if differing and arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            (arguments.keep / f"{judged.trial.name}.toml").write_text(description_text(guest), "utf-8")
    accesses = sum(len(guest.accesses) for guest in guests.values())
    print(f"{accesses} accesses of {len(guests)} guests, {sum(found.values())} not as the manuals say, {broken} broken")
    if known:
        print(f"  {known:5}  RSVD without P, as QEMU is known to tell it")
    for (right, what), count in found.most_common():
        print(f"  {count:5}  right {right}, came {what}")
    return 2 if broken else int(bool(found))


def _known(machine: Emulated, by_kvm: bool, right: str, what: str) -> bool:
    """Whether it is QEMU that tells a reserved bit without P."""
    codes = [re.match(r"page fault (0x[0-9a-f]+)", each) for each in (right, what)]
    numbers = [int(code.group(1), 16) for code in codes if code]
    if machine is not Emulated.AMD or by_kvm or len(numbers) < 2:
        return False
    return bool(numbers[0] & _RESERVED) and numbers[1] == numbers[0] & ~_PRESENT


def _differing(guest: GuestDescription, facts: Mapping[str, int | str]) -> Iterator[tuple[int, str, str]]:
    """Of each access that came to something else: its number, what is right, and what came."""
    for number, access in enumerate(guest.accesses, start=1):
        # KVM reads the port before it looks whether it may write what it has read; that is not what is compared.
        what, _, _ = came(guest, number, facts).partition(";")
        is_done = access.right.kind is ResultKind.DONE
        right = ResultKind.DONE.value if is_done else told_result(access.right)
        if not (what.startswith(right) if is_done else what == right):
            yield number, right, what


if __name__ == "__main__":
    sys.exit(main())
