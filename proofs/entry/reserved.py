"""Reserved bits of the guest's entries, by the tables that KVM's own set-up makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mmuproof.model.evidence import Evidence
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.relations import PAGING_FLAGS, misconfiguration_symptoms
from mmuproof.proofs.given.requested_mmu import Requested, requested
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import (
    FALSE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    eq,
    iff,
    ite,
    ne,
    negate,
    ult,
    var,
    zext,
)
from mmuproof.spec import ept, paging
from mmuproof.spec.entry_layout import Control, EntryFormat, EntryShape
from mmuproof.spec.ept_layout import EPT, PAGE_SIZE_BIT
from mmuproof.spec.npt_layout import NPT_LONG_MODE
from mmuproof.spec.open_choices import EPT_1G_MEMORY_TYPE
from mmuproof.spec.paging_layout import AMD_LONG_MODE, INTEL_LONG_MODE, PAE, PAGING_32BIT
from mmuproof.spec.reserved import maps_page, reserved_bit_set

_LEVELS = (1, 2, 3, 4, 5)
_PSE_36 = bool_var("the guest has PSE-36")
_PSE_36_WIDTH = 36

# Whose own tables KVM walks in software, by what it does for the guest's memory.
_GUESTS: Mapping[Vendor, tuple[MmuKind, ...]] = {
    Vendor.INTEL: (MmuKind.TDP, MmuKind.L2),
    Vendor.AMD: (MmuKind.TDP, MmuKind.L2),
    Vendor.SHADOW: (MmuKind.SHADOW,),
}


@dataclass(frozen=True)
class _Tables:
    """Tables of an MMU that has been set up, and what is assumed of the guest's vendor."""

    wanted: Requested
    vendor: tuple[Assumption, ...]


def _told(entry: BitVec) -> Shown:
    """An entry of ordinary paging, by its flags: what is left of it is an address, or reserved."""
    return Shown("gpte", entry, tuple(each for each in PAGING_FLAGS if each[0] < entry.width))


def _claim(
    found: Sequence[Bool],
    gpte: Shown,
    reserved: Bool,
    wanted: Requested,
    assumptions: Sequence[Assumption],
    manual: str,
    part: str,
    shown: tuple[Shown, ...],
    evidence: Evidence | None = None,
) -> Claim:
    """KVM finds a reserved bit exactly if there is one, by each of its tables that is asked."""
    missed = all_of(reserved, negate(all_of(*found)))
    invented = all_of(any_of(*found), negate(reserved))
    return never(
        given(
            wanted.plausible_guest,
            *assumptions,
            shown=(*shown, gpte),
            evidence=evidence or wanted.mmu.evidence,
            part=part,
        ),
        Wrong("reserved-bit-accepted", missed, "KVM walks on although the entry has a reserved bit set.").told(
            "no fault", f"{manual}: the bit has to be 0"
        ),
        Wrong("entry-rejected", invented, "KVM finds a reserved bit in an entry that has none.").told(
            "a fault for reserved bits", f"{manual}: no reserved bit is set"
        ),
    )


# -- ordinary paging ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _ModeWalk:
    """A walk in one paging mode by each of some tables, all set up for the same registers, and who says what is right.

    Args:
        kvm: the implementation.
        tables: the tables that are asked.
        mode: that the paging mode is on.
        manual: the section on its entries.
    """

    kvm: Kvm
    tables: Sequence[_Tables]
    mode: Assumption
    manual: str

    def claim(self, entry: BitVec, level: int, reserved: Bool, part: str, *extra: Assumption) -> Claim:
        """A claim of one entry."""
        gpte_format = GpteFormat.PAGING32 if entry.width == PAGING_32BIT.width else GpteFormat.PAGING64
        mmus = [each.wanted.mmu for each in self.tables]
        found = [self.kvm.reserved_bits.is_rejected(mmu, gpte_format, zext(entry, 64), level) for mmu in mmus]
        present = Assumption("the entry is present: the walk stops at others", paging.present(entry))
        wanted, vendor = self.tables[0].wanted, self.tables[0].vendor
        assumptions = (wanted.paging_on, self.mode, present, *vendor, *extra)
        shown = (*wanted.shown, Shown("PSE36", _PSE_36))
        evidence = sum((mmu.evidence for mmu in mmus), Evidence())
        return _claim(found, _told(entry), reserved, wanted, assumptions, self.manual, part, shown, evidence)


def _reserved(entry_format: EntryFormat, entry: BitVec, level: int, wanted: Requested) -> Bool:
    """Whether a bit is set that the manual reserves."""
    return reserved_bit_set(entry_format, entry, level, wanted.controls(_PSE_36), wanted.max_physical_address)


def _long_mode(kvm: Kvm, tables: _Tables, formats: Mapping[bool, EntryFormat], manual: str) -> Iterator[Claim]:
    """4- and 5-level paging; ``formats`` are the guest's, by whether its vendor is AMD."""
    wanted, entry = tables.wanted, var("gpte", 64)
    for level in _LEVELS:
        mode = all_of(wanted.long_mode, wanted.five_levels) if level == max(_LEVELS) else wanted.long_mode
        by_amd, by_others = (_reserved(formats[is_amd], entry, level, wanted) for is_amd in (True, False))
        on = Assumption("the tables are long mode's: EFER.LMA and CR4.PAE are 1", mode)
        reserved = ite(wanted.mmu.guest_cpu.amd_compatible, by_amd, by_others)
        yield _ModeWalk(kvm, [tables], on, manual).claim(
            entry, level, reserved, f"{wanted.mmu.kind.value}: level {level}"
        )


def _pae_tables(kvm: Kvm, tables: _Tables, manual: str) -> Iterator[Claim]:
    """PAE paging below the PDPTEs, which no walk looks up in a table."""
    wanted, entry = tables.wanted, var("gpte", 64)
    walk = _ModeWalk(kvm, [tables], Assumption("the tables are PAE paging's", wanted.pae), manual)
    for level in (1, 2):
        part = f"{wanted.mmu.kind.value}: PAE, level {level}"
        yield walk.claim(entry, level, _reserved(PAE, entry, level, wanted), part)


def _32bit_tables(kvm: Kvm, tables: Sequence[_Tables], manual: str) -> Iterator[Claim]:
    """32-bit paging; what is known to be wrong of 4-MByte pages stands in parts of its own."""
    wanted, entry = tables[0].wanted, var("gpte", 32)
    width = wanted.max_physical_address
    page = maps_page(PAGING_32BIT, entry, 2, wanted.controls(_PSE_36))
    is_page = Assumption("the PDE maps a page", page)
    as_kvm_has_it = all_of(_PSE_36, eq(width, _PSE_36_WIDTH))
    wider = all_of(_PSE_36, ult(bv(_PSE_36_WIDTH, width.width), width))
    mode = Assumption("the tables are 32-bit paging's", wanted.paging_32bit)
    pte, pde = (_reserved(PAGING_32BIT, entry, level, wanted) for level in (1, 2))
    for each in tables:
        one, kind = _ModeWalk(kvm, [each], mode, manual), each.wanted.mmu.kind.value
        no_page = Assumption("the PDE maps no page", negate(page))
        has_36 = Assumption("the guest has PSE-36, and its MAXPHYADDR is 36", as_kvm_has_it)
        yield one.claim(entry, 1, pte, f"{kind}: 32-bit, PTE")
        yield one.claim(entry, 2, pde, f"{kind}: 32-bit, PDE that points to a table", no_page)
        yield one.claim(entry, 2, pde, f"{kind}: 32-bit, 4-MByte pages with 36 address bits", is_page, has_36)
    every = _ModeWalk(kvm, tables, mode, manual)
    more = Assumption("the guest has PSE-36, and its MAXPHYADDR is above 36", wider)
    yield every.claim(entry, 2, pde, "4-MByte pages with more than 36 address bits", is_page, more)
    neither = negate(any_of(as_kvm_has_it, wider))
    none = Assumption("the guest has no PSE-36, or its MAXPHYADDR is below 36", neither)
    without = "4-MByte pages without PSE-36 or with less than 36 address bits"
    yield every.claim(entry, 2, pde, without, is_page, none)


def _own_tables(kvm: Kvm, vendor: Vendor) -> list[_Tables]:
    """The MMUs that walk guests' own tables; with TDP the guest's vendor is taken to be the host's."""
    found: list[_Tables] = []
    for kind in _GUESTS[vendor]:
        wanted = requested(kvm, kind)
        amd = wanted.mmu.guest_cpu.amd_compatible
        extra: tuple[Assumption, ...] = ()
        if vendor is Vendor.INTEL:
            extra = (Assumption("the guest's vendor is not AMD or Hygon; vendor amd speaks of these", negate(amd)),)
        elif vendor is Vendor.AMD:
            extra = (Assumption("the guest's vendor is AMD or Hygon; vendor intel speaks of others", amd),)
        found.append(_Tables(wanted, extra))
    return found


def _paging64(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    formats = {True: AMD_LONG_MODE, False: INTEL_LONG_MODE}
    manual = {Vendor.INTEL: "SDM 5.5", Vendor.AMD: "APM 5.3"}.get(vendor, "SDM 5.5, APM 5.3")
    return [claim for tables in _own_tables(kvm, vendor) for claim in _long_mode(kvm, tables, formats, manual)]


def _pae(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    every, entry = _own_tables(kvm, vendor), var("pdpte", 64)
    for tables in every:
        yield from _pae_tables(kvm, tables, "SDM 5.4, APM 5.2.3")
    wanted = every[0].wanted
    found = ne(entry & kvm.reserved_bits.pdptr_rsvd_bits(wanted.mmu.guest_cpu), 0)
    reserved = _reserved(PAE, entry, 3, wanted)
    present = Assumption("the PDPTE is present: load_pdptrs() looks at no other", paging.present(entry))
    yield _claim([found], _told(entry), reserved, wanted, (present,), "SDM 5.4.1, APM 5.2.3", "PDPTEs", wanted.shown)


def _paging32(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    return _32bit_tables(kvm, _own_tables(kvm, vendor), "SDM 5.3, APM 5.2.2")


# -- nested tables ------------------------------------------------------------------------------------------


def _npt(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    wanted = requested(kvm, MmuKind.NESTED_NPT)
    amd = wanted.mmu.guest_cpu.amd_compatible
    tables = _Tables(wanted, (Assumption("L1 has SVM, so its vendor is AMD or Hygon", amd),))
    formats = dict.fromkeys((True, False), NPT_LONG_MODE)
    yield from _long_mode(kvm, tables, formats, "APM 15.25, 5.3")
    yield from _pae_tables(kvm, tables, "APM 15.25, 5.2.3")
    yield from _32bit_tables(kvm, [tables], "APM 15.25, 5.2.2")


def _ept(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    wanted, entry = requested(kvm, MmuKind.NESTED_EPT), var("gpte", 64)
    premises = (wanted.plausible_ept, _present(entry, wanted))
    for level in _LEVELS:
        found = kvm.reserved_bits.is_rsvd_bits_set(wanted.mmu, entry, level)
        reserved = reserved_bit_set(EPT, entry, level, wanted.ept_controls, wanted.max_physical_address)
        part = f"level {level}"
        told = Shown("gpte", entry, kind=NumberKind.GUEST_ENTRY)
        yield _claim([found], told, reserved, wanted, premises, "SDM 31.3.2", part, wanted.ept_shown)


def _present(entry: BitVec, wanted: Requested) -> Assumption:
    return Assumption("the entry is present: the walk stops at others", ept.present(entry, mbec=wanted.request.mbec))


def _misconfig(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    wanted = requested(kvm, MmuKind.NESTED_EPT)
    for kind in EPT.kinds:
        level, page = kind.shape
        entry = var("gpte", 64)
        found = kvm.reserved_bits.is_rejected(wanted.mmu, GpteFormat.EPT, entry, level)
        right = EPT_1G_MEMORY_TYPE.either(partial(_is_right, entry, kind.shape, wanted, found))
        missed, invented = all_of(negate(right), negate(found)), all_of(negate(right), found)
        assumptions = [wanted.plausible_guest, wanted.plausible_ept, _present(entry, wanted)]
        if level in (2, 3):
            assumptions.append(_with_page_size(entry, page))
        yield never(
            given(
                *assumptions,
                shown=(*wanted.ept_shown, Shown("gpte", entry, kind=NumberKind.GUEST_ENTRY)),
                evidence=wanted.mmu.evidence,
                part=kind.name,
            ),
            *misconfiguration_symptoms(missed, invented),
            choices=(EPT_1G_MEMORY_TYPE,),
        )


def _is_right(
    entry: BitVec, shape: EntryShape, wanted: Requested, found: Bool, memory_type_checked_in_1g: Bool
) -> Bool:
    """Whether a verdict on an entry is the manual's, in one reading of it."""
    misconfigured = ept.misconfigured(
        entry,
        level=shape.level,
        maps_page=shape.maps_page,
        max_physical_address=wanted.max_physical_address,
        mbec=wanted.request.mbec,
        execute_only=wanted.request.execonly,
        # KVM offers L1 no paging-write control.
        paging_write_control=FALSE,
        pages_2m=wanted.ept_controls[Control.PAGES_2M],
        pages_1g=wanted.ept_controls[Control.PAGES_1G],
        memory_type_checked_in_1g=memory_type_checked_in_1g,
    )
    return iff(found, misconfigured)


def _with_page_size(entry: BitVec, page: bool) -> Assumption:
    size = bit(entry, PAGE_SIZE_BIT)
    return Assumption(f"bit 7 of the entry is {page:d}", size if page else negate(size))


_EVERY_GUEST = (
    "the guest's MAXPHYADDR is 32 to 52, and the guest is no SEV guest",
    "the entry is present: a walk stops at others",
)
_GUEST = (*_EVERY_GUEST, "paging is on: a walk needs no table otherwise")
_EPT_PAGES = "L1 is told of 2-MByte pages of EPT if it is told of 1-GByte pages, as every processor has it"

THEOREMS = (
    Theorem(
        name="entry.misconfig",
        claim="A walk of L1's EPT ends at a present entry exactly if it is misconfigured, whatever was set up before.",
        source="SDM 31.3.3.1",
        assumes=(*_EVERY_GUEST, _EPT_PAGES, "KVM offers L1 no EPT paging-write control"),
        vendors=(Vendor.INTEL,),
        state=several(_misconfig),
        catches=showing(
            "misconfiguration-missed",
            "misconfig-ignores-xu",
            "set-up-accepts-execute-only",
            "reserved-memory-type-accepted",
            "ept-1g-page-always",
            "ept-2m-page-bit-12-accepted",
            "guest-maxphyaddr-off-by-one",
        ),
    ),
    Theorem(
        name="entry.reserved-ept",
        claim="KVM finds a reserved bit in a present entry of L1's EPT exactly if one is set.",
        source="SDM 31.3.2, Tables 31-1 to 31-7",
        assumes=(*_EVERY_GUEST, _EPT_PAGES),
        vendors=(Vendor.INTEL,),
        state=several(_ept),
        catches=showing(
            "reserved-bit-accepted", "ept-1g-page-always", "ept-2m-page-bit-12-accepted", "guest-maxphyaddr-off-by-one"
        ),
    ),
    Theorem(
        name="entry.reserved-npt",
        claim="A walk of L1's nested page tables ends at a present entry exactly if a reserved bit is set; "
        "PAE paging's PDPTEs are not spoken of.",
        source="APM 15.25, 5.2 and 5.3",
        assumes=(*_GUEST, "L1 has SVM, so its vendor is AMD or Hygon"),
        vendors=(Vendor.AMD,),
        state=several(_npt),
        catches=(
            *showing(
                "reserved-bit-accepted",
                "amd-top-bit-8-accepted",
                "nx-accepted-without-nxe",
                "1g-page-without-support",
                "1g-page-address-bit-accepted",
                "pml5e-page-size-accepted",
                "pae-high-bits-accepted",
                "4m-page-bit-21-accepted",
            ),
            Catch("4m-page-without-pse", "entry-rejected"),
            Catch("guest-maxphyaddr-off-by-one", "reserved-bit-accepted"),
        ),
    ),
    Theorem(
        name="entry.reserved-paging64",
        claim="A walk of the guest's 4- or 5-level tables ends at a present entry exactly if a reserved bit is set.",
        source="SDM 5.5, APM 5.3",
        assumes=(*_GUEST, "with TDP, the guest's vendor is the host's"),
        state=_paging64,
        catches=showing(
            "reserved-bit-accepted",
            "amd-top-bit-8-accepted",
            "nx-accepted-without-nxe",
            "1g-page-without-support",
            "1g-page-address-bit-accepted",
            "pml5e-page-size-accepted",
            "guest-maxphyaddr-off-by-one",
        ),
    ),
    Theorem(
        name="entry.reserved-pae",
        claim="A walk of the guest's PAE tables ends at a present entry, and the load of a present PDPTE fails, "
        "exactly if a reserved bit is set.",
        source="SDM 5.4, APM 5.2.3",
        assumes=(*_GUEST, "with TDP, the guest's vendor is the host's"),
        state=several(_pae),
        catches=showing(
            "reserved-bit-accepted",
            "nx-accepted-without-nxe",
            "pae-high-bits-accepted",
            "pdpte-rights-accepted",
            "guest-maxphyaddr-off-by-one",
        ),
    ),
    Theorem(
        name="entry.reserved-paging32",
        claim="A walk of the guest's 32-bit tables ends at a present entry exactly if a reserved bit is set.",
        source="SDM 5.3, APM 5.2.2",
        assumes=(*_GUEST, "with TDP, the guest's vendor is the host's"),
        state=several(_paging32),
        catches=(
            Catch("4m-page-bit-21-accepted", "reserved-bit-accepted"),
            Catch("4m-page-without-pse", "entry-rejected"),
        ),
    ),
)
