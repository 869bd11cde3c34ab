"""The reference model ages the lists of SPTEs that Linux 7.2.13's C ages."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_aged(both: Both) -> None:
    prove_equal(*(kvm.aged_lists.aged() for kvm in both), partial=set(CheckKind))
