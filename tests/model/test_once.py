"""What is remembered is still what all rest on that ask for it."""

from __future__ import annotations

import pytest

from mmuproof.lift.errors import Missing
from mmuproof.lift.ran import collected, note_run
from mmuproof.lift.syntax import Empty, Location
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.once import Remembers, once


class Area(Remembers):
    """An area of which each question runs a line of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def _run(self, line: int, *cuts: str) -> None:
        note_run([Empty(Location("mmu.c", line))], cuts)

    @once
    def masks(self) -> str:
        self.asked.append("masks")
        self._run(1, "locked")
        return "masks"

    @once
    def spte(self, number: int) -> str:
        self.asked.append("spte")
        self._run(number)
        return f"spte {number} of {self.masks()}"

    @once
    def lost(self) -> None:
        self._run(99)
        raise Missing(["lost"])


def lines_of(area: Area, number: int) -> set[int]:
    with collected() as ran:
        area.spte(number)
    return {each.line for each in ran.places()}


def test_what_is_remembered_belongs_to_both_who_ask() -> None:
    area = Area()
    assert lines_of(area, 5) == {1, 5}
    assert lines_of(area, 5) == {1, 5}
    assert lines_of(area, 6) == {1, 6}
    assert area.asked == ["spte", "masks", "spte"]


def test_what_was_asked_before_anybody_collected_is_known_as_well() -> None:
    area = Area()
    area.spte(5)
    with collected() as ran:
        area.spte(5)
    assert {each.line for each in ran.places()} == {1, 5}
    assert ran.all_cuts() == {"locked"}


def test_one_who_asks_for_nothing_rests_on_nothing() -> None:
    area = Area()
    with collected() as outer:
        with collected() as inner:
            area.masks()
        assert inner.places()
    assert outer.places() == frozenset()


def test_what_is_not_there_is_no_ground_to_rest_on() -> None:
    area = Area()
    with collected() as ran:
        for _ in range(2):
            with pytest.raises(NotThere):
                area.lost()
    assert ran.places() == frozenset()
