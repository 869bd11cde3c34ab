"""Taking a range of frames away in a lifted tree: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Pointer, Value, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import flush_ranges
from mmuproof.model.cuts import range_zaps as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import numbers_given
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.tdp_mmu_use import uses_tdp_mmu
from mmuproof.model.named import kvm_gfn_range, kvm_vm
from mmuproof.model.range_zaps import ANSWERS, RangeZap, RangeZapped, RangeZaps
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bool_var, eq, ite, ne, negate, to_bv, ule, var

_BOUNDS = 2
"""A range has a first frame, and one behind the last."""


class LiftedRangeZaps(RangeZaps, Remembers):
    """What a lifted tree does about a range.

    Args:
        unit: ``mmu.c``.
        _tdp: ``tdp_mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _tdp: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def zapped(self, who: RangeZap) -> RangeZapped:
        """See `RangeZaps.zapped`."""
        has_rmaps, shadow_stale, tdp_stale = (bool_var(name) for name in ANSWERS)

        def with_earlier(arguments: Sequence[Value | None]) -> Value:
            earlier = arguments[-1]
            assert isinstance(earlier, BitVec)
            return to_bv(any_of(ne(earlier, 0), tdp_stale), 8)

        answering = (
            replace(cuts.HAVE_RMAPS, gives=to_bv(has_rmaps, 8)),
            *(replace(cut, gives=to_bv(shadow_stale, 8)) for cut in cuts.SHADOW),
            *(replace(cut, gives=with_earlier) for cut in cuts.TDP),
        )
        bench = Bench(self._unit, (*answering, *cuts.CUTS))
        kvm, asked = bench.add("kvm", kvm_vm.STRUCT), bench.add("range", kvm_gfn_range.STRUCT)
        told = FALSE
        if who is RangeZap.BY_KVM:
            start, end = var("gfn_start", 64), var("gfn_end", 64)
            bench.call(who.value, gfn_start=start, gfn_end=end)
        else:
            start, end = bench.read(asked, kvm_gfn_range.START), bench.read(asked, kvm_gfn_range.END)
            told = ne(bench.integer(who.value), 0)
        calls = bench.session.calls

        def of_range(call: CallMade) -> Bool:
            numbers = numbers_given(call)
            whole = any_of(
                *(
                    same_place(each, pointer_to(asked))
                    for each in call.arguments
                    if isinstance(each, Pointer) and who is RangeZap.BY_HOST
                )
            )
            if len(numbers) < _BOUNDS:
                return all_of(call.guard, whole)
            return all_of(call.guard, any_of(whole, all_of(eq(numbers[0], start), eq(numbers[1], end))))

        shadow, tdp = (calls(*(cut.function for cut in each)) for each in (cuts.SHADOW, cuts.TDP))
        first, pages = start, end - start
        flushes = calls(*(cut.function for cut in flush_ranges.RANGE))
        for call in flushes:
            of_call = numbers_given(call)
            first, pages = ite(call.guard, of_call[0], first), ite(call.guard, of_call[1], pages)
        return RangeZapped(
            function=who.value,
            start=start,
            end=end,
            shadowed=has_rmaps if who is RangeZap.BY_HOST else TRUE,
            tdp_mmu=uses_tdp_mmu(bench, kvm),
            shadow_zapped=any_of(*map(of_range, shadow)),
            tdp_zapped=any_of(*map(of_range, tdp)),
            shadow_stale=shadow_stale,
            tdp_stale=tdp_stale,
            flushed=any_of(told, *(each.guard for each in flushes)),
            first=first,
            pages=pages,
            faults_wait=self._wait(bench, (*shadow, *tdp), start, end) if who is RangeZap.BY_KVM else TRUE,
            evidence=bench.session.evidence(),
        )

    def _wait(self, bench: Bench, zaps: Sequence[CallMade], start: BitVec, end: BitVec) -> Bool:
        """Whether faults in a range are held off before it is zapped, and until then."""
        made = bench.session.machine.calls_made
        order = [made.index(each) for each in zaps]
        before = [
            each
            for each in bench.session.calls(*(cut.function for cut in (*cuts.BEGIN, cuts.RANGE_ADD)))
            if made.index(each) < min(order, default=0)
        ]
        over = [each for each in bench.session.calls(cuts.END.function) if made.index(each) < max(order, default=0)]
        bounds = [(each.guard, [told for told in each.arguments if isinstance(told, BitVec)]) for each in before]
        return all_of(
            any_of(*(each.guard for each in before if each.function != cuts.RANGE_ADD.function)),
            any_of(
                *(
                    all_of(guard, ule(told[0], start), ule(end, told[1]))
                    for guard, told in bounds
                    if len(told) == _BOUNDS
                )
            ),
            *(negate(each.guard) for each in over),
        )
