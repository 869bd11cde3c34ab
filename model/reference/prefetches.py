"""What Linux 7.2.13 maps ahead of any access."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.prefetches import GROUP, PrefetchChosen, Prefetches, PrefetchMapped
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag, role_value
from mmuproof.model.stores import LOOKED_AT
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bool_var, iff, ne, negate, ule, var, zext

_ROLE = var("sp->role", PAGE_ROLE_BITS)
_LEVEL = zext(role_value(_ROLE, "level"), 32)
_DIRECT, _HAS_BITS = role_flag(_ROLE, "direct"), negate(role_flag(_ROLE, "ad_disabled"))
_INVALIDATING = ne(var("kvm->mmu_invalidate_in_progress", 64), 0)
_FIRST = LOOKED_AT - LOOKED_AT % GROUP
_LOGS, _INVALID = 1 << 0, 1 << 16


class ReferencePrefetches(ReferenceArea, Prefetches):
    """``direct_pte_prefetch()``, ``FNAME(pte_prefetch)()`` and ``kvm_mmu_prefetch_sptes()``."""

    def _present(self, number: int) -> Bool:
        return ne(var(f"table[{number}]", 64) & self.constants.SPTE_MMU_PRESENT_MASK, 0)

    def _of(self, function: str, asked: Bool, whole: Bool, otherwise: Bool, unfit: Bool) -> PrefetchChosen:
        others = [number for number in range(_FIRST, _FIRST + GROUP) if number != LOOKED_AT]
        mapped = any_of(*(self._present(number) for number in others))
        free = any_of(*(negate(self._present(number)) for number in others))
        ahead = all_of(asked, any_of(whole, free, self._overwrites()))
        return PrefetchChosen(
            function=function,
            level=_LEVEL,
            direct=_DIRECT,
            accessed_bits=_HAS_BITS,
            invalidating=_INVALIDATING,
            ahead=ahead,
            present=all_of(ahead, negate(whole), mapped, self._overwrites()),
            outside=FALSE,
            otherwise=all_of(ahead, negate(whole), otherwise),
            unfit=all_of(ahead, unfit),
            evidence=Evidence(),
        )

    def chosen(self) -> PrefetchChosen:
        """See `Prefetches.chosen`."""
        asked = all_of(self._has_accessed_bits(_HAS_BITS), ule(_LEVEL, 1), self._may_be_taken(_INVALIDATING))
        return self._of("direct_pte_prefetch()", asked, FALSE, FALSE, FALSE)

    def chosen_of_guest(self, gpte_format: GpteFormat) -> PrefetchChosen:
        """See `Prefetches.chosen_of_guest`."""
        asked = all_of(ule(_LEVEL, 1), negate(_INVALIDATING))
        whole = self._goes_by_place(_DIRECT)
        unfit = negate(iff(whole, _DIRECT))
        return self._of(f"{gpte_format.value}_pte_prefetch()", asked, whole, self._mistakes_entries(), unfit)

    def _goes_by_place(self, direct: Bool) -> Bool:
        """Whether entries of a page are mapped by their places, and not by the guest's entries."""
        return direct

    def _overwrites(self) -> Bool:
        """Whether an entry is mapped ahead that maps something."""
        return FALSE

    def _mistakes_entries(self) -> Bool:
        """Whether an entry is mapped ahead by another entry of the guest's."""
        return FALSE

    def _has_accessed_bits(self, has: Bool) -> Bool:
        """Whether it is told later which entries were used."""
        return has

    def _may_be_taken(self, invalidating: Bool) -> Bool:
        """Whether the host leaves memory as it is."""
        return negate(invalidating)

    def mapped(self) -> PrefetchMapped:
        """See `Prefetches.mapped`."""
        flags = var("slot->flags", 32)
        logged, invalid = ne(flags & _LOGS, 0), ne(flags & _INVALID, 0)
        writable = ne(var("access", 32) & self.constants.ACC_WRITE_MASK, 0)
        made = all_of(negate(bool_var("there is no slot")), negate(invalid), negate(self._is_avoided(writable, logged)))
        return PrefetchMapped(
            writable=writable,
            logged=logged,
            invalid=invalid,
            made=made,
            another_slot=FALSE,
            another_frame=all_of(made, self._stays_at_first()),
            another_access=self._grants_otherwise(),
            evidence=Evidence(),
        )

    def _grants_otherwise(self) -> Bool:
        """Whether entries get another access than that of their page."""
        return FALSE

    def _is_avoided(self, writable: Bool, logged: Bool) -> Bool:
        """Whether a slot is left alone since its writes are logged."""
        return all_of(writable, logged)

    def _stays_at_first(self) -> Bool:
        """Whether all entries get the first frame."""
        return FALSE
