"""Reserved bits: the tables that Linux 7.2.13 computes for an MMU, and what reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mmuproof.model.kvm import NotThere
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.reserved_bits import CheckedMmu, GuestCpu, MmuKind, MmuRequest, ReservedBits, ShadowCheck
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, any_of, bit, bv, eq, extract, ite, ne, slt, var, zext

_U64 = 64
_LEVEL_BITS = 4
_LEVELS = range(1, 6)
_PG_LEVEL_2M, _PG_LEVEL_1G = 2, 3
_TWO_LEVELS, _PAE, _FOUR_LEVELS, _FIVE_LEVELS = 2, 3, 4, 5
_BYTES = 0x0101010101010101
_BOOT_GBPAGES = bit(var("boot_cpu_has(X86_FEATURE_GBPAGES)", 1), 0)
_MAX_HUGE_PAGE_LEVEL = var("max_huge_page_level", 32)
_RESETS: Mapping[MmuKind, str] = MappingProxyType(
    {
        MmuKind.TDP: "reset_tdp_shadow_zero_bits_mask",
        MmuKind.SHADOW: "reset_shadow_zero_bits_mask",
        MmuKind.NESTED_EPT: "reset_ept_shadow_zero_bits_mask",
        MmuKind.NESTED_NPT: "reset_shadow_zero_bits_mask",
    }
)


def _bits(low: int, high: int) -> int:
    """``rsvd_bits()`` of constants."""
    return (1 << high + 1) - (1 << low)


def _from(low: BitVec) -> BitVec:
    """``rsvd_bits(low, 63)``."""
    return bv(-1, _U64) << zext(low, _U64)


@dataclass(frozen=True)
class Table:
    """``struct rsvd_bits_validate``: a mask by bit 7 of an entry and by level, and the bad low six bits."""

    rsvd_bits_mask: Mapping[tuple[bool, int], BitVec]
    bad_mt_xwr: BitVec


@dataclass(frozen=True)
class _SetUp:
    """What the last set-up of an MMU has made."""

    request: MmuRequest
    table: Table


class ReferenceReservedBits(ReferenceArea, ReservedBits):
    """``__reset_rsvds_bits_mask()``, ``__reset_rsvds_bits_mask_ept()``, their callers, and the readers.

    What an earlier set-up has left plays no part: an element of a table that the last one has not written is
    free, and no walk reads it.
    """

    # -- the set-up ------------------------------------------------------------------------------------

    def set_up(self, kind: MmuKind, earlier: MmuRequest, now: MmuRequest) -> CheckedMmu:
        """See `ReservedBits.set_up`."""
        guest = GuestCpu(
            maxphyaddr=var("vcpu->arch.maxphyaddr", 8),
            gbpages=self.guest_gbpages(),
            amd_compatible=bit(var("vcpu->arch.is_amd_compatible", 1), 0),
            ept_caps=var("vmx->nested.msrs.ept_caps", 32),
        )
        reserved = self.reserved_gpa_bits(guest)
        if kind is MmuKind.NESTED_EPT:
            trace = Trace("reset_rsvds_bits_mask_ept")
            execonly = self._table_execonly(now)
            table = self.reset_rsvds_bits_mask_ept(reserved, execonly, self.ept_caps_to_lpage_level(guest.ept_caps))
        else:
            trace = Trace("reset_guest_rsvds_bits_mask")
            table = self.reset_rsvds_bits_mask(
                reserved,
                self._guest_level(now),
                nx=self._guest_nx(now),
                gbpages=guest.gbpages,
                pse=ne(now.cr4 & self.constants.X86_CR4_PSE, 0),
                amd=guest.amd_compatible,
            )
        _note(trace, table)
        root_level = self._root_level(kind, now)
        return CheckedMmu(
            kind=kind, guest_cpu=guest, root_level=root_level, evidence=trace.evidence, state=_SetUp(now, table)
        )

    def ept_caps_to_lpage_level(self, ept_caps: BitVec) -> BitVec:
        """``ept_caps_to_lpage_level()``: the largest page that EPT has."""
        c = self.constants
        pages_1g, pages_2m = ne(ept_caps & c.VMX_EPT_1GB_PAGE_BIT, 0), ne(ept_caps & c.VMX_EPT_2MB_PAGE_BIT, 0)
        return ite(pages_1g, bv(_PG_LEVEL_1G, 32), ite(pages_2m, bv(_PG_LEVEL_2M, 32), c.PG_LEVEL_4K))

    def reserved_gpa_bits(self, guest: GuestCpu) -> BitVec:
        """``kvm_vcpu_reserved_gpa_bits_raw()``."""
        return _from(guest.maxphyaddr)

    def guest_gbpages(self) -> Bool:
        """``guest_cpu_cap_has()`` of 1-GByte pages."""
        word, place = divmod(self.constants.X86_FEATURE_GBPAGES, 32)
        return bit(var(f"vcpu->arch.cpu_caps[{word}]", 32), place)

    def _guest_level(self, request: MmuRequest) -> BitVec:
        """The level of the CPU role of ``kvm_calc_cpu_role()`` with paging on."""
        c = self.constants
        long_mode, la57 = ne(request.efer & c.EFER_LMA, 0), ne(request.cr4 & c.X86_CR4_LA57, 0)
        pae = ne(request.cr4 & c.X86_CR4_PAE, 0)

        def level(number: int) -> BitVec:
            return bv(number, _LEVEL_BITS)

        return ite(
            long_mode, ite(la57, level(_FIVE_LEVELS), level(_FOUR_LEVELS)), ite(pae, level(_PAE), level(_TWO_LEVELS))
        )

    def _guest_nx(self, request: MmuRequest) -> Bool:
        """EFER.NX of the CPU role."""
        return ne(request.efer & self.constants.EFER_NX, 0)

    def _root_level(self, kind: MmuKind, request: MmuRequest) -> BitVec:
        """The level of the root role."""
        c = self.constants
        if kind is MmuKind.NESTED_EPT:
            five = eq(request.eptp & c.VMX_EPTP_PWL_MASK, c.VMX_EPTP_PWL_5)
            return ite(five, bv(_FIVE_LEVELS, _LEVEL_BITS), _FOUR_LEVELS)
        if kind is MmuKind.SHADOW:
            level = self._guest_level(request)
            paging = ne(request.cr0 & c.X86_CR0_PG, 0)
            return ite(paging, ite(eq(level, _TWO_LEVELS), bv(_PAE, _LEVEL_BITS), level), bv(_PAE, _LEVEL_BITS))
        return extract(var("kvm_mmu_get_tdp_level()", 32), _LEVEL_BITS - 1, 0)

    def _table_execonly(self, request: MmuRequest) -> Bool:
        """Whether a nested EPT's table for L1's entries accepts execute-only ones."""
        return request.execonly

    # -- tables ----------------------------------------------------------------------------------------

    def reset_rsvds_bits_mask(
        self, pa_bits_rsvd: BitVec, level: BitVec, *, nx: Bool, gbpages: Bool, pse: Bool, amd: Bool
    ) -> Table:
        """``__reset_rsvds_bits_mask()``: ordinary paging, for the mode whose root has this level."""
        modes = {
            _TWO_LEVELS: self._two_levels(pse),
            _PAE: self._pae(self._pae_high_bits(pa_bits_rsvd) | self._without_nx(nx)),
        }
        high = self._long_mode_high_bits(pa_bits_rsvd) | self._without_nx(nx)
        for mode in (_FOUR_LEVELS, _FIVE_LEVELS):
            modes[mode] = self._long_mode(mode, high, gbpages=gbpages, amd=amd)
        masks: dict[tuple[bool, int], BitVec] = {}
        for bit7 in (False, True):
            for each in _LEVELS:
                mask = var(f"left over: rsvd_bits_mask[{bit7:d}][{each - 1}]", _U64)
                for mode, entries in modes.items():
                    if (bit7, each) in entries:
                        mask = ite(eq(level, mode), entries[bit7, each], mask)
                masks[bit7, each] = mask
        return Table(masks, bv(0, _U64))

    def _without_nx(self, nx: Bool) -> BitVec:
        """Bit 63, where it is not NX."""
        return ite(nx, bv(0, _U64), bv(self.constants.PT64_NX_MASK, _U64))

    def _two_levels(self, pse: Bool) -> dict[tuple[bool, int], BitVec]:
        """32-bit paging: only a page of 4 MByte has reserved bits."""
        none = bv(0, _U64)
        large = ite(pse, bv(self._large_4m(), _U64), none)
        return {(False, 2): none, (False, 1): none, (True, 1): none, (True, 2): large}

    def _large_4m(self) -> int:
        """What a page of 4 MByte has reserved: PSE-36 is taken to be there, with four address bits."""
        return _bits(17, 21)

    def _pae_high_bits(self, pa_bits_rsvd: BitVec) -> BitVec:
        """The reserved address bits of PAE paging, and bits 62:52, which are among them."""
        return pa_bits_rsvd & _bits(0, 62)

    def _pae(self, high: BitVec) -> dict[tuple[bool, int], BitVec]:
        """PAE paging; a PDPTE has neither NX nor rights."""
        return {
            (False, 3): high | self.constants.PT64_NX_MASK | _bits(5, 8) | _bits(1, 2),
            (False, 2): high,
            (False, 1): high,
            (True, 2): high | self._low_address_2m(),
            (True, 1): high,
        }

    def _long_mode_high_bits(self, pa_bits_rsvd: BitVec) -> BitVec:
        """The reserved address bits of 4- and 5-level paging, which ignores bits 62:52."""
        return pa_bits_rsvd & _bits(0, 51)

    def _long_mode(self, mode: int, high: BitVec, *, gbpages: Bool, amd: Bool) -> dict[tuple[bool, int], BitVec]:
        """4- and 5-level paging."""
        no_gbpages = self._without_gbpages(gbpages)
        top = high | self._top_bit8(amd) | self.constants.PT_PAGE_SIZE_MASK
        entries = {
            (False, 4): top,
            (True, 4): top,
            (False, 3): high | no_gbpages,
            (True, 3): high | no_gbpages | self._low_address_1g(),
            (False, 2): high,
            (True, 2): high | self._low_address_2m(),
            (False, 1): high,
            (True, 1): high,
        }
        if mode == _FIVE_LEVELS:
            entries |= {(False, 5): self._level_5(top), (True, 5): self._level_5(top)}
        return entries

    def _without_gbpages(self, gbpages: Bool) -> BitVec:
        """Bit 7 of a PDPTE, where it must not map a page."""
        return ite(gbpages, bv(0, _U64), bv(self.constants.PT_PAGE_SIZE_MASK, _U64))

    def _top_bit8(self, amd: Bool) -> BitVec:
        """Bit 8 of a PML4E or PML5E, which only AMD reserves."""
        return ite(amd, bv(_bits(8, 8), _U64), 0)

    def _level_5(self, top: BitVec) -> BitVec:
        """What a PML5E has reserved: the same as a PML4E."""
        return top

    def _low_address_1g(self) -> int:
        """The address bits that a page of 1 GByte has no use for; bit 12 is PAT."""
        return _bits(13, 29)

    def _low_address_2m(self) -> int:
        """The address bits that a page of 2 MByte has no use for; bit 12 is PAT."""
        return _bits(13, 20)

    def reset_rsvds_bits_mask_ept(self, pa_bits_rsvd: BitVec, execonly: Bool, huge_page_level: BitVec) -> Table:
        """``__reset_rsvds_bits_mask_ept()``."""
        high = pa_bits_rsvd & _bits(0, 51)
        page_size = bv(self.constants.PT_PAGE_SIZE_MASK, _U64)
        no_1g = ite(self._smaller_than_1g(huge_page_level), page_size, 0)
        no_2m = ite(slt(huge_page_level, _PG_LEVEL_2M), page_size, 0)
        masks: dict[tuple[bool, int], BitVec] = {}
        for bit7 in (False, True):
            masks[bit7, 5] = masks[bit7, 4] = high | _bits(3, 7)
            masks[bit7, 1] = high
        masks[False, 3] = high | _bits(3, 6) | no_1g
        masks[False, 2] = high | _bits(3, 6) | no_2m
        masks[True, 3] = high | _bits(12, 29) | no_1g
        masks[True, 2] = high | self._ept_low_address_2m() | no_2m
        return Table(masks, self._bad_mt_xwr(execonly))

    def _ept_low_address_2m(self) -> int:
        """The address bits that a 2-MByte page of EPT has no use for."""
        return _bits(12, 20)

    def _smaller_than_1g(self, huge_page_level: BitVec) -> Bool:
        """Whether pages of 1 GByte are not supported."""
        return slt(huge_page_level, _PG_LEVEL_1G)

    def _bad_mt_xwr(self, execonly: Bool) -> BitVec:
        """One bit for each value of bits 5:0: bad memory types, W without R, and X alone without support for it."""
        bad = self._bad_memory_types() | _BYTES << 0b010 | _BYTES << 0b110
        return bv(bad, _U64) | ite(execonly, bv(0, _U64), _BYTES << 0b100)

    def _bad_memory_types(self) -> int:
        """Memory types 2, 3 and 7 with whatever permissions."""
        return 0xFF << 2 * 8 | 0xFF << 3 * 8 | 0xFF << 7 * 8

    # -- what reads the tables -------------------------------------------------------------------------

    def is_rsvd_bits_set(self, mmu: CheckedMmu, gpte: BitVec, level: int) -> Bool:
        """See `ReservedBits.is_rsvd_bits_set`."""
        return self._is_rsvd_bits_set(_table_of(mmu), gpte, level)

    def _is_rsvd_bits_set(self, table: Table, entry: BitVec, level: int) -> Bool:
        """``__is_rsvd_bits_set()``: bit 7 chooses the row."""
        large = ne(entry & self.constants.PT_PAGE_SIZE_MASK, 0)
        mask = ite(large, table.rsvd_bits_mask[True, level], table.rsvd_bits_mask[False, level])
        return ne(entry & mask, 0)

    def is_rejected(self, mmu: CheckedMmu, gpte_format: GpteFormat, gpte: BitVec, level: int) -> Bool:
        """See `ReservedBits.is_rejected`."""
        table = _table_of(mmu)
        bad = self._is_bad_mt_xwr(table, gpte) if gpte_format is GpteFormat.EPT else FALSE
        return any_of(self._is_rsvd_bits_set(table, gpte, level), bad)

    def _is_bad_mt_xwr(self, table: Table, entry: BitVec) -> Bool:
        """``__is_bad_mt_xwr()``."""
        low = extract(self._fold_user_execute(entry), 5, 0)
        return bit(table.bad_mt_xwr >> zext(low, _U64), 0)

    def _fold_user_execute(self, entry: BitVec) -> BitVec:
        """An entry with XU counts as executable."""
        c = self.constants
        user = ne(entry & c.VMX_EPT_USER_EXECUTABLE_MASK, 0)
        return entry | ite(user, bv(c.VMX_EPT_EXECUTABLE_MASK, _U64), 0)

    def pdptr_rsvd_bits(self, guest_cpu: GuestCpu) -> BitVec:
        """See `ReservedBits.pdptr_rsvd_bits`."""
        return self.reserved_gpa_bits(guest_cpu) | self._pdptr_low_bits()

    def _pdptr_low_bits(self) -> int:
        """The low bits that a PDPTE of PAE paging has reserved."""
        return _bits(5, 8) | _bits(1, 2)

    # -- SPTEs -----------------------------------------------------------------------------------------

    def shadow_check(self, mmu: CheckedMmu, masks: ShadowMasks, root_level: int) -> ShadowCheck:
        """See `ReservedBits.shadow_check`."""
        set_up = mmu.state
        assert isinstance(set_up, _SetUp)
        level = bv(root_level, _LEVEL_BITS)
        if mmu.kind not in _RESETS:
            raise NotThere([f"SPTEs of {mmu.kind.value}"])
        trace = Trace(_RESETS[mmu.kind])
        table = self.spte_table(
            mmu.kind,
            masks,
            level,
            nx=self._root_nx(mmu.kind, set_up.request),
            execonly=set_up.request.execonly,
            gbpages=mmu.guest_cpu.gbpages,
        )
        if mmu.kind is MmuKind.TDP:
            table = _changed(table, root_level, lambda mask: mask & ~masks.me_mask)
        elif mmu.kind is not MmuKind.NESTED_EPT:
            table = _changed(table, root_level, lambda mask: (mask | masks.me_mask) & ~masks.me_value)
        _note(trace, table)
        return ShadowCheck(
            root_level=root_level,
            boot_gbpages=_BOOT_GBPAGES,
            max_huge_page_level=_MAX_HUGE_PAGE_LEVEL,
            evidence=mmu.evidence + trace.evidence,
            state=table,
        )

    def spte_table(
        self, kind: MmuKind, masks: ShadowMasks, level: BitVec, *, nx: Bool, execonly: Bool, gbpages: Bool
    ) -> Table:
        """What is held reserved in the SPTEs of an MMU before memory encryption counts.

        Args:
            kind: which MMU.
            masks: the host's.
            level: of the root, 4 bits.
            nx: EFER.NX of the root role; of a direct MMU it does not count.
            execonly: whether L1's EPT has execute-only entries.
            gbpages: whether the guest has 1-GByte pages.
        """
        reserved = self._reserved_hpa_bits(masks)
        if kind is MmuKind.TDP:
            return self.either(
                eq(masks.x, 0),
                self.reset_rsvds_bits_mask(reserved, level, nx=TRUE, gbpages=_BOOT_GBPAGES, pse=FALSE, amd=TRUE),
                self.reset_rsvds_bits_mask_ept(reserved, FALSE, _MAX_HUGE_PAGE_LEVEL),
            )
        if kind is MmuKind.NESTED_EPT:
            return self.reset_rsvds_bits_mask_ept(reserved, execonly, _MAX_HUGE_PAGE_LEVEL)
        return self.reset_rsvds_bits_mask(reserved, level, nx=nx, gbpages=gbpages, pse=FALSE, amd=TRUE)

    def _reserved_hpa_bits(self, masks: ShadowMasks) -> BitVec:
        """``reserved_hpa_bits()``: by CPUID's width, since bits of encryption keys are not reserved."""
        return _from(masks.host.maxphyaddr)

    def _root_nx(self, kind: MmuKind, request: MmuRequest) -> Bool:
        """EFER.NX of the root role: KVM's own without TDP, L1's for a nested NPT."""
        return TRUE if kind is MmuKind.SHADOW else self._guest_nx(request)

    def is_rsvd_spte(self, check: ShadowCheck, spte: BitVec, level: int) -> Bool:
        """See `ReservedBits.is_rsvd_spte`."""
        table = check.state
        assert isinstance(table, Table)
        return any_of(self._is_bad_mt_xwr(table, spte), self._is_rsvd_bits_set(table, spte, level))

    def either(self, condition: Bool, one: Table, other: Table) -> Table:
        """One of two tables."""
        masks = {key: ite(condition, mask, other.rsvd_bits_mask[key]) for key, mask in one.rsvd_bits_mask.items()}
        return Table(masks, ite(condition, one.bad_mt_xwr, other.bad_mt_xwr))


def _table_of(mmu: CheckedMmu) -> Table:
    set_up = mmu.state
    assert isinstance(set_up, _SetUp)
    return set_up.table


def _changed(table: Table, root_level: int, change: Callable[[BitVec], BitVec]) -> Table:
    """The table after a change of the masks of all levels up to the root's."""
    masks = {
        (bit7, level): change(mask) if level <= root_level else mask
        for (bit7, level), mask in table.rsvd_bits_mask.items()
    }
    return Table(masks, table.bad_mt_xwr)


def _note(trace: Trace, table: Table) -> None:
    for (bit7, level), mask in table.rsvd_bits_mask.items():
        trace.step(f"rsvd_bits_mask[{bit7:d}][{level - 1}]", mask)
    trace.step("bad_mt_xwr", table.bad_mt_xwr)
