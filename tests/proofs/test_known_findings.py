"""Known findings are real: each shows as it is recorded, and is told in the documentation under its number."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.kvm import Kvm
from mmuproof.model.reference.kvm import RELEASE, ReferenceKvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.known_findings import KNOWN_FINDINGS, KnownFinding, known_as, known_in
from mmuproof.proofs.shape import Shape
from mmuproof.smt.together import prove_together
from tests.kernels import opened_kernel
from tests.proofs.shapes import stated

FINDINGS = Path(__file__).resolve().parents[2] / "docs" / "findings.md"


def shapes_shown(kvm: Kvm) -> set[Shape]:
    """The shapes of the counterexamples to the theorems that known findings are about."""
    wanted = {shape.theorem for finding in KNOWN_FINDINGS for shape in finding.shapes}
    shown = set()
    for claims in stated(kvm, tuple(theorem for theorem in THEOREMS if theorem.name in wanted)):
        for each, proved in zip(claims, prove_together([each.claim.obligation for each in claims]), strict=True):
            if proved is None and isinstance(shape := each.shape(small=True), Shape):
                shown.add(shape)
    return shown


def test_each_is_told_under_its_number() -> None:
    sections = {int(number) for number in re.findall(r"^## (\d+)\. ", FINDINGS.read_text("utf-8"), re.MULTILINE)}
    assert sections >= {finding.number for finding in KNOWN_FINDINGS}


def test_no_two_are_the_same() -> None:
    shapes = [shape for finding in KNOWN_FINDINGS for shape in finding.shapes]
    assert len(set(shapes)) == len(shapes)


def test_what_a_newer_tree_has_put_right_is_not_known_of_it() -> None:
    shape = Shape(theorem="t", vendor=Vendor.INTEL, part="", symptom="s")
    fixed, kept = (
        KnownFinding(number=1, says="", shapes=(shape,), lacking="ACC_READ_MASK"),
        KnownFinding(number=2, says="", shapes=(shape,), lacking="REMOVED_SPTE"),
    )
    always = KnownFinding(number=3, says="", shapes=(shape,))
    assert known_in(ReferenceKvm(), (fixed, kept, always), RELEASE) == (kept, always)


@pytest.mark.parametrize(
    ("release", "known"),
    [
        ("6.12.117", True),
        ("7.2.0", True),
        ("7.2.12", True),
        ("7.2.13", False),
        ("7.2.14-1", False),
        ("7.3.0-rc7", True),
        ("7.3.3", True),
        ("7.3.4", False),
        ("7.4.0-rc1", False),
        ("8.0.0", False),
    ],
)
def test_what_an_exact_release_has_put_right_is_known_of_those_before_it(release: str, known: bool) -> None:
    finding = KnownFinding(
        number=1,
        says="",
        shapes=(Shape(theorem="t", vendor=Vendor.INTEL, part="", symptom="s"),),
        repaired=("7.2.13", "7.3.4"),
    )
    assert bool(known_in(ReferenceKvm(), [finding], release)) is known


def test_each_is_of_a_theorem_that_is_stated_for_its_vendor() -> None:
    vendors = {theorem.name: theorem.vendors for theorem in THEOREMS}
    assert all(shape.vendor in vendors[shape.theorem] for finding in KNOWN_FINDINGS for shape in finding.shapes)


@pytest.mark.long
def test_the_reference_model_shows_those_of_its_kernel_and_nothing_else() -> None:
    shown = shapes_shown(ReferenceKvm())
    known = known_in(ReferenceKvm(), KNOWN_FINDINGS, RELEASE)
    assert shown
    assert [shape for shape in shown if known_as(shape, known) is None] == []


@pytest.mark.kernel
@pytest.mark.long
def test_each_shows_on_a_real_tree_as_it_is_recorded(kernel_tree: Callable[[str], Path]) -> None:
    shown = set()
    for version in ("6.1", "6.12", "7.2"):
        with open_source(str(kernel_tree(version))) as tree, opened_kernel(tree) as kvm:
            found, known = shapes_shown(kvm), known_in(kvm, KNOWN_FINDINGS, tree.version)
            assert [shape for shape in found if known_as(shape, known) is None] == [], version
            shown |= found
    assert {shape for finding in KNOWN_FINDINGS for shape in finding.shapes} == shown
