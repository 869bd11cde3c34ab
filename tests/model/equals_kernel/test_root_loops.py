"""What the reference model says of going through roots is what Linux 7.2.13's C does to two of them."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.root_loops import RootLoop
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("loop", RootLoop, ids=reads)
def test_a_loop(both: Both, loop: RootLoop) -> None:
    prove_equal(*(kvm.root_loops.done(loop) for kvm in both), partial={CheckKind.WARN, CheckKind.BUG})


def test_handing_out_roots(both: Both) -> None:
    prove_equal(*(kvm.root_loops.handed_out() for kvm in both), partial={CheckKind.WARN, CheckKind.BUG})


@pytest.mark.parametrize("tests", [False, True], ids=["ages", "tests"])
def test_what_was_used(both: Both, tests: bool) -> None:
    prove_equal(*(kvm.root_loops.aged(tests) for kvm in both), partial={CheckKind.WARN, CheckKind.BUG})
