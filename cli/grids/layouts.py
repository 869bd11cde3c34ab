"""Where bits are: what each ACC_* bit becomes in an SPTE, and the layout of SPTEs in one kernel or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.cli.numbers.decoded import short
from mmuproof.cli.numbers.hardware import EntryPlace, entry_layout
from mmuproof.cli.numbers.kernel import KernelNumbers, host_values
from mmuproof.cli.numbers.layout import Layout, boundaries, ones
from mmuproof.cli.shared.results import KernelIdentity
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.sptes import SpteRequest
from mmuproof.model.vendor import Vendor
from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import FALSE, TRUE, bv
from mmuproof.spec.ept_layout import PAGE_SIZE_BIT

_ACCESS = ("ACC_READ_MASK", "ACC_WRITE_MASK", "ACC_EXEC_MASK", "ACC_USER_MASK", "ACC_USER_EXEC_MASK")
_SPECIAL = (
    "SHADOW_NONPRESENT_VALUE",
    "FROZEN_SPTE",
    "REMOVED_SPTE",
    "MMIO_SPTE_GEN_LOW_MASK",
    "MMIO_SPTE_GEN_HIGH_MASK",
    "SPTE_TDP_AD_DISABLED",
    "SPTE_TDP_AD_WRPROT_ONLY",
)
_HOST = 52
_PFN = 0x12345


@dataclass(frozen=True)
class AccessBit:
    """A bit of an access.

    Args:
        names: all names that it has.
        becomes: what it becomes in SPTEs, by vendor, in words.
        changes: the bits of SPTEs that it changes, by vendor.
    """

    names: tuple[str, ...]
    becomes: tuple[tuple[Vendor, tuple[str, ...]], ...]
    changes: tuple[tuple[Vendor, tuple[int, ...]], ...]


def access_bits(kvm: Kvm, vendors: Sequence[Vendor]) -> tuple[AccessBit, ...]:
    """What the bits of an access become in an SPTE that ``make_spte()`` makes for a small page.

    Each is found by making the SPTE with all access, and with all but that bit.
    """
    found: dict[int, list[str]] = {}
    for name in _ACCESS:
        if kvm.defines(name):
            found.setdefault(kvm.constant(name), []).append(name)
    made = {(mask, vendor): _becomes(kvm, vendor, mask) for mask in sorted(found) for vendor in vendors}
    return tuple(
        AccessBit(
            tuple(found[mask]),
            tuple((vendor, tuple(made[mask, vendor].values())) for vendor in vendors),
            tuple((vendor, tuple(made[mask, vendor])) for vendor in vendors),
        )
        for mask in sorted(found)
    )


def _becomes(kvm: Kvm, vendor: Vendor, mask: int) -> dict[int, str]:
    """What changes in the SPTE without a bit of the access: each bit, by its number."""
    numbers, at = KernelNumbers(kvm), EntryPlace(1, _HOST)
    masks = numbers.masks(vendor)
    values = host_values(masks, _HOST)
    every = kvm.constant("ACC_ALL")

    def made(access: int) -> int:
        request = SpteRequest(
            level=bv(1, 4),
            ad_disabled=FALSE,
            pte_access=bv(access, 32),
            gfn=bv(_PFN, 64),
            pfn=bv(_PFN, 64),
            old_spte=bv(0, 64),
            prefetch=FALSE,
            synchronizing=FALSE,
            host_writable=TRUE,
        )
        return evaluate(kvm.sptes.make_spte(masks, request).spte, values)

    with_it, without = made(every), made(every & ~mask)
    hardware = entry_layout(vendor, NumberKind.SPTE, with_it, at)
    kernel = numbers.leaf_layout(vendor, at)
    told: dict[int, str] = {}
    for bit in ones(with_it ^ without):
        name = kernel.part_of(bit).name
        part = short(hardware.part_of(bit).name)
        text = name if part in ("ignored", name) else f"{part} · {name}"
        told[bit] = f"{'' if with_it >> bit & 1 else 'not '}{text} (bit {bit})"
    return told


@dataclass(frozen=True)
class LayoutRow:
    """Neighbouring bits of an SPTE: what the manual calls them, and each of the kernels."""

    low: int
    high: int
    hardware: str
    kernels: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the kernels call them different things."""
        return len(set(self.kernels)) > 1


@dataclass(frozen=True)
class VendorLayout:
    """The layout of a vendor's SPTEs that map a page, from the highest bits on."""

    vendor: Vendor
    title: str
    rows: tuple[LayoutRow, ...]


@dataclass(frozen=True)
class SpecialValue:
    """A constant of SPTEs, with its value in each of the kernels; None where it is not defined."""

    name: str
    values: tuple[int | None, ...]


def spte_layout(kernels: Sequence[Kvm], vendor: Vendor, level: int) -> VendorLayout:
    """The layout of SPTEs that map a page of a level, by the manual and by some kernels."""
    at = EntryPlace(level, _HOST)
    return named_layout([KernelNumbers(kvm).leaf_layout(vendor, at) for kvm in kernels], vendor, level)


def named_layout(theirs: Sequence[Layout], vendor: Vendor, level: int) -> VendorLayout:
    """The same by the names that some kernels have for the bits."""
    at = EntryPlace(level, _HOST)
    hardware = entry_layout(vendor, NumberKind.SPTE, 0 if level == 1 else 1 << PAGE_SIZE_BIT, at)
    rows = tuple(
        LayoutRow(low, high, hardware.part_of(low).name, tuple(each.part_of(low).name for each in theirs))
        for low, high in boundaries([hardware, *theirs])
    )
    return VendorLayout(vendor, hardware.title, rows)


def special_values(kernels: Sequence[Kvm]) -> tuple[SpecialValue, ...]:
    """The constants of SPTEs that are no field of a present one."""
    rows = (SpecialValue(name, tuple(_constant(kvm, name) for kvm in kernels)) for name in _SPECIAL)
    return tuple(row for row in rows if any(value is not None for value in row.values))


def _constant(kvm: Kvm, name: str) -> int | None:
    return kvm.constant(name) if kvm.defines(name) else None


def short_names(kernels: Sequence[KernelIdentity]) -> tuple[str, ...]:
    """What kernels are called where there is little room: by their versions, if these tell them apart."""
    versions = [f"Linux {each.version}" if each.version else "reference" for each in kernels]
    if len(set(versions)) == len(kernels):
        return tuple(versions)
    return tuple(f"{version} ({number})" for number, version in enumerate(versions, 1))
