"""MBEC in a VMCS and GMET in a VMCB, as Linux 7.2.13 sets them."""

from __future__ import annotations

from mmuproof.model.hardware_controls import ExecuteControl, HardwareControls
from mmuproof.model.kvm import NotThere
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bit, bv, ite, ne, var


class ReferenceHardwareControls(ReferenceArea, HardwareControls):
    """``vmx_secondary_exec_control()`` and ``init_vmcb()``, as far as MBEC and GMET go."""

    def execute_control(self, vendor: Vendor) -> ExecuteControl:
        """See `HardwareControls.execute_control`."""
        if vendor is Vendor.INTEL:
            return self._mode_based_execute()
        if vendor is Vendor.AMD:
            return self._gmet()
        raise NotThere(["a vendor's control for shadow paging"])

    def _mode_based_execute(self) -> ExecuteControl:
        trace = Trace("vmx_secondary_exec_control")
        enable_mbec = bit(var("enable_mbec", 1), 0)
        mask = self.constants.SECONDARY_EXEC_MODE_BASED_EPT_EXEC
        supported = ne(var("vmcs_config.cpu_based_2nd_exec_ctrl", 32) & mask, 0)
        control = all_of(self.vmx_control(enable_mbec), supported)
        trace.step("exec_control", _masked(control, mask))
        return ExecuteControl(
            told_to_mmu=enable_mbec,
            in_hardware=control,
            before=FALSE,
            setting=enable_mbec,
            supported=supported,
            evidence=trace.evidence,
        )

    def vmx_control(self, enable_mbec: Bool) -> Bool:
        """Whether ``vmx_secondary_exec_control()`` leaves MBEC in the controls that there are."""
        return enable_mbec

    def _gmet(self) -> ExecuteControl:
        trace = Trace("init_vmcb")
        gmet_enabled = bit(var("gmet_enabled", 1), 0)
        mask = self.constants.SVM_MISC_ENABLE_GMET
        before = ne(var("vmcb01->control.misc_ctl", 64) & mask, 0)
        control = any_of(before, self.svm_control(gmet_enabled))
        trace.step("control->misc_ctl", _masked(control, mask))
        return ExecuteControl(
            told_to_mmu=gmet_enabled,
            in_hardware=control,
            before=before,
            setting=gmet_enabled,
            supported=TRUE,
            evidence=trace.evidence,
        )

    def svm_control(self, gmet_enabled: Bool) -> Bool:
        """Whether ``init_vmcb()`` sets GMET."""
        return gmet_enabled


def _masked(condition: Bool, mask: int) -> BitVec:
    return ite(condition, bv(mask, 64), 0)
