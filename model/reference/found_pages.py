"""How Linux 7.2.13 looks for a page of SPTEs that there is already."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.found_pages import FoundPage, FoundPages
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bool_var, bv, eq, ne, negate, sle, slt, var

_ROUNDS = "after some rounds"
_PAGE = f"sp {_ROUNDS}"


class ReferenceFoundPages(ReferenceArea, FoundPages):
    """``kvm_mmu_find_shadow_page()``."""

    def found(self) -> FoundPage:
        """See `FoundPages.found`."""
        gfn, role = var("gfn", 64), var("role", PAGE_ROLE_BITS)
        page_gfn, page_role = var(f"{_PAGE}->gfn {_ROUNDS}", 64), var(f"{_PAGE}->role {_ROUNDS}", PAGE_ROLE_BITS)
        of_tdp, unsync = (ne(var(f"{_PAGE}->{name} {_ROUNDS}", 1), 0) for name in ("tdp_mmu_page", "unsync"))
        made_in = var(f"{_PAGE}->mmu_valid_gen {_ROUNDS}", 8)
        generation = var(f"kvm->arch.mmu_valid_gen {_ROUNDS}", 8)
        given_up = any_of(role_flag(page_role, "invalid"), all_of(negate(of_tdp), ne(made_in, generation)))
        fits = all_of(
            negate(bool_var(f"{_PAGE} == NULL")), negate(given_up), eq(page_gfn, gfn), self._fits(page_role, role)
        )
        said = var("kvm_sync_page()", 32)
        syncs = all_of(fits, negate(role_flag(page_role, "direct")), unsync, self._syncs())
        return FoundPage(
            function="kvm_mmu_find_shadow_page",
            gfn=gfn,
            role=role,
            found=all_of(fits, any_of(negate(syncs), negate(slt(said, bv(0, 32))))),
            found_gfn=page_gfn,
            found_role=page_role,
            direct=role_flag(page_role, "direct"),
            of_tdp=of_tdp,
            made_in=made_in,
            generation=generation,
            unsync=unsync,
            synced=all_of(syncs, negate(slt(said, bv(0, 32)))),
            changed=all_of(syncs, negate(sle(said, bv(0, 32)))),
            flushed=all_of(syncs, negate(sle(said, bv(0, 32))), self._flushes()),
            evidence=Evidence(),
        )

    def _fits(self, page: BitVec, wanted: BitVec) -> Bool:
        """Whether a page has the role that is wanted."""
        return eq(page, wanted)

    def _syncs(self) -> Bool:
        """Whether a page is made what the guest's entries are."""
        return TRUE

    def _flushes(self) -> Bool:
        """Whether what has changed is flushed."""
        return TRUE
