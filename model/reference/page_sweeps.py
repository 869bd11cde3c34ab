"""How Linux 7.2.13 takes all pages of the shadow MMU away."""

from __future__ import annotations

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.evidence import Evidence
from mmuproof.model.page_sweeps import PAGES, PagesSwept, PageSweep, PageSweeps, RestTakenAway, SweptPage
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, any_of, bv, eq, ite, ne, negate, sext, slt, ult, var

_TDP_MMU = ne(var("tdp_mmu_enabled", 1), 0)
_BATCH = 10
"""BATCH_ZAP_PAGES."""


class ReferencePageSweeps(ReferenceArea, PageSweeps):
    """What gives pages up that are obsolete, all, or the oldest, and the rest of ``kvm_mmu_zap_all_fast()``."""

    def swept(self, sweep: PageSweep) -> PagesSwept:
        """See `PageSweeps.swept`."""
        if sweep is PageSweep.OLDEST:
            return self._oldest()
        all_go, at, batch = sweep is PageSweep.ALL, TRUE, bv(0, 32)
        pages, yields, anew = [], FALSE, FALSE
        for number in range(1, PAGES + 1):
            obsolete, invalid = self._state(number)
            looked = all_of(at, TRUE if all_go else obsolete)
            valid = all_of(looked, negate(invalid))
            changed = ne(var(numbered("__kvm_mmu_prepare_zap_page()", number), 1), 0)
            if all_go:
                zapped = valid
                waits = ne(var(numbered("__cond_resched_rwlock_write()", number), 32), 0)
                gives_way = all_of(zapped, negate(changed), waits)
            else:
                waits = ne(var("__cond_resched_rwlock_write()", 32), 0)
                gives_way = all_of(valid, negate(slt(batch, bv(_BATCH, 32))), waits)
                zapped = all_of(valid, negate(gives_way))
                batch = ite(zapped, var("nr_zapped after __kvm_mmu_prepare_zap_page()", 32), batch)
            unstable = all_of(zapped, changed)
            pages.append(SweptPage(obsolete=obsolete, invalid=invalid, zapped=zapped, unstable=unstable))
            yields = any_of(yields, gives_way)
            anew = any_of(anew, gives_way, self._begins_anew(unstable))
            on = all_of(zapped, negate(self._begins_anew(unstable)), negate(gives_way))
            at = all_of(looked, any_of(self._goes_on_after_invalid(invalid), on))
        return PagesSwept(
            sweep=sweep,
            pages=tuple(pages),
            yields=yields,
            begins_anew=anew,
            freed=self._frees(negate(anew)),
            tdp_mmu=_TDP_MMU,
            tdp_done=all_of(negate(anew), _TDP_MMU) if all_go and self._has_tdp_zapped() else FALSE,
            evidence=Evidence(),
        )

    def _oldest(self) -> PagesSwept:
        pages, anew, at, total = list[SweptPage](), FALSE, TRUE, bv(0, 64)
        for number in range(1, PAGES + 1):
            zap = numbered("__kvm_mmu_prepare_zap_page()", number)
            obsolete, invalid = self._state(number)
            unused = eq(var(f"sp{number}->root_count", 32), 0)
            zapped, changed = all_of(at, unused), ne(var(zap, 1), 0)
            pages.append(SweptPage(obsolete=obsolete, invalid=invalid, zapped=zapped, unstable=all_of(zapped, changed)))
            total = ite(zapped, total + sext(var(f"nr_zapped after {zap}", 32), 64), total)
            more = all_of(zapped, ult(total, var("nr_to_zap", 64)))
            anew = any_of(anew, all_of(more, self._begins_anew(changed)))
            at = all_of(at, any_of(negate(unused), all_of(more, negate(self._begins_anew(changed)))))
        return PagesSwept(
            sweep=PageSweep.OLDEST,
            pages=tuple(pages),
            yields=FALSE,
            begins_anew=anew,
            freed=all_of(negate(anew), self._frees_oldest()),
            tdp_mmu=_TDP_MMU,
            tdp_done=FALSE,
            evidence=Evidence(),
        )

    @staticmethod
    def _state(number: int) -> tuple[Bool, Bool]:
        """Whether a page is obsolete, and whether it has been given up."""
        invalid = role_flag(var(f"sp{number}->role", PAGE_ROLE_BITS), "invalid")
        old = ne(var(f"sp{number}->mmu_valid_gen", 8), var("kvm->arch.mmu_valid_gen", 8))
        return any_of(invalid, all_of(negate(ne(var(f"sp{number}->tdp_mmu_page", 1), 0)), old)), invalid

    def _frees_oldest(self) -> Bool:
        """Whether the oldest pages are freed once they are given up."""
        return TRUE

    def _begins_anew(self, unstable: Bool) -> Bool:
        """Whether a sweep begins anew, by whether the list is another than before."""
        return unstable

    def _goes_on_after_invalid(self, invalid: Bool) -> Bool:
        """Whether a sweep goes on after a page that was given up before."""
        return invalid

    def _frees(self, ends: Bool) -> Bool:
        """Whether pages are freed, by whether the sweep ends."""
        return ends

    def _has_tdp_zapped(self) -> bool:
        """Whether the TDP MMU's pages go too where all do."""
        return True

    def rest(self) -> RestTakenAway:
        """See `PageSweeps.rest`."""
        given_up = all_of(_TDP_MMU, self._begins())
        return RestTakenAway(
            left_behind=self._begins(),
            tdp_mmu=_TDP_MMU,
            given_up=given_up,
            emptied=self._empties(given_up),
            unlocked=TRUE,
            evidence=Evidence(),
        )

    def _begins(self) -> Bool:
        """Whether pages are given up before the rest is done."""
        return TRUE

    def _empties(self, given_up: Bool) -> Bool:
        """Whether roots are emptied, by whether they are given up."""
        return given_up
