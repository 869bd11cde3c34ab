"""A word of 64 bits as a map: what the manual calls each bit, and KVM, and what a number has there."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from mmuproof.cli.grids.layouts import LayoutRow, VendorLayout
from mmuproof.cli.numbers.decoded import short
from mmuproof.cli.numbers.hardware import IGNORED, RESERVED, UNDEFINED
from mmuproof.cli.numbers.layout import WIDTH, span, told_bits
from mmuproof.cli.shared.drawing import LETTER, Box, Drawing, Figure, Look, Sheet, Wording
from mmuproof.cli.shared.results import Counterexample, Input

_CELL = 26
_MANY, _FEWER = 8, 4
"""More bits than the first that have one name take so many cells as the second."""
_MOST = 12
"""So many cells side by side are as wide as a narrow screen."""
_NUMBER, _VALUE, _LEAST, _PAD = 16, 22, 26, 14
_GUTTER = 18
"""So much room have the names of lanes on the left, where there are several of KVM's."""
_BYTE = 8
_UNNAMED = ("", IGNORED, RESERVED, UNDEFINED)


@dataclass(frozen=True, kw_only=True)
class MappedBits:
    """Neighbouring bits with the same names.

    Args:
        low: the lowest.
        high: the highest.
        hardware: what the manual calls them; empty if it does not name them.
        kernels: what KVM calls them, or each of several kernels; empty if it has no name for them.
        value: what a number has there; None if the picture is of no number.
        differs: whether they are to be marked: kernels call them different things.
    """

    low: int
    high: int
    hardware: str
    kernels: tuple[str, ...]
    value: int | None = None
    differs: bool = False

    @property
    def cells(self) -> int:
        """How many cells it takes."""
        width = self.high - self.low + 1
        return _FEWER if width > _MANY else width

    @property
    def says_nothing(self) -> bool:
        """Whether a number has no bit set there, and neither the manual nor KVM has a name for them."""
        return self.value == 0 and not any(self.kernels) and self.hardware.partition(":")[0] in _UNNAMED

    @property
    def bits(self) -> str:
        """Which bits, as the manuals write them."""
        return span(self.low, self.high)


_Name = Callable[[MappedBits], str]


@dataclass(frozen=True)
class Lane:
    """What stands under each other in a picture: the names that somebody has for the bits.

    Args:
        name: what a bit is called in it.
        look: how what has a name looks.
        title: whose names they are; empty if that is told below the picture.
    """

    name: _Name
    look: Look
    title: str = ""


def layout_figure(layout: VendorLayout) -> Figure:
    """The layout of a vendor's SPTEs in one kernel."""
    names = _of_rows(layout)
    return Figure(
        title=f"{layout.vendor.value}: {layout.title}",
        drawings=bit_drawings(names, f"SPTE of {layout.vendor.value}"),
        caption="The manual's name of each bit stands above, KVM's below.",
        head=("bits", "manual", "KVM"),
        rows=_table(names),
    )


def layouts_figure(layout: VendorLayout, kernels: Sequence[str]) -> Figure:
    """The layouts of a vendor's SPTEs in several kernels, one below the other, with the bits marked that differ.

    Args:
        layout: they.
        kernels: what the kernels are called, in short.
    """
    names = _of_rows(layout)
    other = [each.bits for each in names if each.differs]
    told = f"They differ in bits {', '.join(other)}, which are marked." if other else "They do not differ."
    return Figure(
        title=f"{layout.vendor.value}: {layout.title}",
        drawings=bit_drawings(names, f"SPTE of {layout.vendor.value}", kernels),
        caption=f"From above to below: the manual's name of each bit, and that of {', '.join(kernels)}. {told}",
        head=("bits", "manual", *kernels),
        rows=_table(names),
    )


def access_figure(layout: VendorLayout, bits: Mapping[int, str]) -> Figure:
    """What the bits of an access become in the SPTEs of a vendor.

    Args:
        layout: the layout of the SPTEs in one kernel.
        bits: the names of the bits of an access that change a bit of the SPTE, by its number.
    """
    names = [
        MappedBits(low=low, high=high, hardware=row.hardware, kernels=(row.kernels[0], bits.get(low, "")))
        for row in layout.rows
        for low, high in _cut(row, bits)
    ]
    return Figure(
        title=f"{layout.vendor.value}: {layout.title}",
        drawings=bit_drawings(names, f"SPTE of {layout.vendor.value}", ("KVM", "access")),
        caption="From above to below: the manual's name of each bit, KVM's, and the bit of the access that sets it, or "
        "clears it where it denies something.",
        head=("bits", "manual", "KVM", "access"),
        rows=tuple(row for row in _table(names) if row[-1] != _NO_NAME),
    )


def _cut(row: LayoutRow, bits: Container[int]) -> Iterable[tuple[int, int]]:
    """A row bit by bit if some of its bits are among others, else whole: from the highest on."""
    every = range(row.high, row.low - 1, -1)
    return ((each, each) for each in every) if any(each in bits for each in every) else ((row.low, row.high),)


def _of_rows(layout: VendorLayout) -> list[MappedBits]:
    return [
        MappedBits(low=row.low, high=row.high, hardware=row.hardware, kernels=row.kernels, differs=row.differs)
        for row in layout.rows
    ]


_NO_NAME = "–"


def _table(names: Sequence[MappedBits]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            f"{each.bits} *" if each.differs else each.bits,
            each.hardware or _NO_NAME,
            *(name or _NO_NAME for name in each.kernels),
        )
        for each in names
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
            kernels=(each["kernel"] or "",),
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
            (each.bits, f"{each.value:#x}", each.hardware or _NO_NAME, each.kernels[0] or _NO_NAME)
            for each in names
            if each.value
        ),
    )


def numbers_of(told: Counterexample) -> tuple[Figure, ...]:
    """The numbers among the inputs of an example whose bits mean something, bit by bit."""
    return tuple(number_figure(each) for each in told.inputs if each.decoded is not None)


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


def bit_drawings(names: Sequence[MappedBits], what: str, titles: Sequence[str] = ()) -> tuple[Drawing, ...]:
    """The pictures of a word, from its highest bits on; each fits a narrow screen.

    What a number does not have, and what nobody names, is not drawn.

    Args:
        names: the names of all its bits.
        what: what the word is.
        titles: whose names of KVM's they are, where there are several.
    """
    pieces = [piece for piece in _pieces(names) if not all(each.says_nothing for each in piece)]
    lanes = [Lane(_hardware, Look.HARDWARE, "manual" if titles else "")]
    lanes += [Lane(partial(_kernel, at), Look.KERNEL, title) for at, title in enumerate(titles or ("",))]
    heights = [(lane, _height(pieces, lane)) for lane in lanes]
    return tuple(_drawn(piece, heights, what) for piece in pieces)


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


def _kernel(number: int, bits: MappedBits) -> str:
    return bits.kernels[number]


def _fields(piece: Sequence[MappedBits], lane: Lane) -> Iterator[tuple[str, list[MappedBits]]]:
    """The names in a lane: what has no name by itself, and one name over several bits, stand once."""
    for (text, _), group in groupby(piece, key=lambda each: (lane.name(each), each.differs)):
        yield text, list(group)


def _width(bits: Sequence[MappedBits]) -> int:
    return _CELL * sum(each.cells for each in bits)


def _fits(text: str, bits: Sequence[MappedBits]) -> bool:
    return len(text) * LETTER + 6 <= _width(bits)


def _height(pieces: Sequence[Sequence[MappedBits]], lane: Lane) -> float:
    """How high a lane is: as long as the longest of its words that stand upright, its title among them."""
    fields = (each for piece in pieces for each in _fields(piece, lane))
    upright = (len(text) * LETTER + _PAD for text, bits in fields if not _fits(text, bits))
    return max([_LEAST, len(lane.title) * LETTER + _PAD if lane.title else 0, *upright])


def _drawn(piece: Sequence[MappedBits], lanes: Sequence[tuple[Lane, float]], what: str) -> Drawing:
    gutter = _GUTTER if any(lane.title for lane, _ in lanes) else 0
    sheet = Sheet(width=gutter + _width(piece) + 2, y=_NUMBER)
    x = left = gutter + 1.0
    for each in piece:
        wide = _width([each])
        if each.low == each.high or each.cells == 1:
            sheet.labels.append(
                Wording(x=x + wide / 2, y=_NUMBER - 5, text=_marked(each.bits, each), look=Look.FAINT, middle=True)
            )
        else:
            high = _marked(str(each.high), each)
            sheet.labels.append(Wording(x=x + 2, y=_NUMBER - 5, text=high, look=Look.FAINT))
            sheet.labels.append(
                Wording(x=x + wide - 2, y=_NUMBER - 5, text=str(each.low), look=Look.FAINT, at_end=True)
            )
        x += wide
    if piece[0].value is not None:
        _values(sheet, piece)
    for lane, height in lanes:
        if lane.title:
            sheet.boxes.append(
                Box(x=1, y=sheet.y, width=gutter, height=height, look=Look.FAINT, lines=(lane.title,), turned=True)
            )
        x = left
        for text, bits in _fields(piece, lane):
            wide, turned = _width(bits), not _fits(text, bits)
            marked = bits[0].differs and lane.look is Look.KERNEL
            plain = Look.FAINT if text in _UNNAMED else lane.look
            sheet.boxes.append(
                Box(
                    x=x,
                    y=sheet.y,
                    width=wide,
                    height=height,
                    look=Look.SET if marked else plain,
                    lines=(text,) if text else (),
                    turned=turned,
                )
            )
            x += wide
        sheet.y += height
    title = f"Bits {span(piece[-1].low, piece[0].high)} of an {what}"
    return sheet.drawing(title, "; ".join(map(_said, piece)))


def _marked(text: str, bits: MappedBits) -> str:
    # Not by colour alone.
    return f"{text}*" if bits.differs else text


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
    theirs = [each or _NO_NAME for each in bits.kernels] if len(bits.kernels) > 1 else bits.kernels
    names = " · ".join(dict.fromkeys(filter(None, (bits.hardware, *theirs)))) or "no name"
    return f"{bits.bits}{value}: {names}"
