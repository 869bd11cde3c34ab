"""What the reference model says of loops over a range is what Linux 7.2.13's C does in any round."""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from tests.model.equality import Both, prove_equal

pytestmark = pytest.mark.kernel


def test_zapping(both: Both) -> None:
    prove_equal(*(kvm.range_rounds.zap() for kvm in both))


@pytest.mark.parametrize(
    "loop",
    ["write_protect", "write_protect_frame", "clear_dirty", "clear_dirty_frames", "zap_root", "split", "recover"],
)
def test_changing_entries_that_others_change_too(both: Both, loop: str) -> None:
    prove_equal(*(getattr(kvm.range_rounds, loop)() for kvm in both), partial={CheckKind.WARN, CheckKind.BUG})
