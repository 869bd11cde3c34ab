"""The reference model says how large pages may be where none faults as Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_found(both: Both) -> None:
    prove_equal(*(kvm.unfaulted_levels.found() for kvm in both), partial=set(CheckKind))
