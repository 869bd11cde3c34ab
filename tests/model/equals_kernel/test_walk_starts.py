"""Where the reference model lets walks begin is where Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.walk_starts import NestedTables
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel
_PARTIAL = set(CheckKind)


@pytest.mark.parametrize("tables", NestedTables, ids=reads)
def test_nested(both: Both, tables: NestedTables) -> None:
    prove_equal(*(kvm.walk_starts.nested(tables) for kvm in both), partial=_PARTIAL)


def test_own(both: Both) -> None:
    prove_equal(*(kvm.walk_starts.own() for kvm in both), partial=_PARTIAL)
