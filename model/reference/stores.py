"""What Linux 7.2.13 stores in page tables."""

from __future__ import annotations

from mmuproof.lift.machine.findings import numbered
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag, role_value
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.stores import ENTRIES, LOOKED_AT, LinkStored, MirrorStored, SmallStored, SplitStored, Stored, Stores
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    eq,
    ite,
    ne,
    negate,
    var,
    zext,
)

_U64 = 64
_NO_SLOT = 1 << 63
_SPTE, _MMIO, _NONLEAF = (var(name, _U64) for name in ("new SPTE", "new MMIO SPTE", "new non-leaf SPTE"))
_CHILD = var("child->role", PAGE_ROLE_BITS)
_ENTRY, _WALKED = var(f"table[{LOOKED_AT}]", _U64), var("iter->old_spte", _U64)


class ReferenceStores(ReferenceArea, Stores):
    """The functions of ``mmu.c`` and ``tdp_mmu.c`` that store what others make.

    Args:
        constants: the kernel's numbers.
        sptes: the predicates.
    """

    def __init__(self, constants: Constants | None = None, sptes: ReferenceSptes | None = None) -> None:
        super().__init__(constants)
        self._sptes = sptes or ReferenceSptes(self.constants)

    # -- pages -----------------------------------------------------------------------------------------

    def tdp_map(self) -> Stored:
        """See `Stores.tdp_map`: nothing is made for what the SPTE of the walk allows already."""
        at_goal = eq(self._level_of_page(), var("fault->goal_level", 8))
        allowed = any_of(bit(var("fault->prefetch", 1), 0), bit(var("is_access_allowed()", 1), 0))
        spurious = all_of(
            self._sptes.is_shadow_present_pte(_WALKED),
            allowed,
            self._sptes.is_last_spte(_WALKED, var("iter->level", 32)),
        )
        made = ite(bool_var("fault->slot == NULL"), _MMIO, _SPTE)
        return self._exchanged("tdp_mmu_map_handle_target_level", all_of(at_goal, negate(spurious)), made)

    def _exchanged(self, caller: str, makes: Bool, made: BitVec) -> Stored:
        """A store of the TDP MMU's, ``tdp_mmu_set_spte_atomic()``."""
        return self._stored(caller, makes, made, _WALKED, FALSE)

    def shadow_map(self) -> Stored:
        """See `Stores.shadow_map`: nothing is made ahead for a page that is mapped already."""
        pfn, address = var("pfn", _U64), self.constants.SPTE_BASE_ADDR_MASK
        prefetch = any_of(bool_var("fault == NULL"), bit(var("fault->prefetch", 1), 0))
        same = eq(pfn, (_ENTRY & address) >> self.constants.PAGE_SHIFT)
        last = self._sptes.is_last_spte(_ENTRY, self._level_of_page())
        spurious = all_of(self._sptes.is_shadow_present_pte(_ENTRY), prefetch, last, same)
        made = ite(eq(pfn, _NO_SLOT), _MMIO, _SPTE)
        return self._stored("mmu_set_spte", negate(spurious), made, _ENTRY, TRUE)

    def fast_fix(self) -> Stored:
        """See `Stores.fast_fix`."""
        old, new = var("old_spte", _U64), var("new_spte", _U64)
        return self._stored("fast_pf_fix_direct_spte", TRUE, new, old, FALSE)

    def _level_of_page(self) -> BitVec:
        return zext(role_value(var("sp->role", PAGE_ROLE_BITS), "level"), 8)

    def _stored(self, caller: str, makes: Bool, made: BitVec, judged: BitVec, locked: Bool) -> Stored:
        stores = all_of(makes, any_of(locked, self._still(caller, judged)))
        return Stored(
            caller=caller,
            level=var("iter->level", 32) if judged is _WALKED else zext(self._level_of_page(), 32),
            makes=makes,
            made=made,
            judged=judged,
            locked=locked,
            before=_ENTRY,
            after=ite(all_of(stores, self._at_entry()), self._written(caller, made), _ENTRY),
            beside=all_of(stores, negate(self._at_entry())),
            evidence=Evidence(),
        )

    def _still(self, _caller: str, judged: BitVec) -> Bool:
        """Whether an exchange finds the value that it is told."""
        return eq(_ENTRY, judged)

    def _at_entry(self) -> Bool:
        """Whether it is the function's own entry that is written."""
        return TRUE

    def _written(self, _caller: str, made: BitVec) -> BitVec:
        """What is written where something has been made."""
        return made

    def mirrored(self) -> MirrorStored:
        """See `Stores.mirrored`."""
        made, frozen = var("new_spte", _U64), bv(self.constants.FROZEN_SPTE, _U64)
        changes, failed = eq(_ENTRY, _WALKED), ne(var("__handle_changed_spte()", 32), 0)
        return MirrorStored(
            before=_ENTRY,
            judged=_WALKED,
            made=made,
            frozen=frozen,
            changes=changes,
            meanwhile=ite(changes, self._while_changed(frozen, made), _ENTRY),
            failed=failed,
            after=ite(changes, ite(failed, self._given_back(_WALKED, made), made), _ENTRY),
            succeeds=all_of(changes, negate(failed)),
            beside=FALSE,
            evidence=Evidence(),
        )

    def _while_changed(self, frozen: BitVec, made: BitVec) -> BitVec:
        """What a mirror's entry holds while TDX changes its own."""
        return frozen

    def _given_back(self, judged: BitVec, made: BitVec) -> BitVec:
        """What a mirror's entry holds where TDX could not change its own."""
        return judged

    # -- tables ----------------------------------------------------------------------------------------

    def tdp_link(self) -> LinkStored:
        """See `Stores.tdp_link`."""
        return self._tdp_linked("tdp_mmu_link_sp")

    def _tdp_linked(self, caller: str) -> LinkStored:
        without = negate(bit(var("kvm_ad_enabled", 1), 0))
        return self._linked(caller, _WALKED, negate(bit(var("shared", 1), 0)), without)

    def shadow_link(self) -> LinkStored:
        """See `Stores.shadow_link`."""
        without = role_flag(_CHILD, "ad_disabled")
        return self._linked("__link_shadow_page", _ENTRY, TRUE, without)

    def _linked(self, caller: str, judged: BitVec, locked: Bool, childs_ad_disabled: Bool) -> LinkStored:
        stored = self._stored(caller, TRUE, _NONLEAF, judged, locked)
        return LinkStored(
            **vars(stored),
            childs_table=self._childs_table(),
            ad_disabled=self._told_ad_disabled(childs_ad_disabled),
            childs_ad_disabled=childs_ad_disabled,
        )

    def _childs_table(self) -> Bool:
        """Whether it is the child's table to which the entry leads."""
        return TRUE

    def _told_ad_disabled(self, childs_ad_disabled: Bool) -> Bool:
        return childs_ad_disabled

    def tdp_split(self) -> SplitStored:
        """See `Stores.tdp_split`."""
        small = tuple(self._small(index) for index in range(ENTRIES))
        return SplitStored(link=self._tdp_linked("tdp_mmu_split_huge_page"), role=_CHILD, prepares=FALSE, small=small)

    def _small(self, index: int) -> SmallStored:
        made = var(numbered("make_small_spte()", index + 1), _U64)
        return SmallStored(
            makes=TRUE,
            index=self._index_told(index),
            role=_CHILD,
            huge_spte=_WALKED,
            made=made,
            before=var(f"child->spt[{index}]", _U64),
            after=made,
        )

    def _index_told(self, index: int) -> BitVec:
        return bv(index, 32)
