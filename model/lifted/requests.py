"""How a set-up of an MMU is asked for in a lifted tree, and what of the host it depends on."""

from __future__ import annotations

from mmuproof.lift.c_types import RecordType, member_at
from mmuproof.lift.machine.memory import Memory, Object, pointer_to
from mmuproof.model.kvm import NotThere
from mmuproof.model.lifted.host_width import give_host_width
from mmuproof.model.lifted.session import Session
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.named import constants, functions, kvm_vcpu, spte_masks, switches
from mmuproof.model.reserved_bits import MmuKind, MmuRequest
from mmuproof.smt.terms import BitVec, bv, ite, resize, to_bv, var


def set_up_once(
    session: Session, memory: Memory, vcpu: Object, kind: MmuKind, request: MmuRequest, *, largest_page: BitVec
) -> None:
    """Call what sets an MMU up; of a nested EPT ``largest_page`` is the level of the largest page (32 bits)."""
    objects = {kvm_vcpu.STRUCT: pointer_to(vcpu)}
    if kind is MmuKind.NESTED_EPT:
        session.call(
            memory,
            functions.KVM_INIT_SHADOW_EPT_MMU,
            objects=objects,
            values={
                "execonly": to_bv(request.execonly, 8),
                "huge_page_level": largest_page,
                "accessed_dirty": to_bv(request.accessed_dirty, 8),
                "mbec": to_bv(request.mbec, 8),
                "new_eptp": request.eptp,
            },
        )
    elif kind is MmuKind.NESTED_NPT:
        gmet = session.unit.constant(constants.SVM_MISC_ENABLE_GMET) or 0
        session.call(
            memory,
            functions.KVM_INIT_SHADOW_NPT_MMU,
            objects=objects,
            values={
                "cr0": request.cr0,
                "cr4": request.cr4,
                "efer": request.efer,
                "nested_cr3": var("nested_cr3", 64),
                "misc_ctl": ite(request.gmet, bv(gmet, 64), 0),
            },
        )
    else:
        assert isinstance(vcpu.type, RecordType)
        registers = {kvm_vcpu.CR0: request.cr0, kvm_vcpu.CR4: request.cr4, kvm_vcpu.EFER: request.efer}
        for name, value in registers.items():
            try:
                place = member_at(vcpu.type, name)
            except KeyError as missing:
                raise NotThere([f"{vcpu.type.name}.{name} ({missing.args[0]})"]) from None
            memory.write(vcpu, place.offset, place.width, value)
        session.call(memory, functions.KVM_INIT_MMU, objects=objects)


def write_host(session: Session, memory: Memory, masks: ShadowMasks, *, tdp: bool) -> None:
    """What the set-up of the masks has left, as far as the reserved bits of SPTEs depend on it."""
    unit = session.unit
    values = {
        (switches.TDP_ENABLED,): bv(tdp, 8),
        spte_masks.EXECUTE: masks.x,
        (spte_masks.ENCRYPTED_VALUE,): masks.me_value,
        (spte_masks.ENCRYPTED,): masks.me_mask,
    }
    for names, value in values.items():
        found = next((name for name in names if unit.has_variable(name)), None)
        if found is None:
            raise NotThere(names)
        target = session.global_object(found)
        memory.write(target, 0, target.type.bits, resize(value, target.type.bits))
    give_host_width(session, memory, masks.host.maxphyaddr)
