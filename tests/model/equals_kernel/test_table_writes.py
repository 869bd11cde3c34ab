"""What the reference model says of pages whose tables are written to is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_followed(both: Both) -> None:
    mine = both.reference.table_writes.followed()
    prove_equal(
        *(kvm.table_writes.followed() for kvm in both),
        assuming=(mine.of_vm, mine.entry.there),
        where={"entry.own_entry": mine.page.there},
        partial={CheckKind.WARN, CheckKind.NULL},
    )


def test_unprotected(both: Both) -> None:
    prove_equal(*(kvm.table_writes.unprotected() for kvm in both), partial={CheckKind.WARN, CheckKind.NULL})


def test_protected(both: Both) -> None:
    prove_equal(*(kvm.table_writes.protected() for kvm in both), partial={CheckKind.WARN, CheckKind.NULL})
