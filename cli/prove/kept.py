"""What is kept of a kernel's results: with each what it rests on, as it is written and read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from mmuproof.cli.prove.relatives import BodyChange, BodyLayout, Moved, RestsOn, layout_content, read_layout
from mmuproof.cli.shared.records import plain, record_of
from mmuproof.cli.shared.results import Result


@dataclass(frozen=True)
class KeptResult:
    """A result, and what it rests on; None if that may be all of the tree."""

    result: Result
    rests_on: RestsOn | None


_Name = tuple[str, str]
"""A theorem and a vendor."""


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

    def after(self, change: BodyChange) -> KeptResults:
        """What is left of it for a tree that is another in some bodies."""
        assert self.layout is not None
        left = {}
        for name, each in self.results.items():
            if change.leaves(each.rests_on):
                with suppress(Moved):
                    left[name] = replace(each, result=_moved(each.result, change))
        is_known = change.leaves(self.known_rests_on)
        return KeptResults(
            known=self.known if is_known else None,
            known_rests_on=self.known_rests_on if is_known else None,
            results=left,
            layout=self.layout.changed(change),
        )


def _moved(result: Result, change: BodyChange) -> Result:
    """A result with the lines that it tells of as they are after a change.

    Raises:
        Moved: it tells of what has changed.
    """
    return record_of(Result, json.loads(change.lines_moved(json.dumps(plain(result)))))


def kept_content(kept: KeptResults) -> dict[str, Any]:
    """What is kept, for a file."""
    every = [each.rests_on for each in kept.results.values()]
    # Most results rest on the same bodies: each is written once.
    bodies = sorted(frozenset().union(*(each.bodies for each in (*every, kept.known_rests_on) if each is not None)))
    numbers = {body: number for number, body in enumerate(bodies)}

    def written(rests_on: RestsOn | None) -> list[Any] | None:
        if rests_on is None:
            return None
        return [rests_on.assertions, *sorted(numbers[each] for each in rests_on.bodies)]

    return {
        "bodies": bodies,
        "known": None if kept.known is None else list(kept.known),
        "known_rests_on": written(kept.known_rests_on),
        "results": [[plain(each.result), written(each.rests_on)] for each in kept.results.values()],
        "layout": None if kept.layout is None else layout_content(kept.layout),
    }


def read_kept(content: Mapping[str, Any]) -> KeptResults:
    """What `kept_content` has made.

    Raises:
        AttributeError, IndexError, KeyError, TypeError, ValueError: it is something else.
    """
    bodies = [(str(file), int(number)) for file, number in content["bodies"]]

    def read(written: list[Any] | None) -> RestsOn | None:
        if written is None:
            return None
        return RestsOn(frozenset(bodies[number] for number in written[1:]), assertions=bool(written[0]))

    results = [KeptResult(record_of(Result, result), read(rests_on)) for result, rests_on in content["results"]]
    known, layout = content["known"], content["layout"]
    return KeptResults(
        known=None if known is None else tuple(int(number) for number in known),
        known_rests_on=read(content["known_rests_on"]),
        results={(each.result.theorem, each.result.vendor.value): each for each in results},
        layout=None if layout is None else read_layout(layout),
    )
