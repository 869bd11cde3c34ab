"""What a ``struct kvm_page_fault`` holds."""

from __future__ import annotations

from mmuproof.lift.c_types import RecordType
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.memory import Memory, Place
from mmuproof.model.faults import FaultTold
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.session import member, read
from mmuproof.smt.terms import FALSE, BitVec, Bool, ne, resize


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
        addr=resize(value("addr"), 64),
        error_code=resize(value("error_code"), 64),
        gfn=value("gfn"),
        exec=flag("exec"),
        write=flag("write"),
        present=flag("present"),
        rsvd=flag("rsvd"),
        user=flag("user"),
        prefetch=flag("prefetch"),
        is_tdp=flag("is_tdp"),
        is_private=later("is_private"),
        nx_huge_page_workaround_enabled=flag("nx_huge_page_workaround_enabled"),
        huge_page_disallowed=flag("huge_page_disallowed"),
        map_writable=flag("map_writable"),
        write_fault_to_shadow_pgtable=later("write_fault_to_shadow_pgtable"),
        max_level=value("max_level"),
        req_level=value("req_level"),
        goal_level=value("goal_level"),
    )
