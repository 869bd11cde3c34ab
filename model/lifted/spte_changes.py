"""What changes SPTEs in a lifted tree: ``spte.c``, the shadow MMU's ``mmu.c`` and the TDP MMU's ``tdp_mmu.c``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from mmuproof.lift.c_types import IntType, PointerType, RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import (
    NULL,
    FunctionRef,
    Memory,
    Object,
    ObjectKind,
    Place,
    Pointer,
    Target,
    Value,
    pointer_to,
)
from mmuproof.lift.machine.values import as_pointer, truth
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import roles
from mmuproof.model.cuts import spte_changes as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.masks import MasksInMemory
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.requests import set_up_once
from mmuproof.model.lifted.session import Session, bit_field, member, own_member, pointee, read, read_member
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.named import (
    constants,
    functions,
    kvm_gfn_range,
    kvm_memory_slot,
    kvm_mmu,
    kvm_mmu_page,
    kvm_page_fault,
    kvm_vcpu,
    kvm_vm,
    page_role,
    slot_walk,
    spte_masks,
    switches,
    tdp_iter,
)
from mmuproof.model.reserved_bits import MmuKind, MmuRequest
from mmuproof.model.spte_changes import (
    Changed,
    FastFault,
    FastFixed,
    FaultModes,
    SplitRequest,
    SpteAt,
    SpteChange,
    SpteChanges,
    SpteFacts,
    SpteJudged,
)
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bool_var, bv, concat, eq, ne, resize, to_bv, var

_U64 = IntType(64, False, "u64")
_BY_TABLE = functions.SPTE_PERMISSION_FAULT
_OF_FAULT = (
    kvm_page_fault.ERROR_CODE,
    kvm_page_fault.EXEC,
    kvm_page_fault.WRITE,
    kvm_page_fault.PRESENT,
    kvm_page_fault.RSVD,
    kvm_page_fault.USER,
)
_USER = bool_var("fault->user")
_TOLD_APART = var(f"{roles.TDP_HAS_SMEP.function}()", 1)
_SET_UP = (
    *(cut for cut in roles.SET_UP if cut.function != functions.UPDATE_SPTE_PERMISSION_BITMASK),
    replace(roles.TDP_HAS_SMEP, gives=resize(_TOLD_APART, 8)),
    roles.GUEST_PHYSICAL_WIDTH,
)
"""For the set-up of a direct MMU, which computes what its SPTEs permit."""
_MASKS = (
    spte_masks.HOST_WRITABLE,
    spte_masks.MMU_WRITABLE,
    spte_masks.NX,
    spte_masks.USER,
    *reversed(spte_masks.EXECUTE),
    spte_masks.EXECUTE_USER,
    spte_masks.ACCESSED,
    spte_masks.DIRTY,
    spte_masks.PRESENT,
    spte_masks.TRACKED,
    spte_masks.ENCRYPTED_VALUE,
    spte_masks.ENCRYPTED,
    spte_masks.MMIO_VALUE,
    spte_masks.MMIO,
    spte_masks.MMIO_CACHING,
    spte_masks.AD_ENABLED,
    spte_masks.FORMER_WIDTH,
)
"""What the set-up leaves in ``spte.c`` and the other units read; trees differ in which of them there are."""


TRIES_AGAIN = frozenset(("arch_atomic64_fetch_and",))
"""What tries until nobody has come in between; where nobody does, it never tries again."""


@dataclass(frozen=True)
class _InPlace:
    """How a tree is called for a change: the function under its names over time, and its integers."""

    names: tuple[str, ...]
    values: Mapping[str, int | Bool | BitVec]


def _number(value: int | Bool | BitVec) -> BitVec:
    if isinstance(value, int):
        return bv(value, 64)
    return to_bv(value, 64) if isinstance(value, Bool) else resize(value, 64)


def _operation(*names: str, **values: int | Bool) -> _InPlace:
    return _InPlace(names, MappingProxyType(values))


# The range of page frames is the one frame 0, at which the SPTE is found.
_SHADOW_OPERATIONS = {
    SpteChange.RMAP_WRITE_PROTECT: _operation(functions.RMAP_WRITE_PROTECT, pt_protect=0),
    SpteChange.RMAP_WRITE_TRACK: _operation(functions.RMAP_WRITE_PROTECT, pt_protect=1),
    SpteChange.RMAP_CLEAR_DIRTY: _operation(functions.INNER_RMAP_CLEAR_DIRTY),
    SpteChange.RMAP_AGE: _operation(functions.KVM_RMAP_AGE_GFN_RANGE, "mmu_spte_age", test_only=0),
    SpteChange.RMAP_ZAP: _operation(functions.MMU_SPTE_CLEAR_TRACK_BITS),
}
_TDP_OPERATIONS = {
    SpteChange.TDP_WRITE_PROTECT: _operation(functions.WRPROT_GFN_RANGE, start=0, end=1, min_level=1),
    SpteChange.TDP_WRITE_TRACK: _operation(functions.WRITE_PROTECT_GFN, gfn=0, min_level=1),
    SpteChange.TDP_CLEAR_DIRTY: _operation(functions.CLEAR_DIRTY_GFN_RANGE, start=0, end=1),
    SpteChange.TDP_CLEAR_DIRTY_MASKED: _operation(
        functions.CLEAR_DIRTY_PT_MASKED, gfn=0, mask=1, wrprot=bool_var("clear_dirty_pt_masked(wrprot)")
    ),
    SpteChange.TDP_AGE: _operation("kvm_tdp_mmu_age_spte", "age_gfn_range"),
    SpteChange.TDP_ZAP: _operation(functions.TDP_MMU_ZAP_LEAFS, start=0, end=1, can_yield=0, flush=0),
}


def _walk_at(at: SpteAt, found: Pointer) -> dict[str, BitVec | Pointer]:
    """A walk of the TDP MMU's tables that is at an entry."""
    return {
        tdp_iter.OLD_SPTE: at.spte,
        tdp_iter.SPTEP: found,
        tdp_iter.LEVEL: resize(at.level, 32),
        tdp_iter.GFN: bv(0, 64),
        tdp_iter.VALID: bv(1, 8),
        tdp_iter.YIELDED: bv(0, 8),
    }


class Scene:
    """One call's machine and memory: the masks are set up, and there is one SPTE in one shadow page.

    Args:
        units: the unit whose functions are called, and those that it calls into.
        masks: the masks.
        at: the SPTE, if the call finds one.
        shared: the functions that change the SPTE while others do; None if nobody else does.
    """

    def __init__(
        self,
        units: Sequence[Unit],
        masks: ShadowMasks,
        at: SpteAt | None = None,
        *more: Cut,
        shared: Sequence[str] | None = None,
    ) -> None:
        self.unit, self.memory = units[0], Memory()
        self.sptep = Object(name="*sptep", type=_U64, kind=ObjectKind.UNSET, shared=shared is not None)
        self.page = self._input("sp", kvm_mmu_page.STRUCT)
        self.kvm = self._input("kvm", kvm_vm.STRUCT)
        self.objects = {kvm_vm.STRUCT: pointer_to(self.kvm), kvm_mmu_page.STRUCT: pointer_to(self.page)}
        self.session = Session(
            self.unit, (*self._cuts(at), *more), linked=units[1:], goes_back=TRIES_AGAIN.union(shared or ())
        )
        self._set_masks(units, masks)
        if at is not None:
            self.memory.write(self.sptep, 0, 64, at.spte)
            self._set_level(at.level)

    def _input(self, name: str, record: str) -> Object:
        return Object(name=name, type=self.unit.record(record), kind=ObjectKind.INPUT, by_pointer=True)

    def input(self, name: str, record: str, content: Mapping[str, BitVec | Pointer]) -> Pointer:
        """A pointer to an object from outside, of which some members are known; the pointer goes with the call."""
        made = self._input(name, record)
        self.objects[record] = pointer_to(made)
        for path, value in content.items():
            self.set(made, path, value)
        return self.objects[record]

    def set(self, object_: Object, path: str, value: BitVec | Pointer) -> None:
        """Give a member a value."""
        assert isinstance(object_.type, RecordType)
        place = member(object_.type, path)
        known = resize(value, place.width) if isinstance(value, BitVec) else value
        self.memory.write(object_, place.offset, place.width, known)

    def _set_level(self, level: BitVec) -> None:
        assert isinstance(self.page.type, RecordType)
        role = own_member(self.page.type, kvm_mmu_page.ROLE)
        assert isinstance(role.type, RecordType)
        place = member(role.type, page_role.LEVEL)
        self.memory.write(self.page, role.offset + place.offset, place.width, resize(level, place.width))

    def _set_masks(self, units: Iterable[Unit], masks: ShadowMasks) -> None:
        """Give every unit's declaration of a mask what the set-up has left."""
        state = masks.state
        assert isinstance(state, MasksInMemory)
        for name in _MASKS:
            if not state.session.unit.has_variable(name):
                continue
            value = state.session.global_value(state.memory, name)
            for unit in units:
                if unit.has_variable(name):
                    variable = unit.variable(name)
                    self.memory.write(self.session.machine.global_object(variable), 0, variable.type.bits, value)

    def _cuts(self, at: SpteAt | None) -> tuple[Cut, ...]:
        found, page = pointer_to(self.sptep), pointer_to(self.page)
        known = [*cuts.CUTS, *(replace(cut, gives=page) for cut in cuts.SHADOW_PAGE)]
        if at is None:
            return tuple(known)
        no, entry = bv(0, 8), _walk_at(at, found)
        heads = Object(
            name="rmap_head", type=self.unit.record(kvm_memory_slot.RMAP_HEAD), kind=ObjectKind.INPUT, by_pointer=True
        )
        return (
            *known,
            *(replace(cut, gives=found, stores=self._found(at)) for cut in cuts.FIND_FOR_FAST_FAULT),
            replace(cuts.TDP_START, stores=tuple((0, name, value) for name, value in entry.items())),
            replace(cuts.TDP_NEXT, stores=((0, tdp_iter.VALID, no),)),
            *(replace(cut, gives=found) for cut in cuts.RMAP_FIRST),
            replace(cuts.RMAP_NEXT, gives=NULL),
            replace(cuts.SLOT_START, stores=((0, slot_walk.RMAP, pointer_to(heads)),)),
            replace(cuts.SLOT_NEXT, stores=((0, slot_walk.RMAP, NULL),)),
            replace(cuts.RESCHEDULE, gives=bv(0, 8), stores=((1, tdp_iter.YIELDED, no),)),
            replace(cuts.AFTER_A_CHANGE, gives=bv(0, 32)),
        )

    def _found(self, at: SpteAt) -> tuple[tuple[int, str, BitVec], ...]:
        """What a walk finds; it goes again after others have come in, and finds anything then."""
        return () if self.sptep.shared else ((2, "", at.spte),)

    @property
    def spte(self) -> BitVec:
        """The SPTE as it is now."""
        return read(self.memory, self.sptep, 0, 64)


class LiftedSpteChanges(SpteChanges, Remembers):
    """The parts of a lifted tree that change SPTEs.

    Args:
        spte: ``spte.c``.
        mmu: ``mmu.c``.
        tdp: ``tdp_mmu.c``.
    """

    def __init__(self, spte: Unit, mmu: Unit, tdp: Unit) -> None:
        super().__init__()
        self._spte, self._mmu, self._tdp = spte, mmu, tdp

    # -- predicates ------------------------------------------------------------------------------------

    @once
    def facts(self, masks: ShadowMasks, at: SpteAt) -> SpteFacts:
        """See `SpteChanges.facts`."""
        scene = Scene([self._spte], masks)
        values = {"spte": at.spte, "pte": at.spte, "level": resize(at.level, 32)}

        def integer(name: str) -> BitVec:
            return scene.session.integer(scene.memory, name, objects=scene.objects, values=values)

        def holds(name: str) -> Bool:
            return ne(integer(name), 0)

        checking = Scene([self._spte], masks)
        checking.session.call(checking.memory, "check_spte_writable_invariants", objects={}, values=values)
        return SpteFacts(
            is_shadow_present_pte=holds(functions.IS_SHADOW_PRESENT_PTE),
            is_large_pte=holds("is_large_pte"),
            is_last_spte=holds("is_last_spte"),
            is_writable_pte=holds("is_writable_pte"),
            is_mmu_writable_spte=holds("is_mmu_writable_spte"),
            is_accessed_spte=holds("is_accessed_spte"),
            spte_ad_enabled=holds("spte_ad_enabled"),
            spte_ad_need_write_protect=holds(functions.SPTE_AD_NEED_WRITE_PROTECT),
            is_access_track_spte=holds(functions.IS_ACCESS_TRACK_SPTE),
            writable_invariants=all_of(*(check.holds for check in checking.session.evidence().checks)),
            spte_to_pfn=integer(functions.SPTE_TO_PFN),
        )

    @once
    def is_executable_pte(self, masks: ShadowMasks, spte: BitVec) -> Bool:
        """See `SpteChanges.is_executable_pte`."""
        if self._judges_by_table:
            return self.is_access_allowed(masks, FastFault(present=TRUE, write=FALSE, exec=TRUE, rsvd=FALSE), spte)
        scene = Scene([self._spte], masks)
        return ne(scene.session.integer(scene.memory, "is_executable_pte", objects={}, values={"spte": spte}), 0)

    @once
    def is_access_allowed(self, masks: ShadowMasks, fault: FastFault, spte: BitVec) -> Bool:
        """See `SpteChanges.is_access_allowed`."""
        if self._judges_by_table:
            return self._passes_table(masks, fault, spte)
        scene = Scene([self._mmu, self._spte], masks)
        self._set_fault(scene, fault)
        values = {"spte": spte}
        return ne(
            scene.session.integer(scene.memory, functions.IS_ACCESS_ALLOWED, objects=scene.objects, values=values), 0
        )

    @property
    def _judges_by_table(self) -> bool:
        """Whether an SPTE is judged by the MMU's own table of permissions, as since 7.3."""
        return self._mmu.has_function(_BY_TABLE)

    def fault_modes(self, masks: ShadowMasks) -> FaultModes | None:
        """See `SpteChanges.fault_modes`."""
        if not self._judges_by_table:
            return None
        return FaultModes(_USER, ne(_TOLD_APART, 0) if (masks.vendor is not Vendor.SHADOW) else FALSE)

    def _passes_table(self, masks: ShadowMasks, fault: FastFault, spte: BitVec) -> Bool:
        scene = Scene([self._mmu, self._spte], masks, None, *_SET_UP)
        self._set_fault(scene, fault)
        vcpu = self._vcpu_with_direct_mmu(scene, masks)
        root = Mmus(vcpu).find(Part.ROOT_MMU)
        assert isinstance(root.type, RecordType)
        objects = {**scene.objects, root.type.name: pointer_to(vcpu, root.offset)}
        result = scene.session.integer(scene.memory, _BY_TABLE, objects=objects, values={"spte": spte})
        return eq(result, 0)

    def _vcpu_with_direct_mmu(self, scene: Scene, masks: ShadowMasks) -> Object:
        """A vCPU that uses its direct MMU; where that has a table of permissions, KVM's own set-up has filled it."""
        vcpu = self._vcpu(scene)
        scene.objects[kvm_vcpu.STRUCT] = pointer_to(vcpu)
        assert isinstance(vcpu.type, RecordType)
        if not self._judges_by_table:
            return vcpu
        mmus, tdp = Mmus(vcpu), (masks.vendor is not Vendor.SHADOW)
        mmus.connect(scene.memory, nested=False, l2=False)
        root = mmus.place(Part.ROOT_MMU, kvm_mmu.ROOT_ROLE)
        # A vCPU begins with zeros, and no role of an MMU in use is zero.
        zeros = {root: 0, own_member(vcpu.type, kvm_vcpu.HFLAGS): 0} | (
            {} if tdp else {own_member(vcpu.type, kvm_vcpu.CR0): 0}
        )
        for place, value in zeros.items():
            scene.memory.write(vcpu, place.offset, place.width, bv(value, place.width))
        self._enable_tdp(scene, on=tdp)
        scene.session.call(scene.memory, functions.KVM_INIT_MMU, objects={kvm_vcpu.STRUCT: pointer_to(vcpu)})
        self._forget_assertions(scene)
        return vcpu

    def _vcpu(self, scene: Scene) -> Object:
        """A vCPU of the VM."""
        vcpu = Object(name="vcpu", type=self._mmu.record(kvm_vcpu.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        assert isinstance(vcpu.type, RecordType)
        scene.memory.write(vcpu, own_member(vcpu.type, kvm_vcpu.KVM).offset, 64, pointer_to(scene.kvm))
        return vcpu

    def _enable_tdp(self, scene: Scene, *, on: bool) -> None:
        enabled = scene.session.global_object(switches.TDP_ENABLED)
        scene.memory.write(enabled, 0, enabled.type.bits, bv(on, enabled.type.bits))

    def _forget_assertions(self, scene: Scene) -> None:
        """Go on without what a set-up itself asserts, which is the subject of the theorems on roles."""
        scene.session = Session(self._mmu, None, scene.session)

    @once
    def spte_permission_fault(
        self, masks: ShadowMasks, kind: MmuKind, now: MmuRequest, error_code: BitVec, spte: BitVec
    ) -> SpteJudged:
        """See `SpteChanges.spte_permission_fault`."""
        if not self._judges_by_table:
            raise NotThere([f"{_BY_TABLE}()"])
        scene = Scene([self._mmu, self._spte], masks, None, *_SET_UP)
        vcpu = self._vcpu_set_up(scene, masks, kind, now)
        mmu = Mmus(vcpu).built(kind)
        assert isinstance(mmu.type, RecordType)
        role = member(mmu.type, kvm_mmu.ROOT_ROLE)
        scene.input("fault", kvm_page_fault.STRUCT, self._told_of_fault(scene.memory.copy(), vcpu, error_code))
        objects = {**scene.objects, mmu.type.name: pointer_to(vcpu, mmu.offset)}
        result = scene.session.integer(scene.memory, _BY_TABLE, objects=objects, values={"spte": spte})
        smep = bit_field(replace(role, offset=mmu.offset + role.offset), page_role.CR4_SMEP)
        return SpteJudged(
            faults=ne(result, 0),
            told_apart=ne(read_member(scene.memory, vcpu, smep), 0),
            evidence=masks.evidence + scene.session.evidence(),
        )

    def _vcpu_set_up(self, scene: Scene, masks: ShadowMasks, kind: MmuKind, now: MmuRequest) -> Object:
        """A vCPU one of whose MMUs has been set up for the first time."""
        vcpu = self._vcpu(scene)
        mmus = Mmus(vcpu)
        # A vCPU begins with zeros, and no role of an MMU in use is zero.
        for part in Part:
            place = mmus.find(part)
            assert isinstance(place.type, RecordType)
            for role in (each for each in place.type.fields if each.name in (kvm_mmu.CPU_ROLE, kvm_mmu.ROOT_ROLE)):
                scene.memory.write(vcpu, place.offset + role.offset, role.width, bv(0, role.width))
        mmus.connect(scene.memory, nested=kind not in (MmuKind.TDP, MmuKind.SHADOW), l2=False)
        self._enable_tdp(scene, on=kind is not MmuKind.SHADOW)
        set_up_once(scene.session, scene.memory, vcpu, kind, now, largest_page=var("huge_page_level", 32))
        self._forget_assertions(scene)
        return vcpu

    def _told_of_fault(self, memory: Memory, vcpu: Object, error_code: BitVec) -> dict[str, BitVec | Pointer]:
        """What ``kvm_mmu_do_page_fault()`` tells an MMU's handler of a fault, as far as SPTEs are judged by it."""
        session, handler = Session(self._mmu, cuts.DO_PAGE_FAULT), cuts.PAGE_FAULT.function
        # Whichever handler it is, it is told the same, but for whether it is this one.
        for part in (Part.ROOT_MMU, Part.NESTED_MMU):
            place, this = Mmus(vcpu).place(part, kvm_mmu.PAGE_FAULT), FunctionRef(handler, known=True)
            memory.write(vcpu, place.offset, place.width, Pointer((Target(guard=TRUE, function=this),)))
        session.call(
            memory,
            functions.KVM_MMU_DO_PAGE_FAULT,
            objects={kvm_vcpu.STRUCT: pointer_to(vcpu)},
            values={"cr2_or_gpa": var("cr2_or_gpa", 64), "err": error_code, "prefetch": bv(0, 8)},
            pointers={"emulation_type": NULL, "level": NULL},
        )
        call = session.calls(handler)[0]
        fault = as_pointer(call.arguments[1]) if call.arguments[1] is not None else None
        told_at = fault.targets[0].place if fault is not None else None
        if told_at is None or call.memory is None or not isinstance(told_at.object.type, RecordType):
            raise Refused(f"{call.function}() is told of no fault", str(call.at))
        found: dict[str, BitVec | Pointer] = {}
        for name in _OF_FAULT:
            told = member(told_at.object.type, name)
            found[name] = read(call.memory, told_at.object, told_at.offset + told.offset, told.width)
        return found

    @once
    def is_nx_huge_page_enabled(self, masks: ShadowMasks) -> Bool:
        """See `SpteChanges.is_nx_huge_page_enabled`."""
        scene = Scene([self._spte], masks)
        return ne(scene.session.integer(scene.memory, functions.IS_NX_HUGE_PAGE_ENABLED, objects=scene.objects), 0)

    @once
    def page_needs_write_protection(self, masks: ShadowMasks) -> Bool:
        """See `SpteChanges.page_needs_write_protection`."""
        return self._of_page(masks, "kvm_mmu_page_ad_need_write_protect")

    @once
    def page_is_mirror(self, masks: ShadowMasks) -> Bool:
        """See `SpteChanges.page_is_mirror`."""
        return self._of_page(masks, functions.IS_MIRROR_SP) if self._mmu.has_function(functions.IS_MIRROR_SP) else FALSE

    @once
    def page_is_invalid(self, masks: ShadowMasks) -> Bool:
        """See `SpteChanges.page_is_invalid`."""
        scene = Scene([self._mmu], masks)
        assert isinstance(scene.page.type, RecordType)
        place = bit_field(own_member(scene.page.type, kvm_mmu_page.ROLE), page_role.INVALID)
        return ne(read_member(scene.memory, scene.page, place), 0)

    def _of_page(self, masks: ShadowMasks, predicate: str) -> Bool:
        scene = Scene([self._mmu], masks)
        return ne(scene.session.integer(scene.memory, predicate, objects=scene.objects), 0)

    # -- values ----------------------------------------------------------------------------------------

    def _holding(self, *names: str) -> list[Unit]:
        """The unit of SPTEs, and before it one of the two that use it, if a function stands there and not in it."""
        found = (unit for unit in (self._spte, self._tdp, self._mmu) if any(map(unit.find_function, names)))
        first = next(found, self._spte)
        return [first] if first is self._spte else [first, self._spte]

    @once
    def make_nonleaf_spte(self, masks: ShadowMasks, page_table: BitVec, ad_disabled: Bool) -> Changed:
        """See `SpteChanges.make_nonleaf_spte`."""
        known = replace(cuts.PAGE_TABLE_ADDRESS, gives=page_table)
        scene = Scene(self._holding(functions.MAKE_NONLEAF_SPTE), masks, None, known)
        table = Object(name="*child_pt", type=_U64, kind=ObjectKind.INPUT)
        made = scene.session.integer(
            scene.memory,
            functions.MAKE_NONLEAF_SPTE,
            objects={},
            values={"ad_disabled": to_bv(ad_disabled, 8)},
            pointers={"child_pt": pointer_to(table)},
        )
        return Changed(made, masks.evidence + scene.session.evidence())

    @once
    def make_small_spte(self, masks: ShadowMasks, request: SplitRequest) -> Changed:
        """See `SpteChanges.make_small_spte`."""
        names = functions.MAKE_SMALL_SPTE, functions.MAKE_HUGE_PAGE_SPLIT_SPTE
        scene = Scene(self._holding(*names), masks)
        union = scene.unit.record(page_role.UNION)
        role = Object(name="role", type=union, kind=ObjectKind.INPUT)
        scene.set(role, "level", request.level)
        scene.set(role, page_role.ACCESS, request.access)
        made = scene.session.integer(
            scene.memory,
            names,
            objects=scene.objects,
            values={"huge_spte": request.huge_spte, "index": request.index},
            records={union.name: Place(role, 0)},
        )
        return Changed(made, masks.evidence + scene.session.evidence())

    @once
    def make_huge_spte(self, masks: ShadowMasks, small_spte: BitVec, level: BitVec) -> Changed:
        """See `SpteChanges.make_huge_spte`."""
        scene = Scene(self._holding(functions.MAKE_HUGE_SPTE), masks)
        values = {"small_spte": small_spte, "level": resize(level, 32)}
        made = scene.session.integer(scene.memory, functions.MAKE_HUGE_SPTE, objects=scene.objects, values=values)
        return Changed(made, masks.evidence + scene.session.evidence())

    # -- in place --------------------------------------------------------------------------------------

    @once
    def change(self, masks: ShadowMasks, change: SpteChange, at: SpteAt) -> Changed:
        """See `SpteChanges.change`."""
        scene, result = self.performed(masks, change, at)
        flushes = truth(result) if change.reports_flush and result is not None else FALSE
        evidence = masks.evidence + scene.session.evidence()
        return Changed(scene.spte, evidence, self._without_reference(scene), flushes)

    def performed(
        self, masks: ShadowMasks, change: SpteChange, at: SpteAt, *, shared: bool = False
    ) -> tuple[Scene, Value | None]:
        """What an operation in place has left, and what it gives back; ``shared`` if others write the SPTE as well."""
        shadow = change in _SHADOW_OPERATIONS
        operation = (_SHADOW_OPERATIONS if shadow else _TDP_OPERATIONS)[change]
        return self._done(masks, operation, at, shadow=shadow, shared=shared)

    def zapped_in_root(self, masks: ShadowMasks, at: SpteAt, zap_level: BitVec) -> Scene:
        """What ``__tdp_mmu_zap_root()`` has left that shares the lock, of an SPTE that others write as well."""
        operation = _InPlace((functions.INNER_TDP_MMU_ZAP_ROOT,), {"shared": 1, "zap_level": zap_level})
        return self._done(masks, operation, at, shadow=False, shared=True)[0]

    def _done(
        self, masks: ShadowMasks, operation: _InPlace, at: SpteAt, *, shadow: bool, shared: bool
    ) -> tuple[Scene, Value | None]:
        units = [self._mmu if shadow else self._tdp, self._spte]
        scene = Scene(units, masks, at, shared=operation.names if shared else None)
        found = pointer_to(scene.sptep)
        for record, content in self._walked(scene, at, shadow=shadow).items():
            scene.input(record.removeprefix("struct "), record, content)
        values = {name: _number(value) for name, value in operation.values.items()}
        result = scene.session.call(
            scene.memory, operation.names, objects=scene.objects, values=values, pointers={"sptep": found}
        )
        return scene, result

    def _without_reference(self, scene: Scene) -> Bool:
        """Whether what the tree counts, if it counts anything, is nothing."""
        count = cuts.PAGE_COUNT.function
        return eq(var(f"{count}()", 32), 0) if scene.session.calls(count) else FALSE

    def _walked(self, scene: Scene, at: SpteAt, *, shadow: bool) -> dict[str, dict[str, BitVec | Pointer]]:
        """The structs by which callers say where the SPTE is."""
        if shadow:
            return {
                kvm_memory_slot.RMAP_HEAD: {},
                kvm_memory_slot.STRUCT: {},
                kvm_gfn_range.STRUCT: {kvm_gfn_range.START: bv(0, 64), kvm_gfn_range.END: bv(1, 64)},
            }
        return {tdp_iter.STRUCT: _walk_at(at, pointer_to(scene.sptep)), kvm_gfn_range.STRUCT: {}}

    def _set_fault(self, scene: Scene, fault: FastFault) -> None:
        scene.input(
            "fault",
            kvm_page_fault.STRUCT,
            {
                kvm_page_fault.PRESENT: to_bv(fault.present),
                kvm_page_fault.WRITE: to_bv(fault.write),
                kvm_page_fault.EXEC: to_bv(fault.exec),
                kvm_page_fault.RSVD: to_bv(fault.rsvd),
                # As kvm_mmu_do_page_fault() makes one of the other.
                kvm_page_fault.ERROR_CODE: concat(
                    *(to_bv(flag) for flag in (fault.exec, fault.rsvd, _USER, fault.write, fault.present))
                ),
            },
        )

    def handled(
        self, masks: ShadowMasks, fault: FastFault, at: SpteAt, *, shared: bool = False
    ) -> tuple[Scene, Object, BitVec]:
        """What ``fast_page_fault()`` has left, the vCPU, and the result; ``shared`` as in `performed`."""
        more = _SET_UP if self._judges_by_table else ()
        name = functions.FAST_PAGE_FAULT
        scene = Scene([self._mmu, self._spte], masks, at, *more, shared=[name] if shared else None)
        self._set_fault(scene, fault)
        vcpu = self._vcpu_with_direct_mmu(scene, masks)
        return scene, vcpu, scene.session.integer(scene.memory, name, objects=scene.objects)

    @once
    def fast_page_fault(self, masks: ShadowMasks, fault: FastFault, at: SpteAt) -> FastFixed:
        """See `SpteChanges.fast_page_fault`."""
        scene, vcpu, result = self.handled(masks, fault, at)
        assert isinstance(vcpu.type, RecordType)
        in_use = own_member(vcpu.type, kvm_mmu.IN_USE)
        assert isinstance(in_use.type, PointerType)
        assert isinstance(in_use.type.target, RecordType)
        mmu, root = pointee(scene.memory, vcpu, in_use), own_member(in_use.type.target, kvm_mmu.ROOT_HPA)
        loaded = ne(~read(scene.memory, mmu.object, mmu.offset + root.offset, root.width), 0)

        def returns(name: str) -> Bool:
            return eq(result, constant_of(self._mmu, name))

        evidence = masks.evidence + scene.session.evidence()
        fault_at = scene.objects[kvm_page_fault.STRUCT].targets[0].place
        assert fault_at is not None
        assert isinstance(fault_at.object.type, RecordType)
        slot = own_member(fault_at.object.type, kvm_page_fault.SLOT)
        logged = self._logs(scene, scene.memory.read(fault_at.object, slot.offset, slot.width))
        marked = scene.session.called(cuts.MARK_DIRTY.function)
        return FastFixed(
            fixed=returns(constants.RET_PF_FIXED),
            spurious=returns(constants.RET_PF_SPURIOUS),
            spte=scene.spte,
            marked_dirty=marked,
            logged=logged,
            evidence=evidence,
            root_loaded=loaded,
        )

    def _logs(self, scene: Scene, slot: Value) -> Bool:
        """Whether a memory slot logs writes, if there is one."""
        pointer = as_pointer(slot)
        assert pointer is not None
        there = Pointer(tuple(target for target in pointer.targets if target.place is not None))
        objects = {kvm_memory_slot.STRUCT: there}
        return ne(scene.session.integer(scene.memory, functions.KVM_SLOT_DIRTY_TRACK_ENABLED, objects=objects), 0)
