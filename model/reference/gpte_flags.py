"""What Linux 7.2.13 does to a guest's entries."""

from __future__ import annotations

from mmuproof.lift.machine.findings import numbered
from mmuproof.lift.tree.overlay import EXCHANGE_USER_CALL
from mmuproof.model.evidence import Evidence
from mmuproof.model.gpte_flags import EntryFlagged, GpteFlags, WalkFlagged
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import CPU_ROLE_BITS, role_flag
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, boolean, bv, eq, ite, ne, negate, resize, var

_WRITES = ne(var("write_fault", 32), 0)
_LOG = var("kvm_x86_nested_write_log_dirty()", 32)


class ReferenceGpteFlags(ReferenceArea, GpteFlags):
    """``FNAME(update_accessed_dirty_bits)()``."""

    def set_in(self, gpte_format: GpteFormat, top: int, last: int) -> WalkFlagged:
        """See `GpteFlags.set_in`."""
        ept, bits = gpte_format is GpteFormat.EPT, 32 if gpte_format is GpteFormat.PAGING32 else 64
        accessed, dirty = (8, 9) if ept else (5, 6)
        role = var("vcpu->arch.guest_mmu.cpu_role", CPU_ROLE_BITS)
        has_flags = negate(role_flag(role, "ad_disabled")) if ept else TRUE
        goes, answer, logs, done = has_flags, bv(0, 32), FALSE, []
        for number, level in enumerate(range(top, last - 1, -1), 1):
            entry = resize(var(f"walker->ptes[{level - 1}]", bits), 64)
            writable = ne(var(f"walker->pte_writable[{level - 1}]", 1), 0)
            new = self._accessed(entry, accessed, level)
            if level == last:
                soils = all_of(goes, self._soils(_WRITES), eq(entry & (1 << dirty), 0))
                logs = all_of(soils, boolean(ept))
                failed = all_of(logs, ne(_LOG, 0))
                answer, goes = ite(failed, bv(-22 & 0xFFFFFFFF, 32), answer), all_of(goes, negate(failed))
                new = ite(soils, new | (1 << dirty), new)
            exchanges = all_of(goes, ne(new, entry), writable)
            result = var(numbered(f"{EXCHANGE_USER_CALL}()", number), 32)
            lost = all_of(exchanges, self._counts(ne(result, 0)))
            marks = all_of(exchanges, negate(lost))
            answer, goes = ite(lost, result, answer), all_of(goes, negate(lost))
            done.append(
                EntryFlagged(
                    level=level,
                    entry=entry,
                    writable=writable,
                    exchanges=exchanges,
                    own_entry=TRUE,
                    against=entry,
                    written=new,
                    lost=all_of(exchanges, ne(result, 0)),
                    dirty=self._marks(marks),
                    noted=ite(marks, new, entry),
                )
            )
        return WalkFlagged(
            gpte_format=gpte_format,
            has_flags=has_flags,
            writes=_WRITES,
            logs=logs,
            log_fails=all_of(logs, ne(_LOG, 0)),
            levels=tuple(done),
            strays=FALSE,
            answer=answer,
            evidence=Evidence(),
        )

    def _accessed(self, entry: BitVec, flag: int, _level: int) -> BitVec:
        """An entry that was used, of a level."""
        return entry | (1 << flag)

    def _soils(self, writes: Bool) -> Bool:
        """Whether the dirty flag is set, by whether the walk is for a write."""
        return writes

    def _counts(self, lost: Bool) -> Bool:
        """Whether it counts that an entry has changed meanwhile."""
        return lost

    def _marks(self, marks: Bool) -> Bool:
        """Whether a table that was written to is noted as such."""
        return marks
