"""How SPTEs follow single entries of guest tables in a lifted tree (``paging_tmpl.h``)."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import IntType
from mmuproof.lift.machine.cuts import Cut
from mmuproof.lift.machine.findings import CallMade
from mmuproof.lift.machine.memory import Object, ObjectKind, Place, Pointer, pointer_to
from mmuproof.lift.machine.values import truth
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts import resyncs as cuts
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_given, left_by, numbers_given
from mmuproof.model.lifted.entry_bench import page_table
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import argument, bit_field, read, read_member
from mmuproof.model.named import (
    constants,
    kvm_memory_slot,
    kvm_mmu,
    kvm_mmu_page,
    kvm_vcpu,
    kvm_vm,
    page_role,
    spte_masks,
)
from mmuproof.model.resyncs import GuestEntryRead, MappedAhead, Resynced, Resyncs
from mmuproof.model.stores import ENTRIES, LOOKED_AT
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, bv, eq, ne, negate, resize, slt, var

_U64 = IntType(64, False, "u64")
_SPTE, _MMIO = var("new SPTE", 64), var("new MMIO SPTE", 64)


class _Sheet(Bench):
    """A bench with a vCPU, and a shadow page of one of its MMUs."""

    def __init__(self, unit: Unit, gpte_format: GpteFormat, known: tuple[Cut, ...]) -> None:
        super().__init__(unit, known)
        self.ept, self.entry_bits = gpte_format is GpteFormat.EPT, 32 if gpte_format is GpteFormat.PAGING32 else 64
        self.vcpu, self.page = self.add("vcpu", kvm_vcpu.STRUCT), self.add("sp", kvm_mmu_page.STRUCT)
        self.write(self.vcpu, kvm_vcpu.KVM, pointer_to(self.add("kvm", kvm_vm.STRUCT)))
        self._mmus = Mmus(self.vcpu)
        self._mmus.connect(self.memory, nested=self.ept, l2=False)
        self.table = page_table("sp->spt")
        self.write(self.page, kvm_mmu_page.SPT, pointer_to(self.table))
        self.before = self.memory.copy()

    def of_role(self, name: str) -> BitVec:
        """A member of the page's role (32 bits)."""
        return resize(self.flag(self.page, kvm_mmu_page.ROLE, name), 32)

    def entry(self, gpte: BitVec) -> GuestEntryRead:
        """What is known of a guest entry, after it has been looked at."""
        role = self._mmus.place(Part.NESTED_WALK if self.ept else Part.GUEST_WALK, kvm_mmu.CPU_ROLE)
        flags = bit_field(role, page_role.AD_DISABLED)
        has_flags = eq(read_member(self.before, self.vcpu, flags), 0) if self.ept else TRUE
        asked = [cuts.RESERVED_BITS, *([cuts.MISCONFIGURED] if self.ept else [])]
        return GuestEntryRead(
            gpte=resize(gpte, 64),
            role_access=self.of_role(page_role.ACCESS),
            accessed_dirty=has_flags,
            reserved=any_of(*(self.session.says(cut.function) for cut in asked)),
        )

    def spte(self, number: int = LOOKED_AT, *, first: bool = False) -> BitVec:
        """What an SPTE of the page is, or was at first."""
        return read(self.before if first else self.memory, self.table, number * 64, 64)

    def called(self, name: str) -> CallMade | None:
        """The one call of a function, if there is one."""
        return self.session.only_call(name) if self.session.calls(name) else None

    def told(self, call: CallMade | None, *names: str) -> BitVec:
        """What a call is told, 64 bits; 0 if there is none."""
        return bv(0, 64) if call is None else resize(self.session.argument(call, *names), 64)


class LiftedResyncs(Resyncs, Remembers):
    """The part of a lifted tree that follows single guest entries.

    Args:
        unit: ``mmu.c``.
        makes_sptes: ``spte.c``, which declares make_spte()'s parameters.
    """

    def __init__(self, unit: Unit, makes_sptes: Unit) -> None:
        super().__init__()
        self._unit, self._makes_sptes = unit, makes_sptes

    @once
    def sync_spte(self, gpte_format: GpteFormat) -> Resynced:
        """See `Resyncs.sync_spte`."""
        name = f"{gpte_format.value}_sync_spte"
        if not self._unit.has_function(name):
            raise NotThere([f"{name}()"])
        slot_type = self._unit.record(kvm_memory_slot.STRUCT)
        slot = Object(name="the frame's slot", type=slot_type, kind=ObjectKind.INPUT, by_pointer=True)
        made = {
            cuts.MAKE_SPTE: replace(cuts.MAKE_SPTE, stores=((10, "", _SPTE),)),
            cuts.MAKE_MMIO_SPTE: replace(cuts.MAKE_MMIO_SPTE, gives=_MMIO),
            cuts.SLOT: replace(cuts.SLOT, gives=pointer_to(slot)),
        }
        sheet = _Sheet(self._unit, gpte_format, tuple(made.get(cut, cut) for cut in cuts.SYNC))
        notes = sheet.place(sheet.page, kvm_mmu_page.SHADOWED_TRANSLATION)
        noted = truth(sheet.before.read(sheet.page, notes.offset, notes.width))
        result = sheet.integer(name, i=bv(LOOKED_AT, 32))
        calls = {each: sheet.called(each) for each in _LOOKED_AT}
        make, mmio, note = (calls[each] for each in (cuts.MAKE_SPTE.function, cuts.MAKE_MMIO_SPTE.function, _NOTE))
        nothing = self._makes_sptes.constant(constants.SHADOW_NONPRESENT_VALUE) or 0
        drops = sheet.session.calls(cuts.DROP)
        notes_of = [calls[each] for each in (cuts.NOTED_GFN.function, cuts.NOTED_ACCESS.function, _NOTE)]
        dropped = any_of(*(all_of(call.guard, self._is_of(sheet, call)) for call in drops))
        writable = sheet.session.global_value(sheet.before, spte_masks.HOST_WRITABLE)
        others = (number for number in range(ENTRIES) if number != LOOKED_AT)
        return Resynced(
            caller=name,
            entry=sheet.entry(
                left_by(sheet.session.only_call(cuts.READ_GUEST.function), cuts.READ_GUEST, sheet.entry_bits)
            ),
            ready=all_of(
                ne(sheet.spte(first=True), nothing),
                noted,
                eq(sheet.of_role(page_role.LEVEL), 1),
                eq(var(f"{cuts.READ_GUEST.function}()", 32), 0),
            ),
            asked_gpa=sheet.told(calls[cuts.READ_GUEST.function], "gpa"),
            table_gfn=sheet.read(sheet.page, kvm_mmu_page.GFN),
            quadrant=sheet.of_role(page_role.QUADRANT),
            noted_gfn=var(f"{cuts.NOTED_GFN.function}()", 64),
            noted_access=var(f"{cuts.NOTED_ACCESS.function}()", 32) & 0xF,
            dropped=dropped,
            made=_guard(make),
            made_access=self._of_make(make, "pte_access"),
            made_gfn=resize(self._of_make(make, "gfn", bits=64), 64),
            made_pfn=resize(self._of_make(make, "pfn", bits=64), 64),
            made_old_spte=self._of_make(make, "old_spte", bits=64),
            made_host_writable=ne(self._of_make(make, "host_writable"), 0),
            made_in_slot=self._is_in_slot(sheet, make, slot),
            made_synchronizing=self._is_synchronizing(make),
            host_writable=ne(sheet.spte(first=True) & writable, 0),
            renoted_access=resize(sheet.told(note, "access"), 32),
            mmio=_guard(mmio),
            mmio_access=resize(self._of_make(mmio, page_role.ACCESS), 32),
            mmio_gfn=resize(self._of_make(mmio, "gfn", bits=64), 64),
            index=bv(LOOKED_AT, 32),
            before=sheet.spte(first=True),
            replaced=negate(dropped),
            after=sheet.spte(),
            new=_SPTE,
            new_mmio=_MMIO,
            beside=any_of(
                *(ne(sheet.spte(number, first=True), sheet.spte(number)) for number in others),
                *(
                    all_of(_guard(call), ne(sheet.told(call, "index"), LOOKED_AT))
                    for call in notes_of
                    if call is not None
                ),
                *(all_of(call.guard, negate(self._is_of(sheet, call))) for call in drops),
            ),
            flushes=slt(bv(0, 32), result),
            evidence=sheet.session.evidence(),
        )

    def _is_of(self, sheet: _Sheet, call: CallMade) -> Bool:
        """Whether it is the SPTE in question that is dropped."""
        told = call.arguments[-1]
        here = Place(sheet.table, LOOKED_AT * 64)
        targets = told.targets if isinstance(told, Pointer) else ()
        return any_of(*(each.guard for each in targets if each.place == here))

    def _of_make(self, call: CallMade | None, *names: str, bits: int = 32) -> BitVec:
        """What a function of ``spte.c`` is told."""
        return bv(0, bits) if call is None else resize(argument(self._makes_sptes, call, *names), bits)

    def _is_in_slot(self, sheet: _Sheet, make: CallMade | None, slot: Object) -> Bool:
        """Whether an SPTE is made for its page, in the slot that was found at the frame that it is made for."""
        if make is None:
            return FALSE
        gfn = resize(self._of_make(make, "gfn", bits=64), 64)
        finds = sheet.session.calls(cuts.SLOT.function)
        found = (
            all_of(call.guard, is_given(call, pointer_to(sheet.vcpu)), eq(numbers_given(call)[0], gfn))
            for call in finds
        )
        given = (sheet.vcpu, sheet.page, slot)
        return all_of(any_of(*found), *(is_given(make, pointer_to(each)) for each in given))

    def _is_synchronizing(self, make: CallMade | None) -> Bool:
        """Whether no page may get out of sync; older kernels tell whether one may."""
        may = make is not None and "can_unsync" in self._makes_sptes.parameter_names(make.function)
        told = self._of_make(make, "can_unsync" if may else "synchronizing")
        return eq(told, 0) if may else ne(told, 0)

    @once
    def prefetch_gpte(self, gpte_format: GpteFormat) -> MappedAhead:
        """See `Resyncs.prefetch_gpte`."""
        name, sheet = f"{gpte_format.value}_prefetch_gpte", _Sheet(self._unit, gpte_format, cuts.PREFETCH)
        gpte = var("gpte", sheet.entry_bits)
        spte = pointer_to(sheet.table, LOOKED_AT * 64)
        sheet.session.call(
            sheet.memory,
            name,
            objects=sheet.objects,
            values={"gpte": gpte, "no_dirty_log": bv(1, 8)},
            pointers={"spte": spte},
        )
        call = sheet.session.only_call(*(cut.function for cut in cuts.ASKS))
        return MappedAhead(
            caller=name,
            entry=sheet.entry(gpte),
            asked=call.guard,
            access=resize(sheet.session.argument(call, "access", "pte_access"), 32),
            gfn=resize(sheet.session.argument(call, "gfn"), 64),
            evidence=sheet.session.evidence(),
        )


_NOTE = cuts.NOTE_ACCESS
_LOOKED_AT = (
    cuts.MAKE_SPTE.function,
    cuts.MAKE_MMIO_SPTE.function,
    cuts.READ_GUEST.function,
    cuts.NOTED_GFN.function,
    cuts.NOTED_ACCESS.function,
    _NOTE,
)


def _guard(call: CallMade | None) -> Bool:
    return FALSE if call is None else call.guard
