"""A bench on which there is a page table, one entry of which is what calls are for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.c_types import ArrayType, IntType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import NULL, Memory, Object, ObjectKind, Pointer, choose, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import stores as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.session import read
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, kvm_page_fault, kvm_vcpu
from mmuproof.model.stores import ENTRIES
from mmuproof.smt.terms import BitVec, bool_var, bv, var

_TABLE = ArrayType(IntType(64, False, "u64"), ENTRIES, f"u64[{ENTRIES}]")
NEW_SPTE, NEW_MMIO_SPTE, NEW_NONLEAF_SPTE = (
    var(name, 64) for name in ("new SPTE", "new MMIO SPTE", "new non-leaf SPTE")
)
"""What those give that make entries and are not followed."""
_MADE = {
    cuts.MAKE_SPTE: replace(cuts.MAKE_SPTE, stores=((10, "", NEW_SPTE),)),
    cuts.MAKE_MMIO_SPTE: replace(cuts.MAKE_MMIO_SPTE, gives=NEW_MMIO_SPTE),
    cuts.MAKE_NONLEAF_SPTE: replace(cuts.MAKE_NONLEAF_SPTE, gives=NEW_NONLEAF_SPTE),
    cuts.AFTER_A_CHANGE: replace(cuts.AFTER_A_CHANGE, gives=bv(0, 32)),
}


def page_table(name: str) -> Object:
    """A table of free entries."""
    return Object(name=name, type=_TABLE, kind=ObjectKind.INPUT, by_pointer=True)


class EntryBench(Bench):
    """A bench with a page table, and the page that it belongs to.

    Args:
        unit: the code.
        known: the calls that are not followed; of those that make entries it is known what they give.
        at: which entry of the table calls are for.
    """

    def __init__(self, unit: Unit, known: Sequence[Cut], at: int) -> None:
        page = Object(name="sp", type=unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        of_entry = replace(cuts.SPTEP_TO_SP, gives=pointer_to(page))
        super().__init__(unit, (*(_MADE.get(cut, cut) for cut in known), of_entry))
        self.page, self.objects[kvm_mmu_page.STRUCT] = page, pointer_to(page)
        self.table, self._at = page_table("table"), at
        self.sptep = pointer_to(self.table, at * 64)
        self.before = self.memory.copy()

    def entry(self, memory: Memory, index: int | None = None) -> BitVec:
        """What an entry of the table holds, that which calls are for if no other is named."""
        return read(memory, self.table, (self._at if index is None else index) * 64, 64)

    def set_by_shadow_mmu(self) -> None:
        """Call ``mmu_set_spte()`` for the entry."""
        for each, record in (
            ("vcpu", kvm_vcpu.STRUCT),
            ("slot", kvm_memory_slot.STRUCT),
            ("fault", kvm_page_fault.STRUCT),
        ):
            self.add(each, record)
        fault = choose(bool_var("fault == NULL"), NULL, self.objects[kvm_page_fault.STRUCT])
        assert isinstance(fault, Pointer)
        self.objects[kvm_page_fault.STRUCT] = fault
        values = {"pte_access": var("pte_access", 32), "gfn": var("gfn", 64), "pfn": var("pfn", 64)}
        self.integer(functions.MMU_SET_SPTE, {"sptep": self.sptep}, **values)
