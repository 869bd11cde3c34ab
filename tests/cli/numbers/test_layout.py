from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.cli.numbers.layout import WIDTH, BitPart, Layout, boundaries


def test_what_the_parts_leave_is_called_the_rest() -> None:
    layout = Layout.of_parts("a word", [BitPart(4, 7, "high"), BitPart(0, 0, "low")], "rest")
    assert [(each.high, each.low, each.name) for each in layout.parts] == [
        (63, 8, "rest"),
        (7, 4, "high"),
        (3, 1, "rest"),
        (0, 0, "low"),
    ]
    assert layout.part_of(5).value_in(0x5A) == 5


def test_no_bit_is_in_two_parts() -> None:
    with pytest.raises(ValueError, match="a word"):
        Layout.of_parts("a word", [BitPart(4, 7, "high"), BitPart(0, 4, "low")])


def test_no_bit_is_left_out() -> None:
    with pytest.raises(ValueError, match="below 1"):
        Layout("a word", (BitPart(1, 63, "all but one"),))


@given(st.dictionaries(st.integers(0, WIDTH - 1), st.sampled_from("abc")))
def test_neighbours_of_one_name_are_one_part(names: dict[int, str]) -> None:
    layout = Layout.of_names("a word", names)
    assert {bit: layout.part_of(bit).name for bit in range(WIDTH)} == {bit: names.get(bit, "") for bit in range(WIDTH)}
    assert all(one.name != other.name for one, other in zip(layout.parts, layout.parts[1:], strict=False))


@given(st.lists(st.dictionaries(st.integers(0, WIDTH - 1), st.sampled_from("ab")), min_size=1, max_size=3))
def test_the_pieces_of_several_layouts_are_in_one_part_of_each(names: list[dict[int, str]]) -> None:
    layouts = [Layout.of_names("a word", each) for each in names]
    pieces = boundaries(layouts)
    assert [bit for low, high in pieces for bit in range(high, low - 1, -1)] == list(reversed(range(WIDTH)))
    assert all(each.part_of(low) == each.part_of(high) for each in layouts for low, high in pieces)
