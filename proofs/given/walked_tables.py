"""The tables of a guest's that KVM walks: the code that does, and the format that the manuals give them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.nested import entries_read
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.given.relations import access_rights, ept_permissions, has, has_mbec
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bit, bool_var, negate, var
from mmuproof.spec import ept, paging
from mmuproof.spec.entry_layout import Control, EntryFormat, field_named
from mmuproof.spec.ept_layout import EPT
from mmuproof.spec.npt_layout import NPT_LONG_MODE
from mmuproof.spec.paging_layout import INTEL_LONG_MODE, PAE, PAGE_SIZE_BIT, PAGING_32BIT
from mmuproof.spec.reserved import maps_page

CR4_PSE, PSE36 = bool_var("CR4.PSE"), bool_var("PSE-36")
CONTROLS: Mapping[Control, Bool] = MappingProxyType(
    {Control.PAGES_1G: TRUE, Control.PAGES_2M: TRUE, Control.PAGE_SIZE_EXTENSIONS: CR4_PSE, Control.PSE_36: PSE36}
)
"""Where a processor lacks large pages of a size, the bit is reserved, and a walk has ended at it before."""
Rights = Mapping[str, Bool]
"""What entries grant, by name."""
_ENTRY = 64


@dataclass(frozen=True, kw_only=True)
class WalkedTables:
    """Tables of one paging mode.

    Args:
        name: what a part of a theorem calls them.
        code: the code that walks them.
        entry_format: what the manuals say of their entries.
        levels: ``role.level``.
    """

    name: str
    code: GpteFormat
    entry_format: EntryFormat
    levels: int

    @property
    def entry_kind(self) -> NumberKind | None:
        """What an entry is whose bits are to be told; those of 32-bit paging have other places."""
        return NumberKind.GUEST_ENTRY if self.entry_format.width == _ENTRY else None

    @property
    def entries(self) -> tuple[BitVec, ...]:
        """What a walk reads, from the root's table down to the PTE; a PDPTE of PAE paging is a register."""
        count, width = entries_read(self.levels), self.entry_format.width
        return tuple(var(f"entry of level {level}", width) for level in range(count, 0, -1))

    def maps_page(self, entry: BitVec, level: int) -> Bool:
        """Whether a walk ends at an entry, by the manuals."""
        return maps_page(self.entry_format, entry, level, CONTROLS)

    def flag(self, name: str, entry: BitVec) -> Bool:
        """The accessed or the dirty flag of an entry that maps a page."""
        return bit(entry, field_named(self.entry_format, 1, True, name).low)

    def present(self, entry: BitVec) -> Bool:
        """Whether the processor can use an entry, EPT's with MBEC: of bit 10 without it entry.present speaks."""
        return ept.present(entry, mbec=TRUE) if self.code is GpteFormat.EPT else paging.present(entry)

    def rights(self, kvm: Kvm, entry: BitVec) -> Rights:
        """What one entry grants by the manuals, of what a tree tells apart."""
        if self.code is GpteFormat.EPT:
            return _of_ept(kvm, ept.permissions_of(entry))
        return _of_paging(kvm, paging.rights_of(entry), paging.present(entry))

    def granted(self, kvm: Kvm, access: BitVec) -> Rights:
        """ACC_* bits (32) by the same names."""
        if self.code is GpteFormat.EPT:
            return _of_ept(kvm, ept_permissions(kvm, access))
        reads = has(access, kvm.constant("ACC_READ_MASK")) if kvm.has(Feature.READ_ACCESS) else TRUE
        return _of_paging(kvm, access_rights(kvm, access), reads)

    def well_formed(self, entry: BitVec, level: int) -> tuple[Assumption, ...]:
        """That bits are clear that are reserved, and at which a walk has ended."""
        if level > _LARGEST_PAGE:
            says = "bit 7 of a PML5E or PML4E is clear: it is reserved, and a walk ends at reserved bits"
            return (Assumption(says, negate(bit(entry, PAGE_SIZE_BIT))),)
        return ()


_LARGEST_PAGE = 3


def _of_ept(kvm: Kvm, each: ept.EptPermissions) -> Rights:
    rights = {"read": each.read, "write": each.write, "execute": each.execute}
    return {**rights, "execute from user-mode addresses": each.user_execute} if has_mbec(kvm) else rights


def _of_paging(kvm: Kvm, each: paging.AccessRights, reads: Bool) -> Rights:
    return {
        "read": reads if kvm.has(Feature.READ_ACCESS) else TRUE,
        "write": each.writable,
        "execute": negate(each.execute_disable),
        "use in user mode": each.user_address,
    }


def together(parts: list[tuple[Bool, Rights]]) -> Rights:
    """What several entries grant, each of which counts under a condition: each can only take away."""
    names = parts[0][1]
    return {name: all_of(*(any_of(negate(when), each[name]) for when, each in parts)) for name in names}


def outside(kvm: Kvm, access: BitVec) -> Bool:
    """Whether ACC_* bits have one that means nothing."""
    return has(access, ~kvm.constant("ACC_ALL"))


def more(given: Rights, wanted: Rights) -> Bool:
    """Whether something is granted that is not to be."""
    return any_of(*(all_of(given[name], negate(wanted[name])) for name in wanted))


def less(given: Rights, wanted: Rights) -> Bool:
    """Whether something is not granted that is to be."""
    return more(wanted, given)


def _long_mode(entry_format: EntryFormat) -> tuple[WalkedTables, ...]:
    return tuple(
        WalkedTables(name=f"{levels} levels", code=GpteFormat.PAGING64, entry_format=entry_format, levels=levels)
        for levels in (4, 5)
    )


_EPT = tuple(
    WalkedTables(name=f"nested EPT, {levels} levels", code=GpteFormat.EPT, entry_format=EPT, levels=levels)
    for levels in (4, 5)
)
_SHORT = (
    WalkedTables(name="PAE paging", code=GpteFormat.PAGING64, entry_format=PAE, levels=3),
    WalkedTables(name="32-bit paging", code=GpteFormat.PAGING32, entry_format=PAGING_32BIT, levels=2),
)

TABLES: Mapping[Vendor, tuple[WalkedTables, ...]] = MappingProxyType(
    {
        Vendor.INTEL: _EPT,
        Vendor.AMD: (*_long_mode(NPT_LONG_MODE), *_SHORT),
        Vendor.SHADOW: (*_long_mode(INTEL_LONG_MODE), *_SHORT),
    }
)
"""The tables that KVM shadows, by vendor: L1's for L2, or the guest's own."""


def of_each_format(vendor: Vendor) -> tuple[WalkedTables, ...]:
    """Of the tables with entries of one format those with the most levels."""
    return tuple({each.entry_format.name: each for each in TABLES[vendor]}.values())
