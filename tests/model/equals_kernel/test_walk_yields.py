"""What the reference model says of a walk that lets others in is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_an_entry(both: Both) -> None:
    prove_equal(*(kvm.walk_yields.at_entry() for kvm in both), partial=set(CheckKind))
