"""What the reference model says of walks over KVM's own tables is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.shadow_walks import ROOT_KINDS, RootKind
from mmuproof.smt.terms import ult, var
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel

_ASSERTED = {CheckKind.WARN, CheckKind.BUG}
each_root = pytest.mark.parametrize("kind", ROOT_KINDS, ids=lambda kind: f"{kind.root_level}-{kind.guest_level}")


@each_root
def test_all_sptes(both: Both, kind: RootKind) -> None:
    prove_equal(*(kvm.shadow_walks.sptes(kind) for kvm in both), partial=_ASSERTED)


@each_root
def test_the_last_spte(both: Both, kind: RootKind) -> None:
    prove_equal(*(kvm.shadow_walks.last_spte(kind) for kvm in both), partial=_ASSERTED)


@pytest.mark.parametrize("root_level", [4, 5])
def test_an_spte_of_mmio(both: Both, root_level: int) -> None:
    prove_equal(*(kvm.shadow_walks.mmio_spte(root_level) for kvm in both), partial=_ASSERTED)


@pytest.mark.parametrize("root_level", [4, 5])
def test_a_beginning(both: Both, root_level: int) -> None:
    prove_equal(*(kvm.shadow_walks.begun(root_level) for kvm in both), partial=_ASSERTED)


def test_a_step(both: Both) -> None:
    prove_equal(*(kvm.shadow_walks.moved() for kvm in both), partial=_ASSERTED)


@pytest.mark.parametrize("walk", ["tdp_sptes", "tdp_last_spte"])
def test_a_walk_of_the_tdp_mmu(both: Both, walk: str) -> None:
    level = var("iter.level after some rounds", 32)
    possible = ult(level - 1, 5)
    prove_equal(*(getattr(kvm.shadow_walks, walk)() for kvm in both), partial=_ASSERTED, assuming=(possible,))
