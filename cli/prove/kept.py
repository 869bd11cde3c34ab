"""What is kept of a kernel's results: with each what it rests on, as it is written and read."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mmuproof.cli.prove.relatives import (
    BodyChange,
    BodyLayout,
    Moved,
    RestsOn,
    WritingBody,
    layout_content,
    read_layout,
)
from mmuproof.cli.shared.records import plain, record_of
from mmuproof.cli.shared.results import Result
from mmuproof.cli.shared.selection import Task


@dataclass(frozen=True)
class KeptResult:
    """What is known of a theorem.

    Args:
        result: its result; None if only its claims are known.
        rests_on: what that rests on; None if that may be all of the tree.
        claims: what each of its claims says; None if that is not known.
    """

    result: Result | None
    rests_on: RestsOn | None
    claims: tuple[str, ...] | None = None


def claims_said(parts: Sequence[str], digests: Sequence[str]) -> tuple[str, ...]:
    """What claims say: of each which part of its theorem it is, and a digest of what is to be proved."""
    return tuple(f"{part} {digest}" for part, digest in zip(parts, digests, strict=True))


_Name = tuple[str, str]
"""A theorem and a vendor."""


def name_of(task: Task) -> _Name:
    """What a task is known by."""
    return task.theorem.name, task.vendor.value


@dataclass(frozen=True, kw_only=True)
class KeptResults:
    """What is kept of one kernel.

    Args:
        known: the numbers of the kernel's known findings; None if these are not known.
        known_rests_on: what these rest on.
        results: the results.
        layout: where the bodies are; None if not all of the tree was read.
    """

    known: tuple[int, ...] | None = None
    known_rests_on: RestsOn | None = None
    results: Mapping[_Name, KeptResult] = field(default_factory=dict)
    layout: BodyLayout | None = None

    def of(self, task: Task) -> KeptResult | None:
        """What is known of a task."""
        return self.results.get(name_of(task))

    @property
    def found(self) -> frozenset[_Name]:
        """Of which theorems the result is known."""
        return frozenset(name for name, each in self.results.items() if each.result is not None)

    def some(self, tasks: Iterable[Task]) -> dict[Task, KeptResult]:
        """What is known of some tasks, of each of which something is."""
        return {task: each for task in tasks if (each := self.of(task)) is not None}

    def after(self, change: BodyChange, known: Collection[_Name] = ()) -> KeptResults:
        """What is left of it for a tree that is another in some bodies.

        Args:
            change: how that tree differs.
            known: of what nothing need be found, since it is known of that tree.
        """
        assert self.layout is not None
        left = {
            name: moved(each, change)
            for name, each in self.results.items()
            if name not in known and change.leaves(each.rests_on)
        }
        is_known = change.leaves(self.known_rests_on)
        return KeptResults(
            known=self.known if is_known else None,
            known_rests_on=self.known_rests_on if is_known else None,
            results=left,
            layout=self.layout.changed(change),
        )

    def beside(self, other: KeptResults) -> KeptResults:
        """The same with what is known of the same kernel besides; what is known of a theorem more fully stays."""
        known = {name: each for name, each in other.results.items() if each.result is not None}
        return KeptResults(
            known=other.known if self.known is None else self.known,
            known_rests_on=other.known_rests_on if self.known is None else self.known_rests_on,
            results={**other.results, **self.results, **known},
            layout=self.layout or other.layout,
        )


def moved(known: KeptResult, change: BodyChange) -> KeptResult:
    """What is known, with the lines of which its result tells as they are after a change.

    A result that tells of what has changed is left out.
    """
    if known.result is None:
        return known
    before = json.dumps(plain(known.result))
    try:
        after = change.lines_moved(before)
    except Moved:
        return replace(known, result=None)
    return known if after == before else replace(known, result=record_of(Result, json.loads(after)))


def kept_content(kept: KeptResults) -> dict[str, Any]:
    """What is kept, for a file."""
    every = [each for each in (*(each.rests_on for each in kept.results.values()), kept.known_rests_on) if each]
    # Most results rest on the same bodies: each is written once.
    bodies = sorted(frozenset().union(*(each.bodies for each in every)))
    writes = sorted(frozenset().union(*(each.writes for each in every)))
    numbers = {body: number for number, body in enumerate(bodies)}
    places = {each: number for number, each in enumerate(writes)}

    def written(rests_on: RestsOn | None) -> list[Any] | None:
        if rests_on is None:
            return None
        read = sorted(numbers[each] for each in rests_on.bodies)
        return [rests_on.assertions, read, sorted(places[each] for each in rests_on.writes)]

    return {
        "bodies": bodies,
        "writes": [[*each.body, each.unit, each.function, each.digest] for each in writes],
        "known": None if kept.known is None else list(kept.known),
        "known_rests_on": written(kept.known_rests_on),
        "results": [
            [*name, None if each.result is None else plain(each.result), written(each.rests_on), each.claims]
            for name, each in kept.results.items()
        ],
        "layout": None if kept.layout is None else layout_content(kept.layout),
    }


def read_layout_of(content: Mapping[str, Any]) -> BodyLayout | None:
    """Where the bodies are of the tree whose results `kept_content` has made of; None if it does not tell.

    Raises:
        AttributeError, IndexError, KeyError, TypeError, ValueError: it is something else.
    """
    layout = content["layout"]
    return None if layout is None else read_layout(layout)


def read_kept(content: Mapping[str, Any], known: Collection[_Name] = ()) -> KeptResults:
    """What `kept_content` has made.

    Args:
        content: that.
        known: of what nothing need be read.

    Raises:
        AttributeError, IndexError, KeyError, TypeError, ValueError: it is something else.
    """
    bodies = [(str(file), int(number)) for file, number in content["bodies"]]
    writes = [
        WritingBody((str(file), int(number)), str(unit), str(function), str(digest))
        for file, number, unit, function, digest in content["writes"]
    ]

    def read(written: list[Any] | None) -> RestsOn | None:
        if written is None:
            return None
        assertions, read, asked = written
        return RestsOn(
            frozenset(bodies[number] for number in read),
            bool(assertions),
            frozenset(writes[number] for number in asked),
        )

    results = {
        (str(theorem), str(vendor)): KeptResult(
            None if result is None else record_of(Result, result),
            read(rests_on),
            None if claims is None else tuple(map(str, claims)),
        )
        for theorem, vendor, result, rests_on, claims in content["results"]
        if (theorem, vendor) not in known
    }
    findings = content["known"]
    return KeptResults(
        known=None if findings is None else tuple(int(number) for number in findings),
        known_rests_on=read(content["known_rests_on"]),
        results=results,
        layout=read_layout_of(content),
    )
