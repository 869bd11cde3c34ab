"""What the reference model says of looking for a page of SPTEs is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_found(both: Both) -> None:
    prove_equal(*(kvm.found_pages.found() for kvm in both), partial={CheckKind.WARN})
