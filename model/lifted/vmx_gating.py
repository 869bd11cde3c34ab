"""The way of MBEC from the processor to L2 in a lifted tree."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import PointerType
from mmuproof.lift.errors import Missing, Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Object, ObjectKind, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.common import CONFIGURE_MMU
from mmuproof.model.cuts.vmx_gating import CUTS, READ_MSR, READ_MSR_SAFE, SET_EPT_MASKS, SHADOW_EPT
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.vmcs12 import lent_vmcs12
from mmuproof.model.named import functions, kvm_vcpu, switches, vcpu_vmx, vmcs12_fields, vmcs_config
from mmuproof.model.vmx_gating import (
    Controls,
    EptUse,
    Filtered,
    NestedEptSetUp,
    OfferedToL1,
    ShadowEpt,
    Vmcs02,
    VmcsConfig,
    VmEntry,
    VmxGating,
    VmxSettings,
)
from mmuproof.smt.terms import FALSE, BitVec, Bool, bv, eq, ne, resize, var

_PROCBASED_CTLS2 = 0x48B
_HARDWARE_SETUP = ("vmx_hardware_setup", "hardware_setup")
_SETUP_SECONDARY = "nested_vmx_setup_secondary_ctls"


class LiftedVmxGating(VmxGating, Remembers):
    """The part of a lifted tree that turns MBEC on.

    Args:
        vmx: ``vmx.c``.
        nested: ``vmx/nested.c``.
        evmcs: the unit for enlightened VMCSs, if there is one.
    """

    def __init__(self, vmx: Unit, nested: Unit, evmcs: Unit | None = None) -> None:
        super().__init__()
        self._vmx, self._nested, self._evmcs = vmx, nested, evmcs

    def _bench(self, unit: Unit, *known: Cut) -> Bench:
        """A bench for code that knows MBEC; of some of the cuts more is known."""
        if not self._vmx.has_variable(switches.ENABLE_MBEC):
            raise NotThere([switches.ENABLE_MBEC])
        names = {cut.function for cut in known}
        return Bench(unit, (*(cut for cut in CUTS if cut.function not in names), *known))

    @once
    def setup_vmcs_config(self) -> VmcsConfig:
        """See `VmxGating.setup_vmcs_config`."""
        ept_vpid = var(f"__val after {READ_MSR_SAFE.function}()", 64)
        bench = self._bench(self._vmx, replace(READ_MSR_SAFE, stores=((1, "", ept_vpid),)))
        config, capability = bench.add("vmcs_conf", vmcs_config.STRUCT), bench.add("vmx_cap", vmcs_config.CAPABILITY)
        result = bench.integer("setup_vmcs_config")
        if len(bench.session.calls(READ_MSR_SAFE.function)) != 1:
            raise Refused(
                f"setup_vmcs_config() reads other registers than IA32_VMX_EPT_VPID_CAP with {READ_MSR_SAFE.function}()"
            )
        return VmcsConfig(
            succeeds=eq(result, 0),
            secondary=bench.read(config, vmcs_config.CPU_BASED_2ND_EXEC_CTRL),
            ept_capability=bench.read(capability, vmcs_config.EPT),
            allowed_secondary=var(f"{READ_MSR.function}({_PROCBASED_CTLS2})", 64),
            ept_vpid_capability=ept_vpid,
            evidence=bench.session.evidence(),
        )

    @once
    def hardware_setup(self, secondary: BitVec, asked_for: Bool) -> VmxSettings:
        """See `VmxGating.hardware_setup`."""
        bench = self._bench(self._vmx)
        bench.write(bench.session.global_object(switches.VMCS_CONFIG), vmcs_config.CPU_BASED_2ND_EXEC_CTRL, secondary)
        bench.set(switches.ENABLE_MBEC, asked_for)
        result = bench.session.integer(bench.memory, _HARDWARE_SETUP, objects={})
        return VmxSettings(
            eq(result, 0),
            bench.setting(switches.ENABLE_EPT),
            bench.setting(switches.ENABLE_MBEC),
            bench.session.evidence(),
        )

    @once
    def ept_use(self) -> EptUse:
        """See `VmxGating.ept_use`."""
        bench = Bench(self._vmx, CUTS)
        bench.session.call(bench.memory, _HARDWARE_SETUP, objects={})
        masks, mmu = (bench.session.only_call(cut.function) for cut in (SET_EPT_MASKS, CONFIGURE_MMU))
        has_execute_only = "has_exec_only" in self._vmx.parameter_names(SET_EPT_MASKS.function)
        execute_only = ne(bench.session.argument(masks, "has_exec_only"), 0) if has_execute_only else FALSE
        enabled, largest_page = (bench.session.argument(mmu, name) for name in ("enable_tdp", "tdp_huge_page_level"))
        return EptUse(
            sets_masks=masks.guard,
            with_ad_bits=ne(bench.session.argument(masks, "has_ad_bits"), 0),
            with_execute_only=execute_only,
            configures=mmu.guard,
            with_ept=ne(enabled, 0),
            largest_page=resize(largest_page, 32),
            ept_capability=bench.read(bench.session.global_object(switches.VMX_CAPABILITY), vmcs_config.EPT),
            evidence=bench.session.evidence(),
        )

    @once
    def setup_secondary_ctls(
        self, enable_ept: Bool, enable_mbec: Bool, secondary: BitVec, ept_capability: BitVec
    ) -> OfferedToL1:
        """See `VmxGating.setup_secondary_ctls`."""
        bench = self._bench(self._nested)
        bench.set(switches.ENABLE_EPT, enable_ept)
        bench.set(switches.ENABLE_MBEC, enable_mbec)
        return self._offered(bench, secondary, ept_capability)

    @once
    def offered_ept_capability(self, ept_capability: BitVec, ad_bits: Bool) -> OfferedToL1:
        """See `VmxGating.offered_ept_capability`."""
        bench = Bench(self._nested, CUTS)
        bench.set(switches.ENABLE_EPT_AD_BITS, ad_bits)
        if self._nested.has_function(_SETUP_SECONDARY):
            return self._offered(bench, var("vmcs_config.cpu_based_2nd_exec_ctrl", 32), ept_capability)
        # Before it was a function of its own it was part of the set-up of all controls.
        config = bench.add("vmcs_conf", vmcs_config.STRUCT)
        bench.write(config, vmcs_config.NESTED_EPT_CAPS, bv(0, 32))
        bench.call(functions.NESTED_VMX_SETUP_CTLS_MSRS, ept_caps=ept_capability)
        return OfferedToL1(
            bench.read(config, vmcs_config.NESTED_SECONDARY_CTLS_HIGH),
            bench.read(config, vmcs_config.NESTED_EPT_CAPS),
            bench.session.evidence(),
        )

    def _offered(self, bench: Bench, secondary: BitVec, ept_capability: BitVec) -> OfferedToL1:
        """What ``nested_vmx_setup_secondary_ctls()`` leaves for L1."""
        config, offered = bench.add("vmcs_conf", vmcs_config.STRUCT), bench.add("msrs", vcpu_vmx.MSRS)
        bench.write(config, vmcs_config.CPU_BASED_2ND_EXEC_CTRL, secondary)
        # What the memory of the module holds before anything is written to it.
        bench.write(offered, vcpu_vmx.EPT_CAPS, bv(0, 32))
        bench.call(_SETUP_SECONDARY, ept_caps=ept_capability)
        return OfferedToL1(
            bench.read(offered, vcpu_vmx.SECONDARY_CTLS_HIGH),
            bench.read(offered, vcpu_vmx.EPT_CAPS),
            bench.session.evidence(),
        )

    @once
    def check_vm_execution_controls(self, vmcs12: Controls, offered: BitVec) -> VmEntry:
        """See `VmxGating.check_vm_execution_controls`."""
        bench = Bench(self._nested, CUTS)
        vmx = self._vcpu(bench)
        bench.write(vmx, vcpu_vmx.NESTED_MSRS_SECONDARY_CTLS_HIGH, offered)
        bench.write(vmx, vcpu_vmx.NESTED_MSRS_SECONDARY_CTLS_LOW, bv(0, 32))
        self._vmcs12(bench, vmcs12)
        return self._entry(bench, "nested_check_vm_execution_controls")

    @once
    def check_mbec_controls(self, vmcs12: Controls) -> VmEntry:
        """See `VmxGating.check_mbec_controls`."""
        bench = Bench(self._nested, CUTS)
        self._vcpu(bench)
        self._vmcs12(bench, vmcs12)
        return self._entry(bench, "nested_vmx_check_mode_based_ept_exec_controls")

    def _entry(self, bench: Bench, name: str) -> VmEntry:
        result = bench.integer(name)
        return VmEntry(ne(result, 0), bench.session.evidence())

    def _vcpu(self, bench: Bench) -> Object:
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        bench.lend_vcpu(vmx)
        return vmx

    def _vmcs12(self, bench: Bench, controls: Controls) -> Object:
        vmcs12 = bench.add("vmcs12", vmcs12_fields.STRUCT)
        bench.write(vmcs12, vmcs12_fields.CPU_BASED_VM_EXEC_CONTROL, controls.primary)
        bench.write(vmcs12, vmcs12_fields.SECONDARY_VM_EXEC_CONTROL, controls.secondary)
        return vmcs12

    @once
    def prepare_vmcs02_early(self, vmcs01: Controls, vmcs12: Controls) -> Vmcs02:
        """See `VmxGating.prepare_vmcs02_early`."""
        bench = self._bench(self._nested)
        vmx = self._vcpu(bench)
        # nested_vmx_enter_non_root_mode() has made vmcs02 the current one.
        vmcs02 = bench.place(vmx, vcpu_vmx.NESTED_VMCS02)
        bench.write(vmx, vcpu_vmx.LOADED_VMCS, pointer_to(vmx, vmcs02.offset))
        outer = bench.place(vmx, vcpu_vmx.VMCS01)
        bench.objects[vcpu_vmx.LOADED_VMCS_STRUCT] = pointer_to(vmx, outer.offset)
        bench.write(vmx, vcpu_vmx.VMCS01_CONTROLS_SHADOW_EXEC, vmcs01.primary)
        bench.write(vmx, vcpu_vmx.VMCS01_CONTROLS_SHADOW_SECONDARY_EXEC, vmcs01.secondary)
        self._vmcs12(bench, vmcs12)
        config = bench.session.global_object(switches.VMCS_CONFIG)
        activate = bench.read(config, vmcs_config.CPU_BASED_EXEC_CTRL) | (1 << 31)
        bench.write(config, vmcs_config.CPU_BASED_EXEC_CTRL, activate)
        bench.call("prepare_vmcs02_early")
        controls = Controls(
            bench.read(vmx, vcpu_vmx.NESTED_VMCS02_CONTROLS_SHADOW_EXEC),
            bench.read(vmx, vcpu_vmx.NESTED_VMCS02_CONTROLS_SHADOW_SECONDARY_EXEC),
        )
        return Vmcs02(controls, bench.session.evidence())

    @once
    def new_eptp(self, vmcs12: Controls) -> ShadowEpt:
        """See `VmxGating.new_eptp`."""
        bench = self._bench(self._nested)
        vmx = self._vcpu(bench)
        bench.write(vmx, vcpu_vmx.NESTED_CACHED_VMCS12, pointer_to(self._vmcs12(bench, vmcs12)))
        bench.call(functions.NESTED_EPT_NEW_EPTP)
        call = bench.session.only_call(SHADOW_EPT.function)
        return ShadowEpt(ne(bench.session.argument(call, "mbec"), 0), bench.session.evidence())

    @once
    def nested_ept_set_up(self) -> NestedEptSetUp:
        """See `VmxGating.nested_ept_set_up`."""
        bench = Bench(self._nested, CUTS)
        vmx = self._vcpu(bench)
        vmcs12 = lent_vmcs12(bench, vmx)
        bench.call(functions.NESTED_EPT_NEW_EPTP)
        call = bench.session.only_call(SHADOW_EPT.function)
        execute_only, largest_page, accessed_dirty, eptp = (
            bench.session.argument(call, name) for name in ("execonly", "huge_page_level", "accessed_dirty", "new_eptp")
        )
        return NestedEptSetUp(
            execute_only=ne(execute_only, 0),
            largest_page=resize(largest_page, 32),
            accessed_dirty=ne(accessed_dirty, 0),
            told_eptp=eptp,
            offered=bench.read(vmx, vcpu_vmx.NESTED_MSRS_EPT_CAPS),
            eptp=bench.read(vmcs12, vmcs12_fields.EPT_POINTER),
            evidence=bench.session.evidence(),
        )

    def _unit_of_evmcs(self) -> Unit:
        if self._evmcs is None:
            raise Missing(["nested_evmcs_filter_control_msr()"])
        return self._evmcs

    @once
    def evmcs_filter(self, data: BitVec) -> Filtered:
        """See `VmxGating.evmcs_filter`."""
        evmcs = self._unit_of_evmcs()
        bench = self._bench(evmcs)
        bench.add("vcpu", kvm_vcpu.STRUCT)
        function = evmcs.function("nested_evmcs_filter_control_msr")
        pointer = function.parameters[-1]
        assert isinstance(pointer.type, PointerType)
        held = Object(name="*pdata", type=pointer.type.target, kind=ObjectKind.INPUT)
        bench.memory.write(held, 0, held.type.bits, data)
        bench.session.call(
            bench.memory,
            function.name,
            objects=bench.objects,
            values={"msr_index": bv(_PROCBASED_CTLS2, 32)},
            pointers={pointer.name: pointer_to(held)},
        )
        return Filtered(read(bench.memory, held, 0, held.type.bits), bench.session.evidence())

    @once
    def evmcs_check(self, vmcs12: Controls) -> VmEntry:
        """See `VmxGating.evmcs_check`."""
        bench = self._bench(self._unit_of_evmcs())
        self._vmcs12(bench, vmcs12)
        return self._entry(bench, "nested_evmcs_check_controls")
