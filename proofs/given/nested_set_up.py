"""The nested MMU as KVM sets it up, for whatever L1 asks for."""

from __future__ import annotations

from mmuproof.model.walks import NestedControls, NestedSetUp
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import bool_var, var


def asked_for() -> NestedControls:
    """Everything that L1 can ask for, free."""
    return NestedControls(
        execonly=bool_var("execute-only support"),
        accessed_dirty=bool_var("EPTP's A/D bit"),
        mbec=bool_var("MBEC for L2"),
        cr4=var("L1's CR4", 64),
        efer=var("L1's EFER", 64),
        gmet=bool_var("GMET for L2"),
    )


def new_role(done: NestedSetUp) -> Assumption:
    """The set-up has done its work: an MMU that has the wanted role is left as it was set up earlier."""
    return Assumption(
        "the MMU had another role before, or none that was valid: with the same, KVM leaves it as it set it up then",
        done.role_changed,
    )
