"""What theorems rest on in a real kernel: all that changes a result is among it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mmuproof.cli.prove.relatives import BodyLayout, RestsOn, change_between
from mmuproof.lift.errors import LiftError
from mmuproof.lift.ran import Read, collected
from mmuproof.lift.tree.source import KernelTree, open_source
from mmuproof.model.defects.catalogue import DEFECTS
from mmuproof.model.edits import edited_files
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.lifted.bodies import KernelBodies
from mmuproof.model.lifted.kernel import LiftedKvm
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.theorem import Theorem
from tests.kernels import opened_kernel

pytestmark = [pytest.mark.kernel, pytest.mark.long]


def read_for(theorem: Theorem, kvm: Kvm) -> Read:
    with collected() as ran:
        for vendor in theorem.vendors:
            with suppress(NotThere, LiftError):
                if not theorem.lacking(kvm, vendor):
                    tuple(theorem.state(kvm, vendor))
    return ran.read()


@dataclass(frozen=True)
class StatedTree:
    """A tree of which all theorems have been stated one after the other, and what each has read."""

    tree: KernelTree
    kvm: LiftedKvm
    read: Mapping[str, Read]
    layout: BodyLayout

    def rests_on(self, theorem: str) -> RestsOn:
        return self.layout.rests_on(self.read[theorem])


@pytest.fixture(scope="module")
def stated(kernel_tree: Callable[[str], Path]) -> Iterator[StatedTree]:
    with open_source(str(kernel_tree("7.2"))) as tree, opened_kernel(tree, ahead=True) as kvm:
        read = {each.name: read_for(each, kvm) for each in THEOREMS}
        yield StatedTree(tree, kvm, read, BodyLayout.of(KernelBodies(tree, kvm.units)))


@pytest.mark.parametrize("theorem", THEOREMS[::6], ids=lambda theorem: theorem.name)
def test_a_theorem_rests_on_the_same_whatever_was_stated_before_it(theorem: Theorem, stated: StatedTree) -> None:
    alone = LiftedKvm(stated.kvm.units, stated.kvm.config)
    assert read_for(theorem, alone) == stated.read[theorem.name]


@pytest.fixture(scope="module")
def copied(stated: StatedTree, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree, to be edited."""
    return Path(shutil.copytree(stated.tree.root, tmp_path_factory.mktemp("edited") / "linux"))


@pytest.mark.parametrize("defect", [name for name in sorted(DEFECTS) if DEFECTS[name].edits][::9])
def test_what_a_defect_changes_is_among_what_the_theorems_rest_on_that_catch_it(
    defect: str, stated: StatedTree, copied: Path
) -> None:
    texts = edited_files(stated.tree.root, DEFECTS[defect].edits)
    try:
        for name, text in texts.items():
            (copied / name).write_text(text, "utf-8")
        edited = replace(stated.tree, root=copied)
        with opened_kernel(edited) as kvm:
            change = change_between(stated.layout, KernelBodies(edited, kvm.units))
    finally:
        for name in texts:
            shutil.copyfile(stated.tree.root / name, copied / name)
    if change is not None:
        caught_by = [
            each.name
            for each in THEOREMS
            if any(catch.defect == defect for catch in each.catches)
            and not all(each.lacking(stated.kvm, vendor) for vendor in each.vendors)
        ]
        assert [name for name in caught_by if change.leaves(stated.rests_on(name))] == []
