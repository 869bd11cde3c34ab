"""The reference model lets those faults be fast that Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_judged(both: Both) -> None:
    prove_equal(*(kvm.fast_faults.judged() for kvm in both), partial=set(CheckKind))
