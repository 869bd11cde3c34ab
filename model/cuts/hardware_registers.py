"""The calls that telling the processor of a guest's registers makes and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, guest_registers

SWITCH = Cut(
    function="add_atomic_switch_msr",
    reason="lets the processor load an MSR at entry and exit; which, and with what, is looked at",
)
FIND_EFER = Cut(
    function="kvm_find_user_return_msr", reason="where KVM keeps EFER to be loaded by it, which every tree does"
)
VMX: tuple[Cut, ...] = (
    *guest_registers.VMX,
    SWITCH,
    FIND_EFER,
    *common.each("lets the processor keep the host's EFER", "clear_atomic_switch_msr"),
    *common.each("whether the processor can load EFER by itself: any answer; reads only", "cpu_has_load_ia32_efer"),
    *common.each("whether UMIP is emulated, which is no control of paging: any answer", "vmx_umip_emulated"),
)
SVM: tuple[Cut, ...] = guest_registers.SVM
