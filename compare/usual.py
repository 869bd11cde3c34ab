"""What is taken for granted of inputs when two versions are compared: what KVM never gives otherwise.

A fact is known by what has it: a member of a struct, or a parameter by its name. It says who guarantees it.
Its bounds are the kernel's own constants; where a version lacks one, nothing is assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mmuproof.compare.behaviours import Behaviour
from mmuproof.lift.c_types import RecordType
from mmuproof.model.lifted.session import bit_fields
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bv, extract, ne, ule, ult, zext

DEEPEST, NO_FRAME = "PT64_ROOT_MAX_LEVEL", "KVM_PFN_ERR_NOSLOT_MASK"
NAMES = (DEEPEST, NO_FRAME)
"""The constants that bounds are made of."""
_FRAME = re.compile(r"(?:^|_)(?P<kind>[pg])fn(?:\(\)(?:#\d+)?)?$")
_LEVEL = re.compile(r"(?:^|_)level$")
_INDEX = re.compile(r"^index$")
_SEPARATORS = re.compile(r"->|\.")
_FRAME_BITS = 40
_ENTRIES = 512
_ROLE = "kvm_mmu_page_role"
_PAGE = ("kvm_mmu_page", "role")
#: Structs whose members of that name are levels of page tables, with the lowest; a shadow walk that is over is at 0.
_LOWEST = {
    "kvm_page_fault": 1,
    "tdp_iter": 1,
    "guest_walker": 1,
    "slot_rmap_walk_iterator": 1,
    "kvm_shadow_walk_iterator": 0,
}
_PARAMETERS = frozenset(("level", "cur_level", "min_level", "start_level", "end_level"))
"""Parameters that are levels of page tables; a level that is forced or the largest possible may be none."""


@dataclass(frozen=True)
class Bounds:
    """The kernel's own bounds, such that they hold in both versions; None where one of them has none.

    Args:
        deepest: the highest level of a page table.
        no_frame: the bits of a page frame's number that tell that it is none, but an error or no memory at all.
    """

    deepest: int | None = None
    no_frame: int | None = None


def usual(run: Behaviour, bounds: Bounds) -> Iterator[Assumption]:
    """The assumptions on the inputs of a run."""
    frames: list[Bool] = []
    levels: dict[int, list[Bool]] = {}
    roles: list[Bool] = []
    indices: list[Bool] = []
    for name, term in run.variables.items():
        if not isinstance(term, BitVec):
            continue
        path = name.partition(" after ")[0].lstrip("*")
        last = _SEPARATORS.split(path)[-1]
        frame = _FRAME.search(last)
        if frame is not None and term.width == 64:
            known = frame["kind"] == "g" or bounds.no_frame is not None
            frames += [_is_frame(term, 0 if frame["kind"] == "g" else bounds.no_frame or 0)] if known else []
        elif _INDEX.search(last) and term.width > 9:
            indices.append(ult(term, _ENTRIES))
        elif bounds.deepest is None:
            continue
        elif name in run.words:
            level = _level_in(run.words[name], term) if _is_of_a_page(run, path, run.words[name]) else None
            roles += [] if level is None else [_within(level, 1, bounds.deepest)]
        elif _LEVEL.search(last) and term.width > 3 and not name.startswith("*"):
            lowest = _lowest(run, path)
            if lowest is not None:
                levels.setdefault(lowest, []).append(_within(term, lowest, bounds.deepest))
    if frames:
        yield Assumption(f"a page frame's number is below 2^{_FRAME_BITS}, or that of none", all_of(*frames))
    for lowest, ranges in sorted(levels.items()):
        says = "the level of a page table" if lowest else "the level of a walk, which is 0 when it is over,"
        yield Assumption(f"{says} is {lowest} to {DEEPEST} ({bounds.deepest})", all_of(*ranges))
    if roles:
        yield Assumption(
            f"role.level of a page of SPTEs is 1 to {DEEPEST} ({bounds.deepest}): "
            "that of its root, or one below its parent's (kvm_mmu_child_role(), tdp_mmu_init_child_sp())",
            all_of(*roles),
        )
    if indices:
        yield Assumption(f"an index into a page table is below {_ENTRIES}", all_of(*indices))


def _is_frame(term: BitVec, no_frame: int) -> Bool:
    frame = ult(term, bv(1 << _FRAME_BITS, 64))
    return any_of(frame, ne(term & bv(no_frame, 64), 0)) if no_frame else frame


def _within(term: BitVec, lowest: int, highest: int) -> Bool:
    wide = zext(term, max(term.width, 8))
    return all_of(ule(bv(lowest, wide.width), wide), ule(wide, highest))


def _is_of_a_page(run: Behaviour, path: str, union: RecordType) -> bool:
    """Whether a role is one of a page of SPTEs: a member of it, or a parameter by value."""
    return _is(union, _ROLE) and run.owner(path) in (_PAGE, ("", path))


def _level_in(union: RecordType, word: BitVec) -> BitVec | None:
    place = bit_fields(union).get("level")
    if place is None or place.offset + place.width > word.width or place.width < 3:
        return None
    return extract(word, place.offset + place.width - 1, place.offset)


def _lowest(run: Behaviour, path: str) -> int | None:
    """The lowest value of a level; None if it may be none: that of a root that nobody has set, or a variable."""
    owner = run.owner(path)
    if owner is None:
        return None
    record, member = owner
    if not record:
        return 1 if member in _PARAMETERS else None
    return next((lowest for name, lowest in _LOWEST.items() if re.fullmatch(rf"{name}(?:32|64|EPT)?", record)), None)


def _is(type_: RecordType, name: str) -> bool:
    return type_.name.removeprefix("const ").removeprefix("union ").removeprefix("struct ") == name
