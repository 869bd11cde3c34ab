"""Defects of reserved bits: the tables for the guest's entries and for SPTEs."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.reserved_bits import ReferenceReservedBits
from mmuproof.model.reference.roles import ReferenceRoles
from mmuproof.model.reference.walks.nested_mmus import Members
from mmuproof.model.reserved_bits import GuestCpu, MmuKind, MmuRequest
from mmuproof.smt.terms import TRUE, BitVec, Bool, bv, slt

_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_CPUID_C = "arch/x86/kvm/cpuid.c"
_REGS_C = "arch/x86/kvm/regs.c"
_NOTHING = bv(0, 64)


class XuNotFolded(ReferenceReservedBits):
    """``__is_bad_mt_xwr()`` does not look at XU."""

    def _fold_user_execute(self, entry: BitVec) -> BitVec:
        return entry


class AcceptsExecuteOnly(ReferenceReservedBits):
    """The table for L1's EPT accepts execute-only entries in any case."""

    def _table_execonly(self, request: MmuRequest) -> Bool:
        return TRUE


class _MemoryTypeAccepted(ReferenceReservedBits):
    def _bad_memory_types(self) -> int:
        return super()._bad_memory_types() & ~(0xFF << 3 * 8)


class _Ept1gAlways(ReferenceReservedBits):
    def _smaller_than_1g(self, huge_page_level: BitVec) -> Bool:
        return slt(huge_page_level, 2)


class _Ept2mBit12(ReferenceReservedBits):
    def _ept_low_address_2m(self) -> int:
        return super()._ept_low_address_2m() & ~(1 << 12)


class _GuestWidthOff(ReferenceReservedBits):
    def reserved_gpa_bits(self, guest: GuestCpu) -> BitVec:
        return super().reserved_gpa_bits(guest) << 1


class _TopBit8Accepted(ReferenceReservedBits):
    def _top_bit8(self, amd: Bool) -> BitVec:
        return _NOTHING


class _NxAccepted(ReferenceReservedBits):
    def _without_nx(self, nx: Bool) -> BitVec:
        return _NOTHING


class _GbpagesIgnored(ReferenceReservedBits):
    def _without_gbpages(self, gbpages: Bool) -> BitVec:
        return _NOTHING


class _Low1gShort(ReferenceReservedBits):
    def _low_address_1g(self) -> int:
        return super()._low_address_1g() & ~(1 << 29)


class _Pml5ePageSize(ReferenceReservedBits):
    def _level_5(self, top: BitVec) -> BitVec:
        return top & ~self.constants.PT_PAGE_SIZE_MASK


class _PaeHighBits(ReferenceReservedBits):
    def _pae_high_bits(self, pa_bits_rsvd: BitVec) -> BitVec:
        return self._long_mode_high_bits(pa_bits_rsvd)


class _PdpteRights(ReferenceReservedBits):
    def _pdptr_low_bits(self) -> int:
        return super()._pdptr_low_bits() & ~0b110


class _Large4mBit21(ReferenceReservedBits):
    def _large_4m(self) -> int:
        return super()._large_4m() & ~(1 << 21)


class _WithoutPse(ReferenceReservedBits):
    def _two_levels(self, pse: Bool) -> dict[tuple[bool, int], BitVec]:
        return super()._two_levels(TRUE)


class _RootWithoutNx(ReferenceReservedBits):
    def _root_nx(self, kind: MmuKind, request: MmuRequest) -> Bool:
        return self._guest_nx(request)


class _RootRoleWithoutNx(ReferenceRoles):
    def shadow_root(self, members: Members) -> Members:
        return {**super().shadow_root(members), "efer_nx": members["efer_nx"]}


class _HostWidthOff(ReferenceReservedBits):
    def _reserved_hpa_bits(self, masks: ShadowMasks) -> BitVec:
        return super()._reserved_hpa_bits(masks) >> 1


def _reserved(variant: type[ReferenceReservedBits]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, reserved_bits=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "reserved-memory-type-accepted",
        "A guest EPT entry may have the reserved memory type 3.",
        _MMU_C,
        r"bad_mt_xwr \|= 0xFFull << \(3 \* 8\);",
        "",
        _reserved(_MemoryTypeAccepted),
    ),
    defect(
        "ept-1g-page-always",
        "L1's EPT may map 1-GByte pages although L1 is offered only 2-MByte pages.",
        _MMU_C,
        r"if \(huge_page_level < PG_LEVEL_1G\)",
        "if (huge_page_level < PG_LEVEL_2M)",
        _reserved(_Ept1gAlways),
    ),
    defect(
        "ept-2m-page-bit-12-accepted",
        "Bit 12 of an EPT entry that maps a 2-MByte page is not held reserved.",
        _MMU_C,
        r"rsvd_bits\(12, 20\) \| large_2m_rsvd",
        "rsvd_bits(13, 20) | large_2m_rsvd",
        _reserved(_Ept2mBit12),
    ),
    defect(
        "guest-maxphyaddr-off-by-one",
        "The guest's reserved address bits begin one bit too high.",
        _CPUID_C,
        r"return rsvd_bits\(cpuid_maxphyaddr\(vcpu\), 63\);",
        "return rsvd_bits(cpuid_maxphyaddr(vcpu) + 1, 63);",
        _reserved(_GuestWidthOff),
    ),
    defect(
        "amd-top-bit-8-accepted",
        "Bit 8 of a PML4E or PML5E is not held reserved for AMD guests.",
        _MMU_C,
        r"if \(amd\)(\s+nonleaf_bit8_rsvd =)",
        r"if (0)\1",
        _reserved(_TopBit8Accepted),
    ),
    defect(
        "nx-accepted-without-nxe",
        "Bit 63 is not held reserved although EFER.NXE is clear.",
        _MMU_C,
        r"if \(!nx\)(\s+high_bits_rsvd \|=)",
        r"if (0)\1",
        _reserved(_NxAccepted),
    ),
    defect(
        "1g-page-without-support",
        "A PDPTE may map a 1-GByte page although the guest has none.",
        _MMU_C,
        r"if \(!gbpages\)(\s+gbpages_bit_rsvd =)",
        r"if (0)\1",
        _reserved(_GbpagesIgnored),
    ),
    defect(
        "1g-page-address-bit-accepted",
        "Bit 29 of a PDPTE that maps a 1-GByte page is not held reserved.",
        _MMU_C,
        r"rsvd_bits\(13, 29\)",
        "rsvd_bits(13, 28)",
        _reserved(_Low1gShort),
    ),
    defect(
        "pml5e-page-size-accepted",
        "Bit 7 of a PML5E is not held reserved.",
        _MMU_C,
        r"(rsvd_bits_mask\[0\]\[4\] = high_bits_rsvd \|\s+nonleaf_bit8_rsvd) \|\s+rsvd_bits\(7, 7\);",
        r"\1;",
        _reserved(_Pml5ePageSize),
    ),
    defect(
        "pae-high-bits-accepted",
        "Bits 62:52 of PAE paging's entries are not held reserved.",
        _MMU_C,
        r"high_bits_rsvd = pa_bits_rsvd & rsvd_bits\(0, 62\);",
        "high_bits_rsvd = pa_bits_rsvd & rsvd_bits(0, 51);",
        _reserved(_PaeHighBits),
    ),
    defect(
        "pdpte-rights-accepted",
        "Bits 2:1 of a PDPTE of PAE paging are not held reserved.",
        _REGS_C,
        r"(reserved_gpa_bits \| rsvd_bits\(5, 8\)) \| rsvd_bits\(1, 2\);",
        r"\1;",
        _reserved(_PdpteRights),
    ),
    defect(
        "4m-page-bit-21-accepted",
        "Bit 21 of a PDE that maps a 4-MByte page is not held reserved.",
        _MMU_C,
        r"rsvd_bits\(17, 21\)",
        "rsvd_bits(17, 20)",
        _reserved(_Large4mBit21),
    ),
    defect(
        "4m-page-without-pse",
        "A PDE with bit 7 is checked as a 4-MByte page although CR4.PSE is clear.",
        _MMU_C,
        r"if \(!pse\) \{",
        "if (0) {",
        _reserved(_WithoutPse),
    ),
    defect(
        "shadow-root-without-nx",
        "Without TDP, KVM's check of SPTEs takes EFER.NX from the guest.",
        _MMU_C,
        r"root_role\.efer_nx = true;",
        "",
        partial(ReferenceKvm, reserved_bits=_RootWithoutNx, roles=_RootRoleWithoutNx),
    ),
    defect(
        "host-maxphyaddr-off-by-one",
        "KVM's check of SPTEs holds the host's highest address bit reserved.",
        _MMU_C,
        r"return rsvd_bits\(kvm_host\.maxphyaddr, 63\);",
        "return rsvd_bits(kvm_host.maxphyaddr, 63) >> 1;",
        _reserved(_HostWidthOff),
    ),
)
