"""A page of the list in which those are that may shadow a frame, as a round of a loop over them finds it."""

from __future__ import annotations

from mmuproof.model.listed_pages import ListedPage
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.smt.terms import BitVec, bool_var, ne, negate, var

AT_PAGE = "sp after some rounds->{} after some rounds"
"""What a member of the page is called."""


def listed_page(gfn: BitVec) -> ListedPage:
    """The page, of those looked for at a frame."""
    role = var(AT_PAGE.format("role"), PAGE_ROLE_BITS)
    direct, passthrough, invalid = (role_flag(role, name) for name in ("direct", "passthrough", "invalid"))
    return ListedPage(
        there=negate(bool_var("sp after some rounds == NULL")),
        gfn=gfn,
        page_gfn=var(AT_PAGE.format("gfn"), 64),
        direct=direct,
        passthrough=passthrough,
        invalid=invalid,
        of_tdp=ne(var(AT_PAGE.format("tdp_mmu_page"), 1), 0),
        made_in=var(AT_PAGE.format("mmu_valid_gen"), 8),
        generation=var("kvm->arch.mmu_valid_gen after some rounds", 8),
    )
