"""How a lifted tree takes all pages of the shadow MMU away: ``mmu.c``."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.lift.machine.memory import Object, pointer_to, same_place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import page_sweeps as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import any_before, is_given, is_nonzero
from mmuproof.model.lifted.list_links import link_list
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session
from mmuproof.model.lifted.tdp_mmu_use import uses_tdp_mmu
from mmuproof.model.named import functions, kvm_mmu_page, kvm_vm, page_role
from mmuproof.model.page_sweeps import PAGES, PagesSwept, PageSweep, PageSweeps, RestTakenAway, SweptPage
from mmuproof.smt.terms import Bool, all_of, any_of, ne, negate, var

_UNLOCKS = frozenset((functions.RAW_WRITE_UNLOCK, functions.INNER_RAW_WRITE_UNLOCK))


class LiftedPageSweeps(PageSweeps, Remembers):
    """What a lifted tree takes away.

    Args:
        unit: ``mmu.c``.
        _tdp: ``tdp_mmu.c``, in which is read what those write that are not followed.
    """

    def __init__(self, unit: Unit, _tdp: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def swept(self, sweep: PageSweep) -> PagesSwept:
        """See `PageSweeps.swept`."""
        bench, name = Bench(self._unit, cuts.SWEEPS), sweep.value
        bench.session = Session(self._unit, cuts.SWEEPS, goes_back=frozenset({name}))
        kvm, pages = (
            bench.add("kvm", kvm_vm.STRUCT),
            [bench.add(f"sp{n + 1}", kvm_mmu_page.STRUCT) for n in range(PAGES)],
        )
        oldest_first = sweep is not PageSweep.ALL
        self._link(bench, kvm, pages[::-1] if oldest_first else pages)
        kvm.settled = True
        for page in pages:
            page.settled = True
        tdp_mmu, state = uses_tdp_mmu(bench, kvm), [self._state(bench, kvm, page) for page in pages]
        bench.call(name, nr_to_zap=var("nr_to_zap", 64))
        session = bench.session
        zaps, frees = session.calls(cuts.ZAP.function), session.calls(cuts.FREE.function)
        queue = [session.pointer_argument(call, "invalid_list") for call in zaps]

        def swept(page: Object, obsolete: Bool, invalid: Bool) -> SweptPage:
            mine = [(call, all_of(call.guard, is_given(call, pointer_to(page)))) for call in zaps]
            return SweptPage(
                obsolete=obsolete,
                invalid=invalid,
                zapped=any_of(*(when for _, when in mine)),
                unstable=any_of(*(all_of(when, is_nonzero(call)) for call, when in mine)),
            )

        return PagesSwept(
            sweep=sweep,
            pages=tuple(swept(page, *known) for page, known in zip(pages, state, strict=True)),
            yields=any_of(
                *(
                    all_of(call.guard, is_nonzero(call))
                    for call in session.calls(functions.INNER_COND_RESCHED_RWLOCK_WRITE)
                )
            ),
            begins_anew=any_of(*(back.guard for back in session.machine.went_back if back.function == name)),
            freed=any_of(
                *(
                    all_of(call.guard, *(same_place(session.pointer_argument(call, "invalid_list"), q) for q in queue))
                    for call in frees
                )
            ),
            tdp_mmu=tdp_mmu,
            tdp_done=session.called(cuts.TDP.function),
            evidence=session.evidence(),
        )

    @staticmethod
    def _link(bench: Bench, kvm: Object, pages: Sequence[Object]) -> None:
        """Let a VM have a list of these pages."""
        head, link = bench.place(kvm, kvm_vm.ACTIVE_MMU_PAGES).offset, bench.place(pages[0], kvm_mmu_page.LINK).offset
        link_list(bench.memory, (kvm, head), *((page, link) for page in pages))

    @staticmethod
    def _state(bench: Bench, kvm: Object, page: Object) -> tuple[Bool, Bool]:
        """Whether a page is obsolete, and whether it has been given up."""
        invalid = ne(bench.flag(page, kvm_mmu_page.ROLE, page_role.INVALID), 0)
        of_tdp = ne(bench.read(page, kvm_mmu_page.TDP_MMU_PAGE), 0)
        old = ne(bench.read(page, kvm_mmu_page.MMU_VALID_GEN), bench.read(kvm, kvm_vm.MMU_VALID_GEN))
        return any_of(invalid, all_of(negate(of_tdp), old)), invalid

    @once
    def rest(self) -> RestTakenAway:
        """See `PageSweeps.rest`."""
        bench = Bench(self._unit, cuts.REST)
        kvm = bench.add("kvm", kvm_vm.STRUCT)
        kvm.settled = True
        tdp_mmu, before = uses_tdp_mmu(bench, kvm), bench.read(kvm, kvm_vm.MMU_VALID_GEN)
        bench.call(functions.KVM_MMU_ZAP_ALL_FAST)
        session, order = bench.session, list(bench.session.machine.calls_made)
        roots, empties = session.calls(*(cut.function for cut in cuts.ROOTS)), session.calls(cuts.EMPTY.function)
        unlocks = [call for call in order if call.function in _UNLOCKS]
        return RestTakenAway(
            left_behind=ne(bench.read(kvm, kvm_vm.MMU_VALID_GEN), before),
            tdp_mmu=tdp_mmu,
            given_up=any_of(*(call.guard for call in roots)),
            emptied=any_of(*(all_of(call.guard, any_before(order, call, roots)) for call in empties)),
            unlocked=all_of(*(any_before(order, call, unlocks) for call in empties)),
            evidence=session.evidence(),
        )
