"""Who gets a page fault of L2's in a lifted tree: ``vmx/nested.c`` and ``svm/nested.c``."""

from __future__ import annotations

from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import page_fault_routes as cuts
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_nonzero
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.vmcs12 import lent_vmcs12
from mmuproof.model.lifted.vmcs_writes import written
from mmuproof.model.named import vcpu_svm, vcpu_vmx, vmcs12_fields
from mmuproof.model.page_fault_routes import PageFaultRouted, PageFaultRoutes, PageFaultsLeft
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import all_of, bit, bv, ne, var

_PAGE_FAULT = 14
_MASK, _MATCH = 0x4006, 0x4008
"""Where a VMCS has page-fault error-code mask and match: SDM B.3.1."""


class LiftedPageFaultRoutes(PageFaultRoutes, Remembers):
    """What a lifted tree does with page faults of L2's.

    Args:
        nested_vmx: ``vmx/nested.c``.
        nested_svm: ``svm/nested.c``.
    """

    def __init__(self, nested_vmx: Unit, nested_svm: Unit) -> None:
        super().__init__()
        self._nested_vmx, self._nested_svm = nested_vmx, nested_svm

    @once
    def routed(self, vendor: Vendor) -> PageFaultRouted:
        """See `PageFaultRoutes.routed`."""
        error_code, vector = var("error_code", 32), bv(_PAGE_FAULT, 8)
        if vendor is Vendor.INTEL:
            bench = Bench(self._nested_vmx, cuts.ROUTED)
            vmx = bench.add("vmx", vcpu_vmx.STRUCT)
            bench.lend_vcpu(vmx)
            vmcs12 = lent_vmcs12(bench, vmx)
            wanted = bench.read(vmcs12, vmcs12_fields.EXCEPTION_BITMAP)
            mask, match = (bench.read(vmcs12, name) for name in vmcs12_fields.PAGE_FAULT_CODES)
            to_l1 = bench.integer("nested_vmx_is_exception_vmexit", vector=vector, error_code=error_code)
        else:
            bench = Bench(self._nested_svm, cuts.ROUTED)
            svm = bench.add("svm", vcpu_svm.STRUCT)
            bench.lend_vcpu(svm)
            wanted, mask, match = bench.read(svm, vcpu_svm.NESTED_EXCEPTIONS), bv(0, 32), bv(0, 32)
            to_l1 = bench.integer("nested_svm_is_exception_vmexit", vector=vector, error_code=error_code)
        return PageFaultRouted(
            error_code=error_code,
            wanted=bit(wanted, _PAGE_FAULT),
            mask=mask,
            match=match,
            to_l1=ne(to_l1, 0),
            evidence=bench.session.evidence(),
        )

    @once
    def left(self) -> PageFaultsLeft:
        """See `PageFaultRoutes.left`."""
        bench = Bench(self._nested_vmx, cuts.LEFT)
        vmx = bench.add("vmx", vcpu_vmx.STRUCT)
        vmcs12 = lent_vmcs12(bench, vmx)
        mask, match = (bench.read(vmcs12, name) for name in vmcs12_fields.PAGE_FAULT_CODES)
        bench.call("prepare_vmcs02_rare")
        writes = bench.session.calls(cuts.TELL.function)
        (told_mask, own_mask), (told_match, own_match) = (written(writes, field, 32) for field in (_MASK, _MATCH))
        needed = bench.session.only_call(cuts.NEEDED.function)
        return PageFaultsLeft(
            all_needed=is_nonzero(needed),
            mask=mask,
            match=match,
            told=all_of(told_mask, told_match),
            own_mask=own_mask,
            own_match=own_match,
            evidence=bench.session.evidence(),
        )
