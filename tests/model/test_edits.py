"""Where an edit of a tree is, and whether what it changes had a part in what was asked of the tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.lift.errors import SourceError
from mmuproof.lift.parsing.unit import Body, Unit
from mmuproof.lift.tree.source import open_source
from mmuproof.model.edits import SourceEdit, edited_lines
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.model.lifted.unit_paths import SPTE_C
from mmuproof.model.vendor import Vendor
from tests.lift.machine.conftest import CLANG

TEXT = """#define TWICE(x) ((x) + (x))
struct s { int a; };
int f(int v)
{
	return TWICE(v);
}
int g(int v) { return v; }
int h(int v)
{
	return g(v);
}
"""


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    (tmp_path / "u.c").write_text(TEXT)
    return Unit(tmp_path, "u.c", CLANG)


def test_the_lines_that_an_edit_replaces_are_those_of_the_tree(unit: Unit, tmp_path: Path) -> None:
    edits = [SourceEdit("u.c", r"struct s", "struct t"), SourceEdit("u.c", r"\{\s+return TWICE\(v\);\n", "{\n")]
    assert edited_lines(tmp_path, edits) == [("u.c", 2, 2), ("u.c", 4, 5)]
    with pytest.raises(SourceError, match="matches 0 times"):
        edited_lines(tmp_path, [SourceEdit("u.c", "absent", "")])


@pytest.mark.parametrize(
    ("asked", "read"),
    [((), ()), (("f",), (4,)), (("f", "g"), (4, 7)), (("h",), (9,))],
    ids=["nothing", "one", "two", "what another calls is read when it is followed"],
)
def test_a_body_is_read_once_somebody_asks_for_it(unit: Unit, asked: tuple[str, ...], read: tuple[int, ...]) -> None:
    for name in asked:
        _ = unit.function(name).body
    assert set(unit.bodies_in("u.c")) == {
        Body(first=first, last=last, read=first in read) for first, last in ((4, 6), (7, 7), (9, 11))
    }


def test_so_it_is_if_somebody_asks_what_it_writes(unit: Unit) -> None:
    unit.effects("h")
    assert {each.first for each in unit.bodies_in("u.c") if each.read} == {7, 9}


@pytest.mark.long
def test_a_real_kernel_tells_what_had_a_part_in_an_answer(kernel_tree: Callable[[str], Path]) -> None:
    text = (kernel_tree("7.2") / SPTE_C).read_text("utf-8").splitlines()

    def line_of(what: str) -> int:
        return 1 + next(number for number, line in enumerate(text) if what in line)

    with open_source(str(kernel_tree("7.2"))) as tree, open_kernel(tree) as kvm:
        kvm.masks.shadow_masks(Vendor.INTEL)
        inside = line_of("enable_mmio_caching = false;")
        assert kvm.has_read(SPTE_C, inside, inside)
        elsewhere = line_of("spte |= SPTE_TDP_AD_DISABLED;")
        assert not kvm.has_read(SPTE_C, elsewhere, elsewhere)
        assert kvm.has_read(SPTE_C, 1, len(text)), "what is no body may matter to anything"
        _ = kvm.failed_assertions()
        assert kvm.has_read(SPTE_C, elsewhere, elsewhere), "an assertion of the compiler may be anywhere"
