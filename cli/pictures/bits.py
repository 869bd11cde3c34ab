"""A word of 64 bits as a map: what the manual calls each bit, and KVM, and what a number has there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mmuproof.cli.numbers.decoded import short
from mmuproof.cli.numbers.hardware import IGNORED, RESERVED, UNDEFINED
from mmuproof.cli.numbers.layout import WIDTH, span, told_bits
from mmuproof.cli.shared.drawing import LETTER, Box, Drawing, Figure, Look, Sheet, Wording
from mmuproof.cli.shared.results import Input
from mmuproof.cli.table.layouts import VendorLayout

_CELL = 26
_MANY, _FEWER = 8, 4
"""More bits than the first that have one name take so many cells as the second."""
_MOST = 12
"""So many cells side by side are as wide as a narrow screen."""
_NUMBER, _VALUE, _LEAST, _PAD = 16, 22, 26, 14
_BYTE = 8
_UNNAMED = ("", IGNORED, RESERVED, UNDEFINED)


@dataclass(frozen=True, kw_only=True)
class MappedBits:
    """Neighbouring bits with the same names.

    Args:
        low: the lowest.
        high: the highest.
        hardware: what the manual calls them; empty if it does not name them.
        kernel: what KVM calls them; empty if it has no name for them.
        value: what a number has there; None if the picture is of no number.
    """

    low: int
    high: int
    hardware: str
    kernel: str
    value: int | None = None

    @property
    def cells(self) -> int:
        """How many cells it takes."""
        width = self.high - self.low + 1
        return _FEWER if width > _MANY else width

    @property
    def says_nothing(self) -> bool:
        """Whether a number has no bit set there, and neither the manual nor KVM has a name for them."""
        return self.value == 0 and not self.kernel and self.hardware.partition(":")[0] in _UNNAMED

    @property
    def bits(self) -> str:
        """Which bits, as the manuals write them."""
        return span(self.low, self.high)


_Name = Callable[[MappedBits], str]


def layout_figure(layout: VendorLayout) -> Figure:
    """The layout of a vendor's SPTEs in one kernel."""
    names = [
        MappedBits(low=row.low, high=row.high, hardware=row.hardware, kernel=row.kernels[0]) for row in layout.rows
    ]
    return Figure(
        title=f"{layout.vendor.value}: {layout.title}",
        drawings=bit_drawings(names, f"SPTE of {layout.vendor.value}"),
        caption="The manual's name of each bit stands above, KVM's below.",
        head=("bits", "manual", "KVM"),
        rows=tuple((each.bits, each.hardware, each.kernel or "–") for each in names),
    )


def number_figure(given: Input) -> Figure:
    """A number of a counterexample, bit by bit.

    Args:
        given: an input whose bits mean something.
    """
    assert given.decoded is not None
    told: Mapping[str, Any] = given.decoded
    names = [
        MappedBits(
            low=each["low"],
            high=each["high"],
            hardware=each["hardware"] or "",
            kernel=each["kernel"] or "",
            value=each["value"],
        )
        for each in told["bits"]
    ]
    words = "".join(f" {each[:1].upper()}{each[1:]}." for each in (*told["words"], *_passages(told["hardware"])))
    return Figure(
        title=f"{given.name} = {told['value']}",
        drawings=bit_drawings(names, given.name),
        caption=f"{told['title']}.{words}",
        head=("bits", "value", "manual", "KVM"),
        rows=tuple(
            (each.bits, f"{each.value:#x}", each.hardware or "–", each.kernel or "–") for each in names if each.value
        ),
    )


def difference_figure(old: int, new: int) -> Figure:
    """Two numbers bit by bit, one below the other, with the bits marked in which they differ.

    Of eight bits side by side of which none is set in either, there is no picture.
    """
    bytes_ = [low for low in range(WIDTH - _BYTE, -1, -_BYTE) if (old | new) >> low & 0xFF]
    return Figure(
        title=f"old {old:#x}, new {new:#x}: they differ in {told_bits(old ^ new)}",
        drawings=tuple(_compared(old, new, low) for low in bytes_),
        caption="The old number stands above the new one. Bits that are not drawn are clear in both.",
    )


def _compared(old: int, new: int, low: int) -> Drawing:
    sheet = Sheet(width=_CELL * _BYTE + 2 + _LEAST, y=_NUMBER)
    for place, bit in enumerate(reversed(range(low, low + _BYTE))):
        x = _LEAST + place * _CELL
        sheet.labels.append(Wording(x=x + _CELL / 2, y=_NUMBER - 5, text=str(bit), look=Look.FAINT, middle=True))
        for row, number in enumerate((old, new)):
            state = Look.SET if number >> bit & 1 else Look.CLEAR
            sheet.boxes.append(
                Box(
                    x=x,
                    y=sheet.y + row * _VALUE,
                    width=_CELL,
                    height=_VALUE,
                    look=Look.WRONG if (old ^ new) >> bit & 1 else state,
                    lines=(str(number >> bit & 1),),
                )
            )
    for row, name in enumerate(("old", "new")):
        sheet.labels.append(Wording(x=_LEAST - 4, y=sheet.y + row * _VALUE + 15, text=name, at_end=True))
    sheet.y += 2 * _VALUE
    mask = 0xFF << low
    says = f"old {(old & mask) >> low:08b}, new {(new & mask) >> low:08b}"
    return sheet.drawing(f"Bits {span(low, low + _BYTE - 1)}", says)


def _passages(told: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the hardware does with accesses, settings together where it does the same."""
    found: dict[str, list[str]] = {}
    for each in told:
        what = each["instead"] or f"allows {', '.join(each['allowed']) or 'nothing'}"
        found.setdefault(what, []).append(f"{each['setting']}, {each['who']}")
    if found:
        parts = "; ".join(f"{what} ({'; '.join(settings)})" for what, settings in found.items())
        whole = parts if len(found) > 1 else next(iter(found))
        yield f"what the hardware does with an access, by this entry alone: {whole}"


def bit_drawings(names: Sequence[MappedBits], what: str) -> tuple[Drawing, ...]:
    """The pictures of a word, from its highest bits on; each fits a narrow screen.

    What a number does not have, and what nobody names, is not drawn.
    """
    pieces = [piece for piece in _pieces(names) if not all(each.says_nothing for each in piece)]
    lanes = [(name, look, _height(pieces, name)) for name, look in ((_hardware, Look.HARDWARE), (_kernel, Look.KERNEL))]
    return tuple(_drawn(piece, lanes, what) for piece in pieces)


def _pieces(names: Sequence[MappedBits]) -> Iterator[list[MappedBits]]:
    piece: list[MappedBits] = []
    for each in names:
        # A long field has a piece of its own, so that those beside it begin and end as often as not at the same bits.
        alone = any(one.high - one.low >= _MANY for one in (each, *piece[-1:]))
        if piece and (alone or sum(one.cells for one in piece) + each.cells > _MOST):
            yield piece
            piece = []
        piece.append(each)
    yield piece


def _hardware(bits: MappedBits) -> str:
    # Of what must be 0 for one reason or another, the table below says why.
    name = bits.hardware.partition(":")[0]
    return name if name in _UNNAMED else short(name)


def _kernel(bits: MappedBits) -> str:
    return bits.kernel


def _fields(piece: Sequence[MappedBits], name: _Name) -> Iterator[tuple[str, list[MappedBits]]]:
    """The names in a lane: what has no name by itself, and one name over several bits, stand once."""
    for text, group in groupby(piece, key=name):
        yield text, list(group)


def _width(bits: Sequence[MappedBits]) -> int:
    return _CELL * sum(each.cells for each in bits)


def _fits(text: str, bits: Sequence[MappedBits]) -> bool:
    return len(text) * LETTER + 6 <= _width(bits)


def _height(pieces: Sequence[Sequence[MappedBits]], name: _Name) -> float:
    """How high a lane is: as long as the longest of its words that stand upright."""
    fields = (each for piece in pieces for each in _fields(piece, name))
    upright = (len(text) * LETTER + _PAD for text, bits in fields if not _fits(text, bits))
    return max([_LEAST, *upright])


def _drawn(piece: Sequence[MappedBits], lanes: Sequence[tuple[_Name, Look, float]], what: str) -> Drawing:
    sheet = Sheet(width=_width(piece) + 2, y=_NUMBER)
    x = 1.0
    for each in piece:
        wide = _width([each])
        if each.low == each.high or each.cells == 1:
            sheet.labels.append(Wording(x=x + wide / 2, y=_NUMBER - 5, text=each.bits, look=Look.FAINT, middle=True))
        else:
            sheet.labels.append(Wording(x=x + 2, y=_NUMBER - 5, text=str(each.high), look=Look.FAINT))
            sheet.labels.append(
                Wording(x=x + wide - 2, y=_NUMBER - 5, text=str(each.low), look=Look.FAINT, at_end=True)
            )
        x += wide
    if piece[0].value is not None:
        _values(sheet, piece)
    for name, look, height in lanes:
        x = 1.0
        for text, bits in _fields(piece, name):
            wide, turned = _width(bits), not _fits(text, bits)
            faint = text in _UNNAMED
            sheet.boxes.append(
                Box(
                    x=x,
                    y=sheet.y,
                    width=wide,
                    height=height,
                    look=Look.FAINT if faint else look,
                    lines=(text,) if text else (),
                    turned=turned,
                )
            )
            x += wide
        sheet.y += height
    title = f"Bits {span(piece[-1].low, piece[0].high)} of an {what}"
    return sheet.drawing(title, "; ".join(map(_said, piece)))


def _values(sheet: Sheet, piece: Sequence[MappedBits]) -> None:
    x = 1.0
    for each in piece:
        assert each.value is not None
        digits = f"{each.value:#x}" if each.cells != each.high - each.low + 1 else f"{each.value:0{each.cells}b}"
        # A number has one box; each bit of what is few bits has its own.
        parts = (digits,) if len(digits) != each.cells or each.cells == _FEWER < each.high - each.low else tuple(digits)
        wide = _width([each]) / len(parts)
        for part in parts:
            look = Look.CLEAR if part in ("0", "0x0") else Look.SET
            sheet.boxes.append(Box(x=x, y=sheet.y, width=wide, height=_VALUE, look=look, lines=(part,), turned=False))
            x += wide
    sheet.y += _VALUE


def _said(bits: MappedBits) -> str:
    value = "" if bits.value is None else f" = {bits.value:#x}"
    names = " · ".join(dict.fromkeys(filter(None, (bits.hardware, bits.kernel)))) or "no name"
    return f"{bits.bits}{value}: {names}"
