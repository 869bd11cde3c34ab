"""The reference model's tables of reserved bits, against bits written down by hand from the manuals."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reserved_bits import CheckedMmu, MmuKind, MmuRequest
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import FALSE, BitVec, bool_var, var

PG, PSE, PAE, LA57, LMA, NX = 1 << 31, 1 << 4, 1 << 5, 1 << 12, 1 << 10, 1 << 11
HUGE = 1 << 7
GBPAGES, PAGES_2M, PAGES_1G = 1 << 26, 1 << 16, 1 << 17
WIDTH = 46
ADDRESS = set(range(WIDTH, 52))
LONG = {"cr4": PAE, "efer": LMA | NX}
GPTE = var("gpte", 64)


def mmu(kind: MmuKind) -> CheckedMmu:
    def request(run: str) -> MmuRequest:
        def register(name: str) -> BitVec:
            return var(f"{run}{name}", 64)

        execonly = bool_var(f"{run}execonly")
        return MmuRequest(
            cr0=register("cr0"),
            cr4=register("cr4"),
            efer=register("efer"),
            execonly=execonly,
            accessed_dirty=FALSE,
            mbec=FALSE,
            eptp=register("eptp"),
            gmet=FALSE,
        )

    return ReferenceKvm().reserved_bits.set_up(kind, request("earlier "), request(""))


def reserved(kind: MmuKind, level: int, entry: int = 0, **inputs: int) -> set[int]:
    """The bits that alone are found reserved in an entry of this level; for level 3 and 2, with or without bit 7."""
    found = ReferenceKvm().reserved_bits.is_rsvd_bits_set(mmu(kind), GPTE, level)
    values = defaults(inputs)
    return {
        place for place in range(64) if 1 << place != HUGE and evaluate(found, values | {"gpte": entry | 1 << place})
    }


def defaults(inputs: Mapping[str, int]) -> dict[str, int]:
    names = {
        "cr0": PG,
        "cr4": 0,
        "efer": 0,
        "vcpu->arch.maxphyaddr": WIDTH,
        "vcpu->arch.cpu_caps[1]": GBPAGES,
        "vcpu->arch.is_amd_compatible": 0,
        "vmx->nested.msrs.ept_caps": PAGES_2M | PAGES_1G,
        "execonly": 0,
    }
    given = {
        {"amd": "vcpu->arch.is_amd_compatible", "width": "vcpu->arch.maxphyaddr"}.get(name, name): value
        for name, value in inputs.items()
    }
    left_over = {f"left over: rsvd_bits_mask[{row}][{column}]": 0 for row in (0, 1) for column in range(5)}
    return names | left_over | given


@pytest.mark.parametrize("kind", [MmuKind.TDP, MmuKind.SHADOW, MmuKind.L2, MmuKind.NESTED_NPT])
@pytest.mark.parametrize(
    ("level", "entry", "inputs", "expected"),
    [
        (1, 0, LONG, ADDRESS),
        (1, 0, {**LONG, "efer": LMA}, ADDRESS | {63}),
        (1, HUGE, LONG, ADDRESS),
        (2, HUGE, LONG, ADDRESS | set(range(13, 21))),
        (3, HUGE, LONG, ADDRESS | set(range(13, 30))),
        (3, 0, LONG, ADDRESS),
        (4, 0, {**LONG, "amd": 1}, ADDRESS | {8}),
        (5, 0, {"cr4": PAE | LA57, "efer": LMA | NX, "amd": 1}, ADDRESS | {8}),
        (1, 0, {**LONG, "width": 52}, set()),
        (1, 0, {**LONG, "width": 32}, set(range(32, 52))),
        (1, 0, {"cr4": PAE, "efer": NX}, set(range(WIDTH, 63))),
        (2, HUGE, {"cr4": PAE}, set(range(WIDTH, 64)) | set(range(13, 21))),
        (3, 0, {"cr4": PAE, "efer": NX}, set(range(WIDTH, 64)) | {1, 2, 5, 6, 8}),
        (1, 0, {}, set()),
        (2, HUGE, {}, set()),
        (2, HUGE, {"cr4": PSE}, set(range(17, 22))),
    ],
)
def test_ordinary_paging(kind: MmuKind, level: int, entry: int, inputs: dict[str, int], expected: set[int]) -> None:
    assert reserved(kind, level, entry, **inputs) == expected


@pytest.mark.parametrize(
    ("level", "entry", "inputs", "expected"),
    [
        (5, 0, {}, ADDRESS | {3, 4, 5, 6}),
        (4, 0, {}, ADDRESS | {3, 4, 5, 6}),
        (3, 0, {}, ADDRESS | {3, 4, 5, 6}),
        (3, HUGE, {}, ADDRESS | set(range(12, 30))),
        (2, HUGE, {}, ADDRESS | set(range(12, 21))),
        (1, 0, {}, ADDRESS),
        (1, HUGE, {"width": 40}, set(range(40, 52))),
    ],
)
def test_ept(level: int, entry: int, inputs: dict[str, int], expected: set[int]) -> None:
    assert reserved(MmuKind.NESTED_EPT, level, entry, **inputs) == expected


@pytest.mark.parametrize(
    ("kind", "level", "inputs", "expected"),
    [
        (MmuKind.TDP, 3, LONG, False),
        (MmuKind.TDP, 3, {**LONG, "vcpu->arch.cpu_caps[1]": 0}, True),
        (MmuKind.TDP, 4, LONG, True),
        (MmuKind.TDP, 5, {"cr4": PAE | LA57, "efer": LMA | NX}, True),
        (MmuKind.NESTED_EPT, 2, {}, False),
        (MmuKind.NESTED_EPT, 3, {}, False),
        (MmuKind.NESTED_EPT, 3, {"vmx->nested.msrs.ept_caps": PAGES_2M}, True),
        (MmuKind.NESTED_EPT, 2, {"vmx->nested.msrs.ept_caps": 0}, True),
        (MmuKind.NESTED_EPT, 4, {}, True),
    ],
)
def test_the_page_size_bit(kind: MmuKind, level: int, inputs: dict[str, int], expected: bool) -> None:
    found = ReferenceKvm().reserved_bits.is_rsvd_bits_set(mmu(kind), GPTE, level)
    assert bool(evaluate(found, defaults(inputs) | {"gpte": HUGE | 1})) == expected


@pytest.mark.parametrize(
    ("entry", "execonly", "expected"),
    [
        (0b001, 0, False),
        (0b011, 0, False),
        (0b111, 0, False),
        (0b010, 1, True),
        (0b110, 1, True),
        (0b100, 0, True),
        (0b100, 1, False),
        (1 << 10, 0, True),
        (1 << 10, 1, False),
        (1 << 10 | 0b001, 0, False),
        (2 << 3 | 1, 1, True),
        (3 << 3 | 1, 1, True),
        (7 << 3 | 1, 1, True),
        (6 << 3 | 1, 0, False),
        (0 << 3 | 1, 0, False),
    ],
)
def test_memory_types_and_permissions_of_ept(entry: int, execonly: int, expected: bool) -> None:
    found = ReferenceKvm().reserved_bits.is_rejected(mmu(MmuKind.NESTED_EPT), GpteFormat.EPT, GPTE, 1)
    assert bool(evaluate(found, defaults({"execonly": execonly}) | {"gpte": entry})) == expected


def test_pdptes_have_no_rights_and_no_nx() -> None:
    bits = ReferenceKvm().reserved_bits.pdptr_rsvd_bits(mmu(MmuKind.SHADOW).guest_cpu)
    value = evaluate(bits, {"vcpu->arch.maxphyaddr": WIDTH})
    assert {place for place in range(64) if value >> place & 1} == {1, 2, 5, 6, 7, 8} | set(range(WIDTH, 64))
