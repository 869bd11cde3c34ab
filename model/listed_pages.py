"""The pages that may shadow a frame, as a proof sees them: one of the list of the frame's hash."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmuproof.model.result_fields import counts_where
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, eq, ne, negate


@dataclass(frozen=True, kw_only=True)
class ListedPage:
    """Any one page of the list.

    Attributes:
        there: there is one.
        gfn: the frame that is looked for (64).
        page_gfn: the frame that the page shadows (64).
        direct: no entries of the guest are behind the page.
        passthrough: the page stands above the guest's tables, whose top it only leads to.
        invalid: the page is given up.
        of_tdp: the page is one of the TDP MMU.
        made_in: the generation in which it was made (8).
        generation: the generation that counts (8).
    """

    there: Bool
    gfn: BitVec
    page_gfn: BitVec = field(metadata=counts_where("there"))
    direct: Bool = field(metadata=counts_where("there"))
    passthrough: Bool = field(metadata=counts_where("there"))
    invalid: Bool = field(metadata=counts_where("there"))
    of_tdp: Bool = field(metadata=counts_where("there"))
    made_in: BitVec = field(metadata=counts_where("there"))
    generation: BitVec

    @property
    def shadows(self) -> Bool:
        """Whether the page is in use, and shadows a guest's table in the frame."""
        obsolete = any_of(self.invalid, all_of(negate(self.of_tdp), ne(self.made_in, self.generation)))
        return all_of(self.there, eq(self.page_gfn, self.gfn), negate(any_of(obsolete, self.direct, self.passthrough)))
