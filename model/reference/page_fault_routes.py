"""Who gets a page fault of L2's in Linux 7.2.13."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.page_fault_routes import PageFaultRouted, PageFaultRoutes, PageFaultsLeft
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import TRUE, BitVec, Bool, bit, bv, eq, iff, ite, ne, var

_PAGE_FAULT, _SHORT = 14, 0xFFFF
_MASK, _MATCH = (var(f"vmcs12->page_fault_error_code_{name}", 32) for name in ("mask", "match"))


class ReferencePageFaultRoutes(ReferenceArea, PageFaultRoutes):
    """``nested_vmx_is_exception_vmexit()``, the same of SVM, and ``prepare_vmcs02_rare()``."""

    def routed(self, vendor: Vendor) -> PageFaultRouted:
        """See `PageFaultRoutes.routed`."""
        error_code = var("error_code", 32)
        if vendor is Vendor.INTEL:
            wanted = bit(var("vmcs12->exception_bitmap", 32), _PAGE_FAULT)
            mask, match, to_l1 = _MASK, _MATCH, self._compares(error_code, wanted)
        else:
            wanted = bit(var("svm->nested.ctl.intercepts[2]", 32), _PAGE_FAULT)
            mask, match, to_l1 = bv(0, 32), bv(0, 32), wanted
        return PageFaultRouted(
            error_code=error_code, wanted=wanted, mask=mask, match=match, to_l1=to_l1, evidence=Evidence()
        )

    def _compares(self, error_code: BitVec, wanted: Bool) -> Bool:
        """Whether L1 gets a fault, by its error code."""
        return iff(eq(error_code & _SHORT & _MASK, _MATCH), wanted)

    def left(self) -> PageFaultsLeft:
        """See `PageFaultRoutes.left`."""
        needed = ne(var("vmx_need_pf_intercept()", 1), 0)
        own_mask, own_match = (ite(self._sees_all(needed), bv(0, 32), own) for own in (_MASK, _MATCH))
        return PageFaultsLeft(
            all_needed=needed,
            mask=_MASK,
            match=_MATCH,
            told=TRUE,
            own_mask=own_mask,
            own_match=own_match,
            evidence=Evidence(),
        )

    def _sees_all(self, needed: Bool) -> Bool:
        """Whether the processor leaves L2 for each page fault."""
        return needed
