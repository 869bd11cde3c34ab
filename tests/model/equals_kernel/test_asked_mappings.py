"""What the reference model says of pages that are asked for is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("of_tdp", [True, False])
def test_mapped_ahead(both: Both, of_tdp: bool) -> None:
    prove_equal(*(kvm.asked_mappings.ahead(of_tdp) for kvm in both), partial=_PARTIAL)


def test_mapped_as_private(both: Both) -> None:
    prove_equal(*(kvm.asked_mappings.private() for kvm in both), partial=_PARTIAL)
