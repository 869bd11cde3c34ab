"""A page of the list in which those are that may shadow a frame, as a round of a loop over them finds it."""

from __future__ import annotations

from mmuproof.model.listed_pages import ListedPage
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.smt.terms import BitVec, bool_var, ne, negate, var

AT_PAGE = "sp after some rounds->{} after some rounds"
"""What a member of the page is called."""


def listed_page(gfn: BitVec, *, loop: str = "") -> ListedPage:
    """The page, of those looked for at a frame; in a loop inside another one by its number there, as in ``#2``."""
    at_page = AT_PAGE.replace("some rounds", f"some rounds{loop}")
    role = var(at_page.format("role"), PAGE_ROLE_BITS)
    direct, passthrough, invalid = (role_flag(role, name) for name in ("direct", "passthrough", "invalid"))
    return ListedPage(
        there=negate(bool_var(f"sp after some rounds{loop} == NULL")),
        gfn=gfn,
        page_gfn=var(at_page.format("gfn"), 64),
        direct=direct,
        passthrough=passthrough,
        invalid=invalid,
        of_tdp=ne(var(at_page.format("tdp_mmu_page"), 1), 0),
        made_in=var(at_page.format("mmu_valid_gen"), 8),
        generation=var("kvm->arch.mmu_valid_gen after some rounds", 8),
    )
