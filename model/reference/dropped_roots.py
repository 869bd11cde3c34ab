"""What Linux 7.2.13 does with a root of the TDP MMU that is let go."""

from __future__ import annotations

from mmuproof.model.dropped_roots import DroppedRoots, RootDropped
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, ne, negate, var


class ReferenceDroppedRoots(ReferenceArea, DroppedRoots):
    """``kvm_tdp_mmu_put_root()``."""

    def dropped(self) -> RootDropped:
        """See `DroppedRoots.dropped`."""
        last = ne(var("refcount_dec_and_test()", 1), 0)
        goes = self._goes(last)
        return RootDropped(
            counted=TRUE,
            last=last,
            unlisted=all_of(goes, self._unlists()),
            freed=goes,
            listed_still=all_of(goes, negate(self._unlists())),
            at_once=FALSE,
            evidence=Evidence(),
        )

    def _goes(self, last: Bool) -> Bool:
        """Whether the root's page is freed, by whether nobody holds it."""
        return last

    def _unlists(self) -> Bool:
        """Whether a root that goes is taken off the list."""
        return TRUE
