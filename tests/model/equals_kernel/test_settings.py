"""What the reference model says that is on is what Linux 7.2.13's C says."""

from __future__ import annotations

import pytest

from mmuproof.model.settings import Question
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("question", Question, ids=reads)
def test_answer(both: Both, question: Question) -> None:
    prove_equal(*(kvm.settings.answer(question) for kvm in both))
