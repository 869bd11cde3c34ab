"""The root that stands for tables a guest cannot have, in Linux 7.2.13."""

from __future__ import annotations

from mmuproof.model.dummy_roots import DummyRoot, DummyRoots
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import BitVec, Bool, eq, extract, negate, var, zext

_ZEROS = var("zero_page_pfn", 64)
"""The frame of the page of zeros."""


class ReferenceDummyRoots(ReferenceArea, DummyRoots):
    """``kvm_mmu_get_dummy_root()``, ``kvm_mmu_is_dummy_root()`` and ``root_to_sp()``."""

    def told(self) -> DummyRoot:
        """See `DummyRoots.told`."""
        shift, root = self.constants.PAGE_SHIFT, var("root", 64)
        address = self._frame() << shift
        frame = zext(extract(root, 63, shift), 64)
        dummy = self._is_dummy(frame)
        return DummyRoot(
            address=address,
            zeros=_ZEROS,
            root=root,
            is_dummy=dummy,
            has_page=negate(dummy),
            page_sought=self._of_page(root),
            evidence=Evidence(),
        )

    def _frame(self) -> BitVec:
        """The frame that is the dummy root."""
        return _ZEROS

    def _is_dummy(self, frame: BitVec) -> Bool:
        """Whether a frame is taken for it."""
        return eq(frame, _ZEROS)

    def _of_page(self, root: BitVec) -> BitVec:
        """For which address a root's page is sought."""
        return root & self.constants.SPTE_BASE_ADDR_MASK
