"""Exits for page faults of the second level in the reference model."""

from __future__ import annotations

from mmuproof.model.cuts.exits import (
    CHECK_EMULATION,
    CHECK_EMULATION_VMX,
    FAST_MMIO,
    PAGE_FAULT,
    READ_VMCS,
    READ_VMCS_64,
    SVM_EXIT,
    VMX_EXIT,
)
from mmuproof.model.evidence import CheckKind
from mmuproof.model.exits import (
    DeviceAsked,
    EptViolationExit,
    ErrorCodeHandedOn,
    Exits,
    InjectedEptViolation,
    InjectedNpf,
    NpfExit,
)
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.model.reference.base.trace import Trace
from mmuproof.smt.terms import (
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bool_var,
    bv,
    eq,
    extract,
    ite,
    ne,
    negate,
    resize,
    var,
    zext,
)

_WORD = 64
_EXIT_REASON_BITS = 32


class ReferenceExits(ReferenceArea, Exits):
    """``handle_ept_violation()``, ``npf_interception()``, and what L1 is told of faults in its tables."""

    # -- VMX ---------------------------------------------------------------------------------------------------

    def ept_violation(self) -> EptViolationExit:
        """See `Exits.ept_violation`."""
        trace = Trace("handle_ept_violation")
        qualification, gpa = self._exit_qualification(trace), self._guest_physical_address(trace)
        vm_type, direct_bits = self._of_vm("vm_type", 8), self._of_vm("gfn_direct_bits", _WORD)
        allow_smaller = self._is_set("allow_smaller_maxphyaddr")
        illegal = ne(gpa & var("vmx->vcpu.arch.reserved_gpa_bits", _WORD), 0)
        has_mbec = role_flag(var("vmx->vcpu.arch.mmu->root_role", PAGE_ROLE_BITS), "cr4_smep")
        error_code = self._vmx_handle_ept_violation(qualification, has_mbec, trace)
        # The address is shifted to a GPA, which loses the upper bits of a frame number.
        direct_gpa = direct_bits << self.constants.PAGE_SHIFT
        private = all_of(ne(direct_gpa, 0), eq(gpa & direct_gpa, 0))
        error_code |= self._mask_if(private, self.constants.PFERR_PRIVATE_ACCESS)
        trace.step("error_code", error_code)
        trace.cut(PAGE_FAULT)
        plain_vm = all_of(ne(vm_type, self.constants.KVM_X86_TDX_VM), eq(direct_bits, 0))
        handed_on = ErrorCodeHandedOn(
            negate(self._is_emulated(all_of(allow_smaller, illegal))),
            gpa,
            error_code,
            "reference:__vmx_handle_ept_violation",
        )
        return EptViolationExit(
            qualification=qualification,
            guest_physical_address=gpa,
            has_mbec=has_mbec,
            plain_vm=plain_vm,
            emulates_illegal_gpa=allow_smaller,
            illegal_gpa=illegal,
            handed_on=handed_on,
            evidence=trace.evidence,
        )

    def _is_emulated(self, too_wide: Bool) -> Bool:
        """Whether an access is emulated, and not handed to the MMU."""
        return too_wide

    def _of_vm(self, name: str, width: int) -> BitVec:
        return var(f"vmx->vcpu.kvm->arch.{name}", width)

    def ept_misconfiguration(self) -> DeviceAsked:
        """See `Exits.ept_misconfiguration`."""
        trace = Trace("handle_ept_misconfig")
        trace.cut(CHECK_EMULATION_VMX)
        refused = ne(var(f"{CHECK_EMULATION_VMX.function}()", 32), 0)
        gpa, in_l2 = self._guest_physical_address(trace), self._in_l2("vmx")
        asked = all_of(negate(refused), self._devices_are_asked(TRUE, in_l2))
        trace.cut(FAST_MMIO)
        taken = all_of(asked, eq(var(f"{FAST_MMIO.function}()", 32), 0))
        trace.cut(PAGE_FAULT)
        return DeviceAsked(
            function="handle_ept_misconfig()",
            in_guest_mode=in_l2,
            marked=TRUE,
            address=gpa,
            asked=asked,
            asked_address=self._address_for_devices(gpa),
            handed_on=ErrorCodeHandedOn(
                negate(any_of(refused, taken)), gpa, self._misconfig_error_code(), "reference:handle_ept_misconfig"
            ),
            evidence=trace.evidence,
        )

    def _misconfig_error_code(self) -> BitVec:
        """That of a reserved bit, and nothing of the access, which the exit does not tell."""
        return bv(self.constants.PFERR_RSVD_MASK, _WORD)

    def _address_for_devices(self, gpa: BitVec) -> BitVec:
        return gpa

    def _devices_are_asked(self, marked: Bool, in_l2: Bool) -> Bool:
        """Only reserved bits, which MMIO SPTEs have, and only outside L2."""
        return all_of(marked, negate(in_l2))

    def _in_l2(self, owner: str) -> Bool:
        return ne(var(f"{owner}->vcpu.arch.hflags", 32) & self.constants.HF_GUEST_MASK, 0)

    def _is_set(self, name: str) -> Bool:
        """A ``bool`` in memory."""
        return ne(var(name, 1), 0)

    def _exit_qualification(self, trace: Trace) -> BitVec:
        """``vmx_get_exit_qual()``."""
        trace.cut(READ_VMCS)
        return var(f"{READ_VMCS.function}({self.constants.EXIT_QUALIFICATION})", _WORD)

    def _guest_physical_address(self, trace: Trace) -> BitVec:
        trace.cut(READ_VMCS_64)
        return var(f"{READ_VMCS_64.function}({self.constants.GUEST_PHYSICAL_ADDRESS})", _WORD)

    def _vmx_handle_ept_violation(self, qualification: BitVec, has_mbec: Bool, trace: Trace) -> BitVec:
        """``__vmx_handle_ept_violation()``: the error code without what tells private memory."""
        c = self.constants

        write = ne(qualification & c.EPT_VIOLATION_ACC_WRITE, 0)
        code = trace.step("error_code", self._mask_if(write, c.PFERR_WRITE_MASK))
        fetch = self._is_fetch(qualification)
        code = trace.step("error_code", code | self._mask_if(fetch, c.PFERR_FETCH_MASK))
        present = self._entry_present(qualification, has_mbec)
        code = trace.step("error_code", code | self._mask_if(present, c.PFERR_PRESENT_MASK))
        return trace.step("error_code", code | self._stage(qualification))

    def _is_fetch(self, qualification: BitVec) -> Bool:
        return ne(qualification & self.constants.EPT_VIOLATION_ACC_INSTR, 0)

    def _entry_present(self, qualification: BitVec, has_mbec: Bool) -> Bool:
        """Whether the exit qualification says that the entry is present."""
        c = self.constants
        without = c.EPT_VIOLATION_PROT_MASK & ~c.EPT_VIOLATION_PROT_USER_EXEC
        by_user = all_of(has_mbec, ne(qualification & c.EPT_VIOLATION_PROT_USER_EXEC, 0))
        return any_of(ne(qualification & without, 0), by_user)

    def _stage(self, qualification: BitVec) -> BitVec:
        """The flags for final translation and paging structures, and the user flag that goes with the first."""
        c = self.constants
        valid, translated = self._gva_is_valid(qualification), ne(qualification & c.EPT_VIOLATION_GVA_TRANSLATED, 0)
        user = self._mask_if(self._gva_user(qualification, translated), c.PFERR_USER_MASK)
        final = bv(c.PFERR_GUEST_FINAL_MASK, _WORD)
        return ite(valid, user | ite(translated, final, c.PFERR_GUEST_PAGE_MASK), 0)

    def _gva_is_valid(self, qualification: BitVec) -> Bool:
        return ne(qualification & self.constants.EPT_VIOLATION_GVA_IS_VALID, 0)

    def _gva_user(self, qualification: BitVec, translated: Bool) -> Bool:
        return all_of(translated, ne(qualification & self.constants.EPT_VIOLATION_GVA_USER, 0))

    def _mask_if(self, condition: Bool, mask: int) -> BitVec:
        return ite(condition, bv(mask, _WORD), 0)

    def injected_ept_violation(self) -> InjectedEptViolation:
        """See `Exits.injected_ept_violation`."""
        c, trace = self.constants, Trace("nested_ept_inject_page_fault")
        from_hardware = bool_var("from_hardware")
        qualification = self._exit_qualification(trace)
        walked, error_code, address = self._fault("exit_qualification", "error_code", "address")
        vm_type, direct_bits = self._of_vm("vm_type", 8), self._of_vm("gfn_direct_bits", _WORD)
        plain_vm = all_of(ne(vm_type, c.KVM_X86_TDX_VM), eq(direct_bits, 0))
        pml_full, ept_caps = self._is_set("vmx->nested.pml_full"), zext(var("vmx->nested.msrs.ept_caps", 32), _WORD)
        trace.check(
            CheckKind.WARN,
            any_of(negate(pml_full), eq(extract(var("vmx->vt.exit_reason", 32), 15, 0), c.EXIT_REASON_EPT_VIOLATION)),
        )
        misconfigured = ne(error_code & c.PFERR_RSVD_MASK, 0)

        def reason(number: int) -> BitVec:
            return bv(number, _EXIT_REASON_BITS)

        told = self._told_to_l1(qualification, walked, ept_caps, from_hardware)
        told = trace.step("exit_qualification", ite(misconfigured, self._misconfig_qualification(walked), told))
        told = ite(pml_full, self._log_full_qualification(qualification), told)
        violation = ite(misconfigured, reason(c.EXIT_REASON_EPT_MISCONFIG), reason(c.EXIT_REASON_EPT_VIOLATION))
        trace.cut(VMX_EXIT)
        return InjectedEptViolation(
            from_hardware=from_hardware,
            qualification=qualification,
            walked=walked,
            walk_knows_stage=True,
            error_code=error_code,
            address=address,
            plain_vm=plain_vm,
            pml_full=pml_full,
            ept_caps=ept_caps,
            others_forget=all_of(negate(pml_full), self._others_forget()),
            exit_reason=ite(pml_full, reason(c.EXIT_REASON_PML_FULL), violation),
            exit_qualification=told,
            guest_physical_address=address,
            evidence=trace.evidence,
        )

    def _told_to_l1(self, qualification: BitVec, walked: BitVec, ept_caps: BitVec, from_hardware: Bool) -> BitVec:
        """The exit qualification of an EPT violation: some bits only the hardware knows."""
        mask = self._only_hardware_knows(ept_caps)
        return (walked & ~mask) | (ite(self._passed_on(from_hardware), qualification, walked) & mask)

    def _passed_on(self, from_hardware: Bool) -> Bool:
        return from_hardware

    def _only_hardware_knows(self, ept_caps: BitVec) -> BitVec:
        c = self.constants
        mask = bv(c.EPT_VIOLATION_GVA_IS_VALID | c.EPT_VIOLATION_GVA_TRANSLATED, _WORD)
        advanced = c.EPT_VIOLATION_GVA_USER | c.EPT_VIOLATION_GVA_WRITABLE | c.EPT_VIOLATION_GVA_NX
        return mask | self._mask_if(ne(ept_caps & c.VMX_EPT_ADVANCED_VMEXIT_INFO_BIT, 0), advanced)

    def _others_forget(self) -> Bool:
        """Whether an address is forgotten in all roots for the same tables of L1's."""
        return TRUE

    def _log_full_qualification(self, qualification: BitVec) -> BitVec:
        return qualification & self.constants.INTR_INFO_UNBLOCK_NMI

    def _misconfig_qualification(self, walked: BitVec) -> BitVec:
        return bv(0, _WORD)

    def _fault(self, *members: str) -> tuple[BitVec, ...]:
        """Members of a ``struct x86_exception`` that the walk has filled in."""
        return tuple(var(f"fault->{name}", _WORD) for name in members)

    # -- SVM ---------------------------------------------------------------------------------------------------

    def npf(self) -> NpfExit:
        """See `Exits.npf`."""
        c, trace = self.constants, Trace("npf_interception")
        info_1, info_2 = self._control("exit_info_1"), self._control("exit_info_2")
        gmet = ne(self._control("misc_ctl") & c.SVM_MISC_ENABLE_GMET, 0)
        cpl = var("svm->vmcb->save.cpl", 8)
        trace.check(CheckKind.WARN, eq(info_1 & c.PFERR_SYNTHETIC_MASK, 0))
        error_code = trace.step("error_code", info_1 & ~c.PFERR_SYNTHETIC_MASK)
        reached = negate(all_of(self._fast_mmio_tried(error_code), self._fast_mmio_done(trace)))
        fetch = ne(error_code & c.PFERR_FETCH_MASK, 0)
        error_code = trace.step("error_code", self._work_around_1218(error_code, gmet, fetch, cpl))
        trace.cut(PAGE_FAULT)
        return NpfExit(
            exit_info_1=info_1,
            exit_info_2=info_2,
            gmet=gmet,
            cpl=cpl,
            handed_on=ErrorCodeHandedOn(reached, info_2, error_code, "reference:npf_interception"),
            evidence=trace.evidence,
        )

    def _control(self, name: str) -> BitVec:
        return var(f"svm->vmcb->control.{name}", _WORD)

    def _fast_mmio_tried(self, error_code: BitVec) -> Bool:
        marked = ne(error_code & self.constants.PFERR_RSVD_MASK, 0)
        return self._devices_are_asked(marked, self._in_l2("svm"))

    def _fast_mmio_done(self, trace: Trace) -> Bool:
        """The instruction cannot be emulated, or a device has taken the access."""
        trace.cut(CHECK_EMULATION)
        trace.cut(FAST_MMIO)
        taken = all_of(self._has_next_rip(), eq(var(f"{FAST_MMIO.function}()", 32), 0))
        return any_of(self._refused(), taken)

    def _refused(self) -> Bool:
        return ne(var(f"{CHECK_EMULATION.function}()", 32), 0)

    def _has_next_rip(self) -> Bool:
        return all_of(ne(var("nrips", 32), 0), ne(self._control("next_rip"), 0))

    def npf_of_device(self) -> DeviceAsked:
        """See `Exits.npf_of_device`."""
        exit_ = self.npf()
        error_code = exit_.exit_info_1 & ~self.constants.PFERR_SYNTHETIC_MASK
        tried = self._fast_mmio_tried(error_code)
        return DeviceAsked(
            function="npf_interception()",
            in_guest_mode=self._in_l2("svm"),
            marked=ne(exit_.exit_info_1 & self.constants.PFERR_RSVD_MASK, 0),
            address=exit_.exit_info_2,
            asked=all_of(tried, negate(self._refused()), self._has_next_rip()),
            asked_address=self._address_for_devices(exit_.exit_info_2),
            handed_on=exit_.handed_on,
            evidence=exit_.evidence,
        )

    def _work_around_1218(self, error_code: BitVec, gmet: Bool, fetch: Bool, cpl: BitVec) -> BitVec:
        """With GMET, a fetch is a user access exactly at CPL 3, whatever EXITINFO1 says."""
        user = self.constants.PFERR_USER_MASK
        return ite(all_of(gmet, fetch), ite(eq(cpl, 3), error_code | user, error_code & ~user), error_code)

    def injected_npf(self) -> InjectedNpf:
        """See `Exits.injected_npf`."""
        c, trace = self.constants, Trace("nested_svm_inject_npf_exit")
        from_hardware = bool_var("from_hardware")
        error_code, address = self._fault("error_code", "address")
        last_info_1, last_info_2 = (self._control(name) for name in ("exit_info_1", "exit_info_2"))
        stage = self._fault_stage(from_hardware, last_info_1, error_code)
        final, page = (bv(mask, _WORD) for mask in (c.PFERR_GUEST_FINAL_MASK, c.PFERR_GUEST_PAGE_MASK))
        known = any_of(eq(stage, final), eq(stage, page))
        trace.check(CheckKind.WARN, known)
        stage = trace.step("fault_stage", ite(known, stage, final))
        info_1 = trace.step("exit_info_1", stage | (error_code & ~c.PFERR_GUEST_FAULT_STAGE_MASK))
        trace.cut(SVM_EXIT)
        return InjectedNpf(
            from_hardware=from_hardware,
            last_exit_code=resize(self._control("exit_code"), 32),
            last_exit_info_1=last_info_1,
            last_exit_info_2=last_info_2,
            error_code=error_code,
            fault_knows_stage=True,
            address=address,
            exit_code=bv(c.SVM_EXIT_NPF, 32),
            exit_info_1=info_1,
            exit_info_2=self._told_address(address, last_info_2),
            evidence=trace.evidence,
        )

    def _fault_stage(self, from_hardware: Bool, exit_info_1: BitVec, error_code: BitVec) -> BitVec:
        return ite(from_hardware, exit_info_1, error_code) & self.constants.PFERR_GUEST_FAULT_STAGE_MASK

    def _told_address(self, address: BitVec, last_address: BitVec) -> BitVec:
        return address
