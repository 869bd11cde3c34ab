"""What the reference model says of flushes on a processor with SVM is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.svm_flushes import SvmFlush
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("flush", SvmFlush)
def test_a_flush(both: Both, flush: SvmFlush) -> None:
    prove_equal(*(kvm.svm_flushes.flushed(flush) for kvm in both), partial=set(CheckKind))
