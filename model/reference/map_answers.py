"""What Linux 7.2.13 answers a fault once it has mapped a page."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.map_answers import MapAnswered, MapAnswers, Mapper
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_value
from mmuproof.model.reference.stores import ReferenceStores
from mmuproof.model.stores import Stored
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bit, bool_var, eq, ite, ne, negate, var, zext

_NO_SLOT = 1 << 63
_IS_MMIO = bool_var("what was made is an MMIO SPTE")
_PROTECTED, _NO_FAULT = bit(var("make_spte()", 1), 0), bool_var("fault == NULL")


class ReferenceMapAnswers(ReferenceArea, MapAnswers):
    """``tdp_mmu_map_handle_target_level()`` and ``mmu_set_spte()``, as far as they answer.

    Args:
        constants: the kernel's numbers.
    """

    def __init__(self, constants: Constants | None = None) -> None:
        super().__init__(constants)
        self._stores = ReferenceStores(self.constants)

    def answered(self, mapper: Mapper) -> MapAnswered:
        """See `MapAnswers.answered`."""
        written = bit(var("fault->write", 1), 0)
        if mapper is Mapper.TDP:
            stored = self._stores.tdp_map()
            of_mmio = all_of(stored.makes, bool_var("fault->slot == NULL"))
            level = zext(role_value(var("sp->role", PAGE_ROLE_BITS), "level"), 8)
            at_goal = eq(level, var("fault->goal_level", 8))
            lost = all_of(stored.makes, ne(stored.made, stored.judged), ne(stored.before, stored.judged))
            retries, is_mmio, writes = any_of(negate(at_goal), lost), _IS_MMIO, written
        else:
            stored = self._stores.shadow_map()
            of_mmio = all_of(stored.makes, eq(var("pfn", 64), _NO_SLOT))
            retries, is_mmio, writes = FALSE, of_mmio, all_of(negate(_NO_FAULT), written)
        return self._told(mapper, stored, of_mmio=of_mmio, is_mmio=is_mmio, retries=retries, writes=writes)

    def _told(
        self, mapper: Mapper, stored: Stored, *, of_mmio: Bool, is_mmio: Bool, retries: Bool, writes: Bool
    ) -> MapAnswered:
        protected = all_of(stored.makes, negate(of_mmio), _PROTECTED)
        goes = all_of(stored.makes, negate(retries))
        emulates = all_of(goes, self._is_emulated(is_mmio))
        emulates_write = all_of(goes, negate(emulates), self._is_seen(all_of(protected, writes)))
        rest, same = all_of(goes, negate(any_of(emulates, emulates_write))), eq(stored.made, stored.judged)
        return MapAnswered(
            function=mapper.value,
            level=stored.level,
            writes=writes,
            makes=stored.makes,
            protected=protected,
            makes_mmio=of_mmio,
            is_mmio=is_mmio,
            made=stored.made,
            before=stored.before,
            after=ite(all_of(goes, negate(same)), stored.made, stored.before),
            fixed=all_of(rest, negate(same)),
            spurious=any_of(all_of(negate(stored.makes), negate(retries)), all_of(rest, same)),
            retries=retries,
            emulates=emulates,
            emulates_write=emulates_write,
            evidence=Evidence(),
        )

    def _is_emulated(self, is_mmio: Bool) -> Bool:
        """Whether an access is emulated as one to MMIO."""
        return is_mmio

    def _is_seen(self, protected: Bool) -> Bool:
        """Whether a write to a page that stays protected is emulated."""
        return protected
