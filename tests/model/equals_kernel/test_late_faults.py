"""What the reference model says of faults that time overtakes is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_handled_later(both: Both) -> None:
    prove_equal(*(kvm.late_faults.handled_later() for kvm in both), partial={CheckKind.WARN})


def test_out_of_date(both: Both) -> None:
    prove_equal(*(kvm.late_faults.out_of_date() for kvm in both), partial={CheckKind.WARN})
