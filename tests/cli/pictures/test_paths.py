"""Pictures of an access on its way: the entries from the highest level on, then what KVM does and should do."""

from __future__ import annotations

import pytest

from mmuproof.cli.pictures.paths import path_figure
from mmuproof.cli.shared.drawing import Drawing
from mmuproof.cli.shared.results import Counterexample, Input


def told(*inputs: Input) -> Counterexample:
    return Counterexample(
        symptom="s",
        sentence="It is wrong.",
        inputs=inputs,
        values={},
        steps=(),
        actual="KVM lets it through",
        expected="SDM 1.2: a fault",
        at="",
    )


def drawn(area: str, *inputs: Input) -> Drawing | None:
    figure = path_figure(area, told(*inputs), lambda number, level: f"{number} of {level}")
    return None if figure is None else figure.drawings[0]


SPTE = Input("spte", "0x7", "R|W|XS", {"kind": "spte"})


def test_entries_stand_in_the_order_of_the_walk() -> None:
    inputs = [
        Input("what is left", "WRITE"),
        Input("CR4.PSE", "1"),
        Input("access", "WRITE"),
        Input("entry of level 2", "0x83"),
        Input("gpte", "7"),
        SPTE,
    ]
    drawing = drawn("walk", *inputs)
    assert drawing is not None
    assert [box.lines for box in drawing.boxes] == [
        ("CR4.PSE=1",),
        ("access = WRITE",),
        ("entry of level 2 = 0x83", "131 of 2"),
        ("gpte = 7", "7 of None"),
        ("what is left = WRITE",),
        ("spte = 0x7", "R|W|XS"),
        ("lets it through",),
        ("SDM 1.2: a fault",),
    ]
    assert [each.text for each in drawing.labels] == [
        "with",
        "what is told of it",
        "the guest's tables",
        "what is told of it",
        "KVM's tables",
        "KVM",
        "what is expected",
    ]
    assert all(box.x + box.width <= drawing.width and box.y + box.height <= drawing.height for box in drawing.boxes)


def test_long_flags_are_broken_between_them() -> None:
    flags = "|".join(["GVA_TRANSLATED"] * 6)
    drawing = drawn("exit", Input("exit qualification", flags))
    assert drawing is not None
    lines = drawing.boxes[0].lines
    assert len(lines) > 1
    assert "".join(lines).replace(" ", "") == f"exitqualification={flags}"
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(("area", "inputs"), [("layout", [SPTE]), ("walk", [])])
def test_where_there_is_no_access_there_is_no_picture(area: str, inputs: list[Input]) -> None:
    assert drawn(area, *inputs) is None
