"""What the reference model says of changing SPTEs that others write is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.spte_changes import FastFault, SpteAt, SpteChange
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import bool_var, var
from tests.model.equality import Both, demanded, each_vendor, host, prove_equal

pytestmark = pytest.mark.kernel

_AT = SpteAt(var("spte", 64), var("level", 4))
_FAULT = FastFault(bool_var("present"), bool_var("write"), bool_var("exec"), bool_var("rsvd"))
_ASSERTED = {CheckKind.WARN, CheckKind.BUG}
"""The model leaves out what these functions assert."""


@pytest.mark.parametrize("change", SpteChange, ids=lambda change: change.name)
@each_vendor
def test_change(both: Both, vendor: Vendor, change: SpteChange) -> None:
    mine, theirs = (kvm.interference.change(kvm.masks.shadow_masks(vendor), change, _AT) for kvm in both)
    on_host = host(both.lifted.masks.shadow_masks(vendor))
    prove_equal(mine, theirs, assuming=[on_host, demanded(theirs.evidence)], partial=_ASSERTED)


@each_vendor
def test_zap_root(both: Both, vendor: Vendor) -> None:
    mine, theirs = (kvm.interference.zap_root(kvm.masks.shadow_masks(vendor), _AT, var("zap_level", 4)) for kvm in both)
    on_host = host(both.lifted.masks.shadow_masks(vendor))
    prove_equal(mine, theirs, assuming=[on_host, demanded(theirs.evidence)], partial=_ASSERTED)


@each_vendor
def test_fast_page_fault(both: Both, vendor: Vendor) -> None:
    mine, theirs = (kvm.interference.fast_page_fault(kvm.masks.shadow_masks(vendor), _FAULT, _AT.level) for kvm in both)
    on_host = host(both.lifted.masks.shadow_masks(vendor))
    prove_equal(mine, theirs, assuming=[on_host, demanded(theirs.evidence)], partial=_ASSERTED)
