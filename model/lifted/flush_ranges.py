"""Which frames' translations a lifted tree flushes when it takes an entry away: ``mmu.c`` and ``tdp_mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import NULL, Object, ObjectKind, Pointer, choose, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import flush_ranges as cuts
from mmuproof.model.flush_ranges import FlushRanges, MapFlushed, RangeFlushed, TableFlushed
from mmuproof.model.lifted.entry_bench import EntryBench, page_table
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.named import (
    functions,
    kvm_memory_slot,
    kvm_mmu_page,
    kvm_page_fault,
    kvm_vcpu,
    kvm_vm,
    page_role,
    tdp_iter,
)
from mmuproof.model.stores import ENTRIES
from mmuproof.smt.terms import TRUE, BitVec, Bool, bool_var, bv, ite, ne, var, zext

_AT = ENTRIES - 1
"""Which entry of its table is changed."""
_NOTES = bool_var("sp->shadowed_translation != NULL")


class _FlushDesk(EntryBench):
    """A bench on which the entry may lead to a page, and its page may note what it shadows."""

    def __init__(self, unit: Unit, known: tuple[Cut, ...]) -> None:
        child = Object(name="child", type=unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        found = [replace(cut, gives=pointer_to(child)) for cut in cuts.CHILD]
        super().__init__(unit, (*known, *found, replace(cuts.SPTE_INDEX, gives=bv(_AT, 32))), _AT)
        notes = page_table("sp->shadowed_translation")
        kept = choose(_NOTES, pointer_to(notes), NULL)
        assert isinstance(kept, Pointer)
        self.write(self.page, kvm_mmu_page.SHADOWED_TRANSLATION, kept)
        self.child, self._shadowed = child, read(self.memory, notes, _AT * 64, 64)
        self.level = zext(self.flag(self.page, kvm_mmu_page.ROLE, page_role.LEVEL), 32)
        self.before = self.memory.copy()

    def changed(self) -> Bool:
        """Whether the entry holds something else than at first."""
        return ne(self.entry(self.before), self.entry(self.memory))

    def told(self, caller: str, gfn: BitVec, changes: Bool) -> RangeFlushed:
        """What is told of any entry."""
        first = pages = bv(0, 64)
        calls = self.session.calls(*(cut.function for cut in cuts.RANGE))
        for call in calls:
            first = ite(call.guard, self.session.argument(call, "gfn", "start_gfn"), first)
            pages = ite(call.guard, self.session.argument(call, "nr_pages", "pages"), pages)
        return RangeFlushed(
            caller=caller,
            level=self.level,
            index=_AT,
            before=self.entry(self.before),
            changes=changes,
            gfn=gfn,
            page_gfn=self.read(self.page, kvm_mmu_page.GFN),
            page_direct=ne(self.flag(self.page, kvm_mmu_page.ROLE, page_role.DIRECT), 0),
            page_passthrough=ne(self.flag(self.page, kvm_mmu_page.ROLE, page_role.PASSTHROUGH), 0),
            shadowed=self._shadowed,
            notes=_NOTES,
            asked=self.session.called(*(cut.function for cut in cuts.RANGE)),
            first=first,
            pages=pages,
            everything=self.session.called(cuts.ALL.function, cuts.COMMIT.function),
            evidence=self.session.evidence(),
        )


class LiftedFlushRanges(FlushRanges, Remembers):
    """The parts of a lifted tree that flush the frames of one entry.

    Args:
        mmu: ``mmu.c``.
        tdp: ``tdp_mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, mmu: Unit, tdp: Unit, _spte: Unit) -> None:
        super().__init__()
        self._mmu, self._tdp = mmu, tdp

    @once
    def tdp_map(self) -> MapFlushed:
        """See `FlushRanges.tdp_map`."""
        name, desk = functions.TDP_MMU_MAP_HANDLE_TARGET_LEVEL, _FlushDesk(self._tdp, cuts.TDP)
        walk, fault = desk.add("iter", tdp_iter.STRUCT), desk.add("fault", kvm_page_fault.STRUCT)
        desk.add("vcpu", kvm_vcpu.STRUCT)
        desk.write(walk, tdp_iter.SPTEP, desk.sptep)
        desk.write(walk, tdp_iter.OLD_SPTE, desk.entry(desk.memory))
        desk.write(walk, tdp_iter.LEVEL, desk.level)
        gfn, pfn = desk.read(walk, tdp_iter.GFN), desk.read(fault, kvm_page_fault.PFN)
        desk.integer(name)
        return MapFlushed(**vars(desk.told(name, gfn, desk.changed())), pfn=pfn)

    @once
    def shadow_map(self) -> MapFlushed:
        """See `FlushRanges.shadow_map`."""
        desk = _FlushDesk(self._mmu, cuts.SHADOW)
        desk.set_by_shadow_mmu()
        return MapFlushed(**vars(desk.told(functions.MMU_SET_SPTE, var("gfn", 64), desk.changed())), pfn=var("pfn", 64))

    @once
    def recycled(self) -> RangeFlushed:
        """See `FlushRanges.recycled`."""
        name, desk = functions.INNER_RMAP_ADD, _FlushDesk(self._mmu, cuts.SHADOW)
        for each, record in (("kvm", kvm_vm.STRUCT), ("slot", kvm_memory_slot.STRUCT), ("cache", kvm_vm.CACHE)):
            desk.add(each, record)
        gfn = var("gfn", 64)
        values = {"gfn": gfn, "access": var("access", 32)}
        desk.session.call(desk.memory, name, objects=desk.objects, values=values, pointers={"spte": desk.sptep})
        return desk.told(name, gfn, desk.session.called(cuts.ZAP_ALL.function))

    @once
    def dropped(self) -> TableFlushed:
        """See `FlushRanges.dropped`."""
        name, desk = functions.VALIDATE_DIRECT_SPTE, _FlushDesk(self._mmu, cuts.SHADOW)
        desk.add("vcpu", kvm_vcpu.STRUCT)
        wanted = var("direct_access", 32)
        desk.session.call(
            desk.memory, name, objects=desk.objects, values={"direct_access": wanted}, pointers={"sptep": desk.sptep}
        )
        return self._table(desk, name, wanted, desk.session.called(functions.DROP_PARENT_PTE), TRUE)

    @once
    def linked(self) -> TableFlushed:
        """See `FlushRanges.linked`."""
        name, desk = functions.INNER_LINK_SHADOW_PAGE, _FlushDesk(self._mmu, cuts.SHADOW)
        desk.add("kvm", kvm_vm.STRUCT)
        desk.add("cache", kvm_vm.CACHE)
        new = Object(name="new", type=desk.page.type, kind=ObjectKind.INPUT, by_pointer=True)
        desk.objects[kvm_mmu_page.STRUCT] = pointer_to(new)
        flush = var("flush", 8) & 1
        desk.session.call(
            desk.memory, name, objects=desk.objects, values={"flush": flush}, pointers={"sptep": desk.sptep}
        )
        return self._table(desk, name, bv(0, 32), desk.session.called(cuts.ZAP.function), ne(flush, 0))

    @staticmethod
    def _table(desk: _FlushDesk, caller: str, wanted: BitVec, changes: Bool, flushes: Bool) -> TableFlushed:
        return TableFlushed(
            **vars(desk.told(caller, desk.read(desk.child, kvm_mmu_page.GFN), changes)),
            child_access=zext(desk.flag(desk.child, kvm_mmu_page.ROLE, page_role.ACCESS), 32),
            wanted=wanted,
            child_direct=ne(desk.flag(desk.child, kvm_mmu_page.ROLE, page_role.DIRECT), 0),
            flushes=flushes,
        )
