"""The other address space of a VM, with which code that is lifted may or may not reckon."""

from __future__ import annotations

from mmuproof.lift.machine.memory import NULL, Object, Pointer, choose, pointer_to
from mmuproof.model.cuts.guest_tables import SLOT_OF, SPACE
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.session import Session, has_member
from mmuproof.model.named import kvm_vm
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bool_var, eq, negate

OTHER_SLOT = bool_var("the other address space has a slot")
"""Whether the other address space has a slot with the frame."""


def slot_or_none(slot: Object) -> Pointer:
    """What is found there: a slot, or none."""
    found = choose(OTHER_SLOT, pointer_to(slot), NULL)
    assert isinstance(found, Pointer)
    return found


def has_other_space(bench: Bench, kvm: Object) -> Bool:
    """Whether the VM has two address spaces."""
    if not has_member(bench.unit.record(kvm_vm.ARCH), [kvm_vm.ARCH_HAS_PRIVATE_MEM]):
        return TRUE
    return eq(bench.read(kvm, kvm_vm.HAS_PRIVATE_MEM), 0)


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
