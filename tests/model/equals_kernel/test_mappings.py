"""What the reference model says that callers ask make_spte() for is what Linux 7.2.13's C asks."""

from __future__ import annotations

import pytest

from mmuproof.model.kvm import Kvm
from mmuproof.model.mappings import MappingAsked
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import WalkKind
from mmuproof.proofs.given.nested_set_up import asked_for
from mmuproof.smt.terms import Bool
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("name", ["prefetch_gpte", "sync_spte"])
def test_the_caller_of_make_spte(both: Both, name: str) -> None:
    def asked(kvm: Kvm) -> tuple[MappingAsked, Bool]:
        done = kvm.walks.nested_set_up(WalkKind.NESTED_EPT, asked_for())
        return getattr(kvm.mappings, name)(done.walk, kvm.masks.shadow_masks(Vendor.INTEL)), done.role_changed

    (mine, changed), (theirs, _) = (asked(kvm) for kvm in both)
    prove_equal(mine, theirs, assuming=[changed])


def test_hugepage_adjust(both: Both) -> None:
    prove_equal(*(kvm.mappings.hugepage_adjust() for kvm in both))


def test_check_eptp(both: Both) -> None:
    prove_equal(*(kvm.mappings.check_eptp() for kvm in both))


def test_find_frame(both: Both) -> None:
    prove_equal(*(kvm.mappings.find_frame() for kvm in both))
