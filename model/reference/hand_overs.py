"""What functions of Linux 7.2.13 hand on that do nothing else themselves."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmuproof.model.evidence import Evidence
from mmuproof.model.fault_handlers import FaultHandler
from mmuproof.model.hand_overs import NESTED, HandedOn, HandOver, HandOvers
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, Bool, bit, eq, ite, ne, negate, var

_GIVES_UP = "kvm_mmu_free_obsolete_roots"
_LISTS, _VM, _PAGE, _SPTE = "the memory for lists", "the VM", "the page", "the SPTE"
_WALK = ("the walk", "the vCPU", "addr", "access", "the tables in use")
_CHANGE = (_VM, _PAGE, "gfn", "old_spte", "new_spte", "level", "shared")
_GIVEN: Mapping[HandOver, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        HandOver.NOTES_MAPPING: {"__rmap_add": (_VM, "the slot", _SPTE, "gfn", "access", _LISTS)},
        HandOver.LINKS: {"__link_shadow_page": (_VM, _SPTE, _PAGE, _LISTS, "flush")},
        HandOver.SETS_ACCESS: {"kvm_mmu_page_set_translation": (_PAGE, "index", "access", "gfn")},
        HandOver.CHANGED: {"__handle_changed_spte": _CHANGE},
        HandOver.GIVES_UP: {"__kvm_mmu_prepare_zap_page": (_VM, _PAGE, "the list of pages to free")},
        HandOver.WALKS_64: {"paging64_walk_addr_generic": _WALK},
        HandOver.WALKS_32: {"paging32_walk_addr_generic": _WALK},
        HandOver.WALKS_EPT: {"ept_walk_addr_generic": _WALK},
        HandOver.INTERCEPTED: {
            "kvm_mmu_page_fault": ("the vCPU", "the instruction", "cr2_or_gpa", "insn_len", "error_code")
        },
        HandOver.OF_TDP: {
            each.value: ("the vCPU", "the fault") for each in (FaultHandler.TDP_MMU, FaultHandler.DIRECT)
        },
        HandOver.RELOADS: dict.fromkeys((_GIVES_UP, "kvm_mmu_load"), ("the vCPU",)),
        HandOver.WRITES: {"kvm_page_track_write": ("the vCPU", "what is written", "gpa", "bytes", "afterwards")},
        HandOver.ENDS_FAULT: {"kvm_release_faultin_page": (_VM, _PAGE, "unused", "dirty")},
        HandOver.GIVES_UP_ALL: {"kvm_mmu_zap_all": (_VM,)},
    }
)
"""To whom each function hands on, and what goes with it."""


_REQUESTED = ne(var("kvm_check_request()", 1), 0)
_ROOT = ite(
    _REQUESTED, var(f"vcpu->arch.root_mmu.root.hpa after {_GIVES_UP}()", 64), var("vcpu->arch.root_mmu.root.hpa", 64)
)
"""The root, once obsolete ones are given up."""


class ReferenceHandOvers(ReferenceArea, HandOvers):
    """``rmap_add()``, ``FNAME(walk_addr)()``, ``kvm_handle_page_fault()`` and the like."""

    def handed_on(self, by: HandOver) -> tuple[HandedOn, ...]:
        """See `HandOvers.handed_on`."""
        return tuple(
            HandedOn(
                to=to,
                nested=nested,
                when=self._when(by, to),
                made=self._made(by, to),
                given=MappingProxyType({each: self._is_right(by, each, nested) for each in given}),
                answers=self._is_answered(by),
                evidence=Evidence(),
            )
            for to, given in _GIVEN[by].items()
            for nested in NESTED.get(by, (False,))
        )

    def _when(self, by: HandOver, to: str) -> Bool:
        """When a function has to hand on."""
        if by is HandOver.INTERCEPTED:
            return eq(var("vcpu->arch.apf.host_apf_flags", 32), 0)
        if by is HandOver.OF_TDP:
            of_tdp_mmu = ne(var("tdp_mmu_enabled", 1), 0)
            return of_tdp_mmu if to == FaultHandler.TDP_MMU.value else negate(of_tdp_mmu)
        if by is HandOver.RELOADS:
            return _REQUESTED if to == _GIVES_UP else eq(_ROOT, -1)
        if by is HandOver.WRITES:
            return negate(bit(var("kvm_vcpu_write_guest()", 32), 31))
        return TRUE

    def _made(self, by: HandOver, to: str) -> Bool:
        """When it does."""
        return self._when(by, to)

    def _is_right(self, _by: HandOver, _what: str, _nested: bool) -> Bool:
        """Whether something that goes with it is what it has to be."""
        return TRUE

    def _is_answered(self, _by: HandOver) -> Bool:
        """Whether what comes back is answered."""
        return TRUE
