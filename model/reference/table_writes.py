"""What Linux 7.2.13 does about pages whose tables the guest writes to."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.model.evidence import Evidence
from mmuproof.model.listed_pages import ListedPage
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.model.reference.base.listed_page import listed_page
from mmuproof.model.table_writes import EntryDropped, FrameUnprotected, ProtectedWritten, TableWrites, WriteFollowed
from mmuproof.smt.terms import (
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    eq,
    extract,
    ite,
    ne,
    negate,
    var,
    zext,
)

_DIRECT = role_flag(var("mmu->root_role", PAGE_ROLE_BITS), "direct")
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

    def unprotected(self) -> FrameUnprotected:
        """See `TableWrites.unprotected`."""
        found, asked = var("kvm_mmu_gva_to_gpa_write()", 64), var("cr2_or_gpa", 64)
        gfn = zext(extract(ite(_DIRECT, asked, found), 63, 12), 64)
        page, shadowed = listed_page(gfn), ne(var("kvm->arch.indirect_shadow_pages", 32), 0)
        begins = all_of(shadowed, any_of(_DIRECT, ne(found, (1 << 64) - 1)))
        ended = all_of(begins, negate(page.there))
        return FrameUnprotected(
            function="__kvm_mmu_unprotect_gfn_and_retry",
            begins=begins,
            of_frame=TRUE,
            page=page,
            gives_up=all_of(begins, self._unprotects(page)),
            goes_on=all_of(begins, page.there),
            frees=ended,
            answer=ended,
            evidence=Evidence(),
        )

    def _unprotects(self, page: ListedPage) -> Bool:
        """Whether a page is taken apart, to make its frame writable."""
        return page.shadows

    def protected(self) -> ProtectedWritten | None:
        """See `TableWrites.protected`."""
        rip, address, code = var("kvm_rip_read()", 64), var("cr2_or_gpa", 64), var("error_code", 64)
        last_rip, last_address = (var(f"vcpu->arch.last_retry_{name}", 64) for name in ("eip", "addr"))
        again = all_of(eq(last_rip, rip), eq(last_address, address))
        in_mmio, reinjects = (
            ne(var(f"{name}()", 1), 0) for name in ("mmio_info_in_cache", "kvm_event_needs_reinjection")
        )
        numbers = self.constants
        walking = numbers.PFERR_GUEST_PAGE_MASK | numbers.PFERR_WRITE_MASK | numbers.PFERR_PRESENT_MASK
        wanted = any_of(all_of(_DIRECT, eq(code & walking, walking)), all_of(negate(_DIRECT), reinjects))
        first = all_of(self._not_again(negate(again)), negate(in_mmio))
        unprotects = all_of(first, wanted)
        unprotected = all_of(unprotects, ne(var("__kvm_mmu_unprotect_gfn_and_retry()", 1), 0))
        in_guest, flags = bit(var("vcpu->arch.hflags", 32), 0), bit(var("*emulation_type", 32), 3)
        may = all_of(first, negate(unprotected), self._may_retry(negate(in_guest)))
        return ProtectedWritten(
            again=again,
            in_mmio=in_mmio,
            direct=_DIRECT,
            error_code=code,
            reinjects=reinjects,
            unprotects=unprotects,
            unprotected=unprotected,
            in_guest=in_guest,
            may_retry=all_of(may, negate(flags)),
            retries=unprotected,
            emulates=negate(unprotected),
            evidence=Evidence(),
        )

    def _not_again(self, other: Bool) -> Bool:
        """Whether a frame may be made writable, of another write than the last for which one was."""
        return other

    def _may_retry(self, in_l1: Bool) -> Bool:
        """Whether a write that cannot be emulated may be tried again."""
        return in_l1

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
