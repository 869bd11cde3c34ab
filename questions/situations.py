"""What ``prove`` sets up for its theorems, by names under which a question can have the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import (
    common,
    exits,
    fault_handlers,
    guest_registers,
    hardware_controls,
    mappings,
    nested,
    reserved_bits,
    roles,
    roots,
    set_ups,
    spte_changes,
    stores,
    svm_gating,
    vmx_gating,
    walk_ends,
    walks,
)
from mmuproof.smt.terms import bv


@dataclass(frozen=True, kw_only=True)
class Connected:
    """Where a vCPU's pointers to its MMUs lead.

    Args:
        nested: it uses what KVM builds of L1's EPT or nested page tables, and not the tables of its own.
        l2: it runs L2.
    """

    nested: bool = False
    l2: bool = False


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What stands around a question.

    Args:
        about: what theorems have them, in a few words.
        cuts: the calls that are not followed.
        connected: where a vCPU's pointers lead; None if anywhere, each to an object of its own.
        encrypts: whether the host may encrypt memory.  What is changed for that in a table of reserved bits takes a
            loop over as many levels as the root has, which no set-up of theorems goes through.
    """

    about: str
    cuts: tuple[Cut, ...]
    connected: Connected | None = None
    encrypts: bool = True


_SET_UP = (
    *set_ups.CUTS,
    *(cut for cut in common.CUTS if cut.function == set_ups.HOST_FEATURE.function),
    replace(set_ups.REGISTER_CACHED, gives=bv(1, 8)),
    replace(roles.TDP_HAS_SMEP, reason="whether MBEC or GMET is on: any answer"),
    roles.GUEST_PHYSICAL_WIDTH,
)
_L1, _NESTED, _L2 = Connected(), Connected(nested=True, l2=True), Connected(l2=True)
SITUATIONS: Mapping[str, Situation] = MappingProxyType(
    {
        "walk": Situation(about="walks of a guest's own tables", cuts=walks.CUTS, connected=_L1),
        "walk-l2": Situation(about="walks of L2's own tables", cuts=walks.CUTS, connected=_L2),
        "walk-nested": Situation(about="walks of L1's EPT or nested page tables", cuts=walks.CUTS, connected=_NESTED),
        "walk-end": Situation(about="the end of a walk", cuts=walk_ends.CUTS, connected=_L1),
        "role": Situation(about="roles of MMUs and pages", cuts=roles.SET_UP, connected=_L1),
        "set-up": Situation(about="set-ups of a guest's MMU", cuts=_SET_UP, connected=_L1, encrypts=False),
        "nested-ept": Situation(about="the MMU of L1's EPT", cuts=_SET_UP, connected=_NESTED),
        "nested-npt": Situation(about="the MMU of L1's nested page tables", cuts=_SET_UP, connected=_NESTED),
        "translation": Situation(about="translation through L1's tables", cuts=nested.CUTS, connected=_L2),
        "root": Situation(about="new roots", cuts=(*roots.TAKE, *roots.NESTED_TABLES), connected=_L1),
        "reserved-bits": Situation(about="reserved bits of entries", cuts=reserved_bits.CUTS, connected=_L1),
        "fault": Situation(about="handlers of page faults", cuts=fault_handlers.CUTS, connected=_L1),
        "frame": Situation(about="the host's frame of a fault", cuts=mappings.FIND_FRAME, connected=_L1),
        "mapping": Situation(about="what is told to make_spte()", cuts=mappings.CUTS, connected=_L1),
        "spte-change": Situation(about="changes of SPTEs", cuts=spte_changes.CUTS),
        "store": Situation(about="what is stored in tables", cuts=(*stores.TDP, *stores.SHADOW)),
        "exit": Situation(about="exits for page faults, and what L1 is told", cuts=exits.CUTS, connected=_NESTED),
        "vmcs02": Situation(about="the VMCS of L2, and MBEC", cuts=vmx_gating.CUTS),
        "vmcb02": Situation(about="the VMCB of L2, and GMET", cuts=svm_gating.CUTS),
        "vmx-controls": Situation(about="EPTP and the VMCS of a guest", cuts=hardware_controls.VMX, connected=_L1),
        "svm-controls": Situation(
            about="nested CR3 and the VMCB of a guest", cuts=hardware_controls.SVM, connected=_L1
        ),
        "vmx-registers": Situation(about="registers that VMX loads", cuts=guest_registers.VMX),
        "svm-registers": Situation(about="registers that SVM loads", cuts=guest_registers.SVM),
    }
)
"""By the name that ``ask --in`` takes."""
