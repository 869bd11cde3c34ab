"""The reference model maps the page of a fault below the root that Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_mapped(both: Both) -> None:
    prove_equal(*(kvm.fault_roots.mapped() for kvm in both), partial=set(CheckKind))
