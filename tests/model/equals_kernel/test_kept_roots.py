"""What the reference model says of the roots that an MMU keeps is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.kept_roots import RootsSwept
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_PARTIAL = {CheckKind.WARN, CheckKind.NULL}


@pytest.mark.parametrize("who", RootsSwept, ids=lambda who: who.value)
def test_swept(both: Both, who: RootsSwept) -> None:
    prove_equal(*(kvm.kept_roots.swept(who) for kvm in both), partial=_PARTIAL)


def test_synced(both: Both) -> None:
    prove_equal(*(kvm.kept_roots.synced() for kvm in both), partial=_PARTIAL)


def test_page_freed(both: Both) -> None:
    prove_equal(*(kvm.kept_roots.page_freed() for kvm in both), partial=_PARTIAL)


def test_loaded(both: Both) -> None:
    prove_equal(*(kvm.kept_roots.loaded() for kvm in both), partial=_PARTIAL)


def test_unloaded(both: Both) -> None:
    prove_equal(*(kvm.kept_roots.unloaded() for kvm in both), partial=_PARTIAL)


def test_context_reset(both: Both) -> None:
    prove_equal(*(kvm.kept_roots.context_reset() for kvm in both), partial=_PARTIAL)
