"""The functions of two trees compared: which have changed, and what has become of each."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from mmuproof.cli.diff.changes import Judgement
from mmuproof.cli.diff.judging import EPT, OTHER_TABLES, VENDORS, Half, Judge, by_congruence, spte_names, whole
from mmuproof.cli.diff.reading import Parsing, ReadTree, is_affected
from mmuproof.cli.diff.same_code import say_the_same
from mmuproof.cli.grids.layouts import VendorLayout, named_layout
from mmuproof.cli.shared.console import on_one_line
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.forked import nothing, side_by_side
from mmuproof.cli.shared.naming import is_pattern, near
from mmuproof.cli.shared.watching import Watcher
from mmuproof.compare.claims import Change
from mmuproof.compare.congruence import Congruence
from mmuproof.compare.encodings import Kind, moved_kinds
from mmuproof.compare.file_scope import FileScope, at_file_scope
from mmuproof.compare.versions import (
    Pair,
    Pairing,
    Version,
    changed_directly,
    pair_functions,
    renames_locals,
    unchanged,
)
from mmuproof.compare.ways import Given, SetUp
from mmuproof.lift.errors import Refused
from mmuproof.lift.tree.source import KernelTree
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.unit_paths import MMU_UNITS, SPTE_C, is_of_mmu
from mmuproof.smt.obligation import Assumption

_KVM = ("arch/x86/kvm", "virt/kvm")
_READ = ("arch/x86", "include", "virt/kvm")
_SOURCES = (".c", ".h")
DifferingFiles = Callable[..., frozenset[str]]
_FEW = 30
"""Of so many functions that have changed it is worth to look at each thoroughly."""
_FEW_DIFFERING = 12
"""Of many that have changed, so few that differ are looked at thoroughly after all."""
_BUDGET = 4_000_000
"""The solver's resource limit for one question, a hundred times what nearly all need: what multiplies may need any."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a comparison of two trees has found; see `Difference`.

    ``locals_renamed`` are functions that say the same, and call variables or parameters of their own otherwise.
    """

    judgements: tuple[Judgement, ...]
    unchanged: int
    gone: tuple[str, ...]
    come: tuple[str, ...]
    outside: tuple[str, ...]
    notes: tuple[str, ...]
    layouts: tuple[VendorLayout, ...] = ()
    locals_renamed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Selected:
    """What is compared, and how.

    Args:
        functions: names and patterns; every function of the MMU that has changed if there are none.
        names: what is called otherwise in the new version, with what it was.
        jobs: how many processes compare functions.
        budget: the solver's budget for one question, None for the usual one.
        witnesses: whether witnesses are wanted of however many functions that differ.
        assumed: what is taken for granted of the old version's inputs.
    """

    functions: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    jobs: int = 1
    budget: int | None = None
    witnesses: bool = False
    assumed: tuple[Assumption, ...] = ()


def compare_trees(
    old: ReadTree,
    new: ReadTree,
    differing_files: DifferingFiles,
    wanted: Selected,
    watcher: Watcher,
    parsing: Parsing,
    when_read: Callable[[], None] = nothing,
) -> Found:
    """Compare the functions of two trees.

    Args:
        old: the old tree.
        new: the new tree.
        differing_files: gives the files in which they differ, of some folders or of all that is read.
        wanted: what is compared, and how.
        watcher: is told how far it has come.
        parsing: may have begun to parse the trees; it is finished here.
        when_read: is called once neither tree is needed any more.

    Raises:
        LiftError: a tree turns out to be unusable.
        UsageProblem: there is no such function.
    """
    defined = {
        name: tuple(dict.fromkeys((*old.defining(name), *new.defining(name))))
        for name in wanted.functions
        if not is_pattern(name)
    }
    known = _units_of(defined, old, new) if defined and len(defined) == len(wanted.functions) else ()
    changed = cache(differing_files)
    affected = cache(lambda path: is_affected(old, new, path, changed))
    paths = known or _units(old, new, affected, defined, every=bool(wanted.functions))
    parsing.finish(old, new, paths, affected)
    versions = Version(old.units(paths)), Version(new.units(paths))
    pairing = pair_functions(*versions, wanted.names, tuple(defined))
    pairs = _selected(pairing, versions, wanted.functions)
    # What is told of one function is kept for the others: this is done before there are processes.
    moved = moved_kinds(versions[0].constants, versions[1].constants)
    todo = [pair for pair in pairs if not unchanged(*versions, pair, pairing.former_names, moved)]
    set_ups, found = _set_ups(*versions) if todo else ((), FileScope())
    thorough = len(todo) <= _FEW
    before, after = versions
    judge = Judge(
        old=before,
        new=after,
        given=Given(wanted.names, pairing, found, wanted.assumed),
        set_ups=set_ups,
        budget=wanted.budget or _BUDGET,
        thorough=thorough,
        tells=thorough or wanted.witnesses,
    )
    everything = not wanted.functions
    outside: list[str] = []

    def meanwhile() -> None:
        if everything:
            outside.extend(map(on_one_line, sorted(_not_looked_at(old, new, affected, changed))))
        when_read()

    judgements = judge_changed(judge, todo, moved, wanted.jobs, watcher, meanwhile)
    notes = (
        pairing.notes
        if everything
        else tuple(f"{pair.new}() is what {pair.old}() was" for pair in pairs if pair.new != pair.old)
    )
    notes += tuple(f"{name}() is what {was}() was" for name, was in found.functions.items())
    return Found(
        judgements=tuple(each for some in judgements for each in some),
        unchanged=len(pairs) - len(todo),
        gone=pairing.gone if everything else (),
        come=pairing.come if everything else (),
        outside=tuple(outside),
        notes=notes,
        layouts=tuple(_layouts(set_ups)) if Kind.SPTE in moved else (),
        locals_renamed=tuple(
            pair.name for pair in pairs if pair not in todo and renames_locals(*versions, pair, pairing.former_names)
        ),
    )


def _layouts(set_ups: Sequence[SetUp]) -> Iterator[VendorLayout]:
    """Where the bits of SPTEs are in both versions, for each kind of tables whose masks are known."""
    for set_up in set_ups:
        names = [spte_names(set_up, new=new) for new in (False, True)]
        found = [each.leaf_layout for each in names if each is not None]
        if len(found) == len(names):
            yield named_layout(found, VENDORS[set_up.name], 1)


def judge_changed(
    judge: Judge,
    pairs: Sequence[Pair],
    moved: Collection[Kind],
    jobs: int,
    watcher: Watcher,
    when_read: Callable[[], None],
) -> list[tuple[Judgement, ...]]:
    """What has become of each function: what has changed itself is compared first, and much else is equal then."""
    former = judge.given.pairing.former_names
    itself = [pair for pair in pairs if changed_directly(judge.old, judge.new, pair, former)]
    # Where bits have moved, a text that is the same may look at the wrong ones; and what is assumed of the inputs of
    # one function says nothing of those of its callers.
    if moved or judge.given.names or judge.given.assumed or not itself or len(itself) == len(pairs):
        return judge_all(judge, pairs, jobs, watcher, when_read)
    known = dict(zip(itself, judge_all(judge, itself, jobs, watcher, when_read), strict=True))
    by_name = {pair.new: judgements for pair, judgements in known.items()}
    congruence = Congruence(
        old=judge.old,
        new=judge.new,
        pairing=judge.given.pairing,
        equal=lambda name: _not_followed_if_equal(by_name.get(name, ())),
    )
    rests = {pair: found for pair in pairs if pair not in known and (found := congruence.rests_on(pair)) is not None}

    def congruent(pair: Pair) -> tuple[Judgement, ...]:
        return by_congruence(judge, pair, rests[pair], [one for each in rests[pair] for one in by_name[each]])

    # Where it may matter that what a callee is given does not overlap, it is better seen in the caller.
    sure = [pair for pair, found in rests.items() if not any(one.apart for each in found for one in by_name[each])]
    known |= {pair: congruent(pair) for pair in sure}
    left = [pair for pair in pairs if pair not in known]
    known |= zip(left, judge_all(judge, left, jobs, watcher, nothing), strict=True) if left else {}
    for pair in left:
        changes = {each.change for each in known[pair]}
        if pair in rests and changes <= {Change.UNKNOWN, Change.NOT_COMPARED}:
            known[pair] = congruent(pair)
    return [known[pair] for pair in pairs]


def _not_followed_if_equal(judgements: Sequence[Judgement]) -> Collection[str] | None:
    """The calls that were not followed in a function that is equal as it stands; None if it is not."""
    if not judgements or any(each.change is not Change.EQUAL or each.relation for each in judgements):
        return None
    return {name for each in judgements for name in each.calls}


def judge_all(
    judge: Judge, pairs: Sequence[Pair], jobs: int, watcher: Watcher, when_read: Callable[[], None]
) -> list[tuple[Judgement, ...]]:
    """What has become of each function; who watches is told where a mistake of ours comes from."""
    found = _judge_all(judge, pairs, jobs, watcher, when_read)
    for each in (one for judgements in found for one in judgements if one.failure):
        watcher.failure(f"{each.function} {each.masks}".rstrip(), each.failure)
    return found


def _judge_all(
    judge: Judge, pairs: Sequence[Pair], jobs: int, watcher: Watcher, when_read: Callable[[], None]
) -> list[tuple[Judgement, ...]]:
    """The same untold; where many have changed, only the few that differ are looked at thoroughly."""
    if 2 * len(pairs) <= jobs and len(judge.set_ups) > 1 and not judge.given.assumed:
        watcher.phase("comparing", 2 * len(pairs))
        halves = [Half(pair, first) for pair in pairs for first in (True, False)]
        done = side_by_side(judge.half, halves, jobs, watcher.advance, when_read, _lost_half)
        return [whole(first, rest) for first, rest in zip(done[::2], done[1::2], strict=True)]
    watcher.phase("comparing", len(pairs))
    found = side_by_side(judge.judge, pairs, jobs, watcher.advance, when_read, _lost)
    differing = [index for index, each in enumerate(found) if any(one.differs_in for one in each)]
    if not judge.thorough and len(differing) <= _FEW_DIFFERING:
        watcher.phase("comparing thoroughly", len(differing))
        thorough = replace(judge, thorough=True, tells=True)
        again = side_by_side(thorough.judge, [pairs[index] for index in differing], jobs, watcher.advance, lost=_lost)
        for index, each in zip(differing, again, strict=True):
            found[index] = each
    return found


def _lost(pair: Pair, how: str) -> tuple[Judgement, ...]:
    """What is told of a function at which a process has ended, as one does that needs more memory than there is."""
    return (Judgement(function=pair.name, change=Change.NOT_COMPARED, reason=f"the process that compared it {how}"),)


def _lost_half(half: Half, how: str) -> tuple[Judgement, ...]:
    return _lost(half.pair, how)


def _units_of(defined: Mapping[str, Sequence[str]], old: ReadTree, new: ReadTree) -> tuple[str, ...]:
    """The units that are looked at for functions, by the units that define them; none if that is not known of all."""
    if not all(defined.values()):
        return ()
    named = {path for paths in defined.values() for path in paths if old.has(path) and new.has(path)}
    return tuple(
        path for path in dict.fromkeys((SPTE_C, *MMU_UNITS, *sorted(named))) if path == SPTE_C or path in named
    )


def _units(
    old: ReadTree, new: ReadTree, affected: Callable[[str], bool], defined: Mapping[str, Sequence[str]], *, every: bool
) -> tuple[str, ...]:
    """The units that may have changed, or every one of the MMU and those that define functions that are named."""
    further = [path for paths in defined.values() for path in paths]
    return tuple(
        path
        for path in dict.fromkeys((*MMU_UNITS, *further))
        if old.has(path) and new.has(path) and (every or path == SPTE_C or affected(path))
    )


def _set_ups(old: Version, new: Version) -> tuple[tuple[SetUp, ...], FileScope]:
    """The masks with which functions are compared, and what of them has another name or place."""
    free = SetUp("", old.constants, new.constants)
    try:
        bits = [(name, old.bits(ept=ept), new.bits(ept=ept)) for name, ept in ((EPT, True), (OTHER_TABLES, False))]
    except (Refused, NotThere):
        # Functions to which masks matter are then compared with masks of any value only.
        return (free,), at_file_scope(old, new, ((), ()))
    written = [
        dict.fromkeys(name for each in side for name in each.masks) for side in zip(*(b[1:] for b in bits), strict=True)
    ]
    found = at_file_scope(old, new, (written[0], written[1]))
    return (free, *(SetUp(name, before, after.under(found.places)) for name, before, after in bits)), found


# -- what is compared ----------------------------------------------------------------------------------


def changed_files(old: KernelTree, new: KernelTree, *folders: str) -> frozenset[str]:
    """The files that are not the same in both trees, relative to them: of some folders, or of all that is read."""
    if new.changed is not None:
        return new.changed
    both = [_files(root, folders or _READ) for root in (old.root, new.root)]
    found = set(both[0]) ^ set(both[1])
    for name in set(both[0]) & set(both[1]):
        one, other = both[0][name], both[1][name]
        if one != other and (one[1] != other[1] or (old.root / name).read_bytes() != (new.root / name).read_bytes()):
            found.add(name)
    return frozenset(found)


def _files(root: Path, folders: Sequence[str]) -> dict[str, tuple[tuple[int, int], int]]:
    """Every source file that a unit can consist of, with what tells it apart on disk, and its size."""
    found = {}
    for part in folders:
        for path in (root / part).rglob("*"):
            if path.suffix in _SOURCES:
                known = path.stat()
                found[path.relative_to(root).as_posix()] = ((known.st_dev, known.st_ino), known.st_size)
    return found


def _not_looked_at(
    old: ReadTree, new: ReadTree, affected: Callable[[str], bool], changed: DifferingFiles
) -> Iterator[str]:
    """The other files that say something else: those of KVM's, and every one if no unit of the MMU may be another."""
    if any(affected(path) for path in MMU_UNITS if old.has(path) and new.has(path)):
        files = changed(*_KVM)
        others = [path for path in files if path.startswith(_KVM) and not _is_looked_at(path)]
    else:
        files = changed()
        others = list(files)
    same = say_the_same(old.tree.root, new.tree.root, files) if others else frozenset()
    yield from (path for path in others if path not in same)


def _is_looked_at(path: str) -> bool:
    """Whether the functions of a file are compared: those of headers are where a unit includes them."""
    return is_of_mmu(path) and (path in MMU_UNITS or not path.endswith(".c"))


def _selected(pairing: Pairing, versions: tuple[Version, Version], functions: Sequence[str]) -> tuple[Pair, ...]:
    """The functions that are meant.

    Raises:
        UsageProblem: a name or pattern selects nothing.
    """
    chosen: set[Pair] = set(() if functions else pairing.pairs)
    for wanted in functions:
        found = {
            pair
            for pair in pairing.pairs
            if fnmatch.fnmatchcase(pair.new, wanted) or fnmatch.fnmatchcase(pair.old, wanted)
        }
        if not found:
            for version, which in zip(versions, ("old", "new"), strict=True):
                if version.where(wanted):
                    raise UsageProblem(
                        f"{wanted}() is in the {which} version only (--map OLD=NEW says what it is else)"
                    )
            verb = "matches" if is_pattern(wanted) else "is called"
            raise UsageProblem(f"no function {verb} {wanted!r}{near(wanted, [pair.new for pair in pairing.pairs])}")
        chosen |= found
    return tuple(pair for pair in pairing.pairs if pair in chosen)
