"""What the reference model says of the log of dirty pages is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_flags_applied(both: Both) -> None:
    prove_equal(*(kvm.dirty_logging.flags_applied() for kvm in both), partial={CheckKind.WARN})


def test_mask_logged(both: Both) -> None:
    prove_equal(*(kvm.dirty_logging.mask_logged() for kvm in both), partial={CheckKind.SHIFT})
