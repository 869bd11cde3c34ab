"""The PDPTEs of PAE paging, as Linux 7.2.13 loads them."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.page_directory_pointers import (
    POINTERS,
    PageDirectoryPointers,
    PointerFetched,
    PointersGiven,
    PointersLoaded,
)
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, bv, extract, ite, ne, negate, resize, var, zext

_U64, _READ, _NONE = 64, "kvm_vcpu_read_guest_page()", (1 << 64) - 1
_IN_FRAME = 0xFE0
"""Bits 11:5, where in their page the PDPTEs begin."""


class ReferencePageDirectoryPointers(ReferenceArea, PageDirectoryPointers):
    """``load_pdptrs()``, ``nested_svm_get_tdp_pdptr()`` and ``vmx_ept_load_pdptrs()``."""

    def loaded(self) -> PointersLoaded:
        """See `PageDirectoryPointers.loaded`."""
        cr3, real, reserved = var("cr3", _U64), var("kvm_translate_gpa()", _U64), var("pdptr_rsvd_bits()", _U64)
        found = tuple(var(f"pdpte[{index}] after {_READ}", _U64) for index in range(POINTERS))
        before = tuple(var(f"vcpu->arch.pdptrs[{index}]", _U64) for index in range(POINTERS))
        reads, failed, with_tdp = ne(real, _NONE), bit(var(_READ, 32), 31), ne(var("tdp_enabled", 1), 0)
        refused = any_of(*(all_of(bit(each, 0), ne(each & reserved, 0)) for each in found))
        accepted = all_of(reads, negate(failed), negate(refused))
        changed = any_of(*(ne(old, new) for old, new in zip(before, found, strict=True)))
        return PointersLoaded(
            cr3=cr3,
            reads=reads,
            failed=failed,
            frame=zext(extract(real, 63, self.constants.PAGE_SHIFT), _U64),
            real=real,
            offset=self._begins(cr3),
            size=bv(8 * POINTERS, _U64),
            read=found,
            refused=refused,
            accepted=accepted,
            kept=tuple(ite(accepted, new, old) for old, new in zip(before, found, strict=True)),
            before=before,
            with_tdp=with_tdp,
            gives_up=all_of(accepted, self._gives_up(with_tdp, changed)),
            evidence=Evidence(),
        )

    def _begins(self, cr3: BitVec) -> BitVec:
        """Where in their page a load of CR3 finds the PDPTEs."""
        return extract(cr3, 31, 0) & _IN_FRAME

    def _gives_up(self, with_tdp: Bool, changed: Bool) -> Bool:
        """Whether the root in use is given up."""
        return all_of(negate(with_tdp), changed)

    def fetched(self) -> PointerFetched:
        """See `PageDirectoryPointers.fetched`."""
        nested_cr3, index = var("svm->nested.ctl.nested_cr3", _U64), var("index", 32) & (POINTERS - 1)
        failed, read = ne(var(_READ, 32), 0), var(f"pdpte after {_READ}", _U64)
        return PointerFetched(
            nested_cr3=nested_cr3,
            index=index,
            frame=zext(extract(nested_cr3, 63, self.constants.PAGE_SHIFT), _U64),
            offset=self._begins_nested(nested_cr3) + (index << 3),
            size=bv(8, 32),
            failed=failed,
            read=read,
            answer=ite(failed, bv(0, _U64), read),
            evidence=Evidence(),
        )

    def _begins_nested(self, nested_cr3: BitVec) -> BitVec:
        """Where in their page L1's nested CR3 has the PDPTEs."""
        return resize(nested_cr3, 32) & _IN_FRAME

    def given(self) -> PointersGiven:
        """See `PageDirectoryPointers.given`."""
        changed, used = ne(var("kvm_register_is_dirty()", 1), 0), ne(var("is_pae_paging()", 1), 0)
        held = tuple(var(f"vmx->vcpu.arch.pdptrs[{index}]", _U64) for index in range(POINTERS))
        told = all_of(changed, used)
        return PointersGiven(
            changed=changed,
            used=used,
            held=held,
            told=(told,) * POINTERS,
            given=tuple(ite(told, each, bv(0, _U64)) for each in self._written(held)),
            evidence=Evidence(),
        )

    def _written(self, held: tuple[BitVec, ...]) -> tuple[BitVec, ...]:
        """What is written for each PDPTE."""
        return held
