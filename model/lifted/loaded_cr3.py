"""CR3 as a lifted tree tells the processor of it: ``vmx.c`` and ``svm.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.memory import NULL, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.hardware_controls import LOAD_EPT, LOAD_NPT, REGISTER_DIRTY, ROOT_TO_SP
from mmuproof.model.cuts.set_ups import REGISTER_CACHED
from mmuproof.model.hardware_controls import Cr3Loaded
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_nonzero
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.cr4_bits import PCIDE
from mmuproof.model.lifted.vmcs_writes import written
from mmuproof.model.named import constants, functions, switches, vcpu_svm, vcpu_vmx, vmcb_fields
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bit, bv, eq, negate, var

_GUEST_CR3 = 0x6802
"""The field of a VMCS, by the manual's encoding."""
_NESTED_PAGING, _CONTROL_REGISTERS = 4, 5
"""The bits of the VMCB's clean field, by the manual: what is set has not changed."""
_PG = 31
_CACHED = replace(REGISTER_CACHED, gives=bv(1, 8))
_ROOT, _LEVEL = var("root_hpa", 64), var("root_level", 32)


def vmx_cr3(unit: Unit) -> Cr3Loaded:
    """See `mmuproof.model.hardware_controls.HardwareControls.load_cr3`."""
    bench = Bench(unit, (*LOAD_EPT, replace(ROOT_TO_SP, gives=NULL), _CACHED, REGISTER_DIRTY))
    vmx, vm = bench.add("vmx", vcpu_vmx.STRUCT), bench.add("kvm_vmx", vcpu_vmx.VM)
    bench.lend_vcpu(vmx)
    bench.write(vmx, vcpu_vmx.VCPU_KVM, pointer_to(vm, bench.place(vm, vcpu_vmx.KVM).offset))
    bench.call(functions.VMX_LOAD_MMU_PGD, root_hpa=_ROOT, root_level=_LEVEL)
    told, cr3 = written(bench.session.calls(functions.VMCS_WRITEL), _GUEST_CR3)
    paged = any_of(bit(bench.read(vmx, vcpu_vmx.VCPU_ARCH_CR0), _PG), bench.setting(switches.ENABLE_UNRESTRICTED_GUEST))
    return Cr3Loaded(
        root=_ROOT,
        level=_LEVEL,
        with_tdp=bench.setting(switches.ENABLE_EPT),
        guest_cr3=bench.read(vmx, vcpu_vmx.VCPU_ARCH_CR3),
        has_pcid=bit(bench.read(vmx, vcpu_vmx.VCPU_ARCH_CR4), PCIDE),
        encryption=bv(0, 64),
        unpaged=negate(paged),
        changed=_is_changed(bench),
        told=told,
        cr3=cr3,
        nested_cr3=bv(0, 64),
        noted=TRUE,
        evidence=bench.session.evidence(),
    )


def _is_changed(bench: Bench) -> Bool:
    """Whether KVM has noted another CR3 for the guest; it may have where nobody asks."""
    register = constant_of(bench.session.unit, constants.VCPU_REG_CR3, constants.VCPU_EXREG_CR3)
    asked, noted = FALSE, FALSE
    for call in bench.session.calls(REGISTER_DIRTY.function):
        of_which = call.arguments[1]
        assert isinstance(of_which, BitVec)
        here = all_of(call.guard, eq(of_which, register))
        asked, noted = any_of(asked, here), any_of(noted, all_of(here, is_nonzero(call)))
    return any_of(negate(asked), noted)


def svm_cr3(unit: Unit) -> Cr3Loaded:
    """See `mmuproof.model.hardware_controls.HardwareControls.load_cr3`."""
    bench = Bench(unit, (*LOAD_NPT, _CACHED))
    svm, vmcb = bench.add("svm", vcpu_svm.STRUCT), bench.add("vmcb", vmcb_fields.STRUCT)
    bench.lend_vcpu(svm)
    bench.write(svm, vcpu_svm.VMCB, pointer_to(vmcb))
    bench.call("svm_load_mmu_pgd", root_hpa=_ROOT, root_level=_LEVEL)
    clean, with_npt = bench.read(vmcb, vmcb_fields.CONTROL_CLEAN), bench.setting(switches.NPT_ENABLED)
    # A kernel that is configured without memory encryption has no such variable, and encrypts nothing.
    has_mask = unit.has_variable(switches.SME_ME_MASK)
    encryption = bench.session.global_value(bench.memory, switches.SME_ME_MASK) if has_mask else bv(0, 64)
    stale = any_of(bit(clean, _CONTROL_REGISTERS), all_of(with_npt, bit(clean, _NESTED_PAGING)))
    return Cr3Loaded(
        root=_ROOT,
        level=_LEVEL,
        with_tdp=with_npt,
        guest_cr3=bench.read(svm, vcpu_svm.VCPU_ARCH_CR3),
        has_pcid=bit(bench.read(svm, vcpu_svm.VCPU_ARCH_CR4), PCIDE),
        encryption=encryption,
        unpaged=FALSE,
        changed=TRUE,
        told=TRUE,
        cr3=bench.read(vmcb, vmcb_fields.SAVE_CR3),
        nested_cr3=bench.read(vmcb, vmcb_fields.CONTROL_NESTED_CR3),
        noted=negate(stale),
        evidence=bench.session.evidence(),
    )
