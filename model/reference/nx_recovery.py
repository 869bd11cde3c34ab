"""What Linux 7.2.13 does about tables that stand for huge pages."""

from __future__ import annotations

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.evidence import Evidence
from mmuproof.model.nx_recovery import NxLogged, NxPage, NxRecovered, NxRecovery, NxToggled, NxZapped
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_value
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, bool_var, bv, iff, ne, negate, var, zext

_PAGES = 2


class ReferenceNxRecovery(ReferenceArea, NxRecovery):
    """``kvm_recover_nx_huge_pages()``."""

    def recovered(self, of_tdp: bool) -> NxRecovered:
        """See `NxRecovery.recovered`."""
        logged = [
            ne(var(numbered("kvm_mmu_sp_dirty_logging_enabled()", number), 1), 0) for number in range(1, _PAGES + 1)
        ]
        zapped = [self._is_zapped(each) for each in logged]
        return NxRecovered(
            of_tdp=of_tdp,
            pages=tuple(
                NxPage(logged=log, zapped=zap, disallowed=FALSE, counted=FALSE)
                for log, zap in zip(logged, zapped, strict=True)
            ),
            by_other=FALSE,
            beyond=self._goes_on(),
            unflushed=self._unflushed(of_tdp, zapped),
            evidence=Evidence(),
        )

    def _goes_on(self) -> Bool:
        """Whether tables are looked for on a list that has none."""
        return FALSE

    def toggled(self) -> NxToggled:
        """See `NxRecovery.toggled`."""
        before, after = ne(var("nx_huge_pages", 32), 0), bool_var("nx_huge_pages afterwards")
        zaps = self._zaps_all(before, after)
        return NxToggled(before=before, after=after, zapped=(zaps, zaps), evidence=Evidence())

    def _zaps_all(self, before: Bool, after: Bool) -> Bool:
        """Whether all VMs are zapped."""
        return negate(iff(before, after))

    def _is_zapped(self, logged: Bool) -> Bool:
        """Whether a table is dropped, by whether its dirty pages are logged."""
        return negate(logged)

    def _unflushed(self, _of_tdp: bool, _zapped: list[Bool]) -> Bool:
        """Whether a lock is given up too early."""
        return FALSE

    def zapped(self) -> NxZapped:
        """See `NxRecovery.zapped`."""
        found, leads = var("kvm_tdp_mmu_read_spte()", 64), bool_var("the entry leads to the table")
        of_tdp, below = ne(var("sp->tdp_mmu_page", 1), 0), bool_var("an entry leads to it")
        sets = all_of(of_tdp, below, self._looks(leads))
        lost = all_of(sets, ne(var("tdp_mmu_set_spte_atomic()", 32), 0))
        return NxZapped(
            of_tdp=of_tdp,
            below=below,
            level=zext(role_value(var("sp->role", PAGE_ROLE_BITS), "level"), 32),
            gfn=var("sp->gfn", 64),
            found=found,
            leads=leads,
            sets=sets,
            written=bv(self.constants.SHADOW_NONPRESENT_VALUE, 64),
            own_entry=sets,
            lost=lost,
            answer=self._told(sets, lost),
            evidence=Evidence(),
        )

    def _looks(self, leads: Bool) -> Bool:
        """Whether the entry is exchanged, by whether it leads to the table."""
        return leads

    def _told(self, sets: Bool, lost: Bool) -> Bool:
        """Whether a flush is due."""
        return all_of(sets, negate(lost))

    def logged(self) -> NxLogged:
        """See `NxRecovery.logged`."""
        any_slot, flags = ne(var("kvm->nr_memslots_dirty_logging.counter", 32), 0), var("slot->flags", 32)
        return NxLogged(
            any_slot=any_slot,
            flags=flags,
            own_slot=TRUE,
            answer=all_of(any_slot, ne(flags & self.constants.KVM_MEM_LOG_DIRTY_PAGES, 0)),
            evidence=Evidence(),
        )
