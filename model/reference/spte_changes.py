"""What changes SPTEs, or makes them besides ``make_spte()``, in Linux 7.2.13."""

from __future__ import annotations

from mmuproof.model.cuts.roles import TDP_HAS_SMEP
from mmuproof.model.cuts.spte_changes import PRIVATE_MEMORY
from mmuproof.model.evidence import CheckKind
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import CPU_ROLE_BITS, PAGE_ROLE_BITS, Mmu, role_flag, role_of
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.reference.sptes import ReferenceSptes
from mmuproof.model.reference.walks.walks import ReferenceWalks
from mmuproof.model.reserved_bits import MmuKind, MmuRequest
from mmuproof.model.spte_changes import (
    Changed,
    FastFault,
    FastFixed,
    SplitRequest,
    SpteAt,
    SpteChange,
    SpteChanges,
    SpteFacts,
    SpteJudged,
)
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import WalkKind
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
    extract,
    iff,
    implies,
    ite,
    ne,
    negate,
    sext,
    to_bv,
    ult,
    var,
    zext,
)

_U64 = 64
_LEVEL_BITS = 9


def _has(value: BitVec, mask: BitVec | int) -> Bool:
    return ne(value & mask, 0)


def _if(condition: Bool, bits: BitVec | int) -> BitVec:
    return ite(condition, bits if isinstance(bits, BitVec) else bv(bits, _U64), 0)


class ReferenceSpteChanges(ReferenceArea, SpteChanges):
    """The rest of ``spte.c``, and what ``mmu.c`` and ``tdp_mmu.c`` do to one SPTE.

    Args:
        constants: the kernel's numbers.
        sptes: the predicates and access tracking, which are those of the same kernel.
        walks: the tables of permissions.
    """

    def __init__(
        self,
        constants: Constants | None = None,
        sptes: ReferenceSptes | None = None,
        walks: ReferenceWalks | None = None,
    ) -> None:
        super().__init__(constants)
        self._sptes = sptes or ReferenceSptes(self.constants)
        self._walks = walks or ReferenceWalks(self.constants)

    # -- predicates ------------------------------------------------------------------------------------

    def facts(self, masks: ShadowMasks, at: SpteAt) -> SpteFacts:
        """See `SpteChanges.facts`."""
        spte, sptes = at.spte, self._sptes
        return SpteFacts(
            is_shadow_present_pte=sptes.is_shadow_present_pte(spte),
            is_large_pte=_has(spte, self.constants.PT_PAGE_SIZE_MASK),
            is_last_spte=sptes.is_last_spte(spte, at.level),
            is_writable_pte=sptes.is_writable_pte(spte),
            is_mmu_writable_spte=_has(spte, masks.mmu_writable),
            is_accessed_spte=_has(spte, masks.accessed),
            spte_ad_enabled=sptes.spte_ad_enabled(spte),
            spte_ad_need_write_protect=self.spte_ad_need_write_protect(spte),
            is_access_track_spte=sptes.is_access_track_spte(masks, spte),
            writable_invariants=sptes.writable_invariants(masks, spte),
            spte_to_pfn=(spte & self.constants.SPTE_BASE_ADDR_MASK) >> self.constants.PAGE_SHIFT,
        )

    def spte_ad_need_write_protect(self, spte: BitVec) -> Bool:
        """``spte_ad_need_write_protect()``: whether a write is noticed by a fault, not by D."""
        return ne(spte & self.constants.SPTE_TDP_AD_MASK, self.constants.SPTE_TDP_AD_ENABLED)

    def is_executable_pte(self, masks: ShadowMasks, spte: BitVec) -> Bool:
        """See `SpteChanges.is_executable_pte`."""
        return ne(spte & (masks.x | masks.xu | masks.nx), masks.nx)

    def is_access_allowed(self, masks: ShadowMasks, fault: FastFault, spte: BitVec) -> Bool:
        """See `SpteChanges.is_access_allowed`."""
        readable = _has(spte, self.constants.PT_PRESENT_MASK)
        data = ite(fault.write, self._sptes.is_writable_pte(spte), readable)
        return ite(fault.exec, self.is_executable_pte(masks, spte), data)

    # -- the table of what SPTEs permit, which came with 7.3 ---------------------------------------------

    def spte_permission_fault(
        self, masks: ShadowMasks, kind: MmuKind, now: MmuRequest, error_code: BitVec, spte: BitVec
    ) -> SpteJudged:
        """See `SpteChanges.spte_permission_fault`."""
        c, trace = self.constants, Trace("spte_permission_fault")
        told_apart = self._told_apart(kind, now)
        permissions = self._spte_permissions(masks, kind, told_apart, trace)
        pfec = extract(error_code & (c.PFERR_WRITE_MASK | c.PFERR_USER_MASK | c.PFERR_FETCH_MASK), 4, 1)
        element = permissions[0]
        for index, each in enumerate(permissions):
            element = ite(eq(pfec, index), each, element)
        pte_access = self._access_of(masks, spte)
        denied = bit(element >> zext(pte_access, element.width), 0)
        return SpteJudged(
            faults=any_of(negate(self._sptes.is_shadow_present_pte(spte)), denied),
            told_apart=told_apart,
            evidence=masks.evidence + trace.evidence,
        )

    def _told_apart(self, kind: MmuKind, now: MmuRequest) -> Bool:
        """``cr4_smep`` of the root role."""
        c = self.constants
        if kind is MmuKind.TDP:
            return bit(var(f"{TDP_HAS_SMEP.function}()", 1), 0)
        if kind is MmuKind.SHADOW:
            return all_of(_has(now.cr0, c.X86_CR0_PG), _has(now.cr4, c.X86_CR4_SMEP))
        return now.mbec if kind is MmuKind.NESTED_EPT else now.gmet

    def _spte_permissions(
        self, masks: ShadowMasks, kind: MmuKind, told_apart: Bool, trace: Trace
    ) -> tuple[BitVec, ...]:
        """``update_spte_permission_bitmask()``: KVM's own tables have CR0.WP and EFER.NX, and no SMAP."""
        members = {"cr4_smep": told_apart, "cr0_wp": TRUE, "efer_nx": TRUE}
        mmu = Mmu(
            kind=WalkKind.GUEST,
            vcpu="vcpu",
            prefix="",
            cpu_role=role_of(members, CPU_ROLE_BITS),
            root_role=role_of(members, PAGE_ROLE_BITS),
        )
        tdp, ept = kind is not MmuKind.SHADOW, masks.vendor is Vendor.INTEL
        return self._walks.update_permission_bitmask(mmu, tdp=tdp, ept=ept, trace=trace)

    def _access_of(self, masks: ShadowMasks, spte: BitVec) -> BitVec:
        """The ACC_* bits that an SPTE grants (4)."""
        c = self.constants
        with_nx = ne(masks.nx, 0)
        execute = ite(with_nx, to_bv(negate(_has(spte, masks.nx))), to_bv(_has(spte, masks.x)))
        user = ite(with_nx, to_bv(_has(spte, masks.user)), to_bv(_has(spte, masks.xu)))
        access = extract(spte, 3, 0) & (c.ACC_READ_MASK | c.ACC_WRITE_MASK)
        for flag, name in ((execute, c.ACC_EXEC_MASK), (user, c.ACC_USER_MASK)):
            access |= zext(flag, 4) << (name.bit_length() - 1)
        return access

    def is_nx_huge_page_enabled(self, _masks: ShadowMasks) -> Bool:
        """See `SpteChanges.is_nx_huge_page_enabled`."""
        return self._sptes.is_nx_huge_page_enabled()

    def page_needs_write_protection(self, _masks: ShadowMasks) -> Bool:
        """See `SpteChanges.page_needs_write_protection`."""
        return self._sptes.ad_need_write_protect()

    def page_is_mirror(self, _masks: ShadowMasks) -> Bool:
        """See `SpteChanges.page_is_mirror`."""
        return role_flag(var("sp->role", PAGE_ROLE_BITS), "is_mirror")

    def page_is_invalid(self, _masks: ShadowMasks) -> Bool:
        """See `SpteChanges.page_is_invalid`."""
        return role_flag(var("sp->role", PAGE_ROLE_BITS), "invalid")

    def kvm_ad_enabled(self, masks: ShadowMasks) -> Bool:
        """``kvm_ad_enabled``: whether KVM uses A/D bits where it may choose."""
        return masks.host.has_ad_bits if masks.vendor is Vendor.INTEL else TRUE

    # -- values ----------------------------------------------------------------------------------------

    def make_nonleaf_spte(self, masks: ShadowMasks, page_table: BitVec, ad_disabled: Bool) -> Changed:
        """See `SpteChanges.make_nonleaf_spte`."""
        c = self.constants
        trace = Trace("make_nonleaf_spte")
        spte = page_table | self._nonleaf_permissions(masks) | self._nonleaf_memory(masks)
        spte |= masks.present | c.SPTE_MMU_PRESENT_MASK
        spte |= ite(ad_disabled, bv(c.SPTE_TDP_AD_DISABLED, _U64), masks.accessed)
        return Changed(trace.step("spte", spte), masks.evidence + trace.evidence)

    def _nonleaf_permissions(self, masks: ShadowMasks) -> BitVec:
        """Everything: only the leaf restricts."""
        c = self.constants
        return masks.user | masks.x | masks.xu | c.PT_WRITABLE_MASK | c.PT_PRESENT_MASK

    def _nonleaf_memory(self, masks: ShadowMasks) -> BitVec:
        """How the processor reads the page table itself: the encryption bit."""
        return masks.me_value

    def make_small_spte(self, masks: ShadowMasks, request: SplitRequest) -> Changed:
        """See `SpteChanges.make_small_spte`."""
        c = self.constants
        trace = Trace("make_small_spte")
        huge_spte, level = request.huge_spte, request.level
        large = _has(huge_spte, c.PT_PAGE_SIZE_MASK)
        trace.check(CheckKind.WARN, all_of(self._sptes.is_shadow_present_pte(huge_spte), large))
        offset = (sext(request.index, _U64) * self._pages(level, trace)) << c.PAGE_SHIFT
        child_spte = trace.step("child_spte", huge_spte | self._small_offset(offset))
        smallest = eq(level, c.PG_LEVEL_4K)
        last = self._small_executable(masks, self._last_small(child_spte), zext(request.access, 32), trace)
        return Changed(trace.step("small_spte", ite(smallest, last, child_spte)), masks.evidence + trace.evidence)

    def _hpage_shift(self, level: BitVec, trace: Trace) -> BitVec:
        """``KVM_HPAGE_SHIFT()``: the number of address bits inside a page of a level."""
        shift = (zext(level, _U64) - 1) * _LEVEL_BITS + self.constants.PAGE_SHIFT
        trace.check(CheckKind.SHIFT, ult(shift, _U64))
        return shift

    def _pages(self, level: BitVec, trace: Trace) -> BitVec:
        """``KVM_PAGES_PER_HPAGE()``: how many small pages a page of a level has."""
        return (bv(1, _U64) << self._hpage_shift(level, trace)) >> self.constants.PAGE_SHIFT

    def _small_offset(self, offset: BitVec) -> BitVec:
        """What a small page's address adds to that of the huge one."""
        return offset

    def _last_small(self, spte: BitVec) -> BitVec:
        """A small SPTE of the lowest level maps no huge page."""
        return spte & ~self.constants.PT_PAGE_SIZE_MASK

    def _small_executable(self, masks: ShadowMasks, spte: BitVec, access: BitVec, trace: Trace) -> BitVec:
        """The mitigation does not concern small pages: they get back the execution that their page's role has."""
        changed = self.change_spte_executable(masks, spte, access, trace)
        return ite(self._sptes.is_nx_huge_page_enabled(), changed, spte)

    def make_huge_spte(self, masks: ShadowMasks, small_spte: BitVec, level: BitVec) -> Changed:
        """See `SpteChanges.make_huge_spte`."""
        c = self.constants
        trace = Trace("make_huge_spte")
        huge = ne(level, c.PG_LEVEL_4K)
        trace.check(CheckKind.WARN, all_of(self._sptes.is_shadow_present_pte(small_spte), huge))
        huge_spte = (small_spte | c.PT_PAGE_SIZE_MASK) & self._huge_address_mask(level, trace)
        huge_spte = trace.step("huge_spte", huge_spte)
        changed = self.change_spte_executable(masks, huge_spte, bv(0, 32), trace)
        huge_spte = ite(self._collapse_mitigated(), changed, huge_spte)
        return Changed(trace.step("huge_spte", huge_spte), masks.evidence + trace.evidence)

    def _huge_address_mask(self, level: BitVec, trace: Trace) -> BitVec:
        """All but the address bits inside a huge page."""
        inside = (bv(1, _U64) << self._hpage_shift(level, trace)) - 1
        return ~inside | ((1 << self.constants.PAGE_SHIFT) - 1)

    def _collapse_mitigated(self) -> Bool:
        """Whether a huge page that is put together must not be executable."""
        return self._sptes.is_nx_huge_page_enabled()

    def change_spte_executable(self, masks: ShadowMasks, spte: BitVec, access: BitVec, trace: Trace) -> BitVec:
        """``change_spte_executable()``: execution as an access says, whatever it was."""
        c = self.constants
        execute = _if(_has(access, c.ACC_EXEC_MASK), masks.x) | self._user_execute(masks, access)
        set_bits = ite(ne(masks.nx, 0), self._no_execute(masks, access), execute)
        clear = set_bits ^ (masks.nx | masks.x | masks.xu)
        return self.modify_spte_protections(masks, spte, set_bits, clear, trace)

    def _no_execute(self, masks: ShadowMasks, access: BitVec) -> BitVec:
        """NX as an access has it, in formats that have NX."""
        return _if(negate(_has(access, self.constants.ACC_EXEC_MASK)), masks.nx)

    def _user_execute(self, masks: ShadowMasks, access: BitVec) -> BitVec:
        """XU as an access has it."""
        return _if(_has(access, self.constants.ACC_USER_EXEC_MASK), masks.xu)

    def modify_spte_protections(
        self, masks: ShadowMasks, spte: BitVec, set_bits: BitVec, clear: BitVec, trace: Trace
    ) -> BitVec:
        """``modify_spte_protections()``: also where the permissions have been put away."""
        sptes = self._sptes
        trace.check(CheckKind.WARN, eq(set_bits & clear, 0))
        tracked = sptes.is_access_track_spte(masks, spte)
        shown = ite(tracked, sptes.restore_acc_track_spte(masks, spte), spte)
        changed = (shown | set_bits) & ~clear
        return ite(tracked, sptes.mark_spte_for_access_track(masks, changed, trace, guard=tracked), changed)

    # -- in place --------------------------------------------------------------------------------------

    def change(self, masks: ShadowMasks, change: SpteChange, at: SpteAt) -> Changed:
        """See `SpteChanges.change`."""
        trace = Trace(change.value.partition("(")[0])
        spte = trace.step("*sptep", self._changed(masks, change, at, trace))
        flushes = self._flushes(masks, change, at, spte)
        return Changed(spte, masks.evidence + trace.evidence, flushes=flushes)

    def _flushes(self, masks: ShadowMasks, change: SpteChange, at: SpteAt, after: BitVec) -> Bool:
        """What an operation says of a flush."""
        changed = ne(at.spte, after)
        match change:
            case SpteChange.RMAP_WRITE_PROTECT | SpteChange.RMAP_WRITE_TRACK:
                return all_of(changed, self.leaf_spte_change_needs_tlb_flush(masks, at.spte, after))
            case SpteChange.RMAP_CLEAR_DIRTY:
                by_d = self.leaf_spte_change_needs_tlb_flush(masks, at.spte, after)
                return all_of(
                    self._sptes.is_shadow_present_pte(at.spte),
                    ite(self.spte_ad_need_write_protect(at.spte), self._sptes.is_writable_pte(at.spte), by_d),
                )
            case SpteChange.TDP_WRITE_PROTECT | SpteChange.TDP_WRITE_TRACK:
                return self._write_protection_flushes(changed)
            case SpteChange.TDP_ZAP:
                present = self._sptes.is_shadow_present_pte(at.spte)
                leaf = all_of(present, self._sptes.is_last_spte(at.spte, at.level))
                return all_of(leaf, negate(self.page_is_invalid(masks)))
        return FALSE

    def leaf_spte_change_needs_tlb_flush(self, masks: ShadowMasks, old_spte: BitVec, new_spte: BitVec) -> Bool:
        """``leaf_spte_change_needs_tlb_flush()``: stale writable translations are tolerated while MMU-writable."""
        return all_of(_has(old_spte, masks.mmu_writable), negate(_has(new_spte, masks.mmu_writable)))

    def _write_protection_flushes(self, changed: Bool) -> Bool:
        return changed

    def _changed(self, masks: ShadowMasks, change: SpteChange, at: SpteAt, trace: Trace) -> BitVec:
        spte = at.spte
        present = self._sptes.is_shadow_present_pte(spte)
        leaf = all_of(present, self._sptes.is_last_spte(spte, at.level))
        smallest = all_of(leaf, negate(self._huge(at.level)))
        log_by_dirty = self._dirty_by_ad_type(masks, spte)
        match change:
            case SpteChange.RMAP_WRITE_PROTECT:
                return ite(present, self.spte_write_protect(masks, spte, pt_protect=False), spte)
            case SpteChange.RMAP_WRITE_TRACK:
                return ite(present, self.spte_write_protect(masks, spte, pt_protect=True), spte)
            case SpteChange.RMAP_CLEAR_DIRTY:
                by_d = all_of(present, eq(log_by_dirty, masks.dirty))
                trace.check(CheckKind.WARN, implies(by_d, self._sptes.spte_ad_enabled(spte)))
                return ite(present, spte & ~log_by_dirty, spte)
            case SpteChange.RMAP_AGE:
                young = all_of(present, _has(spte, masks.accessed))
                return ite(young, self._aged(masks, spte, masks.accessed, trace, young), spte)
            case SpteChange.RMAP_ZAP:
                return self._zapped()
            case SpteChange.TDP_WRITE_PROTECT:
                return ite(leaf, spte & ~self.constants.PT_WRITABLE_MASK, spte)
            case SpteChange.TDP_WRITE_TRACK:
                return ite(leaf, spte & ~(masks.mmu_writable | self.constants.PT_WRITABLE_MASK), spte)
            case SpteChange.TDP_CLEAR_DIRTY | SpteChange.TDP_CLEAR_DIRTY_MASKED:
                masked = change is SpteChange.TDP_CLEAR_DIRTY_MASKED
                wrprot = bool_var("clear_dirty_pt_masked(wrprot)") if masked else FALSE
                dirty = self._dirty_by_page(masks, wrprot)
                by_d = all_of(leaf, eq(dirty, masks.dirty))
                trace.check(CheckKind.WARN, implies(by_d, negate(self.spte_ad_need_write_protect(spte))))
                return ite(smallest if masked else leaf, spte & ~dirty, spte)
            case SpteChange.TDP_AGE:
                mirror = self.page_is_mirror(masks)
                trace.check(CheckKind.WARN, negate(mirror))
                return ite(mirror, spte, self._aged(masks, spte, self._tdp_used(masks), trace, negate(mirror)))
            case SpteChange.TDP_ZAP:
                return ite(leaf, self._zapped(), spte)

    def spte_write_protect(self, masks: ShadowMasks, spte: BitVec, *, pt_protect: bool) -> BitVec:
        """``spte_write_protect()``: writes fault, with ``pt_protect`` while the page holds guest tables."""
        tracked = self._write_tracked(masks) if pt_protect else bv(0, _U64)
        return spte & ~(tracked | self.constants.PT_WRITABLE_MASK)

    def _write_tracked(self, masks: ShadowMasks) -> BitVec:
        """What an SPTE loses besides W, so that W does not come back without KVM's lock."""
        return masks.mmu_writable

    def _dirty_by_ad_type(self, masks: ShadowMasks, spte: BitVec) -> BitVec:
        """The bit by which the shadow MMU notices a write: it asks the SPTE."""
        writable = bv(self.constants.PT_WRITABLE_MASK, _U64)
        return ite(self.spte_ad_need_write_protect(spte), writable, masks.dirty)

    def _dirty_by_page(self, masks: ShadowMasks, wrprot: Bool) -> BitVec:
        """The bit by which the TDP MMU notices a write: all SPTEs below a root are alike."""
        writable = bv(self.constants.PT_WRITABLE_MASK, _U64)
        return ite(any_of(wrprot, self.tdp_mmu_need_write_protect(masks)), writable, masks.dirty)

    def tdp_mmu_need_write_protect(self, masks: ShadowMasks) -> Bool:
        """``tdp_mmu_need_write_protect()``: whether D does not log writes, for PML's sake or for want of D."""
        return any_of(self._sptes.ad_need_write_protect(), negate(self.kvm_ad_enabled(masks)))

    def _tdp_used(self, masks: ShadowMasks) -> BitVec:
        """What the TDP MMU clears in an SPTE with A/D bits."""
        return masks.accessed

    def _aged(self, masks: ShadowMasks, spte: BitVec, used: BitVec, trace: Trace, guard: Bool) -> BitVec:
        """The SPTE as it is if it has not been used: A is clear, and without A/D bits the next access faults."""
        marked = self._sptes.mark_spte_for_access_track(masks, spte, trace, guard=guard)
        return ite(self._sptes.spte_ad_enabled(spte), spte & ~used, marked)

    def _zapped(self) -> BitVec:
        return bv(self.constants.SHADOW_NONPRESENT_VALUE, _U64)

    # -- fast_page_fault() -----------------------------------------------------------------------------

    def fast_page_fault(self, masks: ShadowMasks, fault: FastFault, at: SpteAt) -> FastFixed:
        """See `SpteChanges.fast_page_fault`."""
        trace = Trace("fast_page_fault")
        spte, sptes = at.spte, self._sptes
        leaf = all_of(sptes.is_shadow_present_pte(spte), sptes.is_last_spte(spte, at.level))
        found = all_of(self.page_fault_can_be_fast(masks, fault, trace), leaf)
        spurious = all_of(found, self.is_access_allowed(masks, fault, spte))
        writes = all_of(fault.write, self._can_become_writable(masks, spte))
        new_spte = ite(
            writes, self._untracked(masks, spte) | self.constants.PT_WRITABLE_MASK, self._untracked(masks, spte)
        )
        new_spte = trace.step("new_spte", new_spte)
        fixed = all_of(
            found,
            negate(spurious),
            ne(new_spte, spte),
            self._fix_allows(masks, fault, new_spte),
            negate(all_of(writes, self._logged_and_huge(at.level))),
        )
        becomes_writable = all_of(sptes.is_writable_pte(new_spte), negate(sptes.is_writable_pte(spte)))
        after = trace.step("*sptep", ite(fixed, new_spte, spte))
        marked = all_of(fixed, self._marks_dirty(becomes_writable))
        return FastFixed(
            fixed=fixed,
            spurious=spurious,
            spte=after,
            marked_dirty=marked,
            logged=self._logged(),
            evidence=masks.evidence + trace.evidence,
        )

    def _marks_dirty(self, becomes_writable: Bool) -> Bool:
        """Whether the page is marked in the dirty log: nothing else notices the write."""
        return becomes_writable

    def page_fault_can_be_fast(self, masks: ShadowMasks, fault: FastFault, trace: Trace) -> Bool:
        """``page_fault_can_be_fast()``: whether it may be about access tracking or write protection."""
        trace.cut(PRIVATE_MEMORY)
        private = bit(var(f"{PRIVATE_MEMORY.function}()", 1), 0)
        expected = iff(bit(var("fault->is_private", 1), 0), private)
        may_be_private = bit(var("kvm->arch.has_private_mem", 1), 0)
        possible = ite(fault.present, fault.write, negate(self.kvm_ad_enabled(masks)))
        return all_of(negate(fault.rsvd), negate(all_of(may_be_private, negate(expected))), possible)

    def _untracked(self, masks: ShadowMasks, spte: BitVec) -> BitVec:
        """The SPTE with the permissions that access tracking has put away."""
        tracked = all_of(negate(self.kvm_ad_enabled(masks)), self._sptes.is_access_track_spte(masks, spte))
        return ite(tracked, self._sptes.restore_acc_track_spte(masks, spte) | self._used_by_fix(masks), spte)

    def _used_by_fix(self, masks: ShadowMasks) -> BitVec:
        """An SPTE that is restored for an access has been used."""
        return masks.accessed

    def _can_become_writable(self, masks: ShadowMasks, spte: BitVec) -> Bool:
        """Whether only dirty logging or access tracking keeps an SPTE from being writable."""
        return _has(spte, masks.mmu_writable)

    def _logged_and_huge(self, level: BitVec) -> Bool:
        """Dirty logging wants small pages, which only the slow path makes."""
        return all_of(self._huge(level), self._logged())

    def _logged(self) -> Bool:
        """Whether the memory slot logs writes."""
        return bit(var("fault->slot->flags", 32), 0)

    def _huge(self, level: BitVec) -> Bool:
        return ult(bv(self.constants.PG_LEVEL_4K, level.width), level)

    def _fix_allows(self, masks: ShadowMasks, fault: FastFault, new_spte: BitVec) -> Bool:
        """Whether what faulted is allowed after the fix."""
        return self.is_access_allowed(masks, fault, new_spte)
