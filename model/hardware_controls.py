"""The bits of VMCS and VMCB that turn MBEC and GMET on, as a proof sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import Bool


@dataclass(frozen=True, kw_only=True)
class ExecuteControl:
    """MBEC or GMET, as the MMU is told and as the hardware is told.

    Attributes:
        told_to_mmu: what ``kvm_x86_ops.tdp_has_smep()`` gives.
        in_hardware: whether the bit is set: for MBEC in the secondary controls that a VMCS gets, for GMET in the
            VMCB after ``init_vmcb()``.
        before: whether it was set before, in the VMCB that ``init_vmcb()`` gets; false for a VMCS.
        setting: whether the module's variable says that the feature is on.
        supported: whether the controls that the processor has include it, as KVM has noted them; true for GMET.
        evidence: how this came about.
    """

    told_to_mmu: Bool
    in_hardware: Bool
    before: Bool
    setting: Bool
    supported: Bool
    evidence: Evidence


class HardwareControls(ABC):
    """What KVM tells the processor of the guest's MMU."""

    @abstractmethod
    def execute_control(self, vendor: Vendor) -> ExecuteControl:
        """MBEC for Intel, GMET for AMD; raises `mmuproof.model.kvm.NotThere` for shadow paging."""
