"""What decides whether MBEC is on for L1 and for L2, as a proof sees it.

Controls are vectors of 32 bits as they stand in a VMCS; capability MSRs have 64.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from mmuproof.model.evidence import Evidence
from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool


@dataclass(frozen=True)
class Controls:
    """Processor-based VM-execution controls, primary and secondary."""

    primary: BitVec
    secondary: BitVec


@dataclass(frozen=True, kw_only=True)
class VmcsConfig:
    """What ``setup_vmcs_config()`` makes of the processor's capabilities.

    Attributes:
        succeeds: it returns 0; what follows counts only then.
        secondary: ``vmcs_conf->cpu_based_2nd_exec_ctrl``.
        ept_capability: ``vmx_cap->ept``, 32 bits.
        allowed_secondary: IA32_VMX_PROCBASED_CTLS2, free.
        ept_vpid_capability: IA32_VMX_EPT_VPID_CAP, free.
    """

    succeeds: Bool
    secondary: BitVec = field(metadata=counts_where("succeeds"))
    ept_capability: BitVec = field(metadata=counts_where("succeeds"))
    allowed_secondary: BitVec
    ept_vpid_capability: BitVec
    evidence: Evidence


@dataclass(frozen=True)
class VmxSettings:
    """The module's settings after ``vmx_hardware_setup()``.

    Attributes:
        succeeds: it returns 0; what follows counts only then.
        enable_ept: the variable of that name.
        enable_mbec: the variable of that name.
    """

    succeeds: Bool
    enable_ept: Bool = field(metadata=counts_where("succeeds"))
    enable_mbec: Bool = field(metadata=counts_where("succeeds"))
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class EptUse:
    """What ``vmx_hardware_setup()`` tells the MMU of the processor.

    Attributes:
        sets_masks: ``kvm_mmu_set_ept_masks()`` is called.
        with_ad_bits: what it is told of accessed and dirty flags.
        with_execute_only: what it is told of execute-only translations; false where the tree does not tell it.
        configures: ``kvm_configure_mmu()`` is called.
        with_ept: whether it is told that EPT is on.
        largest_page: the level of the largest page that it is told of, 32 bits.
        ept_capability: what the processor has, the low half of IA32_VMX_EPT_VPID_CAP, 32 bits.
    """

    sets_masks: Bool
    with_ad_bits: Bool
    with_execute_only: Bool
    configures: Bool
    with_ept: Bool
    largest_page: BitVec
    ept_capability: BitVec
    evidence: Evidence


@dataclass(frozen=True)
class OfferedToL1:
    """What L1 reads in its VMX capability MSRs.

    Attributes:
        secondary: the secondary controls that it may set.
        ept_capability: the low half of IA32_VMX_EPT_VPID_CAP, 32 bits.
    """

    secondary: BitVec
    ept_capability: BitVec
    evidence: Evidence


@dataclass(frozen=True)
class VmEntry:
    """A check of VM entry: whether it fails."""

    fails: Bool
    evidence: Evidence


@dataclass(frozen=True)
class Vmcs02:
    """The controls that L2 runs with."""

    controls: Controls
    evidence: Evidence


@dataclass(frozen=True)
class ShadowEpt:
    """Whether the MMU that shadows L1's EPT is told that MBEC is on."""

    mbec: Bool
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class NestedEptSetUp:
    """What the MMU that shadows L1's EPT is told when it is set up, and by what L1 has been offered and asks for.

    Attributes:
        execute_only: it is told that entries may be execute-only.
        largest_page: the level of the largest page that it is told of, 32 bits.
        accessed_dirty: it is told that EPT has accessed and dirty flags.
        told_eptp: the EPTP that it is told, 64 bits.
        offered: what L1 reads in the low half of IA32_VMX_EPT_VPID_CAP, 32 bits, free.
        eptp: in vmcs12, 64 bits, free.
    """

    execute_only: Bool
    largest_page: BitVec
    accessed_dirty: Bool
    told_eptp: BitVec
    offered: BitVec
    eptp: BitVec
    evidence: Evidence


@dataclass(frozen=True)
class Filtered:
    """What L1 reads in a capability MSR while it uses an enlightened VMCS, 64 bits."""

    data: BitVec
    evidence: Evidence


class VmxGating(ABC):
    """The way of MBEC from the processor to L2.

    Where a tree knows no MBEC, all but the check of VM entry, `ept_use`, `offered_ept_capability` and
    `nested_ept_set_up` raise `mmuproof.model.kvm.NotThere`.
    """

    @abstractmethod
    def setup_vmcs_config(self) -> VmcsConfig:
        """``setup_vmcs_config()``, on any processor."""

    @abstractmethod
    def hardware_setup(self, secondary: BitVec, asked_for: Bool) -> VmxSettings:
        """``vmx_hardware_setup()``.

        Args:
            secondary: ``vmcs_config.cpu_based_2nd_exec_ctrl``.
            asked_for: ``enable_mbec`` before, the module's parameter.
        """

    @abstractmethod
    def ept_use(self) -> EptUse:
        """``vmx_hardware_setup()`` on any processor; also on trees that know no MBEC."""

    @abstractmethod
    def setup_secondary_ctls(
        self, enable_ept: Bool, enable_mbec: Bool, secondary: BitVec, ept_capability: BitVec
    ) -> OfferedToL1:
        """``nested_vmx_setup_secondary_ctls()``; ``secondary`` and ``ept_capability`` as in `VmcsConfig`."""

    @abstractmethod
    def offered_ept_capability(self, ept_capability: BitVec, ad_bits: Bool) -> OfferedToL1:
        """The same function, with any settings but ``enable_ept_ad_bits``; also on trees that know no MBEC."""

    @abstractmethod
    def check_vm_execution_controls(self, vmcs12: Controls, offered: BitVec) -> VmEntry:
        """``nested_check_vm_execution_controls()``.

        Args:
            vmcs12: the controls that L1 asks for.
            offered: as in `OfferedToL1.secondary`; there is none that has to be 1.
        """

    @abstractmethod
    def check_mbec_controls(self, vmcs12: Controls) -> VmEntry:
        """``nested_vmx_check_mode_based_ept_exec_controls()``."""

    @abstractmethod
    def prepare_vmcs02_early(self, vmcs01: Controls, vmcs12: Controls) -> Vmcs02:
        """``prepare_vmcs02_early()``, on a processor that has secondary controls."""

    @abstractmethod
    def new_eptp(self, vmcs12: Controls) -> ShadowEpt:
        """``nested_ept_new_eptp()``."""

    @abstractmethod
    def nested_ept_set_up(self) -> NestedEptSetUp:
        """The same function, with any controls; also on trees that know no MBEC."""

    @abstractmethod
    def evmcs_filter(self, data: BitVec) -> Filtered:
        """``nested_evmcs_filter_control_msr()`` for IA32_VMX_PROCBASED_CTLS2."""

    @abstractmethod
    def evmcs_check(self, vmcs12: Controls) -> VmEntry:
        """``nested_evmcs_check_controls()``."""
