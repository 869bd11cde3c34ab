"""From an error code to what a handler of page faults is told in Linux 7.2.13."""

from __future__ import annotations

from mmuproof.model.cuts.faults import FIND_SLOT, HANDLERS
from mmuproof.model.faults import FaultHandedOn, Faults, FaultTold, FaultWalked, PreFaulted
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.cpu_role import CPU_ROLE_BITS, PAGE_ROLE_BITS, role_flag
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import (
    FALSE,
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
    extract,
    ite,
    ne,
    negate,
    sext,
    slt,
    ult,
    var,
    zext,
)

_U64, _LEVEL_BITS, _LEVEL_SHIFT = 64, 8, 9
_KVM_MAX_HUGEPAGE_LEVEL = 3


class ReferenceFaults(ReferenceArea, Faults):
    """``kvm_mmu_do_page_fault()``."""

    def handed_on(self, *, tdp: bool) -> FaultHandedOn:
        """See `Faults.handed_on`."""
        c, trace = self.constants, Trace("kvm_mmu_do_page_fault")
        for cut in (HANDLERS[0 if tdp else 1], FIND_SLOT[0]):
            trace.cut(cut)
        addr, error_code, prefetch = var("addr", _U64), var("error_code", _U64), bool_var("prefetch")
        direct = role_flag(var("vcpu->arch.root_mmu.root_role", PAGE_ROLE_BITS), "direct")
        alias_bits = var("kvm->arch.gfn_direct_bits", _U64)
        gfn = self._without_alias(addr >> c.PAGE_SHIFT, alias_bits)

        def says(mask: int) -> Bool:
            return ne(error_code & mask, 0)

        told = FaultTold(
            addr=addr,
            error_code=error_code,
            gfn=ite(direct, gfn, bv(0, _U64)),
            exec=says(c.PFERR_FETCH_MASK),
            write=says(self._write_mask()),
            present=says(c.PFERR_PRESENT_MASK),
            rsvd=says(c.PFERR_RSVD_MASK),
            user=says(self._user_mask()),
            prefetch=prefetch,
            is_tdp=boolean(tdp),
            is_private=says(self._private_mask()),
            nx_huge_page_workaround_enabled=self._mitigated(),
            huge_page_disallowed=FALSE,
            map_writable=FALSE,
            write_fault_to_shadow_pgtable=FALSE,
            max_level=bv(_KVM_MAX_HUGEPAGE_LEVEL, _LEVEL_BITS),
            req_level=bv(c.PG_LEVEL_4K, _LEVEL_BITS),
            goal_level=bv(self._goal_level(), _LEVEL_BITS),
        )
        return FaultHandedOn(
            addr=addr,
            error_code=error_code,
            prefetch=prefetch,
            direct=direct,
            alias_bits=alias_bits,
            mitigated=all_of(ne(var("nx_huge_pages", 32), 0), eq(var("kvm->arch.disable_nx_huge_pages", 1), 0)),
            handed_on=TRUE,
            told=told,
            slot_gfn=gfn,
            looked_up=direct,
            evidence=trace.evidence,
        )

    def walked(self, gpte_format: GpteFormat) -> FaultWalked:
        """See `Faults.walked`."""
        c, name, ept = self.constants, gpte_format.value, gpte_format is GpteFormat.EPT
        trace = Trace(f"{name}_page_fault")
        walk = f"after {name}_walk_addr()"
        # The walk has brought it up to date.
        mmu = "vcpu->arch.guest_mmu.cpu_role" if ept else f"vcpu->arch.root_mmu.cpu_role {walk}"
        role = var(mmu, CPU_ROLE_BITS)
        gfn, level = var(f"walker.gfn {walk}", _U64), var(f"walker.level {walk}", 32)
        granted, walked = var(f"walker.pte_access {walk}", 32), ne(var(f"{name}_walk_addr()", 32), 0)
        present, write, user, reserved = (
            bit(var(f"fault->{each}", 1), 0) for each in ("present", "write", "user", "rsvd")
        )
        prefetch = bit(var("fault->prefetch", 1), 0)
        gives = negate(any_of(walked, self._gives_ahead(prefetch)))
        asks = all_of(walked, self._may_be_tracked(present), write, negate(reserved))
        is_tracked = bit(var("kvm_gfn_is_write_tracked()", 1), 0)
        goes_on = all_of(
            walked,
            negate(all_of(asks, is_tracked)),
            *(eq(var(f"{each}()", 32), 0) for each in ("mmu_topup_memory_caches", "kvm_mmu_faultin_pfn")),
            eq(var("make_mmu_pages_available()", 32), 0),
            negate(bit(var("is_page_fault_stale()", 1), 0)),
        )
        # A frame that is found to be none of guest memory has no slot any more.
        has_slot = negate(bool_var("fault->slot after kvm_mmu_faultin_pfn() == NULL"))
        found_level = var("fault->max_level after kvm_mmu_faultin_pfn()", _LEVEL_BITS)
        wp, smep = role_flag(role, "cr0_wp"), role_flag(role, "cr4_smep")
        ignores = all_of(write, eq(granted & c.ACC_WRITE_MASK, 0), negate(wp), negate(user), has_slot)
        unsafe = ite(smep, bv(c.ACC_EXEC_MASK, 32), bv(0, 32)) | self._of_users()
        access = granted if ept else ite(ignores, (granted | c.ACC_WRITE_MASK) & ~unsafe, granted)
        return FaultWalked(
            function=f"{name}_page_fault",
            present=present,
            write=write,
            user=user,
            reserved=reserved,
            cr0_wp=wp,
            cr4_smep=smep,
            addr=var("fault->addr", _U64),
            error_code=var("fault->error_code", _U64),
            prefetch=prefetch,
            walk_addr=self._walked_address(var("fault->addr", _U64)),
            walk_access=self._walked_access(var("fault->error_code", _U64)) & ~c.PFERR_RSVD_MASK,
            walked=walked,
            gives_up=all_of(gives, self._gives_as_it_is()),
            gives=gives,
            walked_gfn=gfn,
            walked_level=level,
            walked_access=granted,
            slot_gfn=gfn,
            tracked_gfn=gfn,
            asks=asks,
            tracked=is_tracked,
            searched_level=self._largest(level),
            found_level=found_level,
            fills=goes_on,
            gfn=gfn,
            max_level=found_level,
            has_slot=has_slot,
            access=access,
            emulates=is_tracked,
            noted_otherwise=all_of(goes_on, self._notes_otherwise()),
            evidence=trace.evidence,
        )

    def _walked_address(self, addr: BitVec) -> BitVec:
        return addr

    def _walked_access(self, error_code: BitVec) -> BitVec:
        return error_code

    def _gives_ahead(self, prefetch: Bool) -> Bool:
        """Whether a guest is spared a fault, by whether nobody waits for the page."""
        return prefetch

    def _gives_as_it_is(self) -> Bool:
        """Whether the guest gets what the walk has left."""
        return TRUE

    def _notes_otherwise(self) -> Bool:
        """Whether what the walk has noted of the way down is another when SPTEs are filled in."""
        return FALSE

    def pre_faulted(self) -> PreFaulted:
        """See `Faults.pre_faulted`."""
        c, asked, alias_bits = self.constants, var("range->gpa", _U64), var("kvm->arch.gfn_direct_bits", _U64)
        trace, gfn, level = Trace("kvm_arch_vcpu_pre_fault_memory"), asked >> c.PAGE_SHIFT, self._mapped_level()
        maps = all_of(
            bit(var("kvm->arch.pre_fault_allowed", 1), 0),
            self._is_no_alias(gfn, alias_bits),
            eq(var("kvm_mmu_reload()", 32), 0),
        )
        private = all_of(maps, bit(var("kvm->arch.has_private_mem", 1), 0), bit(var("kvm_mem_is_private()", 1), 0))
        size, result = var("range->size", _U64), var("kvm_tdp_page_prefault()", 32)
        page = bv(1, _U64) << (c.PAGE_SHIFT + (zext(level, _U64) - 1) * _LEVEL_SHIFT)
        left = self._end(asked, page) - asked
        final = bv(c.PFERR_GUEST_FINAL_MASK, _U64)
        return PreFaulted(
            asked=asked,
            alias_bits=alias_bits,
            private=private,
            private_gfn=gfn,
            maps=maps,
            addr=asked | ite(private, bv(0, _U64), self._shared(alias_bits << c.PAGE_SHIFT)),
            error_code=ite(private, final | c.PFERR_PRIVATE_ACCESS, final),
            level=level,
            size=size,
            result=result,
            answer=ite(slt(result, bv(0, 32)), sext(result, _U64), ite(ult(left, size), left, size)),
            evidence=trace.evidence,
        )

    def _end(self, asked: BitVec, page: BitVec) -> BitVec:
        """Where what has been mapped ends, by the address and the size of the page."""
        return (asked & ~(page - 1)) + page

    def _mapped_level(self) -> BitVec:
        return var("level after kvm_tdp_page_prefault()", _LEVEL_BITS)

    def _is_no_alias(self, gfn: BitVec, alias_bits: BitVec) -> Bool:
        """``!kvm_is_gfn_alias()``."""
        return eq(gfn & alias_bits, 0)

    def _shared(self, alias: BitVec) -> BitVec:
        """The bits of a GPA that is shared memory's."""
        return alias

    def _may_be_tracked(self, present: Bool) -> Bool:
        """Whether a fault may be one because writes to its frame are tracked."""
        return present

    def _of_users(self) -> BitVec:
        """What user mode may not do with a page that the kernel writes because CR0.WP is clear."""
        return bv(self.constants.ACC_USER_MASK, 32)

    def _largest(self, level: BitVec) -> BitVec:
        """The largest level at which a page may be mapped: the guest's."""
        return extract(level, _LEVEL_BITS - 1, 0)

    def _write_mask(self) -> int:
        return self.constants.PFERR_WRITE_MASK

    def _user_mask(self) -> int:
        return self.constants.PFERR_USER_MASK

    def _private_mask(self) -> int:
        return self.constants.PFERR_PRIVATE_ACCESS

    def _goal_level(self) -> int:
        return self.constants.PG_LEVEL_4K

    def _mitigated(self) -> Bool:
        """``is_nx_huge_page_enabled()``."""
        return all_of(ne(var("nx_huge_pages", 32), 0), eq(var("kvm->arch.disable_nx_huge_pages", 1), 0))

    def _without_alias(self, gfn: BitVec, alias_bits: BitVec) -> BitVec:
        """``kvm_gfn_direct_bits()`` are no part of what a memory slot is looked up by."""
        return gfn & ~alias_bits
