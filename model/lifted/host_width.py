"""How wide the host's physical addresses are, wherever a tree keeps that."""

from __future__ import annotations

from mmuproof.lift.c_types import RecordType, StructMember
from mmuproof.lift.machine.memory import Memory, Object
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.session import Session, member, read_member
from mmuproof.model.named import spte_masks
from mmuproof.smt.terms import BitVec, resize


def host_width(session: Session, memory: Memory) -> BitVec:
    """How many bits they have (8 bits).

    Raises:
        NotThere: the tree keeps that nowhere.
    """
    return resize(read_member(memory, *_place(session)), 8)


def give_host_width(session: Session, memory: Memory, width: BitVec) -> None:
    """Let them have so many bits (8 bits).

    Raises:
        NotThere: the tree keeps that nowhere.
    """
    owner, place = _place(session)
    memory.write(owner, place.offset, place.width, resize(width, place.width))


def _place(session: Session) -> tuple[Object, StructMember]:
    if session.unit.has_variable(spte_masks.HOST):
        host = session.global_object(spte_masks.HOST)
        assert isinstance(host.type, RecordType)
        return host, member(host.type, spte_masks.WIDTH)
    if session.unit.has_variable(spte_masks.FORMER_WIDTH):
        width = session.global_object(spte_masks.FORMER_WIDTH)
        return width, StructMember(spte_masks.FORMER_WIDTH, 0, width.type)
    raise NotThere([spte_masks.HOST, spte_masks.FORMER_WIDTH])
