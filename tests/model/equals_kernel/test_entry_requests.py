"""What the reference model does for the MMU before a guest runs is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.entry_requests import GuestSwitch
from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_served(both: Both) -> None:
    # Of what is asserted of interrupts and clocks the model has nothing.
    prove_equal(*(kvm.entry_requests.served() for kvm in both), partial={CheckKind.WARN, CheckKind.BUG})


@pytest.mark.parametrize("switch", GuestSwitch, ids=lambda switch: switch.value)
def test_switched(both: Both, switch: GuestSwitch) -> None:
    prove_equal(*(kvm.entry_requests.switched(switch) for kvm in both), partial={CheckKind.WARN})


def test_host_state(both: Both) -> None:
    prove_equal(*(kvm.entry_requests.host_state() for kvm in both), partial={CheckKind.WARN})
