"""Pictures of words: every bit stands in them once, by its names, and what a number has there."""

from __future__ import annotations

import pytest

from mmuproof.cli.grids.layouts import LayoutRow, VendorLayout, access_bits, spte_layout
from mmuproof.cli.numbers.decoded import Decoder, decoded_content
from mmuproof.cli.pictures.bits import (
    MappedBits,
    access_figure,
    bit_drawings,
    difference_figure,
    layout_figure,
    layouts_figure,
    number_figure,
)
from mmuproof.cli.shared.drawing import Drawing, Look
from mmuproof.cli.shared.results import Input
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.vendor import Vendor

KVM = ReferenceKvm()
NARROW = 340


def words(drawings: tuple[Drawing, ...]) -> set[str]:
    return {line for drawing in drawings for box in drawing.boxes for line in box.lines}


def widths_by_lane(drawing: Drawing) -> set[float]:
    lanes: dict[float, float] = {}
    for box in drawing.boxes:
        lanes[box.y] = lanes.get(box.y, 0) + box.width
    return set(lanes.values())


@pytest.mark.parametrize("vendor", Vendor)
def test_a_layout_fits_a_narrow_screen_and_names_every_bit(vendor: Vendor) -> None:
    figure = layout_figure(spte_layout([KVM], vendor, 1))
    for drawing in figure.drawings:
        assert drawing.width <= NARROW
        # Each lane covers all of it.
        assert widths_by_lane(drawing) == {drawing.width - 2}
        assert all(box.y + box.height <= drawing.height for box in drawing.boxes)
    assert {"shadow_accessed_mask", "pfn", "address", "SPTE_MMU_PRESENT_MASK"} <= words(figure.drawings)
    said = "; ".join(each.says for each in figure.drawings)
    assert said.count(";") + 1 == len(figure.rows)


def test_long_fields_stand_alone_and_neighbours_of_one_name_together() -> None:
    names = [
        MappedBits(low=52, high=63, hardware="ignored", kernels=("",)),
        MappedBits(low=12, high=51, hardware="address", kernels=("pfn",)),
        MappedBits(low=2, high=11, hardware="must be 0: above MAXPHYADDR", kernels=("",)),
        MappedBits(low=1, high=1, hardware="write", kernels=("W",)),
        MappedBits(low=0, high=0, hardware="write", kernels=("R",)),
    ]
    *_, last = drawings = bit_drawings(names, "entry")
    assert [each.title for each in drawings][1] == "Bits 51:12 of an entry"
    assert [box.lines for box in last.boxes] == [("W",), ("W",), ("R",)]
    assert "must be 0" in words(drawings)


def test_a_number_has_its_bits_in_the_picture() -> None:
    decoded = Decoder(KVM).decode(NumberKind.SPTE, 0x80A0_0001_2345_6B07, Vendor.INTEL)
    figure = number_figure(Input("spte", "0x80a0000123456b07", "", decoded_content(decoded)))
    assert figure.title == "spte = 0x80a0000123456b07"
    marked = [box.lines[0] for drawing in figure.drawings for box in drawing.boxes if box.look is Look.SET]
    # 63, 55, 53; the address; 11, 9, 8, 2, 1, 0.
    assert marked == ["1"] * 3 + ["0x123456"] + ["1"] * 6
    assert "MMU-present." in figure.caption
    assert "allows read, write, fetch" in figure.caption
    assert ("11", "0x1", "ignored", "SPTE_MMU_PRESENT_MASK") in figure.rows


def test_what_the_hardware_does_whatever_the_setting_is_told_once() -> None:
    decoded = Decoder(KVM).decode(NumberKind.SPTE, 0, Vendor.INTEL)
    caption = number_figure(Input("spte", "0", "", decoded_content(decoded))).caption
    assert caption.count("EPT violation: not present") == 1
    assert "MBEC" not in caption


def test_two_numbers_have_their_differences_marked() -> None:
    figure = difference_figure(0x4000_0000_0000_0003, 0x402)
    assert figure.title == "old 0x4000000000000003, new 0x402: they differ in bits 0,10,62"
    assert [each.title for each in figure.drawings] == ["Bits 63:56", "Bits 15:8", "Bits 7:0"]
    assert figure.drawings[0].says == "old 01000000, new 00000000"
    marked = [box.lines[0] for each in figure.drawings for box in each.boxes if box.look is Look.WRONG]
    assert sorted(marked) == ["0"] * 3 + ["1"] * 3
    assert all(each.width <= NARROW for each in figure.drawings)


def test_long_fields_that_say_nothing_are_not_drawn() -> None:
    decoded = Decoder(KVM).decode(NumberKind.EPT_VIOLATION, 0x184, Vendor.INTEL)
    drawings = number_figure(Input("q", "0x184", "", decoded_content(decoded))).drawings
    assert drawings
    assert all("63" not in each.title for each in drawings)
    assert drawings[-1].title.startswith("Bits ")
    assert drawings[-1].title.split()[1].endswith(":0")
    # What is set is drawn, whoever names it.
    odd = Decoder(KVM).decode(NumberKind.EPT_VIOLATION, 1 << 62, Vendor.INTEL)
    first, *_ = number_figure(Input("q", "", "", decoded_content(odd))).drawings
    assert first.title.startswith("Bits 63:")


def test_two_kernels_stand_one_below_the_other_with_what_differs_marked() -> None:
    rows = (
        LayoutRow(12, 63, "address", ("pfn", "pfn")),
        LayoutRow(2, 11, "ignored", ("", "")),
        LayoutRow(1, 1, "write", ("PT_WRITABLE_MASK", "shadow_new_mask")),
        LayoutRow(0, 0, "read", ("", "READ")),
    )
    figure = layouts_figure(VendorLayout(Vendor.INTEL, "PTE", rows), ("old", "new"))
    *_, last = figure.drawings
    marked = [(box.lines, box.look) for box in last.boxes if box.look is Look.SET]
    # The lower lane is the newer kernel's.
    assert marked == [
        (("PT_WRITABLE_MASK",), Look.SET),
        ((), Look.SET),
        (("shadow_new_mask",), Look.SET),
        (("READ",), Look.SET),
    ]
    # Not by colour alone.
    assert [label.text for label in last.labels] == ["1*", "0*"]
    assert [box.lines for box in last.boxes if box.x == 1] == [("manual",), ("old",), ("new",)]
    assert all(drawing.width <= NARROW for drawing in figure.drawings)
    assert figure.rows[-2:] == (("1 *", "write", "PT_WRITABLE_MASK", "shadow_new_mask"), ("0 *", "read", "–", "READ"))
    assert "They differ in bits 1, 0, which are marked." in figure.caption


@pytest.mark.parametrize("vendor", Vendor)
def test_what_an_access_becomes_is_drawn_bit_by_bit(vendor: Vendor) -> None:
    changes = {bit: each.names[0] for each in access_bits(KVM, [vendor]) for _, bits in each.changes for bit in bits}
    figure = access_figure(spte_layout([KVM], vendor, 1), changes)
    assert {row[0]: row[3] for row in figure.rows} == {str(bit): name for bit, name in changes.items()}
    assert "ACC_WRITE_MASK" in words(figure.drawings)
    assert all(drawing.width <= NARROW for drawing in figure.drawings)
