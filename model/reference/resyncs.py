"""How SPTEs follow single entries of guest tables in Linux 7.2.13."""

from __future__ import annotations

from mmuproof.model.cuts.resyncs import MISCONFIGURED, NOTED_ACCESS, NOTED_GFN, READ_GUEST, RESERVED_BITS
from mmuproof.model.evidence import CheckKind
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_value
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.reference.walk_ends import ReferenceWalkEnds
from mmuproof.model.resyncs import GuestEntryRead, MappedAhead, Resynced, Resyncs
from mmuproof.model.stores import ENTRIES, LOOKED_AT
from mmuproof.model.walks import GpteFormat, Walks
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    eq,
    extract,
    ite,
    ne,
    negate,
    var,
    zext,
)

_U32, _U64 = 32, 64
_SPTE, _MMIO, _BEFORE = var("new SPTE", _U64), var("new MMIO SPTE", _U64), var(f"sp->spt[{LOOKED_AT}]", _U64)
_ROLE, _TABLE = var("sp->role", PAGE_ROLE_BITS), var("sp->gfn", _U64)
_EPT_MMU = "vcpu->arch.guest_mmu"


class ReferenceResyncs(ReferenceArea, Resyncs):
    """``FNAME(sync_spte)()`` and ``FNAME(prefetch_gpte)()``.

    Args:
        constants: the kernel's numbers.
        walks: how guest entries are read.
        ends: what clean ones grant.
    """

    def __init__(self, constants: Constants, walks: Walks, ends: ReferenceWalkEnds) -> None:
        super().__init__(constants)
        self._walks, self._ends = walks, ends

    def prefetch_gpte(self, gpte_format: GpteFormat) -> MappedAhead:
        """See `Resyncs.prefetch_gpte`."""
        name, entry = f"{gpte_format.value}_prefetch_gpte", self._entry(gpte_format, "gpte")
        trace = Trace(name)
        trace.cut(RESERVED_BITS)
        return MappedAhead(
            caller=name,
            entry=entry,
            asked=negate(self.prefetch_invalid_gpte(gpte_format, entry)),
            access=trace.step("pte_access", self._access(gpte_format, entry, ahead=True)),
            gfn=self._gfn(gpte_format, entry),
            evidence=trace.evidence,
        )

    def sync_spte(self, gpte_format: GpteFormat) -> Resynced:
        """See `Resyncs.sync_spte`."""
        c, name = self.constants, f"{gpte_format.value}_sync_spte"
        entry, trace = self._entry(gpte_format, f"gpte after {READ_GUEST.function}()"), Trace(name)
        for cut in (READ_GUEST, RESERVED_BITS, NOTED_GFN, NOTED_ACCESS):
            trace.cut(cut)
        there = all_of(ne(_BEFORE, c.SHADOW_NONPRESENT_VALUE), negate(bool_var("sp->shadowed_translation == NULL")))
        read = all_of(there, eq(var(f"{READ_GUEST.function}()", _U32), 0))
        trace.check(CheckKind.WARN, there)
        noted_gfn = var(f"{NOTED_GFN.function}()", _U64)
        noted_access = var(f"{NOTED_ACCESS.function}()", _U32) & c.ACC_ALL
        access = trace.step("pte_access", self._access(gpte_format, entry, ahead=False))
        gfn, invalid = self._gfn(gpte_format, entry), self.prefetch_invalid_gpte(gpte_format, entry)
        usable = all_of(read, negate(invalid))
        was_mmio, mmio_gfn = self._was_mmio(), self._mmio_gfn()
        page = all_of(usable, negate(was_mmio))
        mmio = all_of(usable, was_mmio, eq(gfn, mmio_gfn))
        gone = any_of(self._grants_nothing(access), self._moved(gfn, noted_gfn))
        dropped = any_of(all_of(read, invalid), all_of(page, gone))
        made = all_of(page, negate(gone), self._changed(noted_access, access))
        emptied = all_of(usable, was_mmio, ne(gfn, mmio_gfn))
        after = ite(mmio, _MMIO, ite(emptied, bv(c.SHADOW_NONPRESENT_VALUE, _U64), ite(made, _SPTE, _BEFORE)))
        return Resynced(
            caller=name,
            entry=entry,
            ready=all_of(read, eq(role_value(_ROLE, "level"), c.PG_LEVEL_4K)),
            asked_gpa=self._asked_gpa(gpte_format),
            table_gfn=_TABLE,
            quadrant=zext(role_value(_ROLE, "quadrant"), _U32),
            noted_gfn=noted_gfn,
            noted_access=noted_access,
            dropped=dropped,
            made=made,
            made_access=access,
            made_gfn=gfn,
            made_pfn=(_BEFORE & c.SPTE_BASE_ADDR_MASK) >> c.PAGE_SHIFT,
            made_old_spte=_BEFORE,
            made_host_writable=self._host_writable(),
            made_in_slot=self._is_in_slot(),
            made_synchronizing=self._is_synchronizing(),
            host_writable=ne(_BEFORE & var("shadow_host_writable_mask", _U64), 0),
            renoted_access=access,
            mmio=mmio,
            mmio_access=access,
            mmio_gfn=gfn,
            index=bv(LOOKED_AT, _U32),
            before=_BEFORE,
            replaced=negate(dropped),
            after=after,
            new=_SPTE,
            new_mmio=_MMIO,
            beside=FALSE,
            flushes=any_of(dropped, all_of(made, self._update_flushes())),
            evidence=trace.evidence,
        )

    def _entry(self, gpte_format: GpteFormat, name: str) -> GuestEntryRead:
        ept = gpte_format is GpteFormat.EPT
        reserved = ne(var(f"{RESERVED_BITS.function}()", 1), 0)
        misconfigured = ne(var(f"{MISCONFIGURED.function}()", 1), 0)
        return GuestEntryRead(
            gpte=zext(var(name, _U32 if gpte_format is GpteFormat.PAGING32 else _U64), _U64),
            role_access=zext(role_value(_ROLE, "access"), _U32),
            accessed_dirty=eq(role_value(var(f"{_EPT_MMU}.cpu_role", _U64), "ad_disabled"), 0) if ept else TRUE,
            reserved=any_of(reserved, misconfigured) if ept else reserved,
        )

    def prefetch_invalid_gpte(self, gpte_format: GpteFormat, entry: GuestEntryRead) -> Bool:
        """``FNAME(prefetch_invalid_gpte)()``: not present, not accessed, or with a bit that must not be set."""
        c = self.constants
        accessed = c.VMX_EPT_ACCESS_BIT if gpte_format is GpteFormat.EPT else c.PT_ACCESSED_MASK
        return any_of(
            negate(self._present(gpte_format, entry.gpte)),
            all_of(entry.accessed_dirty, self._not_accessed(entry.gpte, accessed)),
            entry.reserved,
        )

    def _not_accessed(self, gpte: BitVec, mask: int) -> Bool:
        return eq(gpte & mask, 0)

    def _present(self, gpte_format: GpteFormat, gpte: BitVec) -> Bool:
        c = self.constants
        if gpte_format is not GpteFormat.EPT:
            return ne(gpte & c.PT_PRESENT_MASK, 0)
        mbec = ne(role_value(var(f"{_EPT_MMU}.root_role", PAGE_ROLE_BITS), "cr4_smep"), 0)
        return any_of(ne(gpte & c.VMX_EPT_RWX_MASK, 0), all_of(mbec, ne(gpte & c.VMX_EPT_USER_EXECUTABLE_MASK, 0)))

    def _access(self, gpte_format: GpteFormat, entry: GuestEntryRead, *, ahead: bool) -> BitVec:
        """What the entries above and this one grant; a clean one grants no writes."""
        access = self._of_parents(entry.role_access) & self._walks.gpte_access(gpte_format, entry.gpte)
        flags = all_of(entry.accessed_dirty, self._protects(ahead=ahead))
        return self._ends.protected(gpte_format, flags, access, entry.gpte)

    def _of_parents(self, role_access: BitVec) -> BitVec:
        return role_access

    def _protects(self, *, ahead: bool) -> Bool:
        """Whether it is looked at that an entry is clean."""
        return TRUE

    def _gfn(self, gpte_format: GpteFormat, entry: GuestEntryRead) -> BitVec:
        high = 31 if gpte_format is GpteFormat.PAGING32 else 51
        return zext(extract(entry.gpte, high, self.constants.PAGE_SHIFT), _U64)

    def _asked_gpa(self, gpte_format: GpteFormat) -> BitVec:
        """A page of 4-byte entries shadows a part of the guest's table, ``role.quadrant``."""
        shift = self.constants.PAGE_SHIFT
        if gpte_format is not GpteFormat.PAGING32:
            return (_TABLE << shift) + LOOKED_AT * 8
        quadrant = zext(role_value(_ROLE, "quadrant"), _U64)
        return (_TABLE << shift) + self._quadrant_entries(quadrant) * 4 + LOOKED_AT * 4

    def _quadrant_entries(self, quadrant: BitVec) -> BitVec:
        return quadrant * ENTRIES

    def _grants_nothing(self, access: BitVec) -> Bool:
        present = var("shadow_present_mask", _U64)
        return eq(zext(access, _U64) | present, self.constants.SHADOW_NONPRESENT_VALUE)

    def _moved(self, gfn: BitVec, noted_gfn: BitVec) -> Bool:
        """Whether the entry leads to another frame now."""
        return ne(gfn, noted_gfn)

    def _changed(self, noted_access: BitVec, access: BitVec) -> Bool:
        return ne(noted_access, access)

    def _host_writable(self) -> Bool:
        """The host's page stays the same, and so does whether it may be written."""
        return ne(_BEFORE & var("shadow_host_writable_mask", _U64), 0)

    def _is_in_slot(self) -> Bool:
        """Whether what is made is made in the slot of its frame."""
        return TRUE

    def _is_synchronizing(self) -> Bool:
        """Whether no page may get out of sync meanwhile."""
        return TRUE

    def _was_mmio(self) -> Bool:
        value = var("kvm->arch.shadow_mmio_value", _U64)
        return all_of(eq(_BEFORE & var("shadow_mmio_mask", _U64), value), bit(var("enable_mmio_caching", 1), 0))

    def _mmio_gfn(self) -> BitVec:
        c = self.constants
        low = _BEFORE & var("shadow_nonpresent_or_rsvd_lower_gfn_mask", _U64)
        high = (_BEFORE >> c.SHADOW_NONPRESENT_OR_RSVD_MASK_LEN) & var("shadow_nonpresent_or_rsvd_mask", _U64)
        return (low | high) >> c.PAGE_SHIFT

    def _update_flushes(self) -> Bool:
        """``mmu_spte_update()``: spte.flush speaks of it."""
        return bool_var("mmu_spte_update()")
