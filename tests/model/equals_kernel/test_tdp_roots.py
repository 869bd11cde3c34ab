"""What the reference model says of roots of the TDP MMU is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


def test_the_root_that_a_vcpu_gets(both: Both) -> None:
    prove_equal(*(kvm.tdp_roots.taken() for kvm in both), partial=_PARTIAL)
