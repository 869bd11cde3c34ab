"""What the reference model says goes before pages are freed is what Linux 7.2.13's C does."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.freed_pages import PAGES
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("pages", range(PAGES + 1))
def test_committed(both: Both, pages: int) -> None:
    prove_equal(*(kvm.freed_pages.committed(pages) for kvm in both), partial=set(CheckKind))
