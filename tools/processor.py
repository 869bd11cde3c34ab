"""Hold an emulated processor, or KVM's own walk, against the manuals: ``python -m tools.processor [--guests N] ...``.

Makes guests with random tables of every paging mode and random control registers, each with accesses of every kind,
says of each access what is right by `spec/`, runs them on a kernel in an emulator, and tells what came otherwise.
With EPT or nested paging on, a guest's own tables are walked by the processor; with ``--by-kvm`` the accesses are OUTS
and INS, for which KVM walks them.  With ``--nested`` an L1 runs the guest on random tables of EPT or nested paging.
With ``--without-kvm`` there is no kernel: the processor itself is all that is held against the manuals.

What an emulator is known to do otherwise than the manuals say is counted, and is no difference.

Exit status: 0 all is right; 1 something differs; 2 something that is needed is not there, or a guest is broken.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmuproof.cli.shared.caching import kernels_folder
from mmuproof.live.compiling import CompilerError
from mmuproof.live.descriptions.description import GuestAccessKind, GuestDescription, ResultKind
from mmuproof.live.descriptions.flags import expected_flags, marked_entries
from mmuproof.live.descriptions.results import came, expected_facts, told_result
from mmuproof.live.descriptions.trials import trials_of
from mmuproof.live.descriptions.writing import description_text
from mmuproof.live.emulators.bounded import EmulatorError
from mmuproof.live.guests.code import AssemblerError
from mmuproof.live.judging import TryOutcome, fits
from mmuproof.live.kernels import NoKernelError, built_kernel
from mmuproof.live.plan import ATTEMPT, TryPart
from mmuproof.live.session import run_tries
from mmuproof.live.trial import Emulated
from mmuproof.live.without_kernel import run_without_kernel
from tools.quirks import quirk_of
from tools.random_guests import random_guest
from tools.random_l2 import random_l2

_MACHINES = {"amd": Emulated.AMD, "intel": Emulated.INTEL, "amd-bochs": Emulated.AMD_BOCHS}


def main() -> int:
    """Compare as the command line asks; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kernel", default="7.2", metavar="SERIES", help="the kernel that runs; 7.2 by default")
    parser.add_argument(
        "--machine", choices=sorted(_MACHINES), default="amd", help="amd (QEMU), or intel or amd-bochs (Bochs)"
    )
    parser.add_argument("--guests", type=int, default=20, metavar="N", help="how many guests")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the first guest")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--by-kvm", action="store_true", help="KVM makes the accesses, and walks the tables")
    which.add_argument(
        "--nested", action="store_true", help="an L1 runs the guest, on random EPT or nested page tables"
    )
    parser.add_argument("--without-kvm", action="store_true", help="no kernel: the guests have the processor itself")
    parser.add_argument(
        "--keep", metavar="FOLDER", type=Path, help="write the guests that differ there, as descriptions"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="each access that differs")
    arguments = parser.parse_args()
    if arguments.by_kvm and arguments.without_kvm:
        parser.error("--by-kvm is about KVM's walk, and --without-kvm has none")
    machine = _MACHINES[arguments.machine]
    seeds = range(arguments.seed, arguments.seed + arguments.guests)
    guests = {
        f"seed-{seed}": random_l2(seed, machine)
        if arguments.nested
        else random_guest(seed, machine, arguments.by_kvm, without_kvm=arguments.without_kvm)
        for seed in seeds
    }
    trials = [trial for name, guest in guests.items() for trial in trials_of(name, guest)]
    cache = kernels_folder()
    try:
        with tempfile.TemporaryDirectory() as folder:
            boot = (
                run_without_kernel(cache, machine, trials, Path(folder))
                if arguments.without_kvm
                else run_tries(built_kernel(cache, arguments.kernel), machine, trials, Path(folder))
            )
    except NoKernelError as error:
        sys.stderr.write(f"processor: {error}\n")
        return 2
    except (AssemblerError, CompilerError, EmulatorError) as error:
        sys.stderr.write(f"processor: {error}\n")
        return 2
    found: Counter[tuple[str, str]] = Counter()
    known: Counter[str] = Counter()
    broken = 0
    for judged in boot.results:
        guest = guests[judged.trial.name]
        if judged.outcome is TryOutcome.BROKEN:
            broken += 1
            print(f"{judged.trial.name} is broken: {judged.why}")
            continue
        facts = boot.seen[TryPart(judged.trial, ATTEMPT).name].facts
        every = list(_differing(guest, facts))
        # What KVM walks no emulator has walked.
        quirks = [
            None if arguments.by_kvm else quirk_of(machine, right, what, without_kvm=arguments.without_kvm)
            for _, right, what in every
        ]
        differing = [each for each, quirk in zip(every, quirks, strict=True) if quirk is None]
        known.update(quirk.says for quirk in quirks if quirk is not None)
        found.update((right, what) for _, right, what in differing)
        for number, right, what in differing if arguments.verbose else ():
            if not number:
                print(f"{judged.trial.name}: right {right}, came {what}")
                continue
            access = guest.accesses[number - 1]
            who = "user" if access.user else "supervisor, AC" if access.alignment_check else "supervisor"
            print(f"{judged.trial.name}: {access.kind.value} {access.address:#x}, {who}: right {right}, came {what}")
        if differing and arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
            (arguments.keep / f"{judged.trial.name}.toml").write_text(description_text(guest), "utf-8")
    accesses = sum(len(guest.accesses) for guest in guests.values())
    print(f"{accesses} accesses of {len(guests)} guests, {sum(found.values())} not as the manuals say, {broken} broken")
    for says, count in known.most_common():
        print(f"  {count:5}  {says}")
    for (right, what), count in found.most_common():
        print(f"  {count:5}  right {right}, came {what}")
    return 2 if broken else int(bool(found))


def _differing(guest: GuestDescription, facts: Mapping[str, int | str]) -> Iterator[tuple[int, str, str]]:
    """Of each access that came to something else: its number, what is right, and what came; 0 if it is flags."""
    elsewhere: set[int] = set()
    for number, access in enumerate(guest.accesses, start=1):
        # KVM reads the port before it looks whether it may write what it has read; that is not what is compared.
        what, _, _ = came(guest, number, facts).partition(";")
        right = ResultKind.DONE.value if access.right.kind is ResultKind.DONE else told_result(access.right)
        wanted = expected_facts(guest, number, access.right)
        by_port = access.kind in (GuestAccessKind.OUTS, GuestAccessKind.INS)
        is_so = all(fits(wanted[name], facts.get(name)) for name in wanted)
        if not (what.startswith(right) if by_port and access.right.kind is ResultKind.DONE else is_so):
            elsewhere.add(access.address)
            yield number, right, what
    wanted_flags = expected_flags(guest)
    for each in marked_entries(guest):
        value = facts.get(each.fact)
        # What came otherwise has marked the entries otherwise.
        if not fits(wanted_flags[each.fact], value) and (each.of_l1 or each.after.of not in elsewhere):
            came_of = each.text(value) if isinstance(value, int) else "nothing"
            yield 0, f"flags {each.text(each.after.bits)}", f"flags {came_of}"


if __name__ == "__main__":
    sys.exit(main())
