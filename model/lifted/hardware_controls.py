"""MBEC in a VMCS and GMET in a VMCB, in a lifted tree."""

from __future__ import annotations

from mmuproof.lift.c_types import RecordType, StructMember, member_at
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.hardware_controls import SVM, VMX
from mmuproof.model.hardware_controls import ExecuteControl, HardwareControls
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, member, read
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import FALSE, TRUE, Bool, bv, ne


class LiftedHardwareControls(HardwareControls, Remembers):
    """The parts of a lifted tree that write the controls of VMCS and VMCB.

    Args:
        vmx: ``vmx.c``.
        svm: ``svm.c``.
    """

    def __init__(self, vmx: Unit, svm: Unit) -> None:
        super().__init__()
        self._vmx, self._svm = vmx, svm

    @once
    def execute_control(self, vendor: Vendor) -> ExecuteControl:
        """See `HardwareControls.execute_control`."""
        if vendor is Vendor.INTEL:
            return self._mode_based_execute()
        if vendor is Vendor.AMD:
            return self._gmet()
        raise NotThere(["a vendor's control for shadow paging"])

    def _mode_based_execute(self) -> ExecuteControl:
        unit, memory = self._vmx, Memory()
        session = Session(unit, VMX)
        told = self._told(session, memory, "vmx_tdp_has_smep")
        mask = constant_of(unit, "SECONDARY_EXEC_MODE_BASED_EPT_EXEC")
        config = session.global_object("vmcs_config")
        assert isinstance(config.type, RecordType)
        place = member(config.type, "cpu_based_2nd_exec_ctrl")
        supported = ne(read(memory, config, place.offset, place.width) & mask, 0)
        setting = ne(session.global_value(memory, "enable_mbec"), 0)
        vmx = pointer_to(
            Object(name="vmx", type=unit.record("struct vcpu_vmx"), kind=ObjectKind.INPUT, by_pointer=True)
        )
        control = session.integer(memory, "vmx_secondary_exec_control", objects={"struct vcpu_vmx": vmx})
        return ExecuteControl(
            told_to_mmu=told,
            in_hardware=ne(control & mask, 0),
            before=FALSE,
            setting=setting,
            supported=supported,
            evidence=session.evidence(),
        )

    def _gmet(self) -> ExecuteControl:
        unit, memory = self._svm, Memory()
        session = Session(unit, SVM)
        told = self._told(session, memory, "svm_tdp_has_smep")
        mask = constant_of(unit, "SVM_MISC_ENABLE_GMET")
        setting = ne(session.global_value(memory, "gmet_enabled"), 0)
        svm = Object(name="svm", type=unit.record("struct vcpu_svm"), kind=ObjectKind.INPUT, by_pointer=True)
        vmcb = Object(name="vmcb01", type=unit.record("struct vmcb"), kind=ObjectKind.INPUT, by_pointer=True)
        place = _at(svm, "vmcb01.ptr")
        memory.write(svm, place.offset, place.width, pointer_to(vmcb))
        # A vCPU that is reset runs in vmcb01.
        for name, target in (("vmcb", pointer_to(vmcb)), ("current_vmcb", pointer_to(svm, _at(svm, "vmcb01").offset))):
            place = _at(svm, name)
            memory.write(svm, place.offset, place.width, target)
        control = _at(vmcb, "control.misc_ctl")

        def is_set() -> Bool:
            return ne(read(memory, vmcb, control.offset, control.width) & mask, 0)

        before = is_set()
        # A vCPU is the first member of the struct that SVM keeps for it.
        session.call(
            memory,
            "init_vmcb",
            objects={"struct kvm_vcpu": pointer_to(svm, _at(svm, "vcpu").offset)},
            values={"init_event": bv(0, 8)},
        )
        return ExecuteControl(
            told_to_mmu=told,
            in_hardware=is_set(),
            before=before,
            setting=setting,
            supported=TRUE,
            evidence=session.evidence(),
        )

    def _told(self, session: Session, memory: Memory, function: str) -> Bool:
        kvm = pointer_to(
            Object(name="kvm", type=session.unit.record("struct kvm"), kind=ObjectKind.INPUT, by_pointer=True)
        )
        return ne(session.integer(memory, function, objects={"struct kvm": kvm}), 0)


def _at(object_: Object, path: str) -> StructMember:
    assert isinstance(object_.type, RecordType)
    try:
        return member_at(object_.type, path)
    except KeyError as missing:
        raise NotThere([f"{object_.type.name}.{path} ({missing.args[0]})"]) from None
