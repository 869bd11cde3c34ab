"""Software walks of guest page tables: MMUs with their metadata, and ``permission_fault()``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.model.cuts.walks import GET_RFLAGS
from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import (
    CPU_ROLE,
    CPU_ROLE_BITS,
    PAGE_ROLE_BITS,
    Mmu,
    role_field,
    role_flag,
    role_value,
    with_role_flag,
)
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.reference.walks.permission_tables import PermissionTables, metadata_if
from mmuproof.model.walks import GuestWalk, PagingMetadata, PermissionFault, WalkKind
from mmuproof.smt.terms import (
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bv,
    eq,
    extract,
    iff,
    implies,
    ite,
    ne,
    negate,
    to_bv,
    ult,
    var,
    zext,
)

_U8, _U16, _U32, _U64 = 8, 16, 32, 64


class GuestWalks(PermissionTables):
    """``permission_fault()`` and what it needs: an MMU, its metadata, and the vCPU's registers."""

    def __init__(self, constants: Constants | None = None) -> None:
        super().__init__(constants)
        self._known_walks: dict[tuple[WalkKind, str, BitVec | None], GuestWalk] = {}

    @property
    def has_gmet(self) -> bool:
        """See `Walks.has_gmet`."""
        return True

    @property
    def role_access_bits(self) -> int:
        """See `Walks.role_access_bits`."""
        return role_field("access").width

    # -- an MMU ----------------------------------------------------------------------------------------

    def guest_walk(self, kind: WalkKind, *, world: str = "", role: BitVec | None = None) -> GuestWalk:
        """See `Walks.guest_walk`."""
        key = (kind, world, role)
        if key not in self._known_walks:
            self._known_walks[key] = self._new_walk(self._mmu(kind, world, role))
        return self._known_walks[key]

    def _mmu(self, kind: WalkKind, world: str, role: BitVec | None) -> Mmu:
        tag = f" of {world}" if world else ""
        vcpu = f"vcpu{tag}"
        prefix = f"mmu{tag}->" if kind is WalkKind.GUEST else f"{vcpu}->arch.guest_mmu."
        cpu_role = var(f"{prefix}cpu_role", CPU_ROLE_BITS) if role is None else role
        # The kvm_init_shadow_*_mmu() of nested MMUs make the root role from the CPU role's base.
        base = extract(cpu_role, PAGE_ROLE_BITS - 1, 0)
        root_role = var(f"{prefix}root_role", PAGE_ROLE_BITS) if kind is WalkKind.GUEST else base
        return Mmu(kind=kind, vcpu=vcpu, prefix=prefix, cpu_role=cpu_role, root_role=root_role)

    def _new_walk(self, mmu: Mmu) -> GuestWalk:
        before = self._free_metadata(mmu)
        if mmu.kind is WalkKind.NESTED_EPT:
            metadata, evidence = self.shadow_ept_metadata(mmu)
        else:
            metadata, evidence = self.reset_guest_paging_metadata(mmu, before)
        return self._walk(mmu, before, metadata, evidence)

    def _free_metadata(self, mmu: Mmu) -> PagingMetadata:
        """What an MMU holds before KVM computes anything."""
        return PagingMetadata(
            tuple(var(f"{mmu.prefix}permissions[{index}]", _U16) for index in range(self.permissions_length)),
            var(f"{mmu.prefix}pkru_mask", _U32),
        )

    def _walk(self, mmu: Mmu, before: PagingMetadata, metadata: PagingMetadata, evidence: Evidence) -> GuestWalk:
        flags = {field.name: role_value(mmu.cpu_role, field.name) for field in CPU_ROLE}
        return GuestWalk(
            kind=mmu.kind,
            role=mmu.cpu_role,
            flags=flags,
            before=before,
            metadata=metadata,
            evidence=evidence,
            state=mmu,
        )

    def shadow_ept_metadata(self, mmu: Mmu) -> tuple[PagingMetadata, Evidence]:
        """What ``kvm_init_shadow_ept_mmu()`` computes; EPT has no protection keys."""
        trace = Trace("update_permission_bitmask")
        permissions = self.update_permission_bitmask(mmu, tdp=True, ept=True, trace=trace)
        return PagingMetadata(permissions, bv(0, _U32)), trace.evidence

    # -- permission_fault() ------------------------------------------------------------------------------

    def permission_fault(
        self, walk: GuestWalk, pte_access: BitVec, pte_pkey: BitVec, access: BitVec
    ) -> PermissionFault:
        """See `Walks.permission_fault`."""
        mmu = walk.state
        assert isinstance(mmu, Mmu)
        c = self.constants
        mmu, metadata, refreshed = self.refresh_passthrough_bits(mmu, walk.metadata)
        trace = Trace("permission_fault")

        pfec = self._pfec(access, trace)
        rflags = var(f"{GET_RFLAGS.function}()", _U64)
        trace.cut(GET_RFLAGS)
        not_smap = self._not_smap(rflags, access)
        trace.step("not_smap", to_bv(not_smap))
        index = trace.step("index", self._permission_index(pfec, not_smap))
        trace.check(CheckKind.INDEX, ult(index, self.permissions_length))
        trace.check(CheckKind.SHIFT, ult(pte_access, _U32))
        row = trace.step("permissions[index]", _element(metadata.permissions, index))
        by_rights = bit(zext(row, _U32) >> pte_access, 0)

        pkru = var(f"{mmu.vcpu}->arch.pkru", _U32)
        pkru_bits = self._pkru_bits(metadata.pkru_mask, pkru, pfec, pte_access, pte_pkey, trace)

        fault = any_of(by_rights, ne(pkru_bits, 0))
        trace.step("fault", to_bv(fault))
        error_code = trace.step("errcode", self._error_code(pkru_bits))
        return PermissionFault(
            error_code=trace.step("permission_fault()", ite(fault, error_code, bv(0, _U8))),
            eflags_ac=ne(rflags & c.X86_EFLAGS_AC, 0),
            pkru=pkru,
            cr0_wp=role_flag(mmu.cpu_role, "cr0_wp"),
            evidence=walk.evidence + refreshed + trace.evidence,
        )

    def _pfec(self, access: BitVec, trace: Trace) -> BitVec:
        """The bits of an error code that choose the element; SS is dropped, any other bit is warned of and dropped."""
        c = self.constants
        asked = extract(access, _U32 - 1, 0) & ~c.PFERR_SS_MASK
        trace.check(CheckKind.WARN, eq(asked, asked & self._judged))
        return trace.step("pfec", self._dropped(asked))

    @property
    def _judged(self) -> int:
        """The bits of which ``permissions[]`` knows."""
        c = self.constants
        return c.PFERR_PRESENT_MASK | c.PFERR_WRITE_MASK | c.PFERR_USER_MASK | c.PFERR_FETCH_MASK

    def _dropped(self, asked: BitVec) -> BitVec:
        """An error code without the bits that were warned of."""
        return asked & self._judged

    def refresh_passthrough_bits(self, mmu: Mmu, metadata: PagingMetadata) -> tuple[Mmu, PagingMetadata, Evidence]:
        """``kvm_mmu_refresh_passthrough_bits()``: with TDP, a guest may have changed CR0.WP on its own."""
        if mmu.is_guest_mmu:
            return mmu, metadata, Evidence()
        tdp_enabled = bit(var("tdp_enabled", 1), 0)
        cr0 = var(f"{mmu.vcpu}->arch.cr0", _U64)
        role_wp, vcpu_wp = role_flag(mmu.cpu_role, "cr0_wp"), ne(cr0 & self.constants.X86_CR0_WP, 0)
        stale = all_of(tdp_enabled, negate(iff(role_wp, vcpu_wp)))
        current = ite(tdp_enabled, vcpu_wp, role_wp)
        mmu = replace(mmu, cpu_role=with_role_flag(mmu.cpu_role, "cr0_wp", current))
        fresh, evidence = self.reset_guest_paging_metadata(mmu, metadata, stale)
        return mmu, metadata_if(stale, fresh, metadata), evidence

    def _not_smap(self, rflags: BitVec, access: BitVec) -> Bool:
        """Whether SMAP does not apply: EFLAGS.AC lifts it, but not for implicit accesses."""
        implicit_access = ne(access & self.constants.PFERR_IMPLICIT_ACCESS, 0)
        return all_of(ne(rflags & self.constants.X86_EFLAGS_AC, 0), negate(implicit_access))

    def _permission_index(self, pfec: BitVec, not_smap: Bool) -> BitVec:
        """The element of ``permissions[]``: the error code without P, and with "no SMAP" for RSVD."""
        return (pfec | ite(not_smap, bv(self.constants.PFERR_RSVD_MASK, _U32), 0)) >> 1

    def _pkru_bits(
        self, pkru_mask: BitVec, pkru: BitVec, pfec: BitVec, pte_access: BitVec, pte_pkey: BitVec, trace: Trace
    ) -> BitVec:
        """Two bits, WD and AD of the page's key, of which those are left that forbid the access."""
        c = self.constants
        used = ne(pkru_mask, 0)
        first = pte_pkey << 1
        of_user_page = ite(ne(pte_access & c.PT_USER_MASK, 0), bv(c.PFERR_RSVD_MASK, _U32), 0)
        offset = pfec & ~c.PFERR_PRESENT_MASK | of_user_page
        trace.check(CheckKind.SHIFT, implies(used, ult(first, _U32)))
        trace.check(CheckKind.SHIFT, implies(used, ult(offset, _U32)))
        bits = extract((pkru >> first) & (pkru_mask >> offset), 1, 0)
        return trace.step("pkru_bits", ite(used, bits, 0), used)

    def _error_code(self, pkru_bits: BitVec) -> BitVec:
        """What a fault reports: a protection violation, and whether a protection key forbade the access."""
        c = self.constants
        key = ite(ne(pkru_bits, 0), bv(c.PFERR_PK_MASK, _U8), 0)
        return key | c.PFERR_PRESENT_MASK


def _element(items: Sequence[BitVec], index: BitVec) -> BitVec:
    """``items[index]``; out of range, the first."""
    found = items[0]
    for number, item in enumerate(items[1:], 1):
        found = ite(eq(index, number), item, found)
    return found
