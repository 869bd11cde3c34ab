"""Defects of KVM's own accesses to linear addresses."""

from __future__ import annotations

from functools import partial

from mmuproof.model.defects.defect import Defect, defect
from mmuproof.model.linear_accesses import Accessor
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reference.linear_accesses import ReferenceLinearAccesses
from mmuproof.smt.terms import FALSE, BitVec, Bool, ne

_X86_C = "arch/x86/kvm/x86.c"


class _FetchByCpl0Only(ReferenceLinearAccesses):
    def _is_user(self, accessor: Accessor, cpl: BitVec, implicit: Bool) -> Bool:
        return ne(cpl, 0) if accessor is Accessor.FETCH_VIRT else super()._is_user(accessor, cpl, implicit)


class _ReadNeverImplicit(ReferenceLinearAccesses):
    def _is_marked(self, accessor: Accessor, implicit: Bool) -> Bool:
        return FALSE if accessor is Accessor.EMULATOR_READ else super()._is_marked(accessor, implicit)


DEFECTS: tuple[Defect, ...] = (
    defect(
        "fetch-by-cpl-0-only",
        "A fetch at CPL 1 or 2 that KVM makes counts as one at CPL 3.",
        _X86_C,
        r"(kvm_x86_call\(get_cpl\)\(vcpu\) )== 3(\) \? PFERR_USER_MASK : 0;\s+unsigned offset;)",
        r"\1!= 0\2",
        partial(ReferenceKvm, linear_accesses=_FetchByCpl0Only),
    ),
    defect(
        "emulated-read-never-implicit",
        "Reads that the emulator makes for the processor itself are not marked so.",
        _X86_C,
        r"(static int emulator_read_std[^{]*\{[^}]*?)access \|= PFERR_IMPLICIT_ACCESS;",
        r"\1;",
        partial(ReferenceKvm, linear_accesses=_ReadNeverImplicit),
    ),
)
