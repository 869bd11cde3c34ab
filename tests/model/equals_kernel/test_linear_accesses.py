"""The reference model's accesses of KVM itself are those that Linux 7.2.13's C asks for."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.linear_accesses import Accessor
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("accessor", Accessor, ids=lambda accessor: accessor.value)
def test_the_access(both: Both, accessor: Accessor) -> None:
    # The model leaves out what the code asserts of the length of an access.
    prove_equal(*(kvm.linear_accesses.asks(accessor) for kvm in both), partial={CheckKind.WARN})
