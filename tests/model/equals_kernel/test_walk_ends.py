"""The ends of the reference model's walks of guest page tables are those of Linux 7.2.13's C."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.walks import GpteFormat, WalkKind
from mmuproof.smt.terms import TRUE, bool_var, var
from tests.model.equality import Both, prove_equal, reads

pytestmark = pytest.mark.kernel

_ROLE, _LEVEL, _ACCESS, _GPTE = var("role", 64), var("level", 32), var("access", 32), var("gpte", 64)
_KINDS = {GpteFormat.EPT: WalkKind.NESTED_EPT, GpteFormat.PAGING64: WalkKind.GUEST, GpteFormat.PAGING32: WalkKind.GUEST}
each_format = pytest.mark.parametrize("gpte_format", GpteFormat, ids=reads)


@each_format
def test_is_last_gpte(both: Both, gpte_format: GpteFormat) -> None:
    walks = ((kvm, kvm.walks.guest_walk(_KINDS[gpte_format], role=_ROLE)) for kvm in both)
    mine, theirs = (kvm.walk_ends.is_last_gpte(gpte_format, walk, _LEVEL, _GPTE) for kvm, walk in walks)
    prove_equal(mine, theirs)


@each_format
def test_protect_clean_gpte(both: Both, gpte_format: GpteFormat) -> None:
    walks = ((kvm, kvm.walks.guest_walk(_KINDS[gpte_format], role=_ROLE)) for kvm in both)
    mine, theirs = (kvm.walk_ends.protect_clean_gpte(gpte_format, walk, _ACCESS, _GPTE) for kvm, walk in walks)
    prove_equal(mine, theirs)


@pytest.mark.parametrize(
    ("gpte_format", "levels"),
    [
        (GpteFormat.EPT, 5),
        (GpteFormat.EPT, 4),
        (GpteFormat.PAGING64, 5),
        (GpteFormat.PAGING64, 4),
        (GpteFormat.PAGING64, 3),
        (GpteFormat.PAGING32, 2),
    ],
    ids=reads,
)
def test_whole_walk(both: Both, gpte_format: GpteFormat, levels: int) -> None:
    width = 32 if gpte_format is GpteFormat.PAGING32 else 64
    entries = tuple(var(f"entry {level}", width) for level in range(2 if levels == 3 else levels, 0, -1))
    flags = bool_var("A/D") if gpte_format is GpteFormat.EPT else TRUE
    pse = bool_var("CR4.PSE")
    mine, theirs = (
        kvm.walk_ends.whole_walk(gpte_format, levels, entries, cr4_pse=pse, accessed_dirty=flags) for kvm in both
    )
    prove_equal(mine, theirs, partial={CheckKind.WARN})
