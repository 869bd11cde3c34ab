"""What a lifted tree does before it frees pages of SPTEs: ``mmu.c``."""

from __future__ import annotations

from mmuproof.lift.machine.memory import pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import freed_pages as cuts
from mmuproof.model.freed_pages import FreedPages, PagesFreed
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import any_before, is_called
from mmuproof.model.lifted.list_links import link_list
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.named import functions, kvm_mmu_page, kvm_vm, list_heads
from mmuproof.smt.terms import all_of, any_of, implies


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
        link_list(bench.memory, (queue, 0), *((page, link) for page in listed))
        for each in (queue, *listed):
            # What a page holds that is freed is read before.
            each.settled = True
        bench.call(functions.KVM_MMU_COMMIT_ZAP_PAGE)
        session = bench.session
        made = session.machine.calls_made
        frees, flushes = session.calls(cuts.FREE.function), session.calls(cuts.FLUSH.function)
        return PagesFreed(
            pages=pages,
            freed=tuple(is_called(frees, pointer_to(page)) for page in listed),
            flushed=all_of(*(implies(call.guard, any_before(made, call, flushes)) for call in frees)),
            anything=any_of(*(call.guard for call in frees)),
            evidence=session.evidence(),
        )
