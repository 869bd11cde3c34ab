"""Where walks of the guest's tables begin in Linux 7.2.13."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.set_ups import handler_number
from mmuproof.model.walk_starts import NestedTables, NestedWalkBegun, OwnWalkBegun, WalkStarts
from mmuproof.smt.terms import TRUE, BitVec, Bool, bv, var

_EPTP, _NESTED_CR3 = var("vmcs12->ept_pointer", 64), var("svm->nested.ctl.nested_cr3", 64)
_CR3, _OTHER = var("vcpu->arch.cr3", 64), var("get_guest_pgd()", 64)


class ReferenceWalkStarts(ReferenceArea, WalkStarts):
    """``nested_ept_get_eptp()``, ``nested_svm_get_tdp_cr3()``, ``kvm_mmu_get_guest_pgd()`` and the like."""

    def nested(self, tables: NestedTables) -> NestedWalkBegun:
        """See `WalkStarts.nested`."""
        told = _EPTP if tables is NestedTables.EPT else _NESTED_CR3
        return NestedWalkBegun(
            tables=self._tables(tables, told),
            told=told,
            in_use=TRUE,
            faults_to_l1=self._faults_to_l1(tables),
            evidence=Evidence(),
        )

    def _tables(self, _tables: NestedTables, told: BitVec) -> BitVec:
        """Where the walk of L1's tables begins."""
        return told

    def _faults_to_l1(self, _tables: NestedTables) -> Bool:
        """Whether L1 gets the faults of that walk."""
        return TRUE

    def own(self) -> OwnWalkBegun:
        """See `WalkStarts.own`."""
        return OwnWalkBegun(
            function=bv(handler_number("get_guest_cr3"), 32),
            tables=_CR3,
            cr3=_CR3,
            other=self._other(),
            others=_OTHER,
            evidence=Evidence(),
        )

    def _other(self) -> BitVec:
        """Where tables begin that are not those at CR3."""
        return _OTHER
