"""What the reference model says of invalidating translations is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.invalidations import Invalidation, Transition
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("asked", Invalidation, ids=lambda asked: asked.value)
def test_of_address(both: Both, asked: Invalidation) -> None:
    prove_equal(*(kvm.invalidations.of_address(asked) for kvm in both), partial={CheckKind.WARN})


def test_of_tables(both: Both) -> None:
    prove_equal(*(kvm.invalidations.of_tables() for kvm in both), partial={CheckKind.SHIFT, CheckKind.BUG})


@pytest.mark.parametrize("transition", Transition, ids=lambda transition: transition.value)
def test_at_transition(both: Both, transition: Transition) -> None:
    prove_equal(*(kvm.invalidations.at_transition(transition) for kvm in both), partial={CheckKind.WARN})
