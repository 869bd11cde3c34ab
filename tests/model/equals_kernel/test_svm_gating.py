"""What the reference model says of GMET on its way to L2 is what Linux 7.2.13's C does.

It leaves out what the code asserts of other features on the way.
"""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.smt.terms import bool_var, var
from tests.model.equality import Both, can_hold, prove_equal

pytestmark = pytest.mark.kernel

_ASKED, _NESTED, _ENABLED = bool_var("asked for"), bool_var("nested"), bool_var("gmet")


def test_hardware_setup(both: Both) -> None:
    mine, theirs = (kvm.svm_gating.hardware_setup(_ASKED) for kvm in both)
    assert can_hold(theirs.succeeds)
    prove_equal(
        mine,
        theirs,
        stands_for={getattr(mine, name): getattr(theirs, name) for name in ("succeeds", "npt_enabled", "has_gmet")},
        partial={CheckKind.WARN},
    )


def test_set_cpu_caps(both: Both) -> None:
    prove_equal(*(kvm.svm_gating.set_cpu_caps(_NESTED, _ENABLED) for kvm in both), partial={CheckKind.WARN})


def test_copy_vmcb_control_to_cache(both: Both) -> None:
    prove_equal(*(kvm.svm_gating.copy_vmcb_control_to_cache(var("misc_ctl", 64), _ENABLED) for kvm in both))


def test_vmcb02_prepare_control(both: Both) -> None:
    mine, theirs = (kvm.svm_gating.vmcb02_prepare_control(var("vmcb01", 64), var("vmcb12", 64)) for kvm in both)
    prove_equal(mine, theirs, stands_for={mine.l1_cr4: theirs.l1_cr4, mine.l1_efer: theirs.l1_efer})
