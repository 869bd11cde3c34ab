"""What the reference model says of entries that come and go is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.parent_links import EntryGoes
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel

_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("what", ["noted", "parents_gone"])
def test_parents(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.parent_links, what)() for kvm in both), partial=_PARTIAL)


@pytest.mark.parametrize("which", EntryGoes, ids=reads)
def test_taken_away(both: Both, which: EntryGoes) -> None:
    prove_equal(*(kvm.parent_links.taken_away(which) for kvm in both), partial=_PARTIAL)
