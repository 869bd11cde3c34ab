"""What the callers of make_spte() ask it for."""

from __future__ import annotations

from mmuproof.model.cuts.mappings import (
    FAULT_IN,
    IS_PRIVATE,
    LEGAL_ADDRESS,
    MAX_LEVEL,
    READ_GUEST,
    RESERVED_BITS,
    SYNC_MMIO,
)
from mmuproof.model.evidence import CheckKind
from mmuproof.model.mappings import AdjustedLevel, CheckedEptp, FrameFound, MappingAsked, Mappings
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import PAGE_ROLE_BITS, role_value
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.walks import GpteFormat, GuestWalk, Walks
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
    ule,
    ult,
    var,
    zext,
)

_U32, _U64 = 32, 64
_ACCESS_BITS = 0xF
_NO_FRAME, _KVM_PFN_ERR_MASK = 1 << 63, 0x7FF << 52
_MEMSLOT_INVALID, _APIC_ACCESS_PAGE = 1 << 16, 0x7FFF - 2
_LARGEST_WIDTH, _EMULATE = 52, 2


class ReferenceMappings(ReferenceArea, Mappings):
    """The callers of make_spte() in ``mmu.c`` and ``paging_tmpl.h``.

    Args:
        constants: the kernel's numbers.
        walks: how guest entries are read.
    """

    def __init__(self, constants: Constants, walks: Walks) -> None:
        super().__init__(constants)
        self._walks = walks

    # -- pages of a nested EPT -----------------------------------------------------------------------------

    def prefetch_gpte(self, walk: GuestWalk, masks: ShadowMasks) -> MappingAsked:
        """See `Mappings.prefetch_gpte`."""
        trace = Trace("ept_prefetch_gpte")
        gpte, parents = var("gpte", _U64), self._parents_access()
        asked = negate(self.prefetch_invalid_gpte(walk, gpte, trace))
        access = trace.step("pte_access", self._granted(walk, gpte, parents))
        return MappingAsked(
            caller="ept_prefetch_gpte",
            at="reference: ept_prefetch_gpte",
            when=asked,
            pte_access=access,
            gpte=gpte,
            parents_access=parents,
            level=self._level(),
            had_spte=FALSE,
            evidence=trace.evidence,
        )

    def sync_spte(self, walk: GuestWalk, masks: ShadowMasks) -> MappingAsked:
        """See `Mappings.sync_spte`: nothing is asked for what is new, unchanged, or grants nothing."""
        c = self.constants
        trace = Trace("ept_sync_spte")
        gpte, parents = var(f"gpte after {READ_GUEST.function}()", _U64), self._parents_access()
        had_spte = self._had_spte()
        trace.check(CheckKind.WARN, had_spte)
        level_check = Trace("ept_get_level1_sp_gpa", had_spte)
        level_check.check(CheckKind.WARN, eq(self._level(), c.PG_LEVEL_4K))
        for cut in (READ_GUEST, SYNC_MMIO):
            trace.cut(cut)
        read = eq(var(f"{READ_GUEST.function}()", _U32), 0)
        is_mmio = ne(var(f"{SYNC_MMIO.function}()", 1), 0)
        invalid = self.prefetch_invalid_gpte(walk, gpte, trace)
        access = trace.step("pte_access", self._granted(walk, gpte, parents))
        gfn = extract(gpte, 51, 12)
        same_gfn = eq(zext(gfn, _U64), var("kvm_mmu_page_get_gfn()", _U64))
        changed = ne(var("kvm_mmu_page_get_access()", _U32) & _ACCESS_BITS, access)
        kept = all_of(negate(self._grants_nothing(masks, access)), same_gfn)
        asked = all_of(had_spte, read, negate(invalid), negate(is_mmio), kept, changed)
        evidence = level_check.evidence + trace.evidence
        return MappingAsked(
            caller="ept_sync_spte",
            at="reference: ept_sync_spte",
            when=asked,
            pte_access=access,
            gpte=gpte,
            parents_access=parents,
            level=self._level(),
            had_spte=had_spte,
            evidence=evidence,
        )

    def prefetch_invalid_gpte(self, walk: GuestWalk, gpte: BitVec, trace: Trace) -> Bool:
        """``ept_prefetch_invalid_gpte()``: not present, not accessed, or with a bit that must not be set."""
        trace.cut(RESERVED_BITS)
        accessed = ne(gpte & self.constants.VMX_EPT_ACCESS_BIT, 0)
        return any_of(
            negate(self._walks.is_present_gpte(GpteFormat.EPT, walk, gpte)),
            all_of(self._has_accessed_dirty(walk), negate(accessed)),
            ne(var(f"{RESERVED_BITS.function}()", 1), 0),
            self._walks.has_bad_mt_xwr(walk, gpte),
        )

    def _granted(self, walk: GuestWalk, gpte: BitVec, parents: BitVec) -> BitVec:
        """What an entry grants below its parents; a clean one grants no writes, so that D can be set on one."""
        access = parents & self._walks.gpte_access(GpteFormat.EPT, gpte)
        clean = all_of(self._has_accessed_dirty(walk), eq(gpte & self.constants.VMX_EPT_DIRTY_BIT, 0))
        return ite(clean, access & ~self.constants.ACC_WRITE_MASK, access)

    def _grants_nothing(self, masks: ShadowMasks, access: BitVec) -> Bool:
        """Whether make_spte() could make no present SPTE of an access."""
        return eq(zext(access, _U64) | masks.present, self.constants.SHADOW_NONPRESENT_VALUE)

    def _has_accessed_dirty(self, walk: GuestWalk) -> Bool:
        """``PT_HAVE_ACCESSED_DIRTY()``."""
        return negate(bit(walk.flags["ad_disabled"], 0))

    def _had_spte(self) -> Bool:
        """Whether there is an SPTE, with a note of what it maps."""
        noted = negate(bool_var("sp->shadowed_translation == NULL"))
        return all_of(ne(var("*sp->spt", _U64), self.constants.SHADOW_NONPRESENT_VALUE), noted)

    def _level(self) -> BitVec:
        return role_value(var("sp->role", PAGE_ROLE_BITS), "level")

    def _parents_access(self) -> BitVec:
        return zext(role_value(var("sp->role", PAGE_ROLE_BITS), "access"), _U32)

    # -- the level -----------------------------------------------------------------------------------------

    def hugepage_adjust(self) -> AdjustedLevel:
        """See `Mappings.hugepage_adjust`."""
        c = self.constants
        trace = Trace("kvm_mmu_hugepage_adjust")
        trace.cut(MAX_LEVEL[0])
        tracked = ne(var("fault->slot->flags", _U32) & c.KVM_MEM_LOG_DIRTY_PAGES, 0)
        wanted = var(f"{MAX_LEVEL[0].function}()", _U32) & 3
        disallowed = all_of(ne(var("fault->exec", 1), 0), ne(var("fault->nx_huge_page_workaround_enabled", 1), 0))
        small = any_of(
            eq(var("fault->max_level", 8), c.PG_LEVEL_4K),
            ne(var("fault->pfn", _U64) & c.KVM_PFN_ERR_NOSLOT_MASK, 0),
            self._logging_forbids(tracked),
            disallowed,
        )
        level = trace.step("fault->goal_level", ite(small, bv(c.PG_LEVEL_4K, 8), extract(wanted, 7, 0)))
        return AdjustedLevel(level, tracked, "reference: kvm_mmu_hugepage_adjust", trace.evidence)

    def _logging_forbids(self, tracked: Bool) -> Bool:
        """Whether a slot that logs writes keeps its pages small."""
        return tracked

    # -- EPTP ----------------------------------------------------------------------------------------------

    def check_eptp(self) -> CheckedEptp:
        """See `Mappings.check_eptp`."""
        c = self.constants
        trace = Trace("nested_vmx_check_eptp")
        trace.cut(LEGAL_ADDRESS)
        eptp, caps = var("new_eptp", _U64), var("vmx->nested.msrs.ept_caps", _U32)

        def offered(capability: int) -> Bool:
            return ne(caps & capability, 0)

        memory_type = eptp & c.VMX_EPTP_MT_MASK
        type_fits = any_of(
            all_of(eq(memory_type, 0), offered(c.VMX_EPTP_UC_BIT)),
            all_of(eq(memory_type, c.VMX_EPTP_MT_WB), offered(c.VMX_EPTP_WB_BIT)),
        )
        legal = ne(var(f"{LEGAL_ADDRESS.function}()", 1), 0)
        accepted = all_of(
            type_fits,
            self._levels_fit(eptp, offered(c.VMX_EPT_PAGE_WALK_4_BIT), offered(c.VMX_EPT_PAGE_WALK_5_BIT)),
            self._has_no_reserved(legal, eq(extract(eptp, 11, 7), 0)),
            any_of(eq(eptp & c.VMX_EPTP_AD_ENABLE_BIT, 0), self._has_flags(offered(c.VMX_EPT_AD_BIT))),
        )
        return CheckedEptp(
            eptp=eptp,
            offered=caps,
            legal=legal,
            accepted=accepted,
            at="reference: nested_vmx_check_eptp",
            evidence=trace.evidence,
        )

    def _has_no_reserved(self, legal: Bool, low_clear: Bool) -> Bool:
        """Whether an EPTP counts as without reserved bits."""
        return all_of(legal, low_clear)

    def _has_flags(self, offered: Bool) -> Bool:
        """Whether an EPTP may have accessed and dirty flags on."""
        return offered

    def _levels_fit(self, eptp: BitVec, four: Bool, five: Bool) -> Bool:
        """Whether an EPTP asks for a number of levels that L1 is offered."""
        level = eptp & self.constants.VMX_EPTP_PWL_MASK
        return any_of(
            all_of(eq(level, self.constants.VMX_EPTP_PWL_4), four),
            all_of(eq(level, self.constants.VMX_EPTP_PWL_5), five),
        )

    # -- the host's frame of a fault -----------------------------------------------------------------------

    def find_frame(self) -> FrameFound:
        """See `Mappings.find_frame`."""
        trace = Trace("kvm_mmu_faultin_pfn")
        trace.cut(FAULT_IN)
        gfn, private = var("fault->gfn", _U64), ne(var("fault->is_private", 1), 0)
        with_slot, flags = bool_var("a memory slot has the frame"), var("fault->slot->flags", _U32)
        going = all_of(with_slot, ne(flags & _MEMSLOT_INVALID, 0))
        caches, with_tdp = ne(var("enable_mmio_caching", 1), 0), ne(var("tdp_enabled", 1), 0)
        width = var("kvm_host.maxphyaddr", 8)
        found, error = var(f"fault->pfn after {FAULT_IN.function}()", _U64), _KVM_PFN_ERR_MASK
        alias = ne(gfn & var("kvm->arch.gfn_direct_bits", _U64), 0)
        trace.check(CheckKind.WARN, any_of(negate(alias), ne(var("kvm->vm_bugged", 1), 0)))
        same_kind = iff(private, ne(var(f"{IS_PRIVATE.function}()", 1), 0))
        asked = all_of(negate(alias), self._compares_kinds(same_kind))
        apic_page = eq(var("fault->slot->id", 16), _APIC_ACCESS_PAGE)
        l2_runs = ne(var("vcpu->arch.hflags", _U32) & self.constants.HF_GUEST_MASK, 0)
        kept_from_l2 = all_of(with_slot, negate(going), apic_page, self._keeps_from(l2_runs))
        disabled = all_of(apic_page, eq(var("kvm_apicv_activated()", 1), 0))
        looks = all_of(with_slot, negate(self._waits_for(going)), negate(kept_from_l2), negate(disabled))
        retries, again = (ne(var(f"mmu_invalidate_retry_gfn_unsafe(){each}", 1), 0) for each in ("", "#2"))
        done = all_of(looks, negate(retries), eq(var(f"{FAULT_IN.function}()", _U32), 0), self._usable(found, error))
        none = eq(found, _NO_FRAME)
        trace.check(CheckKind.WARN, implies(all_of(asked, done), negate(none)))
        has_frame = all_of(done, negate(none), negate(again))
        as_mmio = all_of(
            any_of(negate(with_slot), kept_from_l2, all_of(done, none)),
            self._may_be_private(private),
            caches,
            self._narrow(gfn, ite(with_tdp, width, bv(_LARGEST_WIDTH, 8))),
        )
        sought = all_of(asked, looks, negate(retries))
        shared = negate(private)
        unmapped = all_of(
            any_of(negate(with_slot), kept_from_l2, all_of(done, none)),
            shared,
            negate(all_of(caches, self._narrow(gfn, ite(with_tdp, width, bv(_LARGEST_WIDTH, 8))))),
        )
        disabled_page = all_of(with_slot, negate(going), negate(kept_from_l2), disabled)
        read_only = all_of(looks, negate(retries), eq(var(f"{FAULT_IN.function}()", _U32), 0), eq(found, error + 2))
        handed_on = all_of(looks, negate(retries), eq(var(f"{FAULT_IN.function}()", _U32), _EMULATE))
        emulates = all_of(
            asked, any_of(unmapped, disabled_page, all_of(read_only, self._emulates_read_only()), handed_on)
        )
        # The shift that makes the largest frame.
        noslot = all_of(asked, any_of(negate(with_slot), kept_from_l2, all_of(done, none)), negate(private), caches)
        small = ult(width - self.constants.PAGE_SHIFT, _U64)
        trace.check(CheckKind.SHIFT, implies(all_of(noslot, with_tdp), small))
        return FrameFound(
            goes_on=all_of(asked, any_of(has_frame, as_mmio)),
            gfn=gfn,
            private=private,
            with_slot=with_slot,
            going=going,
            caches_mmio=caches,
            with_tdp=with_tdp,
            width=width,
            pfn=ite(has_frame, found, bv(_NO_FRAME, _U64)),
            maps_slot=has_frame,
            other_kind=negate(same_kind),
            apic_page=apic_page,
            for_l2=l2_runs,
            apic_serves=ne(var("kvm_apicv_activated()", 1), 0),
            sought=sought,
            uncounted=self._counts_late(),
            kind_asked=negate(alias),
            kind_uncounted=self._asks_kind_first(),
            read_only=all_of(sought, eq(var(f"{FAULT_IN.function}()", _U32), 0), eq(found, error + 2)),
            emulates=emulates,
            evidence=trace.evidence,
        )

    def _compares_kinds(self, same: Bool) -> Bool:
        """Whether a fault is let on by whether it is for memory of the kind that its frame has."""
        return same

    def _keeps_from(self, l2_runs: Bool) -> Bool:
        """Whether the page of L1's APIC is kept from whoever runs."""
        return l2_runs

    def _counts_late(self) -> Bool:
        """Whether a fault gets the count of what was taken away only after its frame has been looked for."""
        return FALSE

    def _asks_kind_first(self) -> Bool:
        """Whether it is asked of which kind the memory is before the fault has that count."""
        return FALSE

    def _emulates_read_only(self) -> Bool:
        """Whether a write is emulated where nobody may write."""
        return TRUE

    def _waits_for(self, going: Bool) -> Bool:
        """Whether a fault waits until its slot is deleted or moved."""
        return going

    def _usable(self, found: BitVec, error: int) -> Bool:
        """Whether a frame was found, or none; an error is not mapped."""
        return eq(found & error, 0)

    def _may_be_private(self, private: Bool) -> Bool:
        """Whether a fault on no slot may become MMIO."""
        return negate(private)

    def _narrow(self, gfn: BitVec, width: BitVec) -> Bool:
        """Whether a frame is one of those that physical addresses of so many bits have."""
        frames = bv(1, _U64) << zext(width - self.constants.PAGE_SHIFT, _U64)
        return ule(gfn, frames - 1)
