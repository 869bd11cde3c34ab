"""The tables that Linux 7.2.13 makes above a PAE root."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import CPU_ROLE_BITS, PAGE_ROLE_BITS, role_flag, role_value
from mmuproof.model.special_roots import SpecialRoots, SpecialRootsMade, SpecialTable
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, any_of, bool_var, bv, implies, ite, ne, negate, ult, var, zext

_LEVELS = (3, 4, 5)
_FULL = 4
_NO_MEMORY, _IO = (1 << 32) - 12, (1 << 32) - 5


class ReferenceSpecialRoots(ReferenceArea, SpecialRoots):
    """``mmu_alloc_special_roots()``."""

    def made(self) -> SpecialRootsMade:
        """See `SpecialRoots.made`."""
        role = var("mmu->root_role", PAGE_ROLE_BITS)
        guest = zext(role_value(var("mmu->cpu_role", CPU_ROLE_BITS), "level"), 32)
        root, direct = zext(role_value(role, "level"), 32), role_flag(role, "direct")
        fifth = ult(bv(_FULL, 32), root)
        had = {level: bool_var(f"there is a table of level {level}") for level in _LEVELS}
        needed = all_of(negate(direct), ult(guest, bv(_FULL, 32)), negate(ult(root, bv(_FULL, 32))))
        there = all_of(had[3], had[4], any_of(negate(fifth), had[5]))
        odd = any_of(eq_zero("tdp_enabled"), had[3], had[4], all_of(fifth, had[5]))
        tries = all_of(needed, negate(there), negate(odd))
        none = [bool_var(f"there is no page {number}") for number in (1, 2, 3)]
        done = all_of(tries, negate(none[0]), negate(none[1]), implies(fifth, negate(none[2])))
        made = {3: done, 4: done, 5: all_of(done, fifth)}
        fails = all_of(needed, negate(there))
        return SpecialRootsMade(
            direct=direct,
            guest_level=guest,
            root_level=root,
            tables=tuple(
                SpecialTable(
                    level=level,
                    had=had[level],
                    has=self._has(level, made[level], done, had[level]),
                    kept=self._kept(made[level], done, had[level]),
                    zeroed=all_of(made[level], self._is_zeroed(level)),
                    own=self._is_own(level, done),
                    freed=FALSE,
                )
                for level in _LEVELS
            ),
            answer=ite(all_of(fails, negate(done)), ite(odd, bv(_IO, 32), bv(_NO_MEMORY, 32)), bv(0, 32)),
            evidence=Evidence(),
        )

    def _has(self, _level: int, made: Bool, done: Bool, had: Bool) -> Bool:
        """Whether there is a table of a level afterwards."""
        return any_of(made, all_of(negate(done), had))

    def _kept(self, made: Bool, done: Bool, had: Bool) -> Bool:
        """Whether what is there is what was there; a table that is not needed goes where others are made."""
        return any_of(negate(done), all_of(negate(made), negate(had)))

    def _is_zeroed(self, _level: int) -> Bool:
        """Whether a page that is taken holds zeros."""
        return TRUE

    def _is_own(self, _level: int, _done: Bool) -> Bool:
        """Whether a table is a page of its own."""
        return TRUE


def eq_zero(setting: str) -> Bool:
    """Whether a setting is off."""
    return negate(ne(var(setting, 1), 0))
