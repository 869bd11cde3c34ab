"""What is on in a lifted tree, by the functions that say so and by the state."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.common import CUTS
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.settings import Question, SettingAnswer, Settings
from mmuproof.smt.terms import BitVec, ne, resize

_KVM, _SLOT, _PAGE, _VCPU = (f"struct {name}" for name in ("kvm", "kvm_memory_slot", "kvm_mmu_page", "kvm_vcpu"))
_ROLE = "role"
_STATE: Mapping[Question, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        Question.NX_HUGE_PAGES: (("", "nx_huge_pages"), (_KVM, "arch.disable_nx_huge_pages")),
        Question.LOGS_WRITES: ((_SLOT, "flags"),),
        Question.NEEDS_WRITE_PROTECTION: ((_KVM, "arch.cpu_dirty_log_size"), (_PAGE, "role.guest_mode")),
        Question.MIRROR: ((_PAGE, "role.is_mirror"),),
        Question.GUEST_MODE: ((_VCPU, "arch.hflags"),),
        Question.SMM: ((_VCPU, "arch.hflags"),),
    }
)
"""What means the answer: a variable, or a member of a struct, the role of a page among them."""
_FORMER = MappingProxyType({"arch.cpu_dirty_log_size": ("kvm_x86_ops", "cpu_dirty_log_size")})
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
        if not record:
            return resize(bench.session.global_value(bench.memory, path), 32)
        (target,) = bench.objects[record].targets
        assert target.place is not None
        owner, of_role = target.place.object, path.partition(f"{_ROLE}.")[2]
        if of_role:
            return resize(bench.flag(owner, _ROLE, of_role), 32)
        try:
            return resize(bench.read(owner, path), 32)
        except NotThere:
            if path not in _FORMER:
                raise
        variable, member = _FORMER[path]
        return resize(bench.read(bench.session.global_object(variable), member), 32)
