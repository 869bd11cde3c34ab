"""What the reference model takes for the width of addresses is what Linux 7.2.13's C takes for it."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_of_host(both: Both) -> None:
    prove_equal(*(kvm.address_widths.of_host() for kvm in both), partial=set(CheckKind))
