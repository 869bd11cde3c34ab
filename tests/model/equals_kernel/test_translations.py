"""What the reference model says of translating an address is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.walks import GpteFormat
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("gpte_format", GpteFormat, ids=lambda each: each.value)
def test_translated(both: Both, gpte_format: GpteFormat) -> None:
    prove_equal(*(kvm.translations.translated(gpte_format) for kvm in both))
