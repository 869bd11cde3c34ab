"""The reference model deals with MMIO SPTEs as Linux 7.2.13's C does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmuproof.model.masks import ShadowMasks
from mmuproof.model.mmio import Mmio, MmioRequest
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import var
from tests.model.equality import Both, each_vendor, host, prove_equal

pytestmark = pytest.mark.kernel

_SPTE, _GENERATION = var("spte", 64), var("generation", 64)
_REQUEST = MmioRequest(var("gfn", 64), var("access", 32), _GENERATION)
_OPERATIONS: dict[str, Callable[[Mmio, ShadowMasks], object]] = {
    "make_mmio_spte": lambda mmio, masks: mmio.make_mmio_spte(masks, _REQUEST),
    "content": lambda mmio, masks: mmio.content(masks, _SPTE),
    "check_mmio_spte": lambda mmio, masks: mmio.check_mmio_spte(masks, _SPTE, _GENERATION),
    "invalidate_mmio_sptes": lambda mmio, masks: mmio.invalidate_mmio_sptes(masks, _GENERATION),
}


@pytest.mark.parametrize("name", _OPERATIONS)
@each_vendor
def test_the_operation(both: Both, vendor: Vendor, name: str) -> None:
    mine, theirs = (_OPERATIONS[name](kvm.mmio, kvm.masks.shadow_masks(vendor)) for kvm in both)
    prove_equal(mine, theirs, assuming=[host(both.lifted.masks.shadow_masks(vendor))])
