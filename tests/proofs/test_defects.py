"""Every theorem can fail: each named defect is noticed by the theorems that say so, and by no others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.lift.source import open_source
from mmuproof.model.defects.catalogue import DEFECTS
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.lifted.kernel import open_kernel
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.smt.graph import evaluate
from mmuproof.smt.obligation import Verdict
from mmuproof.smt.solver import decide, refuted_by


def symptoms_by_theorem(kvm: Kvm) -> dict[str, set[str]]:
    """For each theorem that is not proved, what its counterexamples show, or the verdict if there is none."""
    found: dict[str, set[str]] = {}
    for theorem in THEOREMS:
        for vendor in theorem.vendors:
            try:
                claims = theorem.state(kvm, vendor)
            except NotThere:
                continue
            for claim in claims:
                ways = claim.ways_to_fail
                answer = decide(claim.obligation, preferred=[way.when for way in ways])
                if answer.verdict is Verdict.PROVED:
                    continue
                shown = answer.verdict.value
                if answer.assignment is not None:
                    assert refuted_by(claim.obligation, answer.assignment.values)
                    values = answer.assignment.values
                    shown = next(way.name for way in ways if evaluate(way.when, values))
                found.setdefault(theorem.name, set()).add(shown)
    return found


def expected(defect: str) -> dict[str, str]:
    """Which theorems say that they catch a defect, and by which symptom."""
    return {theorem.name: catch.symptom for theorem in THEOREMS for catch in theorem.catches if catch.defect == defect}


def check(defect: str, kvm: Kvm) -> None:
    found, wanted = symptoms_by_theorem(kvm), expected(defect)
    assert set(found) == set(wanted)
    for theorem, symptom in wanted.items():
        assert symptom in found[theorem], theorem


def test_every_theorem_names_a_defect_that_it_catches() -> None:
    assert [theorem.name for theorem in THEOREMS if not theorem.catches] == []


def test_every_defect_is_caught_by_some_theorem_and_every_caught_defect_exists() -> None:
    caught = {catch.defect for theorem in THEOREMS for catch in theorem.catches}
    assert caught == set(DEFECTS)


@pytest.mark.parametrize("defect", sorted(DEFECTS))
def test_in_the_reference_model_it_is_refuted_for_its_reason_and_nothing_else_is(defect: str) -> None:
    check(defect, DEFECTS[defect].on_reference())


@pytest.mark.kernel
@pytest.mark.parametrize("defect", sorted(DEFECTS))
def test_in_the_real_c_it_is_refuted_for_its_reason_and_nothing_else_is(
    defect: str, kernel_tree: Callable[[str], Path]
) -> None:
    with (
        open_source(str(kernel_tree("7.2"))) as tree,
        open_kernel(tree, DEFECTS[defect].edits) as kvm,
    ):
        check(defect, kvm)


@pytest.mark.kernel
@pytest.mark.parametrize("version", ["6.12", "7.2"])
def test_a_real_tree_without_a_defect_refutes_nothing(version: str, kernel_tree: Callable[[str], Path]) -> None:
    with open_source(str(kernel_tree(version))) as tree, open_kernel(tree) as kvm:
        assert symptoms_by_theorem(kvm) == {}
