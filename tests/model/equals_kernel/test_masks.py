"""The masks of the reference model are those that Linux 7.2.13's C sets up, for all hosts."""

from __future__ import annotations

import pytest

from mmuproof.model.vendor import Vendor
from mmuproof.smt.graph import substitute
from mmuproof.smt.terms import TRUE, Term, all_of, bool_var, eq
from tests.model.equality import Both, each_vendor, host, prove, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("earlier", ["an earlier set-up", "another"])
@each_vendor
def test_the_masks(both: Both, vendor: Vendor, earlier: str) -> None:
    mine, theirs = (kvm.masks.shadow_masks(vendor, earlier) for kvm in both)
    prove_equal(mine, theirs, assuming=[host(theirs)])


def test_shadow_paging_is_for_either_module(both: Both) -> None:
    """Its masks on an AMD host are those of nested paging there."""
    on_amd: dict[Term, Term] = {bool_var("kvm_amd is loaded"): TRUE}
    for kvm in both:
        shadow, amd = (kvm.masks.shadow_masks(vendor) for vendor in (Vendor.SHADOW, Vendor.AMD))
        same = (
            eq(substitute(getattr(shadow, name), on_amd), getattr(amd, name))
            for name in ("mmio_value", "mmio_mask", "me_value", "me_mask")
        )
        prove(all_of(*same), host(amd))
