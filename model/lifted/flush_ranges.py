"""Which frames' translations a lifted tree flushes when it takes an entry away: ``mmu.c`` and ``tdp_mmu.c``."""

from __future__ import annotations

from dataclasses import replace
from typing import TypedDict

from mmuproof.lift.c_types import ArrayType, IntType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import NULL, Memory, Object, ObjectKind, Pointer, choose, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import flush_ranges as cuts
from mmuproof.model.cuts import spte_changes
from mmuproof.model.evidence import Evidence
from mmuproof.model.flush_ranges import FlushRanges, MapFlushed, RangeFlushed, TableFlushed
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import bit_fields, read
from mmuproof.model.stores import ENTRIES
from mmuproof.smt.terms import TRUE, BitVec, Bool, any_of, bool_var, bv, ite, ne, var, zext

_TABLE = ArrayType(IntType(64, False, "u64"), ENTRIES, f"u64[{ENTRIES}]")
_AT = ENTRIES - 1
"""Which entry of its table is changed."""
_SPTE, _MMIO = var("new SPTE", 64), var("new MMIO SPTE", 64)
_NOTES = bool_var("sp->shadowed_translation != NULL")
_GIVES = {
    "make_mmio_spte": _MMIO,
    "make_nonleaf_spte": var("new non-leaf SPTE", 64),
    spte_changes.AFTER_A_CHANGE.function: bv(0, 32),
}


class _Common(TypedDict):
    """What is told of any entry; see `RangeFlushed`."""

    caller: str
    level: BitVec
    index: int
    before: BitVec
    page_gfn: BitVec
    page_direct: Bool
    page_passthrough: Bool
    shadowed: BitVec
    notes: Bool
    asked: Bool
    first: BitVec
    pages: BitVec
    everything: Bool
    evidence: Evidence


class _Desk(Bench):
    """A bench on which there is a page table, one entry of which a call is for, and a page that this may lead to."""

    def __init__(self, unit: Unit, known: tuple[Cut, ...]) -> None:
        page, child = (
            Object(name=name, type=unit.record("struct kvm_mmu_page"), kind=ObjectKind.INPUT, by_pointer=True)
            for name in ("sp", "child")
        )
        self.page, self.child = page, child
        found = [replace(cut, gives=pointer_to(child)) for cut in cuts.CHILD]
        index = replace(cuts.SPTE_INDEX, gives=bv(_AT, 32))
        super().__init__(
            unit, (*(_given(cut) for cut in known), *found, index, replace(cuts.SPTEP_TO_SP, gives=pointer_to(page)))
        )
        table = Object(name="table", type=_TABLE, kind=ObjectKind.INPUT, by_pointer=True)
        notes = Object(name="sp->shadowed_translation", type=_TABLE, kind=ObjectKind.INPUT, by_pointer=True)
        self.sptep, self._table = pointer_to(table, _AT * 64), table
        kept = choose(_NOTES, pointer_to(notes), NULL)
        assert isinstance(kept, Pointer)
        self.write(page, "shadowed_translation", kept)
        self._shadowed = read(self.memory, notes, _AT * 64, 64)
        self.level = zext(self.of_role(page, "level"), 32)
        self.earlier = self.memory.copy()

    def of_role(self, page: Object, name: str) -> BitVec:
        """A member of a page's role."""
        role = self.place(page, "role")
        fields = bit_fields(role.type, role.offset)
        if name not in fields:
            raise NotThere([f"kvm_mmu_page_role.{name}"])
        return read(self.memory, page, fields[name].offset, fields[name].width)

    def entry(self, memory: Memory) -> BitVec:
        """What the entry holds."""
        return read(memory, self._table, _AT * 64, 64)

    def changed(self) -> Bool:
        """Whether the entry holds something else than at first."""
        return ne(self.entry(self.earlier), self.entry(self.memory))

    def made(self, *functions: str) -> Bool:
        """Whether one of these is called."""
        return any_of(*(call.guard for call in self.session.calls(*functions)))

    def told(self, caller: str) -> _Common:
        """What is told of any entry."""
        first = pages = bv(0, 64)
        calls = self.session.calls(*(cut.function for cut in cuts.RANGE))
        for call in calls:
            first = ite(call.guard, self.session.argument(call, "gfn", "start_gfn"), first)
            pages = ite(call.guard, self.session.argument(call, "nr_pages", "pages"), pages)
        return _Common(
            caller=caller,
            level=self.level,
            index=_AT,
            before=self.entry(self.earlier),
            page_gfn=self.read(self.page, "gfn"),
            page_direct=ne(self.of_role(self.page, "direct"), 0),
            page_passthrough=ne(self.of_role(self.page, "passthrough"), 0),
            shadowed=self._shadowed,
            notes=_NOTES,
            asked=any_of(*(call.guard for call in calls)),
            first=first,
            pages=pages,
            everything=self.made(cuts.ALL.function, cuts.COMMIT.function),
            evidence=self.session.evidence(),
        )


def _given(cut: Cut) -> Cut:
    if cut.function == "make_spte":
        return replace(cut, stores=((10, "", _SPTE),))
    return replace(cut, gives=_GIVES[cut.function]) if cut.function in _GIVES else cut


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
        name, desk = "tdp_mmu_map_handle_target_level", _Desk(self._tdp, cuts.TDP)
        walk, fault = desk.add("iter", "struct tdp_iter"), desk.add("fault", "struct kvm_page_fault")
        desk.add("vcpu", "struct kvm_vcpu")
        desk.write(walk, "sptep", desk.sptep)
        desk.write(walk, "old_spte", desk.entry(desk.memory))
        desk.write(walk, "level", desk.level)
        gfn, pfn = desk.read(walk, "gfn"), desk.read(fault, "pfn")
        desk.integer(name)
        return MapFlushed(**desk.told(name), gfn=gfn, pfn=pfn, changes=desk.changed())

    @once
    def shadow_map(self) -> MapFlushed:
        """See `FlushRanges.shadow_map`."""
        name, desk = "mmu_set_spte", _Desk(self._mmu, cuts.SHADOW)
        for each, record in (("vcpu", "kvm_vcpu"), ("slot", "kvm_memory_slot"), ("fault", "kvm_page_fault")):
            desk.add(each, f"struct {record}")
        fault = choose(bool_var("fault == NULL"), NULL, desk.objects["struct kvm_page_fault"])
        assert isinstance(fault, Pointer)
        desk.objects["struct kvm_page_fault"] = fault
        gfn, pfn = var("gfn", 64), var("pfn", 64)
        desk.integer(name, {"sptep": desk.sptep}, pte_access=var("pte_access", 32), gfn=gfn, pfn=pfn)
        return MapFlushed(**desk.told(name), gfn=gfn, pfn=pfn, changes=desk.changed())

    @once
    def recycled(self) -> RangeFlushed:
        """See `FlushRanges.recycled`."""
        name, desk = "__rmap_add", _Desk(self._mmu, cuts.SHADOW)
        for each, record in (("kvm", "kvm"), ("slot", "kvm_memory_slot"), ("cache", "kvm_mmu_memory_cache")):
            desk.add(each, f"struct {record}")
        gfn = var("gfn", 64)
        values = {"gfn": gfn, "access": var("access", 32)}
        desk.session.call(desk.memory, name, objects=desk.objects, values=values, pointers={"spte": desk.sptep})
        return RangeFlushed(**desk.told(name), gfn=gfn, changes=desk.made(cuts.ZAP_ALL.function))

    @once
    def dropped(self) -> TableFlushed:
        """See `FlushRanges.dropped`."""
        name, desk = "validate_direct_spte", _Desk(self._mmu, cuts.SHADOW)
        desk.add("vcpu", "struct kvm_vcpu")
        wanted = var("direct_access", 32)
        desk.session.call(
            desk.memory, name, objects=desk.objects, values={"direct_access": wanted}, pointers={"sptep": desk.sptep}
        )
        return self._table(desk, name, wanted, desk.made("drop_parent_pte"), TRUE)

    @once
    def linked(self) -> TableFlushed:
        """See `FlushRanges.linked`."""
        name, desk = "__link_shadow_page", _Desk(self._mmu, cuts.SHADOW)
        desk.add("kvm", "struct kvm")
        desk.add("cache", "struct kvm_mmu_memory_cache")
        new = Object(name="new", type=desk.page.type, kind=ObjectKind.INPUT, by_pointer=True)
        desk.objects["struct kvm_mmu_page"] = pointer_to(new)
        flush = var("flush", 8) & 1
        desk.session.call(
            desk.memory, name, objects=desk.objects, values={"flush": flush}, pointers={"sptep": desk.sptep}
        )
        return self._table(desk, name, bv(0, 32), desk.made(cuts.ZAP.function), ne(flush, 0))

    @staticmethod
    def _table(desk: _Desk, caller: str, wanted: BitVec, changes: Bool, flushes: Bool) -> TableFlushed:
        return TableFlushed(
            **desk.told(caller),
            gfn=desk.read(desk.child, "gfn"),
            changes=changes,
            child_access=zext(desk.of_role(desk.child, "access"), 32),
            wanted=wanted,
            child_direct=ne(desk.of_role(desk.child, "direct"), 0),
            flushes=flushes,
        )
