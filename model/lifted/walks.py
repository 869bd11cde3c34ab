"""Guest page-table walks in a lifted tree: permission metadata, permission_fault(), guest entries."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.lift.c_types import ArrayType, RecordType, StructMember
from mmuproof.lift.errors import Missing, Refused
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.walks import CUTS, GET_RFLAGS
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, bit_fields, member, own_member, read, read_member
from mmuproof.model.named import constants, functions, kvm_mmu, kvm_vcpu, page_role, switches
from mmuproof.model.walks import (
    GpteFormat,
    GuestWalk,
    NestedControls,
    NestedSetUp,
    PagingMetadata,
    PermissionFault,
    WalkKind,
    Walks,
)
from mmuproof.smt.terms import BitVec, Bool, any_of, bit, bv, extract, ite, ne, negate, to_bv, var

# The table's struct is whatever the function takes; 7.3 moved it into the page format.
_CR0_WP = 16
_CR0_PG = 1 << 31
_EFLAGS_AC = 18


@dataclass(frozen=True, kw_only=True)
class WalkInMemory:
    """A vCPU and, inside it or beside it, the struct that describes the guest's page tables."""

    memory: Memory
    vcpu: Object
    walker: Object
    offset: int
    record: RecordType

    @property
    def objects(self) -> dict[str, Pointer]:
        """The arguments of a function that takes them, by struct."""
        return {kvm_vcpu.STRUCT: pointer_to(self.vcpu), self.record.name: pointer_to(self.walker, self.offset)}

    def read(self, place: StructMember) -> BitVec:
        """A member of the walker."""
        return read(self.memory, self.walker, self.offset + place.offset, place.width)


class LiftedWalks(Walks, Remembers):
    """The part of a lifted tree that walks guest page tables (``mmu.c``)."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @property
    def has_gmet(self) -> bool:
        """Whether ``update_permission_bitmask()`` is told that it works for nested paging."""
        try:
            function = self._unit.function(functions.UPDATE_PERMISSION_BITMASK)
        except Missing as missing:
            raise NotThere(missing.names) from None
        return any(parameter.name == "tdp" for parameter in function.parameters)

    @once
    def guest_walk(self, kind: WalkKind, *, world: str = "", role: BitVec | None = None) -> GuestWalk:
        """See `Walks.guest_walk`."""
        session = Session(self._unit, CUTS)
        state = self._new_state(session, kind, world)
        if role is not None:
            place = member(state.record, kvm_mmu.CPU_ROLE)
            state.memory.write(state.walker, state.offset + place.offset, place.width, role)
        role = state.read(member(state.record, kvm_mmu.CPU_ROLE))
        if kind is not WalkKind.GUEST:
            self._copy_base_role(state, role)
        before = self._metadata(state)
        if kind is WalkKind.NESTED_EPT:
            # What kvm_init_shadow_ept_mmu() does for a new role.
            session.call(
                state.memory,
                functions.UPDATE_PERMISSION_BITMASK,
                objects=state.objects,
                values={"tdp": bv(1, 8), "ept": bv(1, 8)},
            )
            place = member(state.record, kvm_mmu.PROTECTION_KEYS)
            state.memory.write(state.walker, state.offset + place.offset, place.width, bv(0, place.width))
        else:
            session.call(state.memory, "reset_guest_paging_metadata", objects=state.objects)
        return GuestWalk(
            kind=kind,
            role=role,
            flags=_flags(state, role),
            before=before,
            metadata=self._metadata(state),
            evidence=session.evidence(),
            state=state,
        )

    @once
    def nested_set_up(self, kind: WalkKind, controls: NestedControls) -> NestedSetUp:
        """See `Walks.nested_set_up`."""
        session = Session(self._unit, CUTS)
        state = self._new_state(session, kind, "")
        place = member(state.record, kvm_mmu.CPU_ROLE)
        earlier, before = state.read(place), self._metadata(state)
        vcpu, eptp = {kvm_vcpu.STRUCT: pointer_to(state.vcpu)}, var("new_eptp", 64)
        if kind is WalkKind.NESTED_EPT:
            session.call(
                state.memory,
                functions.KVM_INIT_SHADOW_EPT_MMU,
                objects=vcpu,
                values={
                    "execonly": to_bv(controls.execonly, 8),
                    "huge_page_level": bv(3, 32),
                    "accessed_dirty": to_bv(controls.accessed_dirty, 8),
                    "mbec": to_bv(controls.mbec, 8),
                    "new_eptp": eptp,
                },
            )
        else:
            gmet = self._unit.constant(constants.SVM_MISC_ENABLE_GMET) or 0
            session.call(
                state.memory,
                functions.KVM_INIT_SHADOW_NPT_MMU,
                objects=vcpu,
                values={
                    "cr0": var("L1's CR0", 64) | _CR0_PG,
                    "cr4": controls.cr4,
                    "efer": controls.efer,
                    "nested_cr3": var("nested_cr3", 64),
                    "misc_ctl": ite(controls.gmet, bv(gmet, 64), 0),
                },
            )
        role = state.read(place)
        walk = GuestWalk(
            kind=kind,
            role=role,
            flags=_flags(state, role),
            before=before,
            metadata=self._metadata(state),
            evidence=session.evidence(),
            state=state,
        )
        was_valid = bit(_flags(state, earlier)["valid"], 0)
        in_smm, in_guest_mode = (
            ne(session.integer(state.memory, name, objects=vcpu), 0)
            for name in (functions.IS_SMM, functions.IS_GUEST_MODE)
        )
        changed = any_of(ne(role, earlier), negate(was_valid))
        return NestedSetUp(
            walk=walk, role_changed=changed, earlier_role=earlier, in_smm=in_smm, in_guest_mode=in_guest_mode, eptp=eptp
        )

    def _new_state(self, session: Session, kind: WalkKind, world: str) -> WalkInMemory:
        name = session.parameter_record(functions.PERMISSION_FAULT, *kvm_mmu.WALKERS)
        record = self._unit.record(name)
        tag = f" of {world}" if world else ""
        vcpu = Object(
            name=f"vcpu{tag}", type=self._unit.record(kvm_vcpu.STRUCT), kind=ObjectKind.INPUT, by_pointer=True
        )
        assert isinstance(vcpu.type, RecordType)
        if kind is WalkKind.GUEST:
            walker = Object(
                name=f"{'mmu' if name == kvm_mmu.WALKERS[0] else 'w'}{tag}",
                type=record,
                kind=ObjectKind.INPUT,
                by_pointer=True,
            )
            return WalkInMemory(memory=Memory(), vcpu=vcpu, walker=walker, offset=0, record=record)
        place = Mmus(vcpu).find(Part.NESTED_WALK)
        return WalkInMemory(memory=Memory(), vcpu=vcpu, walker=vcpu, offset=place.offset, record=record)

    def _copy_base_role(self, state: WalkInMemory, role: BitVec) -> None:
        """A nested MMU's root role is its CPU role's base, as the kvm_init_shadow_*_mmu() set it."""
        if "root_role" not in state.record.members:
            return
        place = own_member(state.record, kvm_mmu.ROOT_ROLE)
        state.memory.write(state.walker, state.offset + place.offset, place.width, extract(role, place.width - 1, 0))

    def _metadata(self, state: WalkInMemory) -> PagingMetadata:
        place = member(state.record, kvm_mmu.PERMISSIONS)
        if not isinstance(place.type, ArrayType):
            raise Refused(f"{state.record.name}.{kvm_mmu.PERMISSIONS} is no array")
        width = place.type.element.bits
        return PagingMetadata(
            tuple(
                read(state.memory, state.walker, state.offset + place.offset + index * width, width)
                for index in range(place.type.count)
            ),
            state.read(member(state.record, kvm_mmu.PROTECTION_KEYS)),
        )

    @once
    def permission_fault(
        self, walk: GuestWalk, pte_access: BitVec, pte_pkey: BitVec, access: BitVec
    ) -> PermissionFault:
        """See `Walks.permission_fault`."""
        state = walk.state
        assert isinstance(state, WalkInMemory)
        session = Session(self._unit, CUTS)
        memory = state.memory.copy()
        error_code = session.integer(
            memory,
            functions.PERMISSION_FAULT,
            objects=state.objects,
            values={"pte_access": pte_access, "pte_pkey": pte_pkey, "access": access},
        )
        vcpu = state.vcpu.type
        assert isinstance(vcpu, RecordType)
        pkru, cr0 = (own_member(vcpu, name) for name in (kvm_vcpu.PKRU, kvm_vcpu.CR0))
        role_wp = bit(walk.flags["cr0_wp"], 0)
        if walk.kind is WalkKind.GUEST:
            # With TDP the guest may change CR0.WP without an exit, so the role's copy may be stale.
            tdp_enabled = ne(session.global_value(memory, switches.TDP_ENABLED), 0)
            guest_wp = bit(read_member(memory, state.vcpu, cr0), _CR0_WP)
            cr0_wp = ite(tdp_enabled, guest_wp, role_wp)
        else:
            cr0_wp = role_wp
        return PermissionFault(
            error_code=error_code,
            eflags_ac=bit(var(f"{GET_RFLAGS.function}()", 64), _EFLAGS_AC),
            pkru=read_member(memory, state.vcpu, pkru),
            cr0_wp=cr0_wp,
            evidence=walk.evidence + session.evidence(),
        )

    @once
    def gpte_access(self, gpte_format: GpteFormat, gpte: BitVec) -> BitVec:
        """See `Walks.gpte_access`."""
        return Session(self._unit, CUTS).integer(
            Memory(), f"{gpte_format.value}_gpte_access", objects={}, values={"gpte": gpte}
        )

    @once
    def is_present_gpte(self, gpte_format: GpteFormat, walk: GuestWalk, gpte: BitVec) -> Bool:
        """See `Walks.is_present_gpte`."""
        state = walk.state
        assert isinstance(state, WalkInMemory)
        result = Session(self._unit, CUTS).integer(
            state.memory.copy(), f"{gpte_format.value}_is_present_gpte", objects=state.objects, values={"pte": gpte}
        )
        return ne(result, 0)

    @once
    def is_bad_mt_xwr(self, gpte: BitVec, execonly: Bool) -> Bool:
        """See `Walks.is_bad_mt_xwr`."""
        session = Session(self._unit, CUTS)
        memory = Memory()
        function = self._unit.find_function(functions.INNER_IS_BAD_MT_XWR)
        if function is None:
            raise NotThere(["__is_bad_mt_xwr()"])
        # The table's struct is whatever the function takes; 7.3 moved it into the page format.
        name = session.parameter_record(functions.INNER_IS_BAD_MT_XWR, *kvm_mmu.TABLES)
        check = Object(name="rsvd_check", type=self._unit.record(name), kind=ObjectKind.INPUT, by_pointer=True)
        session.call(
            memory,
            "__reset_rsvds_bits_mask_ept",
            objects={name: pointer_to(check)},
            values={"execonly": to_bv(execonly, 8), "pa_bits_rsvd": bv(0, 64), "huge_page_level": bv(3, 32)},
        )
        result = session.integer(
            memory, functions.INNER_IS_BAD_MT_XWR, objects={name: pointer_to(check)}, values={"pte": gpte}
        )
        return ne(result, 0)

    @once
    def has_bad_mt_xwr(self, walk: GuestWalk, gpte: BitVec) -> Bool:
        """See `Walks.has_bad_mt_xwr`."""
        state = walk.state
        assert isinstance(state, WalkInMemory)
        session = Session(self._unit, CUTS)
        name = session.parameter_record(functions.INNER_IS_BAD_MT_XWR, *kvm_mmu.TABLES)
        place = member(state.record, *kvm_mmu.GUEST_TABLE)
        table = {name: pointer_to(state.walker, state.offset + place.offset)}
        return ne(
            session.integer(state.memory.copy(), functions.INNER_IS_BAD_MT_XWR, objects=table, values={"pte": gpte}), 0
        )

    @property
    def role_access_bits(self) -> int:
        """See `Walks.role_access_bits`."""
        try:
            role = self._unit.record(page_role.UNION)
        except Missing as missing:
            raise NotThere(missing.names) from None
        return member(role, page_role.ACCESS).width


def _flags(state: WalkInMemory, role: BitVec) -> dict[str, BitVec]:
    """The members of a role by name."""
    fields = bit_fields(member(state.record, kvm_mmu.CPU_ROLE).type)
    return {name: extract(role, each.offset + each.width - 1, each.offset) for name, each in fields.items()}
