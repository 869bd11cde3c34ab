"""Shadow page-table entries in a lifted tree: predicates, make_spte(), access tracking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.c_types import IntType, RecordType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Pointer, Value, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.sptes import (
    CUTS,
    GET_MT_MASK,
    IS_MMIO_PFN,
    IS_MMIO_PFN_UNKNOWN,
    LEAVE_GUEST,
    MARK_DIRTY,
    MMIO_NOTED,
    NOTE_MMIO,
    TRACK_MMIO,
    TRY_TO_UNSYNC,
)
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.masks import MasksInMemory
from mmuproof.model.lifted.mmio import give_mmio_value
from mmuproof.model.lifted.mmio_notes import MmioNotes, is_mitigated
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, member, own_member, read
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu, kvm_mmu_page, kvm_vcpu, kvm_vm, page_role
from mmuproof.model.sptes import (
    AskedMemoryType,
    AskedToNote,
    AskedToUnsync,
    MadeSpte,
    MmioAnswers,
    MmioNote,
    Predicates,
    SpteRequest,
    Sptes,
    Told,
    Tracked,
)
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import FALSE, BitVec, Bool, bv, eq, ite, ne, negate, resize, to_bv, var

# The table's struct is whatever the function takes; 7.3 moved it into the page format.


def _told(session: Session, cut: Cut, *which: int | tuple[str, ...]) -> tuple[Bool, list[BitVec]]:
    """Whether a function that is not followed is called, and what it is given, 64 bits each.

    Which arguments are meant is told by what the parameters may be called, or by positions where they have no name.
    """
    calls = session.calls(cut.function)
    given = [bv(0, 64) for _ in which]
    for call in calls:
        for number, each in enumerate(which):
            argument = call.arguments[each] if isinstance(each, int) else session.argument(call, *each)
            assert isinstance(argument, BitVec)
            given[number] = ite(call.guard, resize(argument, 64), given[number])
    return session.called(cut.function), given


_IS_MMIO = var(f"{IS_MMIO_PFN.function}()", 1)


def _mmio_by_frame(pfn: BitVec) -> tuple[Cut, ...]:
    """The question whether a frame is MMIO, with one answer for a frame, and one for all others."""

    def answer(arguments: Sequence[Value | None]) -> Value:
        asked = arguments[0]
        assert isinstance(asked, BitVec)
        other = var(f"{IS_MMIO_PFN.function}() of another frame", 1)
        return resize(ite(eq(resize(asked, 64), pfn), _IS_MMIO, other), 8)

    return tuple(replace(cut, gives=answer) for cut in (IS_MMIO_PFN, IS_MMIO_PFN_UNKNOWN))


class LiftedSptes(Sptes, Remembers):
    """The part of a lifted tree that makes SPTEs (``spte.c``)."""

    def __init__(self, unit: Unit) -> None:
        super().__init__()
        self._unit = unit

    def _kvm(self, memory: Memory, masks: ShadowMasks) -> Object:
        """A virtual machine as it is initialised: its MMIO value is the global one."""
        kvm = Object(name="kvm", type=self._unit.record(kvm_vm.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        give_mmio_value(self._unit, memory, kvm, masks)
        return kvm

    def _start(self, masks: ShadowMasks, *more: Cut) -> tuple[Session, Memory, dict[str, Pointer]]:
        state = masks.state
        assert isinstance(state, MasksInMemory)
        memory = state.memory.copy()
        kvm = self._kvm(memory, masks)
        return Session(self._unit, (*more, *CUTS), state.session), memory, {kvm_vm.STRUCT: pointer_to(kvm)}

    @once
    def predicates(self, masks: ShadowMasks, spte: BitVec) -> Predicates:
        """See `Sptes.predicates`."""
        session, memory, objects = self._start(masks)

        def holds(*names: str) -> Bool:
            return ne(session.integer(memory, names, objects=objects, values={"spte": spte, "pte": spte}), 0)

        return Predicates(
            is_frozen=holds("is_frozen_spte", "is_removed_spte"),
            is_mmio=holds(functions.IS_MMIO_SPTE),
            is_shadow_present=holds(functions.IS_SHADOW_PRESENT_PTE),
        )

    @once
    def make_spte(self, masks: ShadowMasks, request: SpteRequest) -> MadeSpte:
        """See `Sptes.make_spte`."""
        session, memory, objects = self._start(masks, *_mmio_by_frame(request.pfn))
        (kvm_target,) = objects[kvm_vm.STRUCT].targets
        assert kvm_target.place is not None
        page = Object(name="sp", type=self._unit.record(kvm_mmu_page.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        vcpu = Object(name="vcpu", type=self._unit.record(kvm_vcpu.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        slot = Object(
            name="slot", type=self._unit.record(kvm_memory_slot.STRUCT), kind=ObjectKind.INPUT, by_pointer=True
        )
        assert isinstance(page.type, RecordType)
        assert isinstance(vcpu.type, RecordType)
        for name, value in ((page_role.LEVEL, request.level), (page_role.AD_DISABLED, to_bv(request.ad_disabled))):
            place = member(own_member(page.type, kvm_mmu_page.ROLE).type, name)  # type: ignore[arg-type]
            start = own_member(page.type, kvm_mmu_page.ROLE).offset + place.offset
            memory.write(page, start, place.width, resize(value, place.width))
        memory.write(vcpu, own_member(vcpu.type, kvm_vcpu.KVM).offset, 64, objects[kvm_vm.STRUCT])
        record = self._unit.record(kvm_mmu.MMU)
        mmu = Object(name=f"vcpu->{kvm_mmu.IN_USE}", type=record, kind=ObjectKind.INPUT, by_pointer=True)
        place = own_member(vcpu.type, kvm_mmu.IN_USE)
        memory.write(vcpu, place.offset, place.width, pointer_to(mmu))
        result = Object(name="*new_spte", type=IntType(64, False, "u64"), kind=ObjectKind.UNSET)
        wrprot = session.integer(
            memory,
            functions.MAKE_SPTE,
            objects={
                **objects,
                kvm_mmu_page.STRUCT: pointer_to(page),
                kvm_vcpu.STRUCT: pointer_to(vcpu),
                kvm_memory_slot.STRUCT: pointer_to(slot),
            },
            values={
                "pte_access": request.pte_access,
                "gfn": request.gfn,
                "pfn": request.pfn,
                "old_spte": request.old_spte,
                "prefetch": to_bv(request.prefetch, 8),
                "synchronizing": to_bv(request.synchronizing, 8),
                "can_unsync": to_bv(~request.synchronizing, 8),
                "host_writable": to_bv(request.host_writable, 8),
            },
            pointers={"new_spte": pointer_to(result)},
        )
        evidence = session.evidence()
        nx_huge_pages = session.integer(memory, functions.IS_NX_HUGE_PAGE_ENABLED, objects=objects)
        logged = session.integer(
            memory, functions.KVM_SLOT_DIRTY_TRACK_ENABLED, objects={kvm_memory_slot.STRUCT: pointer_to(slot)}
        )
        spte = read(memory, result, 0, 64)
        return MadeSpte(
            spte=spte,
            wrprot=ne(wrprot, 0),
            nx_huge_pages=ne(nx_huge_pages, 0),
            unsync_refused=ne(var(f"{TRY_TO_UNSYNC.function}()", 32), 0),
            logged=ne(logged, 0),
            reserved=self._reserved(session, memory, mmu, spte, request.level),
            memory_type=self._memory_type(masks),
            maps_mmio=ne(_IS_MMIO, 0),
            to_unsync=self._to_unsync(session),
            about_memory_type=self._about_memory_type(session),
            marked_dirty=self._marked_dirty(session),
            mmio=self._asked_to_note(session),
            evidence=masks.evidence + evidence,
        )

    def _to_unsync(self, session: Session) -> AskedToUnsync:
        """The question of write tracking; older kernels ask with the opposite of ``synchronizing``."""
        called, (gfn, third, prefetch) = _told(
            session, TRY_TO_UNSYNC, ("gfn",), ("synchronizing", "can_unsync"), ("prefetch",)
        )
        opposite = "can_unsync" in self._unit.parameter_names(TRY_TO_UNSYNC.function)
        return AskedToUnsync(called, gfn, negate(ne(third, 0)) if opposite else ne(third, 0), ne(prefetch, 0))

    def _about_memory_type(self, session: Session) -> AskedMemoryType:
        called, (gfn, maps_mmio) = _told(session, GET_MT_MASK, 1, 2)
        return AskedMemoryType(called, gfn, ne(maps_mmio, 0))

    def _marked_dirty(self, session: Session) -> Told:
        called, (gfn,) = _told(session, MARK_DIRTY, ("gfn",))
        return Told(called, gfn)

    def _asked_to_note(self, session: Session) -> AskedToNote:
        if not all(self._unit.has_function(cut.function) for cut in (NOTE_MMIO, MMIO_NOTED)):
            return AskedToNote(FALSE, FALSE, FALSE)
        return AskedToNote(
            mitigated=is_mitigated(self._unit),
            noted=session.says(MMIO_NOTED.function),
            notes=session.called(NOTE_MMIO.function),
        )

    @once
    def note_mmio(self) -> MmioNote:
        """See `Sptes.note_mmio`."""
        noted = MmioNotes(self._unit, TRACK_MMIO, "vcpu", "")

        def said() -> Bool:
            return ne(noted.bench.integer(MMIO_NOTED.function), 0)

        before, said_before = (noted.in_page, noted.in_vm), said()
        noted.bench.call(NOTE_MMIO.function)
        return MmioNote(
            with_page=noted.with_page,
            page_before=before[0],
            vm_before=before[1],
            page_after=noted.in_page,
            vm_after=noted.in_vm,
            said_before=said_before,
            said_after=said(),
            requested=noted.bench.session.called(LEAVE_GUEST.function),
            evidence=noted.bench.session.evidence(),
        )

    @once
    def ask_mmio(self, pfn: BitVec) -> MmioAnswers:
        """See `Sptes.ask_mmio`."""
        if not self._unit.has_function(IS_MMIO_PFN_UNKNOWN.function):
            raise NotThere([f"{IS_MMIO_PFN_UNKNOWN.function}()"])
        bench = Bench(self._unit, (*_mmio_by_frame(pfn), *CUTS))
        cache = Object(name="is_host_mmio", type=IntType(32, True, "int"), kind=ObjectKind.INPUT, by_pointer=True)
        bench.memory.write(cache, 0, 32, bv(-1, 32))

        def said() -> Bool:
            return ne(bench.integer(IS_MMIO_PFN.function, {"is_host_mmio": pointer_to(cache)}, pfn=pfn), 0)

        first, second = said(), said()
        return MmioAnswers(is_mmio=ne(_IS_MMIO, 0), first=first, second=second, evidence=bench.session.evidence())

    def _memory_type(self, masks: ShadowMasks) -> BitVec:
        """What the cut callback gives, where the vendor has it."""
        if masks.vendor is not Vendor.INTEL:
            return bv(0, 64)
        return resize(var(f"{GET_MT_MASK.function}()", 8) & (GET_MT_MASK.result_mask or 0), 64)

    def _reserved(self, session: Session, memory: Memory, mmu: Object, spte: BitVec, level: BitVec) -> Bool:
        """What make_spte() asks last: whether the vCPU's MMU holds a bit of the SPTE reserved."""
        table = session.parameter_record(functions.IS_RSVD_SPTE, *kvm_mmu.TABLES)
        assert isinstance(mmu.type, RecordType)
        check = member(mmu.type, *kvm_mmu.SPTE_TABLE)
        objects = {table: pointer_to(mmu, check.offset)}
        values = {"spte": spte, "level": resize(level, 32)}
        return ne(session.integer(memory, functions.IS_RSVD_SPTE, objects=objects, values=values), 0)

    @once
    def access_track(self, masks: ShadowMasks, spte: BitVec) -> Tracked:
        """See `Sptes.access_track`."""
        session, memory, objects = self._start(masks)

        def run(name: str, value: BitVec) -> BitVec:
            return session.integer(memory, name, objects=objects, values={"spte": value})

        marked = run(functions.MARK_SPTE_FOR_ACCESS_TRACK, spte)
        return Tracked(
            marked=marked,
            restored=run("restore_acc_track_spte", marked),
            twice=run(functions.MARK_SPTE_FOR_ACCESS_TRACK, marked),
            is_access_track=ne(run(functions.IS_ACCESS_TRACK_SPTE, marked), 0),
            was_access_track=ne(run(functions.IS_ACCESS_TRACK_SPTE, spte), 0),
            evidence=masks.evidence + session.evidence(),
        )
