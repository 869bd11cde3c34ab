"""Set-ups of a vCPU's MMUs one after the other in a lifted tree, and all that the last of them leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from mmuproof.lift.c_types import ArrayType, FunctionType, PointerType, RecordType, StructMember, member_at
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import FunctionRef, Memory, Object, ObjectKind, Pointer, Target, pointer_to
from mmuproof.lift.machine.reached import Argument
from mmuproof.lift.machine.values import as_pointer
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import roles
from mmuproof.model.cuts import set_ups as cuts
from mmuproof.model.cuts.reserved_bits import GUEST_GBPAGES
from mmuproof.model.evidence import Evidence
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.mmus import WALKS, Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.requests import set_up_once, write_host
from mmuproof.model.lifted.session import Session, bit_field, member, own_member, read, read_member
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.named import functions, kvm_mmu, kvm_vcpu, page_role, spte_masks
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.set_ups import (
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
from mmuproof.smt.terms import TRUE, BitVec, bv, ite, resize, var


@dataclass(frozen=True)
class _Part:
    """A struct inside the vCPU that describes tables."""

    memory: Memory
    vcpu: Object
    place: StructMember

    @property
    def record(self) -> RecordType:
        assert isinstance(self.place.type, RecordType)
        return self.place.type

    def find(self, *names: str) -> StructMember:
        """A member by the first of its names, from the vCPU's start."""
        found = member(self.record, *names)
        return StructMember(found.name, self.place.offset + found.offset, found.type, found.bit_width)

    def read(self, *names: str) -> BitVec:
        """A number among the members."""
        place = self.find(*names)
        return read_member(self.memory, self.vcpu, place)

    def array(self, place: StructMember) -> Iterator[BitVec]:
        """The elements of an array of numbers."""
        if not isinstance(place.type, ArrayType):
            raise Refused(f"{self.record.name}.{place.name} is no array")
        width = place.type.element.bits
        for index in range(place.type.count):
            yield read(self.memory, self.vcpu, place.offset + index * width, width)

    def level(self, role: str) -> BitVec:
        """The level that a role says."""
        return read_member(self.memory, self.vcpu, bit_field(self.find(role), page_role.LEVEL))

    def table(self, *names: str) -> EntryTable:
        """A table of reserved bits."""
        whole = self.find(*names)
        table = _Part(self.memory, self.vcpu, whole)
        rows = table.find(kvm_mmu.ROWS)
        lines = rows.type.element if isinstance(rows.type, ArrayType) else None
        if not isinstance(rows.type, ArrayType) or not isinstance(lines, ArrayType):
            raise Refused(f"{table.record.name}.{kvm_mmu.ROWS} is no array of arrays")
        # A row a value of bit 7, or a row a level.
        if sorted((rows.type.count, lines.count)) != [2, LEVELS]:
            raise Refused(f"{table.record.name}.{kvm_mmu.ROWS} has {rows.type.count} rows of {lines.count}")
        masks = {}
        for row in range(rows.type.count):
            line = StructMember("", rows.offset + row * lines.bits, lines)
            for column, mask in enumerate(table.array(line)):
                bit7, level = (row, column) if rows.type.count == 2 else (column, row)
                masks[mask_name(bool(bit7), level + 1)] = mask
        return EntryTable(masks, table.read(kvm_mmu.MISCONFIGURED))

    def _handlers(self) -> Iterator[StructMember]:
        """The pointers to functions among the members, from the vCPU's start."""
        for each in self.record.fields:
            if isinstance(each.type, PointerType) and isinstance(each.type.target, FunctionType):
                yield StructMember(each.name, self.place.offset + each.offset, each.type)

    def forget_handlers(self) -> None:
        """Let each pointer to a function lead to one that is not known."""
        for place in self._handlers():
            before = FunctionRef(f"{place.name} before", known=False, member=place.name)
            self.memory.write(self.vcpu, place.offset, place.width, Pointer((Target(guard=TRUE, function=before),)))

    def handlers(self) -> Iterator[tuple[str, BitVec]]:
        """Where the pointers to functions lead, as numbers."""
        for place in self._handlers():
            yield place.name, self._told(place, handler_number, 32)

    def formats(self) -> Iterator[tuple[str, BitVec]]:
        """For which tables those are made that read tables of the guest."""
        for place in self._handlers():
            if place.name in OF_TABLES:
                yield place.name, self._told(place, _format, 8)

    def _told(self, place: StructMember, told: Callable[[str], int], width: int) -> BitVec:
        """What is told of the functions to which a pointer leads, as a number of some width."""
        pointer = as_pointer(self.memory.read(self.vcpu, place.offset, place.width))
        assert pointer is not None
        number = bv(HANDLER_BEFORE, width)
        for target in pointer.targets:
            number = ite(target.guard, bv(self._number(place.name, target, told), width), number)
        return number

    def _number(self, name: str, target: Target, told: Callable[[str], int]) -> int:
        if target.function is not None:
            return told(target.function.name) if target.function.known else HANDLER_BEFORE
        if not target.is_null:
            raise Refused(f"{self.record.name}.{name} leads to no function")
        return NO_HANDLER


@dataclass(frozen=True, kw_only=True)
class _MadeInARow:
    """What set-ups leave.

    Args:
        mmus: where the MMUs are.
        session: the last series of calls.
        memory: the state.
        evidence: how all that came about.
        features: which features the host was asked for.
    """

    mmus: Mmus
    session: Session
    memory: Memory
    evidence: Evidence
    features: frozenset[Argument]

    @classmethod
    def by(cls, mmus: Mmus, session: Session, memory: Memory) -> _MadeInARow:
        """What a series of calls leaves by itself."""
        asked = frozenset(call.arguments[0] for call in session.calls(cuts.HOST_FEATURE.function))
        return cls(mmus=mmus, session=session, memory=memory, evidence=session.evidence(), features=asked)

    def after(self, earlier: _MadeInARow) -> _MadeInARow:
        """The same with what was made before."""
        both = earlier.evidence + self.evidence
        evidence = replace(both, cuts=tuple(dict.fromkeys(both.cuts)))
        return replace(self, evidence=evidence, features=earlier.features | self.features)


class LiftedSetUps(SetUps, Remembers):
    """The part of a lifted tree that sets MMUs up (``mmu.c``)."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    @once
    def after(self, calls: Sequence[SetUpCall], masks: ShadowMasks, *, world: str = "") -> MmuSetUp:
        """See `SetUps.after`."""
        made = self._made(tuple(calls), masks, world, tdp=calls[-1].kind is not MmuKind.SHADOW)
        if len(made.features) > 1:
            raise Refused("a set-up depends on several features of the host")
        return self._found(made, calls[-1].kind)

    @once
    def _made(self, calls: tuple[SetUpCall, ...], masks: ShadowMasks, world: str, *, tdp: bool) -> _MadeInARow:
        """What some set-ups in a row leave; what begins alike is one past with several futures."""
        if not calls:
            return self._reset(masks, world, tdp=tdp)
        *earlier, call = calls
        before = self._made(tuple(earlier), masks, world, tdp=tdp)
        session, memory, vcpu = Session(self._unit, None, before.session), before.memory.copy(), before.mmus.vcpu
        nested = call.kind not in (MmuKind.TDP, MmuKind.SHADOW)
        before.mmus.connect(memory, nested=nested, l2=call.kind is MmuKind.L2)
        assert isinstance(vcpu.type, RecordType)
        mode = own_member(vcpu.type, kvm_vcpu.HFLAGS)
        memory.write(vcpu, mode.offset, mode.width, resize(call.hflags, mode.width))
        set_up_once(session, memory, vcpu, call.kind, call.request, largest_page=var("huge_page_level", 32))
        return _MadeInARow.by(before.mmus, session, memory).after(before)

    def _reset(self, masks: ShadowMasks, world: str, *, tdp: bool) -> _MadeInARow:
        """What `kvm_mmu_after_set_cpuid()` leaves, before it sets anything up."""
        session, memory = Session(self._unit, self._cuts()), Memory()
        vcpu = Object(name="vcpu", type=self._unit.record(kvm_vcpu.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        # What is changed in a table of SPTEs for encryption takes a loop over as many levels as the root has.
        plain = replace(masks, me_value=bv(0, 64), me_mask=bv(0, 64))
        write_host(session, memory, plain, tdp=tdp)
        user = session.global_object(spte_masks.USER)
        memory.write(user, 0, user.type.bits, resize(masks.user, user.type.bits))
        assert isinstance(vcpu.type, RecordType)
        own_width = own_member(vcpu.type, kvm_vcpu.MAXPHYADDR)
        memory.write(vcpu, own_width.offset, own_width.width, resize(_width(), own_width.width))
        mmus, objects = Mmus(vcpu), {kvm_vcpu.STRUCT: pointer_to(vcpu)}
        for place in map(mmus.find, Part if world else ()):
            memory.make_range_unknown(vcpu, place.offset, place.width, world)
        mmus.connect(memory, nested=False, l2=False)
        session.call(memory.copy(), functions.KVM_MMU_AFTER_SET_CPUID, objects=objects)
        # The first of the set-ups stands for the one that is made there.
        (reset,) = session.calls(cuts.RESET_CONTEXT.function)
        if reset.guard is not TRUE or reset.memory is None:
            raise Refused("the roles are not always reset once CPUID is set", str(reset.at))
        memory = reset.memory
        for part in Part:
            _Part(memory, vcpu, mmus.find(part)).forget_handlers()
        return _MadeInARow.by(mmus, session, memory)

    def _found(self, made: _MadeInARow, kind: MmuKind) -> MmuSetUp:
        memory, mmus = made.memory, made.mmus
        walk, built = (_Part(memory, mmus.vcpu, place) for place in (mmus.find(WALKS[kind]), mmus.built(kind)))
        one = walk.place.offset == built.place.offset
        return MmuSetUp(
            handlers=dict(sorted([*walk.handlers(), *(() if one else built.handlers())])),
            formats=dict(sorted([*walk.formats(), *(() if one else built.formats())])),
            walk=WalkSetUp(
                role=walk.read(kvm_mmu.CPU_ROLE),
                level=walk.level(kvm_mmu.CPU_ROLE),
                permissions=tuple(walk.array(walk.find(kvm_mmu.PERMISSIONS))),
                pkru_mask=walk.read(kvm_mmu.PROTECTION_KEYS),
                reserved=walk.table(*kvm_mmu.GUEST_TABLE),
            ),
            built=None
            if kind is MmuKind.L2
            else BuiltSetUp(
                role=built.read(kvm_mmu.ROOT_ROLE),
                level=built.level(kvm_mmu.ROOT_ROLE),
                reserved=built.table(*kvm_mmu.SPTE_TABLE),
                # An MMU that is the walk as well has the permissions of that.
                permissions=() if one else tuple(built.array(built.find(kvm_mmu.PERMISSIONS))),
            ),
            evidence=made.evidence,
        )

    def _cuts(self) -> tuple[Cut, ...]:
        """The calls that are not followed; a question has one answer, however often it is asked."""
        flags = (roles.TDP_HAS_SMEP, *(() if self._keeps_features else GUEST_GBPAGES))
        return (
            *cuts.CUTS,
            *(replace(cut, gives=resize(var(f"{cut.function}()", 1), 8)) for cut in flags),
            replace(cuts.HOST_FEATURE, gives=resize(var("boot_cpu_has(X86_FEATURE_GBPAGES)", 1), 8)),
            replace(cuts.REGISTER_CACHED, gives=bv(1, 8)),
            # Either this or MAXPHYADDR is asked for, so one free width stands for both.
            replace(roles.GUEST_PHYSICAL_WIDTH, gives=resize(_width(), 32)),
        )

    @property
    def _keeps_features(self) -> bool:
        """Whether the vCPU keeps words of the guest's features, which are read where they are."""
        try:
            member_at(self._unit.record(kvm_vcpu.STRUCT), kvm_vcpu.CPU_CAPS)
        except KeyError:
            return False
        return True


def _width() -> BitVec:
    """How many bits the guest's physical addresses have."""
    return var("vcpu->arch.maxphyaddr", 8)


def _format(function: str) -> TableFormat:
    """For which tables a function is made.

    Raises:
        NotThere: its name does not tell.
    """
    found = format_of(function)
    if found is None:
        raise NotThere([f"for which tables {function}() is made"])
    return found
