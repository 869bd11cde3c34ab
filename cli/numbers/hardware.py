"""The manuals' names of bits, and what the hardware does with an entry: both are asked of `mmuproof.spec`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.cli.numbers.layout import BitPart, Layout
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.hardware_spte import FORMATS, present
from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, boolean, bv
from mmuproof.spec import ept, npt, page_fault, paging, vmx_controls
from mmuproof.spec.access import DATA_READ, DATA_WRITE, INSTRUCTION_FETCH, Access
from mmuproof.spec.entry_layout import Control, EntryField, EntryFormat, Use, fields_of
from mmuproof.spec.ept_layout import PAGE_SIZE_BIT
from mmuproof.spec.ept_violation import EPT_VIOLATION
from mmuproof.spec.nested_page_fault import NESTED_PAGE_FAULT
from mmuproof.spec.paging import LinearAccess, PagingControls
from mmuproof.spec.reports import HardwareReport, ReportField
from mmuproof.spec.reserved import reserved_bit_set

RESERVED, IGNORED, UNDEFINED, ALWAYS_ONE = "must be 0", "ignored", "undefined", "must be 1"
_SIZES = frozenset({Control.PAGES_2M, Control.PAGES_1G})
_OF_INTEL = _SIZES | {Control.EPT_ACCESSED_DIRTY, Control.EPT_VIOLATION_VE, Control.MODE_BASED_EXECUTE}
_OF_PAGING = _SIZES | {Control.NO_EXECUTE}
_OF_GUESTS = _OF_PAGING | {Control.GLOBAL_PAGES, Control.PROTECTION_KEYS}
_ACCESSES: Mapping[str, Access] = MappingProxyType({"read": DATA_READ, "write": DATA_WRITE, "fetch": INSTRUCTION_FETCH})


@dataclass(frozen=True)
class EntryPlace:
    """Where an entry stands.

    Args:
        level: 1 for the lowest.
        max_physical_address: MAXPHYADDR, in bits.
    """

    level: int
    max_physical_address: int

    def maps_page(self, number: int) -> bool:
        """Whether an entry there maps a page."""
        return self.level == 1 or (self.level <= 3 and bool(number >> PAGE_SIZE_BIT & 1))


@dataclass(frozen=True)
class Passage:
    """What the hardware does with an access through an entry, as far as this one entry is concerned.

    Args:
        setting: under which control: ``MBEC on``.
        who: who accesses.
        allowed: which of read, write and fetch it allows.
        instead: what happens to any access, whatever it is; empty if that depends on the access.
    """

    setting: str
    who: str
    allowed: tuple[str, ...]
    instead: str = ""


def entry_layout(vendor: Vendor, kind: NumberKind, number: int, at: EntryPlace) -> Layout:
    """The manual's names for the bits of an entry that is present, under the controls that KVM turns on.

    Raises:
        ValueError: there is no entry of this level.
    """
    entry_format = FORMATS[vendor]
    if vendor is Vendor.INTEL:
        controls = _OF_INTEL
    else:
        controls = _OF_GUESTS if kind is NumberKind.GUEST_ENTRY and vendor is Vendor.SHADOW else _OF_PAGING
    fields = fields_of(entry_format, at.level, at.maps_page(number))
    name = next(
        each.name
        for each in entry_format.kinds
        if (each.shape.level, each.shape.maps_page) == (at.level, at.maps_page(number))
    )
    parts = [part for field in fields for part in _parts(field, controls, at.max_physical_address)]
    return Layout.of_parts(f"{name} ({fields[0].source})", parts)


def _parts(field: EntryField, controls: frozenset[Control], max_physical_address: int) -> Iterable[BitPart]:
    use = field.use_under(controls)
    if use is Use.ADDRESS:
        end = min(field.high, field.low + max(max_physical_address - field.address_bit, 0) - 1)
        if end < field.high:
            yield BitPart(end + 1, field.high, f"{RESERVED}: above MAXPHYADDR")
        yield BitPart(field.low, end, "address")
        return
    names = {Use.IGNORED: IGNORED, Use.RESERVED: RESERVED}
    yield BitPart(field.low, field.high, names.get(use, field.name))


_REPORTS: Mapping[NumberKind, HardwareReport] = MappingProxyType(
    {NumberKind.EPT_VIOLATION: EPT_VIOLATION, NumberKind.EXIT_INFO_1: NESTED_PAGE_FAULT}
)
_FLAGS: Mapping[NumberKind, tuple[str, Sequence[ReportField]]] = MappingProxyType(
    {
        NumberKind.ERROR_CODE: ("error code of a page fault (SDM 5.7, APM 8.4.2)", page_fault.FLAGS),
        NumberKind.PRIMARY_CONTROLS: (
            "primary processor-based controls (SDM 27.6.2)",
            (
                *vmx_controls.PRIMARY_CONTROLS,
                *(ReportField(ALWAYS_ONE, each, ALWAYS_ONE) for each in vmx_controls.ALWAYS_ONE),
            ),
        ),
        NumberKind.SECONDARY_CONTROLS: (
            "secondary processor-based controls (SDM 27.6.2)",
            vmx_controls.SECONDARY_CONTROLS,
        ),
        NumberKind.TERTIARY_CONTROLS: (
            "tertiary processor-based controls (SDM 27.6.2)",
            vmx_controls.TERTIARY_CONTROLS,
        ),
    }
)


def word_layout(kind: NumberKind) -> Layout:
    """The manual's names for the bits of a word that is no entry; a role is no word of the hardware's."""
    if kind in _REPORTS:
        report = _REPORTS[kind]
        rest = RESERVED if report.others_zero else UNDEFINED
        return _of_fields(f"{report.title} ({report.source})", report.fields, rest)
    title, fields = _FLAGS.get(kind, ("none of the hardware's", ()))
    return _of_fields(title, fields, RESERVED if fields else "")


def _of_fields(title: str, fields: Sequence[ReportField], rest: str) -> Layout:
    return Layout.of_parts(title, (BitPart(each.bit, each.bit, each.name) for each in fields), rest)


def named_bits(kind: NumberKind) -> int:
    """The bits of a word that the manual names."""
    return sum(
        1 << bit
        for part in word_layout(kind).parts
        if part.name not in ("", RESERVED, UNDEFINED)
        for bit in range(part.low, part.high + 1)
    )


# -- what the hardware does --------------------------------------------------------------------------------


def passages(vendor: Vendor, number: int, at: EntryPlace) -> tuple[Passage, ...]:
    """What the hardware does with accesses through an entry, under every setting that matters."""
    entry = bv(number, 64)
    if vendor is Vendor.INTEL:
        return tuple(each for mbec in (False, True) for each in _through_ept(entry, at, mbec=mbec))
    ends = _ends_of_paging(vendor, entry, at)
    if vendor is Vendor.AMD:
        return tuple(_through_npt(entry, ends))
    return tuple(_through_paging(entry, ends))


def _through_ept(entry: BitVec, at: EntryPlace, *, mbec: bool) -> Iterable[Passage]:
    setting, on = f"MBEC {'on' if mbec else 'off'}", boolean(mbec)
    instead = ""
    if not _holds(present(Vendor.INTEL, entry, mbec=on)):
        instead = "EPT violation: not present"
    elif _holds(_misconfigured(entry, at, on)):
        instead = "EPT misconfiguration"
    for who, user in (("supervisor-mode address", FALSE), ("user-mode address", TRUE)):
        granted = ept.permissions_of(entry)
        allowed = tuple(
            name
            for name, access in _ACCESSES.items()
            if not instead and _holds(ept.allows(granted, access, mbec=on, user_mode_address=user))
        )
        yield Passage(setting, who, allowed, instead)


def _misconfigured(entry: BitVec, at: EntryPlace, mbec: Bool) -> Bool:
    return ept.misconfigured(
        entry,
        level=at.level,
        maps_page=at.maps_page(entry.value),
        max_physical_address=at.max_physical_address,
        mbec=mbec,
        execute_only=TRUE,
        paging_write_control=FALSE,
        pages_2m=TRUE,
        pages_1g=TRUE,
        memory_type_checked_in_1g=TRUE,
    )


def _ends_of_paging(vendor: Vendor, entry: BitVec, at: EntryPlace) -> str:
    """How a walk ends at an entry whatever the access is; empty if it goes on."""
    fault = "nested page fault" if vendor is Vendor.AMD else "page fault"
    if not _holds(present(vendor, entry, mbec=FALSE)):
        return f"{fault}: not present"
    on = {control: boolean(control in _OF_GUESTS) for control in Control}
    entry_format: EntryFormat = FORMATS[vendor]
    reserved = reserved_bit_set(entry_format, entry, at.level, on, bv(at.max_physical_address, 8))
    return f"{fault}: a reserved bit is set" if _holds(reserved) else ""


def _through_npt(entry: BitVec, instead: str) -> Iterable[Passage]:
    granted = npt.permissions_of(entry)
    for gmet, who, cpl in ((False, "any access", 0), (True, "CPL 0 to 2", 0), (True, "CPL 3", 3)):
        allowed = tuple(
            name
            for name, access in _ACCESSES.items()
            if not instead
            and _holds(
                npt.allows(
                    granted,
                    access,
                    gmet=boolean(gmet),
                    cpl=bv(cpl, 2),
                    no_execute_enabled=TRUE,
                    gmet_void_without_nxe=FALSE,
                )
            )
        )
        yield Passage(f"GMET {'on' if gmet else 'off'}", who, allowed, instead)


def _through_paging(entry: BitVec, instead: str) -> Iterable[Passage]:
    granted = paging.rights_of(entry)
    for setting, on in (("SMEP, SMAP off", FALSE), ("SMEP, SMAP on", TRUE)):
        controls = PagingControls(write_protect=TRUE, smep=on, smap=on, no_execute_enabled=TRUE, alignment_check=FALSE)
        for who, user in (("supervisor", FALSE), ("user", TRUE)):
            allowed = tuple(
                name
                for name, access in _ACCESSES.items()
                if not instead and _holds(paging.allows(granted, LinearAccess(access, user, FALSE), controls))
            )
            yield Passage(setting, who, allowed, instead)


def _holds(claim: Bool) -> bool:
    return bool(evaluate(claim, {}))
