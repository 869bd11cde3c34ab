"""How the reference model's SPTEs follow guest entries is how those of Linux 7.2.13's C do."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.walks import GpteFormat
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel

each_format = pytest.mark.parametrize("gpte_format", GpteFormat, ids=reads)


@each_format
def test_prefetch_gpte(both: Both, gpte_format: GpteFormat) -> None:
    prove_equal(*(kvm.resyncs.prefetch_gpte(gpte_format) for kvm in both))


@each_format
def test_sync_spte(both: Both, gpte_format: GpteFormat) -> None:
    mine, theirs = (kvm.resyncs.sync_spte(gpte_format) for kvm in both)
    # What the functions below assert is left out, and spte.flush speaks of the flush after an update.
    prove_equal(mine, theirs, partial={CheckKind.WARN}, where={"flushes": theirs.dropped})
