"""Units of a tree, parsed or loaded ahead by threads."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmuproof.lift.errors import ParseFailed
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.lifted.units import Units


class Loads:
    """Stands in for a unit, and counts how often it is loaded."""

    def __init__(self) -> None:
        self.loaded = 0

    def load(self) -> None:
        """See `Unit.load`."""
        self.loaded += 1


def test_units_are_loaded_ahead_where_that_is_asked_for(tmp_path: Path) -> None:
    made: dict[str, Loads] = {}

    def parse(path: str) -> Unit:
        if path == "broken.c":
            raise ParseFailed(path, ["broken"])
        made[path] = Loads()
        return made[path]  # type: ignore[return-value]

    for name in ("one.c", "two.c", "broken.c"):
        (tmp_path / name).write_text("")
    with Units(tmp_path, parse) as units:
        units.start(["one.c"])
        units.load(["two.c", "broken.c", "none.c"])
        units.finish()
        assert {name: each.loaded for name, each in made.items()} == {"one.c": 0, "two.c": 1}
        with pytest.raises(ParseFailed):
            units.get("broken.c")
