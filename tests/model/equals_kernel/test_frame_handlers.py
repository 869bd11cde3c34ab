"""What the reference model says is done to the lists of frames is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.frame_handlers import FrameHandler
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel

_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("handler", FrameHandler, ids=reads)
def test_handled(both: Both, handler: FrameHandler) -> None:
    prove_equal(*(kvm.frame_handlers.handled(handler) for kvm in both), partial=_PARTIAL)


@pytest.mark.parametrize("what", ["zapped", "protected"])
def test_handed_on(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.frame_handlers, what)() for kvm in both), partial=_PARTIAL)
