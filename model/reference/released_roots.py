"""How an MMU of Linux 7.2.13 gives roots up."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.kept_roots import PAE_ENTRIES
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.model.reference.kept_roots import met_root
from mmuproof.model.released_roots import ReleasedRoots, RootReleased, RootsReleased
from mmuproof.model.roots import KEPT_ROOTS
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, bv, implies, ite, ne, negate, var

NO_ROOT = (1 << 64) - 1


class ReferenceReleasedRoots(ReferenceArea, ReleasedRoots):
    """``kvm_mmu_free_roots()``."""

    def released(self) -> RootsReleased:
        """See `ReleasedRoots.released`."""
        asked = var("roots_to_free", 64)
        wanted = tuple(bit(asked, number) for number in range(KEPT_ROOTS))
        met = tuple(met_root(number) for number in range(KEPT_ROOTS))
        there = [all_of(want, ne(each.hpa, NO_ROOT)) for want, each in zip(wanted, met, strict=True)]
        works = any_of(*there)
        goes = [there[0], *(all_of(works, want) for want in wanted[1:])]
        own_page = all_of(there[0], negate(met[0].dummy), met[0].with_page)
        table = all_of(there[0], negate(met[0].dummy), negate(met[0].with_page))
        entries = [var(f"pae_root[{number}]", 64) for number in range(PAE_ENTRIES)]
        below = [all_of(table, self._is_entry(number, each)) for number, each in enumerate(entries)]
        released = (own_page, *goes[1:])
        of_tdp = all_of(ne(var("tdp_mmu_enabled", 1), 0), role_flag(var("mmu->root_role", PAGE_ROLE_BITS), "direct"))
        return RootsReleased(
            asked=wanted,
            met=met,
            roots=tuple(
                RootReleased(address=root.hpa, address_after=ite(gone, self._left(root.hpa), root.hpa), released=used)
                for root, gone, used in zip(met, goes, released, strict=True)
            ),
            entries=tuple(
                RootReleased(address=entry, address_after=ite(gone, bv(0, 64), entry), released=gone)
                for entry, gone in zip(entries, below, strict=True)
            ),
            of_tdp=of_tdp,
            committed=implies(any_of(*released, *below), self._commits(of_tdp)),
            evidence=Evidence(),
        )

    def _left(self, _hpa: BitVec) -> BitVec:
        """What stands where a root was."""
        return bv(NO_ROOT, 64)

    def _is_entry(self, _number: int, entry: BitVec) -> Bool:
        """Whether an entry of a PAE root is given up."""
        return ne(entry, 0)

    def _commits(self, of_tdp: Bool) -> Bool:
        """Whether the pages that are given up for the last time are freed."""
        return negate(of_tdp)
