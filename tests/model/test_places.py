"""Where a macro or an enumerator is defined, found in the tree's text."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmuproof.lift.parsing.unit import Unit
from mmuproof.model.lifted.units import Units

TEXT = """\
/* FROZEN_SPTE is what #define says below. */
#if defined(FROZEN_SPTE_OLD)
# define FROZEN_SPTE (1ull << 5)
#endif
#define FROZEN_SPTE_TOO FROZEN_SPTE
enum {
\tPFERR_LOW = 3,
\tPFERR_HIGH,
};
"""


def parsing(_path: str) -> Unit:
    raise AssertionError("nothing is parsed for it")


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("FROZEN_SPTE", "kvm/spte.h:3"),
        ("FROZEN_SPTE_TOO", "kvm/spte.h:5"),
        ("PFERR_LOW", "kvm/spte.h:7"),
        ("PFERR_HIGH", "kvm/spte.h:8"),
        ("FROZEN_SPTE_OLD", ""),
        ("FROZEN", ""),
    ],
)
def test_a_definition_is_found_by_its_name(tmp_path: Path, name: str, at: str) -> None:
    (tmp_path / "kvm").mkdir()
    (tmp_path / "kvm" / "a.h").write_text("int FROZEN_SPTE_TOO_early;\n")
    (tmp_path / "kvm" / "spte.h").write_text(TEXT)
    assert Units(tmp_path, parsing).defining(name, "kvm/*.h") == at
