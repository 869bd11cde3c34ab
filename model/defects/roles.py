"""Defects of roles: what the CPU role says, what a root page's does, and what is passed on to pages below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.edits import SourceEdit
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.base.cpu_role import Mmu, role_value
from mmuproof.model.reference.hardware_controls import ReferenceHardwareControls
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.roles import ReferenceRoles
from mmuproof.model.reference.walks.walks import ReferenceWalks
from mmuproof.model.reserved_bits import MmuRequest
from mmuproof.model.roles import RoleInputs
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bv, extract, ne, var

_MMU_H = "arch/x86/kvm/mmu.h"
_MMU_C = "arch/x86/kvm/mmu/mmu.c"
_TDP_MMU_C = "arch/x86/kvm/mmu/tdp_mmu.c"
_VMX_C = "arch/x86/kvm/vmx/vmx.c"
_SVM_C = "arch/x86/kvm/svm/svm.c"

_Chosen = Mapping[str, Bool | BitVec]


class _SmapUnpaged(ReferenceRoles):
    def _unpaged(self, paged: _Chosen) -> _Chosen:
        return {**super()._unpaged(paged), "cr4_smap": paged["cr4_smap"]}


class _PkeAnywhere(ReferenceWalks):
    def calc_cpu_role(self, mmu: Mmu, *, cr0_wp: Bool, cr4: BitVec, efer: BitVec) -> _Chosen:
        role = super().calc_cpu_role(mmu, cr0_wp=cr0_wp, cr4=cr4, efer=efer)
        return {**role, "cr4_pke": ne(cr4 & self.constants.X86_CR4_PKE, 0)}


class _La57Anywhere(ReferenceWalks):
    def calc_cpu_role(self, mmu: Mmu, *, cr0_wp: Bool, cr4: BitVec, efer: BitVec) -> _Chosen:
        role = super().calc_cpu_role(mmu, cr0_wp=cr0_wp, cr4=cr4, efer=efer)
        return {**role, "cr4_la57": ne(cr4 & self.constants.X86_CR4_LA57, 0)}


class _SmepInLongMode(ReferenceWalks):
    def calc_cpu_role(self, mmu: Mmu, *, cr0_wp: Bool, cr4: BitVec, efer: BitVec) -> _Chosen:
        long_mode = ne(efer & self.constants.EFER_LMA, 0)
        without = super().calc_cpu_role(mmu, cr0_wp=cr0_wp, cr4=cr4 & ~self.constants.X86_CR4_SMEP, efer=efer)
        role = super().calc_cpu_role(mmu, cr0_wp=cr0_wp, cr4=cr4, efer=efer)
        return {**role, **{name: _either(long_mode, role[name], without[name]) for name in _OF_SMEP}}


_OF_SMEP = ("cr4_smep", "has_pferr_fetch")


def _either(condition: Bool, then: Bool | BitVec, other: Bool | BitVec) -> Bool:
    assert isinstance(then, Bool)
    assert isinstance(other, Bool)
    return (condition & then) | (~condition & other)


class _SmmForgotten(ReferenceWalks):
    def calc_cpu_role(self, mmu: Mmu, *, cr0_wp: Bool, cr4: BitVec, efer: BitVec) -> _Chosen:
        return {**super().calc_cpu_role(mmu, cr0_wp=cr0_wp, cr4=cr4, efer=efer), "smm": FALSE}


class _PkeNotRead(ReferenceRoles):
    def vcpu_to_role_regs(self, request: MmuRequest) -> MmuRequest:
        regs = super().vcpu_to_role_regs(request)
        return replace(regs, cr4=regs.cr4 & ~self.constants.X86_CR4_PKE)


class _FetchFlagOfNx(ReferenceWalks):
    def calc_cpu_role(self, mmu: Mmu, *, cr0_wp: Bool, cr4: BitVec, efer: BitVec) -> _Chosen:
        role = super().calc_cpu_role(mmu, cr0_wp=cr0_wp, cr4=cr4, efer=efer)
        return {**role, "has_pferr_fetch": role["efer_nx"]}


class _TdpWithoutSmep(ReferenceRoles):
    def _tdp_smep(self, inputs: RoleInputs) -> Bool:
        return FALSE

    def _supervisor_pages(self, inputs: RoleInputs, masks: ShadowMasks) -> Bool:
        return FALSE


class _GmetKeepsUser(ReferenceRoles):
    def _supervisor_pages(self, inputs: RoleInputs, masks: ShadowMasks) -> Bool:
        return FALSE


class _AlwaysSupervisor(ReferenceRoles):
    def _supervisor_pages(self, inputs: RoleInputs, masks: ShadowMasks) -> Bool:
        return ne(masks.user, 0)


class _MbecLosesUserExecute(ReferenceRoles):
    def _supervisor_pages(self, inputs: RoleInputs, masks: ShadowMasks) -> Bool:
        return inputs.tdp_has_smep


class _FourLevels(ReferenceRoles):
    def get_tdp_level(self, inputs: RoleInputs) -> BitVec:
        return super().get_tdp_level(replace(inputs, address_width=bv(0, inputs.address_width.width)))


class _ShadowedByTwoLevels(ReferenceRoles):
    def _shadow_level(self, level: BitVec) -> BitVec:
        return level


class _AccAll(ReferenceRoles):
    @property
    def _all(self) -> BitVec:
        return bv(self.constants.ACC_ALL, 32)


class _DirectMapMapsAll(_AccAll):
    def _direct_leaf_access(self, root: BitVec) -> BitVec:
        return self._all


class _DirectMapPagesGrantAll(_AccAll):
    def _direct_page_access(self, root: BitVec) -> BitVec:
        return self._all


class _TdpLeafGrantsAll(_AccAll):
    def _tdp_leaf_access(self, page: BitVec) -> BitVec:
        return self._all


class _TdpChildGrantsAll(_AccAll):
    def _tdp_child(self, parent: BitVec) -> _Chosen:
        return {**super()._tdp_child(parent), "access": extract(self._all, 3, 0)}


class _ChildKeepsAccess(ReferenceRoles):
    def _child_access(self, parent: BitVec, access: BitVec) -> BitVec:
        return role_value(parent, "access")


class _RootPageGrantsAll(_AccAll):
    def _root_page(self, wanted: BitVec) -> _Chosen:
        return {**super()._root_page(wanted), "access": extract(self._all, 3, 0)}


class _FirstHalfOnly(ReferenceRoles):
    def _half(self) -> BitVec:
        return bv(0, 2)


class _MbecKept(ReferenceHardwareControls):
    def vmx_control(self, enable_mbec: Bool) -> Bool:
        return TRUE


class _GmetNotSet(ReferenceHardwareControls):
    def svm_control(self, gmet_enabled: Bool) -> Bool:
        return FALSE


class _FlagsWhateverRole(ReferenceHardwareControls):
    def accessed_dirty(self, with_ad_bits: Bool, ad_disabled: Bool) -> Bool:
        return with_ad_bits


class _EptpFourLevels(ReferenceHardwareControls):
    def levels(self, level: BitVec) -> BitVec:
        return super().levels(bv(4, level.width))


class _EptpUncacheable(ReferenceHardwareControls):
    memory_type = 0


class _RootOfOtherMmu(ReferenceHardwareControls):
    def loaded_root(self, root: BitVec) -> BitVec:
        return var("vmx->vcpu.arch.root_mmu.root.hpa", 64)


class _AlwaysWritable(ReferenceRoles):
    def _host_writable_of_fault(self, map_writable: Bool) -> Bool:
        return TRUE


class _MmioOfNextPage(ReferenceRoles):
    def _mmio_of_fault(self, gfn: BitVec) -> BitVec:
        return gfn + 1


DEFECTS: tuple[Defect, ...] = (
    defect(
        "smap-without-paging",
        "The CPU role has SMAP although the guest's paging is off.",
        _MMU_C,
        r"(if \(!____is_cr0_pg\(regs\)\) \{\s+role\.base\.direct = 1;)",
        r"role.ext.cr4_smap = ____is_cr4_smap(regs);\n\n\t\1",
        partial(ReferenceKvm, roles=_SmapUnpaged),
    ),
    defect(
        "pke-outside-long-mode",
        "The CPU role has protection keys in every paging mode.",
        _MMU_C,
        r"(role\.ext\.cr4_pke = )____is_efer_lma\(regs\) && ",
        r"\1",
        partial(ReferenceKvm, walks=_PkeAnywhere),
    ),
    defect(
        "la57-outside-long-mode",
        "The CPU role has LA57 in every paging mode.",
        _MMU_C,
        r"(role\.ext\.cr4_la57 = )____is_efer_lma\(regs\) && ",
        r"\1",
        partial(ReferenceKvm, walks=_La57Anywhere),
    ),
    defect(
        "smep-only-in-long-mode",
        "The CPU role has SMEP in long mode only.",
        _MMU_C,
        r"(role\.base\.cr4_smep = ____is_cr4_smep\(regs\));",
        r"\1 && ____is_efer_lma(regs);",
        partial(ReferenceKvm, walks=_SmepInLongMode),
    ),
    defect(
        "smm-not-in-role",
        "The CPU role does not say that the vCPU is in SMM.",
        _MMU_C,
        r"role\.base\.smm = is_smm\(vcpu\);",
        "",
        partial(ReferenceKvm, walks=_SmmForgotten),
    ),
    defect(
        "cr4-pke-not-read",
        "CR4.PKE is not among the bits that a role is made of.",
        _MMU_H,
        r"X86_CR4_SMEP \| X86_CR4_SMAP \| X86_CR4_PKE\)",
        "X86_CR4_SMEP | X86_CR4_SMAP)",
        partial(ReferenceKvm, roles=_PkeNotRead),
    ),
    defect(
        "fetch-flag-of-nx-alone",
        "Error codes tell fetches only with EFER.NX.",
        _MMU_C,
        r"(role\.ext\.has_pferr_fetch = role\.base\.efer_nx) \| role\.base\.cr4_smep;",
        r"\1;",
        partial(ReferenceKvm, walks=_FetchFlagOfNx),
    ),
    defect(
        "tdp-root-without-smep",
        "The root's role does not say that MBEC or GMET is on.",
        _MMU_C,
        r"role\.cr4_smep = kvm_x86_call\(tdp_has_smep\)\(vcpu->kvm\);",
        "role.cr4_smep = false;",
        partial(ReferenceKvm, roles=_TdpWithoutSmep),
    ),
    defect(
        "gmet-root-keeps-user",
        "Direct pages are user pages although GMET is on.",
        _MMU_C,
        r"if \(role\.cr4_smep && shadow_user_mask\)\s+role\.access &= ~ACC_USER_MASK;",
        "",
        partial(ReferenceKvm, roles=_GmetKeepsUser),
    ),
    defect(
        "tdp-root-always-supervisor",
        "Direct pages are supervisor pages although GMET is off.",
        _MMU_C,
        r"if \(role\.cr4_smep && (shadow_user_mask\)\s+role\.access)",
        r"if (\1",
        partial(ReferenceKvm, roles=_AlwaysSupervisor),
    ),
    defect(
        "mbec-root-loses-user-execute",
        "Direct pages are not user-executable with MBEC.",
        _MMU_C,
        r"(if \(role\.cr4_smep) && shadow_user_mask(\)\s+role\.access)",
        r"\1\2",
        partial(ReferenceKvm, roles=_MbecLosesUserExecute),
    ),
    defect(
        "tdp-level-four",
        "KVM's tables have four levels although the guest's addresses need five.",
        _MMU_C,
        r"if \(max_tdp_level == 5 && maxpa <= 48\)",
        "if (max_tdp_level == 5)",
        partial(ReferenceKvm, roles=_FourLevels),
    ),
    defect(
        "shadow-root-two-levels",
        "KVM's own tables have two levels where the guest's have.",
        _MMU_C,
        r"root_role\.level = max_t\(u32, root_role\.level, PT32E_ROOT_LEVEL\);",
        "",
        partial(ReferenceKvm, roles=_ShadowedByTwoLevels),
    ),
    defect(
        "direct-map-maps-all",
        "direct_map() maps pages with every access, not the root's.",
        _MMU_C,
        r"(ret = mmu_set_spte\(vcpu, fault->slot, it\.sptep, )access,",
        r"\1ACC_ALL,",
        partial(ReferenceKvm, roles=_DirectMapMapsAll),
    ),
    defect(
        "direct-map-pages-grant-all",
        "direct_map() makes pages of SPTEs with every access, not the root's.",
        _MMU_C,
        r"(kvm_mmu_get_child_sp\(vcpu, it\.sptep, base_gfn, true, )access\)",
        r"\1ACC_ALL)",
        partial(ReferenceKvm, roles=_DirectMapPagesGrantAll),
    ),
    defect(
        "tdp-leaf-grants-all",
        "The TDP MMU maps pages with every access, not the root's.",
        _TDP_MMU_C,
        r"(make_spte\(vcpu, sp, fault->slot, )sp->role\.access,",
        r"\1ACC_ALL,",
        partial(ReferenceKvm, roles=_TdpLeafGrantsAll),
    ),
    defect(
        "tdp-child-grants-all",
        "A page of the TDP MMU has every access, not that of the page above.",
        _TDP_MMU_C,
        r"(role = parent_sp->role;\s+role\.level--;)",
        r"\1\n\trole.access = ACC_ALL;",
        partial(ReferenceKvm, roles=_TdpChildGrantsAll),
    ),
    defect(
        "child-keeps-access",
        "A page has the access of the page above, not the one that is asked for.",
        _MMU_C,
        r"(role\.level--;)\s+role\.access = access;",
        r"\1",
        partial(ReferenceKvm, roles=_ChildKeepsAccess),
    ),
    defect(
        "root-page-grants-all",
        "A root page has every access, not that of its MMU's root role.",
        _MMU_C,
        r"(role\.level = level;\s+role\.quadrant = quadrant;)",
        r"\1\n\trole.access = ACC_ALL;",
        partial(ReferenceKvm, roles=_RootPageGrantsAll),
    ),
    defect(
        "child-quadrant-lost",
        "A page always shadows the first half of the guest's table.",
        _MMU_C,
        r"role\.quadrant = spte_index\(sptep\) & 1;",
        "role.quadrant = 0;",
        partial(ReferenceKvm, roles=_FirstHalfOnly),
    ),
    defect(
        "vmcs-keeps-mbec",
        "A VMCS has MBEC although it is turned off.",
        _VMX_C,
        r"if \(!enable_mbec\)\s+exec_control &= ~SECONDARY_EXEC_MODE_BASED_EPT_EXEC;",
        "",
        partial(ReferenceKvm, hardware_controls=_MbecKept),
    ),
    defect(
        "vmcb-without-gmet",
        "GMET is not set in the VMCB.",
        _SVM_C,
        r"if \(gmet_enabled\)\s+control->misc_ctl \|= SVM_MISC_ENABLE_GMET;",
        "",
        partial(ReferenceKvm, hardware_controls=_GmetNotSet),
    ),
    defect(
        "eptp-flags-whatever-role",
        "EPTP turns accessed and dirty flags on whatever the role says.",
        _VMX_C,
        r"if \(enable_ept_ad_bits && !root->role\.ad_disabled\)",
        "if (enable_ept_ad_bits)",
        partial(ReferenceKvm, hardware_controls=_FlagsWhateverRole),
    ),
    defect(
        "eptp-always-four-levels",
        "EPTP has four levels whatever the role says.",
        _VMX_C,
        r"\(root->role\.level == 5\) \? VMX_EPTP_PWL_5 : VMX_EPTP_PWL_4",
        "VMX_EPTP_PWL_4",
        partial(ReferenceKvm, hardware_controls=_EptpFourLevels),
    ),
    defect(
        "eptp-uncacheable",
        "EPTP has KVM's tables walked uncached.",
        _VMX_C,
        r"u64 eptp = root_hpa \| VMX_EPTP_MT_WB;",
        "u64 eptp = root_hpa | VMX_EPTP_MT_UC;",
        partial(ReferenceKvm, hardware_controls=_EptpUncacheable),
    ),
    defect(
        "loads-root-of-other-mmu",
        "The root of the guest's own MMU is loaded whichever is in use.",
        _MMU_H,
        r"(void kvm_mmu_load_pgd\(struct kvm_vcpu \*vcpu\)\s+\{\s+u64 root_hpa = vcpu->arch\.)mmu->",
        r"\1root_mmu.",
        partial(ReferenceKvm, hardware_controls=_RootOfOtherMmu),
    ),
    Defect(
        "fault-always-writable",
        "The page of a fault is mapped as if the host let it be written.",
        (
            SourceEdit(_TDP_MMU_C, r"false, fault->map_writable, &new_spte\)", "false, true, &new_spte)"),
            SourceEdit(_MMU_C, r"bool host_writable = !fault \|\| fault->map_writable;", "bool host_writable = true;"),
        ),
        partial(ReferenceKvm, roles=_AlwaysWritable),
    ),
    defect(
        "tdp-mmio-of-next-page",
        "The TDP MMU makes the MMIO SPTE of the next page.",
        _TDP_MMU_C,
        r"(make_mmio_spte\(vcpu, iter->gfn)(, sp->role\.access\))",
        r"\1 + 1\2",
        partial(ReferenceKvm, roles=_MmioOfNextPage),
    ),
)
