"""The registers that a lifted tree lets the processor run a guest with: ``vmx.c`` and ``svm.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import guest_registers
from mmuproof.model.cuts import hardware_registers as cuts
from mmuproof.model.guest_registers import Register
from mmuproof.model.hardware_registers import OF_PAGING, HardwareRegisters, RegisterRun
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import numbers_given
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.vmcs12 import lent_vmcs12
from mmuproof.model.lifted.vmcs_writes import written
from mmuproof.model.named import functions, kvm_vcpu, switches, vcpu_svm, vcpu_vmx, vmcb_fields
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, bit, bv, eq, ite, ne, resize, var

_PG = 31
_FIELDS = {Register.CR0: 0x6800, Register.CR4: 0x6804}
"""Where a VMCS has the guest's registers: SDM B.4.4."""
_EFER = 0xC000_0080
_SAVED = {Register.CR0: vmcb_fields.SAVE_CR0, Register.CR4: vmcb_fields.SAVE_CR4, Register.EFER: vmcb_fields.SAVE_EFER}


class LiftedHardwareRegisters(HardwareRegisters, Remembers):
    """What a lifted tree tells the processor.

    Args:
        vmx: ``vmx.c``.
        svm: ``svm.c``.
        nested_svm: ``svm/nested.c``.
    """

    def __init__(self, vmx: Unit, svm: Unit, nested_svm: Unit) -> None:
        super().__init__()
        self._vmx, self._svm, self._nested_svm = vmx, svm, nested_svm

    @once
    def run(self, vendor: Vendor, register: Register) -> RegisterRun:
        """See `HardwareRegisters.run`."""
        if vendor is Vendor.AMD:
            return self._vmcb(register)
        return self._switched_efer() if register is Register.EFER else self._vmcs(register)

    def _vmcs(self, register: Register) -> RegisterRun:
        bench, vmx = self._with_vmx()
        name, asked = register.value.lower(), var(register.value.lower(), 64)
        before = bench.read(vmx, vcpu_vmx.VCPU_ARCH_CR0)
        bench.call(f"vmx_set_{name}", **{name: asked})
        told, value = written(bench.session.calls(functions.VMCS_WRITEL), _FIELDS[register])
        cr0 = asked if register is Register.CR0 else before
        return self._of_vmx(bench, register, cr0, asked=asked, told=told, value=value)

    def _switched_efer(self) -> RegisterRun:
        bench, vmx = self._with_vmx()
        asked = bench.read(vmx, f"{kvm_vcpu.IN_VENDORS}.{kvm_vcpu.EFER}")
        by_number = ne(bench.integer("update_transition_efer"), 0)
        switches_to = bench.session.calls(cuts.SWITCH.function)
        hosts = self._hosts_efer(bench)
        value = ite(by_number, bench.read(vmx, vcpu_vmx.FIRST_USER_RETURN_DATA), hosts)
        for call in switches_to:
            value = ite(all_of(call.guard, _is_of_efer(call)), numbers_given(call)[1], value)
        cr0 = bench.read(vmx, vcpu_vmx.VCPU_ARCH_CR0)
        return self._of_vmx(bench, Register.EFER, cr0, asked=asked, told=TRUE, value=value)

    def _hosts_efer(self, bench: Bench) -> BitVec:
        if self._vmx.has_variable(switches.HOST_EFER):
            return bench.session.global_value(bench.memory, switches.HOST_EFER)
        host = bench.session.global_object(switches.KVM_HOST)
        return bench.read(host, switches.EFER_OF_HOST)

    def _with_vmx(self) -> tuple[Bench, Object]:
        found = replace(cuts.FIND_EFER, gives=bv(0, 32))
        bench = Bench(self._vmx, tuple(found if cut is cuts.FIND_EFER else cut for cut in cuts.VMX))
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        bench.write(vmx, vcpu_vmx.VCPU_ARCH_GUEST_STATE_PROTECTED, bv(0, 8))
        bench.write(vmx, vcpu_vmx.LOADED_VMCS, pointer_to(vmx, bench.place(vmx, vcpu_vmx.VMCS01).offset))
        lent_vmcs12(bench, vmx)
        return bench, vmx

    def _of_vmx(
        self, bench: Bench, register: Register, cr0: BitVec, *, asked: BitVec, told: Bool, value: BitVec
    ) -> RegisterRun:
        return RegisterRun(
            asked=asked & OF_PAGING[register],
            paging=bit(cr0, _PG),
            with_tdp=bench.setting(switches.ENABLE_EPT),
            any_mode=bench.setting(switches.ENABLE_UNRESTRICTED_GUEST),
            told=told,
            hardware=value & OF_PAGING[register],
            evidence=bench.session.evidence(),
        )

    def _vmcb(self, register: Register) -> RegisterRun:
        succeeds = replace(guest_registers.ALLOCATE, gives=bv(0, 32))
        known = tuple(succeeds if cut is guest_registers.ALLOCATE else cut for cut in cuts.SVM)
        bench = Bench(self._svm, known, linked=(self._nested_svm,))
        svm = bench.add("svm", vcpu_svm.STRUCT)
        bench.lend_vcpu(svm)
        bench.write(svm, vcpu_vmx.VCPU_ARCH_GUEST_STATE_PROTECTED, bv(0, 8))
        vmcb = Object(name="vmcb", type=self._svm.record(vmcb_fields.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        for place in (vcpu_svm.VMCB01_PTR, vcpu_svm.VMCB02_PTR, vcpu_svm.VMCB):
            bench.write(svm, place, pointer_to(vmcb))
        name, asked = register.value.lower(), var(register.value.lower(), 64)
        before = bench.read(svm, f"{kvm_vcpu.IN_VENDORS}.{kvm_vcpu.CR0}")
        bench.call(f"svm_set_{name}", **{name: asked})
        with_npt = bench.setting(switches.NPT_ENABLED)
        return RegisterRun(
            asked=asked & OF_PAGING[register],
            paging=bit(asked if register is Register.CR0 else before, _PG),
            with_tdp=with_npt,
            any_mode=with_npt,
            told=TRUE,
            hardware=bench.read(vmcb, _SAVED[register]) & OF_PAGING[register],
            evidence=bench.session.evidence(),
        )


def _is_of_efer(call: CallMade) -> Bool:
    return eq(resize(numbers_given(call)[0], 64), _EFER)
