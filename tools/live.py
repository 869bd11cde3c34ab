"""Try the findings on running kernels, in emulators: ``live.py [--kernel SERIES ...] [--try NAME ...] [--fix PATCH]``.

Prints a table: for each try and kernel whether the finding SHOWS, is ABSENT, or the try is BROKEN.
With ``--guest FILE`` guests that are described in files (docs/guests.md) take the place of the tries, and what each
access came to is told beside what it should.

With ``--without-kvm`` they run on the emulated processor itself, and no kernel is in between.

Exit status: 0 no try is broken; 1 a try is broken; 2 something that is needed is not there.
"""

from __future__ import annotations

import argparse
import difflib
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from itertools import product
from pathlib import Path

from mmuproof.cli.shared.caching import kernels_folder
from mmuproof.lift.errors import SourceError
from mmuproof.live.building import BuildError, patched_kernel
from mmuproof.live.compiling import CompilerError
from mmuproof.live.console import Observed
from mmuproof.live.descriptions.description import GuestDescription
from mmuproof.live.descriptions.reading import read_description
from mmuproof.live.descriptions.selftest import NoSelftestError, gives_l2_a_stack, selftest_text
from mmuproof.live.descriptions.telling import told_accesses
from mmuproof.live.descriptions.toml_tables import DescriptionError
from mmuproof.live.descriptions.trials import made_by_processor, trials_of
from mmuproof.live.emulators.bounded import EmulatorError
from mmuproof.live.guests.code import AssemblerError
from mmuproof.live.judging import JudgedTry, TryOutcome
from mmuproof.live.kernels import BuiltKernel, NoKernelError, built_kernel
from mmuproof.live.plan import ATTEMPT, TryPart
from mmuproof.live.session import Boot, run_tries
from mmuproof.live.trial import Emulated, LiveTry
from mmuproof.live.tries.catalogue import TRIES
from mmuproof.live.without_kernel import run_without_kernel
from mmuproof.model.defects.catalogue import DEFECTS
from mmuproof.model.edits import patch_text

_SERIES = ("6.1", "6.12", "7.2")

_NO_KERNEL = "no kernel"

_Results = dict[str, tuple[JudgedTry, ...]]
"""By the version of a kernel."""
_Seen = dict[str, dict[str, Observed]]
"""By the version of a kernel and the name of a try's part, what it has shown."""
_Run = Callable[[Emulated, tuple[LiveTry, ...], Path], Boot]
_DescribedTry = tuple[LiveTry, GuestDescription]


def main() -> int:
    """Run the tries that the command line asks for; the exit status."""
    # So that an emulator is ended on the way out.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kernel", action="append", metavar="SERIES", help="only this kernel, such as 7.2")
    parser.add_argument("--try", action="append", metavar="NAME", dest="names", help="only this try, such as 17")
    parser.add_argument(
        "--guest", action="append", metavar="FILE", dest="guests", type=Path, help="this described guest, and no try"
    )
    parser.add_argument(
        "--selftest",
        metavar="FILE",
        type=Path,
        help="write the described guest as a test of KVM's selftests; run nothing",
    )
    parser.add_argument(
        "--tree", metavar="FOLDER", type=Path, help="the tree for whose selftests it is; else the newest"
    )
    parser.add_argument(
        "--fix", metavar="PATCH", type=Path, help="on a KVM that is built with this patch on its source"
    )
    parser.add_argument(
        "--without-kvm", action="store_true", help="the described guests on the emulated processor itself"
    )
    parser.add_argument("--defect", metavar="NAME", help="on a KVM that is built with this named defect in its source")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="keep the consoles there")
    parser.add_argument("-v", "--verbose", action="store_true", help="what was seen of each try")
    arguments = parser.parse_args()
    known = {trial.name for trial in TRIES}
    unknown = [name for name in arguments.names or () if name not in known]
    if unknown:
        parser.error(
            f"there is no try {', '.join(unknown)}{_near(unknown[0], known)} There are {', '.join(sorted(known))}"
        )
    if arguments.tree and not arguments.selftest:
        parser.error("--tree is about --selftest")
    if arguments.selftest:
        if len(arguments.guests or ()) != 1:
            parser.error("--selftest is about one described guest: give one --guest")
        return _write_selftest(arguments.guests[0], arguments.selftest, arguments.tree)
    if arguments.defect and arguments.fix:
        parser.error("--defect and --fix are two changes of one KVM; put the defect into the patch")
    if arguments.defect and arguments.defect not in DEFECTS:
        parser.error(f"there is no defect {arguments.defect}{_near(arguments.defect, DEFECTS)}")
    if arguments.guests and arguments.names:
        parser.error("--guest takes the place of the tries, and does not go with --try")
    if arguments.without_kvm and (not arguments.guests or arguments.kernel or arguments.fix or arguments.defect):
        parser.error("--without-kvm is about --guest, and about no kernel")
    chosen = tuple(trial for trial in TRIES if not arguments.names or trial.name in arguments.names)
    guests: list[_DescribedTry] = []
    cache = kernels_folder()
    seen: _Seen = {}
    try:
        if arguments.guests:
            guests = _guests(arguments.guests, by_processor=arguments.without_kvm)
            chosen = tuple(trial for trial, _ in guests)
        if arguments.without_kvm:
            results = {
                _NO_KERNEL: _all_of(_NO_KERNEL, chosen, arguments.keep, seen, partial(run_without_kernel, cache))
            }
        else:
            kernels = [built_kernel(cache, series) for series in arguments.kernel or _all_series(cache)]
            with tempfile.TemporaryDirectory() as folder:
                if arguments.fix or arguments.defect:
                    kernels = [_changed(kernel, arguments.fix, arguments.defect, Path(folder)) for kernel in kernels]
                results = {kernel.version: _on_kernel(kernel, chosen, arguments.keep, seen) for kernel in kernels}
    except NoKernelError as error:
        sys.stderr.write(f"live: {error}\n")
        return 2
    except (DescriptionError, SourceError) as error:
        sys.stderr.write(f"live: {error}\n")
        return 2
    except (AssemblerError, BuildError, CompilerError, EmulatorError) as error:
        sys.stderr.write(f"live: {error}\n")
        return 2
    _print_table(chosen, results, arguments.verbose)
    _print_guests(guests, seen)
    return int(any(each.outcome is TryOutcome.BROKEN for judged in results.values() for each in judged))


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known)
    return f"; did you mean {', '.join(near)}?" if near else "."


def _all_series(cache: Path) -> tuple[str, ...]:
    """Those that are always tried, and the newest that was fetched."""
    newest = cache / "newest"
    return (*_SERIES, newest.read_text().strip()) if newest.exists() else _SERIES


def _write_selftest(guest: Path, to: Path, tree: Path | None) -> int:
    try:
        with_stack = tree is not None and gives_l2_a_stack(tree)
        to.write_text(selftest_text(read_description(guest), with_stack=with_stack), "utf-8")
    except NoSelftestError as error:
        sys.stderr.write(f"live: {guest} cannot be a selftest: {error}\n")
        return 2
    except DescriptionError as error:
        sys.stderr.write(f"live: {error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"live: {to}: {error.strerror}\n")
        return 2
    return 0


def _changed(kernel: BuiltKernel, patch: Path | None, defect: str | None, folder: Path) -> BuiltKernel:
    """The kernel with a KVM that is built with a patch, or with a defect.

    Raises:
        BuildError: the patch does not apply, or KVM cannot be built with it.
        NoKernelError: what it takes is not in the cache.
        SourceError: the defect's edit does not fit the source.
    """
    made = folder / kernel.series
    made.mkdir()
    if defect is None:
        assert patch is not None
        return patched_kernel(kernel, patch, made)
    source, as_patch = kernel.cache / f"linux-{kernel.series}", made / defect
    as_patch.write_text(patch_text(source, DEFECTS[defect].edits), "utf-8")
    return patched_kernel(kernel, as_patch, made / "changed")


def _guests(files: list[Path], *, by_processor: bool) -> list[_DescribedTry]:
    """The tries that descriptions are, each with its description.

    Raises:
        DescriptionError: one cannot be read, or two files have one name.
    """
    found: list[_DescribedTry] = []
    for file in files:
        described = read_description(file)
        if by_processor:
            described = made_by_processor(described)
        name = "-".join(file.stem.split())
        if any(trial.name == name for trial, _ in found):
            raise DescriptionError(f"{file}: another file is called {name} as well")
        found += [(trial, described) for trial in trials_of(name, described)]
    return found


def _on_kernel(
    kernel: BuiltKernel, trials: tuple[LiveTry, ...], keep: Path | None, seen: _Seen
) -> tuple[JudgedTry, ...]:
    possible = tuple(trial for trial in trials if trial.possible_on(kernel.series))
    return _all_of(kernel.version, possible, keep, seen, partial(run_tries, kernel))


def _all_of(
    version: str, trials: tuple[LiveTry, ...], keep: Path | None, seen: _Seen, run: _Run
) -> tuple[JudgedTry, ...]:
    found: list[JudgedTry] = []
    for machine, levels_5 in product(Emulated, (False, True)):
        mine = tuple(trial for trial in trials if trial.machine is machine and trial.levels_5 is levels_5)
        if not mine:
            continue
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            if keep:
                folder = keep.resolve() / f"{'-'.join(version.split())}-{machine.name.lower()}{'-5-level' * levels_5}"
                folder.mkdir(parents=True, exist_ok=True)
            session = run(machine, mine, folder)
        sys.stderr.write(f"live: {version}, {machine.value}: {len(mine)} tries in {session.ran.seconds:.0f} s\n")
        found += session.results
        seen.setdefault(version, {}).update(session.seen)
    return tuple(found)


def _print_guests(guests: list[_DescribedTry], seen: _Seen) -> None:
    for trial, described in guests:
        part = TryPart(trial, ATTEMPT).name
        attempts = {kernel: shown[part] for kernel, shown in seen.items() if part in shown}
        print(f"\n{trial.name}, {trial.machine.value}: {described.says}")
        for line in told_accesses(described, attempts):
            print(line)


def _print_table(trials: tuple[LiveTry, ...], results: _Results, verbose: bool) -> None:
    width = max(len(trial.name) for trial in trials)
    machine_width = max(len(machine.value) for machine in Emulated)
    print("  ".join(["try".ljust(width), "on".ljust(machine_width), *results]))
    for trial in trials:
        mine = {kernel: each for kernel, judged in results.items() for each in judged if each.trial is trial}
        said = {kernel: mine[kernel].outcome.value if kernel in mine else "-" for kernel in results}
        cells = [text.ljust(len(kernel)) for kernel, text in said.items()]
        print("  ".join([trial.name.ljust(width), trial.machine.value.ljust(machine_width), *cells]).rstrip())
        for kernel, each in mine.items():
            if verbose or each.outcome is TryOutcome.BROKEN:
                print(f"    {kernel}: {each.why}")
        if len(mine) < len(results):
            print(f"    -: {trial.why_impossible}")


if __name__ == "__main__":
    sys.exit(main())
