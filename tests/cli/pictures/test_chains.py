"""Pictures of the chain: every theorem of it is there, as it has ended, and leads to where it is told."""

from __future__ import annotations

import pytest

from mmuproof.cli.pictures.chains import chain_figure
from mmuproof.cli.shared.drawing import Look
from mmuproof.proofs.chain import CHAINS, Chain, Stage


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.says)
def test_every_theorem_is_drawn_with_its_verdict(chain: Chain) -> None:
    named = [name for step in chain.steps for name in step.theorems]
    looks = {named[0]: Look.WRONG, named[-1]: Look.GOOD}
    (drawing,) = chain_figure(chain, looks).drawings
    drawn = {box.about: box.look for box in drawing.boxes if box.about}
    assert drawn == {name: looks.get(name, Look.PLAIN) for name in named}
    assert all(box.x + box.width <= drawing.width and box.y + box.height <= drawing.height for box in drawing.boxes)
    assert len(drawing.arrows) == len(chain.steps)
    words = " ".join(each.text for each in drawing.labels)
    assert all(f"{name}()" in words for step in chain.steps for each in step.by for name in each.split("|"))


def test_a_step_without_a_theorem_stands_out() -> None:
    (drawing,) = chain_figure(
        Chain("says", (Stage(start="a", end="b", by=("f",), theorems=(), missing="all"),)), {}
    ).drawings
    assert [(each.text, each.look) for each in drawing.labels] == [
        ("f()", Look.FAINT),
        ("no theorem", Look.WRONG),
        ("not proved: all", Look.OPEN),
    ]
