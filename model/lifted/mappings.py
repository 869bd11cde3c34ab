"""What the callers of make_spte() ask it for, in a lifted tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.c_types import IntType, RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import NULL, Memory, Object, ObjectKind, Pointer, Value, pointer_to
from mmuproof.lift.machine.values import as_pointer, choose, truth
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.mappings import CUTS, FIND_FRAME, FRAME_OF_SLOT, IS_PRIVATE, LOOKS_FOR_FRAME, READ_GUEST
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import answer_of, left_by, says_legal
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.host_width import host_width
from mmuproof.model.lifted.mmus import Mmus
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, argument, member, own_member, pointee, read, read_member
from mmuproof.model.lifted.walks import WalkInMemory
from mmuproof.model.mappings import AdjustedLevel, CheckedEptp, FrameFound, MappingAsked, Mappings
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.named import (
    constants,
    functions,
    kvm_memory_slot,
    kvm_mmu_page,
    kvm_page_fault,
    kvm_vcpu,
    kvm_vm,
    page_role,
    spte_masks,
    switches,
    vcpu_vmx,
)
from mmuproof.model.walks import GuestWalk
from mmuproof.smt.terms import (
    FALSE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bool_var,
    bv,
    eq,
    iff,
    ite,
    ne,
    negate,
    resize,
    var,
    zext,
)

_U64 = IntType(64, False, "u64")
_NO_FRAME, _INVALID_SLOT, _APIC_PAGE = 1 << 63, 1 << 16, 0x7FFF - 2
_READ_ONLY = (0x7FF << 52) + 2
"""What stands for a frame that nobody may write."""
_COUNT, _NOTED = kvm_vm.MMU_INVALIDATE_SEQ, kvm_page_fault.MMU_SEQ
"""How often memory was taken away, in a VM and in a fault."""
# By which name, and at which position, the access is handed on; kernels have changed how many calls that takes.
_HANDED_ON = {
    functions.KVM_MMU_PREFETCH_SPTES: "access",
    functions.MMU_SET_SPTE: "pte_access",
    functions.MAKE_SPTE: "pte_access",
}


_LEGAL = (functions.KVM_VCPU_IS_LEGAL_GPA, functions.KVM_VCPU_IS_ILLEGAL_GPA)
"""What says whether L1 can have an address, now and formerly."""


class LiftedMappings(Mappings, Remembers):
    """The part of a lifted tree that decides what to map (``mmu.c``).

    Args:
        unit: holds the functions.
        makes_sptes: holds make_spte() itself (``spte.c``).
        nested: holds what VMX checks before it runs L2 (``nested.c``).
    """

    def __init__(self, unit: Unit, makes_sptes: Unit, nested: Unit) -> None:
        super().__init__()
        self._unit, self._makes_sptes, self._nested = unit, makes_sptes, nested

    @once
    def prefetch_gpte(self, walk: GuestWalk, masks: ShadowMasks) -> MappingAsked:
        """See `Mappings.prefetch_gpte`."""
        session, memory, vcpu, page = self._start(walk, masks)
        gpte = var("gpte", 64)
        session.call(
            memory,
            "ept_prefetch_gpte",
            objects={kvm_vcpu.STRUCT: pointer_to(vcpu), kvm_mmu_page.STRUCT: pointer_to(page)},
            values={"gpte": gpte, "no_dirty_log": bv(1, 8)},
            pointers={"spte": pointer_to(Object(name="*spte", type=_U64, kind=ObjectKind.INPUT, by_pointer=True))},
        )
        return self._asked(session, memory, page, gpte, FALSE)

    @once
    def sync_spte(self, walk: GuestWalk, masks: ShadowMasks) -> MappingAsked:
        """See `Mappings.sync_spte`."""
        session, memory, vcpu, page = self._start(walk, masks)
        before = memory.copy()
        session.call(
            memory,
            "ept_sync_spte",
            objects={kvm_vcpu.STRUCT: pointer_to(vcpu), kvm_mmu_page.STRUCT: pointer_to(page)},
            values={"i": bv(0, 32)},
        )
        return self._asked(
            session,
            memory,
            page,
            left_by(session.only_call(READ_GUEST.function), READ_GUEST, 64),
            self._had_spte(before, page),
        )

    def _start(self, walk: GuestWalk, masks: ShadowMasks) -> tuple[Session, Memory, Object, Object]:
        """A vCPU that runs L2 on a nested EPT, and a shadow page of its."""
        state = walk.state
        assert isinstance(state, WalkInMemory)
        session, memory = Session(self._unit, CUTS), state.memory.copy()
        vcpu = state.vcpu
        Mmus(vcpu).connect(memory, nested=True, l2=False)
        memory.write(session.global_object(spte_masks.PRESENT), 0, 64, masks.present)
        page = Object(name="sp", type=self._unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        return session, memory, vcpu, page

    def _had_spte(self, memory: Memory, page: Object) -> Bool:
        """What ept_sync_spte() warns of unless it is so."""
        assert isinstance(page.type, RecordType)
        sptes, notes = (member(page.type, name) for name in (kvm_mmu_page.SPT, kvm_mmu_page.SHADOWED_TRANSLATION))
        nothing = self._makes_sptes.constant(constants.SHADOW_NONPRESENT_VALUE) or 0
        spte = read(memory, pointee(memory, page, sptes).object, 0, 64)
        return all_of(ne(spte, nothing), truth(memory.read(page, notes.offset, notes.width)))

    def _asked(self, session: Session, memory: Memory, page: Object, gpte: BitVec, had_spte: Bool) -> MappingAsked:
        calls = session.calls(*_HANDED_ON)
        if not calls:
            raise Refused("no call that makes an SPTE")
        access = self._handed_on(calls[0])
        for call in calls[1:]:
            access = ite(call.guard, self._handed_on(call), access)
        assert isinstance(page.type, RecordType)
        role = own_member(page.type, kvm_mmu_page.ROLE)

        def of_role(name: str) -> BitVec:
            place = member(role.type, name)  # type: ignore[arg-type]
            return read(memory, page, role.offset + place.offset, place.width)

        return MappingAsked(
            caller=calls[0].caller,
            at=str(calls[0].at),
            when=any_of(*(call.guard for call in calls)),
            pte_access=access,
            gpte=gpte,
            parents_access=zext(of_role(page_role.ACCESS), 32),
            level=of_role(page_role.LEVEL),
            had_spte=had_spte,
            evidence=session.evidence(),
        )

    def _handed_on(self, call: CallMade) -> BitVec:
        unit = self._makes_sptes if call.function == functions.MAKE_SPTE else self._unit
        return resize(argument(unit, call, _HANDED_ON[call.function]), 32)

    @once
    def hugepage_adjust(self) -> AdjustedLevel:
        """See `Mappings.hugepage_adjust`."""
        session, memory = Session(self._unit, CUTS), Memory()
        function = self._unit.function(functions.KVM_MMU_HUGEPAGE_ADJUST)
        fault, slot, vcpu = (
            Object(name=name, type=self._unit.record(record), kind=ObjectKind.INPUT, by_pointer=True)
            for name, record in (
                ("fault", kvm_page_fault.STRUCT),
                ("fault->slot", kvm_memory_slot.STRUCT),
                ("vcpu", kvm_vcpu.STRUCT),
            )
        )
        assert isinstance(fault.type, RecordType)
        assert isinstance(slot.type, RecordType)
        at_slot, at_level = member(fault.type, kvm_page_fault.SLOT), member(fault.type, kvm_page_fault.GOAL_LEVEL)
        memory.write(fault, at_slot.offset, at_slot.width, pointer_to(slot))
        memory.write(fault, at_level.offset, at_level.width, bv(1, at_level.width))
        session.call(
            memory,
            functions.KVM_MMU_HUGEPAGE_ADJUST,
            objects={kvm_vcpu.STRUCT: pointer_to(vcpu), kvm_page_fault.STRUCT: pointer_to(fault)},
        )
        tracked = session.integer(
            memory, functions.KVM_SLOT_DIRTY_TRACK_ENABLED, objects={kvm_memory_slot.STRUCT: pointer_to(slot)}
        )
        level = read_member(memory, fault, at_level)
        return AdjustedLevel(resize(level, 8), ne(tracked, 0), str(function.location), session.evidence())

    @once
    def check_eptp(self) -> CheckedEptp:
        """See `Mappings.check_eptp`."""
        session, memory, eptp = Session(self._nested, CUTS), Memory(), var("new_eptp", 64)
        name = functions.NESTED_VMX_CHECK_EPTP
        vmx = Object(name="vmx", type=self._nested.record(vcpu_vmx.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        assert isinstance(vmx.type, RecordType)
        vcpu = {kvm_vcpu.STRUCT: pointer_to(vmx, own_member(vmx.type, kvm_vcpu.IN_VENDORS).offset)}
        accepted = session.integer(memory, name, objects=vcpu, values={"new_eptp": eptp})
        at = str(self._nested.function(name).location)
        legal = [says_legal(call) for call in session.calls(*_LEGAL)]
        return CheckedEptp(
            eptp=eptp,
            offered=read_member(memory, vmx, own_member(vmx.type, vcpu_vmx.NESTED_MSRS_EPT_CAPS)),
            legal=legal[0] if legal else FALSE,
            accepted=ne(accepted, 0),
            at=at,
            evidence=session.evidence(),
        )

    @once
    def find_frame(self) -> FrameFound:
        """See `Mappings.find_frame`."""
        with_slot = bool_var("a memory slot has the frame")
        gfn, has_frame = var("fault->gfn", 64), var("the frame of the slot", 64)

        def of_slot(arguments: Sequence[Value | None]) -> Value:
            slot = arguments[0]
            assert isinstance(slot, Pointer)
            return ite(slot.is_null, bv(_NO_FRAME, 64), has_frame & ~bv(_NO_FRAME, 64))

        looks = tuple(replace(cut, watched=True) for cut in (replace(FRAME_OF_SLOT, gives=of_slot), *LOOKS_FOR_FRAME))
        watched = (*looks, replace(IS_PRIVATE, watched=True))
        others = tuple(cut for cut in FIND_FRAME if cut.function not in {each.function for each in watched})
        bench = Bench(self._unit, (*watched, *others))
        vcpu, fault = bench.add("vcpu", kvm_vcpu.STRUCT), bench.add("fault", kvm_page_fault.STRUCT)
        bench.write(vcpu, kvm_vcpu.KVM, pointer_to(bench.add("kvm", kvm_vm.STRUCT)))
        slot = bench.add("fault->slot", kvm_memory_slot.STRUCT)
        bench.write(fault, kvm_page_fault.SLOT, choose(with_slot, pointer_to(slot), NULL))
        bench.write(fault, kvm_page_fault.GFN, gfn)
        private = ne(bench.read(fault, kvm_page_fault.IS_PRIVATE), 0) if self._has_private else FALSE
        counted = bench.read(bench.pointee(vcpu, kvm_vcpu.KVM), _COUNT)
        goes_on, answer = self._goes_on(bench)
        place = bench.place(fault, kvm_page_fault.SLOT)
        left = as_pointer(bench.memory.read(fault, place.offset, place.width))
        assert left is not None
        searches = bench.session.calls(*(cut.function for cut in looks))
        kinds = bench.session.calls(IS_PRIVATE.function)
        found = any_of(*(all_of(call.guard, self._says_go_on(call)) for call in searches))
        return FrameFound(
            goes_on=goes_on,
            gfn=gfn,
            private=private,
            with_slot=with_slot,
            going=all_of(with_slot, ne(bench.read(slot, kvm_memory_slot.FLAGS) & _INVALID_SLOT, 0)),
            caches_mmio=bench.setting(spte_masks.MMIO_CACHING),
            with_tdp=bench.setting(switches.TDP_ENABLED),
            width=host_width(bench.session, bench.memory),
            pfn=bench.read(fault, kvm_page_fault.PFN),
            maps_slot=negate(left.is_null),
            other_kind=self._differs(bench.session, private),
            apic_page=eq(bench.read(slot, kvm_memory_slot.ID), _APIC_PAGE),
            for_l2=ne(bench.read(vcpu, kvm_vcpu.HFLAGS) & constant_of(self._unit, constants.HF_GUEST_MASK), 0),
            apic_serves=bench.session.says("kvm_apicv_activated"),
            sought=any_of(*(call.guard for call in searches)),
            uncounted=any_of(*(all_of(call.guard, self._has_not(bench, fault, call, counted)) for call in searches)),
            kind_asked=any_of(*(call.guard for call in kinds)),
            kind_uncounted=any_of(*(all_of(call.guard, self._has_not(bench, fault, call, counted)) for call in kinds)),
            read_only=all_of(found, eq(bench.read(fault, kvm_page_fault.PFN), _READ_ONLY)),
            emulates=eq(answer, constant_of(self._unit, constants.RET_PF_EMULATE)),
            evidence=bench.session.evidence(),
        )

    @property
    def _has_private(self) -> bool:
        return self._unit.has_member(kvm_page_fault.STRUCT, kvm_page_fault.IS_PRIVATE)

    def _differs(self, session: Session, private: Bool) -> Bool:
        """Whether the memory of the frame is of another kind than the fault is for; if nobody asks it may be."""
        if not self._has_private or self._unit.find_function(IS_PRIVATE.function) is None:
            return FALSE
        return negate(iff(private, session.says(IS_PRIVATE.function)))

    def _says_go_on(self, call: CallMade) -> Bool:
        # The oldest kernels go on by what is asked next, too: of what they find nothing is said.
        if call.function == FRAME_OF_SLOT.function:
            return FALSE
        return eq(answer_of(call, 32), constant_of(self._unit, constants.RET_PF_CONTINUE))

    def _has_not(self, bench: Bench, fault: Object, call: CallMade, counted: BitVec) -> Bool:
        """Whether a fault does not have a count as it was; older kernels keep it elsewhere."""
        if not self._unit.has_member(kvm_page_fault.STRUCT, _NOTED):
            return FALSE
        return ne(bench.read(fault, _NOTED, call.memory), counted)

    def _goes_on(self, bench: Bench) -> tuple[Bool, BitVec]:
        """Whether a fault is to be mapped; the oldest kernels ask two functions one after the other."""
        finds = self._unit.function(functions.KVM_MMU_FAULTIN_PFN, functions.KVM_FAULTIN_PFN).name
        goes_on = constant_of(self._unit, constants.RET_PF_CONTINUE)
        access = var("access", 32)
        answer = bench.integer(finds, access=access)
        found = eq(answer, goes_on)
        # Here all faults are looked at that the function before has let go on; of others nothing is said.
        if any(each.name == "access" for each in self._unit.function(finds).parameters):
            return found, answer
        later = bench.integer(functions.HANDLE_ABNORMAL_PFN, access=access)
        return all_of(found, eq(later, goes_on)), ite(found, later, answer)
