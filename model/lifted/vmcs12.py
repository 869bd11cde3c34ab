"""The VMCS that L1 has for L2, where a vCPU keeps its copy of it."""

from __future__ import annotations

from mmuproof.lift.machine.memory import Object, pointer_to
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.named import vcpu_vmx, vmcs12_fields
from mmuproof.smt.terms import Bool, all_of, bit

_SECONDARY_CONTROLS, _ENABLE_VPID = 31, 5
"""The bits of execution controls: SDM tables 27-6 and 27-7."""


def lent_vmcs12(bench: Bench, vmx: Object) -> Object:
    """A free one, which the vCPU of a ``struct vcpu_vmx`` keeps, and which calls get."""
    vmcs12 = bench.add("vmcs12", vmcs12_fields.STRUCT)
    bench.write(vmx, vcpu_vmx.NESTED_CACHED_VMCS12, pointer_to(vmcs12))
    return vmcs12


def has_vpid(bench: Bench, vmcs12: Object) -> Bool:
    """Whether L1 gives L2 a VPID."""
    return all_of(
        bit(bench.read(vmcs12, vmcs12_fields.CPU_BASED_VM_EXEC_CONTROL), _SECONDARY_CONTROLS),
        bit(bench.read(vmcs12, vmcs12_fields.SECONDARY_VM_EXEC_CONTROL), _ENABLE_VPID),
    )
