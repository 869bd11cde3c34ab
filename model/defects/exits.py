"""Defects of the handlers of exits: what the MMU is asked, and what L1 is told."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect, with_numbers
from mmuproof.model.reference.exits import ReferenceExits
from mmuproof.model.reference.kvm import Constants, ReferenceKvm
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, eq, ite

_COMMON_H = "arch/x86/kvm/vmx/common.h"
_NESTED_VMX = "arch/x86/kvm/vmx/nested.c"
_SVM_C = "arch/x86/kvm/svm/svm.c"
_NESTED_SVM = "arch/x86/kvm/svm/nested.c"
_KVM_HOST_H = "arch/x86/include/asm/kvm_host.h"


class _PresentByBit6(ReferenceExits):
    def _entry_present(self, qualification: BitVec, has_mbec: Bool) -> Bool:
        return super()._entry_present(qualification, TRUE)


class _PresentWithoutXu(ReferenceExits):
    def _entry_present(self, qualification: BitVec, has_mbec: Bool) -> Bool:
        return super()._entry_present(qualification, FALSE)


class _UserOfPagingStructure(ReferenceExits):
    def _gva_user(self, qualification: BitVec, translated: Bool) -> Bool:
        return super()._gva_user(qualification, TRUE)


class _StageWithoutLinearAddress(ReferenceExits):
    def _gva_is_valid(self, qualification: BitVec) -> Bool:
        return TRUE


class _DevicesAskedInL2(ReferenceExits):
    def _devices_are_asked(self, marked: Bool, in_l2: Bool) -> Bool:
        return marked


class _DevicesAskedOfPage(ReferenceExits):
    def _address_for_devices(self, gpa: BitVec) -> BitVec:
        return gpa & ~0xFFF


class _MisconfigurationIsWrite(ReferenceExits):
    def _misconfig_error_code(self) -> BitVec:
        return super()._misconfig_error_code() | self.constants.PFERR_WRITE_MASK


class _FetchLost(ReferenceExits):
    def _is_fetch(self, qualification: BitVec) -> Bool:
        return FALSE


class _UserByCplForData(ReferenceExits):
    def _work_around_1218(self, error_code: BitVec, gmet: Bool, fetch: Bool, cpl: BitVec) -> BitVec:
        return super()._work_around_1218(error_code, gmet, TRUE, cpl)


class _Without1218(ReferenceExits):
    def _work_around_1218(self, error_code: BitVec, gmet: Bool, fetch: Bool, cpl: BitVec) -> BitVec:
        return error_code


class _ByCpl0(ReferenceExits):
    def _work_around_1218(self, error_code: BitVec, gmet: Bool, fetch: Bool, cpl: BitVec) -> BitVec:
        cleared = error_code & ~self.constants.PFERR_USER_MASK
        return ite(all_of(gmet, fetch, eq(cpl, 0)), cleared, error_code)


class _InjectedOfWalk(ReferenceExits):
    def _passed_on(self, from_hardware: Bool) -> Bool:
        return FALSE


class _InjectedStale(ReferenceExits):
    def _passed_on(self, from_hardware: Bool) -> Bool:
        return TRUE


class _InjectedWithoutAdvanced(ReferenceExits):
    def _only_hardware_knows(self, ept_caps: BitVec) -> BitVec:
        return super()._only_hardware_knows(ept_caps & ~self.constants.VMX_EPT_ADVANCED_VMEXIT_INFO_BIT)


class _MisconfigQualification(ReferenceExits):
    def _misconfig_qualification(self, walked: BitVec) -> BitVec:
        return walked


class _NpfStale(ReferenceExits):
    def _fault_stage(self, from_hardware: Bool, exit_info_1: BitVec, error_code: BitVec) -> BitVec:
        return super()._fault_stage(TRUE, exit_info_1, error_code)


class _NpfOfWalk(ReferenceExits):
    def _fault_stage(self, from_hardware: Bool, exit_info_1: BitVec, error_code: BitVec) -> BitVec:
        return super()._fault_stage(FALSE, exit_info_1, error_code)


class _NpfStaleAddress(ReferenceExits):
    def _told_address(self, address: BitVec, last_address: BitVec) -> BitVec:
        return last_address


class _TooWideMapped(ReferenceExits):
    def _is_emulated(self, too_wide: Bool) -> Bool:
        return FALSE


class _OthersKeepAddress(ReferenceExits):
    def _others_forget(self) -> Bool:
        return FALSE


class _LogFullTellsAll(ReferenceExits):
    def _log_full_qualification(self, qualification: BitVec) -> BitVec:
        return qualification


DEFECTS: tuple[Defect, ...] = (
    defect(
        "ept-too-wide-mapped",
        "An address that is too wide for the guest is handed to the MMU, where KVM is to emulate the access.",
        "arch/x86/kvm/vmx/vmx.c",
        r"if \(unlikely\(allow_smaller_maxphyaddr && !kvm_vcpu_is_legal_gpa\(vcpu, gpa\)\)\)\s+return [^;]*;",
        "",
        partial(ReferenceKvm, exits=_TooWideMapped),
    ),
    defect(
        "injected-fault-stays-in-others",
        "An EPT violation of L1's leaves its address in other roots for the same tables.",
        _NESTED_VMX,
        r"nested_ept_invalidate_addr\(vcpu, vmcs12->ept_pointer,\s+fault->address\);",
        ";",
        partial(ReferenceKvm, exits=_OthersKeepAddress),
    ),
    defect(
        "ept-present-by-bit-6",
        "An entry is taken for present by bit 6 of the exit qualification without MBEC.",
        _COMMON_H,
        r"EPT_VIOLATION_PROT_MASK & ~EPT_VIOLATION_PROT_USER_EXEC",
        "EPT_VIOLATION_PROT_MASK",
        partial(ReferenceKvm, exits=_PresentByBit6),
    ),
    defect(
        "ept-present-without-xu",
        "An entry that grants XU alone is taken for not present with MBEC.",
        _COMMON_H,
        r"if \(mmu_has_mbec\(vcpu->arch\.mmu\)\)",
        "if (0)",
        partial(ReferenceKvm, exits=_PresentWithoutXu),
    ),
    defect(
        "ept-user-of-paging-structure",
        "An access to a guest paging structure can be taken for a user access.",
        _COMMON_H,
        r"(if \(exit_qualification & EPT_VIOLATION_GVA_TRANSLATED\) \{\s+error_code \|= PFERR_GUEST_FINAL_MASK;)"
        r"(\s+if \(exit_qualification & EPT_VIOLATION_GVA_USER\)\s+error_code \|= PFERR_USER_MASK;)",
        r"\2\n\1",
        partial(ReferenceKvm, exits=_UserOfPagingStructure),
    ),
    defect(
        "ept-stage-without-linear-address",
        "An EPT violation without a linear address is handed on as one of a guest paging structure.",
        _COMMON_H,
        r"if \(exit_qualification & EPT_VIOLATION_GVA_IS_VALID\)",
        "if (1)",
        partial(ReferenceKvm, exits=_StageWithoutLinearAddress),
    ),
    defect(
        "ept-fetch-lost",
        "An EPT violation of a fetch is handed on as one of a read.",
        _COMMON_H,
        r"error_code \|= \(exit_qualification & EPT_VIOLATION_ACC_INSTR\)\s+\? PFERR_FETCH_MASK : 0;",
        "",
        partial(ReferenceKvm, exits=_FetchLost),
    ),
    defect(
        "device-asked-in-l2",
        "A misconfiguration in L2 is given to a device of L1's at L2's address.",
        "arch/x86/kvm/vmx/vmx.c",
        r"if \(!is_guest_mode\(vcpu\) &&(\s+!kvm_io_bus_write\(vcpu, KVM_FAST_MMIO_BUS)",
        r"if (\1",
        partial(ReferenceKvm, exits=_DevicesAskedInL2),
    ),
    defect(
        "device-asked-of-page",
        "A device is asked of the page's first address, whatever the access was to.",
        "arch/x86/kvm/vmx/vmx.c",
        r"(!kvm_io_bus_write\(vcpu, KVM_FAST_MMIO_BUS, )gpa,",
        r"\1gpa & PAGE_MASK,",
        partial(ReferenceKvm, exits=_DevicesAskedOfPage),
    ),
    defect(
        "misconfiguration-is-write",
        "An EPT misconfiguration is handed on as a write.",
        "arch/x86/kvm/vmx/vmx.c",
        r"(kvm_mmu_page_fault\(vcpu, gpa, PFERR_RSVD_MASK)(, NULL, 0\))",
        r"\1 | PFERR_WRITE_MASK\2",
        partial(ReferenceKvm, exits=_MisconfigurationIsWrite),
    ),
    defect(
        "npf-user-by-cpl-for-data",
        "With GMET, data accesses too are taken for user accesses by CPL.",
        _SVM_C,
        r"(\(svm->vmcb->control\.misc_ctl & SVM_MISC_ENABLE_GMET\)) &&\s+\(error_code & PFERR_FETCH_MASK\)",
        r"\1",
        partial(ReferenceKvm, exits=_UserByCplForData),
    ),
    defect(
        "npf-final-as-synthetic",
        "The flag of a final translation is taken for one of KVM's own, and dropped.",
        _KVM_HOST_H,
        r"(#define PFERR_SYNTHETIC_MASK\s+\(PFERR_IMPLICIT_ACCESS \| )PFERR_PRIVATE_ACCESS\)",
        r"\1PFERR_GUEST_FINAL_MASK)",
        with_numbers(PFERR_SYNTHETIC_MASK=Constants.PFERR_IMPLICIT_ACCESS | Constants.PFERR_GUEST_FINAL_MASK),
    ),
    defect(
        "npf-without-1218",
        "The workaround for erratum 1218 is missing.",
        _SVM_C,
        r"if \(!is_sev_es_guest\(vcpu\) &&(\s+\(svm->vmcb->control\.misc_ctl & SVM_MISC_ENABLE_GMET\))",
        r"if (0 &&\1",
        partial(ReferenceKvm, exits=_Without1218),
    ),
    defect(
        "npf-1218-by-cpl-0",
        "The workaround for erratum 1218 clears the user flag at CPL 0 only.",
        _SVM_C,
        r"error_code \|= PFERR_USER_MASK;\s+if \(svm_get_cpl\(vcpu\) != 3\)",
        "if (svm_get_cpl(vcpu) == 0)",
        partial(ReferenceKvm, exits=_ByCpl0),
    ),
    defect(
        "injected-stage-of-walk",
        "What only the hardware knows of L2's EPT violation is taken from KVM's walk.",
        _NESTED_VMX,
        r"if \(from_hardware\)(\s+exit_qualification \|=)",
        r"if (0)\1",
        partial(ReferenceKvm, exits=_InjectedOfWalk),
    ),
    defect(
        "injected-stale-stage",
        "For an access of KVM's own, L1 is told what the last EPT violation was.",
        _NESTED_VMX,
        r"if \(from_hardware\)(\s+exit_qualification \|=)",
        r"if (1)\1",
        partial(ReferenceKvm, exits=_InjectedStale),
    ),
    defect(
        "injected-without-advanced",
        "L1 is offered advanced information on EPT violations, and does not get it.",
        _NESTED_VMX,
        r"if \(vmx->nested\.msrs\.ept_caps & VMX_EPT_ADVANCED_VMEXIT_INFO_BIT\)",
        "if (0)",
        partial(ReferenceKvm, exits=_InjectedWithoutAdvanced),
    ),
    defect(
        "injected-misconfig-qualification",
        "L1 gets an exit qualification with an EPT misconfiguration.",
        _NESTED_VMX,
        r"(vm_exit_reason = EXIT_REASON_EPT_MISCONFIG;\s+exit_qualification = )0;",
        r"\1fault->exit_qualification;",
        partial(ReferenceKvm, exits=_MisconfigQualification),
    ),
    defect(
        "injected-npf-stale-stage",
        "For an access of KVM's own, L1 is told the stage of the last exit.",
        _NESTED_SVM,
        r"if \(from_hardware\)(\s+fault_stage = )",
        r"if (1)\1",
        partial(ReferenceKvm, exits=_NpfStale),
    ),
    defect(
        "injected-npf-stage-of-walk",
        "The stage of L2's nested page fault is taken from KVM's walk.",
        _NESTED_SVM,
        r"if \(from_hardware\)(\s+fault_stage = )",
        r"if (0)\1",
        partial(ReferenceKvm, exits=_NpfOfWalk),
    ),
    defect(
        "injected-npf-stale-address",
        "L1 is told the address of the last exit.",
        _NESTED_SVM,
        r"vmcb->control\.exit_info_2 = fault->address;",
        "",
        partial(ReferenceKvm, exits=_NpfStaleAddress),
    ),
    defect(
        "log-full-tells-all",
        "With a full page-modification log L1 is told all of the EPT violation's qualification.",
        _NESTED_VMX,
        r"(vmx_get_exit_qual\(vcpu\)) & INTR_INFO_UNBLOCK_NMI;",
        r"\1;",
        partial(ReferenceKvm, exits=_LogFullTellsAll),
    ),
)
