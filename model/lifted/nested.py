"""Translations of L2's guest-physical addresses in a lifted tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmuproof.lift.c_types import PointerType, RecordType
from mmuproof.lift.errors import Missing, Refused
from mmuproof.lift.machine.findings import CallMade, numbered
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Pointer, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.nested import CUTS, GVA_TO_GPA, READ_ENTRY, TRANSLATE
from mmuproof.model.evidence import Evidence
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.mmus import Mmus, Part
from mmuproof.model.lifted.once import Remembers, once
from mmuproof.model.lifted.session import Session, bit_field, own_member, read_member
from mmuproof.model.named import constants, functions, kvm_mmu, kvm_vcpu, page_role, vcpu_svm, vcpu_vmx, x86_exception
from mmuproof.model.nested import (
    WALKED_FORMATS,
    AccessHandedOn,
    LinearWalk,
    Nested,
    NestedTranslation,
    TranslationAsked,
    entries_read,
)
from mmuproof.model.vendor import Vendor
from mmuproof.smt.graph import substitute
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, Term, bit, bv, ne, resize, var

_TRANSLATORS = {
    Vendor.INTEL: (functions.VMX_TRANSLATE_NESTED_GPA, functions.TRANSLATE_NESTED_GPA),
    Vendor.AMD: ("svm_translate_nested_gpa", functions.TRANSLATE_NESTED_GPA),
}
_CONTAINERS = {Vendor.INTEL: vcpu_vmx.STRUCT, Vendor.AMD: vcpu_svm.STRUCT}

_ACCESS, _PTE_ACCESS = 2, 4
"""Where ``translate_nested_gpa()`` has its arguments."""
_WALK_GPA, _WALK_ACCESS = 2, 3
"""Where ``gva_to_gpa()`` has them."""
_VALUE = "__mmuproof_value"


class LiftedNested(Nested, Remembers):
    """The part of a lifted tree that translates L2's guest-physical addresses.

    Args:
        mmu: ``mmu.c``.
        registers: the unit that loads PDPTEs.
        vmx: the unit that has ``vmx_translate_nested_gpa()``, or what was there before it.
        svm: the same for ``svm_translate_nested_gpa()``.
    """

    def __init__(self, mmu: Unit, registers: Unit, vmx: Unit, svm: Unit) -> None:
        super().__init__()
        self._mmu, self._registers, self._vmx, self._svm = mmu, registers, vmx, svm

    @once
    def translate_nested_gpa(self, vendor: Vendor, gpa: BitVec, access: BitVec, pte_access: BitVec) -> AccessHandedOn:
        """See `Nested.translate_nested_gpa`."""
        unit, name = self._translator(vendor)
        session, memory = Session(unit, CUTS), Memory()
        container = _container(unit, vendor)
        vcpu = _running_l2(memory, *container)
        arguments = {"gpa": gpa, "access": access, "pte_access": pte_access}
        session.call(memory, name, objects={kvm_vcpu.STRUCT: vcpu, **_exception(unit)}, values=arguments)
        call = session.only_call(*GVA_TO_GPA)
        if call.guard is not TRUE:
            raise Refused(f"{name}() may do without {GVA_TO_GPA[0]}()")
        gmet = self._gmet(unit, memory, container[0])
        return AccessHandedOn(_integer(call, _WALK_GPA), _integer(call, _WALK_ACCESS), gmet, session.evidence())

    def _translator(self, vendor: Vendor) -> tuple[Unit, str]:
        unit = self._vmx if vendor is Vendor.INTEL else self._svm
        return unit, unit.function(*_TRANSLATORS[vendor]).name

    def _gmet(self, unit: Unit, memory: Memory, owner: Object) -> Bool:
        """Whether the cached VMCB has GMET enabled."""
        mask = unit.constant(constants.SVM_MISC_ENABLE_GMET)
        if mask is None or not isinstance(owner.type, RecordType) or owner.type.name != _CONTAINERS[Vendor.AMD]:
            return FALSE
        place = own_member(owner.type, vcpu_svm.NESTED_CTL_MISC_CTL)
        return ne(read_member(memory, owner, place) & mask, 0)

    @once
    def linear_walk(self, levels: int, entries: Sequence[BitVec], access: BitVec) -> LinearWalk:
        """See `Nested.linear_walk`."""
        name = f"{WALKED_FORMATS[levels].value}_walk_addr_generic"
        session, memory, owner, objects = self._l2(self._mmu)
        role = Mmus(owner).place(Part.L2_WALK, kvm_mmu.CPU_ROLE)
        level, pse = (bit_field(role, name) for name in (page_role.LEVEL, page_role.CR4_PSE))
        memory.write(owner, level.offset, level.width, bv(levels, level.width))
        walker = self._walker(name)
        objects[walker.type.name] = pointer_to(walker)
        values = {"addr": var("addr", 64), "access": access}
        session.call(memory, name, objects=objects, values=values)
        calls = session.calls(*TRANSLATE)
        if len(calls) != len(entries) + 1 or len(entries) != entries_read(levels):
            raise Refused(f"{name}() with {levels} levels translates {len(calls)} addresses")
        given = read_entries(entries)
        found = [_translation(call, given) for call in calls]
        cr4_pse = bit(read_member(memory, owner, pse), 0)
        return LinearWalk(tuple(found[:-1]), found[-1], cr4_pse, with_entries(given, session.evidence()))

    @once
    def nonpaging_gva_to_gpa(self, vaddr: BitVec, access: BitVec) -> TranslationAsked:
        """See `Nested.nonpaging_gva_to_gpa`."""
        session, memory, _, objects = self._l2(self._mmu)
        values = {"vaddr": vaddr, "access": access}
        session.call(memory, "nonpaging_gva_to_gpa", objects={**objects, **_exception(self._mmu)}, values=values)
        return self._asked(session)

    @once
    def load_pdptrs(self, cr3: BitVec) -> TranslationAsked:
        """See `Nested.load_pdptrs`."""
        session, memory, _, objects = self._l2(self._registers)
        session.call(memory, functions.LOAD_PDPTRS, objects=objects, values={"cr3": cr3})
        return self._asked(session)

    def _asked(self, session: Session) -> TranslationAsked:
        return TranslationAsked(_translation(session.only_call(*TRANSLATE), {}), session.evidence())

    def _l2(self, unit: Unit) -> tuple[Session, Memory, Object, dict[str, Pointer]]:
        """A vCPU that runs L2, and its MMU for L2's own page tables."""
        memory = Memory()
        owner = Object(name="vcpu", type=unit.record(kvm_vcpu.STRUCT), kind=ObjectKind.INPUT, by_pointer=True)
        vcpu = _running_l2(memory, owner, 0)
        walk = Mmus(owner).find(Part.L2_WALK)
        assert isinstance(walk.type, RecordType)
        return (
            Session(unit, CUTS),
            memory,
            owner,
            {kvm_vcpu.STRUCT: vcpu, walk.type.name: pointer_to(owner, walk.offset)},
        )

    def _walker(self, name: str) -> Object:
        """What a walk notes what it finds in."""
        first = self._mmu.function(name).parameters[0].type
        assert isinstance(first, PointerType)
        return Object(name="walker", type=first.target, kind=ObjectKind.INPUT, by_pointer=True)


def _container(unit: Unit, vendor: Vendor) -> tuple[Object, int]:
    """What the vCPU is part of, and where in it; the vCPU alone in code for both vendors."""
    for name in (_CONTAINERS[vendor], kvm_vcpu.STRUCT):
        try:
            record = unit.record(name)
        except Missing:
            continue
        owner = Object(name="vcpu", type=record, kind=ObjectKind.INPUT, by_pointer=True)
        return owner, 0 if name == kvm_vcpu.STRUCT else own_member(record, kvm_vcpu.IN_VENDORS).offset
    raise NotThere([kvm_vcpu.STRUCT])


def _running_l2(memory: Memory, owner: Object, offset: int) -> Pointer:
    """A vCPU that runs L2 on L1's EPT or nested page tables."""
    assert isinstance(owner.type, RecordType)
    prefix = "vcpu." if owner.type.name != kvm_vcpu.STRUCT else ""
    Mmus(owner, prefix).connect(memory, nested=True, l2=True)
    return pointer_to(owner, offset)


def _exception(unit: Unit) -> dict[str, Pointer]:
    name = x86_exception.STRUCT
    return {name: pointer_to(Object(name="exception", type=unit.record(name), kind=ObjectKind.INPUT, by_pointer=True))}


def _integer(call: CallMade, position: int) -> BitVec:
    value = call.arguments[position] if position < len(call.arguments) else bv(0, 64)
    if not isinstance(value, BitVec):
        raise Refused(f"{call.function}(): argument {position} is no number", str(call.at))
    return resize(value, 64)


def read_entries(entries: Sequence[BitVec]) -> dict[Term, Term]:
    """What stands for each value that the walk reads, in order."""
    tags = (numbered(f"{READ_ENTRY.function}()", number) for number in range(1, len(entries) + 1))
    return {var(f"{_VALUE} after {tag}", entry.width): entry for tag, entry in zip(tags, entries, strict=True)}


def with_entries(entries: dict[Term, Term], evidence: Evidence) -> Evidence:
    """The evidence, with the given entries for what is read."""
    return replace(
        evidence,
        checks=tuple(replace(each, holds=substitute(each.holds, entries)) for each in evidence.checks),
        steps=tuple(
            replace(each, guard=substitute(each.guard, entries), value=substitute(each.value, entries))
            for each in evidence.steps
        ),
    )


def _translation(call: CallMade, entries: dict[Term, Term]) -> NestedTranslation:
    access, pte_access = (substitute(_integer(call, position), entries) for position in (_ACCESS, _PTE_ACCESS))
    return NestedTranslation(substitute(call.guard, entries), access, pte_access)
