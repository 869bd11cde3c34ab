"""MBEC and EPTP in a VMCS and GMET in a VMCB, in a lifted tree."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import RecordType, StructMember
from mmuproof.lift.machine.memory import NULL, Memory, Object, ObjectKind, pointer_to
from mmuproof.lift.machine.values import choose
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.hardware_controls import (
    COHERENCE,
    CR0_BITS,
    DUMMY_ROOT,
    ENTRY_FLAGS,
    LOAD_EPT,
    MEMORY_TYPE,
    MTRR_TYPE,
    ROOT_TO_SP,
    SVM,
    VMCS_WRITE,
    VMX,
)
from mmuproof.model.hardware_controls import (
    Cr3Loaded,
    EntryFlags,
    ExecuteControl,
    HardwareControls,
    MemoryType,
    TablesLoaded,
)
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.loaded_cr3 import svm_cr3, vmx_cr3
from mmuproof.model.lifted.mmio_notes import MmioNotes, is_mitigated
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, bit_field, member, own_member, place_of, read_member
from mmuproof.model.lifted.vmcs12 import lent_vmcs12
from mmuproof.model.lifted.vmcs_writes import written
from mmuproof.model.named import (
    constants,
    functions,
    kvm_mmu_page,
    kvm_vcpu,
    kvm_vm,
    page_role,
    switches,
    vcpu_svm,
    vcpu_vmx,
    vmcb_fields,
    vmcs12_fields,
    vmcs_config,
)
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, bit, bool_var, bv, eq, ne, negate, resize, to_bv, var

_EPT_POINTER = 0x201A
"""The field of a VMCS, by the manual's encoding."""
_AD_BIT = 6
_IGNORE_GUEST_PAT = 1 << 9
"""A quirk, by the number that userspace knows it by."""


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
        mask = constant_of(unit, constants.SECONDARY_EXEC_MODE_BASED_EPT_EXEC)
        config = session.global_object(switches.VMCS_CONFIG)
        assert isinstance(config.type, RecordType)
        place = member(config.type, vmcs_config.CPU_BASED_2ND_EXEC_CTRL)
        supported = ne(read_member(memory, config, place) & mask, 0)
        setting = ne(session.global_value(memory, switches.ENABLE_MBEC), 0)
        vmx = pointer_to(Object(name="vmx", type=unit.record(vcpu_vmx.STRUCT), kind=ObjectKind.INPUT, by_pointer=True))
        control = session.integer(memory, "vmx_secondary_exec_control", objects={vcpu_vmx.STRUCT: vmx})
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
        mask = constant_of(unit, constants.SVM_MISC_ENABLE_GMET)
        setting = ne(session.global_value(memory, switches.GMET_ENABLED), 0)
        svm = Object(name="svm", type=unit.record(vcpu_svm.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        vmcb = Object(name="vmcb01", type=unit.record(vmcb_fields.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        place = place_of(svm, vcpu_svm.VMCB01_PTR)
        memory.write(svm, place.offset, place.width, pointer_to(vmcb))
        # A vCPU that is reset runs in vmcb01.
        for name, target in (
            (vcpu_svm.VMCB, pointer_to(vmcb)),
            (vcpu_svm.CURRENT_VMCB, pointer_to(svm, place_of(svm, vcpu_svm.VMCB01).offset)),
        ):
            place = place_of(svm, name)
            memory.write(svm, place.offset, place.width, target)
        control = place_of(vmcb, vmcb_fields.CONTROL_MISC_CTL)

        def is_set() -> Bool:
            return ne(read_member(memory, vmcb, control) & mask, 0)

        before = is_set()
        # A vCPU is the first member of the struct that SVM keeps for it.
        session.call(
            memory,
            "init_vmcb",
            objects={kvm_vcpu.STRUCT: pointer_to(svm, place_of(svm, kvm_vcpu.IN_VENDORS).offset)},
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

    @once
    def load_ept(self, *, nested: bool) -> TablesLoaded:
        """See `HardwareControls.load_ept`."""
        unit = self._vmx
        dummy = bool_var("is_dummy_root(mmu->root.hpa)")
        # Kernels that take the role from the MMU do not look at pages here.
        asks_page = unit.has_function(functions.ROOT_TO_SP)
        page = Bench(unit, ()).add("root", kvm_mmu_page.STRUCT) if asks_page else None
        root_page = choose(dummy, NULL, pointer_to(page)) if page is not None else NULL
        bench = Bench(
            unit,
            (*LOAD_EPT, replace(DUMMY_ROOT, gives=to_bv(dummy, 8)), replace(ROOT_TO_SP, gives=root_page)),
            static_calls={"kvm_x86_load_mmu_pgd": functions.VMX_LOAD_MMU_PGD},
        )
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        vm = bench.add("kvm_vmx", vcpu_vmx.VM)
        bench.write(vmx, vcpu_vmx.VCPU_KVM, pointer_to(vm, bench.place(vm, vcpu_vmx.KVM).offset))
        vmcs12 = lent_vmcs12(bench, vmx)
        mmus = Mmus(vmx, "vcpu.")
        mmus.connect(bench.memory, nested=nested, l2=nested)
        part = Part.NESTED_MMU if nested else Part.ROOT_MMU
        whole = mmus.find(part)
        root, role = (_inside(whole, path) for path in ("root.hpa", "root_role"))
        asked_ad_bits = bit(bench.read(vmcs12, vmcs12_fields.EPT_POINTER), _AD_BIT)
        l2_runs = ne(bench.integer(functions.IS_GUEST_MODE), 0)
        bench.call(functions.KVM_MMU_LOAD_PGD)
        told, pointer = written(bench.session.calls(VMCS_WRITE.function), _EPT_POINTER)
        memory = bench.memory
        level, ad_disabled = _levels_and_flags(memory, vmx, role)
        of_page = (
            (level, ad_disabled) if page is None else _levels_and_flags(memory, page, place_of(page, kvm_mmu_page.ROLE))
        )
        return TablesLoaded(
            root=read_member(memory, vmx, root),
            level=level,
            ad_disabled=ad_disabled,
            page_level=of_page[0],
            page_ad_disabled=of_page[1],
            dummy=dummy if page is not None else FALSE,
            with_tdp=bench.setting(switches.ENABLE_EPT),
            with_ad_bits=bench.setting(switches.ENABLE_EPT_AD_BITS),
            l2_runs=l2_runs,
            asked_ad_bits=asked_ad_bits,
            told=told,
            pointer=pointer,
            evidence=bench.session.evidence(),
        )

    @once
    def load_cr3(self, vendor: Vendor) -> Cr3Loaded:
        """See `HardwareControls.load_cr3`."""
        if vendor is Vendor.INTEL:
            return vmx_cr3(self._vmx)
        if vendor is Vendor.AMD:
            return svm_cr3(self._svm)
        raise NotThere(["a vendor's CR3 for shadow paging"])

    @once
    def entry_flags(self) -> EntryFlags:
        """See `HardwareControls.entry_flags`."""
        unit = self._vmx
        noted = MmioNotes(unit, ENTRY_FLAGS, "vmx", "vcpu.")
        flags = noted.bench.integer("__vmx_vcpu_enter_flags")
        return EntryFlags(
            mitigated=is_mitigated(unit),
            with_page=noted.with_page,
            in_page=noted.in_page,
            in_vm=noted.in_vm,
            clears=ne(flags & constant_of(unit, constants.KVM_ENTER_CLEAR_CPU_BUFFERS_FOR_MMIO), 0),
            evidence=noted.bench.session.evidence(),
        )

    @once
    def page_memory_type(self) -> MemoryType:
        """See `HardwareControls.page_memory_type`."""
        bench = Bench(self._vmx, MEMORY_TYPE)
        vcpu, kvm = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("kvm", kvm_vm.STRUCT)
        bench.write(vcpu, kvm_vcpu.KVM, bench.objects[kvm_vm.STRUCT])
        is_mmio = var("is_mmio", 1)
        bits = bench.integer("vmx_get_mt_mask", gfn=var("gfn", 64), is_mmio=is_mmio)
        by_mtrrs, cache_off = (bool(bench.session.calls(each.function)) for each in (MTRR_TYPE, CR0_BITS))
        quirks = bench.read(kvm, kvm_vm.DISABLED_QUIRKS)
        return MemoryType(
            is_mmio=bit(is_mmio, 0),
            coherent=negate(bench.session.says(COHERENCE.function)),
            # Before there was a choice it was always so.
            ignores_pat=TRUE if by_mtrrs else eq(quirks & _IGNORE_GUEST_PAT, 0),
            cache_off=ne(var(f"{CR0_BITS.function}()", 64), 0) if cache_off else FALSE,
            by_mtrrs=by_mtrrs,
            bits=resize(bits, 8),
            evidence=bench.session.evidence(),
        )

    def _told(self, session: Session, memory: Memory, function: str) -> Bool:
        kvm = pointer_to(
            Object(name="kvm", type=session.unit.record(kvm_vm.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        )
        return ne(session.integer(memory, function, objects={kvm_vm.STRUCT: kvm}), 0)


def _inside(whole: StructMember, path: str) -> StructMember:
    """A member of a struct that is a member itself, from where that one is counted from."""
    assert isinstance(whole.type, RecordType)
    found = own_member(whole.type, path)
    return replace(found, offset=whole.offset + found.offset)


def _levels_and_flags(memory: Memory, owner: Object, role: StructMember) -> tuple[BitVec, Bool]:
    """How many levels there are by a role, and whether there are no A/D bits."""
    level, without = (
        read_member(memory, owner, bit_field(role, name)) for name in (page_role.LEVEL, page_role.AD_DISABLED)
    )
    return level, ne(without, 0)
