"""The MMUs of a vCPU that Linux 7.2.13 has just made."""

from __future__ import annotations

from mmuproof.model.created_mmus import INVALID_PAGE, CreatedMmus, MmusCreated
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, bool_var, bv, eq, negate, slt, var

_MMUS, _ROOTS, _ENTRIES, _PAE_LEVELS = 2, 5, 4, 3


class ReferenceCreatedMmus(ReferenceArea, CreatedMmus):
    """``kvm_mmu_create()``."""

    def created(self) -> MmusCreated:
        """See `CreatedMmus.created`."""
        tdp, levels = eq(var("tdp_enabled", 1), 1), var("levels of tables of two-dimensional paging", 32)
        with_table = self._has_table(tdp, slt(bv(_PAE_LEVELS, 32), levels))
        done = negate(all_of(with_table, bool_var("there is no page")))
        fill = self._fill()
        return MmusCreated(
            tdp=tdp,
            done=done,
            walks=self._walks(),
            roots=(self._no_root(),) * (_MMUS * _ROOTS),
            zeroed=eq(fill, 0),
            fill=fill,
            has_table=with_table,
            entries=(self._no_entry(),) * _ENTRIES,
            evidence=Evidence(),
        )

    def _has_table(self, tdp: Bool, deep: Bool) -> Bool:
        """Whether the MMU for the guest's own tables gets a table of four entries."""
        return negate(all_of(tdp, deep))

    def _walks(self) -> Bool:
        """Whether each MMU has the walk that is meant for it."""
        return TRUE

    def _no_root(self) -> BitVec:
        return bv(INVALID_PAGE, 64)

    def _fill(self) -> BitVec:
        """What new tables are filled with."""
        return bv(self.constants.SHADOW_NONPRESENT_VALUE, 64)

    def _no_entry(self) -> BitVec:
        """What the table of four entries begins with."""
        return bv(0, 64)
