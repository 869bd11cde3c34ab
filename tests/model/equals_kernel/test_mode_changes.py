"""What the reference model says MMUs are told of other modes is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("begins", [True, False])
def test_system_management_mode_that_begins_or_ends(both: Both, begins: bool) -> None:
    prove_equal(*(kvm.mode_changes.smm_changed(begins) for kvm in both), partial=_PARTIAL)


@pytest.mark.parametrize("what", ["smm_entered", "cpuid_set"])
def test_what_mmus_are_told(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.mode_changes, what)() for kvm in both), partial=_PARTIAL)
