"""Where an edit of a tree is, and whether what it changes had a part in what was asked of the tree."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.lift.errors import SourceError
from mmuproof.lift.ran import collected
from mmuproof.lift.tree.source import open_source
from mmuproof.model.edits import SourceEdit, edited_lines
from mmuproof.model.lifted.bodies import KernelBodies
from mmuproof.model.lifted.unit_paths import SPTE_C
from mmuproof.model.vendor import Vendor
from tests.kernels import opened_kernel

TEXT = """#define TWICE(x) ((x) + (x))
struct s { int a; };
int f(int v)
{
	return TWICE(v);
}
"""


def test_the_lines_that_an_edit_replaces_are_those_of_the_tree(tmp_path: Path) -> None:
    (tmp_path / "u.c").write_text(TEXT)
    edits = [SourceEdit("u.c", r"struct s", "struct t"), SourceEdit("u.c", r"\{\s+return TWICE\(v\);\n", "{\n")]
    assert edited_lines(tmp_path, edits) == [("u.c", 2, 2), ("u.c", 4, 5)]
    with pytest.raises(SourceError, match="matches 0 times"):
        edited_lines(tmp_path, [SourceEdit("u.c", "absent", "")])


@pytest.mark.long
def test_a_real_kernel_tells_what_had_a_part_in_an_answer(kernel_tree: Callable[[str], Path]) -> None:
    def edit_of(what: str) -> SourceEdit:
        return SourceEdit(SPTE_C, re.escape(what), f"{what} ")

    inside, elsewhere, outside = (
        edit_of(what)
        for what in (
            "enable_mmio_caching = false;",
            "spte |= (spte & SHADOW_ACC_TRACK_SAVED_BITS_MASK) <<",
            "static bool __ro_after_init allow_mmio_caching;",
        )
    )
    with open_source(str(kernel_tree("7.2"))) as tree, opened_kernel(tree) as kvm:
        with collected() as ran:
            kvm.masks.shadow_masks(Vendor.INTEL)
        bodies, read = KernelBodies(tree, kvm.units), ran.read().bodies
        for one, is_read in ((inside, True), (elsewhere, False)):
            changed = bodies.changed_by([one])
            assert changed is not None
            assert [each in read for each in changed] == [is_read]
        assert len(bodies.changed_by([inside, elsewhere]) or ()) == 2
        assert bodies.changed_by([inside, outside]) is None, "what is no body may matter to anything"
