"""What Linux 7.2.13 does about pages whose tables the guest writes to."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.listed_page import listed_page
from mmuproof.model.table_writes import EntryDropped, TableWrites, WriteFollowed
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bool_var, bv, eq, extract, ite, ne, negate, var, zext

_INNER = "after some rounds#2"
_GPA, _LENGTH = var("gpa", 64), var("bytes", 32)


class ReferenceTableWrites(ReferenceArea, TableWrites):
    """``kvm_mmu_track_write()``."""

    def followed(self) -> WriteFollowed:
        """See `TableWrites.followed`."""
        shadowed, pae = ne(var("kvm->arch.indirect_shadow_pages", 32), 0), ne(var("is_pae()", 1), 0)
        unfit = any_of(*(ne(var(f"detect_write_{name}()", 1), 0) for name in ("misaligned", "flooding")))
        none = bool_var("no SPTE is for what is written")
        generation = var("vcpu->kvm after some rounds->arch.mmu_valid_gen after some rounds", 8)
        page = replace(listed_page(zext(extract(_GPA, 63, 12), 64)), generation=generation)
        half = all_of(pae, eq(_LENGTH, 4))
        judged, due = all_of(shadowed, page.shadows), ne(var("flush after some rounds", 1), 0)
        entry = self._dropped(all_of(judged, negate(unfit), negate(none)))
        return WriteFollowed(
            function="kvm_mmu_track_write",
            shadowed=shadowed,
            gpa=_GPA,
            length=_LENGTH,
            pae=pae,
            of_vm=negate(bool_var("vcpu->kvm after some rounds == NULL")),
            looks=shadowed,
            page=page,
            judged=judged,
            judged_gpa=ite(half, self._entry_of(_GPA), _GPA),
            judged_length=ite(half, bv(8, 32), _LENGTH),
            unfit=unfit,
            gives_up=all_of(judged, self._gives_up(unfit)),
            none=none,
            entry=entry,
            goes_on=all_of(shadowed, page.there, negate(entry.goes_on)),
            due=due,
            flushed=all_of(shadowed, negate(page.there)),
            evidence=Evidence(),
        )

    def _entry_of(self, gpa: BitVec) -> BitVec:
        """The address of the entry of eight bytes that four are written of."""
        return gpa & ~7

    def _gives_up(self, unfit: Bool) -> Bool:
        """Whether a page is taken apart."""
        return unfit

    def _dropped(self, begins: Bool) -> EntryDropped:
        there, left = negate(bool_var(f"spte {_INNER} == NULL")), var(f"npte {_INNER}", 32)
        spte, due = var(f"*spte {_INNER} {_INNER}", 64), ne(var(f"flush {_INNER}", 1), 0)
        present = ne(spte & self.constants.SPTE_MMU_PRESENT_MASK, 0)
        drops = all_of(begins, ne(left, 0))
        return EntryDropped(
            begins=begins,
            from_first=TRUE,
            there=there,
            left=left,
            drops=self._drops(drops, left),
            own_entry=TRUE,
            goes_on=drops,
            next_entry=TRUE,
            present=present,
            due=due,
            due_after=any_of(due, self._is_due(present)),
        )

    def _drops(self, drops: Bool, _left: BitVec) -> Bool:
        """Whether an SPTE goes, of which so many are left."""
        return drops

    def _is_due(self, present: Bool) -> Bool:
        """Whether a flush is due for an SPTE that goes."""
        return present
