"""How Linux 7.2.13 gives pages of SPTEs up."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag, role_value
from mmuproof.model.zapped_pages import AllGivenUp, LateFlush, LeftBehindFreed, PageGivenUp, RootEmptied, ZappedPages
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bit, bv, eq, ite, ne, negate, ule, var, zext

_GENERATION = var("kvm->arch.mmu_valid_gen", 8)


class ReferenceZappedPages(ReferenceArea, ZappedPages):
    """``__kvm_mmu_prepare_zap_page()``, ``kvm_mmu_zap_all_fast()`` and the like."""

    def given_up(self) -> PageGivenUp:
        """See `ZappedPages.given_up`."""
        role = var("sp->role", PAGE_ROLE_BITS)
        invalid = role_flag(role, "invalid")
        shadows = negate(any_of(role_flag(role, "direct"), role_flag(role, "passthrough")))
        in_use, unsync = ne(var("sp->root_count", 32), 0), ne(var("sp->unsync", 1), 0)
        of_tdp = ne(var("sp->tdp_mmu_page", 1), 0)
        may_be_loaded = all_of(negate(invalid), any_of(of_tdp, eq(var("sp->mmu_valid_gen", 8), _GENERATION)))
        return PageGivenUp(
            in_use=in_use,
            was_invalid=invalid,
            shadows=shadows,
            unsync=unsync,
            may_be_loaded=may_be_loaded,
            children_given_up=TRUE,
            emptied=TRUE,
            unlinked=self._unlinks(),
            uncounted=all_of(self._counts_once(negate(invalid)), shadows),
            synced=unsync,
            queued=self._queues(negate(in_use)),
            invalid=TRUE,
            told=all_of(in_use, may_be_loaded, self._tells()),
            told_late=TRUE,
            evidence=Evidence(),
        )

    def _unlinks(self) -> Bool:
        """Whether no entry leads to a page any more that is given up."""
        return TRUE

    def _counts_once(self, first: Bool) -> Bool:
        """Whether a page is no longer counted as one that shadows a table, by whether it is given up only now."""
        return first

    def _queues(self, unused: Bool) -> Bool:
        """Whether a page is freed after the next flush, by whether nobody uses it as a root."""
        return unused

    def _tells(self) -> Bool:
        """Whether vCPUs are told to let go of a root that is given up."""
        return TRUE

    def all_at_once(self) -> AllGivenUp:
        """See `ZappedPages.all_at_once`."""
        tdp_mmu = ne(var("tdp_mmu_enabled", 1), 0)
        after = ite(eq(_GENERATION, 0), bv(1, 8), bv(0, 8))
        return AllGivenUp(
            tdp_mmu=tdp_mmu,
            before=_GENERATION,
            after=after,
            told_of_tdp=all_of(tdp_mmu, self._gives_up_tdp()),
            only_direct=TRUE,
            told=TRUE,
            told_late=all_of(ne(after, _GENERATION), any_of(negate(tdp_mmu), self._gives_up_tdp())),
            zaps=TRUE,
            evidence=Evidence(),
        )

    def _gives_up_tdp(self) -> Bool:
        """Whether the roots of the TDP MMU are given up with all others."""
        return TRUE

    def root_emptied(self) -> RootEmptied:
        """See `ZappedPages.root_emptied`."""
        level = zext(role_value(var("root->role", PAGE_ROLE_BITS), "level"), 32)
        last = self._last(level)
        return RootEmptied(level=level, last=last, right=TRUE, rising=ule(bv(3, 32), last), evidence=Evidence())

    def _last(self, level: BitVec) -> BitVec:
        """The level from which on entries are taken away at last."""
        return level

    def left_behind(self) -> LeftBehindFreed:
        """See `ZappedPages.left_behind`."""
        return LeftBehindFreed(own=TRUE, nested=self._frees_nested(), evidence=Evidence())

    def _frees_nested(self) -> Bool:
        """Whether roots for L1's nested tables are given up that memory slots have left behind."""
        return TRUE

    def late_flush(self) -> LateFlush:
        """See `ZappedPages.late_flush`."""
        due, some = bit(var("remote_flush", 8), 0), negate(eq(var("the list is empty", 1), 1))
        flushes = all_of(self._is_due(due), negate(some))
        return LateFlush(
            due=due, some=some, flushed=flushes, freed=some, answer=any_of(flushes, some), evidence=Evidence()
        )

    def _is_due(self, due: Bool) -> Bool:
        """Whether TLBs are flushed where no page is to be freed."""
        return due
