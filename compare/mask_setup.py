"""The masks of SPTEs as one unit alone sets them up: what two versions are compared with where masks matter."""

from __future__ import annotations

from collections.abc import Mapping

from mmuproof.lift.machine.memory import Memory, ObjectKind, Value
from mmuproof.lift.machine.values import leaves
from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.cuts.sptes import CUTS
from mmuproof.model.lifted.session import Session
from mmuproof.model.named.spte_masks import ALL as MASKS
from mmuproof.smt.terms import bool_var, to_bv

OF_THE_HOST = " of the host"
"""How the names of truth values end that say what the host has."""


def masks_after_setup(unit: Unit, *, ept: bool) -> Mapping[str, Value]:
    """What the masks hold after KVM has set them up, by name; without memory encryption, which the modules ask for.

    Whatever else the set-up writes is told as well: masks may live elsewhere, or have other names.

    Args:
        unit: holds the set-up (``spte.c``).
        ept: whether EPT is in use, with any support for A/D bits and execute-only translations.

    Raises:
        NotThere: the unit does not set masks up.
        Refused: it does so in a way that is not understood.
    """
    session, memory = Session(unit, CUTS), Memory()
    session.call(memory, "kvm_mmu_reset_all_pte_masks", objects={})
    if ept:
        flags = {name: to_bv(bool_var(f"{name}{OF_THE_HOST}"), 8) for name in ("has_ad_bits", "has_exec_only")}
        session.call(memory, "kvm_mmu_set_ept_masks", objects={}, values=flags)
    found: dict[str, Value] = {}
    for name in MASKS:
        if unit.has_variable(name):
            object_ = session.global_object(name)
            found[name] = memory.read(object_, 0, object_.type.bits)
    for object_ in memory.changed:
        if object_.kind is ObjectKind.INPUT:
            for offset, width in memory.written(object_):
                for leaf in leaves(object_, offset, width):
                    found.setdefault(object_.path(leaf.path), memory.read(object_, leaf.offset, leaf.width))
    return found
