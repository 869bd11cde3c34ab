"""MMIO SPTEs in a lifted tree: made in ``spte.c``, read back and thrown away in ``mmu.c``."""

from __future__ import annotations

from dataclasses import replace

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.mmio import CUTS, MEMSLOTS, ZAP_ALL
from mmuproof.model.lifted.address_spaces import spaces
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, member
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.mmio import Believed, Invalidated, MadeMmioSpte, Mmio, MmioContent, MmioRequest
from mmuproof.model.named import functions, kvm_memory_slot, kvm_vcpu, kvm_vm, spte_masks
from mmuproof.smt.terms import BitVec, ne, resize, to_bv, zext


class LiftedMmio(Mmio, Remembers):
    """The part of a lifted tree that deals with MMIO SPTEs.

    Args:
        unit: makes them (``spte.c``).
        mmu: reads them and throws them away (``mmu.c``).
    """

    def __init__(self, unit: Unit, mmu: Unit) -> None:
        super().__init__()
        self._unit, self._mmu = unit, mmu

    @once
    def make_mmio_spte(self, masks: ShadowMasks, request: MmioRequest) -> MadeMmioSpte:
        """See `Mmio.make_mmio_spte`."""
        session, memory, objects = self._start(self._unit, masks, request.generation)
        spte = session.integer(
            memory, functions.MAKE_MMIO_SPTE, objects=objects, values={"gfn": request.gfn, "access": request.access}
        )
        return MadeMmioSpte(spte, masks.evidence + session.evidence())

    @once
    def content(self, masks: ShadowMasks, spte: BitVec) -> MmioContent:
        """See `Mmio.content`."""
        session, memory, objects = self._start(self._mmu, masks)

        def get(name: str) -> BitVec:
            return session.integer(memory, f"get_mmio_spte_{name}", objects=objects, values={"spte": spte})

        gfn, access, generation = (get(name) for name in ("gfn", "access", "generation"))
        return MmioContent(gfn, access, generation, masks.evidence + session.evidence())

    @once
    def check_mmio_spte(self, masks: ShadowMasks, spte: BitVec, generation: BitVec) -> Believed:
        """See `Mmio.check_mmio_spte`."""
        session, memory, objects = self._start(self._mmu, masks, generation)
        believed = session.integer(memory, "check_mmio_spte", objects=objects, values={"spte": spte})
        return Believed(ne(believed, 0), masks.evidence + session.evidence())

    @once
    def invalidate_mmio_sptes(self, masks: ShadowMasks, generation: BitVec) -> Invalidated:
        """See `Mmio.invalidate_mmio_sptes`."""
        session, memory, objects = self._start(self._mmu, masks)
        session.call(memory, "kvm_mmu_invalidate_mmio_sptes", objects=objects, values={"gen": generation})
        zaps = session.called(ZAP_ALL.function)
        evidence = masks.evidence + session.evidence()
        (target,) = objects[kvm_vm.STRUCT].targets
        assert target.place is not None
        return Invalidated(zaps, zext(spaces(self._mmu, memory, target.place.object), 64), evidence)

    def _start(
        self, unit: Unit, masks: ShadowMasks, generation: BitVec | None = None
    ) -> tuple[Session, Memory, dict[str, Pointer]]:
        """A vCPU and its VM, whose memslots are of some generation."""
        memory = Memory()
        kvm, vcpu, slots = (
            Object(name=name, type=unit.record(record), kind=ObjectKind.INPUT, by_pointer=True)
            for name, record in (("kvm", kvm_vm.STRUCT), ("vcpu", kvm_vcpu.STRUCT), ("slots", kvm_memory_slot.SLOTS))
        )
        if generation is not None:
            self._set(memory, slots, "generation", generation)
        self._set(memory, vcpu, "kvm", pointer_to(kvm))
        give_mmio_value(unit, memory, kvm, masks)
        session = Session(unit, (*CUTS, replace(MEMSLOTS, gives=pointer_to(slots))))
        give_masks(session, memory, masks)
        return session, memory, {kvm_vm.STRUCT: pointer_to(kvm), kvm_vcpu.STRUCT: pointer_to(vcpu)}

    def _set(self, memory: Memory, object_: Object, name: str, value: BitVec | Pointer) -> None:
        assert isinstance(object_.type, RecordType)
        place = object_.type.members.get(name) or member(object_.type, name)
        known = resize(value, place.width) if isinstance(value, BitVec) else value
        memory.write(object_, place.offset, place.width, known)


def give_mmio_value(unit: Unit, memory: Memory, kvm: Object, masks: ShadowMasks) -> None:
    """Let a VM that has a value of its own for MMIO SPTEs have the one that is its first."""
    assert isinstance(kvm.type, RecordType)
    if unit.has_member(kvm.type.name, spte_masks.MMIO_VALUE):
        place = member(kvm.type, spte_masks.MMIO_VALUE)
        memory.write(kvm, place.offset, place.width, masks.mmio_value)


def give_masks(session: Session, memory: Memory, masks: ShadowMasks) -> None:
    """Give the variables of a unit that reads or makes MMIO SPTEs their values."""
    for name, mask in (
        (spte_masks.MMIO_VALUE, masks.mmio_value),
        (spte_masks.MMIO, masks.mmio_mask),
        (spte_masks.MMIO_ACCESS, masks.mmio_access_mask),
        (spte_masks.FOR_L1TF, masks.nonpresent_or_rsvd),
        (spte_masks.LOWER_GFN, masks.lower_gfn),
        (spte_masks.MMIO_CACHING, to_bv(masks.enable_mmio_caching, 8)),
    ):
        variable = session.global_object(name)
        memory.write(variable, 0, variable.type.bits, mask)
