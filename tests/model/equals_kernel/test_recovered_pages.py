"""What the reference model says of huge pages in place of tables is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_what_is_made(both: Both) -> None:
    prove_equal(*(kvm.recovered_pages.made() for kvm in both), partial=set(CheckKind))


def test_what_is_flushed(both: Both) -> None:
    prove_equal(*(kvm.recovered_pages.replaced() for kvm in both), partial=set(CheckKind))
