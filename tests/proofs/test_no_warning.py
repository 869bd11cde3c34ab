"""What KVM's assertions need: the table says what the theorem assumes, and the theorem reaches the assertions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mmuproof.model.evidence import Check, CheckKind, Evidence
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.series import number
from mmuproof.model.statement import Case
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.theorem import Claim
from mmuproof.proofs.warnings.conditions import CONDITIONS, DECIDED_ELSEWHERE, UNDECIDED
from mmuproof.proofs.warnings.met import DECIDES, AssertingFunction, undecided
from mmuproof.smt.terms import TRUE
from tests.kernels import kernel_at

# Of each of these there is an assertion that hides behind CONFIG_KVM_PROVE_MMU, or that needs a condition.
_ASSERTING = {
    "kvm_mmu_reset_all_pte_masks",
    "kvm_mmu_set_mmio_spte_mask",
    "make_spte",
    "mark_spte_for_access_track",
    "check_spte_writable_invariants",
    "spte_ad_enabled",
    "spte_ad_need_write_protect",
    "modify_spte_protections",
    "make_small_spte",
    "make_huge_spte",
    "mmu_spte_update",
    "spte_clear_dirty",
    "__update_clear_spte_fast",
    "tdp_mmu_set_spte",
    "tdp_mmu_set_spte_atomic",
    "__tdp_mmu_set_spte_atomic",
    "clear_dirty_gfn_range",
    "kvm_tdp_mmu_age_spte",
    "kvm_mmu_invalidate_mmio_sptes",
    "permission_fault",
    "vmx_eptp_page_walk_level",
    "kvm_init_shadow_npt_mmu",
    "kvm_mmu_child_role",
    "ept_sync_spte",
    "ept_get_level1_sp_gpa",
}


def claims(kvm: Kvm) -> list[Claim]:
    (theorem,) = (each for each in THEOREMS if each.name == "spte.no-warning")
    return [claim for vendor in theorem.vendors for claim in theorem.state(kvm, vendor)]


def table_labels(found: list[Claim]) -> set[str]:
    labels = {assumption.label for claim in found for assumption in claim.case.assumptions}
    return {label for label in labels if re.match(r"\w+\(\): ", label)}


@pytest.fixture(scope="module")
def on_tree(kernel_tree: Callable[[str], Path]) -> Callable[[str], list[Claim]]:
    known: dict[str, list[Claim]] = {}

    @contextmanager
    def opened(version: str) -> Iterator[Kvm]:
        with kernel_at(kernel_tree(version)) as kvm:
            yield kvm

    def state(version: str) -> list[Claim]:
        if version not in known:
            with opened(version) as kvm:
                known[version] = claims(kvm)
        return known[version]

    return state


def test_every_condition_has_a_line_of_its_own() -> None:
    labels = [each.label for each in CONDITIONS]
    assert len(set(labels)) == len(labels)
    assert table_labels(claims(ReferenceKvm())) <= set(labels)


def test_the_table_names_theorems_that_there_are() -> None:
    names = {theorem.name for theorem in THEOREMS}
    groups = {f"{name.partition('.')[0]}.*" for name in names}
    for each in CONDITIONS:
        named = re.findall(r"\b[a-z0-9-]+\.(?:\*|[a-z0-9-]+)", each.proved)
        assert bool(named) is bool(each.proved), each
        assert set(named) <= names | groups, each


@pytest.mark.kernel
@pytest.mark.long
def test_every_condition_is_one_that_some_tree_needs(on_tree: Callable[[str], list[Claim]]) -> None:
    needed = {label for version in ("6.1", "6.12", "7.2") for label in table_labels(on_tree(version))}
    assert needed == {each.label for each in CONDITIONS}


@pytest.mark.kernel
def test_the_assertions_of_a_tree_are_seen(on_tree: Callable[[str], list[Claim]]) -> None:
    symptoms = {symptom.place for claim in on_tree("7.2") for symptom in claim.symptoms if symptom.name == "fires"}
    assert {place.rpartition(":")[2] for place in symptoms} >= _ASSERTING


@pytest.mark.kernel
def test_a_part_speaks_of_one_function(on_tree: Callable[[str], list[Claim]]) -> None:
    for claim in on_tree("7.2"):
        places = {symptom.place for symptom in claim.symptoms if symptom.name == "fires"}
        assert len(places) <= 1
        assert claim.case.part


@pytest.mark.kernel
@pytest.mark.long
@pytest.mark.parametrize("version", ["7.2", "7.3"])
def test_every_assertion_that_a_theorem_meets_is_decided_or_listed(
    kernel_tree: Callable[[str], Path], version: str
) -> None:
    here = (each for each in (*DECIDED_ELSEWHERE, *UNDECIDED) if number(each.since) <= number(version))
    listed = Counter((each.file, each.function) for each in here)

    def stated(kvm: Kvm) -> Iterator[tuple[str, Sequence[Claim]]]:
        for theorem in THEOREMS:
            for vendor in theorem.vendors:
                with suppress(NotThere):
                    yield theorem.name, theorem.state(kvm, vendor)

    with kernel_at(kernel_tree(version)) as kvm:
        left = undecided(stated(kvm))
    assert {(each.file, each.function): len(lines) for each, lines in left.items()} == listed, left


def test_an_assertion_beside_one_that_is_decided_is_not_decided_by_it() -> None:
    def asserting(*lines: int) -> list[Claim]:
        checks = tuple(Check(CheckKind.BUG, f"mmu.c:{line}", TRUE, "direct_map") for line in lines)
        return [Claim(holds=TRUE, symptoms=(), case=Case(evidence=Evidence(checks)))]

    stated = [("some.theorem", asserting(3, 5)), (DECIDES, asserting(5)), ("another", asserting(3))]
    assert undecided(stated) == {AssertingFunction("mmu.c", "direct_map"): {"3"}}


def test_what_is_decided_elsewhere_is_decided_by_a_theorem() -> None:
    assert {each.says for each in DECIDED_ELSEWHERE} <= {theorem.name for theorem in THEOREMS}
