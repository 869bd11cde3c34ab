from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from mmuproof.cli.formats.cases import Ending
from mmuproof.cli.formats.excerpts import Excerpt, excerpts_of, places_of, quoted, texts_of, texts_of_lines
from mmuproof.cli.shared.results import TracedStep
from mmuproof.cli.shared.tree_text import text_in, text_of_source
from tests.cli.formats.runs import FILE, case

TEXT = "\n".join(f"line {number}" for number in range(1, 101))
OTHER = "virt/kvm/kvm_main.c"


def shown_at(*places: str, at: str = "") -> list[Excerpt]:
    steps = tuple(TracedStep(each, f"step at {each}") for each in places)
    told = replace(case("bad.one", Ending.WRONG, "REFUTED", at=at), steps=steps)
    return list(excerpts_of(told, texts_of(places_of([told]), {FILE: TEXT, OTHER: TEXT}.get)))


def numbers(excerpt: Excerpt) -> list[int | None]:
    return [each.number for each in excerpt.lines]


def test_there_are_lines_around_each_step() -> None:
    first, second = shown_at(f"{FILE}:2", f"{FILE}:50")
    assert numbers(first) == [1, 2, 3, 4, 5]
    assert numbers(second) == list(range(47, 54))
    assert [line.text for line in second.lines if line.notes] == ["line 50"]


def test_steps_that_are_near_each_other_stand_together_in_their_order() -> None:
    (one,) = shown_at(f"{FILE}:52", f"{FILE}:50", f"{FILE}:50")
    assert numbers(one) == list(range(47, 56))
    assert {line.number: [each.number for each in line.notes] for line in one.lines if line.notes} == {
        50: [2, 3],
        52: [1],
    }


def test_another_file_between_them_keeps_them_apart() -> None:
    assert [each.file for each in shown_at(f"{FILE}:50", f"{OTHER}:50", f"{FILE}:50")] == [FILE, OTHER, FILE]


def test_without_steps_it_is_the_place() -> None:
    (one,) = shown_at(at=f"{FILE}:7")
    assert numbers(one) == list(range(4, 11))
    assert shown_at(at=FILE) == shown_at() == []


@pytest.mark.parametrize("place", ["no/such.c:3", f"{FILE}:4000", FILE])
def test_a_step_is_told_where_its_line_is_not_at_hand(place: str) -> None:
    (one,) = shown_at(place)
    assert [(each.text, len(each.notes)) for each in one.lines] == [(None, 1)]


def test_nothing_outside_of_the_tree_is_read(tmp_path: Path) -> None:
    root = tmp_path / "linux"
    root.mkdir()
    for name in ("secret.c", "linux/a.c", "linux/token"):
        (tmp_path / name).write_text("text")
    (root / "link.c").symlink_to("../secret.c")
    (root / "folder.c").mkdir()
    os.mkfifo(root / "pipe.c")
    assert text_in(root, "a.c") == "text"
    for name in ("../secret.c", f"{tmp_path}/secret.c", "link.c", "token", "folder.c", "pipe.c", "none.c", "a\0.c", ""):
        assert text_in(root, name) is None


def test_the_lines_of_a_revision_are_not_those_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("text")
    assert text_of_source(str(tmp_path))("a.c") == "text"
    assert text_of_source(f"{tmp_path}@v7.2")("a.c") is None
    assert text_of_source("")("a.c") is None


def test_lines_that_were_kept_show_what_their_file_has_shown() -> None:
    told = replace(case("bad.one", Ending.WRONG, "REFUTED"), steps=(TracedStep(f"{FILE}:50", "x"),))
    kept = quoted(places_of([told]), {FILE: TEXT}.get)
    assert [each.number for each in kept] == list(range(47, 54))
    assert excerpts_of(told, texts_of_lines(kept)) == excerpts_of(told, {FILE: TEXT})


@pytest.mark.parametrize("place", [f"{FILE}:101", f"{FILE}:0", FILE, "", f"{OTHER}:3"])
def test_of_a_line_that_is_not_there_nothing_is_kept(place: str) -> None:
    assert all(each.number > 97 or place.endswith(":0") for each in quoted([place], {FILE: TEXT}.get))
