"""Roles in a lifted tree: those of an MMU that KVM has set up, and those of direct pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mmuproof.lift.c_types import CType, IntType, PointerType, RecordType, StructMember
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import NULL, Memory, Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.machine.values import Place
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import roles as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.mmus import WALKS, Mmus
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.requests import set_up_once
from mmuproof.model.lifted.session import Session, argument, bit_field, bit_fields, member, place_of, read_member
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.named import (
    functions,
    kvm_memory_slot,
    kvm_mmu,
    kvm_mmu_page,
    kvm_page_fault,
    kvm_vcpu,
    page_role,
    shadow_iterator,
    spte_masks,
    switches,
    tdp_iter,
)
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
from mmuproof.smt.terms import BitVec, Bool, bit, bv, extract, ite, ne, resize, to_bv, ult, var

_LEVELS = 5
_PG_LEVEL_1G = 3
_NO_ERROR_POINTER = -17
"""-EEXIST: the page below exists already, so the walk goes on."""


@dataclass(frozen=True)
class _Context:
    """A vCPU and one of its MMUs."""

    mmus: Mmus
    kind: MmuKind

    @property
    def vcpu(self) -> Object:
        return self.mmus.vcpu

    @property
    def cpu_role(self) -> StructMember:
        """Where the role of the tables that are walked is, from the vCPU's start."""
        return self.mmus.place(WALKS[self.kind], kvm_mmu.CPU_ROLE)

    @property
    def root_role(self) -> StructMember:
        """Where the role of the root is; tables that are only walked have that of the CPU since 7.3."""
        mmu = self.mmus.built(self.kind)
        assert isinstance(mmu.type, RecordType)
        found = member(mmu.type, kvm_mmu.ROOT_ROLE, kvm_mmu.CPU_ROLE)
        return StructMember(found.name, mmu.offset + found.offset, found.type, found.bit_width)


class LiftedRoles(Roles, Remembers):
    """The parts of a lifted tree that make roles.

    Args:
        mmu: ``mmu.c``.
        tdp_mmu: ``tdp_mmu.c``.
        makes_sptes: ``spte.c``, whose functions are told an access.
    """

    def __init__(self, mmu: Unit, tdp_mmu: Unit, makes_sptes: Unit) -> None:
        super().__init__()
        self._mmu, self._tdp_mmu, self._makes_sptes = mmu, tdp_mmu, makes_sptes

    def layout(self) -> tuple[RoleField, ...]:
        """See `Roles.layout`."""
        members = bit_fields(self._mmu.record(page_role.OF_CPU))
        return tuple(RoleField(name, each.offset, each.width) for name, each in members.items())

    # -- the set-up ------------------------------------------------------------------------------------

    @once
    def set_up(
        self, kind: MmuKind, earlier: MmuRequest, now: MmuRequest, masks: ShadowMasks, *, world: str = ""
    ) -> MmuRoles:
        """See `Roles.set_up`."""
        name = f"vcpu of {world}" if world else "vcpu"
        width, has_smep = var(f"{name}->arch.maxphyaddr", 8), var(f"{cuts.TDP_HAS_SMEP.function}()", 1)
        session, memory = (
            Session(
                self._mmu,
                (
                    *cuts.SET_UP,
                    replace(cuts.TDP_HAS_SMEP, gives=resize(has_smep, 8)),
                    # Either this or MAXPHYADDR is asked for, so one free width stands for both.
                    replace(cuts.GUEST_PHYSICAL_WIDTH, gives=resize(width, 32)),
                ),
            ),
            Memory(),
        )
        vcpu = Object(name=name, type=self._mmu.record(kvm_vcpu.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        context = _Context(Mmus(vcpu), kind)
        self._prepare(session, memory, context, kind, masks, width)
        for request in (earlier, now):
            set_up_once(session, memory, vcpu, kind, request, largest_page=bv(_PG_LEVEL_1G, 32))
        cpu_role, root_role = context.cpu_role, context.root_role
        evidence = session.evidence()
        return MmuRoles(
            cpu_role=read_member(memory, vcpu, cpu_role),
            cpu=_members(memory, vcpu, cpu_role),
            root_role=read_member(memory, vcpu, root_role),
            root=_members(memory, vcpu, root_role),
            inputs=self._inputs(memory, vcpu, width, has_smep),
            evidence=evidence,
        )

    def _prepare(
        self, session: Session, memory: Memory, context: _Context, kind: MmuKind, masks: ShadowMasks, width: BitVec
    ) -> None:
        """A vCPU that uses the MMU, whose CPU role is invalid, on a host with these masks."""
        vcpu = context.vcpu
        context.mmus.connect(memory, nested=kind not in (MmuKind.TDP, MmuKind.SHADOW), l2=kind is MmuKind.L2)
        for name, value in ((kvm_vcpu.MAXPHYADDR, width),):
            place = place_of(vcpu, name)
            memory.write(vcpu, place.offset, place.width, resize(value, place.width))
        valid = bit_field(context.cpu_role, page_role.VALID)
        memory.write(vcpu, valid.offset, valid.width, bv(0, valid.width))
        values = {"tdp_enabled": bv(kind is not MmuKind.SHADOW, 8), spte_masks.USER: masks.user}
        for name, value in values.items():
            target_object = session.global_object(name)
            bits = target_object.type.bits
            memory.write(target_object, 0, bits, resize(value, bits))

    def _inputs(self, memory: Memory, vcpu: Object, width: BitVec, has_smep: BitVec) -> RoleInputs:
        session, objects = Session(self._mmu, cuts.SET_UP), {kvm_vcpu.STRUCT: pointer_to(vcpu)}

        def asked(name: str) -> Bool:
            return ne(session.integer(memory.copy(), name, objects=objects), 0)

        return RoleInputs(
            smm=asked(functions.IS_SMM),
            guest_mode=asked(functions.IS_GUEST_MODE),
            address_width=width,
            forced_level=session.global_value(memory, switches.TDP_ROOT_LEVEL),
            max_level=session.global_value(memory, switches.MAX_TDP_LEVEL),
            tdp_has_smep=bit(has_smep, 0),
            # Before it became a variable of its own it was whether there is an accessed bit.
            ad_enabled=ne(session.global_value(memory, spte_masks.AD_ENABLED, spte_masks.ACCESSED), 0),
        )

    # -- pages -----------------------------------------------------------------------------------------

    def _page(self, unit: Unit, name: str) -> Object:
        return Object(name=name, type=unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)

    @once
    def child_role(self, direct: Bool, access: BitVec) -> Descent:
        """See `Roles.child_role`."""
        memory, parent = Memory(), self._page(self._mmu, "parent")
        session = Session(self._mmu, (*cuts.CHILD, replace(cuts.SPTEP_TO_SP, gives=pointer_to(parent))))
        function = self._mmu.function("kvm_mmu_child_role")
        arguments: list[BitVec | Pointer | Place] = []
        for parameter in function.parameters:
            if isinstance(parameter.type, PointerType):
                sptep = Object(name="sptep", type=parameter.type.target, kind=ObjectKind.INPUT, by_pointer=True)
                arguments.append(pointer_to(sptep))
            else:
                value = to_bv(direct) if parameter.name == "direct" else access
                arguments.append(resize(value, parameter.type.bits))
        result = session.machine.run(function, arguments, memory)
        if not isinstance(result, Place):
            raise Refused(f"{function.name}() returns no struct", str(function.location))
        child = StructMember("role", result.offset, result.object.type, None)
        return self._descent(session, memory, parent, result.object, child)

    @once
    def tdp_child_role(self) -> Descent:
        """See `Roles.tdp_child_role`."""
        memory, parent, child = Memory(), self._page(self._tdp_mmu, "parent"), self._page(self._tdp_mmu, "child")
        session = Session(self._tdp_mmu, (*cuts.CHILD, replace(cuts.SPTEP_TO_SP, gives=pointer_to(parent))))
        session.call(
            memory,
            functions.TDP_MMU_INIT_CHILD_SP,
            objects={
                kvm_mmu_page.STRUCT: pointer_to(child),
                tdp_iter.STRUCT: self._input(self._tdp_mmu, "iter", tdp_iter.STRUCT),
            },
        )
        return self._descent(session, memory, parent, child, _role_of(child))

    @once
    def alloc_root(self, level: BitVec, quadrant: BitVec) -> Descent:
        """See `Roles.alloc_root`."""
        memory, root = Memory(), self._page(self._mmu, "root")
        vcpu = Object(name="vcpu", type=self._mmu.record(kvm_vcpu.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        context = _Context(Mmus(vcpu), MmuKind.TDP)
        context.mmus.connect(memory, nested=False, l2=False)
        session = Session(
            self._mmu,
            (*cuts.ALLOC_ROOT, replace(cuts.FIND_PAGE, gives=NULL), replace(cuts.ALLOC, gives=pointer_to(root))),
        )
        values = {"gfn": var("gfn", 64), "quadrant": quadrant, "level": level}
        session.call(memory, functions.MMU_ALLOC_ROOT, objects={kvm_vcpu.STRUCT: pointer_to(vcpu)}, values=values)
        above, role = context.root_role, _role_of(root)
        return Descent(
            parent_role=read_member(memory, vcpu, above),
            parent=_members(memory, vcpu, above),
            child_role=read_member(memory, root, role),
            child=_members(memory, root, role),
            sptep=var("&sptep", 64),
            evidence=session.evidence(),
        )

    def _descent(self, session: Session, memory: Memory, parent: Object, child: Object, role: StructMember) -> Descent:
        above = _role_of(parent)
        return Descent(
            parent_role=read_member(memory, parent, above),
            parent=_members(memory, parent, above),
            child_role=read_member(memory, child, role),
            child=_members(memory, child, role),
            sptep=var("&sptep", 64),
            evidence=session.evidence(),
        )

    def _input(self, unit: Unit, name: str, record: str) -> Pointer:
        return pointer_to(Object(name=name, type=unit.record(record), kind=ObjectKind.INPUT, by_pointer=True))

    @once
    def direct_map(self) -> DirectMapping:
        """See `Roles.direct_map`."""
        memory = Memory()
        fault = Object(
            name="fault", type=self._mmu.record(kvm_page_fault.STRUCT), kind=ObjectKind.INPUT, by_pointer=True
        )
        vcpu = Object(name="vcpu", type=self._mmu.record(kvm_vcpu.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        context = _Context(Mmus(vcpu), MmuKind.TDP)
        context.mmus.connect(memory, nested=False, l2=False)
        assert isinstance(fault.type, RecordType)
        # The workaround lowers the level to map at, which is any here; to do so it reads the SPTE.
        workaround = member(fault.type, kvm_page_fault.NX_HUGE_PAGE_WORKAROUND_ENABLED)
        memory.write(fault, workaround.offset, workaround.width, bv(0, workaround.width))
        session = Session(
            self._mmu,
            (
                *(cut for cut in cuts.DIRECT_MAP if cut is not cuts.WALK_INIT),
                replace(cuts.WALK_INIT, stores=((0, shadow_iterator.LEVEL, _any_level()),)),
                replace(cuts.GET_CHILD, gives=bv(_NO_ERROR_POINTER, 64)),
                replace(cuts.WALK_NEXT, stores=((0, shadow_iterator.LEVEL, bv(0, 32)),)),
            ),
        )
        objects = {kvm_vcpu.STRUCT: pointer_to(vcpu), kvm_page_fault.STRUCT: pointer_to(fault)}
        session.call(memory, (functions.DIRECT_MAP, functions.INNER_DIRECT_MAP), objects=objects)
        root = _members(memory, vcpu, context.root_role)
        return DirectMapping(
            caller=functions.DIRECT_MAP,
            access=resize(root["access"], 32),
            children=self._asked(self._mmu, session.calls(cuts.GET_CHILD.function), "access"),
            leaves=self._asked(self._mmu, session.calls(cuts.MMU_SET_SPTE.function), "pte_access"),
            evidence=session.evidence(),
        )

    @once
    def tdp_map(self) -> DirectMapping:
        """See `Roles.tdp_map`."""
        unit, memory = self._tdp_mmu, Memory()
        page = self._page(unit, "page")
        session = Session(unit, (*cuts.TDP_MAP, replace(cuts.SPTEP_TO_SP, gives=pointer_to(page))))
        walk = Object(name="iter", type=unit.record(tdp_iter.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        level = place_of(walk, tdp_iter.LEVEL)
        memory.write(walk, level.offset, level.width, _any_level())
        records = {"vcpu": kvm_vcpu.STRUCT, "fault": kvm_page_fault.STRUCT}
        objects = {record: self._input(unit, name, record) for name, record in records.items()}
        objects[tdp_iter.STRUCT] = pointer_to(walk)
        session.call(memory, functions.TDP_MMU_MAP_HANDLE_TARGET_LEVEL, objects=objects)
        calls = session.calls(cuts.MAKE_SPTE.function), session.calls(cuts.MAKE_MMIO_SPTE.function)
        return DirectMapping(
            caller=functions.TDP_MMU_MAP_HANDLE_TARGET_LEVEL,
            access=resize(_members(memory, page, _role_of(page))["access"], 32),
            children=(),
            leaves=tuple(
                asked
                for call, name in zip(calls, ("pte_access", "access"), strict=True)
                for asked in self._asked(self._makes_sptes, call, name)
            ),
            evidence=session.evidence(),
        )

    @once
    def tdp_page(self) -> PageMapped:
        """See `Roles.tdp_page`."""
        unit, memory = self._tdp_mmu, Memory()
        session = Session(unit, (*cuts.TDP_MAP, replace(cuts.SPTEP_TO_SP, gives=pointer_to(self._page(unit, "page")))))
        walk, fault = (
            Object(name=name, type=unit.record(record), kind=ObjectKind.INPUT, by_pointer=True)
            for name, record in (("iter", tdp_iter.STRUCT), ("fault", kvm_page_fault.STRUCT))
        )
        level = place_of(walk, tdp_iter.LEVEL)
        memory.write(walk, level.offset, level.width, _any_level())
        objects = {
            kvm_vcpu.STRUCT: self._input(unit, "vcpu", kvm_vcpu.STRUCT),
            kvm_page_fault.STRUCT: pointer_to(fault),
            tdp_iter.STRUCT: pointer_to(walk),
        }
        gfn = read_member(memory, walk, place_of(walk, tdp_iter.GFN))
        pfn, writable = (
            read_member(memory, fault, place_of(fault, name))
            for name in (kvm_page_fault.PFN, kvm_page_fault.MAP_WRITABLE)
        )
        session.call(memory, functions.TDP_MMU_MAP_HANDLE_TARGET_LEVEL, objects=objects)
        return self._page_mapped(
            functions.TDP_MMU_MAP_HANDLE_TARGET_LEVEL, session, cuts.MAKE_MMIO_SPTE.function, (gfn, pfn, writable)
        )

    @once
    def shadow_page(self) -> PageMapped:
        """See `Roles.shadow_page`."""
        unit, memory = self._mmu, Memory()
        page = self._page(unit, "page")
        level = bit_field(_role_of(page), page_role.LEVEL)
        memory.write(page, level.offset, level.width, _level_of_page(level.width))
        session = Session(unit, (*cuts.SET_SPTE, replace(cuts.SPTEP_TO_SP, gives=pointer_to(page))))
        fault = Object(name="fault", type=unit.record(kvm_page_fault.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        sptep = Object(name="*sptep", type=IntType(64, False, "u64"), kind=ObjectKind.INPUT, by_pointer=True)
        records = {"vcpu": kvm_vcpu.STRUCT, "slot": kvm_memory_slot.STRUCT}
        objects = {record: self._input(unit, name, record) for name, record in records.items()}
        gfn, pfn = var("gfn", 64), var("pfn", 64)
        writable = read_member(memory, fault, place_of(fault, kvm_page_fault.MAP_WRITABLE))
        session.call(
            memory,
            functions.MMU_SET_SPTE,
            objects={**objects, kvm_page_fault.STRUCT: pointer_to(fault)},
            values={"pte_access": var("pte_access", 32), "gfn": gfn, "pfn": pfn},
            pointers={"sptep": pointer_to(sptep)},
        )
        return self._page_mapped(functions.MMU_SET_SPTE, session, cuts.MARK_MMIO_SPTE.function, (gfn, pfn, writable))

    def _page_mapped(
        self, caller: str, session: Session, mmio: str, wanted: tuple[BitVec, BitVec, BitVec]
    ) -> PageMapped:
        """What make_spte() is told, and the function that makes an MMIO SPTE."""
        (made,), (emulated,) = session.calls(cuts.MAKE_SPTE.function), session.calls(mmio)
        gfn, pfn, writable = (resize(session.argument(made, name), 64) for name in ("gfn", "pfn", "host_writable"))
        fault_gfn, fault_pfn, map_writable = wanted
        return PageMapped(
            caller=caller,
            makes=made.guard,
            gfn=gfn,
            pfn=pfn,
            host_writable=ne(writable, 0),
            makes_mmio=emulated.guard,
            mmio_gfn=resize(session.argument(emulated, "gfn"), 64),
            fault_gfn=resize(fault_gfn, 64),
            fault_pfn=resize(fault_pfn, 64),
            map_writable=ne(map_writable, 0),
            evidence=session.evidence(),
        )

    def _asked(self, unit: Unit, calls: Sequence[CallMade], parameter: str) -> tuple[AccessAsked, ...]:
        """What the calls are told in the parameter of this name."""
        asked: list[AccessAsked] = []
        for call in calls:
            access = resize(argument(unit, call, parameter), 32)
            asked.append(AccessAsked(call.function, str(call.at), call.guard, access))
        if not asked:
            raise Refused(f"nothing is called that has a parameter {parameter}")
        return tuple(asked)


def _any_level() -> BitVec:
    """A level that a walk can be at."""
    level = var("it.level", 32)
    return ite(ult(level, _LEVELS + 1), level, _LEVELS)


def _level_of_page(width: int) -> BitVec:
    """A level that a page can have."""
    level = var("page->role.level", width)
    return ite(ult(level - 1, _LEVELS), level, _LEVELS)


def _role_of(page: Object) -> StructMember:
    return place_of(page, kvm_mmu_page.ROLE)


class _Members(dict[str, BitVec]):
    """The members of a role; one that the tree has not is lost."""

    def __missing__(self, name: str) -> BitVec:
        raise NotThere([f"a member {name} of a role, which has {', '.join(self)}"])


def _members(memory: Memory, object_: Object, place: StructMember) -> Members:
    """The members of a role by name."""
    role, type_ = read_member(memory, object_, place), place.type
    return _Members({name: _member(role, each) for name, each in bit_fields(_same_bits(type_)).items()})


def _same_bits(type_: CType) -> RecordType:
    if not isinstance(type_, RecordType):
        raise Refused(f"{type_.name} is no role")
    return type_


def _member(role: BitVec, place: StructMember) -> BitVec:
    return extract(role, place.offset + place.width - 1, place.offset)
