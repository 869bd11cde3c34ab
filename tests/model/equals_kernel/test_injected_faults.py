"""What the reference model says of giving page faults to guests is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("nested", [True, False])
def test_a_fault_that_is_injected(both: Both, nested: bool) -> None:
    prove_equal(*(kvm.injected_faults.injected(nested) for kvm in both), partial=_PARTIAL)


def test_a_fault_that_is_queued(both: Both) -> None:
    prove_equal(*(kvm.injected_faults.queued() for kvm in both), partial=_PARTIAL)
