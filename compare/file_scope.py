"""Which variables of a new version, or members of them, are which of the old one: masks, and tables of functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from mmuproof.compare.behaviours import SETTLED
from mmuproof.compare.versions import Version
from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import LiftError
from mmuproof.model.lifted.unit_paths import SPTE_C
from mmuproof.model.named.spte_masks import ALL as MASKS

_OPERATIONS = "kvm_x86_ops"
_STATIC_CALL = "kvm_x86_"
"""What the name of the function begins with through which the operation of the rest of its name is called."""


@dataclass(frozen=True, kw_only=True)
class FileScope:
    """What has another name or place at file scope, in the new version, with what it was.

    Args:
        places: variables, and members of them.
        functions: functions that stand for operations of the vendor.
        settled: variables that hold nothing but masks, which are set up once.
    """

    places: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)
    settled: frozenset[str] = frozenset()


def at_file_scope(old: Version, new: Version, masks: tuple[Iterable[str], Iterable[str]]) -> FileScope:
    """What has another name or place at file scope.

    Args:
        old: the old version.
        new: the new one.
        masks: all places that each version's set-up of masks writes.
    """
    found = renamed_masks(*masks)
    operations = _renamed_operations(old, new)
    return FileScope(
        places={**found, **{f"{_OPERATIONS}.{name}": f"{_OPERATIONS}.{was}" for name, was in operations.items()}},
        functions={f"{_STATIC_CALL}{name}": f"{_STATIC_CALL}{was}" for name, was in operations.items()},
        settled=frozenset(_settled(old, {was: was for was in found.values()}) | _settled(new, found)),
    )


def renamed_masks(old: Iterable[str], new: Iterable[str]) -> dict[str, str]:
    """Which place is which mask: what the one version alone sets up, if the words of its name leave no doubt.

    One version's set-up has a mask as a variable of a known name; the other's has it elsewhere, or under a name whose
    words are the same, or the beginnings of the same.
    """
    before, after = list(old), list(new)
    gone, come = [each for each in before if each not in after], [each for each in after if each not in before]
    # What both have kept, or what the new version has beside them, is no rename.
    return {
        place: mask
        for place in come
        if place not in MASKS
        for mask in [_only([each for each in gone if each in MASKS], place)]
        if mask is not None and _only([each for each in come if each not in MASKS], mask, turned=True) == place
    }


def _only(candidates: Collection[str], name: str, *, turned: bool = False) -> str | None:
    """The one candidate that says the same best."""
    ranked = sorted(
        (rank, each) for each in candidates if (rank := _rank(each, name) if turned else _rank(name, each)) is not None
    )
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][1]


def _rank(place: str, mask: str) -> tuple[int, int] | None:
    """How far a place's last name is from a mask's: words only begun, and words left over; None if it is another."""
    left, begun = mask.split("_"), 0
    for word in place.rpartition(".")[2].split("_"):
        same = word if word in left else next((each for each in left if _begins(word, each)), None)
        if same is None:
            return None
        begun += same != word
        left.remove(same)
    return begun, len(left)


def _begins(one: str, other: str) -> bool:
    return len(min(one, other, key=len)) > 1 and (one.startswith(other) or other.startswith(one))


def _settled(version: Version, places: Mapping[str, str]) -> set[str]:
    """The variables all of whose members are masks that nothing changes once they are set up."""
    unit = version.unit(SPTE_C)
    found = set()
    for root in {name.partition(".")[0] for name in places}:
        try:
            type_ = unit.variable(root).type
        except LiftError:
            continue
        names = [f"{root}.{each}" for each in type_.members] if isinstance(type_, RecordType) else [root]
        if all(places.get(name, "").startswith(SETTLED) for name in names):
            found.add(root)
    return found


def _renamed_operations(old: Version, new: Version) -> dict[str, str]:
    """Operations of the vendor that have another name: in the place of one that is gone, and of its type."""
    tables = []
    for version in (old, new):
        try:
            tables.append(version.unit(SPTE_C).record(f"struct {_OPERATIONS}").members)
        except LiftError:
            return {}
    before, after = tables
    if len(before) != len(after):
        return {}
    return {
        name: was
        for (was, one), (name, other) in zip(before.items(), after.items(), strict=True)
        if was not in after and name not in before and one.type.name == other.type.name and one.offset == other.offset
    }
