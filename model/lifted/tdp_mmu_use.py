"""Whether a lifted tree's VM uses the TDP MMU, wherever the tree keeps that."""

from __future__ import annotations

from mmuproof.lift.machine.memory import Object
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.named import kvm_vm, switches
from mmuproof.smt.terms import Bool, ne


def uses_tdp_mmu(bench: Bench, kvm: Object) -> Bool:
    """Whether it does; before that was one setting, each VM had its own."""
    if bench.unit.has_member(kvm_vm.ARCH, kvm_vm.ARCH_TDP_MMU_ENABLED):
        return ne(bench.read(kvm, kvm_vm.TDP_MMU_ENABLED), 0)
    return bench.setting(switches.TDP_MMU_ENABLED)
