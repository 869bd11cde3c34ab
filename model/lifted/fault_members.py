"""What a ``struct kvm_page_fault`` holds, and what is asked of the frame that it is for."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import Memory, Object, Place, same_place
from mmuproof.lift.machine.values import as_pointer
from mmuproof.model.cuts.faults import TRACKED
from mmuproof.model.faults import FaultTold
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.bench import Bench
from mmuproof.model.lifted.calls_made import is_nonzero
from mmuproof.model.lifted.session import member, read
from mmuproof.model.named import kvm_page_fault
from mmuproof.smt.terms import FALSE, BitVec, Bool, bv, ne, resize


@dataclass(frozen=True, kw_only=True)
class TrackingAsked:
    """The question whether writes to a frame are tracked.

    Args:
        when: it is asked.
        in_slot: of a frame in the fault's memory slot.
        gfn: of which frame (64).
        faults_gfn: the frame of the fault, then (64).
        answer: they are.
    """

    when: Bool
    in_slot: Bool
    gfn: BitVec
    faults_gfn: BitVec
    answer: Bool


def asked_if_tracked(bench: Bench, fault: Object) -> TrackingAsked:
    """The one question of a run, if there is any, that the cuts of `TRACKED` have stood for.

    Raises:
        Refused: there are several.
    """
    names, session = [cut.function for cut in TRACKED], bench.session
    if not session.calls(*names):
        return TrackingAsked(when=FALSE, in_slot=FALSE, gfn=bv(0, 64), faults_gfn=bv(0, 64), answer=FALSE)
    call, at = session.only_call(*names), bench.place(fault, kvm_page_fault.SLOT)
    assert call.memory is not None
    held = as_pointer(call.memory.read(fault, at.offset, at.width))
    return TrackingAsked(
        when=call.guard,
        in_slot=FALSE if held is None else same_place(session.pointer_argument(call, "slot"), held),
        gfn=session.argument(call, "gfn"),
        faults_gfn=bench.read(fault, kvm_page_fault.GFN, call.memory),
        answer=is_nonzero(call),
    )


def read_fault(memory: Memory, place: Place) -> FaultTold:
    """The members of the fault at a place, as a memory has them.

    Raises:
        NotThere: the struct lacks one of them.
        Refused: there is no struct.
    """
    record = place.object.type
    if not isinstance(record, RecordType):
        raise Refused(f"{place.object.name} is no fault")

    def value(name: str) -> BitVec:
        found = member(record, name)
        return read(memory, place.object, place.offset + found.offset, found.width)

    def flag(name: str) -> Bool:
        return ne(value(name), 0)

    def later(name: str) -> Bool:
        """A flag that older kernels lack."""
        try:
            return flag(name)
        except NotThere:
            return FALSE

    return FaultTold(
        addr=resize(value(kvm_page_fault.ADDR), 64),
        error_code=resize(value(kvm_page_fault.ERROR_CODE), 64),
        gfn=value(kvm_page_fault.GFN),
        exec=flag(kvm_page_fault.EXEC),
        write=flag(kvm_page_fault.WRITE),
        present=flag(kvm_page_fault.PRESENT),
        rsvd=flag(kvm_page_fault.RSVD),
        user=flag(kvm_page_fault.USER),
        prefetch=flag(kvm_page_fault.PREFETCH),
        is_tdp=flag(kvm_page_fault.IS_TDP),
        is_private=later(kvm_page_fault.IS_PRIVATE),
        nx_huge_page_workaround_enabled=flag(kvm_page_fault.NX_HUGE_PAGE_WORKAROUND_ENABLED),
        huge_page_disallowed=flag(kvm_page_fault.HUGE_PAGE_DISALLOWED),
        map_writable=flag(kvm_page_fault.MAP_WRITABLE),
        write_fault_to_shadow_pgtable=later(kvm_page_fault.WRITE_FAULT_TO_SHADOW_PGTABLE),
        max_level=value(kvm_page_fault.MAX_LEVEL),
        req_level=value(kvm_page_fault.REQ_LEVEL),
        goal_level=value(kvm_page_fault.GOAL_LEVEL),
    )
