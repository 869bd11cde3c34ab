"""Defects of bringing an address up to date below a root."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.reference.address_syncs import ReferenceAddressSyncs
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.terms import FALSE, Bool

_MMU_C = "arch/x86/kvm/mmu/mmu.c"


class _KeepsStale(ReferenceAddressSyncs):
    def _drops(self) -> Bool:
        return FALSE


class _FlushesFailedOnly(ReferenceAddressSyncs):
    def _flushes(self, _changes: Bool, fails: Bool) -> Bool:
        return fails


class _StopsAtTop(ReferenceAddressSyncs):
    def _goes_on(self, _below: Bool, unsync: Bool) -> Bool:
        return unsync


def _syncs(variant: type[ReferenceAddressSyncs]) -> partial[ReferenceKvm]:
    return partial(ReferenceKvm, address_syncs=variant)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "address-keeps-stale",
        "An entry stays that could not be synchronized.",
        _MMU_C,
        r"if \(ret < 0\)\s+mmu_page_zap_pte\(vcpu->kvm, sp, iterator\.sptep, NULL\);",
        "",
        _syncs(_KeepsStale),
    ),
    defect(
        "address-flushes-failed-only",
        "An entry that has changed is not flushed.",
        _MMU_C,
        r"if \(ret\)(\s+kvm_flush_remote_tlbs_sptep\(vcpu->kvm, iterator\.sptep\);)",
        r"if (ret < 0)\1",
        _syncs(_FlushesFailedOnly),
    ),
    defect(
        "address-stops-at-top",
        "The walk ends above pages that are out of sync.",
        _MMU_C,
        r"if \(!sp->unsync_children\)\s+break;(\s+\}\s+write_unlock)",
        r"if (!sp->unsync)\n\t\t\tbreak;\1",
        _syncs(_StopsAtTop),
    ),
)
