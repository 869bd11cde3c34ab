"""Exits for page faults of the second level in a lifted tree.

The vCPU is what the vendor's module allocates: ``struct vcpu_vmx`` or ``struct vcpu_svm``, which begins with
``struct kvm_vcpu``.
"""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.exits import (
    CUTS,
    FAST_MMIO,
    FORGET_IN_OTHERS,
    PAGE_FAULT,
    READ_VMCS,
    READ_VMCS_64,
    SVM_EXIT,
    VMX_EXIT,
)
from mmuproof.model.exits import (
    DeviceAsked,
    EptViolationExit,
    ErrorCodeHandedOn,
    Exits,
    InjectedEptViolation,
    InjectedNpf,
    NpfExit,
)
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.calls_made import numbers_given
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, own_member, read
from mmuproof.model.named import (
    constants,
    functions,
    kvm_mmu,
    kvm_vcpu,
    kvm_vm,
    switches,
    vcpu_svm,
    vcpu_vmx,
    x86_exception,
)
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bool_var, eq, extract, ne, resize, to_bv, var

_STAGE_BITS = 33
"""EXITINFO1 tells the stage in bits 33:32."""


class _Machine:
    """A vCPU with everything free, and the session that runs code on it."""

    def __init__(self, unit: Unit, name: str, record: str) -> None:
        self.unit, self.session, self.memory = unit, Session(unit, CUTS), Memory()
        self.vcpu = Object(name=name, type=unit.record(record), kind=ObjectKind.INPUT, by_pointer=True)

    def run(self, function: str, *, fault: Object | None = None, **values: BitVec) -> None:
        """Call a function with the vCPU, and with a fault if it takes one."""
        given = {kvm_vcpu.STRUCT: pointer_to(self.vcpu)}
        if fault is not None:
            given[x86_exception.STRUCT] = pointer_to(fault)
        self.session.call(self.memory, function, objects=given, values=values)

    def find(self, owner: Object, *paths: str) -> tuple[Object, int, int]:
        """Where the first of these paths leads to, through pointers at each ``->``: object, offset and width.

        Raises:
            NotThere: none of them leads anywhere.
        """
        for path in paths:
            try:
                return self._find(owner, path.split("->"))
            except NotThere:
                continue
        raise NotThere([f"{owner.name}->{' or '.join(paths)}"])

    def _find(self, owner: Object, parts: Sequence[str]) -> tuple[Object, int, int]:
        if not isinstance(owner.type, RecordType):
            raise Refused(f"{owner.name} is no struct")
        place = own_member(owner.type, parts[0])
        if len(parts) == 1:
            return owner, place.offset, place.width
        pointer = self.memory.read(owner, place.offset, place.width)
        places = [each.place for each in pointer.targets if each.place] if isinstance(pointer, Pointer) else []
        if len(places) != 1:
            raise Refused(f"{owner.name}->{parts[0]} points to no one object")
        return self._find(places[0].object, parts[1:])

    def member(self, owner: Object, *paths: str) -> BitVec:
        """What a member of an object holds, or of what it points to."""
        return read(self.memory, *self.find(owner, *paths))

    def value(self, *paths: str) -> BitVec:
        """What a member of the vCPU holds, or of what it points to."""
        return self.member(self.vcpu, *paths)

    def write(self, value: BitVec, *paths: str) -> None:
        """Give a member of the vCPU a value."""
        owner, offset, width = self.find(self.vcpu, *paths)
        self.memory.write(owner, offset, width, resize(value, width))

    def handed_on(self) -> ErrorCodeHandedOn:
        """The call of kvm_mmu_page_fault(); there has to be one."""
        call = self.session.only_call(PAGE_FAULT.function)
        gpa, error_code = (self.session.argument(call, name) for name in ("cr2_or_gpa", "error_code"))
        return ErrorCodeHandedOn(call.guard, gpa, error_code, f"{call.at.file}:{call.caller}")


class LiftedExits(Exits, Remembers):
    """The part of a lifted tree that handles exits.

    Args:
        vmx: ``vmx/vmx.c``.
        nested_vmx: ``vmx/nested.c``.
        svm: ``svm/svm.c``.
        nested_svm: ``svm/nested.c``.
    """

    def __init__(self, vmx: Unit, nested_vmx: Unit, svm: Unit, nested_svm: Unit) -> None:
        super().__init__()
        self._vmx, self._nested_vmx, self._svm, self._nested_svm = vmx, nested_vmx, svm, nested_svm

    # -- VMX ---------------------------------------------------------------------------------------------------

    @once
    def ept_violation(self) -> EptViolationExit:
        """See `Exits.ept_violation`."""
        machine = _Machine(self._vmx, "vmx", vcpu_vmx.STRUCT)
        qualification = self._cached_qualification(machine)
        has_mbec, plain_vm = self._has_mbec(machine), self._plain_vm(machine)
        address = self._vmcs_field(self._vmx, READ_VMCS_64.function, constants.GUEST_PHYSICAL_ADDRESS)
        reserved = machine.value(vcpu_vmx.VCPU_ARCH_RESERVED_GPA_BITS)
        machine.run("handle_ept_violation")
        allowed = machine.session.global_value(machine.memory, switches.ALLOW_SMALLER_MAXPHYADDR)
        return EptViolationExit(
            qualification=qualification,
            guest_physical_address=address,
            has_mbec=has_mbec,
            plain_vm=plain_vm,
            emulates_illegal_gpa=ne(allowed, 0),
            illegal_gpa=ne(address & reserved, 0),
            handed_on=machine.handed_on(),
            evidence=machine.session.evidence(),
        )

    @once
    def ept_misconfiguration(self) -> DeviceAsked:
        """See `Exits.ept_misconfiguration`."""
        machine = _Machine(self._vmx, "vmx", vcpu_vmx.STRUCT)
        address = self._vmcs_field(self._vmx, READ_VMCS_64.function, constants.GUEST_PHYSICAL_ADDRESS)
        return self._device_asked(machine, functions.HANDLE_EPT_MISCONFIG, address, TRUE)

    def _device_asked(self, machine: _Machine, function: str, address: BitVec, marked: Bool) -> DeviceAsked:
        in_guest_mode = machine.session.integer(
            machine.memory.copy(), functions.IS_GUEST_MODE, objects={kvm_vcpu.STRUCT: pointer_to(machine.vcpu)}
        )
        machine.run(function)
        # Before 7.0, SVM's handler asks no device by itself.
        calls = machine.session.calls(FAST_MMIO.function)
        if len(calls) > 1:
            raise Refused(f"devices are asked at {len(calls)} places", str(calls[1].at))
        return DeviceAsked(
            function=f"{function}()",
            in_guest_mode=ne(in_guest_mode, 0),
            marked=marked,
            address=address,
            asked=calls[0].guard if calls else FALSE,
            asked_address=machine.session.argument(calls[0], "addr") if calls else address,
            handed_on=machine.handed_on(),
            evidence=machine.session.evidence(),
        )

    def _vmcs_field(self, unit: Unit, function: str, name: str) -> BitVec:
        return var(f"{function}({constant_of(unit, name)})", 64)

    def _cached_qualification(self, machine: _Machine) -> BitVec:
        """The exit qualification, which the register cache holds as well as the VMCS."""
        qualification = self._vmcs_field(machine.unit, READ_VMCS.function, constants.EXIT_QUALIFICATION)
        machine.write(qualification, vcpu_vmx.VT_EXIT_QUALIFICATION, "exit_qualification")
        return qualification

    def _has_mbec(self, machine: _Machine) -> Bool:
        if not machine.unit.has_function(functions.MMU_HAS_MBEC):
            return FALSE
        owner, offset, width = machine.find(machine.vcpu, f"vcpu.{kvm_mmu.IN_USE}")
        mmu = machine.memory.read(owner, offset, width)
        assert isinstance(mmu, Pointer)
        found = machine.session.integer(machine.memory.copy(), functions.MMU_HAS_MBEC, objects={kvm_mmu.MMU: mmu})
        return ne(found, 0)

    def _plain_vm(self, machine: _Machine) -> Bool:
        """No trust domain; where a tree knows none, every VM."""
        conditions = [TRUE]
        domain = machine.unit.constant(constants.KVM_X86_TDX_VM)
        if domain is not None:
            conditions.append(ne(machine.value(vcpu_vmx.VM_TYPE), domain))
        # Some trees know no memory that is private by its address.
        if machine.unit.has_member(kvm_vm.ARCH, kvm_vm.ARCH_GFN_DIRECT_BITS):
            conditions.append(eq(machine.value(vcpu_vmx.GFN_DIRECT_BITS), 0))
        return all_of(*conditions)

    @once
    def injected_ept_violation(self) -> InjectedEptViolation:
        """See `Exits.injected_ept_violation`."""
        machine, from_hardware = _Machine(self._nested_vmx, "vmx", vcpu_vmx.STRUCT), bool_var("from_hardware")
        qualification = self._cached_qualification(machine)
        fault = _fault(machine)
        if machine.unit.has_member(x86_exception.STRUCT, x86_exception.EXIT_QUALIFICATION):
            walked, walk_knows_stage = machine.member(fault, x86_exception.EXIT_QUALIFICATION), True
        else:
            # Before, the walk changed what the last EPT violation had left, and kept its bits 8:7.
            walked, walk_knows_stage = machine.value(vcpu_vmx.VCPU_ARCH_EXIT_QUALIFICATION), False
        plain_vm, pml_full = self._plain_vm(machine), ne(machine.value(vcpu_vmx.NESTED_PML_FULL), 0)
        ept_caps = resize(machine.value(vcpu_vmx.NESTED_MSRS_EPT_CAPS), 64)
        error_code, address = (resize(machine.member(fault, name), 64) for name in ("error_code", "address"))
        pointer = machine.value(vcpu_vmx.VMCS12_EPT_POINTER)
        machine.run(functions.NESTED_EPT_INJECT_PAGE_FAULT, fault=fault, from_hardware=to_bv(from_hardware, 8))
        call = machine.session.only_call(VMX_EXIT.function)
        _always_happens(call)
        reason, told = (machine.session.argument(call, name) for name in ("vm_exit_reason", "exit_qualification"))
        return InjectedEptViolation(
            from_hardware=from_hardware,
            qualification=qualification,
            walked=walked,
            walk_knows_stage=walk_knows_stage,
            error_code=error_code,
            address=address,
            plain_vm=plain_vm,
            pml_full=pml_full,
            ept_caps=ept_caps,
            others_forget=any_of(
                *(
                    all_of(call.guard, eq(numbers_given(call)[0], pointer), eq(numbers_given(call)[1], address))
                    for call in machine.session.calls(FORGET_IN_OTHERS.function)
                )
            ),
            exit_reason=extract(reason, 31, 0),
            exit_qualification=told,
            guest_physical_address=machine.value(vcpu_vmx.VMCS12_GUEST_PHYSICAL_ADDRESS),
            evidence=machine.session.evidence(),
        )

    # -- SVM ---------------------------------------------------------------------------------------------------

    @once
    def npf(self) -> NpfExit:
        """See `Exits.npf`."""
        machine = _Machine(self._svm, "svm", vcpu_svm.STRUCT)
        info_1, info_2 = (machine.value(name) for name in (vcpu_svm.EXIT_INFO_1, vcpu_svm.EXIT_INFO_2))
        gmet = self._svm.constant(constants.SVM_MISC_ENABLE_GMET)
        enabled = FALSE if gmet is None else ne(machine.value(vcpu_svm.VMCB_CONTROL_MISC_CTL) & gmet, 0)
        cpl = machine.value(vcpu_svm.VMCB_SAVE_CPL)
        machine.run(functions.NPF_INTERCEPTION)
        return NpfExit(
            exit_info_1=info_1,
            exit_info_2=info_2,
            gmet=enabled,
            cpl=cpl,
            handed_on=machine.handed_on(),
            evidence=machine.session.evidence(),
        )

    @once
    def npf_of_device(self) -> DeviceAsked:
        """See `Exits.npf_of_device`."""
        machine = _Machine(self._svm, "svm", vcpu_svm.STRUCT)
        info_1, address = (machine.value(name) for name in (vcpu_svm.EXIT_INFO_1, vcpu_svm.EXIT_INFO_2))
        reserved = constant_of(self._svm, constants.PFERR_RSVD_MASK)
        return self._device_asked(machine, functions.NPF_INTERCEPTION, address, ne(info_1 & reserved, 0))

    @once
    def injected_npf(self) -> InjectedNpf:
        """See `Exits.injected_npf`."""
        machine, from_hardware = _Machine(self._nested_svm, "svm", vcpu_svm.STRUCT), bool_var("from_hardware")
        fault = _fault(machine)

        def control() -> tuple[BitVec, BitVec, BitVec]:
            code, info_1, info_2 = (
                machine.value(name) for name in (vcpu_svm.EXIT_CODE, vcpu_svm.EXIT_INFO_1, vcpu_svm.EXIT_INFO_2)
            )
            return extract(code, 31, 0), info_1, info_2

        last_code, last_info_1, last_info_2 = control()
        error_code, address = (machine.member(fault, name) for name in ("error_code", "address"))
        machine.run("nested_svm_inject_npf_exit", fault=fault, from_hardware=to_bv(from_hardware, 8))
        _always_happens(machine.session.only_call(SVM_EXIT.function))
        code, info_1, info_2 = control()
        return InjectedNpf(
            from_hardware=from_hardware,
            last_exit_code=last_code,
            last_exit_info_1=last_info_1,
            last_exit_info_2=last_info_2,
            error_code=resize(error_code, 64),
            fault_knows_stage=error_code.width > _STAGE_BITS,
            address=address,
            exit_code=code,
            exit_info_1=info_1,
            exit_info_2=info_2,
            evidence=machine.session.evidence(),
        )


def _always_happens(call: CallMade) -> None:
    if call.guard is not TRUE:
        raise Refused(f"{call.function}() is not called on every path", str(call.at))


def _fault(machine: _Machine) -> Object:
    """A fault that the walk has found, anything in it."""
    return Object(name="fault", type=machine.unit.record(x86_exception.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
