"""Which lists of SPTEs a lifted tree goes through to age them: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Value, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.aged_lists import AgedList, AgedLists, ListsAged
from mmuproof.model.cuts import aged_lists as cuts
from mmuproof.model.huge_pages import HUGEST
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, is_given, numbers_given
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, kvm_gfn_range, kvm_memory_slot, kvm_vm
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bv, eq, resize

_LEVELS = range(1, HUGEST + 1)
_GFN = 0
"""The one frame of the range, for all."""


class LiftedAgedLists(AgedLists, Remembers):
    """Which lists a lifted tree goes through.

    Args:
        mmu: ``mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, mmu: Unit, _spte: Unit) -> None:
        super().__init__()
        self._mmu = mmu

    @once
    def aged(self) -> ListsAged:
        """See `AgedLists.aged`."""
        record = self._mmu.record(kvm_memory_slot.RMAP_HEAD)
        heads = {
            level: Object(name=f"list of level {level}", type=record, kind=ObjectKind.INPUT, by_pointer=True)
            for level in _LEVELS
        }

        def of_level(arguments: Sequence[Value | None]) -> Value:
            told = [each.value for each in arguments if isinstance(each, BitVec) and each.is_const]
            if not told or told[-1] not in heads:
                raise Refused("the list of no level is sought")
            return pointer_to(heads[told[-1]])

        known = (replace(cut, gives=of_level) if cut is cuts.RMAP else cut for cut in cuts.CUTS)
        bench = Bench(self._mmu, tuple(known))
        bench.add("kvm", kvm_vm.STRUCT)
        slot, asked = bench.add("slot", kvm_memory_slot.STRUCT), bench.add("range", kvm_gfn_range.STRUCT)
        bench.write(asked, kvm_gfn_range.SLOT, pointer_to(slot))
        bench.write(asked, kvm_gfn_range.START, bv(_GFN, 64))
        bench.write(asked, kvm_gfn_range.END, bv(_GFN + 1, 64))
        bench.integer(functions.KVM_RMAP_AGE_GFN_RANGE, test_only=bv(0, 8))
        return ListsAged(
            lists=tuple(_list_of(bench, level, head, slot) for level, head in heads.items()),
            evidence=bench.session.evidence(),
        )


def _list_of(bench: Bench, level: int, head: Object, slot: Object) -> AgedList:
    """What is done with the list of a level."""
    seeks, locks, walks, unlocks = (
        bench.session.calls(cut.function) for cut in (cuts.RMAP, cuts.LOCK, cuts.FIRST, cuts.UNLOCK)
    )
    own = [call for call in locks if is_given(call, pointer_to(head))]
    lists = [answer_of(call, 64) for call in own]

    def is_it(call: CallMade) -> Bool:
        return any_of(*(eq(resize(numbers_given(call)[0], 64), each) for each in lists))

    return AgedList(
        level=level,
        sought=any_of(*(_is_sought(call, level, slot) for call in seeks)),
        locked=any_of(*(all_of(call.guard, is_given(call, pointer_to(head))) for call in own)),
        walked=any_of(*(all_of(call.guard, is_it(call)) for call in walks)),
        unlocked=any_of(*(all_of(call.guard, is_given(call, pointer_to(head)), is_it(call)) for call in unlocks)),
    )


def _is_sought(call: CallMade, level: int, slot: Object) -> Bool:
    gfn, at = numbers_given(call)[:2]
    return all_of(call.guard, eq(gfn, _GFN), eq(at, level), is_given(call, pointer_to(slot)))
