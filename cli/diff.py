"""`mmuproof diff`: what a change does to the functions of the MMU."""

from __future__ import annotations

import fnmatch
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from mmuproof.cli.caching import TREES, cache_folder
from mmuproof.cli.changes import Difference, Judgement
from mmuproof.cli.console import Output
from mmuproof.cli.diff_report import difference_content, print_difference
from mmuproof.cli.errors import UsageProblem
from mmuproof.cli.forked import side_by_side
from mmuproof.cli.judging import EPT, OTHER_TABLES, Judge, Solver
from mmuproof.cli.results import KernelIdentity
from mmuproof.cli.results_file import check_writable, write_json
from mmuproof.cli.selection import near
from mmuproof.cli.unusable import unusable
from mmuproof.cli.watching import Watcher
from mmuproof.lift.errors import LiftError, Refused
from mmuproof.lift.included import Included
from mmuproof.lift.source import KernelTree, open_source
from mmuproof.lift.stand_ins import StandIns, clang_arguments, write_stand_ins
from mmuproof.lift.unit import Unit
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.comparing import Given, SetUp
from mmuproof.model.lifted.kernel import MACROS, SPTE_C
from mmuproof.model.lifted.versions import UNITS, Pair, Pairing, Version, pair_functions, unchanged
from mmuproof.smt import solver

_KVM = ("arch/x86/kvm", "virt/kvm")
_SOURCES = (".c", ".h")
_WILDCARDS = "*?["
_BUDGET = 4_000_000
"""The solver's resource limit for one question, a hundred times what nearly all need: what multiplies may need any."""
_EFFORT = 100
"""How many questions it is worth to make a witness small: a few functions have hundreds of inputs."""


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    Args:
        old: the old kernel's source.
        new: the new kernel's source.
        functions: names and patterns; every function of the MMU that has changed if there are none.
        patch: a patch on top of the old source, instead of a new one.
        names: ``OLD=NEW`` for what has another name.
        json: where the results file goes.
        jobs: how many processes compare functions.
        budget: the solver's budget for one question, None for the usual one.
        verbose: with the functions that are equal, and all that could not be compared.
    """

    old: str
    new: str | None
    functions: tuple[str, ...] = ()
    patch: Path | None = None
    names: tuple[str, ...] = ()
    json: Path | None = None
    jobs: int = 1
    budget: int | None = None
    verbose: bool = False


def diff(request: Request, output: Output) -> int:
    """Compare two versions; the exit status.

    Raises:
        UsageProblem: a source cannot be used, or the results file could not be written.
    """
    start = time.perf_counter()
    names = _given(request.names)
    if request.json is not None:
        check_writable(request.json)
    with output.progress(verbose=request.verbose) as watcher, _trees(request) as (old, new):
        found = compare_trees(old, new, request.functions, names, request.jobs, request.budget, watcher)
        identities = [
            KernelIdentity(tree.description, tree.version, config, tree.digest if request.json is not None else "")
            for tree, config in ((old, found.configs[0]), (new, found.configs[1]))
        ]
    report = Difference(
        identities[0], identities[1], found.judgements, found.unchanged, found.gone, found.come, found.outside,
        found.notes, time.perf_counter() - start, {"z3": solver.version()},
    )  # fmt: skip
    print_difference(output, report, verbose=request.verbose)
    if request.json is not None:
        write_json(request.json, difference_content(report))
    return report.exit_status


@contextmanager
def _trees(request: Request) -> Iterator[tuple[KernelTree, KernelTree]]:
    with ExitStack() as stack:
        try:
            old = stack.enter_context(open_source(request.old, cache=cache_folder(TREES)))
            assert request.new is not None
            new = stack.enter_context(open_source(request.new, cache=cache_folder(TREES)))
            yield old, new
        except (LiftError, NotThere) as error:
            raise unusable(error) from error


def _given(names: Sequence[str]) -> Mapping[str, str]:
    """What is called otherwise in the new version, with what it was."""
    found: dict[str, str] = {}
    for each in names:
        old, equals, new = each.partition("=")
        if not equals or not old.strip() or not new.strip():
            raise UsageProblem(f"--map takes OLD=NEW, and not {each!r}")
        found[new.strip()] = old.strip()
    return found


@dataclass(frozen=True)
class Found:
    """What a comparison of two trees has found; ``configs`` are those under which they were read."""

    judgements: tuple[Judgement, ...]
    unchanged: int
    gone: tuple[str, ...]
    come: tuple[str, ...]
    outside: tuple[str, ...]
    notes: tuple[str, ...]
    configs: tuple[tuple[str, ...], tuple[str, ...]]


def compare_trees(
    old: KernelTree,
    new: KernelTree,
    functions: Sequence[str],
    names: Mapping[str, str],
    jobs: int,
    budget: int | None,
    watcher: Watcher,
) -> Found:
    """Compare the functions of two trees.

    Raises:
        LiftError: a tree turns out to be unusable.
        UsageProblem: there is no such function.
    """
    watcher.phase("reading")
    changed = _changed_files(old.root, new.root)
    extra = _units_of([each for each in functions if not _is_pattern(each)], (old.root, new.root))
    with TemporaryDirectory(prefix="mmuproof-") as folder:
        versions, configs = _versions(old, new, Path(folder), changed, extra, all_units=bool(functions))
        pairing = pair_functions(*versions, names, [each for each in functions if not _is_pattern(each)])
        pairs = _selected(pairing, versions, functions)
        todo = [pair for pair in pairs if not unchanged(*versions, pair)]
        judge = Judge(*versions, Given(names, pairing), tuple(_set_ups(*versions)) if todo else (), _solver(budget))
        watcher.phase("comparing", len(todo))
        judgements = side_by_side(judge.judge, todo, jobs, watcher.advance)
    outside = tuple(path for path in sorted(changed) if path.startswith(_KVM) and not Version.is_of_mmu(path))
    return Found(
        tuple(each for found in judgements for each in found), len(pairs) - len(todo),
        () if functions else pairing.gone, () if functions else pairing.come, () if functions else outside,
        pairing.notes, configs,
    )  # fmt: skip


def _versions(
    old: KernelTree, new: KernelTree, folder: Path, changed: frozenset[str], extra: Sequence[str], *, all_units: bool
) -> tuple[tuple[Version, Version], tuple[tuple[str, ...], tuple[str, ...]]]:
    """Both versions, with the units that may have changed parsed side by side."""
    stand_ins = [write_stand_ins(tree.root, folder / name) for tree, name in ((old, "old"), (new, "new"))]
    included = Included(old.root), Included(new.root)
    units = [
        path for path in dict.fromkeys((*UNITS, *extra))
        if (old.root / path).is_file() and (new.root / path).is_file()
        and (all_units or path == SPTE_C or any(each.reaches(path, changed) for each in included))
    ]  # fmt: skip
    pool = ThreadPoolExecutor(2)
    try:
        parsed: list[dict[str, Future[Unit]]] = [{}, {}]
        for path in sorted(units, key=lambda each: each != "arch/x86/kvm/mmu/mmu.c"):
            for tree, made, futures in zip((old, new), stand_ins, parsed, strict=True):
                futures[path] = pool.submit(_parse, tree.root, made, path)
        done = [{path: future.result() for path, future in futures.items()} for futures in parsed]
    finally:
        # No thread may be left when processes are made.
        pool.shutdown(wait=True, cancel_futures=True)
    return (
        (Version(done[0].__getitem__, units), Version(done[1].__getitem__, units)),
        (stand_ins[0].config, stand_ins[1].config),
    )


def _parse(root: Path, stand_ins: StandIns, path: str) -> Unit:
    return Unit(root, path, clang_arguments(root, stand_ins, path), MACROS)


def _set_ups(old: Version, new: Version) -> Iterator[SetUp]:
    yield SetUp("", old.constants, new.constants)
    for name, ept in ((EPT, True), (OTHER_TABLES, False)):
        try:
            yield SetUp(name, old.bits(ept=ept), new.bits(ept=ept))
        except (Refused, NotThere):
            # Functions to which masks matter are then compared with masks of any value only.
            return


def _solver(budget: int | None) -> Solver:
    limit = _BUDGET if budget is None else budget
    return Solver(
        lambda obligation, preferred: solver.decide(obligation, limit, preferred, effort=_EFFORT),
        partial(solver.decide, budget=limit, effort=_EFFORT),
        partial(solver.decide, budget=limit, small=False),
        partial(solver.satisfiable, budget=limit),
    )


# -- what is compared ----------------------------------------------------------------------------------


def _changed_files(old: Path, new: Path) -> frozenset[str]:
    """The files that are not the same in both trees, relative to them."""
    both = [_files(root) for root in (old, new)]
    found = set(both[0]) ^ set(both[1])
    for name in set(both[0]) & set(both[1]):
        one, other = both[0][name], both[1][name]
        if one != other and (one[1] != other[1] or (old / name).read_bytes() != (new / name).read_bytes()):
            found.add(name)
    return frozenset(found)


def _files(root: Path) -> dict[str, tuple[tuple[int, int], int]]:
    """Every source file that a unit can consist of, with what tells it apart on disk, and its size."""
    found = {}
    for part in ("arch/x86", "include", "virt/kvm"):
        for path in (root / part).rglob("*"):
            if path.suffix in _SOURCES:
                known = path.stat()
                found[path.relative_to(root).as_posix()] = ((known.st_dev, known.st_ino), known.st_size)
    return found


def _is_pattern(text: str) -> bool:
    return any(character in text for character in _WILDCARDS)


def _units_of(names: Sequence[str], roots: Sequence[Path]) -> list[str]:
    """The units of KVM whose own text seems to define functions."""
    found: dict[str, None] = {}
    for root in roots:
        for file in sorted((root / _KVM[0]).rglob("*.c")) if names else ():
            text = file.read_text("utf-8", errors="replace")
            for name in names:
                if f"{name}(" in text and re.search(
                    rf"^[A-Za-z_][^;={{}}()\n]*\b{re.escape(name)}\(", text, re.MULTILINE
                ):
                    found[file.relative_to(root).as_posix()] = None
    return list(found)


def _selected(pairing: Pairing, versions: tuple[Version, Version], functions: Sequence[str]) -> tuple[Pair, ...]:
    """The functions that are meant.

    Raises:
        UsageProblem: a name or pattern selects nothing.
    """
    chosen: set[Pair] = set(() if functions else pairing.pairs)
    for wanted in functions:
        found = {pair for pair in pairing.pairs
                 if fnmatch.fnmatchcase(pair.new, wanted) or fnmatch.fnmatchcase(pair.old, wanted)}  # fmt: skip
        if not found:
            for version, which in zip(versions, ("old", "new"), strict=True):
                if version.where(wanted):
                    raise UsageProblem(
                        f"{wanted}() is in the {which} version only (--map OLD=NEW says what it is else)"
                    )
            verb = "matches" if _is_pattern(wanted) else "is called"
            raise UsageProblem(f"no function {verb} {wanted!r}{near(wanted, [pair.new for pair in pairing.pairs])}")
        chosen |= found
    return tuple(pair for pair in pairing.pairs if pair in chosen)
