"""How Linux 7.2.13 brings an address up to date below a root."""

from __future__ import annotations

from mmuproof.model.address_syncs import AddressStep, AddressSyncs
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import TRUE, Bool, all_of, bv, extract, ne, slt, var

_ANSWER = var("kvm_sync_spte()", 32)


class ReferenceAddressSyncs(ReferenceArea, AddressSyncs):
    """``__kvm_mmu_invalidate_addr()``."""

    def step(self) -> AddressStep:
        """See `AddressSyncs.step`."""
        has_root = ne(var("root", 64), bv(-1, 64))
        here = all_of(has_root, ne(var("shadow_walk_okay()", 1), 0))
        unsync, below = ne(var("sp->unsync", 1), 0), ne(extract(var("sp->unsync_children", 64), 31, 0), 0)
        synced, fails, changes = all_of(here, unsync), slt(_ANSWER, bv(0, 32)), ne(_ANSWER, 0)
        return AddressStep(
            has_root=has_root,
            walks=has_root,
            forgets_mmio=TRUE,
            here=here,
            unsync=unsync,
            below=below,
            synced=synced,
            fails=fails,
            changes=changes,
            dropped=all_of(synced, fails, self._drops()),
            flushed=all_of(synced, self._flushes(changes, fails)),
            goes_on=all_of(here, self._goes_on(below, unsync)),
            evidence=Evidence(),
        )

    def _drops(self) -> Bool:
        """Whether an entry goes that could not be synchronized."""
        return TRUE

    def _flushes(self, changes: Bool, _fails: Bool) -> Bool:
        """Whether an entry is flushed, by whether it has changed."""
        return changes

    def _goes_on(self, below: Bool, _unsync: Bool) -> Bool:
        """Whether the walk goes on, by whether pages below are out of sync."""
        return below
