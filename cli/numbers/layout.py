"""Which bits of a word are called what: a layout accounts for each of its 64 bits exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WIDTH = 64


def span(low: int, high: int) -> str:
    """Bits as the manuals write them: ``51:12``, or ``63`` alone."""
    return str(low) if low == high else f"{high}:{low}"


@dataclass(frozen=True)
class BitPart:
    """Neighbouring bits that are called one thing; ``name`` is empty if they have no name."""

    low: int
    high: int
    name: str

    def value_in(self, number: int) -> int:
        """What the bits hold, as a number of its own."""
        return number >> self.low & (1 << self.high - self.low + 1) - 1


@dataclass(frozen=True)
class Layout:
    """The parts of a word of 64 bits, from the highest to the lowest.

    Args:
        title: what the word is, in the words of whoever names its bits.
        parts: they cover the word.

    Raises:
        ValueError: a bit is in none of the parts, or in two.
    """

    title: str
    parts: tuple[BitPart, ...]

    def __post_init__(self) -> None:
        above = WIDTH
        for part in self.parts:
            if part.high != above - 1 or part.low > part.high:
                raise ValueError(f"{self.title}: bits {span(part.low, part.high)} do not follow on bit {above}")
            above = part.low
        if above:
            raise ValueError(f"{self.title}: bits below {above} are in no part")

    @classmethod
    def of_parts(cls, title: str, parts: Iterable[BitPart], rest: str = "") -> Layout:
        """A layout of parts in any order; what they leave is called ``rest``.

        Raises:
            ValueError: two of them share a bit.
        """
        placed: list[BitPart] = []
        above = WIDTH
        for part in sorted(parts, key=lambda each: -each.low):
            if part.high + 1 < above:
                placed.append(BitPart(part.high + 1, above - 1, rest))
            placed.append(part)
            above = part.low
        if above:
            placed.append(BitPart(0, above - 1, rest))
        return cls(title, tuple(placed))

    @classmethod
    def of_names(cls, title: str, names: Mapping[int, str]) -> Layout:
        """A layout from the name of each bit that has one: neighbours of one name are one part."""
        parts: list[BitPart] = []
        for bit in reversed(range(WIDTH)):
            name = names.get(bit, "")
            if parts and parts[-1].name == name:
                parts[-1] = BitPart(bit, parts[-1].high, name)
            else:
                parts.append(BitPart(bit, bit, name))
        return cls(title, tuple(parts))

    def part_of(self, bit: int) -> BitPart:
        """The part that a bit is in."""
        return next(part for part in self.parts if part.low <= bit <= part.high)


def ones(mask: int) -> list[int]:
    """The numbers of the bits that are set."""
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def boundaries(layouts: Iterable[Layout]) -> list[tuple[int, int]]:
    """The lowest and highest bit of the pieces into which several layouts cut a word, from the highest on."""
    lows = sorted({part.low for each in layouts for part in each.parts}, reverse=True)
    highs = [WIDTH - 1, *(low - 1 for low in lows[:-1])]
    return list(zip(lows, highs, strict=True))


def ranges(numbers: Sequence[int]) -> str:
    """Sorted numbers with neighbours taken together: ``1-3,7``."""
    spans: list[tuple[int, int]] = []
    for value in numbers:
        if spans and spans[-1][1] + 1 == value:
            spans[-1] = (spans[-1][0], value)
        else:
            spans.append((value, value))
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in spans)


def told_bits(mask: int) -> str:
    """The bits of a mask in words: ``bit 3``, or ``bits 3,7-9``."""
    numbers = ones(mask)
    return f"bit{'' if len(numbers) == 1 else 's'} {ranges(numbers)}"


def two_numbers(texts: Sequence[str]) -> tuple[int, int] | None:
    """Two numbers of several bits that are not the same; None if the texts are no such."""
    try:
        old, new = (int(each, 0) for each in texts)
    except ValueError:
        return None
    return (old, new) if old != new and max(old, new) > 1 else None
