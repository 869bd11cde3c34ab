"""Rounds of a lifted tree's loops that map a page: those of ``tdp_mmu.c`` and of ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.machine.memory import Pointer, same_place
from mmuproof.lift.machine.values import Target
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import map_rounds as cuts
from mmuproof.model.lifted.calls_made import is_nonzero
from mmuproof.model.lifted.map_tails import ENTRY_AFTER, Mapping, tail_of
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.prepared_pages import any_unprepared
from mmuproof.model.lifted.round_bench import NOTHING_DONE, RoundBench
from mmuproof.model.map_rounds import MapRound, MapRounds
from mmuproof.model.named import functions, kvm_mmu_page, kvm_page_fault, shadow_iterator, tdp_iter
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, any_of, eq, iff, ne, negate, ult, var

_FOUND = var(f"{cuts.CHILD.function}()", 64)
_LINKED_ALREADY = -17


class LiftedMapRounds(MapRounds, Remembers):
    """The parts of a lifted tree that map pages in loops.

    Args:
        mmu: ``mmu.c``.
        tdp: ``tdp_mmu.c``.
        _spte: ``spte.c``, in which is read what those write that are not followed.
    """

    def __init__(self, mmu: Unit, tdp: Unit, _spte: Unit) -> None:
        super().__init__()
        self._mmu, self._tdp = mmu, tdp

    @once
    def tdp(self) -> MapRound:
        """See `MapRounds.tdp`."""
        loop = RoundBench(self._tdp, cuts.TDP, functions.KVM_TDP_MMU_MAP)
        (made,) = loop.run(tdp_iter.STRUCT)
        maps, links, splits = (
            loop.deeds(loop.session.calls(cut.function), snapshot=True, aims=["iter"])
            for cut in (cuts.TDP_MAP, cuts.TDP_LINK, cuts.TDP_SPLIT)
        )
        tried = [
            call for cut in (cuts.TDP_LINK, cuts.TDP_SPLIT, cuts.TDP_ZAP) for call in loop.session.calls(cut.function)
        ]
        head = made.head
        valid, end = ne(loop.of(head, loop.walk, tdp_iter.VALID), 0), loop.of(head, loop.fault, kvm_page_fault.GFN) + 1
        at_end = negate(all_of(valid, ult(loop.of(head, loop.walk, tdp_iter.GFN), end)))
        (step,) = loop.session.calls(cuts.TDP_NEXT.function)
        (start,) = loop.session.calls(cuts.TDP_START.function)
        (mapped,) = loop.session.calls(cuts.TDP_MAP.function)
        spte = loop.of(step.memory, loop.walk, tdp_iter.OLD_SPTE)
        return MapRound(
            function=loop.function,
            workaround=loop.workaround(made),
            another_fault=loop.another_fault(made),
            at_end=at_end,
            maps=maps,
            links=links,
            splits=splits,
            fails=any_of(*(all_of(call.guard, is_nonzero(call)) for call in tried)),
            goes_on=made.goes_on,
            has_table=any_of(*(all_of(call.guard, negate(is_nonzero(call))) for call in tried)),
            spte=spte,
            tail=tail_of(
                loop,
                Mapping(
                    loops=[(made, start)],
                    maps=mapped,
                    answer=loop.answer,
                    begins=[
                        (
                            loop.session.argument(start, tdp_iter.NEXT_LAST_LEVEL_GFN),
                            loop.of(made.entered, loop.fault, kvm_page_fault.GFN),
                        )
                    ],
                    entry=loop.entry(mapped.memory),
                    found=all_of(
                        negate(at_end),
                        same_place(loop.entry(head), loop.entry(mapped.memory)),
                        *(
                            eq(loop.of(head, loop.walk, each), loop.of(mapped.memory, loop.walk, each))
                            for each in (tdp_iter.GFN, tdp_iter.LEVEL, tdp_iter.OLD_SPTE)
                        ),
                    ),
                    unnoted=self._unnoted(loop),
                    unprepared=any_unprepared(
                        loop.session, loop.session.calls(cuts.TDP_LINK.function, cuts.TDP_SPLIT.function)
                    ),
                ),
            ),
            evidence=loop.session.evidence(),
        )

    def _unnoted(self, loop: RoundBench) -> Bool:
        """Whether a table is put somewhere that does not know whether a huge page was refused there."""
        flag = kvm_mmu_page.NX_HUGE_PAGE_DISALLOWED
        if not self._tdp.has_member(kvm_mmu_page.STRUCT, flag):
            # Who links a table has noted it.
            return FALSE
        ways: list[Bool] = []
        for call in loop.session.calls(cuts.TDP_LINK.function, cuts.TDP_SPLIT.function):
            (page,) = (each.place.object for each in loop.session.pointer_argument(call, "sp").targets if each.place)
            refused = ne(loop.of(call.memory, loop.fault, kvm_page_fault.HUGE_PAGE_DISALLOWED), 0)
            noted = ne(loop.of(call.memory, page, flag), 0)
            ways.append(all_of(call.guard, negate(iff(noted, refused))))
        return any_of(*ways)

    @once
    def direct(self) -> MapRound:
        """See `MapRounds.direct`."""
        found = Pointer((Target(guard=TRUE, address=_FOUND),))
        of_run = {
            cuts.CHILD: replace(cuts.CHILD, gives=found),
            cuts.MAP: replace(cuts.MAP, writes=(), stores=((2, "", ENTRY_AFTER),)),
        }
        known = tuple(of_run.get(cut, cut) for cut in cuts.DIRECT)
        name = functions.DIRECT_MAP if self._mmu.has_function(functions.DIRECT_MAP) else functions.INNER_DIRECT_MAP
        loop = RoundBench(self._mmu, known, name)
        (made,) = loop.run(shadow_iterator.STRUCT)
        maps = loop.deeds(
            loop.session.calls(cuts.MAP.function), snapshot=False, aims=[shadow_iterator.SPTEP, kvm_page_fault.GFN]
        )
        links = loop.deeds(loop.session.calls(cuts.LINK.function), snapshot=False, aims=[shadow_iterator.SPTEP])
        (step,) = loop.session.calls(cuts.NEXT.function)
        (start,) = loop.session.calls(cuts.START.function)
        (look,) = loop.session.calls(cuts.OKAY.function)
        (mapped,) = loop.session.calls(cuts.MAP.function)
        return MapRound(
            function=loop.function,
            workaround=loop.workaround(made),
            another_fault=loop.another_fault(made),
            at_end=negate(loop.session.says(cuts.OKAY.function)),
            maps=maps,
            links=links,
            splits=NOTHING_DONE,
            fails=FALSE,
            goes_on=made.goes_on,
            has_table=any_of(eq(_FOUND, _LINKED_ALREADY), links.when),
            spte=loop.held(step.memory),
            tail=tail_of(
                loop,
                Mapping(
                    loops=[(made, start)],
                    maps=mapped,
                    answer=loop.answer,
                    begins=[
                        (
                            loop.session.argument(start, kvm_page_fault.ADDR),
                            loop.of(made.entered, loop.fault, kvm_page_fault.ADDR),
                        )
                    ],
                    entry=loop.entry(mapped.memory),
                    found=loop.come_to(mapped.memory, look),
                    entry_after=ENTRY_AFTER,
                    ahead=loop.session.calls(functions.DIRECT_PTE_PREFETCH),
                ),
            ),
            evidence=loop.session.evidence(),
        )
