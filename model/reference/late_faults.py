"""What Linux 7.2.13 does about faults that time overtakes."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.late_faults import HandledLater, LateFaults, OutOfDate
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import role_flag
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bool_var, eq, iff, ne, negate, ule, ult, var

_ERROR_CODE = var("fault->error_code", 64)
_WAS, _IS = var("vcpu->arch.root_mmu.root_role", 32), var("root_role when the page has come", 32)
_WAS_PGD, _IS_PGD = var("pgd", 64), var("pgd when the page has come", 64)
_PRIVATE = 1 << 49


class ReferenceLateFaults(ReferenceArea, LateFaults):
    """``kvm_arch_setup_async_pf()``, ``kvm_arch_async_page_ready()`` and ``is_page_fault_stale()``."""

    def handled_later(self) -> HandledLater:
        """See `LateFaults.handled_later`."""
        address, gfn = var("fault->addr", 64), var("fault->gfn", 64)
        was_direct, is_direct = (role_flag(role, "direct") for role in (_WAS, _IS))
        return HandledLater(
            address=address,
            gfn=gfn,
            waits_for=gfn,
            error_code=_ERROR_CODE,
            was_direct=was_direct,
            was_pgd=_WAS_PGD,
            is_direct=is_direct,
            is_pgd=_IS_PGD,
            handled=all_of(
                eq(_ERROR_CODE & _PRIVATE, 0),
                self._same_mode(was_direct, is_direct),
                eq(var("work->wakeup_all", 1), 0),
                eq(var("kvm_mmu_reload()", 32), 0),
                any_of(is_direct, self._same_tables()),
            ),
            handled_address=address,
            handled_error_code=_ERROR_CODE,
            evidence=Evidence(),
        )

    def _same_mode(self, was_direct: Bool, is_direct: Bool) -> Bool:
        """Whether the vCPU is again, or still, in a mode in which the fault means the same."""
        return iff(was_direct, is_direct)

    def _same_tables(self) -> Bool:
        """Whether the guest's tables are those of the fault."""
        return eq(_IS_PGD, _WAS_PGD)

    def out_of_date(self) -> OutOfDate:
        """See `LateFaults.out_of_date`."""
        has_page, asked = bool_var("the root has a page"), bool_var("the vCPU is asked to give up roots")
        invalid = role_flag(var("root->role", 32), "invalid")
        of_tdp = ne(var("root->tdp_mmu_page", 1), 0)
        made, generation = var("root->mmu_valid_gen", 8), var("kvm->arch.mmu_valid_gen", 8)
        has_slot = negate(bool_var("fault->slot == NULL"))
        gfn, seen, now = var("fault->gfn", 64), var("fault->mmu_seq", 64), var("kvm->mmu_invalidate_seq", 64)
        start, end = var("kvm->mmu_invalidate_range_start", 64), var("kvm->mmu_invalidate_range_end", 64)
        invalidating = var("kvm->mmu_invalidate_in_progress", 64)
        obsolete = any_of(invalid, all_of(negate(of_tdp), ne(made, generation)))
        never = any_of(eq(start, -1), eq(end, -1))
        within = any_of(never, all_of(ule(start, gfn), self._is_below(gfn, end)))
        return OutOfDate(
            function="is_page_fault_stale",
            has_page=has_page,
            page_invalid=invalid,
            page_of_tdp=of_tdp,
            page_generation=made,
            generation=generation,
            asked_to_free=asked,
            has_slot=has_slot,
            place=gfn,
            invalidating=invalidating,
            start=start,
            end=end,
            seen=seen,
            now=now,
            says=any_of(
                all_of(has_page, obsolete),
                all_of(negate(has_page), asked),
                all_of(has_slot, any_of(all_of(ne(invalidating, 0), within), self._has_changed(seen, now))),
            ),
            evidence=Evidence(),
        )

    def _is_below(self, gfn: BitVec, end: BitVec) -> Bool:
        """Whether a frame is before the end of a range."""
        return ult(gfn, end)

    def _has_changed(self, seen: BitVec, now: BitVec) -> Bool:
        """Whether a range was taken away since the frame was looked for."""
        return ne(seen, now)
