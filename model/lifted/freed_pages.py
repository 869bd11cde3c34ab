"""What a lifted tree does before it frees pages of SPTEs: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import freed_pages as cuts
from mmuproof.model.freed_pages import FreedPages, PagesFreed
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_called
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, kvm_mmu_page, kvm_vm, list_heads
from mmuproof.smt.terms import Bool, all_of, any_of, negate


class LiftedFreedPages(FreedPages, Remembers):
    """What a lifted tree does before.

    Args:
        mmu: ``mmu.c``.
        _tdp: ``tdp_mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, mmu: Unit, _tdp: Unit) -> None:
        super().__init__()
        self._mmu = mmu

    @once
    def committed(self, pages: int) -> PagesFreed:
        """See `FreedPages.committed`."""
        bench = Bench(self._mmu, cuts.COMMITS)
        bench.add("kvm", kvm_vm.STRUCT)
        queue = bench.add("invalid_list", list_heads.LIST)
        listed = [bench.add(f"sp{number + 1}", kvm_mmu_page.STRUCT) for number in range(pages)]
        link = bench.place(listed[0], kvm_mmu_page.LINK).offset if listed else 0
        places = [(queue, 0), *((page, link) for page in listed)]
        for number, (owner, offset) in enumerate(places):
            following, former = places[(number + 1) % len(places)], places[number - 1]
            bench.memory.write(owner, offset, 64, pointer_to(*following))
            bench.memory.write(owner, offset + 64, 64, pointer_to(*former))
            # What a page holds that is freed is read before.
            owner.settled = True
        bench.call(functions.KVM_MMU_COMMIT_ZAP_PAGE)
        session = bench.session
        frees, flushes = session.calls(cuts.FREE.function), session.calls(cuts.FLUSH.function)
        return PagesFreed(
            pages=pages,
            freed=tuple(is_called(frees, pointer_to(page)) for page in listed),
            flushed=all_of(*(_after(bench, call, flushes) for call in frees)),
            anything=any_of(*(call.guard for call in frees)),
            evidence=session.evidence(),
        )


def _after(bench: Bench, call: CallMade, others: Sequence[CallMade]) -> Bool:
    """Whether one of some calls is made before a call, if that is made."""
    order = bench.session.machine.calls_made
    at = order.index(call)
    return any_of(negate(call.guard), *(each.guard for each in others if order.index(each) < at))
