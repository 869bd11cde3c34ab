"""What the reference model says of the MMUs of a new vCPU is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_what_a_new_vcpu_begins_with(both: Both) -> None:
    prove_equal(*(kvm.created_mmus.created() for kvm in both), partial={CheckKind.WARN})
