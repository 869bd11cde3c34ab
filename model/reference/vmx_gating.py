"""The way of MBEC from the processor to L2 in the reference model.

Controls other than those of EPT and MBEC are free here, and so are checks of VM entry that are about others.
"""

from __future__ import annotations

from mmuproof.model.cuts.vmx_gating import READ_MSR, READ_MSR_SAFE
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.trace import Trace
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
from mmuproof.smt.terms import (
    FALSE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    concat,
    extract,
    ite,
    ne,
    negate,
    var,
)

_U32, _U64 = 32, 64
_ACTIVATE, _EPT, _MBEC, _ADVANCED = 31, 1, 22, 22
_EXECUTE_ONLY, _PAGES_2M, _PAGES_1G, _AD = 0, 16, 17, 21
_EPTP_AD = 6
_OF_THE_PROCESSOR = 1 << 0 | 1 << 6 | 1 << 7 | 1 << _ADVANCED
"""What L1 is offered of EPT only if the processor has it: execute-only, 4 and 5 levels, advanced information."""
_PROCBASED_CTLS, _PROCBASED_CTLS2 = 0x482, 0x48B


class ReferenceVmxGating(ReferenceArea, VmxGating):
    """Linux 7.2's decisions about MBEC."""

    evmcs_secondary = 0xC55998FE
    """The secondary controls that L1 may have with an enlightened VMCS."""

    # -- the module --------------------------------------------------------------------------------------

    def setup_vmcs_config(self) -> VmcsConfig:
        """See `VmxGating.setup_vmcs_config`."""
        primary, secondary = (var(f"{READ_MSR.function}({msr})", _U64) for msr in (_PROCBASED_CTLS, _PROCBASED_CTLS2))
        ept_vpid = var(f"__val after {READ_MSR_SAFE.function}()", _U64)
        activated = self._adjusted(primary, _ACTIVATE)
        ept, mbec = (all_of(activated, self._adjusted(secondary, number)) for number in (_EPT, _MBEC))
        capability = extract(ept_vpid, _U32 - 1, 0)
        # A capability without the control that it is about is not believed, nor is MBEC then.
        unbelieved = all_of(negate(ept), ne(capability, 0))
        capability = ite(unbelieved, bv(0, _U32), capability)
        mbec = all_of(mbec, negate(unbelieved), self._enough_for_mbec(capability))
        trace = Trace("setup_vmcs_config")
        controls = trace.step("_cpu_based_2nd_exec_control", self._controls({_EPT: ept, _MBEC: mbec}))
        succeeds = bool_var("setup_vmcs_config() succeeds")
        return VmcsConfig(
            succeeds=succeeds,
            secondary=controls,
            ept_capability=capability,
            allowed_secondary=secondary,
            ept_vpid_capability=ept_vpid,
            evidence=trace.evidence,
        )

    def _adjusted(self, capability: BitVec, number: int) -> Bool:
        """``adjust_vmx_controls()`` for a control that KVM would like: it can be 1, or has to be."""
        return any_of(bit(capability, _U32 + number), bit(capability, number))

    def _enough_for_mbec(self, ept_capability: BitVec) -> Bool:
        return bit(ept_capability, _ADVANCED)

    def _controls(self, known: dict[int, Bool]) -> BitVec:
        """Controls of which some are known, and all others free."""
        others = var("other secondary controls", _U32)
        for number, value in known.items():
            others = others & ~(1 << number) | ite(value, bv(1 << number, _U32), 0)
        return others

    def hardware_setup(self, secondary: BitVec, asked_for: Bool) -> VmxSettings:
        """See `VmxGating.hardware_setup`."""
        usable = bool_var("EPT can be used")
        enable_ept = all_of(bool_var("enable_ept"), bit(secondary, _EPT), usable)
        enable_mbec = self.mbec_setting(secondary, asked_for, enable_ept)
        return VmxSettings(bool_var("vmx_hardware_setup() succeeds"), enable_ept, enable_mbec, Evidence())

    def ept_use(self) -> EptUse:
        """See `VmxGating.ept_use`."""
        capability = var("vmx_capability.ept", _U32)
        usable, wanted = bool_var("EPT can be used"), bool_var("enable_ept_ad_bits")
        reaches = bool_var("vmx_hardware_setup() gets as far as the MMU")
        ad_bits = all_of(usable, wanted, self._has_ad_bits(capability))
        return EptUse(
            sets_masks=all_of(reaches, usable),
            with_ad_bits=ad_bits,
            with_execute_only=FALSE,
            configures=reaches,
            with_ept=usable,
            largest_page=self._largest_to_use(capability),
            ept_capability=capability,
            evidence=Evidence(),
        )

    def _has_ad_bits(self, ept_capability: BitVec) -> Bool:
        return bit(ept_capability, _AD)

    def _largest_to_use(self, ept_capability: BitVec) -> BitVec:
        return self._largest_page(ept_capability)

    def _largest_page(self, ept_capability: BitVec) -> BitVec:
        """``ept_caps_to_lpage_level()``."""
        small = ite(bit(ept_capability, _PAGES_2M), bv(2, _U32), 1)
        return ite(bit(ept_capability, _PAGES_1G), bv(3, _U32), small)

    def mbec_setting(self, secondary: BitVec, asked_for: Bool, enable_ept: Bool) -> Bool:
        """``enable_mbec``."""
        return all_of(asked_for, bit(secondary, _MBEC), enable_ept)

    def setup_secondary_ctls(
        self, enable_ept: Bool, enable_mbec: Bool, secondary: BitVec, ept_capability: BitVec
    ) -> OfferedToL1:
        """See `VmxGating.setup_secondary_ctls`."""
        offered = all_of(enable_ept, self._offered(enable_mbec))
        high = self._controls({_EPT: enable_ept, _MBEC: offered})
        ad_bits = bool_var("enable_ept_ad_bits")
        return OfferedToL1(high, self._offered_of_ept(enable_ept, ept_capability, ad_bits), Evidence())

    def offered_ept_capability(self, ept_capability: BitVec, ad_bits: Bool) -> OfferedToL1:
        """See `VmxGating.offered_ept_capability`."""
        controls, enable_ept = var("secondary controls that L1 is offered", _U32), bool_var("enable_ept")
        return OfferedToL1(controls, self._offered_of_ept(enable_ept, ept_capability, ad_bits), Evidence())

    def _offered_of_ept(self, enable_ept: Bool, ept_capability: BitVec, ad_bits: Bool) -> BitVec:
        others = var("other capabilities of EPT", _U32) & ~(_OF_THE_PROCESSOR | 1 << _AD)
        flags = ite(self._offers_flags(ad_bits), bv(1 << _AD, _U32), 0)
        kept = self._processors(ept_capability) & self._kept_capability()
        return ite(enable_ept, others | flags | kept, bv(0, _U32))

    def _offers_flags(self, ad_bits: Bool) -> Bool:
        return ad_bits

    def _processors(self, ept_capability: BitVec) -> BitVec:
        """What the processor has."""
        return ept_capability

    def _offered(self, enable_mbec: Bool) -> Bool:
        return enable_mbec

    def _kept_capability(self) -> int:
        return _OF_THE_PROCESSOR

    # -- VM entry ------------------------------------------------------------------------------------------

    def check_vm_execution_controls(self, vmcs12: Controls, offered: BitVec) -> VmEntry:
        """See `VmxGating.check_vm_execution_controls`."""
        unoffered = all_of(bit(vmcs12.primary, _ACTIVATE), ne(vmcs12.secondary & ~offered, 0))
        another = bool_var("another check of VM entry fails")
        return VmEntry(any_of(another, unoffered, self._entry_checks_mbec(vmcs12)), Evidence())

    def _entry_checks_mbec(self, vmcs12: Controls) -> Bool:
        return self.check_mbec_controls(vmcs12).fails

    def check_mbec_controls(self, vmcs12: Controls) -> VmEntry:
        """See `VmxGating.check_mbec_controls`."""
        return VmEntry(all_of(self._has2(vmcs12, _MBEC), negate(self._has2(vmcs12, _EPT))), Evidence())

    def _has2(self, controls: Controls, number: int) -> Bool:
        """``nested_cpu_has2()``."""
        return all_of(bit(controls.primary, _ACTIVATE), bit(controls.secondary, number))

    def prepare_vmcs02_early(self, vmcs01: Controls, vmcs12: Controls) -> Vmcs02:
        """See `VmxGating.prepare_vmcs02_early`."""
        primary = vmcs01.primary | vmcs12.primary
        mbec = any_of(self._inherited(vmcs01), self._has2(vmcs12, _MBEC))
        return Vmcs02(Controls(primary, self._controls({_MBEC: mbec})), Evidence())

    def _inherited(self, vmcs01: Controls) -> Bool:
        """What L2 gets of L1's own MBEC."""
        return FALSE

    def new_eptp(self, vmcs12: Controls) -> ShadowEpt:
        """See `VmxGating.new_eptp`."""
        return ShadowEpt(self.nested_ept_mbec_enabled(vmcs12), Evidence())

    def nested_ept_set_up(self) -> NestedEptSetUp:
        """See `VmxGating.nested_ept_set_up`."""
        offered, eptp = var("vmx->nested.msrs.ept_caps", _U32), var("vmcs12->ept_pointer", _U64)
        known = self._capabilities_of_tables(offered)
        return NestedEptSetUp(
            execute_only=bit(known, _EXECUTE_ONLY),
            largest_page=self._largest_page(known),
            accessed_dirty=bit(eptp, _EPTP_AD),
            told_eptp=eptp,
            offered=offered,
            eptp=eptp,
            evidence=Evidence(),
        )

    def _capabilities_of_tables(self, offered: BitVec) -> BitVec:
        """L1's EPT is judged by what L1 has been offered."""
        return offered

    def nested_ept_mbec_enabled(self, vmcs12: Controls) -> Bool:
        """``nested_ept_mbec_enabled()``."""
        return self._has2(vmcs12, _MBEC)

    # -- enlightened VMCSs -----------------------------------------------------------------------------------

    def evmcs_filter(self, data: BitVec) -> Filtered:
        """See `VmxGating.evmcs_filter`."""
        high = extract(data, _U64 - 1, _U32) & self.evmcs_secondary
        return Filtered(concat(high, extract(data, _U32 - 1, 0)), Evidence())

    def evmcs_check(self, vmcs12: Controls) -> VmEntry:
        """See `VmxGating.evmcs_check`."""
        another = bool_var("another control is not for enlightened VMCSs")
        return VmEntry(any_of(another, ne(vmcs12.secondary & ~self.evmcs_secondary, 0)), Evidence())
