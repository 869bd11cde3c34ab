"""What the reference model says is handed on is what Linux 7.2.13's C hands on."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.hand_overs import HandOver
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("by", HandOver, ids=reads)
def test_handed_on(both: Both, by: HandOver) -> None:
    model, kernel = (kvm.hand_overs.handed_on(by) for kvm in both)
    assert len(model) == len(kernel)
    for one, other in zip(model, kernel, strict=True):
        prove_equal(one, other, partial=set(CheckKind))
