"""What a number says, as typed rows, and who finds that out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from mmuproof.cli.numbers.hardware import (
    ALWAYS_ONE,
    IGNORED,
    RESERVED,
    UNDEFINED,
    EntryPlace,
    Passage,
    entry_layout,
    passages,
    word_layout,
)
from mmuproof.cli.numbers.kernel import PFN, KernelNumbers, SpteState
from mmuproof.cli.numbers.layout import Layout, boundaries, ones, told_bits
from mmuproof.cli.numbers.words import words_of
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.vendor import Vendor
from mmuproof.spec.ept import MEMORY_TYPES

ENTRIES = (NumberKind.SPTE, NumberKind.GUEST_ENTRY)
VENDORS: Mapping[NumberKind, tuple[Vendor, ...]] = MappingProxyType(
    {
        NumberKind.SPTE: tuple(Vendor),
        NumberKind.GUEST_ENTRY: tuple(Vendor),
        NumberKind.EPT_VIOLATION: (Vendor.INTEL,),
        NumberKind.EXIT_INFO_1: (Vendor.AMD,),
        NumberKind.PRIMARY_CONTROLS: (Vendor.INTEL,),
        NumberKind.SECONDARY_CONTROLS: (Vendor.INTEL,),
        NumberKind.TERTIARY_CONTROLS: (Vendor.INTEL,),
    }
)
"""Whose numbers of a kind are; one that is not here is the same for all."""

_SHORT: Mapping[str, str] = MappingProxyType(
    {
        "read": "R",
        "write": "W",
        "execute": "XS",
        "user execute": "XU",
        "present": "P",
        "read/write": "W",
        "user/supervisor": "U",
        "execute-disable": "NX",
        "accessed": "A",
        "dirty": "D",
        "suppress #VE": "SVE",
        "ignore PAT": "IPAT",
        "page size": "PS",
        "global": "G",
        "page-level write-through": "PWT",
        "page-level cache disable": "PCD",
        "shadow_host_writable_mask": "host-writable",
        "shadow_mmu_writable_mask": "MMU-writable",
        "SPTE_MMU_PRESENT_MASK": "MMU-present",
    }
)
"""How a bit is called where there is little room."""
_PREFIXES = ("EPT_VIOLATION_", "PFERR_", "CPU_BASED_", "SECONDARY_EXEC_", "TERTIARY_EXEC_", "INTR_INFO_")
_UNNAMED = ("", IGNORED, RESERVED, UNDEFINED, ALWAYS_ONE)


@dataclass(frozen=True, kw_only=True)
class BitRow:
    """Neighbouring bits that the manual and KVM each call one thing.

    Args:
        low: the lowest.
        high: the highest.
        value: what they hold.
        hardware: what the manual calls them.
        kernel: what KVM calls them, empty if it has no name for them.
    """

    low: int
    high: int
    value: int
    hardware: str
    kernel: str


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """What a number says, if it is of a kind.

    Args:
        number: it.
        kind: what it is taken for.
        vendor: on whose hardware; None if that makes no difference.
        title: what the manual calls it.
        summary: all of it in one line.
        rows: its bits, from the highest on; each is in exactly one row.
        words: what it is to KVM or what happened, each in a few words.
        passages: what the hardware does with accesses, if it is an entry.
        supposed: what was supposed to read it so.
        is_kernels: whether it can be what it is taken for; of an SPTE, whether KVM makes one like it.
    """

    number: int
    kind: NumberKind
    vendor: Vendor | None
    title: str
    summary: str
    rows: tuple[BitRow, ...]
    words: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()
    supposed: str = ""
    is_kernels: bool = True


@dataclass(frozen=True)
class Assumed:
    """What is not in an entry itself.

    Args:
        level: where it stands; None if that is not known.
        max_physical_address: MAXPHYADDR, in bits.
    """

    level: int | None = None
    max_physical_address: int = 48

    def place(self, number: int) -> EntryPlace:
        """Where the entry stands; of a level that is not known, where a page of this size can be mapped."""
        guess = 2 if number >> 7 & 1 else 1
        return EntryPlace(guess if self.level is None else self.level, self.max_physical_address)


class Decoder:
    """Reads numbers as the manuals and a kernel have them.

    Args:
        kvm: the kernel.
        assumed: what is not in an entry itself.
    """

    def __init__(self, kvm: Kvm, assumed: Assumed | None = None) -> None:
        self.kernel = KernelNumbers(kvm)
        self._assumed = assumed or Assumed()

    def decode(self, kind: NumberKind, number: int, vendor: Vendor, known: Mapping[str, int] | None = None) -> Decoded:
        """What a number of 64 bits says; a name of KVM's that is lost is told as well.

        Args:
            kind: what it is.
            number: it.
            vendor: on whose hardware.
            known: the values of variables that KVM's masks depend on, if they are known.
        """
        told = self._decoded(kind, number, vendor, known)
        lost = self.kernel.lost_names(kind, vendor)
        words = (f"LOST: {', '.join(lost)}, which an earlier kernel defines",) if lost else ()
        return replace(told, words=(*told.words, *words))

    def _decoded(self, kind: NumberKind, number: int, vendor: Vendor, known: Mapping[str, int] | None) -> Decoded:
        if kind in ENTRIES:
            return self._entry(kind, number, vendor, known)
        hardware, kernel = word_layout(kind), self.kernel.word_layout(kind)
        rows = tuple(_rows(number, hardware, kernel))
        return Decoded(
            number=number,
            kind=kind,
            vendor=vendor if kind in VENDORS else None,
            title=kernel.title if kind is NumberKind.ROLE else hardware.title,
            summary=_members(rows, self.kernel.access_names) if kind is NumberKind.ROLE else _flags(rows),
            rows=rows,
            words=words_of(kind, number),
        )

    def _entry(self, kind: NumberKind, number: int, vendor: Vendor, known: Mapping[str, int] | None) -> Decoded:
        at = self._assumed.place(number)
        if kind is NumberKind.SPTE:
            state = self.kernel.spte(vendor, number, at, known)
        else:
            state = SpteState(layout=self.kernel.guest_entry_layout(vendor), words=())
        return decoded_entry(kind, number, vendor, at, state, self._supposed(at))

    def _supposed(self, at: EntryPlace) -> str:
        by = "" if self._assumed.level is not None else " (by bit 7; --level says otherwise)"
        return f"level {at.level}{by}, on a host with MAXPHYADDR {at.max_physical_address}"


def decoded_entry(
    kind: NumberKind, number: int, vendor: Vendor, at: EntryPlace, state: SpteState, supposed: str = ""
) -> Decoded:
    """What an entry says.

    Args:
        kind: whether it is an SPTE or a guest's.
        number: it.
        vendor: whose tables it is of.
        at: where it stands.
        state: what KVM calls its bits, and what it makes of it.
        supposed: what was supposed to read it so.
    """
    hardware = entry_layout(vendor, kind, number, at)
    rows = tuple(_rows(number, hardware, state.layout))
    return Decoded(
        number=number,
        kind=kind,
        vendor=vendor,
        title=hardware.title,
        summary=state.summary or ", ".join([_entry_summary(rows), *state.notes]),
        rows=rows,
        words=state.words,
        passages=passages(vendor, number, at),
        supposed=supposed,
        is_kernels=state.is_kernels,
    )


def _rows(number: int, hardware: Layout, kernel: Layout) -> Iterator[BitRow]:
    for low, high in boundaries((hardware, kernel)):
        mine, theirs = hardware.part_of(low), kernel.part_of(low)
        value = number >> low & (1 << high - low + 1) - 1
        yield BitRow(low=low, high=high, value=value, hardware=mine.name, kernel=theirs.name)


def short(name: str) -> str:
    """A name of bits where there is little room."""
    prefix = next((each for each in _PREFIXES if name.startswith(each)), "")
    return _SHORT.get(name, name.removeprefix(prefix).removesuffix("_MASK") if prefix else name)


def _entry_summary(rows: tuple[BitRow, ...]) -> str:
    """``R|XS|XU|MMU-present|SVE, pfn 0x1234``: the flags from the lowest on, and then what is a number."""
    flags: list[str] = []
    numbers: list[str] = []
    unnamed: dict[str, int] = {}
    address = 0
    for row in reversed(rows):
        if row.hardware == "address" or row.kernel == PFN:
            address |= row.value << row.low
        elif row.hardware == "memory type":
            numbers += [f"memory type {MEMORY_TYPES.get(row.value, row.value)}"] if row.value else []
        elif row.value and not row.kernel and row.hardware.partition(":")[0] in _UNNAMED:
            name = row.hardware or "unnamed"
            unnamed[name] = unnamed.get(name, 0) | row.value << row.low
        elif row.value and row.kernel != "SPTE_TDP_AD_MASK":
            flags.append(_flag(row))
    flags += [f"{name} {told_bits(mask)}" for name, mask in unnamed.items()]
    pfn = address >> 12
    numbers.append(f"pfn {pfn:#x}" if pfn else "pfn 0")
    return ", ".join(["|".join(flags) or "0", *numbers])


def _flag(row: BitRow) -> str:
    """What a row with a bit set is called: by the manual, or if it has no use for the bit, by KVM."""
    if row.hardware.partition(":")[0] not in _UNNAMED:
        text = short(row.hardware)
    else:
        if not row.kernel:
            return f"{row.hardware or 'unnamed'} {told_bits(row.value << row.low)}"
        text = short(row.kernel)
    return text if row.low == row.high else f"{text}={row.value:#x}"


def _flags(rows: tuple[BitRow, ...]) -> str:
    told = (row for row in reversed(rows) if row.value and row.hardware != ALWAYS_ONE)
    names = [short(row.kernel) if row.kernel else _flag(row) for row in told]
    return "|".join(names) or "0"


def _members(rows: tuple[BitRow, ...], access: Mapping[int, str]) -> str:
    """``level=4 direct access=READ|EXEC``: the members that are not 0."""
    told = []
    for row in reversed(rows):
        if row.value:
            value = "" if row.low == row.high else f"={row.value:#x}"
            if row.kernel == "access":
                value = f"={'|'.join(access.get(bit, f'bit {bit}') for bit in ones(row.value))}"
            told.append(f"{row.kernel}{value}" if row.kernel else f"unnamed {told_bits(row.value << row.low)}")
    return " ".join(told) or "0"


def read_bits(rows: Sequence[BitRow], mask: int, value: int) -> str:
    """What some bits of a word are called: ``ENABLE_EPT``, or ``set: R|W; clear: XS`` of several.

    Args:
        rows: what all its bits are called.
        mask: which of them matter.
        value: what they hold.
    """
    on, off, fields = list[str](), list[str](), list[str]()
    for row in reversed(rows):
        whole = (1 << row.high - row.low + 1) - 1
        if not mask >> row.low & whole:
            continue
        known = row.hardware.partition(":")[0] not in _UNNAMED
        name = short(row.kernel) if row.kernel and not (known and row.hardware in _SHORT) else short(row.hardware)
        if row.low == row.high:
            (on if value >> row.low & 1 else off).append(name or "unnamed")
        else:
            fields.append(f"{name or 'unnamed'}={value >> row.low & whole:#x}")
    if mask.bit_count() == 1 and not fields:
        return (*on, *off)[0]
    told = (f"set: {'|'.join(on)}" if on else "", f"clear: {'|'.join(off)}" if off else "", *fields)
    return "; ".join(filter(None, told))


def clear_bits(rows: Sequence[BitRow]) -> list[str]:
    """What could be set and is not, in short, from the lowest on."""
    names = []
    for row in reversed(rows):
        known = row.hardware.partition(":")[0] not in _UNNAMED
        if not row.value and (known or (row.kernel and row.hardware.partition(":")[0] != RESERVED)):
            names.append(short(row.hardware if known else row.kernel))
    return list(dict.fromkeys(names))


def decoded_content(decoded: Decoded) -> dict[str, object]:
    """What a number says, for a machine."""
    return {
        "kind": decoded.kind.value,
        "vendor": None if decoded.vendor is None else decoded.vendor.value,
        "value": f"{decoded.number:#x}",
        "title": decoded.title,
        "summary": decoded.summary,
        "words": list(decoded.words),
        "supposed": decoded.supposed or None,
        "bits": [
            {
                "low": row.low,
                "high": row.high,
                "value": row.value,
                "hardware": row.hardware or None,
                "kernel": row.kernel or None,
            }
            for row in decoded.rows
        ],
        "hardware": [
            {"setting": each.setting, "who": each.who, "allowed": list(each.allowed), "instead": each.instead or None}
            for each in decoded.passages
        ],
    }
