"""What the MMU of a VM has that a lifted tree has just made: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.lift.c_types import ArrayType
from mmuproof.lift.machine.memory import Object, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.created_vms import CreatedVms, VmCreated
from mmuproof.model.cuts import created_vms as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.list_links import POINTER
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.tdp_mmu_use import uses_tdp_mmu
from mmuproof.model.named import constants, kvm_vm, spte_masks
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bv, eq, ne

_INIT = "kvm_mmu_init_vm"


class LiftedCreatedVms(CreatedVms, Remembers):
    """What a lifted tree does.

    Args:
        unit: ``mmu.c``.
        _spte: ``spte.c``, in which the masks stand.
        _tdp: ``tdp_mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit, _tdp: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def created(self) -> VmCreated:
        """See `CreatedVms.created`."""
        bench = Bench(self._unit, cuts.CUTS)
        kvm = bench.add("kvm", kvm_vm.STRUCT)
        tdp_mmu = uses_tdp_mmu(bench, kvm)
        # A VM begins with zeros.
        stocks = [f"{each}.{kvm_vm.CACHE_GFP_ZERO}" for each in kvm_vm.SPLIT_CACHES]
        for path in stocks:
            bench.write(kvm, path, bv(0, bench.place(kvm, path).width))
        answer = bench.session.call(bench.memory, _INIT, objects=bench.objects)
        has_own = self._unit.has_member(kvm_vm.ARCH, kvm_vm.ARCH_SHADOW_MMIO_VALUE)
        zero = constant_of(self._unit, constants.GFP_ZERO)
        return VmCreated(
            done=eq(answer, 0) if isinstance(answer, BitVec) else TRUE,
            tdp_mmu=tdp_mmu,
            begins_tdp=bench.session.called(cuts.TDP.function),
            mmio_value=bench.session.global_value(bench.memory, spte_masks.MMIO_VALUE) if has_own else None,
            own_mmio_value=bench.read(kvm, kvm_vm.SHADOW_MMIO_VALUE) if has_own else bv(0, 64),
            zeroed=tuple(ne(bench.read(kvm, path) & zero, 0) for path in stocks),
            empty=tuple(_is_empty(bench, kvm, path) for path in _lists(bench, kvm)),
            evidence=bench.session.evidence(),
        )


def _lists(bench: Bench, kvm: Object) -> Iterator[str]:
    """Where the lists of tables are that are no TDP MMU's own."""
    yield kvm_vm.ACTIVE_MMU_PAGES
    for name in (kvm_vm.POSSIBLE_NX_HUGE_PAGES, kvm_vm.FORMER_NX_HUGE_PAGES):
        if not bench.unit.has_member(kvm_vm.ARCH, name.removeprefix("arch.")):
            continue
        found = bench.place(kvm, name)
        if isinstance(found.type, ArrayType):
            yield from (f"{name}[{number}].{kvm_vm.NX_HUGE_PAGES_LISTED}" for number in range(found.type.count))
        else:
            yield name


def _is_empty(bench: Bench, kvm: Object, path: str) -> Bool:
    """Whether a list leads from its head back to it, in both directions."""
    head = bench.place(kvm, path).offset
    links = [as_pointer(bench.memory.read(kvm, each, POINTER)) for each in (head, head + POINTER)]
    own = pointer_to(kvm, head)
    return all_of(*(FALSE if link is None else same_place(link, own) for link in links))
