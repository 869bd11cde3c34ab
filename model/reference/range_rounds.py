"""Rounds of the loops of Linux 7.2.13 over a range of frames."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.range_rounds import RangeRounds, ZapRound
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.smt.terms import Bool, all_of, any_of, bit, ite, negate, ult, var

_ROUNDS = "after some rounds"
_LEVEL, _SPTE = var(f"iter.level {_ROUNDS}", 32), var(f"iter.old_spte {_ROUNDS}", 64)
_DUE = bit(var(f"flush {_ROUNDS}", 1), 0)


class ReferenceRangeRounds(ReferenceArea, RangeRounds):
    """``tdp_mmu_zap_leafs()``.

    Args:
        constants: the kernel's numbers.
        sptes: the predicates.
    """

    def __init__(self, constants: Constants | None = None, sptes: ReferenceSptes | None = None) -> None:
        super().__init__(constants)
        self._sptes = sptes or ReferenceSptes(self.constants)

    def zap(self) -> ZapRound:
        """See `RangeRounds.zap`."""
        end, highest = var("end", 64), var("tdp_mmu_max_gfn_exclusive()", 64)
        before_end = ult(var(f"iter.gfn {_ROUNDS}", 64), ite(ult(end, highest), end, highest))
        in_range = all_of(bit(var(f"iter.valid {_ROUNDS}", 1), 0), before_end)
        yielded = all_of(in_range, bit(var("can_yield", 8), 0), bit(var("tdp_mmu_iter_cond_resched()", 1), 0))
        zapped = all_of(in_range, negate(yielded), self._sptes.is_shadow_present_pte(_SPTE), self._is_leaf())
        unused = role_flag(var(f"root->role {_ROUNDS}", PAGE_ROLE_BITS), "invalid")
        return ZapRound(
            function="tdp_mmu_zap_leafs",
            in_range=in_range,
            level=_LEVEL,
            spte=_SPTE,
            yielded=yielded,
            told=_DUE,
            zapped=zapped,
            unused=unused,
            goes_on=in_range,
            due=_DUE,
            due_after=all_of(negate(yielded), self._due_after(all_of(zapped, negate(unused)))),
            answer=_DUE,
            evidence=Evidence(),
        )

    def _is_leaf(self) -> Bool:
        return self._sptes.is_last_spte(_SPTE, _LEVEL)

    def _due_after(self, zapped: Bool) -> Bool:
        """Whether a flush is due after a round."""
        return any_of(_DUE, zapped)
