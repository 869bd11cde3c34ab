from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmuproof.cli.numbers.layout import WIDTH, BitPart, Layout, boundaries, told_bits, two_numbers


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


@pytest.mark.parametrize(("mask", "words"), [(1, "bit 0"), (0b1110, "bits 1-3"), (1 << 63 | 0b101, "bits 0,2,63")])
def test_bits_in_words(mask: int, words: str) -> None:
    assert told_bits(mask) == words


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (("0x10", "3"), (16, 3)),
        (("0x10", "0x10"), None),
        (("0", "1"), None),
        (("READ", "0x10"), None),
        (("", ""), None),
    ],
)
def test_numbers_of_several_bits_are_compared(texts: tuple[str, str], numbers: tuple[int, int] | None) -> None:
    assert two_numbers(texts) == numbers
