"""What the reference model says of storing SPTEs is what Linux 7.2.13's C does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.stores import Stores
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_OPERATIONS: dict[str, Callable[[Stores], object]] = {
    "tdp_map": lambda stores: stores.tdp_map(),
    "tdp_link": lambda stores: stores.tdp_link(),
    "tdp_split": lambda stores: stores.tdp_split(),
    "mirrored": lambda stores: stores.mirrored(),
    "shadow_map": lambda stores: stores.shadow_map(),
    "shadow_link": lambda stores: stores.shadow_link(),
    "fast_fix": lambda stores: stores.fast_fix(),
}


@pytest.mark.parametrize("name", _OPERATIONS)
def test_the_operation(both: Both, name: str) -> None:
    # The model leaves out what these functions assert.
    prove_equal(*(_OPERATIONS[name](kvm.stores) for kvm in both), partial={CheckKind.WARN})
