"""Rounds of a lifted tree's loops over a range of frames: those of ``tdp_mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Memory, Object, Pointer, pointer_to, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import range_rounds as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_nonzero, left_by
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.prepared_pages import any_unprepared
from mmuproof.model.lifted.session import read
from mmuproof.model.lifted.variables import FLAG, parameter_of, variable_like, variable_of
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, kvm_vm, page_role, spte_masks, tdp_iter
from mmuproof.model.range_rounds import (
    ChangeTold,
    ClearDirtyFramesRound,
    ClearDirtyRound,
    EntryRound,
    RangeRounds,
    RecoverRound,
    SplitRound,
    WriteProtectFrameRound,
    WriteProtectRound,
    ZapRootRound,
    ZapRound,
)
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bv, eq, ite, ne, negate, ult, var

_ZAP = functions.TDP_MMU_ZAP_LEAFS
_CERTAIN = tuple(cut.function for cut in (cuts.SET, cuts.FORMER_SET, cuts.SET_UNLOGGED))
"""What changes an entry that nobody else may change."""
_CAN_YIELD, _FLUSH = (var(name, 8) & 1 for name in ("can_yield", "flush"))


class LiftedRangeRounds(RangeRounds, Remembers):
    """The parts of a lifted tree that go through ranges.

    Args:
        unit: ``tdp_mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _spte: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def zap(self) -> ZapRound:
        """See `RangeRounds.zap`."""
        bench = Bench(self._unit, cuts.CUTS, any_round=frozenset({_ZAP}))
        bench.add("kvm", kvm_vm.STRUCT)
        root = bench.add("root", kvm_mmu_page.STRUCT)
        answer = bench.integer(_ZAP, start=var("start", 64), end=var("end", 64), can_yield=_CAN_YIELD, flush=_FLUSH)
        made = bench.session.round(_ZAP)
        walk = variable_of(made, tdp_iter.STRUCT)
        flush, end = (parameter_of(made, name) for name in ("flush", "end"))

        def member(path: str) -> BitVec:
            return bench.read(walk, path, made.head)

        def due(memory: Memory | None) -> Bool:
            return FALSE if memory is None else ne(read(memory, flush, 0, flush.type.bits), 0)

        yields = bench.session.calls(cuts.YIELD.function)
        sets = bench.session.calls(cuts.SET.function, cuts.FORMER_SET.function)
        if not yields or not sets:
            raise NotThere([f"{(cuts.SET if yields else cuts.YIELD).function}()"])
        (asked,) = yields
        told = bench.session.argument(asked, "flush")
        return ZapRound(
            function=_ZAP,
            in_range=all_of(ne(member(tdp_iter.VALID), 0), ult(member(tdp_iter.GFN), read(made.head, end, 0, 64))),
            level=member(tdp_iter.LEVEL),
            spte=member(tdp_iter.OLD_SPTE),
            yielded=all_of(asked.guard, bench.session.says(cuts.YIELD.function)),
            told=ne(told, 0),
            zapped=bench.session.called(cuts.SET.function, cuts.FORMER_SET.function),
            unused=ne(bench.flag(root, kvm_mmu_page.ROLE, page_role.INVALID, made.head), 0),
            goes_on=made.goes_on,
            due=due(made.head),
            due_after=due(made.end),
            answer=ne(answer, 0),
            evidence=bench.session.evidence(),
        )

    # -- entries that other CPUs may change too --------------------------------------------------------

    def _walk(self, *names: str) -> tuple[Bench, Bool]:
        """A bench on which the function of the first name that the tree has is called, and what that answers."""
        name = self._unit.function(*names).name
        bench = Bench(self._unit, cuts.EACH, any_round=frozenset({name}))
        for each, record in (("kvm", kvm_vm.STRUCT), ("root", kvm_mmu_page.STRUCT), ("slot", kvm_memory_slot.STRUCT)):
            bench.add(each, record)
        # The masks are set up once, when KVM is loaded.
        for mask in (spte_masks.DIRTY, spte_masks.MMU_WRITABLE):
            bench.session.global_object(mask).settled = True
        values = {each: var(each, 64) for each in ("start", "end", "gfn", "mask")}
        levels = {each: var(each, 32) for each in ("min_level", "target_level", "zap_level")}
        flags = {each: var(each, 8) & 1 for each in ("shared", "wrprot")}
        answer = bench.session.call(bench.memory, name, objects=bench.objects, values={**values, **levels, **flags})
        return bench, ne(answer, 0) if isinstance(answer, BitVec) else FALSE

    def _entry(self, bench: Bench, name: str, end: BitVec, changes: Sequence[Cut]) -> EntryRound:
        """What a round does to an entry, by calling one of these functions."""
        made, anew = bench.session.round(name), bench.session.begun_anew(name)
        walk = variable_of(made, tdp_iter.STRUCT)
        (start,) = bench.session.calls(cuts.START.function)
        calls = bench.session.calls(*(cut.function for cut in changes))
        if not calls:
            raise NotThere([f"{' or '.join(cut.function for cut in changes)}(), called by {name}()"])
        new, elsewhere, failed = bv(0, 64), FALSE, FALSE
        for call in calls:
            if call.function == cuts.CLEAR_BITS.function:
                held, bits, level = (bench.session.argument(call, each) for each in ("old_spte", "mask", "level"))
                mine = _is_entry(bench, walk, made.head, bench.session.pointer_argument(call, "sptep"))
                mine = all_of(mine, eq(level, bench.read(walk, tdp_iter.LEVEL, made.head)))
                new, elsewhere = ite(call.guard, held & ~bits, new), any_of(elsewhere, all_of(call.guard, negate(mine)))
                continue
            has = self._unit.parameter_names(call.function)
            told = next((bench.session.argument(call, each) for each in ("new_spte", "new") if each in has), None)
            new = ite(call.guard, bv(0, 64) if told is None else told, new)
            at = next(each for each in call.arguments[1:2] if isinstance(each, Pointer))
            elsewhere = any_of(elsewhere, all_of(call.guard, negate(same_place(at, pointer_to(walk)))))
            if call.function not in _CERTAIN:
                failed = any_of(failed, all_of(call.guard, is_nonzero(call)))

        def member(path: str) -> BitVec:
            first = bench.read(walk, path, made.head)
            # The block that is begun anew may be entered under a condition.
            return first if anew is None else ite(anew.begins, bench.read(walk, path, anew.head), first)

        return EntryRound(
            function=name,
            enters=start.guard,
            first_gfn=bench.session.argument(start, "next_last_level_gfn"),
            lowest=bench.session.argument(start, "min_level"),
            in_range=all_of(ne(bench.read(walk, tdp_iter.VALID, made.head), 0), ult(member(tdp_iter.GFN), end)),
            gfn=member(tdp_iter.GFN),
            level=member(tdp_iter.LEVEL),
            spte=member(tdp_iter.OLD_SPTE),
            yielded=_answered(bench, cuts.YIELD),
            changes=any_of(*(call.guard for call in calls)),
            new=new,
            elsewhere=elsewhere,
            failed=failed,
            again=FALSE if anew is None else anew.goes_on,
            goes_on=made.goes_on,
            evidence=bench.session.evidence(),
        )

    @once
    def write_protect(self) -> WriteProtectRound:
        """See `RangeRounds.write_protect`."""
        name = functions.WRPROT_GFN_RANGE
        bench, answer = self._walk(name)
        entry = self._entry(bench, name, var("end", 64), [cuts.SET_ATOMIC])
        return WriteProtectRound(
            entry=entry, start=var("start", 64), min_level=var("min_level", 32), told=_told(bench, entry, answer)
        )

    @once
    def write_protect_frame(self) -> WriteProtectFrameRound:
        """See `RangeRounds.write_protect_frame`."""
        name, gfn = functions.WRITE_PROTECT_GFN, var("gfn", 64)
        bench, answer = self._walk(name)
        entry = self._entry(bench, name, gfn + 1, [cuts.SET, cuts.FORMER_SET])
        return WriteProtectFrameRound(
            entry=entry,
            gfn=gfn,
            min_level=var("min_level", 32),
            mmu_writable=read(Memory(), bench.session.global_object(spte_masks.MMU_WRITABLE), 0, 64),
            told=_told(bench, entry, answer),
        )

    @once
    def clear_dirty_frames(self) -> ClearDirtyFramesRound:
        """See `RangeRounds.clear_dirty_frames`."""
        name, gfn = functions.CLEAR_DIRTY_PT_MASKED, var("gfn", 64)
        bench, _ = self._walk(name)
        entry = self._entry(bench, name, gfn + 64, [cuts.CLEAR_BITS, cuts.SET_UNLOGGED])
        wrprot, made = ne(var("wrprot", 8) & 1, 0), bench.session.round(name)
        left = parameter_of(made, "mask")
        mask = read(made.head, left, 0, 64)
        return ClearDirtyFramesRound(
            entry=entry,
            gfn=gfn,
            asked=var("mask", 64),
            mask_at_first=read(made.entered, left, 0, 64),
            mask=mask,
            goes_on=made.goes_on,
            mask_after=mask if made.end is None else read(made.end, left, 0, 64),
            protects=any_of(wrprot, self._protects(bench, entry)),
            wrprot=wrprot,
            dirty_mask=read(Memory(), bench.session.global_object(spte_masks.DIRTY), 0, 64),
        )

    @once
    def clear_dirty(self) -> ClearDirtyRound:
        """See `RangeRounds.clear_dirty`."""
        name = functions.CLEAR_DIRTY_GFN_RANGE
        bench, _ = self._walk(name)
        mask = bench.session.global_object(spte_masks.DIRTY)
        entry = self._entry(bench, name, var("end", 64), [cuts.SET_ATOMIC])
        protects, dirty_mask = self._protects(bench, entry), read(Memory(), mask, 0, 64)
        return ClearDirtyRound(entry=entry, start=var("start", 64), protects=protects, dirty_mask=dirty_mask)

    @staticmethod
    def _protects(bench: Bench, entry: EntryRound) -> Bool:
        """Whether writes to the page of an entry are noticed by faults, for want of a dirty flag."""
        if bench.session.calls(cuts.PROTECTS.function):
            return bench.session.says(cuts.PROTECTS.function)
        return ne(bench.integer(functions.SPTE_AD_NEED_WRITE_PROTECT, spte=entry.spte), 0)

    @once
    def zap_root(self) -> ZapRootRound:
        """See `RangeRounds.zap_root`."""
        name = functions.INNER_TDP_MMU_ZAP_ROOT
        end = var("tdp_mmu_max_gfn_exclusive()", 64)
        entry = self._entry(self._walk(name)[0], name, end, [cuts.SET_ATOMIC, cuts.SET, cuts.FORMER_SET])
        return ZapRootRound(entry=entry, zap_level=var("zap_level", 32))

    @once
    def split(self) -> SplitRound:
        """See `RangeRounds.split`."""
        name = functions.TDP_MMU_SPLIT_HUGE_PAGES_ROOT
        bench, _ = self._walk(name)
        entry = self._entry(bench, name, var("end", 64), [cuts.SPLIT])
        (step,) = bench.session.calls(cuts.NEXT.function)
        walk = variable_of(bench.session.round(name), tdp_iter.STRUCT)
        return SplitRound(
            entry=entry,
            start=var("start", 64),
            target_level=var("target_level", 32),
            unprepared=any_unprepared(bench.session, bench.session.calls(cuts.SPLIT.function)),
            without_page=bench.session.called(cuts.ALLOC.function),
            looks_again=all_of(entry.goes_on, ne(bench.read(walk, tdp_iter.YIELDED, step.memory), 0)),
        )

    @once
    def recover(self) -> RecoverRound:
        """See `RangeRounds.recover`."""
        name = self._unit.function(functions.RECOVER_HUGE_PAGES_RANGE, functions.ZAP_COLLAPSIBLE_SPTE_RANGE).name
        bench, _ = self._walk(name)
        makes = bool(bench.session.calls(cuts.MAKE_HUGE.function))
        base_gfn, npages = var("slot->base_gfn", 64), var("slot->npages", 64)
        entry = self._entry(bench, name, base_gfn + npages, [cuts.SET_ATOMIC if makes else cuts.ZAP_ATOMIC])
        huge = bench.session.called(cuts.MAKE_HUGE.function)
        made = all_of(huge, eq(var(f"{cuts.MAKE_HUGE.function}()", 32), 0))
        spte = left_by(bench.session.only_call(cuts.MAKE_HUGE.function), cuts.MAKE_HUGE, 64) if makes else bv(0, 64)
        return RecoverRound(
            entry=entry,
            base_gfn=base_gfn,
            npages=npages,
            max_level=var(f"{cuts.MAX_LEVEL.function}()", 32),
            made=made if makes else TRUE,
            huge_spte=spte,
        )


def _is_entry(bench: Bench, walk: Object, memory: Memory, pointer: Pointer) -> Bool:
    """Whether a pointer is to the entry at which a walk stands at some time."""
    place = bench.place(walk, tdp_iter.SPTEP)
    own = as_pointer(memory.read(walk, place.offset, place.width))
    return FALSE if own is None else same_place(pointer, own)


def _told(bench: Bench, entry: EntryRound, answer: Bool) -> ChangeTold:
    """What a function tells its caller by a variable that says whether it has changed anything."""
    made = bench.session.round(entry.function)
    changed = variable_like(made, FLAG, "spte_set")

    def held(memory: Memory | None) -> Bool:
        return FALSE if memory is None else ne(read(memory, changed, 0, changed.type.bits), 0)

    return ChangeTold(
        before=held(made.head),
        goes_on=made.goes_on,
        after=held(made.end),
        ends=all_of(entry.enters, negate(made.goes_on), negate(entry.again)),
        answer=answer,
    )


def _answered(bench: Bench, cut: Cut) -> Bool:
    """Whether a function that is called at most once says yes."""
    return all_of(bench.session.called(cut.function), bench.session.says(cut.function))
