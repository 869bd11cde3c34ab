"""Roles: those that Linux 7.2.13 gives to MMUs, and how a direct page comes by its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from mmuproof.model.cuts import roles as cuts
from mmuproof.model.cuts.walks import GET_TDP_LEVEL
from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.base.cpu_role import (
    CPU_ROLE,
    CPU_ROLE_BITS,
    PAGE_ROLE_BITS,
    Mmu,
    role_flag,
    role_of,
    role_value,
    with_role_flag,
)
from mmuproof.model.reference.base.trace import Trace
from mmuproof.model.reference.walks.nested_mmus import Members as Chosen
from mmuproof.model.reference.walks.nested_mmus import NestedMmus
from mmuproof.model.reserved_bits import MmuKind, MmuRequest
from mmuproof.model.roles import (
    AccessAsked,
    Descent,
    DirectMapping,
    Members,
    MmuRoles,
    PageMapped,
    RoleField,
    RoleInputs,
    Roles,
)
from mmuproof.model.walks import NestedControls, WalkKind
from mmuproof.smt.graph import substitute
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
    ite,
    ne,
    negate,
    to_bv,
    ult,
    var,
    zext,
)

_U32, _U64 = 32, 64
_LEVEL_BITS = 4
_PAE_LEVELS, _FOUR_LEVELS, _FIVE_LEVELS = 3, 4, 5
_FOUR_LEVELS_TRANSLATE = 48
_NO_SLOT = 1 << 63
"""KVM_PFN_NOSLOT: there is no memory."""
_SPTEP = var("&sptep", _U64)
CONTEXTS: Mapping[MmuKind, str] = MappingProxyType(
    {
        MmuKind.TDP: "root_mmu",
        MmuKind.SHADOW: "root_mmu",
        MmuKind.L2: "nested_mmu",
        MmuKind.NESTED_EPT: "guest_mmu",
        MmuKind.NESTED_NPT: "guest_mmu",
    }
)


@dataclass(frozen=True)
class HeldRoles:
    """The roles that an MMU has."""

    cpu: BitVec
    root: BitVec


class ReferenceRoles(ReferenceArea, Roles):
    """``kvm_calc_cpu_role()``, the functions that make a root role of it, and those that pass roles on.

    Args:
        constants: the kernel's numbers.
        nested: where the roles of nested MMUs are made.
    """

    def __init__(self, constants: Constants, nested: NestedMmus) -> None:
        super().__init__(constants)
        self._nested = nested

    # -- the set-up ------------------------------------------------------------------------------------

    def layout(self) -> tuple[RoleField, ...]:
        """See `Roles.layout`."""
        return CPU_ROLE

    def set_up(
        self, kind: MmuKind, earlier: MmuRequest, now: MmuRequest, masks: ShadowMasks, *, world: str = ""
    ) -> MmuRoles:
        """See `Roles.set_up`."""
        vcpu = f"vcpu of {world}" if world else "vcpu"
        prefix = f"{vcpu}->arch.{CONTEXTS[kind]}."
        mmu = Mmu(
            kind=WalkKind.GUEST,
            vcpu=vcpu,
            prefix=prefix,
            cpu_role=bv(0, CPU_ROLE_BITS),
            root_role=bv(0, PAGE_ROLE_BITS),
        )
        inputs = self.inputs(mmu)
        held = HeldRoles(
            with_role_flag(var(f"{prefix}cpu_role", CPU_ROLE_BITS), "valid", FALSE),
            var(f"{prefix}root_role", PAGE_ROLE_BITS),
        )
        evidence = Evidence()
        for request in (earlier, now):
            held, seen = self.set_up_once(mmu, kind, held, request, inputs, masks)
            evidence += seen
        return MmuRoles(
            cpu_role=held.cpu,
            cpu=_members(held.cpu, CPU_ROLE_BITS),
            root_role=held.root,
            root=_members(held.root, PAGE_ROLE_BITS),
            inputs=inputs,
            evidence=evidence,
        )

    def inputs(self, mmu: Mmu) -> RoleInputs:
        """What is free besides what is asked."""
        return RoleInputs(
            smm=self._nested.is_smm(mmu),
            guest_mode=self._nested.is_guest_mode(mmu),
            address_width=var(f"{mmu.vcpu}->arch.maxphyaddr", 8),
            forced_level=var("tdp_root_level", _U32),
            max_level=var("max_tdp_level", _U32),
            tdp_has_smep=bit(var(f"{cuts.TDP_HAS_SMEP.function}()", 1), 0),
            ad_enabled=bit(var("kvm_ad_enabled", 1), 0),
        )

    def set_up_once(
        self, mmu: Mmu, kind: MmuKind, held: HeldRoles, request: MmuRequest, inputs: RoleInputs, masks: ShadowMasks
    ) -> tuple[HeldRoles, Evidence]:
        """One set-up of the MMU: an MMU that has the wanted roles is left as it is."""
        if kind is MmuKind.NESTED_EPT:
            return self._set_up_nested_ept(mmu, held, request)
        if kind is MmuKind.NESTED_NPT:
            return self._set_up_nested_npt(mmu, request, inputs)
        trace = Trace("kvm_init_mmu")
        members = self.calc_cpu_role(mmu, self.vcpu_to_role_regs(request))
        cpu = trace.step("cpu_role", role_of(members, CPU_ROLE_BITS))
        if kind is MmuKind.L2:
            return HeldRoles(cpu, held.root), trace.evidence
        if kind is MmuKind.TDP:
            root = self.calc_tdp_mmu_root_page_role(members, inputs, masks)
            trace.cut(cuts.TDP_HAS_SMEP)
        else:
            root = self.shadow_root(members)
        return HeldRoles(cpu, trace.step("root_role", role_of(root, PAGE_ROLE_BITS))), trace.evidence

    def vcpu_to_role_regs(self, request: MmuRequest) -> MmuRequest:
        """``vcpu_to_role_regs()``: the bits of the registers that a role is made of."""
        c = self.constants
        cr4 = c.X86_CR4_PSE | c.X86_CR4_PAE | c.X86_CR4_LA57 | c.X86_CR4_SMEP | c.X86_CR4_SMAP | c.X86_CR4_PKE
        return replace(request, cr0=request.cr0 & (c.X86_CR0_PG | c.X86_CR0_WP), cr4=request.cr4 & cr4)

    def calc_cpu_role(self, mmu: Mmu, request: MmuRequest) -> Chosen:
        """``kvm_calc_cpu_role()``: without paging the role says little more than that."""
        c = self.constants
        paging = ne(request.cr0 & c.X86_CR0_PG, 0)
        cr0_wp = ne(request.cr0 & c.X86_CR0_WP, 0)
        paged = self._nested.calc_cpu_role(mmu, cr0_wp=cr0_wp, cr4=request.cr4, efer=request.efer)
        unpaged = self._unpaged(paged)
        members: dict[str, Bool | BitVec] = {}
        for name, value in paged.items():
            value = to_bv(value) if isinstance(value, Bool) else value
            other = unpaged.get(name, FALSE)
            other = to_bv(other, value.width) if isinstance(other, Bool) else other
            members[name] = ite(paging, value, other)
        return members

    def _unpaged(self, paged: Chosen) -> Chosen:
        """What is left of a role without paging."""
        return {**{name: paged[name] for name in ("access", "smm", "guest_mode", "valid")}, "direct": TRUE}

    def get_tdp_level(self, inputs: RoleInputs) -> BitVec:
        """``kvm_mmu_get_tdp_level()``: five levels only where four do not reach."""
        fits = ult(inputs.address_width, _FOUR_LEVELS_TRANSLATE + 1)
        own = ite(all_of(eq(inputs.max_level, _FIVE_LEVELS), fits), bv(_FOUR_LEVELS, _U32), inputs.max_level)
        return ite(ne(inputs.forced_level, 0), inputs.forced_level, own)

    def calc_tdp_mmu_root_page_role(self, members: Chosen, inputs: RoleInputs, masks: ShadowMasks) -> Chosen:
        """``kvm_calc_tdp_mmu_root_page_role()``: what is mapped for the guest does not depend on its registers."""
        return {
            "cr0_wp": TRUE,
            "efer_nx": TRUE,
            "direct": TRUE,
            "cr4_smep": self._tdp_smep(inputs),
            "smm": members["smm"],
            "guest_mode": members["guest_mode"],
            "ad_disabled": negate(inputs.ad_enabled),
            "level": extract(self.get_tdp_level(inputs), _LEVEL_BITS - 1, 0),
            "access": self._tdp_access(inputs, masks),
        }

    def _tdp_access(self, inputs: RoleInputs, masks: ShadowMasks) -> BitVec:
        """Everything; but a page that GMET lets a supervisor execute from is no user page."""
        c, width = self.constants, self._nested.role_access_bits
        return ite(self._supervisor_pages(inputs, masks), bv(c.ACC_ALL & ~c.ACC_USER_MASK, width), c.ACC_ALL)

    def _tdp_smep(self, inputs: RoleInputs) -> Bool:
        """Whether the role says that MBEC or GMET is on."""
        return inputs.tdp_has_smep

    def _supervisor_pages(self, inputs: RoleInputs, masks: ShadowMasks) -> Bool:
        """Whether direct pages are supervisor pages: under GMET, which uses U; EPT has none."""
        return all_of(inputs.tdp_has_smep, ne(masks.user, 0))

    def shadow_root(self, members: Chosen) -> Chosen:
        """What ``kvm_init_shadow_mmu()`` makes of a CPU role: KVM's own tables are at least PAE's, and use NX."""
        level = members["level"]
        assert isinstance(level, BitVec)
        return {**members, "level": self._shadow_level(level), "efer_nx": TRUE}

    def _shadow_level(self, level: BitVec) -> BitVec:
        """The level of KVM's tables for a guest whose own have ``level``."""
        return ite(ult(level, _PAE_LEVELS), bv(_PAE_LEVELS, _LEVEL_BITS), level)

    # -- nested ------------------------------------------------------------------------------------------

    def _set_up_nested_ept(self, mmu: Mmu, held: HeldRoles, request: MmuRequest) -> tuple[HeldRoles, Evidence]:
        trace = Trace("kvm_init_shadow_ept_mmu")
        trace.check(CheckKind.WARN, negate(self._nested.is_smm(mmu)))
        trace.check(CheckKind.WARN, self._nested.asks_for_levels_that_there_are(request.eptp))
        members = self._nested.shadow_ept_role(_controls(request), request.eptp)
        cpu = trace.step("new_mode", role_of(members, CPU_ROLE_BITS))
        changed = self._nested.ept_role_differs(cpu, held.cpu)
        before = Mmu(kind=mmu.kind, vcpu=mmu.vcpu, prefix=mmu.prefix, cpu_role=held.cpu, root_role=held.root)
        root = self._nested.shadow_ept_root(before, extract(cpu, PAGE_ROLE_BITS - 1, 0))
        return HeldRoles(ite(changed, cpu, held.cpu), ite(changed, root, held.root)), trace.evidence

    def _set_up_nested_npt(self, mmu: Mmu, request: MmuRequest, inputs: RoleInputs) -> tuple[HeldRoles, Evidence]:
        trace = Trace("kvm_init_shadow_npt_mmu")
        trace.check(CheckKind.WARN, self._nested.is_guest_mode(mmu))
        members = self._nested.shadow_npt_role(mmu, _controls(request))
        cpu = trace.step("cpu_role", role_of(members, CPU_ROLE_BITS))
        root = role_of({**members, **self._nested.npt_root(members)}, PAGE_ROLE_BITS)
        # Elsewhere the level is left open; here it is computed.
        level = var(f"{GET_TDP_LEVEL.function}()", _U32)
        return HeldRoles(cpu, substitute(root, {level: self.get_tdp_level(inputs)})), trace.evidence

    # -- pages -----------------------------------------------------------------------------------------

    def child_role(self, direct: Bool, access: BitVec) -> Descent:
        """See `Roles.child_role`."""
        trace = Trace("kvm_mmu_child_role")
        parent = var("parent->role", PAGE_ROLE_BITS)
        four_byte_gpte = role_flag(parent, "has_4_byte_gpte")
        level = role_value(parent, "level") - 1
        trace.check(CheckKind.WARN, negate(role_flag(parent, "invalid")))
        trace.check(CheckKind.WARN, any_of(negate(four_byte_gpte), eq(level, self.constants.PG_LEVEL_4K)))
        child: dict[str, Bool | BitVec] = {
            **_members(parent, PAGE_ROLE_BITS),
            "level": level,
            "direct": direct,
            "passthrough": FALSE,
            "invalid": FALSE,
            "quadrant": ite(four_byte_gpte, self._half(), role_value(parent, "quadrant")),
            "access": self._child_access(parent, access),
        }
        return self._descent(trace, parent, child)

    def _half(self) -> BitVec:
        """Which half of the guest's table a page shadows: the parity of the index of the SPTE above."""
        return zext(extract(_SPTEP, 3, 3), 2)

    def _child_access(self, parent: BitVec, access: BitVec) -> BitVec:
        """The access of a page below: the one that is asked for."""
        return extract(access, role_value(parent, "access").width - 1, 0)

    def tdp_child_role(self) -> Descent:
        """See `Roles.tdp_child_role`."""
        parent = var("parent->role", PAGE_ROLE_BITS)
        return self._descent(Trace("tdp_mmu_init_child_sp"), parent, self._tdp_child(parent))

    def _tdp_child(self, parent: BitVec) -> Chosen:
        """A page of the TDP MMU is as the one above."""
        return {**_members(parent, PAGE_ROLE_BITS), "level": role_value(parent, "level") - 1}

    def alloc_root(self, level: BitVec, quadrant: BitVec) -> Descent:
        """See `Roles.alloc_root`."""
        trace = Trace("mmu_alloc_root")
        wanted = var("vcpu->arch.root_mmu.root_role", PAGE_ROLE_BITS)
        four_byte_gpte, direct = role_flag(wanted, "has_4_byte_gpte"), role_flag(wanted, "direct")
        trace.check(CheckKind.WARN, any_of(eq(quadrant, 0), four_byte_gpte))
        trace.check(CheckKind.WARN, negate(all_of(direct, four_byte_gpte)))
        return self._descent(
            trace,
            wanted,
            {**self._root_page(wanted), "level": extract(level, 3, 0), "quadrant": extract(quadrant, 1, 0)},
        )

    def _root_page(self, wanted: BitVec) -> Chosen:
        """What a root page takes from its MMU's root role: everything."""
        return _members(wanted, PAGE_ROLE_BITS)

    def _descent(self, trace: Trace, parent: BitVec, members: Chosen) -> Descent:
        child = trace.step("role", role_of(members, PAGE_ROLE_BITS) | (parent & _unnamed_bits()))
        above, below = (_members(role, PAGE_ROLE_BITS) for role in (parent, child))
        return Descent(
            parent_role=parent, parent=above, child_role=child, child=below, sptep=_SPTEP, evidence=trace.evidence
        )

    def direct_map(self) -> DirectMapping:
        """See `Roles.direct_map`."""
        root = role_value(var("vcpu->arch.root_mmu.root_role", PAGE_ROLE_BITS), "access")
        access = zext(root, _U32)
        return self._mapping(
            "direct_map",
            access,
            {cuts.GET_CHILD.function: self._direct_page_access(access)},
            {cuts.MMU_SET_SPTE.function: self._direct_leaf_access(access)},
        )

    def _direct_page_access(self, root: BitVec) -> BitVec:
        """The access of a page of SPTEs that ``direct_map()`` asks for: the root's."""
        return root

    def _direct_leaf_access(self, root: BitVec) -> BitVec:
        """The access that ``direct_map()`` makes an SPTE with: the root's."""
        return root

    def tdp_map(self) -> DirectMapping:
        """See `Roles.tdp_map`."""
        access = zext(role_value(var("page->role", PAGE_ROLE_BITS), "access"), _U32)
        asked = self._tdp_leaf_access(access)
        return self._mapping(
            "tdp_mmu_map_handle_target_level",
            access,
            {},
            {each.function: asked for each in (cuts.MAKE_SPTE, cuts.MAKE_MMIO_SPTE)},
        )

    def _tdp_leaf_access(self, page: BitVec) -> BitVec:
        """What the TDP MMU makes an SPTE with: the access of the page that it is in."""
        return page

    # -- the page of a fault -----------------------------------------------------------------------------

    def tdp_page(self) -> PageMapped:
        """See `Roles.tdp_page`."""
        has_slot = bool_var("fault->slot")
        reaches = bool_var("tdp_mmu_map_handle_target_level() makes an SPTE")
        return self._page_mapped(
            "tdp_mmu_map_handle_target_level",
            all_of(reaches, has_slot),
            all_of(reaches, negate(has_slot)),
            var("iter->gfn", _U64),
            var("fault->pfn", _U64),
        )

    def shadow_page(self) -> PageMapped:
        """See `Roles.shadow_page`."""
        pfn, reaches = var("pfn", _U64), bool_var("mmu_set_spte() makes an SPTE")
        no_slot = eq(pfn, _NO_SLOT)
        return self._page_mapped(
            "mmu_set_spte", all_of(reaches, negate(no_slot)), all_of(reaches, no_slot), var("gfn", _U64), pfn
        )

    def _page_mapped(self, caller: str, makes: Bool, makes_mmio: Bool, gfn: BitVec, pfn: BitVec) -> PageMapped:
        writable = bit(var("fault->map_writable", 1), 0)
        return PageMapped(
            caller=caller,
            makes=makes,
            gfn=gfn,
            pfn=self._frame_of_fault(pfn),
            host_writable=self._host_writable_of_fault(writable),
            makes_mmio=makes_mmio,
            mmio_gfn=self._mmio_of_fault(gfn),
            fault_gfn=gfn,
            fault_pfn=pfn,
            map_writable=writable,
            evidence=Evidence(),
        )

    def _frame_of_fault(self, pfn: BitVec) -> BitVec:
        return pfn

    def _host_writable_of_fault(self, map_writable: Bool) -> Bool:
        return map_writable

    def _mmio_of_fault(self, gfn: BitVec) -> BitVec:
        return gfn

    def _mapping(
        self, caller: str, access: BitVec, children: Mapping[str, BitVec], leaves: Mapping[str, BitVec]
    ) -> DirectMapping:
        """What is handed on whenever the calls are made; when that is, no access depends on."""
        trace = Trace(caller)

        def asked(calls: Mapping[str, BitVec]) -> tuple[AccessAsked, ...]:
            return tuple(AccessAsked(name, f"reference: {caller}", TRUE, value) for name, value in calls.items())

        trace.step("access", access)
        return DirectMapping(
            caller=caller, access=access, children=asked(children), leaves=asked(leaves), evidence=trace.evidence
        )


def _members(role: BitVec, width: int) -> Members:
    """The members of a role by name; those of a page role if it has 32 bits."""
    return {each.name: role_value(role, each.name) for each in CPU_ROLE if each.low < width}


def _unnamed_bits() -> int:
    """The bits of a page role that no member has."""
    named = 0
    for each in CPU_ROLE:
        named |= (1 << each.low + each.width) - (1 << each.low)
    return ~named & (1 << PAGE_ROLE_BITS) - 1


def _controls(request: MmuRequest) -> NestedControls:
    return NestedControls(
        execonly=request.execonly,
        accessed_dirty=request.accessed_dirty,
        mbec=request.mbec,
        cr4=request.cr4,
        efer=request.efer,
        gmet=request.gmet,
    )
