"""How the reference model goes from the host's frame to the mapping is how Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.fault_handlers import FaultHandler
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("handler", FaultHandler)
def test_mapped(both: Both, handler: FaultHandler) -> None:
    prove_equal(*(kvm.fault_handlers.mapped(handler) for kvm in both), partial={CheckKind.WARN, CheckKind.BUG})
