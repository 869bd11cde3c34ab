"""SPTEs: KVM's predicates, ``make_spte()``, and access tracking."""

from __future__ import annotations

from mmuproof.model.cuts.sptes import (
    GET_MT_MASK,
    IS_MMIO_PFN,
    IS_MMIO_PFN_UNKNOWN,
    MMIO_NOTED,
    NOTE_MMIO,
    ROOT_TO_SP,
    TRY_TO_UNSYNC,
)
from mmuproof.model.evidence import CheckKind
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_flag
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.sptes import (
    AskedMemoryType,
    AskedToNote,
    AskedToUnsync,
    MadeSpte,
    MmioAnswers,
    MmioNote,
    Predicates,
    SpteRequest,
    Sptes,
    Told,
    Tracked,
)
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import (
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    boolean,
    bv,
    eq,
    implies,
    ite,
    ne,
    negate,
    ult,
    var,
    zext,
)

_U64 = 64
_MEMORY_TYPE_AND_IGNORE_PAT = 0x78
_MEMORY_TYPE_AND_PERMISSIONS = 0x3F
_LEVELS = 5


def _if(condition: Bool, bits: BitVec | int) -> BitVec:
    return ite(condition, bits if isinstance(bits, BitVec) else bv(bits, _U64), 0)


def _has(value: BitVec, mask: BitVec | int) -> Bool:
    return ne(value & mask, 0)


class ReferenceSptes(ReferenceArea, Sptes):
    """``spte.c`` and the predicates of ``spte.h``."""

    # -- predicates ------------------------------------------------------------------------------------

    def predicates(self, masks: ShadowMasks, spte: BitVec) -> Predicates:
        """See `Sptes.predicates`."""
        return Predicates(
            is_frozen=eq(spte, self.constants.FROZEN_SPTE),
            is_mmio=all_of(eq(spte & masks.mmio_mask, masks.mmio_value), masks.enable_mmio_caching),
            is_shadow_present=self.is_shadow_present_pte(spte),
        )

    def is_shadow_present_pte(self, spte: BitVec) -> Bool:
        """``is_shadow_present_pte()``."""
        return _has(spte, self.constants.SPTE_MMU_PRESENT_MASK)

    def spte_ad_enabled(self, spte: BitVec) -> Bool:
        """``spte_ad_enabled()``: whether the hardware keeps the SPTE's A and D bits."""
        return ne(spte & self.constants.SPTE_TDP_AD_MASK, self.constants.SPTE_TDP_AD_DISABLED)

    def is_access_track_spte(self, masks: ShadowMasks, spte: BitVec) -> Bool:
        """``is_access_track_spte()``: whether the permissions have been put away."""
        return all_of(negate(self.spte_ad_enabled(spte)), eq(spte & masks.acc_track, 0))

    def is_last_spte(self, spte: BitVec, level: BitVec) -> Bool:
        """``is_last_spte()``: whether an SPTE of this level maps a page."""
        return any_of(eq(level, self.constants.PG_LEVEL_4K), _has(spte, self.constants.PT_PAGE_SIZE_MASK))

    def is_writable_pte(self, spte: BitVec) -> Bool:
        """``is_writable_pte()``."""
        return _has(spte, self.constants.PT_WRITABLE_MASK)

    # -- make_spte() -----------------------------------------------------------------------------------

    def make_spte(self, masks: ShadowMasks, request: SpteRequest) -> MadeSpte:
        """See `Sptes.make_spte`."""
        c = self.constants
        trace = Trace("make_spte")
        huge = ult(bv(c.PG_LEVEL_4K, request.level.width), request.level)
        nx_huge_pages = self.is_nx_huge_page_enabled()
        asked = request.pte_access
        trace.check(CheckKind.WARN, ne(zext(asked, _U64) | masks.present, c.SHADOW_NONPRESENT_VALUE))
        pte_access = ite(all_of(huge, nx_huge_pages), self._without_execution(masks, asked), asked)
        pte_access = trace.step("pte_access", self._host_protected(pte_access, request.host_writable))
        wants_write = ne(pte_access & c.ACC_WRITE_MASK, 0)
        wrprot = all_of(wants_write, self._must_write_protect(request, trace))

        spte = masks.present | c.SPTE_MMU_PRESENT_MASK
        spte |= self._ad_type(request)
        spte |= _if(self._is_used(request), masks.accessed)
        spte |= trace.step("permissions", self._spte_permissions(masks, pte_access))
        spte |= _if(huge, c.PT_PAGE_SIZE_MASK)
        spte |= self._memory_type(masks, trace)
        spte |= _if(request.host_writable, masks.host_writable)
        spte |= self._encryption(masks, trace)
        spte |= self._address(request.pfn)
        spte |= _if(all_of(wants_write, negate(wrprot)), self._writable_bits(masks))
        trace.step("spte", spte)

        tracked = self._is_unused(request)
        marking = Trace("mark_spte_for_access_track")
        marked = self.mark_spte_for_access_track(masks, spte, marking, guard=tracked)
        spte = trace.step("*new_spte", ite(tracked, marked, spte))
        reserved = self._is_rsvd_spte(spte, request.level)
        trace.check(CheckKind.WARN, negate(reserved))
        logged = ne(var("slot->flags", 32) & c.KVM_MEM_LOG_DIRTY_PAGES, 0)
        trace.check(CheckKind.WARN, implies(all_of(logged, self.is_writable_pte(spte)), negate(huge)))
        evidence = masks.evidence + marking.evidence + trace.evidence
        refused = ne(var(f"{TRY_TO_UNSYNC.function}()", 32), 0)
        memory_type = self.get_mt_mask(masks)
        maps_mmio = ne(var(f"{IS_MMIO_PFN.function}()", 1), 0)
        return MadeSpte(
            spte=spte,
            wrprot=wrprot,
            nx_huge_pages=nx_huge_pages,
            unsync_refused=refused,
            logged=logged,
            reserved=reserved,
            memory_type=memory_type,
            maps_mmio=maps_mmio,
            to_unsync=self._asked_to_unsync(request, all_of(wants_write, self._is_asked_about(request))),
            about_memory_type=self._asked_memory_type(masks, request, maps_mmio),
            marked_dirty=Told(self._marks_dirty(all_of(logged, self.is_writable_pte(spte))), request.gfn),
            mmio=self._asked_to_note(request, maps_mmio),
            evidence=evidence,
        )

    def _asked_to_unsync(self, request: SpteRequest, called: Bool) -> AskedToUnsync:
        """What ``mmu_try_to_unsync_pages()`` is asked."""
        return AskedToUnsync(called, request.gfn, request.synchronizing, request.prefetch)

    def _asked_to_note(self, request: SpteRequest, maps_mmio: Bool) -> AskedToNote:
        """Whether it is noted that MMIO of the host is mapped: where the mitigation needs it, and once."""
        mitigated = ne(var(f"_static_cpu_has({self.constants.X86_FEATURE_CLEAR_CPU_BUF_VM_MMIO})", 1), 0)
        noted = ne(var(f"{MMIO_NOTED.function}()", 1), 0)
        return AskedToNote(mitigated, noted, all_of(mitigated, negate(noted), self._notes(request, maps_mmio)))

    def _notes(self, request: SpteRequest, maps_mmio: Bool) -> Bool:
        """Whether what is mapped is to be noted."""
        return maps_mmio

    def note_mmio(self) -> MmioNote:
        """See `Sptes.note_mmio`."""
        trace = Trace(NOTE_MMIO.function)
        trace.cut(ROOT_TO_SP)
        with_page = bool_var("the root has a page")
        in_page, in_vm = (ne(var(f"{each}has_mapped_host_mmio", 1), 0) for each in ("root->", "kvm->arch."))
        page_after = any_of(in_page, self._notes_in_page(with_page))
        vm_after = any_of(in_vm, self._notes_in_vm(with_page))
        return MmioNote(
            with_page=with_page,
            page_before=in_page,
            vm_before=in_vm,
            page_after=page_after,
            vm_after=vm_after,
            said_before=ite(with_page, in_page, in_vm),
            said_after=ite(with_page, page_after, vm_after),
            requested=self._leaves_guest(),
            evidence=trace.evidence,
        )

    def _notes_in_page(self, with_page: Bool) -> Bool:
        """Whether the note is made in the root's page: where it has one."""
        return with_page

    def _notes_in_vm(self, with_page: Bool) -> Bool:
        """Whether the note is made in the VM: where the root has no page."""
        return negate(with_page)

    def _leaves_guest(self) -> Bool:
        """Whether vCPUs that run are made to see the note."""
        return TRUE

    def ask_mmio(self, pfn: BitVec) -> MmioAnswers:
        """See `Sptes.ask_mmio`."""
        trace = Trace(IS_MMIO_PFN.function)
        trace.cut(IS_MMIO_PFN_UNKNOWN)
        is_mmio = ne(var(f"{IS_MMIO_PFN.function}()", 1), 0)
        return MmioAnswers(is_mmio=is_mmio, first=is_mmio, second=self._remembered(is_mmio), evidence=trace.evidence)

    def _remembered(self, is_mmio: Bool) -> Bool:
        """What the second question is answered with."""
        return is_mmio

    def _marks_dirty(self, becomes_writable: Bool) -> Bool:
        """The page is marked in the dirty log at once: the hardware does not log it when D is set already."""
        return becomes_writable

    def _is_used(self, request: SpteRequest) -> Bool:
        """Whether the SPTE has A: it is there for an access, or was there before."""
        return any_of(negate(request.prefetch), request.synchronizing)

    def _is_unused(self, request: SpteRequest) -> Bool:
        """Whether the SPTE is marked as one that has not been used."""
        return all_of(request.prefetch, negate(request.synchronizing))

    def _is_rsvd_spte(self, spte: BitVec, level: BitVec) -> Bool:
        """``is_rsvd_spte()`` by the tables of the vCPU's MMU, whatever they are."""
        c = self.constants
        table = "vcpu->arch.mmu->shadow_zero_check"
        large = _has(spte, c.PT_PAGE_SIZE_MASK)
        reserved = bv(0, _U64)
        for number in range(1, _LEVELS + 1):
            small_mask, large_mask = (var(f"{table}.rsvd_bits_mask[{row}][{number - 1}]", _U64) for row in (0, 1))
            reserved = ite(eq(level, number), ite(large, large_mask, small_mask), reserved)
        executable = _if(_has(spte, c.VMX_EPT_USER_EXECUTABLE_MASK), c.VMX_EPT_EXECUTABLE_MASK)
        low = (spte | executable) & _MEMORY_TYPE_AND_PERMISSIONS
        misconfigured = bit(var(f"{table}.bad_mt_xwr", _U64) >> low, 0)
        return any_of(_has(spte, reserved), misconfigured)

    def is_nx_huge_page_enabled(self) -> Bool:
        """``is_nx_huge_page_enabled()``: the iTLB-multihit mitigation is on, and on for this guest."""
        disabled = bit(var("kvm->arch.disable_nx_huge_pages", 1), 0)
        return all_of(ne(var("nx_huge_pages", 32), 0), negate(disabled))

    def _without_execution(self, masks: ShadowMasks, pte_access: BitVec) -> BitVec:
        """What the mitigation leaves of an access; its bit 2 means execution only where there is XU."""
        c = self.constants
        user_execute = ite(ne(masks.xu, 0), bv(c.ACC_USER_EXEC_MASK, pte_access.width), 0)
        return pte_access & ~(user_execute | c.ACC_EXEC_MASK)

    def _host_protected(self, pte_access: BitVec, host_writable: Bool) -> BitVec:
        """What is left of an access where the host's mapping is read-only."""
        return ite(host_writable, pte_access, pte_access & ~self.constants.ACC_WRITE_MASK)

    def _must_write_protect(self, request: SpteRequest, trace: Trace) -> Bool:
        """Whether the page holds guest tables that must not be written; a writable one is not asked about."""
        trace.cut(TRY_TO_UNSYNC)
        return all_of(self._is_asked_about(request), self._unsync_refused(var(f"{TRY_TO_UNSYNC.function}()", 32)))

    def _is_asked_about(self, request: SpteRequest) -> Bool:
        """Whether the SPTE that was there leaves it open if the page may be written."""
        return negate(
            all_of(self.is_last_spte(request.old_spte, request.level), self.is_writable_pte(request.old_spte))
        )

    def _unsync_refused(self, result: BitVec) -> Bool:
        """Whether a result of ``mmu_try_to_unsync_pages()`` is an error: the page must not become writable."""
        return ne(result, 0)

    def _ad_type(self, request: SpteRequest) -> BitVec:
        """How accesses and writes are noticed; L2's are not logged by PML, so they need write protection."""
        c = self.constants
        enabled = _if(self.ad_need_write_protect(), c.SPTE_TDP_AD_WRPROT_ONLY)
        return ite(request.ad_disabled, bv(c.SPTE_TDP_AD_DISABLED, _U64), enabled)

    def ad_need_write_protect(self) -> Bool:
        """``kvm_mmu_page_ad_need_write_protect()``: PML logs writes, and the page is one of L2's."""
        guest_mode = role_flag(var("sp->role", PAGE_ROLE_BITS), "guest_mode")
        return all_of(ne(var("kvm->arch.cpu_dirty_log_size", 32), 0), guest_mode)

    def _spte_permissions(self, masks: ShadowMasks, pte_access: BitVec) -> BitVec:
        """The permissions of an SPTE, without W."""
        execute = ite(
            ne(masks.nx, 0), self._nx_permissions(masks, pte_access), self._ept_execute_permissions(masks, pte_access)
        )
        return self._read_permission(pte_access) | execute

    def _read_permission(self, pte_access: BitVec) -> BitVec:
        """P, which is R in EPT."""
        return _if(_has(pte_access, self.constants.ACC_READ_MASK), self.constants.PT_PRESENT_MASK)

    def _nx_permissions(self, masks: ShadowMasks, pte_access: BitVec) -> BitVec:
        """NX and U of formats that have them."""
        c = self.constants
        no_execute = _if(negate(_has(pte_access, c.ACC_EXEC_MASK)), masks.nx)
        return no_execute | _if(_has(pte_access, c.ACC_USER_MASK), masks.user)

    def _ept_execute_permissions(self, masks: ShadowMasks, pte_access: BitVec) -> BitVec:
        """XS and XU of EPT."""
        c = self.constants
        execute = _if(_has(pte_access, c.ACC_EXEC_MASK), masks.x)
        return execute | _if(_has(pte_access, c.ACC_USER_EXEC_MASK), masks.xu)

    def _writable_bits(self, masks: ShadowMasks) -> BitVec:
        """What a writable SPTE has besides: MMU-writable, and D so that the hardware need not set it."""
        return masks.mmu_writable | masks.dirty | self.constants.PT_WRITABLE_MASK

    def _encryption(self, masks: ShadowMasks, trace: Trace) -> BitVec:
        """What marks a page as encrypted, which MMIO of the host is not; EPT has nothing of the kind."""
        if masks.vendor is Vendor.INTEL:
            return bv(0, _U64)
        trace.cut(IS_MMIO_PFN)
        return _if(eq(var(f"{IS_MMIO_PFN.function}()", 1), 0), masks.me_value)

    def _memory_type(self, masks: ShadowMasks, trace: Trace) -> BitVec:
        """The memory type and ignore-PAT, which only VMX with EPT computes."""
        if masks.vendor is Vendor.INTEL:
            trace.cut(GET_MT_MASK)
        return self.get_mt_mask(masks)

    def _asked_memory_type(self, masks: ShadowMasks, request: SpteRequest, maps_mmio: Bool) -> AskedMemoryType:
        """What ``get_mt_mask()`` is asked, where there is such a thing."""
        return AskedMemoryType(boolean(masks.vendor is Vendor.INTEL), request.gfn, maps_mmio)

    def _address(self, pfn: BitVec) -> BitVec:
        """The address of a page frame."""
        return pfn << self.constants.PAGE_SHIFT

    def get_mt_mask(self, masks: ShadowMasks) -> BitVec:
        """What ``vmx_get_mt_mask()`` gives, where there is such a thing."""
        if masks.vendor is not Vendor.INTEL:
            return bv(0, _U64)
        return zext(var(f"{GET_MT_MASK.function}()", 8) & _MEMORY_TYPE_AND_IGNORE_PAT, _U64)

    # -- access tracking -------------------------------------------------------------------------------

    def access_track(self, masks: ShadowMasks, spte: BitVec) -> Tracked:
        """See `Sptes.access_track`."""
        trace = Trace("mark_spte_for_access_track")
        marked = trace.step("marked", self.mark_spte_for_access_track(masks, spte, trace))
        restoring = Trace("restore_acc_track_spte")
        restored = restoring.step("restored", self.restore_acc_track_spte(masks, marked))
        return Tracked(
            marked=marked,
            restored=restored,
            twice=self.mark_spte_for_access_track(masks, marked, trace),
            is_access_track=self.is_access_track_spte(masks, marked),
            was_access_track=self.is_access_track_spte(masks, spte),
            evidence=masks.evidence + trace.evidence + restoring.evidence,
        )

    def mark_spte_for_access_track(self, masks: ShadowMasks, spte: BitVec, trace: Trace, guard: Bool = TRUE) -> BitVec:
        """``mark_spte_for_access_track()``: an SPTE whose next access faults, or sets A if there is one."""
        with_ad = self.spte_ad_enabled(spte)
        tracked = self.is_access_track_spte(masks, spte)
        marks = all_of(guard, negate(with_ad), negate(tracked))
        trace.check(CheckKind.WARN, implies(guard, self.is_shadow_present_pte(spte)))
        trace.check(CheckKind.WARN, implies(marks, self.writable_invariants(masks, spte)))
        trace.check(CheckKind.WARN, implies(marks, eq(spte & self.constants.acc_track_saved_slots, 0)))
        put_away = ite(tracked, self._mark_again(spte), self._put_away(masks, spte))
        return ite(with_ad, self._mark_with_ad_bits(masks, spte), put_away)

    def _mark_with_ad_bits(self, masks: ShadowMasks, spte: BitVec) -> BitVec:
        """What marking makes of an SPTE whose A the hardware sets: the same without A."""
        return spte & ~masks.accessed

    def writable_invariants(self, masks: ShadowMasks, spte: BitVec) -> Bool:
        """``check_spte_writable_invariants()``: W implies MMU-writable implies host-writable."""
        return ite(_has(spte, masks.mmu_writable), _has(spte, masks.host_writable), negate(self.is_writable_pte(spte)))

    def _mark_again(self, spte: BitVec) -> BitVec:
        """What marking makes of an SPTE that is access-tracked already: nothing else."""
        return spte

    def _put_away(self, masks: ShadowMasks, spte: BitVec) -> BitVec:
        """Save R, X and XU in their slots and take all permissions away; W is tracked otherwise."""
        c = self.constants
        saved = (spte & c.SHADOW_ACC_TRACK_SAVED_BITS_MASK) << c.SHADOW_ACC_TRACK_SAVED_BITS_SHIFT
        return (spte | saved) & ~(masks.acc_track | self._used(masks))

    def _used(self, masks: ShadowMasks) -> BitVec:
        """What says that an SPTE has been used, in software too where the hardware does not."""
        return masks.accessed

    def restore_acc_track_spte(self, masks: ShadowMasks, spte: BitVec) -> BitVec:
        """``restore_acc_track_spte()``: the SPTE with what was saved, and the slots clear."""
        cleared = spte & ~masks.acc_track & ~self.constants.acc_track_saved_slots
        return cleared | self._saved_bits(spte)

    def _saved_bits(self, spte: BitVec) -> BitVec:
        """The permissions in the slots, at their own places."""
        c = self.constants
        return (spte >> c.SHADOW_ACC_TRACK_SAVED_BITS_SHIFT) & c.SHADOW_ACC_TRACK_SAVED_BITS_MASK
