"""Whether a lifted tree's VM uses the TDP MMU, wherever the tree keeps that."""

from __future__ import annotations

from mmuproof.lift.machine.memory import Object
from mmuproof.model.lifted.bench import Bench
from mmuproof.smt.terms import Bool, ne

_SETTING = "tdp_mmu_enabled"


def uses_tdp_mmu(bench: Bench, kvm: Object) -> Bool:
    """Whether it does; before that was one setting, each VM had its own."""
    if bench.unit.has_member("struct kvm_arch", _SETTING):
        return ne(bench.read(kvm, f"arch.{_SETTING}"), 0)
    return bench.setting(_SETTING)
