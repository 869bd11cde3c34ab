"""The reference model loads, fetches and gives PDPTEs as Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("what", ["loaded", "fetched", "given"])
def test_page_directory_pointers(both: Both, what: str) -> None:
    prove_equal(*(getattr(kvm.page_directory_pointers, what)() for kvm in both), partial=set(CheckKind))
