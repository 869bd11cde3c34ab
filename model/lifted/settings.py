"""What is on in a lifted tree, by the functions that say so and by the state."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.common import CUTS
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.tdp_mmu_use import uses_tdp_mmu
from mmuproof.model.named import host_kernel, kvm_memory_slot, kvm_mmu_page, kvm_vcpu, kvm_vm, switches
from mmuproof.model.settings import Question, SettingAnswer, Settings
from mmuproof.smt.terms import BitVec, ne, resize, to_bv

_KVM, _SLOT, _PAGE, _VCPU = (f"struct {name}" for name in ("kvm", "kvm_memory_slot", "kvm_mmu_page", "kvm_vcpu"))

_STATE: Mapping[Question, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        Question.NX_HUGE_PAGES: (("", switches.NX_HUGE_PAGES), (_KVM, kvm_vm.DISABLE_NX_HUGE_PAGES)),
        Question.LOGS_WRITES: ((_SLOT, kvm_memory_slot.FLAGS),),
        Question.NEEDS_WRITE_PROTECTION: ((_KVM, kvm_vm.CPU_DIRTY_LOG_SIZE), (_PAGE, "role.guest_mode")),
        Question.MIRROR: ((_PAGE, "role.is_mirror"),),
        Question.GUEST_MODE: ((_VCPU, kvm_vcpu.HFLAGS),),
        Question.SMM: ((_VCPU, kvm_vcpu.HFLAGS),),
        Question.REVERSE_MAPS: (("", switches.TDP_MMU_ENABLED), (_KVM, kvm_vm.SHADOW_ROOT_ALLOCATED)),
        Question.VISIBLE_SLOT: ((_SLOT, kvm_memory_slot.ID), (_SLOT, kvm_memory_slot.FLAGS)),
    }
)
"""What means the answer: a variable, or a member of a struct, the role of a page among them."""
_FORMER = MappingProxyType({kvm_vm.CPU_DIRTY_LOG_SIZE: (switches.KVM_X86_OPS, host_kernel.CPU_DIRTY_LOG_SIZE)})
"""What was a member of a variable before it was one of each VM."""


class LiftedSettings(Settings, Remembers):
    """The part of a lifted tree that says what is on (``mmu.c`` and its headers)."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def answer(self, question: Question) -> SettingAnswer:
        """See `Settings.answer`."""
        if not self._unit.has_function(question.value):
            raise NotThere([f"{question.value}()"])
        bench = Bench(self._unit, CUTS)
        for name, record in (("kvm", _KVM), ("slot", _SLOT), ("sp", _PAGE), ("vcpu", _VCPU)):
            bench.add(name, record)
        state = {path.rpartition(".")[2]: self._held(bench, *each) for each in _STATE[question] for path in each[1:]}
        holds = ne(bench.integer(question.value), 0)
        return SettingAnswer(holds, state, bench.session.evidence())

    def _held(self, bench: Bench, record: str, path: str) -> BitVec:
        """What a piece of the state holds."""
        if path == switches.TDP_MMU_ENABLED:
            (of_vm,) = bench.objects[_KVM].targets
            assert of_vm.place is not None
            return to_bv(uses_tdp_mmu(bench, of_vm.place.object), 32)
        if not record:
            return resize(bench.session.global_value(bench.memory, path), 32)
        (target,) = bench.objects[record].targets
        assert target.place is not None
        owner, of_role = target.place.object, path.partition(f"{kvm_mmu_page.ROLE}.")[2]
        if of_role:
            return resize(bench.flag(owner, kvm_mmu_page.ROLE, of_role), 32)
        try:
            return resize(bench.read(owner, path), 32)
        except NotThere:
            if path not in _FORMER:
                raise
        variable, member = _FORMER[path]
        return resize(bench.read(bench.session.global_object(variable), member), 32)
