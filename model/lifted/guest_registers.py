"""The registers that choose a guest's paging mode, as they come into a vCPU of a lifted tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.c_types import IntType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Object, ObjectKind, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import guest_registers as cuts
from mmuproof.model.guest_registers import GuestRegisters, LetIn, Register, Registers
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.vmcs12 import lent_vmcs12
from mmuproof.model.named import kvm_vcpu, userspace, vcpu_svm, vcpu_vmx, vmcb_fields, vmcs12_fields
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import BitVec, Bool, all_of, bv, eq, ne, var

_NAMES = ("cr0", "cr4", "efer")
_OF_USERSPACE = (userspace.CR0, userspace.CR4, userspace.EFER)
_OF_VCPU = (kvm_vcpu.CR0, kvm_vcpu.CR4, kvm_vcpu.EFER)
_OF_VMCS12 = (vmcs12_fields.GUEST_CR0, vmcs12_fields.GUEST_CR4, vmcs12_fields.GUEST_IA32_EFER)
_SAVED = (vcpu_svm.NESTED_SAVE_CR0, vcpu_svm.NESTED_SAVE_CR4, vcpu_svm.NESTED_SAVE_EFER)
_PREFIXES = {Vendor.INTEL: "vmx", Vendor.AMD: "svm"}


class LiftedGuestRegisters(GuestRegisters, Remembers):
    """The parts of a lifted tree that give a vCPU its control registers.

    Args:
        registers: the unit that sets registers for userspace and for the guest.
        msrs: the unit that writes EFER for the guest.
        vmx: ``vmx.c``.
        nested_vmx: ``vmx/nested.c``.
        svm: ``svm.c``.
        nested_svm: ``svm/nested.c``.
    """

    def __init__(self, registers: Unit, msrs: Unit, vmx: Unit, nested_vmx: Unit, svm: Unit, nested_svm: Unit) -> None:
        super().__init__()
        self._registers, self._msrs, self._vmx, self._nested_vmx = registers, msrs, vmx, nested_vmx
        self._svm, self._nested_svm = svm, nested_svm

    @once
    def enter_l2(self, vendor: Vendor) -> LetIn:
        """See `GuestRegisters.enter_l2`."""
        return self._vmlaunch() if vendor is Vendor.INTEL else self._vmrun()

    def _vmlaunch(self) -> LetIn:
        known = _keeping(var("vmcs12->guest_cr0", 64), (*cuts.ENTER_VMX, *self._known_of_vmx()))
        bench = Bench(self._nested_vmx, known, linked=(self._vmx,))
        vmx = self._vcpu_vmx(bench, self._vmx)
        vmcs12 = lent_vmcs12(bench, vmx)
        failure = Object(name="entry_failure_code", type=IntType(32, False, "u32"), kind=ObjectKind.INPUT)
        before = _held(bench, vmx)
        asked = Registers(*(bench.read(vmcs12, name) for name in _OF_VMCS12))
        pointers = {"entry_failure_code": pointer_to(failure)}
        refused = bench.integer("nested_vmx_check_guest_state", pointers=pointers)
        stopped = bench.integer("prepare_vmcs02", pointers=pointers, from_vmentry=var("from_vmentry", 8))
        return _let_in(bench, vmx, all_of(eq(refused, 0), eq(stopped, 0)), before, asked)

    def _vmrun(self) -> LetIn:
        bench = Bench(self._nested_svm, _known_of_svm(), linked=(self._svm,))
        svm = self._vcpu_svm(bench, self._svm)
        bench.add("vmcb12", vmcb_fields.STRUCT)
        save = bench.place(svm, vcpu_svm.NESTED_SAVE)
        bench.objects[vmcb_fields.CACHED_SAVE] = pointer_to(svm, save.offset)
        before = _held(bench, svm)
        asked = Registers(*(bench.read(svm, name) for name in _SAVED))
        check = self._nested_svm.function("__nested_vmcb_check_save", "nested_vmcb_check_save").name
        accepted = ne(bench.integer(check, check_gpat=var("check_gpat", 8)), 0)
        bench.call("nested_vmcb02_prepare_save")
        return _let_in(bench, svm, accepted, before, asked)

    @once
    def write(self, vendor: Vendor, register: Register) -> LetIn:
        """See `GuestRegisters.write`."""
        if register is not Register.EFER:
            name = register.value.lower()
            bench, owner = self._bench(self._registers, vendor, f"{_PREFIXES[vendor]}->vcpu.arch.cr0")
            value, before = var(name, 64), _held(bench, owner)
            is_cr0 = register is Register.CR0
            asked = replace(before, cr0=value) if is_cr0 else replace(before, cr4=value)
            refused = bench.integer("kvm_set_cr0", cr0=value) if is_cr0 else bench.integer("kvm_set_cr4", cr4=value)
            return _let_in(bench, owner, eq(refused, 0), before, asked)
        bench, owner = self._bench(self._msrs, vendor, f"{_PREFIXES[vendor]}->vcpu.arch.cr0")
        message = bench.add("msr_info", userspace.MSR)
        bench.write(message, userspace.HOST_INITIATED, bv(0, 8))
        value, before = bench.read(message, userspace.DATA), _held(bench, owner)
        refused = bench.integer("set_efer")
        return _let_in(bench, owner, eq(refused, 0), before, replace(before, efer=value))

    @once
    def set_sregs(self, vendor: Vendor) -> LetIn:
        """See `GuestRegisters.set_sregs`."""
        bench, owner = self._bench(self._registers, vendor, "sregs->cr0")
        sregs = bench.add("sregs", userspace.SREGS)
        needed = Object(name="mmu_reset_needed", type=IntType(32, True, "int"), kind=ObjectKind.INPUT)
        before = _held(bench, owner)
        asked = Registers(*(bench.read(sregs, name) for name in _OF_USERSPACE))
        refused = bench.integer(
            "__set_sregs_common",
            pointers={"mmu_reset_needed": pointer_to(needed)},
            update_pdptrs=var("update_pdptrs", 8),
        )
        return _let_in(bench, owner, eq(refused, 0), before, asked)

    def _bench(self, unit: Unit, vendor: Vendor, cr0: str) -> tuple[Bench, Object]:
        """A bench for code of both vendors, which calls one vendor's functions, and what holds its vCPU.

        Args:
            unit: the code.
            vendor: whose functions it calls.
            cr0: what the vCPU has in CR0 when PDPTEs are loaded, by the name of an input.
        """
        own, prefix = self._vmx if vendor is Vendor.INTEL else self._svm, _PREFIXES[vendor]
        linked = (own,) if vendor is Vendor.INTEL else (own, self._nested_svm)
        known = self._known_of_vmx() if vendor is Vendor.INTEL else _known_of_svm()
        calls = {f"kvm_x86_set_{name}": f"{prefix}_set_{name}" for name in _NAMES}
        bench = Bench(unit, _keeping(var(cr0, 64), known), linked=linked, static_calls=calls)
        owner = self._vcpu_vmx(bench, own) if vendor is Vendor.INTEL else self._vcpu_svm(bench, own)
        return bench, owner

    def _known_of_vmx(self) -> tuple[Cut, ...]:
        kept = Object(name="EFER", type=self._vmx.record(vcpu_vmx.USER_RETURN_MSR), kind=ObjectKind.INPUT)
        found = replace(cuts.FIND_EFER, gives=pointer_to(kept))
        return tuple(found if cut is cuts.FIND_EFER else cut for cut in cuts.VMX)

    def _vcpu_vmx(self, bench: Bench, unit: Unit) -> Object:
        """A vCPU of VMX."""
        vmx = _container(bench, unit, "vmx", vcpu_vmx.STRUCT)
        loaded = bench.place(vmx, vcpu_vmx.VMCS01)
        bench.write(vmx, vcpu_vmx.LOADED_VMCS, pointer_to(vmx, loaded.offset))
        return vmx

    def _vcpu_svm(self, bench: Bench, unit: Unit) -> Object:
        """A vCPU of SVM; what runs is in vmcb02."""
        svm = _container(bench, unit, "svm", vcpu_svm.STRUCT)
        for name, place in (("vmcb01", vcpu_svm.VMCB01_PTR), ("vmcb02", vcpu_svm.VMCB02_PTR)):
            vmcb = Object(name=name, type=unit.record(vmcb_fields.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
            bench.write(svm, place, pointer_to(vmcb))
            bench.write(svm, vcpu_svm.VMCB, pointer_to(vmcb))
        return svm


def _keeping(cr0: BitVec, known: Sequence[Cut]) -> tuple[Cut, ...]:
    """The cuts, of which some leave CR0 as it is."""
    stays = ((0, "arch.cr0", cr0),)
    return tuple(replace(cut, stores=stays) if cut in (cuts.LOAD_PDPTRS, cuts.LOAD_CR3) else cut for cut in known)


def _known_of_svm() -> tuple[Cut, ...]:
    succeeds = replace(cuts.ALLOCATE, gives=bv(0, 32))
    return tuple(succeeds if cut is cuts.ALLOCATE else cut for cut in cuts.SVM)


def _container(bench: Bench, unit: Unit, name: str, record: str) -> Object:
    """What a vendor keeps a vCPU in, which code of both vendors knows nothing of."""
    made = Object(name=name, type=unit.record(record), kind=ObjectKind.INPUT, by_pointer=True)
    bench.objects[record] = pointer_to(made)
    bench.lend_vcpu(made)
    # What is known of registers that KVM cannot see belongs to guests that are outside.
    bench.write(made, vcpu_vmx.VCPU_ARCH_GUEST_STATE_PROTECTED, bv(0, 8))
    return made


def _let_in(bench: Bench, owner: Object, accepted: Bool, before: Registers, asked: Registers) -> LetIn:
    after = _held(bench, owner)
    return LetIn(accepted=accepted, before=before, asked=asked, after=after, evidence=bench.session.evidence())


def _held(bench: Bench, owner: Object) -> Registers:
    return Registers(*(bench.read(owner, f"{kvm_vcpu.IN_VENDORS}.{name}") for name in _OF_VCPU))
