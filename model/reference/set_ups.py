"""Set-ups of a vCPU's MMUs one after the other, as Linux 7.2.13 does them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import (
    CPU_ROLE_BITS,
    PAGE_ROLE_BITS,
    Mmu,
    role_flag,
    role_value,
    with_role_flag,
)
from mmuproof.model.reference.reserved_bits import ReferenceReservedBits, Table
from mmuproof.model.reference.roles import CONTEXTS, HeldRoles, ReferenceRoles
from mmuproof.model.reference.walks.permission_tables import metadata_if
from mmuproof.model.reference.walks.walks import ReferenceWalks
from mmuproof.model.reserved_bits import MmuKind, MmuRequest
from mmuproof.model.set_ups import (
    FUNCTIONS,
    HANDLER_BEFORE,
    LEVELS,
    NO_HANDLER,
    OF_TABLES,
    BuiltSetUp,
    EntryTable,
    MmuSetUp,
    SetUpCall,
    SetUps,
    TableFormat,
    WalkSetUp,
    format_of,
    handler_number,
    mask_name,
)
from mmuproof.model.walks import PagingMetadata, WalkKind
from mmuproof.smt.graph import substitute
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, Term, all_of, any_of, bit, bv, eq, ite, ne, negate, var

_HANDLERS = ("get_guest_pgd", "get_pdptr", "gva_to_gpa", "inject_page_fault", "page_fault", "sync_spte")
_WALKS: Mapping[MmuKind, WalkKind] = {MmuKind.NESTED_EPT: WalkKind.NESTED_EPT, MmuKind.NESTED_NPT: WalkKind.NESTED_NPT}


@dataclass(frozen=True, kw_only=True)
class _Held:
    """``struct kvm_mmu``."""

    roles: HeldRoles
    handlers: Mapping[str, BitVec]
    metadata: PagingMetadata
    of_guest: Table
    of_sptes: Table


class ReferenceSetUps(ReferenceArea, SetUps):
    """The functions that set MMUs up: each MMU is left as it is if it has the wanted roles.

    Args:
        constants: the kernel's numbers.
        roles: what makes the roles.
        walks: what makes the permissions.
        reserved_bits: what makes the tables of reserved bits.
    """

    def __init__(
        self, constants: Constants, roles: ReferenceRoles, walks: ReferenceWalks, reserved_bits: ReferenceReservedBits
    ) -> None:
        super().__init__(constants)
        self._roles, self._walks, self._reserved_bits = roles, walks, reserved_bits

    def after(self, calls: Sequence[SetUpCall], masks: ShadowMasks, *, world: str = "") -> MmuSetUp:
        """See `SetUps.after`."""
        kind = calls[-1].kind
        held, evidence = self._before(kind, f" after {world}" if world else ""), Evidence()
        for call in calls:
            # The MMUs have nothing in common.
            if CONTEXTS[call.kind] == CONTEXTS[kind]:
                held, seen = self._set_up(call, held, masks)
                evidence += seen
        roles = held.roles
        return MmuSetUp(
            handlers=held.handlers,
            formats={name: _format(held.handlers[name]) for name in OF_TABLES if name in held.handlers},
            walk=WalkSetUp(
                role=roles.cpu,
                level=role_value(roles.cpu, "level"),
                permissions=held.metadata.permissions,
                pkru_mask=held.metadata.pkru_mask,
                reserved=_entries(held.of_guest),
            ),
            built=None
            if kind is MmuKind.L2
            else BuiltSetUp(
                role=roles.root, level=role_value(roles.root, "level"), reserved=_entries(held.of_sptes), permissions=()
            ),
            evidence=evidence,
        )

    def _mmu(self, kind: MmuKind, roles: HeldRoles) -> Mmu:
        walk, prefix = _WALKS.get(kind, WalkKind.GUEST), f"vcpu->arch.{CONTEXTS[kind]}."
        return Mmu(kind=walk, vcpu="vcpu", prefix=prefix, cpu_role=roles.cpu, root_role=roles.root)

    def _before(self, kind: MmuKind, tag: str) -> _Held:
        """``kvm_mmu_after_set_cpuid()``: anything, but no role is valid."""
        prefix = f"vcpu->arch.{CONTEXTS[kind]}."
        cpu, root = var(f"{prefix}cpu_role{tag}", CPU_ROLE_BITS), var(f"{prefix}root_role{tag}", PAGE_ROLE_BITS)
        return _Held(
            roles=HeldRoles(self._invalidated(kind, cpu), with_role_flag(root, "invalid", TRUE)),
            handlers=dict.fromkeys(_HANDLERS, bv(HANDLER_BEFORE, 32)),
            metadata=PagingMetadata(
                tuple(var(f"{prefix}permissions[{index}]{tag}", 16) for index in range(self._walks.permissions_length)),
                var(f"{prefix}pkru_mask{tag}", 32),
            ),
            of_guest=_any_table(f"{prefix}guest_rsvd_check", tag),
            of_sptes=_any_table(f"{prefix}shadow_zero_check", tag),
        )

    def _invalidated(self, kind: MmuKind, role: BitVec) -> BitVec:
        """What becomes of a CPU role when CPUID changes."""
        return with_role_flag(role, "valid", FALSE)

    def _set_up(self, call: SetUpCall, held: _Held, masks: ShadowMasks) -> tuple[_Held, Evidence]:
        before = self._mmu(call.kind, held.roles)
        free_mode: dict[Term, Term] = {var("vcpu->arch.hflags", 32): call.hflags}
        wanted, evidence = self._roles.set_up_once(
            before, call.kind, held.roles, call.request, self._roles.inputs(before), masks
        )
        wanted = HeldRoles(substitute(wanted.cpu, free_mode), substitute(wanted.root, free_mode))
        changed = self._differ(call.kind, wanted, held.roles)
        mmu, paging = self._mmu(call.kind, wanted), ne(role_value(wanted.cpu, "level"), 0)
        metadata, seen = (
            self._walks.shadow_ept_metadata(mmu)
            if call.kind is MmuKind.NESTED_EPT
            else self._walks.reset_guest_paging_metadata(mmu, held.metadata, changed)
        )
        handlers = self._handlers(call.kind, call.request, wanted.cpu, held.handlers["sync_spte"])
        either = self._reserved_bits.either
        after = _Held(
            roles=HeldRoles(ite(changed, wanted.cpu, held.roles.cpu), ite(changed, wanted.root, held.roles.root)),
            handlers={
                name: ite(changed, handlers[name], former) if name in handlers else former
                for name, former in held.handlers.items()
            },
            metadata=metadata_if(changed, metadata, held.metadata),
            of_guest=either(all_of(changed, paging), self._guest_table(call, wanted.cpu), held.of_guest),
            of_sptes=either(
                all_of(changed, self._makes_spte_table(call.kind, paging)),
                self._spte_table(call, wanted.root, masks),
                held.of_sptes,
            ),
        )
        return after, Evidence((), (*evidence.steps, *seen.steps), evidence.cuts)

    def _differ(self, kind: MmuKind, wanted: HeldRoles, present: HeldRoles) -> Bool:
        """Whether an MMU has to be set up: one of its roles is another than it has; an unused one never is."""
        return any_of(ne(wanted.cpu, present.cpu), ne(wanted.root, present.root))

    # -- handlers --------------------------------------------------------------------------------------

    def _handlers(self, kind: MmuKind, request: MmuRequest, role: BitVec, sync: BitVec) -> Mapping[str, BitVec]:
        """What a set-up sets, in place of ``sync``; L2's walk is chosen by the registers, the others by the role."""
        if kind is MmuKind.NESTED_EPT:
            return {name: _function(f"ept_{name}") for name in ("page_fault", "gva_to_gpa", "sync_spte")}
        paging = ne(role_value(role, "level"), 0)
        if kind is MmuKind.L2:
            paging = ne(request.cr0 & self.constants.X86_CR0_PG, 0)
        wide = self._is_wide(kind, request, role)
        found = {"gva_to_gpa": self._walk_of(kind, paging, wide, role), "sync_spte": bv(NO_HANDLER, 32)}
        if kind is MmuKind.TDP:
            found["page_fault"] = _function("kvm_tdp_page_fault")
        elif kind is not MmuKind.L2:
            found["page_fault"] = self._shadow_fault(kind, paging, wide)
            found["sync_spte"] = self._shadow_sync(paging, wide, sync)
        if kind is not MmuKind.NESTED_NPT:
            found |= {
                "get_guest_pgd": _function("get_guest_cr3"),
                "get_pdptr": _function("kvm_pdptr_read"),
                "inject_page_fault": _function("kvm_inject_page_fault"),
            }
        return found

    def _is_wide(self, kind: MmuKind, request: MmuRequest, role: BitVec) -> Bool:
        """Whether the guest's entries have eight bytes."""
        c = self.constants
        if kind is not MmuKind.L2:
            return negate(role_flag(role, "has_4_byte_gpte"))
        return any_of(ne(request.efer & c.EFER_LMA, 0), ne(request.cr4 & c.X86_CR4_PAE, 0))

    def _walk_of(self, kind: MmuKind, paging: Bool, wide: Bool, role: BitVec) -> BitVec:
        return _by_mode(paging, wide, "gva_to_gpa")

    def _shadow_fault(self, kind: MmuKind, paging: Bool, wide: Bool) -> BitVec:
        return _by_mode(paging, wide, "page_fault")

    def _shadow_sync(self, paging: Bool, wide: Bool, before: BitVec) -> BitVec:
        """What syncs an SPTE with the guest's entry, whatever did ``before``; without paging there is none."""
        return ite(paging, ite(wide, _function("paging64_sync_spte"), _function("paging32_sync_spte")), NO_HANDLER)

    # -- tables ----------------------------------------------------------------------------------------

    def _guest_table(self, call: SetUpCall, role: BitVec) -> Table:
        reserved = var("vcpu->arch.reserved_gpa_bits", 64)
        if call.kind is MmuKind.NESTED_EPT:
            return self._reserved_bits.reset_rsvds_bits_mask_ept(
                reserved, call.request.execonly, var("huge_page_level", 32)
            )
        return self._reserved_bits.reset_rsvds_bits_mask(
            reserved,
            role_value(role, "level"),
            nx=role_flag(role, "efer_nx"),
            gbpages=self._reserved_bits.guest_gbpages(),
            pse=role_flag(role, "cr4_pse"),
            amd=bit(var("vcpu->arch.is_amd_compatible", 1), 0),
        )

    def _makes_spte_table(self, kind: MmuKind, paging: Bool) -> Bool:
        """Whether the table of SPTEs is made anew with the roles: always."""
        return TRUE

    def _spte_table(self, call: SetUpCall, role: BitVec, masks: ShadowMasks) -> Table:
        return self._reserved_bits.spte_table(
            call.kind,
            masks,
            role_value(role, "level"),
            nx=role_flag(role, "efer_nx"),
            execonly=call.request.execonly,
            gbpages=self._reserved_bits.guest_gbpages(),
        )


def _function(name: str) -> BitVec:
    return bv(handler_number(name), 32)


def _format(handler: BitVec) -> BitVec:
    """For which tables the function is made that a handler's number stands for."""
    found = ite(eq(handler, NO_HANDLER), bv(TableFormat.NONE, 8), bv(TableFormat.BEFORE, 8))
    for name in FUNCTIONS:
        made_for = format_of(name)
        assert made_for is not None
        found = ite(eq(handler, handler_number(name)), bv(made_for, 8), found)
    return found


def _by_mode(paging: Bool, wide: Bool, what: str) -> BitVec:
    """The function of a kind for the guest's paging mode."""
    paged = ite(wide, _function(f"paging64_{what}"), _function(f"paging32_{what}"))
    return ite(paging, paged, _function(f"nonpaging_{what}"))


def _any_table(prefix: str, tag: str) -> Table:
    masks = {
        (bit7, level): var(f"{prefix}.{mask_name(bit7, level)}{tag}", 64)
        for bit7 in (False, True)
        for level in range(1, LEVELS + 1)
    }
    return Table(masks, var(f"{prefix}.bad_mt_xwr{tag}", 64))


def _entries(table: Table) -> EntryTable:
    masks = {mask_name(*key): table.rsvd_bits_mask[key] for key in sorted(table.rsvd_bits_mask)}
    return EntryTable(masks, table.bad_mt_xwr)
