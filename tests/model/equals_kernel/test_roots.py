"""The reference model asks for roots and takes them as Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.roots import RootChange
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("change", RootChange, ids=reads)
def test_asked(both: Both, change: RootChange) -> None:
    # The set-ups assert what is asked of them, which is none of this.
    prove_equal(*(kvm.roots.asked(change) for kvm in both), partial={CheckKind.WARN})


def test_eptp_switched(both: Both) -> None:
    prove_equal(*(kvm.roots.eptp_switched() for kvm in both), partial={CheckKind.WARN})


def test_taken(both: Both) -> None:
    prove_equal(*(kvm.roots.taken() for kvm in both), partial={CheckKind.WARN})


def test_made(both: Both) -> None:
    prove_equal(*(kvm.roots.made() for kvm in both), partial={CheckKind.WARN})


def test_made_direct(both: Both) -> None:
    prove_equal(*(kvm.roots.made_direct() for kvm in both), partial={CheckKind.WARN})
