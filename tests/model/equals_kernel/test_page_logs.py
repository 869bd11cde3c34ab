"""What the reference model does with logs of pages is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.smt.terms import Term, slt
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_round(both: Both) -> None:
    mine, theirs = (kvm.page_logs.round() for kvm in both)
    named: dict[Term, Term] = {mine.index: theirs.index, mine.at: theirs.at}
    # No round is of an entry behind the last, with which they begin.
    prove_equal(
        mine, theirs, stands_for=named, assuming=[slt(theirs.at, 512)], partial={CheckKind.WARN, CheckKind.INDEX}
    )


def test_written(both: Both) -> None:
    prove_equal(*(kvm.page_logs.written() for kvm in both), partial={CheckKind.WARN})
