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

_SETTING = "enable_mbec"
_PROCBASED_CTLS2 = 0x48B
_HARDWARE_SETUP = ("vmx_hardware_setup", "hardware_setup")
_SETUP_SECONDARY = "nested_vmx_setup_secondary_ctls"
_VMX, _VCPU, _VMCS12 = "struct vcpu_vmx", "struct kvm_vcpu", "struct vmcs12"


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
        if not self._vmx.has_variable(_SETTING):
            raise NotThere([_SETTING])
        names = {cut.function for cut in known}
        return Bench(unit, (*(cut for cut in CUTS if cut.function not in names), *known))

    @once
    def setup_vmcs_config(self) -> VmcsConfig:
        """See `VmxGating.setup_vmcs_config`."""
        ept_vpid = var(f"__val after {READ_MSR_SAFE.function}()", 64)
        bench = self._bench(self._vmx, replace(READ_MSR_SAFE, stores=((1, "", ept_vpid),)))
        config, capability = bench.add("vmcs_conf", "struct vmcs_config"), bench.add("vmx_cap", "struct vmx_capability")
        result = bench.integer("setup_vmcs_config")
        if len(bench.session.calls(READ_MSR_SAFE.function)) != 1:
            raise Refused(
                f"setup_vmcs_config() reads other registers than IA32_VMX_EPT_VPID_CAP with {READ_MSR_SAFE.function}()"
            )
        return VmcsConfig(
            succeeds=eq(result, 0),
            secondary=bench.read(config, "cpu_based_2nd_exec_ctrl"),
            ept_capability=bench.read(capability, "ept"),
            allowed_secondary=var(f"{READ_MSR.function}({_PROCBASED_CTLS2})", 64),
            ept_vpid_capability=ept_vpid,
            evidence=bench.session.evidence(),
        )

    @once
    def hardware_setup(self, secondary: BitVec, asked_for: Bool) -> VmxSettings:
        """See `VmxGating.hardware_setup`."""
        bench = self._bench(self._vmx)
        bench.write(bench.session.global_object("vmcs_config"), "cpu_based_2nd_exec_ctrl", secondary)
        bench.set(_SETTING, asked_for)
        result = bench.session.integer(bench.memory, _HARDWARE_SETUP, objects={})
        return VmxSettings(
            eq(result, 0), bench.setting("enable_ept"), bench.setting(_SETTING), bench.session.evidence()
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
            ept_capability=bench.read(bench.session.global_object("vmx_capability"), "ept"),
            evidence=bench.session.evidence(),
        )

    @once
    def setup_secondary_ctls(
        self, enable_ept: Bool, enable_mbec: Bool, secondary: BitVec, ept_capability: BitVec
    ) -> OfferedToL1:
        """See `VmxGating.setup_secondary_ctls`."""
        bench = self._bench(self._nested)
        bench.set("enable_ept", enable_ept)
        bench.set(_SETTING, enable_mbec)
        return self._offered(bench, secondary, ept_capability)

    @once
    def offered_ept_capability(self, ept_capability: BitVec, ad_bits: Bool) -> OfferedToL1:
        """See `VmxGating.offered_ept_capability`."""
        bench = Bench(self._nested, CUTS)
        bench.set("enable_ept_ad_bits", ad_bits)
        if self._nested.has_function(_SETUP_SECONDARY):
            return self._offered(bench, var("vmcs_config.cpu_based_2nd_exec_ctrl", 32), ept_capability)
        # Before it was a function of its own it was part of the set-up of all controls.
        config = bench.add("vmcs_conf", "struct vmcs_config")
        bench.write(config, "nested.ept_caps", bv(0, 32))
        bench.call("nested_vmx_setup_ctls_msrs", ept_caps=ept_capability)
        return OfferedToL1(
            bench.read(config, "nested.secondary_ctls_high"),
            bench.read(config, "nested.ept_caps"),
            bench.session.evidence(),
        )

    def _offered(self, bench: Bench, secondary: BitVec, ept_capability: BitVec) -> OfferedToL1:
        """What ``nested_vmx_setup_secondary_ctls()`` leaves for L1."""
        config, offered = bench.add("vmcs_conf", "struct vmcs_config"), bench.add("msrs", "struct nested_vmx_msrs")
        bench.write(config, "cpu_based_2nd_exec_ctrl", secondary)
        # What the memory of the module holds before anything is written to it.
        bench.write(offered, "ept_caps", bv(0, 32))
        bench.call(_SETUP_SECONDARY, ept_caps=ept_capability)
        return OfferedToL1(
            bench.read(offered, "secondary_ctls_high"), bench.read(offered, "ept_caps"), bench.session.evidence()
        )

    @once
    def check_vm_execution_controls(self, vmcs12: Controls, offered: BitVec) -> VmEntry:
        """See `VmxGating.check_vm_execution_controls`."""
        bench = Bench(self._nested, CUTS)
        vmx = self._vcpu(bench)
        bench.write(vmx, "nested.msrs.secondary_ctls_high", offered)
        bench.write(vmx, "nested.msrs.secondary_ctls_low", bv(0, 32))
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
        vmx = bench.add("vmx", _VMX)
        bench.lend_vcpu(vmx)
        return vmx

    def _vmcs12(self, bench: Bench, controls: Controls) -> Object:
        vmcs12 = bench.add("vmcs12", _VMCS12)
        bench.write(vmcs12, "cpu_based_vm_exec_control", controls.primary)
        bench.write(vmcs12, "secondary_vm_exec_control", controls.secondary)
        return vmcs12

    @once
    def prepare_vmcs02_early(self, vmcs01: Controls, vmcs12: Controls) -> Vmcs02:
        """See `VmxGating.prepare_vmcs02_early`."""
        bench = self._bench(self._nested)
        vmx = self._vcpu(bench)
        # nested_vmx_enter_non_root_mode() has made vmcs02 the current one.
        vmcs02 = bench.place(vmx, "nested.vmcs02")
        bench.write(vmx, "loaded_vmcs", pointer_to(vmx, vmcs02.offset))
        outer = bench.place(vmx, "vmcs01")
        bench.objects["struct loaded_vmcs"] = pointer_to(vmx, outer.offset)
        bench.write(vmx, "vmcs01.controls_shadow.exec", vmcs01.primary)
        bench.write(vmx, "vmcs01.controls_shadow.secondary_exec", vmcs01.secondary)
        self._vmcs12(bench, vmcs12)
        config = bench.session.global_object("vmcs_config")
        activate = bench.read(config, "cpu_based_exec_ctrl") | (1 << 31)
        bench.write(config, "cpu_based_exec_ctrl", activate)
        bench.call("prepare_vmcs02_early")
        controls = Controls(
            bench.read(vmx, "nested.vmcs02.controls_shadow.exec"),
            bench.read(vmx, "nested.vmcs02.controls_shadow.secondary_exec"),
        )
        return Vmcs02(controls, bench.session.evidence())

    @once
    def new_eptp(self, vmcs12: Controls) -> ShadowEpt:
        """See `VmxGating.new_eptp`."""
        bench = self._bench(self._nested)
        vmx = self._vcpu(bench)
        bench.write(vmx, "nested.cached_vmcs12", pointer_to(self._vmcs12(bench, vmcs12)))
        bench.call("nested_ept_new_eptp")
        call = bench.session.only_call(SHADOW_EPT.function)
        return ShadowEpt(ne(bench.session.argument(call, "mbec"), 0), bench.session.evidence())

    @once
    def nested_ept_set_up(self) -> NestedEptSetUp:
        """See `VmxGating.nested_ept_set_up`."""
        bench = Bench(self._nested, CUTS)
        vmx = self._vcpu(bench)
        vmcs12 = lent_vmcs12(bench, vmx)
        bench.call("nested_ept_new_eptp")
        call = bench.session.only_call(SHADOW_EPT.function)
        execute_only, largest_page, accessed_dirty, eptp = (
            bench.session.argument(call, name) for name in ("execonly", "huge_page_level", "accessed_dirty", "new_eptp")
        )
        return NestedEptSetUp(
            execute_only=ne(execute_only, 0),
            largest_page=resize(largest_page, 32),
            accessed_dirty=ne(accessed_dirty, 0),
            told_eptp=eptp,
            offered=bench.read(vmx, "nested.msrs.ept_caps"),
            eptp=bench.read(vmcs12, "ept_pointer"),
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
        bench.add("vcpu", _VCPU)
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
