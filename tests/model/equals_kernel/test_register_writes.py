"""What the reference model says of writes to control registers is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.register_writes import WrittenRegister
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("register", WrittenRegister, ids=lambda register: register.name)
def test_written(both: Both, register: WrittenRegister) -> None:
    prove_equal(*(kvm.register_writes.written(register) for kvm in both))


def test_reset(both: Both) -> None:
    # What is asserted of interrupts and of system-management mode the model does not have.
    prove_equal(*(kvm.register_writes.reset() for kvm in both), partial=set(CheckKind))
