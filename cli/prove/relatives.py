"""What a result of one tree is worth in another that is nearly the same.

A theorem rests on the bodies of some functions and, as far as is told here, on all that stands outside of bodies.
Where that is the same, and so are those bodies, so is the result; only lines may have moved.  Of many bodies a theorem
asks no more than what they write: these may be others, as long as they write the same.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mmuproof.lift.ran import Read
from mmuproof.lift.skeleton import BodyText, Skeleton
from mmuproof.lift.syntax import Location
from mmuproof.lift.tree.source import Contents

if TYPE_CHECKING:
    from mmuproof.model.lifted.bodies import KernelBodies

Body = tuple[str, int]
"""A body, by its file and its place among those in it."""
Bodies = frozenset[Body]


@dataclass(frozen=True, order=True)
class WritingBody:
    """A body of which it is only asked what it writes.

    Args:
        body: which.
        unit: the translation unit that is asked.
        function: the function's name there.
        digest: of the answer.
    """

    body: Body
    unit: str
    function: str
    digest: str


@dataclass(frozen=True)
class RestsOn:
    """What something rests on besides what stands outside of bodies.

    Args:
        bodies: the bodies.
        assertions: whether it also rests on which static assertions fail.
        writes: the bodies of which it is only asked what they write.
    """

    bodies: Bodies
    assertions: bool
    writes: frozenset[WritingBody] = frozenset()


_LINE = re.compile(r"\b((?:arch/x86|virt)/kvm/[\w./-]+\.[ch]):(\d+)\b")
_C = (".c", ".h")


@dataclass(frozen=True, kw_only=True)
class BodyLayout:
    """Where the bodies of a tree are.

    Args:
        contents: what the tree holds.
        units: KVM's files that each unit is made of.
        skeletons: all files that are part of a unit.
        fails: whether a static assertion fails.
    """

    contents: Contents
    units: Mapping[str, frozenset[str]]
    skeletons: Mapping[str, Skeleton]
    fails: bool

    @classmethod
    def of(cls, tree: KernelBodies) -> BodyLayout:
        """That of a tree of which every unit parses.

        Raises:
            LiftError: one does not.
        """
        units = tree.by_unit()
        files = frozenset().union(*units.values())
        return cls(
            contents=tree.contents,
            units=units,
            skeletons=tree.skeletons(files, units),
            fails=tree.fails_assertion(units),
        )

    def rests_on(self, read: Read) -> RestsOn:
        """What something rests on for which some of the tree was read.

        A function whose body cannot be taken out stands outside of all bodies.
        """
        named = (self._named.get(function, ()) for function in read.bodies)
        writes = frozenset(
            WritingBody(body, each.unit, each.function, each.digest)
            for each in read.writes
            for body in self._named.get(each.at, ())
        )
        return RestsOn(frozenset(body for bodies in named for body in bodies), read.assertions, writes)

    @cached_property
    def _named(self) -> Mapping[Location, Sequence[tuple[str, int]]]:
        """The bodies by where the names of their functions stand; several functions may stand on one line."""
        found: dict[Location, list[tuple[str, int]]] = {}
        for file, skeleton in self.skeletons.items():
            for number, body in enumerate(skeleton.bodies):
                found.setdefault(Location(file, body.named), []).append((file, number))
        return found

    def changed(self, change: BodyChange) -> BodyLayout:
        """Where the bodies are after a change."""
        skeletons = {**self.skeletons, **change.after}
        return replace(self, contents=change.contents, skeletons=skeletons, fails=change.fails)


class Moved(Exception):  # noqa: N818 - reads as what happened
    """A line of what has changed is told of: what is told is not the same any more."""


@dataclass(frozen=True, kw_only=True)
class BodyChange:
    """How one tree differs from another that says the same outside of bodies, comments left out.

    Args:
        bodies: the bodies that are others.
        before: the files that are others, as they were.
        after: the same, as they are.
        contents: what the tree holds now.
        fails: whether a static assertion fails in one of the trees.
        writes: what the bodies write now that are others, by unit and function.
    """

    bodies: Bodies
    before: Mapping[str, Skeleton]
    after: Mapping[str, Skeleton]
    contents: Contents
    fails: bool
    writes: Mapping[tuple[str, str], str]

    def leaves(self, known: RestsOn | None) -> bool:
        """Whether what rests on something stays as it is."""
        if known is None or (known.assertions and self.fails):
            return False
        asked = (each for each in known.writes if each.body in self.bodies)
        return known.bodies.isdisjoint(self.bodies) and all(
            self.writes.get((each.unit, each.function)) == each.digest for each in asked
        )

    def lines_moved(self, text: str) -> str:
        """A text that tells of places in the old tree, for the new one.

        Raises:
            Moved: one of them is in a body that is another.
        """
        return _LINE.sub(lambda place: f"{place[1]}:{self._line(place[1], int(place[2]))}", text)

    def _line(self, file: str, line: int) -> int:
        if file not in self.before:
            return line
        before, after = self.before[file].bodies, self.after[file].bodies
        number = bisect_left(before, line, key=lambda body: body.last)
        if number < len(before) and before[number].first <= line:
            if before[number].layout != after[number].layout and before[number].first < line:
                raise Moved(f"{file}:{line}")
            return after[number].first + line - before[number].first
        if self.before[file].layout != self.after[file].layout:
            raise Moved(f"{file}:{line}")
        return line if number == 0 else after[number - 1].last + line - before[number - 1].last


def change_between(before: BodyLayout, after: KernelBodies) -> BodyChange | None:
    """How a tree differs from an earlier one; None if it does outside of bodies as well.

    Raises:
        LiftError: a unit with what differs does not parse.
    """
    files, earlier = after.contents.of_kvm, before.contents.of_kvm
    if after.contents.others != before.contents.others or files.keys() != earlier.keys():
        return None
    other = frozenset(name for name, digest in files.items() if digest != earlier[name])
    # What configures and builds KVM decides about everything.
    if any(not name.endswith(_C) for name in other):
        return None
    read = {name: before.skeletons[name] for name in other if name in before.skeletons}
    units = [unit for unit, of_it in before.units.items() if not of_it.isdisjoint(read)]
    found = after.skeletons(read, units) if read else {}
    if any(not _fits(skeleton, found[name]) for name, skeleton in read.items()):
        return None
    fails = before.fails or after.fails_assertion(units)
    bodies = frozenset(_others(read, found))
    lines = ((file, found[file].bodies[number].named) for file, number in bodies)
    return BodyChange(
        bodies=bodies,
        before=read,
        after=found,
        contents=after.contents,
        fails=fails,
        writes=after.writes(frozenset(Location(*each) for each in lines), units) if bodies else {},
    )


def _fits(before: Skeleton, after: Skeleton) -> bool:
    return before.outside == after.outside and len(before.bodies) == len(after.bodies)


def _others(before: Mapping[str, Skeleton], after: Mapping[str, Skeleton]) -> Iterator[tuple[str, int]]:
    for file, skeleton in before.items():
        for number, (old, new) in enumerate(zip(skeleton.bodies, after[file].bodies, strict=True)):
            if old.digest != new.digest:
                yield file, number


def layout_content(layout: BodyLayout) -> dict[str, object]:
    """A layout, for a file."""
    return {
        "fails": layout.fails,
        "files": dict(layout.contents.of_kvm),
        "others": layout.contents.others,
        "units": {unit: sorted(files) for unit, files in layout.units.items()},
        "skeletons": {
            file: [
                each.outside,
                each.layout,
                *([body.named, body.first, body.last, body.digest, body.layout] for body in each.bodies),
            ]
            for file, each in layout.skeletons.items()
        },
    }


def read_layout(content: Mapping[str, Any]) -> BodyLayout:
    """What `layout_content` has made.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    return BodyLayout(
        fails=bool(content["fails"]),
        contents=Contents(
            {str(name): str(digest) for name, digest in content["files"].items()}, others=str(content["others"])
        ),
        units={unit: frozenset(map(str, files)) for unit, files in content["units"].items()},
        skeletons={
            file: Skeleton(str(outside), str(layout), tuple(map(_read_body, bodies)))
            for file, (outside, layout, *bodies) in content["skeletons"].items()
        },
    )


def _read_body(content: Sequence[Any]) -> BodyText:
    named, first, last, digest, layout = content
    return BodyText(named=int(named), first=int(first), last=int(last), digest=str(digest), layout=str(layout))
