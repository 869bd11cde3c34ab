"""The address spaces of a VM: how many there are, of which a page is, and one that code may or may not reckon with."""

from __future__ import annotations

from mmuproof.lift.c_types import ArrayType
from mmuproof.lift.machine.memory import NULL, Memory, Object, Pointer, choose, pointer_to
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.guest_tables import SLOT_OF, SPACE
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.constants import constant_of
from mmuproof.model.lifted.session import Session, has_member, own_member, place_of, read_member
from mmuproof.model.named import constants, functions, kvm_mmu_page, kvm_vm, page_role
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bool_var, bv, eq, ite, ne, negate, zext

OTHER_SLOT = bool_var("the other address space has a slot")
"""Whether the other address space has a slot with the frame."""


def slot_or_none(slot: Object) -> Pointer:
    """What is found there: a slot, or none."""
    found = choose(OTHER_SLOT, pointer_to(slot), NULL)
    assert isinstance(found, Pointer)
    return found


def most_spaces(unit: Unit) -> int:
    """How many address spaces a VM has at most, which is a number of the configuration: a second is that of SMM.

    Raises:
        NotThere: the macro for it is gone, or a VM has slots for another number of them.
    """
    most = constant_of(unit, constants.KVM_MAX_NR_ADDRESS_SPACES, constants.KVM_ADDRESS_SPACE_NUM)
    held = own_member(unit.record(kvm_vm.STRUCT), kvm_vm.MEMSLOTS).type
    if not isinstance(held, ArrayType) or held.count != most:
        raise NotThere([f"{kvm_vm.STRUCT}.{kvm_vm.MEMSLOTS} of {most} address spaces"])
    return most


def spaces(unit: Unit, memory: Memory, kvm: Object) -> BitVec:
    """How many address spaces a VM has (32): the most, but only one where it has private memory."""
    most = bv(most_spaces(unit), 32)
    # Where the configuration leaves private memory out, a function says no that is a macro elsewhere.
    left_out = unit.has_function(functions.KVM_ARCH_HAS_PRIVATE_MEM)
    if left_out or not has_member(unit.record(kvm_vm.ARCH), [kvm_vm.ARCH_HAS_PRIVATE_MEM]):
        return most
    private = read_member(memory, kvm, place_of(kvm, kvm_vm.HAS_PRIVATE_MEM))
    return ite(ne(private, 0), bv(1, 32), most)


def has_other_space(bench: Bench, kvm: Object) -> Bool:
    """Whether a VM has two address spaces."""
    return eq(spaces(bench.unit, bench.memory, kvm), 2)


def space_of(bench: Bench, page: Object) -> BitVec:
    """In which address space the frames of a shadow page are (32): ``role.smm`` tells, where there are two."""
    smm = zext(bench.flag(page, kvm_mmu_page.ROLE, page_role.SMM), 32)
    return bv(0, 32) if most_spaces(bench.unit) == 1 else smm


def in_other_space(session: Session, space: BitVec) -> Bool:
    """Whether slots are looked up in the address space that is not this one (32)."""
    return _each_is(session, SPACE.function, "as_id", space ^ 1)


def at_frame(session: Session, gfn: BitVec) -> Bool:
    """Whether slots are looked up at a frame (64)."""
    return _each_is(session, SLOT_OF.function, "gfn", gfn)


def _each_is(session: Session, function: str, name: str, value: BitVec) -> Bool:
    """Whether each call of a function that is made gets a value."""
    calls = session.calls(function)
    return all_of(*(any_of(negate(call.guard), eq(session.argument(call, name), value)) for call in calls))
