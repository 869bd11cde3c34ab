"""The named defects as variants of the reference model: one overridden method, or another number, each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from mmuproof.model.evidence import Evidence
from mmuproof.model.kvm import GuestWalk, Kvm, NestedControls, PagingMetadata, ShadowMasks
from mmuproof.model.reference import Constants, ReferenceKvm
from mmuproof.model.reference_base import Trace
from mmuproof.model.reference_nested import Members
from mmuproof.model.reference_role import PAGE_ROLE_BITS, Mmu, role_flag
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv, eq, ite, ne, zext

_NUMBERS = Constants()
_NOTHING = bv(0, 16)


class _MbecIgnoresXu(ReferenceKvm):
    def _fetch_faults_ept(self, mmu: Mmu, pfec: int) -> BitVec:
        return super()._fetch_faults_ept(mmu, pfec & ~self.constants.PFERR_USER_MASK)


class _XuWithoutMbec(ReferenceKvm):
    def _fetch_faults_ept(self, mmu: Mmu, pfec: int) -> BitVec:
        c = self.constants
        user = c.PFERR_FETCH_MASK | c.PFERR_USER_MASK
        if pfec & user == user:
            return self._lacking(c.ACC_USER_EXEC_MASK)
        return super()._fetch_faults_ept(mmu, pfec)


class _FetchNeedsRead(ReferenceKvm):
    def _read_faults(self, pfec: int) -> BitVec:
        return super()._read_faults(pfec & ~self.constants.PFERR_FETCH_MASK)


class _ReadIgnored(ReferenceKvm):
    def _read_faults(self, pfec: int) -> BitVec:
        return _NOTHING


class _UserIgnored(ReferenceKvm):
    def _user_faults(self, mmu: Mmu, pfec: int, *, tdp: bool) -> BitVec:
        return _NOTHING


class _NxIgnored(ReferenceKvm):
    def _nx_faults(self, mmu: Mmu) -> BitVec:
        return _NOTHING


class _SmepIgnored(ReferenceKvm):
    def _smep_faults(self, mmu: Mmu, pfec: int) -> BitVec:
        return _NOTHING


class _WpIgnored(ReferenceKvm):
    def _write_faults(self, mmu: Mmu, pfec: int, *, ept: bool) -> BitVec:
        if ept or pfec & self.constants.PFERR_USER_MASK:
            return super()._write_faults(mmu, pfec, ept=ept)
        return _NOTHING


class _GmetRestrictsData(ReferenceKvm):
    def _user_faults(self, mmu: Mmu, pfec: int, *, tdp: bool) -> BitVec:
        return super()._user_faults(mmu, pfec, tdp=False)


class _ImplicitEscapesSmap(ReferenceKvm):
    def _not_smap(self, rflags: BitVec, access: BitVec) -> Bool:
        return ne(rflags & self.constants.X86_EFLAGS_AC, 0)


class _IndexNotHalved(ReferenceKvm):
    def _permission_index(self, pfec: BitVec, not_smap: Bool) -> BitVec:
        return pfec | ite(not_smap, bv(self.constants.PFERR_RSVD_MASK, pfec.width), 0)


class _PkLost(ReferenceKvm):
    def _error_code(self, pkru_bits: BitVec) -> BitVec:
        return bv(self.constants.PFERR_PRESENT_MASK, 8)


class _PkeyIgnoresWp(ReferenceKvm):
    def _pkey_check_write(self, mmu: Mmu, pfec: int) -> Bool:
        both = self.constants.PFERR_WRITE_MASK | self.constants.PFERR_USER_MASK
        return TRUE if pfec & both == both else FALSE


class _PkruLeftOver(ReferenceKvm):
    def update_pkru_bitmask(self, mmu: Mmu, before: BitVec, trace: Trace) -> BitVec:
        fresh = super().update_pkru_bitmask(mmu, before, trace)
        return ite(role_flag(mmu.cpu_role, "cr4_pke"), fresh, before)


class _RootRoleRead(ReferenceKvm):
    def _nx_faults(self, mmu: Mmu) -> BitVec:
        return super()._nx_faults(replace(mmu, cpu_role=zext(mmu.root_role, mmu.cpu_role.width)))


class _MbecLeftOut(ReferenceKvm):
    def _shadow_ept_role(self, controls: NestedControls, new_eptp: BitVec) -> Members:
        return super()._shadow_ept_role(replace(controls, mbec=FALSE), new_eptp)


class _NptWithoutWp(ReferenceKvm):
    def calc_cpu_role(self, mmu: Mmu, *, cr0_wp: Bool, cr4: BitVec, efer: BitVec) -> Members:
        return super().calc_cpu_role(mmu, cr0_wp=FALSE, cr4=cr4, efer=efer)


class _EptAsPaging(ReferenceKvm):
    def _set_up_ept_metadata(self, mmu: Mmu) -> tuple[PagingMetadata, Evidence]:
        trace = Trace("update_permission_bitmask")
        permissions = self.update_permission_bitmask(mmu, tdp=True, ept=False, trace=trace)
        return PagingMetadata(permissions, bv(0, 32)), trace.evidence


class _GpteDropsRead(ReferenceKvm):
    def _granted_ept(self, gpte: BitVec) -> dict[int, Bool]:
        return {**super()._granted_ept(gpte), self.constants.ACC_READ_MASK: FALSE}


class _GpteIgnoresNx(ReferenceKvm):
    def _granted_paging(self, gpte: BitVec) -> dict[int, Bool]:
        return {**super()._granted_paging(gpte), self.constants.ACC_EXEC_MASK: TRUE}


class _Bit10Present(ReferenceKvm):
    def mmu_has_mbec(self, mmu: Mmu) -> Bool:
        return TRUE


class _MisconfigIgnoresXu(ReferenceKvm):
    def _fold_user_execute(self, gpte: BitVec) -> BitVec:
        return gpte


class _SetUpAcceptsExecuteOnly(ReferenceKvm):
    def _table_execonly(self, walk: GuestWalk) -> Bool:
        return TRUE


class _ExecSwapped(ReferenceKvm):
    def _ept_execute_permissions(self, masks: ShadowMasks, pte_access: BitVec) -> BitVec:
        return super()._ept_execute_permissions(replace(masks, x=masks.xu, xu=masks.x), pte_access)


class _AlwaysReadable(ReferenceKvm):
    def _read_permission(self, pte_access: BitVec) -> BitVec:
        return bv(self.constants.PT_PRESENT_MASK, 64)


class _HostReadonlyIgnored(ReferenceKvm):
    def _host_protected(self, pte_access: BitVec, host_writable: Bool) -> BitVec:
        return pte_access


class _NxHugeClearsUser(ReferenceKvm):
    def _without_execution(self, masks: ShadowMasks, pte_access: BitVec) -> BitVec:
        return pte_access & ~(self.constants.ACC_EXEC_MASK | self.constants.ACC_USER_EXEC_MASK)


class _TrackMaskWithoutXu(ReferenceKvm):
    def _acc_track_mask(self) -> int:
        return self.constants.VMX_EPT_RWX_MASK


class _RestoreOffByOne(ReferenceKvm):
    def _saved_bits(self, spte: BitVec) -> BitVec:
        return super()._saved_bits(spte >> 1)


class _TrackAgainForgets(ReferenceKvm):
    def _mark_again(self, spte: BitVec) -> BitVec:
        return spte & ~self.constants.acc_track_saved_slots


class _UnsyncNegated(ReferenceKvm):
    def _unsync_refused(self, result: BitVec) -> Bool:
        return eq(result, 0)


class _MarkTakesAll(ReferenceKvm):
    def _mark_with_ad_bits(self, masks: ShadowMasks, spte: BitVec) -> BitVec:
        return spte & ~masks.acc_track


class _PermissionsOneShort(ReferenceKvm):
    permissions_length = ReferenceKvm.permissions_length - 1


class _EptRoleKept(ReferenceKvm):
    def _differs(self, wanted: BitVec, present: BitVec) -> Bool:
        return ne(wanted >> PAGE_ROLE_BITS, present >> PAGE_ROLE_BITS)


class _EptRootRoleKept(ReferenceKvm):
    def _shadow_ept_root(self, mmu: Mmu, base: BitVec) -> BitVec:
        return mmu.root_role


def _with(**numbers: int) -> Callable[[], Kvm]:
    return lambda: ReferenceKvm(replace(_NUMBERS, **numbers))


REFERENCE_DEFECTS: Mapping[str, Callable[[], Kvm]] = MappingProxyType({
    "mbec-ignores-xu": _MbecIgnoresXu,
    "ept-xu-without-mbec": _XuWithoutMbec,
    "exec-only-fetch-needs-read": _FetchNeedsRead,
    "ept-read-ignored": _ReadIgnored,
    "user-access-ignores-u": _UserIgnored,
    "nx-ignored": _NxIgnored,
    "smep-ignored": _SmepIgnored,
    "wp-ignored": _WpIgnored,
    "gmet-u-restricts-data": _GmetRestrictsData,
    "implicit-escapes-smap": _ImplicitEscapesSmap,
    "fetch-index-not-halved": _IndexNotHalved,
    "pk-flag-lost": _PkLost,
    "pkey-write-ignores-wp": _PkeyIgnoresWp,
    "pkru-mask-left-over": _PkruLeftOver,
    "permissions-read-root-role": _RootRoleRead,
    "mbec-left-out-of-role": _MbecLeftOut,
    "nested-npt-without-wp": _NptWithoutWp,
    "nested-ept-as-paging": _EptAsPaging,
    "gpte-access-drops-read": _GpteDropsRead,
    "gpte-access-ignores-nx": _GpteIgnoresNx,
    "bit-10-present-without-mbec": _Bit10Present,
    "misconfig-ignores-xu": _MisconfigIgnoresXu,
    "set-up-accepts-execute-only": _SetUpAcceptsExecuteOnly,
    "exec-and-user-exec-swapped": _ExecSwapped,
    "make-spte-always-readable": _AlwaysReadable,
    "write-for-host-readonly": _HostReadonlyIgnored,
    "nx-huge-page-clears-user": _NxHugeClearsUser,
    "frozen-has-bit-10": _with(FROZEN_SPTE=_NUMBERS.FROZEN_SPTE | 1 << 10),
    "frozen-has-pfn": _with(FROZEN_SPTE=_NUMBERS.FROZEN_SPTE | 1 << 12),
    "mmu-writable-in-saved-slot": _with(EPT_SPTE_MMU_WRITABLE=1 << 54),
    "host-writable-at-xu": _with(EPT_SPTE_HOST_WRITABLE=1 << 10),
    "track-mask-without-xu": _TrackMaskWithoutXu,
    "track-saves-no-xu": _with(SHADOW_ACC_TRACK_SAVED_BITS_MASK=0b101),
    "restore-shift-off-by-one": _RestoreOffByOne,
    "track-again-forgets": _TrackAgainForgets,
    "default-host-writable-at-global": _with(DEFAULT_SPTE_HOST_WRITABLE=1 << 8),
    "default-mmu-writable-reserved": _with(DEFAULT_SPTE_MMU_WRITABLE=1 << 55),
    "ad-types-alike": _with(SPTE_TDP_AD_WRPROT_ONLY=0),
    "write-tracking-negated": _UnsyncNegated,
    "mark-with-ad-bits-takes-all": _MarkTakesAll,
    "permissions-one-short": _PermissionsOneShort,
    "pk-flag-at-ss": _with(PFERR_PK_MASK=_NUMBERS.PFERR_SS_MASK),
    "nested-ept-role-kept": _EptRoleKept,
    "nested-ept-root-role-kept": _EptRootRoleKept,
})  # fmt: skip
"""For each defect's name what makes a reference model that has it."""
