"""What a lifted tree does to many SPTEs: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Pointer, Value, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import slot_sweeps as cuts
from mmuproof.model.cuts.range_zaps import HAVE_RMAPS
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_answered_yes, is_called, is_given, is_nonzero, numbers_given
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.tdp_mmu_use import uses_tdp_mmu
from mmuproof.model.lifted.variables import parameter_of
from mmuproof.model.named import functions, kvm_gfn_range, kvm_memory_slot, kvm_vm
from mmuproof.model.slot_sweeps import HUGEST, Aging, MaskRound, MaskSweep, RangeAged, SlotSweep, SlotSweeps, SlotSwept
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bit, bv, eq, ite, ne, negate, sle, var

_FORMER: Mapping[SlotSweep, str] = MappingProxyType({SlotSweep.RECOVER: functions.KVM_MMU_ZAP_COLLAPSIBLE_SPTES})
"""What functions were called before."""
_FOR: Mapping[SlotSweep, str] = MappingProxyType(
    {
        SlotSweep.WRITE_PROTECT: "slot_rmap_write_protect",
        SlotSweep.CLEAR_DIRTY: functions.INNER_RMAP_CLEAR_DIRTY,
        SlotSweep.RECOVER: functions.KVM_MMU_ZAP_COLLAPSIBLE_SPTE,
        SlotSweep.SPLIT: functions.SHADOW_MMU_TRY_SPLIT_HUGE_PAGES,
        SlotSweep.SPLIT_RANGE: functions.SHADOW_MMU_TRY_SPLIT_HUGE_PAGES,
    }
)
"""What is done to what maps a frame."""
_TDP: Mapping[SlotSweep, tuple[str, ...]] = MappingProxyType(
    {
        SlotSweep.WRITE_PROTECT: ("kvm_tdp_mmu_wrprot_slot",),
        SlotSweep.CLEAR_DIRTY: ("kvm_tdp_mmu_clear_dirty_slot",),
        SlotSweep.RECOVER: ("kvm_tdp_mmu_recover_huge_pages", functions.KVM_TDP_MMU_ZAP_COLLAPSIBLE_SPTES),
        SlotSweep.SPLIT: (functions.KVM_TDP_MMU_TRY_SPLIT_HUGE_PAGES,),
        SlotSweep.SPLIT_RANGE: (functions.KVM_TDP_MMU_TRY_SPLIT_HUGE_PAGES,),
    }
)
_TESTS = ("kvm_test_age_rmap", "kvm_age_rmap")


class LiftedSlotSweeps(SlotSweeps, Remembers):
    """What a lifted tree does to the SPTEs of a slot.

    Args:
        unit: ``mmu.c``.
        _tdp: ``tdp_mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _tdp: Unit) -> None:
        super().__init__()
        self._unit = unit

    def _bench(self, known: tuple[Cut, ...], *rounds: str) -> tuple[Bench, Object, Object]:
        """A bench with a VM and a slot of it."""
        bench = Bench(self._unit, known, any_round=frozenset(rounds))
        return bench, bench.add("kvm", kvm_vm.STRUCT), bench.add("slot", kvm_memory_slot.STRUCT)

    @once
    def swept(self, sweep: SlotSweep, level: int) -> SlotSwept:
        """See `SlotSweeps.swept`."""
        bench, kvm, slot = self._bench(cuts.CUTS)
        function = self._unit.function(*(name for name in (sweep.value, _FORMER.get(sweep)) if name)).name
        base, pages = (bench.read(slot, name) for name in (kvm_memory_slot.BASE_GFN, kvm_memory_slot.NPAGES))
        start, end = (var("start", 64), var("end", 64)) if sweep is SlotSweep.SPLIT_RANGE else (base, base + pages)
        told_level, tdp_mmu = bv(level, 32), uses_tdp_mmu(bench, kvm)
        bench.call(function, start=start, end=end, start_level=told_level, target_level=told_level)
        walks = bench.session.calls(*(cut.function for cut in cuts.WALKS))
        right = [(call, _is_walk(call, _FOR[sweep], slot, start, end)) for call in walks]
        done = FALSE
        for call in bench.session.calls(*_TDP[sweep]):
            names = self._unit.parameter_names(call.function)
            told = dict(zip(names, call.arguments, strict=True))
            wanted = {"start": start, "end": end, "min_level": told_level, "target_level": told_level}
            same = [
                eq(each, wanted[name]) for name, each in told.items() if name in wanted and isinstance(each, BitVec)
            ]
            done = any_of(done, all_of(call.guard, *same, is_given(call, pointer_to(slot))))
        return SlotSwept(
            sweep=sweep,
            level=level,
            tdp_mmu=tdp_mmu,
            shadowed=bench.session.says(HAVE_RMAPS.function),
            walked=tuple(
                any_of(*(all_of(when, _includes(call, each)) for call, when in right)) for each in range(1, HUGEST + 1)
            ),
            tdp_done=done,
            stale=is_answered_yes(walks),
            flushed=is_called(bench.session.calls(*(cut.function for cut in cuts.FLUSH_SLOT)), pointer_to(slot)),
            evidence=bench.session.evidence(),
        )

    @once
    def masked(self, sweep: MaskSweep) -> MaskRound:
        """See `SlotSweeps.masked`."""

        def lowest(arguments: Sequence[Value | None]) -> Value:
            word = arguments[0]
            assert isinstance(word, BitVec)
            found = bv(0, 64)
            for number in reversed(range(word.width)):
                found = ite(bit(word, number), bv(number, 64), found)
            return found

        name = sweep.value
        head = Object(
            name="rmap_head", type=self._unit.record(kvm_memory_slot.RMAP_HEAD), kind=ObjectKind.INPUT, by_pointer=True
        )
        known = (
            *(replace(cut, gives=lowest) for cut in cuts.LOWEST),
            replace(cuts.RMAP, gives=pointer_to(head)),
            *(cut for cut in cuts.MASKS if cut is not cuts.RMAP),
        )
        bench, kvm, slot = self._bench(known, name)
        offset, mask, base = var("gfn_offset", 64), var("mask", 64), bench.read(slot, kvm_memory_slot.BASE_GFN)
        tdp_mmu = uses_tdp_mmu(bench, kvm)
        bench.call(name, gfn_offset=offset, mask=mask)
        session, made = bench.session, bench.session.round(name)
        left = parameter_of(made, "mask")
        found, tdp = session.only_call(cuts.RMAP.function), session.only_call(cuts.TDP_MASK.function)
        does = functions.RMAP_WRITE_PROTECT if sweep is MaskSweep.WRITE_PROTECT else functions.INNER_RMAP_CLEAR_DIRTY
        now = read(made.head, left, 0, 64)
        return MaskRound(
            sweep=sweep,
            asked=mask,
            tdp_mmu=tdp_mmu,
            shadowed=session.says(HAVE_RMAPS.function),
            tdp_done=all_of(
                tdp.guard,
                is_given(tdp, pointer_to(slot)),
                eq(session.argument(tdp, "gfn"), base + offset),
                eq(session.argument(tdp, "mask"), mask),
                eq(session.argument(tdp, "wrprot"), int(sweep is MaskSweep.WRITE_PROTECT)),
            ),
            mask_at_first=read(made.entered, left, 0, 64),
            mask=now,
            goes_on=made.goes_on,
            mask_after=now if made.end is None else read(made.end, left, 0, 64),
            handles=all_of(
                found.guard,
                eq(session.argument(found, "level"), 1),
                is_given(found, pointer_to(slot)),
                is_called(session.calls(does), pointer_to(head)),
            ),
            number=session.argument(found, "gfn") - bench.read(slot, kvm_memory_slot.BASE_GFN, made.head) - offset,
            evidence=session.evidence(),
        )

    @once
    def aged(self, aging: Aging) -> RangeAged:
        """See `SlotSweeps.aged`."""
        bench, kvm, _ = self._bench(cuts.AGES)
        asked = bench.add("range", kvm_gfn_range.STRUCT)
        tests = aging is Aging.TEST
        tdp_mmu, told = uses_tdp_mmu(bench, kvm), ne(bench.integer(aging.value), 0)
        has_count = self._unit.find_function("kvm_may_have_shadow_mmu_sptes") is not None
        tables = ne(bench.read(kvm, kvm_vm.INDIRECT_SHADOW_PAGES), 0)
        shadow, young = FALSE, FALSE
        for call in bench.session.calls(*(cut.function for cut in cuts.AGES_SHADOW)):
            shadow = any_of(shadow, all_of(call.guard, is_given(call, pointer_to(asked)), _is_to_test(call, tests)))
            young = any_of(young, all_of(call.guard, is_nonzero(call)))
        tdp, by_tdp = cuts.AGES_TDP[tests], FALSE
        calls = bench.session.calls(tdp.function)
        for call in calls:
            by_tdp = any_of(by_tdp, all_of(call.guard, is_nonzero(call)))
        return RangeAged(
            aging=aging,
            tdp_mmu=tdp_mmu,
            shadowed=any_of(tables, negate(tdp_mmu)) if has_count else bench.session.says(HAVE_RMAPS.function),
            tdp_done=is_called(calls, pointer_to(asked)),
            tdp_young=by_tdp,
            shadow_done=shadow,
            shadow_young=young,
            answer=told,
            evidence=bench.session.evidence(),
        )


def _named(call: CallMade) -> str:
    """The function that a call is given to call, empty if none."""
    pointers = (each for each in call.arguments if isinstance(each, Pointer))
    functions = (target.function for pointer in pointers for target in pointer.targets)
    return next((each.name for each in functions if each is not None), "")


def _is_to_test(call: CallMade, tests: bool) -> Bool:
    """Whether a call looks at accessed flags only, or clears them too, as is wanted."""
    handler = _named(call)
    if handler:
        return TRUE if (handler == _TESTS[0]) is tests and handler in _TESTS else FALSE
    return eq(numbers_given(call)[0], int(tests))


def _is_walk(call: CallMade, handler: str, slot: Object, start: BitVec, end: BitVec) -> Bool:
    """Whether a walk is one through a range of a slot, for one thing."""
    if _named(call) != handler:
        return FALSE
    first, last = (each for each in call.arguments[5:7] if isinstance(each, BitVec))
    return all_of(call.guard, is_given(call, pointer_to(slot)), eq(first, start), eq(last, end - 1))


def _includes(call: CallMade, level: int) -> Bool:
    """Whether a walk goes through a level."""
    lowest, highest = (each for each in call.arguments[3:5] if isinstance(each, BitVec))
    return all_of(sle(lowest, bv(level, lowest.width)), sle(bv(level, highest.width), highest))
