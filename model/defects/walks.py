"""Defects of software walks: permission metadata, permission_fault(), guest entries, nested set-up."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from mmuproof.model.defects.defect import Defect, defect, with_numbers
from mmuproof.model.defects.reserved_bits import AcceptsExecuteOnly, XuNotFolded
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, Mmu, role_flag
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.reference.kvm import Constants, ReferenceKvm
from mmuproof.model.reference.walks.nested_mmus import Members
from mmuproof.model.reference.walks.walks import ReferenceWalks
from mmuproof.model.walks import GuestWalk, NestedControls, PagingMetadata
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv, ite, ne, zext

_MMU_H = "arch/x86/kvm/mmu.h"
_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_SPTE_H = "arch/x86/kvm/mmu/spte.h"
_KVM_HOST_H = "arch/x86/include/asm/kvm_host.h"
_PAGING = "arch/x86/kvm/mmu/paging_tmpl.h"
_NOTHING = bv(0, 16)


class _MbecIgnoresXu(ReferenceWalks):
    def _fetch_faults_ept(self, mmu: Mmu, pfec: int) -> BitVec:
        return super()._fetch_faults_ept(mmu, pfec & ~self.constants.PFERR_USER_MASK)


class _XuWithoutMbec(ReferenceWalks):
    def _fetch_faults_ept(self, mmu: Mmu, pfec: int) -> BitVec:
        c = self.constants
        user = c.PFERR_FETCH_MASK | c.PFERR_USER_MASK
        if pfec & user == user:
            return self._lacking(c.ACC_USER_EXEC_MASK)
        return super()._fetch_faults_ept(mmu, pfec)


class _FetchNeedsRead(ReferenceWalks):
    def _read_faults(self, pfec: int) -> BitVec:
        return super()._read_faults(pfec & ~self.constants.PFERR_FETCH_MASK)


class _ReadIgnored(ReferenceWalks):
    def _read_faults(self, pfec: int) -> BitVec:
        return _NOTHING


class _UserIgnored(ReferenceWalks):
    def _user_faults(self, mmu: Mmu, pfec: int, *, tdp: bool) -> BitVec:
        return _NOTHING


class _NxIgnored(ReferenceWalks):
    def _nx_faults(self, mmu: Mmu) -> BitVec:
        return _NOTHING


class _SmepIgnored(ReferenceWalks):
    def _smep_faults(self, mmu: Mmu, pfec: int) -> BitVec:
        return _NOTHING


class _WpIgnored(ReferenceWalks):
    def _write_faults(self, mmu: Mmu, pfec: int, *, ept: bool) -> BitVec:
        if ept or pfec & self.constants.PFERR_USER_MASK:
            return super()._write_faults(mmu, pfec, ept=ept)
        return _NOTHING


class _GmetRestrictsData(ReferenceWalks):
    def _user_faults(self, mmu: Mmu, pfec: int, *, tdp: bool) -> BitVec:
        return super()._user_faults(mmu, pfec, tdp=False)


class _ImplicitEscapesSmap(ReferenceWalks):
    def _not_smap(self, rflags: BitVec, access: BitVec) -> Bool:
        return ne(rflags & self.constants.X86_EFLAGS_AC, 0)


class _ErrorCodeNotMasked(ReferenceWalks):
    def _dropped(self, asked: BitVec) -> BitVec:
        return asked


class _IndexNotHalved(ReferenceWalks):
    def _permission_index(self, pfec: BitVec, not_smap: Bool) -> BitVec:
        return pfec | ite(not_smap, bv(self.constants.PFERR_RSVD_MASK, pfec.width), 0)


class _PkLost(ReferenceWalks):
    def _error_code(self, pkru_bits: BitVec) -> BitVec:
        return bv(self.constants.PFERR_PRESENT_MASK, 8)


class _PkeyIgnoresWp(ReferenceWalks):
    def _pkey_check_write(self, mmu: Mmu, pfec: int) -> Bool:
        both = self.constants.PFERR_WRITE_MASK | self.constants.PFERR_USER_MASK
        return TRUE if pfec & both == both else FALSE


class _PkruLeftOver(ReferenceWalks):
    def update_pkru_bitmask(self, mmu: Mmu, before: BitVec, trace: Trace) -> BitVec:
        fresh = super().update_pkru_bitmask(mmu, before, trace)
        return ite(role_flag(mmu.cpu_role, "cr4_pke"), fresh, before)


class _RootRoleRead(ReferenceWalks):
    def _nx_faults(self, mmu: Mmu) -> BitVec:
        return super()._nx_faults(replace(mmu, cpu_role=zext(mmu.root_role, mmu.cpu_role.width)))


class _MbecLeftOut(ReferenceWalks):
    def shadow_ept_role(self, controls: NestedControls, new_eptp: BitVec) -> Members:
        return super().shadow_ept_role(replace(controls, mbec=FALSE), new_eptp)


class _NptWithoutWp(ReferenceWalks):
    def shadow_npt_role(self, mmu: Mmu, controls: NestedControls) -> Members:
        return {**super().shadow_npt_role(mmu, controls), "cr0_wp": FALSE}


class _EptAsPaging(ReferenceWalks):
    def _set_up_ept_metadata(self, mmu: Mmu) -> tuple[PagingMetadata, Evidence]:
        trace = Trace("update_permission_bitmask")
        permissions = self.update_permission_bitmask(mmu, tdp=True, ept=False, trace=trace)
        return PagingMetadata(permissions, bv(0, 32)), trace.evidence


class _GpteDropsRead(ReferenceWalks):
    def _granted_ept(self, gpte: BitVec) -> dict[int, Bool]:
        return {**super()._granted_ept(gpte), self.constants.ACC_READ_MASK: FALSE}


class _GpteIgnoresNx(ReferenceWalks):
    def _granted_paging(self, gpte: BitVec) -> dict[int, Bool]:
        return {**super()._granted_paging(gpte), self.constants.ACC_EXEC_MASK: TRUE}


class _Bit10Present(ReferenceWalks):
    def mmu_has_mbec(self, mmu: Mmu) -> Bool:
        return TRUE


class _MisconfigIgnoresXu(ReferenceWalks):
    def _fold_user_execute(self, gpte: BitVec) -> BitVec:
        return gpte


class _SetUpAcceptsExecuteOnly(ReferenceWalks):
    def _table_execonly(self, walk: GuestWalk) -> Bool:
        return TRUE


class _PermissionsOneShort(ReferenceWalks):
    permissions_length = ReferenceWalks.permissions_length - 1


class _EptRoleKept(ReferenceWalks):
    def ept_role_differs(self, wanted: BitVec, present: BitVec) -> Bool:
        return ne(wanted >> PAGE_ROLE_BITS, present >> PAGE_ROLE_BITS)


class _EptRootRoleKept(ReferenceWalks):
    def shadow_ept_root(self, mmu: Mmu, base: BitVec) -> BitVec:
        return mmu.root_role


DEFECTS: tuple[Defect, ...] = (
    defect(
        "mbec-ignores-xu",
        "With MBEC on, a user-mode fetch is judged by XS.",
        _MMU_C,
        r"ff = pfec & PFERR_USER_MASK \? \(u16\)~xu : \(u16\)~xs;",
        "ff = (u16)~xs;",
        partial(ReferenceKvm, walks=_MbecIgnoresXu),
    ),
    defect(
        "ept-xu-without-mbec",
        "XU counts for user-mode fetches although MBEC is off.",
        _MMU_C,
        r"if \(cr4_smep\)(\s+ff = pfec & PFERR_USER_MASK)",
        r"if (1)\1",
        partial(ReferenceKvm, walks=_XuWithoutMbec),
    ),
    defect(
        "exec-only-fetch-needs-read",
        "A fetch faults if the page cannot be read.",
        _MMU_C,
        r"PFERR_WRITE_MASK\|PFERR_FETCH_MASK\)\) \? 0 : \(u16\)~r",
        "PFERR_WRITE_MASK)) ? 0 : (u16)~r",
        partial(ReferenceKvm, walks=_FetchNeedsRead),
    ),
    defect(
        "ept-read-ignored",
        "Reads are allowed whatever the read permission says.",
        _MMU_C,
        r"u16 rf = [^;]*;",
        "u16 rf = 0;",
        partial(ReferenceKvm, walks=_ReadIgnored),
    ),
    defect(
        "user-access-ignores-u",
        "A user access is allowed to a supervisor page.",
        _MMU_C,
        r"uf = \(pfec & PFERR_USER_MASK\) \? \(u16\)~u : 0;",
        "uf = 0;",
        partial(ReferenceKvm, walks=_UserIgnored),
    ),
    defect(
        "nx-ignored",
        "A page with NX can be executed.",
        _MMU_C,
        r"ff \|= \(pfec & PFERR_FETCH_MASK\) \? \(u16\)~x : 0;",
        "ff |= 0;",
        partial(ReferenceKvm, walks=_NxIgnored),
    ),
    defect(
        "smep-ignored",
        "A supervisor fetch from a user page is allowed under SMEP, and so under GMET.",
        _MMU_C,
        r"ff \|= \(pfec & PFERR_FETCH_MASK\) \? kf : 0;",
        "ff |= 0;",
        partial(ReferenceKvm, walks=_SmepIgnored),
    ),
    defect(
        "wp-ignored",
        "A supervisor may write read-only pages although CR0.WP is set.",
        _MMU_C,
        r"if \(!cr0_wp\)(\s+wf = )",
        r"if (1)\1",
        partial(ReferenceKvm, walks=_WpIgnored),
    ),
    defect(
        "gmet-u-restricts-data",
        "Under GMET, U=0 denies data accesses.",
        _MMU_C,
        r"if \(!\(tdp && cr4_smep\)\)",
        "if (1)",
        partial(ReferenceKvm, walks=_GmetRestrictsData),
    ),
    defect(
        "implicit-escapes-smap",
        "An implicit access escapes SMAP while EFLAGS.AC is set.",
        _MMU_H,
        r"not_smap = \(\(rflags & X86_EFLAGS_AC\) \| implicit_access\) == X86_EFLAGS_AC;",
        "not_smap = !!(rflags & X86_EFLAGS_AC);",
        partial(ReferenceKvm, walks=_ImplicitEscapesSmap),
    ),
    defect(
        "fetch-index-not-halved",
        "permissions[] is indexed by the error code without dropping P.",
        _MMU_H,
        r"(int index = \(pfec \| \(not_smap \? PFERR_RSVD_MASK : 0\)\)) >> 1;",
        r"\1;",
        partial(ReferenceKvm, walks=_IndexNotHalved),
    ),
    defect(
        "error-code-not-masked",
        "permission_fault() warns of bits that must not come, and does not drop them.",
        _MMU_H,
        r"(PFERR_USER_MASK \| PFERR_FETCH_MASK\)\)\))\s+pfec &= \([^;]*\);",
        r"\1\n\t\t;",
        partial(ReferenceKvm, walks=_ErrorCodeNotMasked),
    ),
    defect(
        "pk-flag-lost",
        "A fault by protection key is reported without PK.",
        _MMU_H,
        r"errcode \|= -pkru_bits & PFERR_PK_MASK;",
        "",
        partial(ReferenceKvm, walks=_PkLost),
    ),
    defect(
        "pkey-write-ignores-wp",
        "A key's write-disable never binds a supervisor, whatever CR0.WP says.",
        _MMU_C,
        r"check_write = check_pkey && wf && \(uf \|\| wp\);",
        "check_write = check_pkey && wf && uf;",
        partial(ReferenceKvm, walks=_PkeyIgnoresWp),
    ),
    defect(
        "pkru-mask-left-over",
        "pkru_mask keeps the bits of an earlier role when CR4.PKE is off.",
        _MMU_C,
        r"(\w+)->(fmt\.)?pkru_mask = 0;\s+if \(!is_cr4_pke\(\w+\)\)\s+return;",
        r"if (!is_cr4_pke(\1))\n\t\treturn;\n\n\t\1->\2pkru_mask = 0;",
        partial(ReferenceKvm, walks=_PkruLeftOver),
    ),
    defect(
        "permissions-read-root-role",
        "permissions[] takes EFER.NX from the root role, not the CPU role.",
        _MMU_C,
        r"bool efer_nx = is_efer_nx\(mmu\);(\s+/\*\s+\* In hardware)",
        r"bool efer_nx = mmu->root_role.efer_nx;\1",
        partial(ReferenceKvm, walks=_RootRoleRead),
    ),
    defect(
        "mbec-left-out-of-role",
        "The role of a nested EPT does not say that MBEC is on.",
        _MMU_C,
        r"role\.base\.cr4_smep = mbec;",
        "role.base.cr4_smep = 0;",
        partial(ReferenceKvm, walks=_MbecLeftOut),
    ),
    defect(
        "nested-npt-without-wp",
        "The role of a nested NPT is computed without CR0.WP.",
        _MMU_C,
        r"\.cr0 = X86_CR0_PG \| X86_CR0_WP,",
        ".cr0 = X86_CR0_PG,",
        partial(ReferenceKvm, walks=_NptWithoutWp),
    ),
    defect(
        "nested-ept-as-paging",
        "The permissions of a nested EPT are computed as those of ordinary paging.",
        _MMU_C,
        r"(?<!spte_)(update_permission_bitmask\(\w+, true, )true\)",
        r"\1false)",
        partial(ReferenceKvm, walks=_EptAsPaging),
    ),
    defect(
        "gpte-access-drops-read",
        "gpte_access() loses EPT's read permission.",
        _PAGING,
        r"\(\(gpte & VMX_EPT_READABLE_MASK\) \? ACC_READ_MASK : 0\) \|",
        "",
        partial(ReferenceKvm, walks=_GpteDropsRead),
    ),
    defect(
        "gpte-access-ignores-nx",
        "gpte_access() grants execution although NX is set.",
        _PAGING,
        r"access \|= gpte & PT64_NX_MASK \? 0 : ACC_EXEC_MASK;",
        "access |= ACC_EXEC_MASK;",
        partial(ReferenceKvm, walks=_GpteIgnoresNx),
    ),
    defect(
        "bit-10-present-without-mbec",
        "An EPT entry with only bit 10 counts as present although MBEC is off.",
        _PAGING,
        r"\(\w+\(\w+\) \? VMX_EPT_USER_EXECUTABLE_MASK : 0\)",
        "VMX_EPT_USER_EXECUTABLE_MASK",
        partial(ReferenceKvm, walks=_Bit10Present),
    ),
    defect(
        "misconfig-ignores-xu",
        "The check for misconfigured permissions does not look at XU.",
        _SPTE_H,
        r"if \(pte & VMX_EPT_USER_EXECUTABLE_MASK\)\s+pte \|= VMX_EPT_EXECUTABLE_MASK;",
        "",
        partial(ReferenceKvm, walks=_MisconfigIgnoresXu, reserved_bits=XuNotFolded),
    ),
    defect(
        "set-up-accepts-execute-only",
        "The set-up of a nested EPT accepts execute-only entries whether they are supported or not.",
        _MMU_C,
        r"(reset_rsvds_bits_mask_ept\(vcpu, (?:context, )?)execonly(, huge_page_level\);)",
        r"\1true\2",
        partial(ReferenceKvm, walks=_SetUpAcceptsExecuteOnly, reserved_bits=AcceptsExecuteOnly),
    ),
    defect(
        "permissions-one-short",
        "permissions[] has one element less than there are error codes.",
        _KVM_HOST_H,
        r"(u16 permissions\[)16\];",
        r"\g<1>15];",
        partial(ReferenceKvm, walks=_PermissionsOneShort),
    ),
    defect(
        "pk-flag-at-ss",
        "PFERR_PK_MASK is the bit of shadow-stack accesses.",
        _KVM_HOST_H,
        r"(#define PFERR_PK_MASK\s+BIT\()5\)",
        r"\g<1>6)",
        with_numbers(PFERR_PK_MASK=Constants.PFERR_SS_MASK),
    ),
    defect(
        "nested-ept-role-kept",
        "A nested EPT keeps its role if only the base of the wanted one differs.",
        _MMU_C,
        r"new_mode\.as_u64 != context->cpu_role\.as_u64",
        "new_mode.ext.word != context->cpu_role.ext.word",
        partial(ReferenceKvm, walks=_EptRoleKept),
    ),
    defect(
        "nested-ept-root-role-kept",
        "A nested EPT keeps the root role that it had before.",
        _MMU_C,
        r"context->root_role\.word = new_mode\.base\.word;",
        "",
        partial(ReferenceKvm, walks=_EptRootRoleKept),
    ),
)
