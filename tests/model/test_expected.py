"""What an earlier kernel has and a later one has not is lost, and never counts as a kernel that is without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mmuproof.lift.errors import Gone
from mmuproof.lift.parsing.unit import ConstantNames, Unit
from mmuproof.lift.tree.source import open_source
from mmuproof.model.lifted.expected import expected_of
from mmuproof.model.lifted.unit_paths import SPTE_C
from mmuproof.model.series import latest_before
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from tests.kernels import opened_kernel
from tests.lift.machine.conftest import CLANG
from tests.long_run import only

QUESTIONS: Mapping[str, Callable[[Unit], object]] = {
    "mask": lambda unit: unit.has_variable("mask"),
    "f()": lambda unit: unit.has_function("f"),
    "struct s.deep": lambda unit: unit.has_member("struct s", "deep"),
    "BIT": lambda unit: unit.constant("BIT") is not None,
    "NAMED": lambda unit: unit.constant("NAMED") is not None,
}
TEXT = (
    "#define BIT 3\nenum { NAMED = 4 };\nint mask; int f(void) { return 1; }\nstruct s { struct { int deep; } in; };\n"
)


@pytest.mark.parametrize("name", QUESTIONS)
@pytest.mark.parametrize("expected", [False, True], ids=["as any tree may lack", "as an earlier tree has"])
def test_what_is_not_there_is_no_answer_where_it_is_expected(tmp_path: Path, name: str, expected: bool) -> None:
    def unit(text: str) -> Unit:
        (tmp_path / "u.c").write_text(text)
        constants = ConstantNames(("BIT", "NAMED"))
        return Unit(tmp_path, "u.c", CLANG, constants, expected=[name] if expected else ())

    full, empty = unit(TEXT), unit("int other;\n")
    assert QUESTIONS[name](full) is True
    assert full.found == {name}
    if expected:
        with pytest.raises(Gone, match="any more"):
            QUESTIONS[name](empty)
    else:
        assert QUESTIONS[name](empty) is False
    assert not empty.found


@pytest.mark.parametrize(
    ("release", "series"),
    [("7.2.13", "7.2"), ("7.3.0-rc1", "7.3"), ("9.1", "7.3"), ("6.5.1", "6.1"), ("5.10", None), ("next", None)],
)
def test_a_release_is_held_to_the_last_series_before_it(release: str, series: str | None) -> None:
    assert latest_before(release, ["7.2", "6.1", "7.3", "6.12"]) == series


def test_the_names_are_those_of_the_series() -> None:
    assert "shadow_xu_mask" in expected_of("7.2.13", SPTE_C)
    assert "shadow_xu_mask" in expected_of("8.0", SPTE_C)
    assert "shadow_xu_mask" not in expected_of("6.12.1", SPTE_C)
    assert not expected_of("5.10.1", SPTE_C)


# What is renamed everywhere -> a theorem that looks for it among others.
RENAMED = {
    "PFERR_GUEST_FINAL_MASK": "layout.error-code-bits",
    "kvm_ad_enabled": "layout.disjoint",
    "is_mirror_sp": "spte.aging",
}


@pytest.mark.parametrize("name", only(("kvm_ad_enabled",), RENAMED))
def test_a_name_among_others_that_is_renamed_is_lost(
    renamed_tree: Callable[[Mapping[str, str]], Path], name: str
) -> None:
    (stating,) = (each for each in THEOREMS if each.name == RENAMED[name])
    with (
        open_source(str(renamed_tree({name: f"OTHER_{name}"}))) as tree,
        opened_kernel(tree) as kvm,
        pytest.raises(Gone, match=rf"{name}\S* any more"),
    ):
        stating.state(kvm, Vendor.INTEL)
