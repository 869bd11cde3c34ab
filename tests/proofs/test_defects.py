"""Every theorem can fail: each named defect is noticed by the theorems that say so, and by no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import KernelTree, open_source
from mmuproof.model.defects.catalogue import DEFECTS
from mmuproof.model.kvm import Kvm
from mmuproof.model.lifted.kernel import LiftedKvm
from mmuproof.model.reference.base.constants import Constants
from mmuproof.model.reference.kvm import RELEASE, ReferenceKvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.known_findings import KNOWN_FINDINGS, known_as, known_in
from mmuproof.proofs.shape import Shape
from mmuproof.proofs.theorem import Theorem
from mmuproof.smt.obligation import Obligation
from mmuproof.smt.together import prove_together
from tests.kernels import kernel_at, opened_kernel
from tests.long_run import sampled
from tests.proofs.shapes import StatedClaim, stated

# A claim with what is decided of it: an obligation alone may be that of several claims, if it is a constant.
Settled = tuple[str, Vendor, str, Obligation]


class AskedParts(ReferenceKvm):
    """The reference model, which knows what it was asked for."""

    def __init__(self) -> None:
        self.parts_asked: set[str] = set()
        super().__init__()

    def __getattribute__(self, name: str) -> object:
        if not name.startswith("_") and name != "parts_asked":
            self.parts_asked.add(name)
        return super().__getattribute__(name)


def other(one: object, another: object) -> bool:
    """Whether two parts of reference models are not the same: of another class, with other numbers or parts."""
    if type(one) is not type(another):
        return True
    if isinstance(one, Constants):
        return one != another
    ours, theirs = vars(one), vars(another)
    names = [name for name, value in ours.items() if type(value).__module__.startswith("mmuproof.model.")]
    return any(other(ours[name], theirs[name]) for name in names)


def speaking_of_it(kvm: Kvm, asked: Mapping[str, set[str]]) -> tuple[Theorem, ...]:
    """The theorems that ask a reference model for a part that another does not have as well; all if it is no such model.

    Args:
        kvm: the model.
        asked: what each theorem asks for.
    """
    plain = ReferenceKvm()
    if type(kvm) is not ReferenceKvm or other(kvm.constants, plain.constants):
        return THEOREMS
    changed = {name for name in set[str]().union(*asked.values()) if other_part(kvm, plain, name)}
    return tuple(each for each in THEOREMS if asked[each.name] & changed)


def other_part(kvm: ReferenceKvm, plain: ReferenceKvm, name: str) -> bool:
    """Whether a part of a model is not the same."""
    ours, theirs = vars(kvm).get(f"_{name}"), vars(plain).get(f"_{name}")
    return other(ours, theirs) if ours is not None else False


def symptoms_by_theorem(
    kvm: Kvm, settled: set[Settled], release: str = RELEASE, theorems: tuple[Theorem, ...] = THEOREMS
) -> dict[str, set[str]]:
    """For each theorem that is not proved, what its counterexamples show, or the verdict if there is none.

    Known findings are left out.

    Args:
        kvm: the implementation.
        settled: what is known to be proved, or to be a known finding, and need not be decided again; grows.
        release: the kernel that it is or describes.
        theorems: those that are looked at.
    """
    found: dict[str, set[str]] = {}
    known = known_in(kvm, KNOWN_FINDINGS, release)
    for claims in stated(kvm, theorems):
        keyed = [(key_of(each), each) for each in claims]
        left = [(key, each) for key, each in keyed if key not in settled]
        for (key, each), proved in zip(left, prove_together([key[-1] for key, _ in left]), strict=True):
            shape = each.shape(small=False) if proved is None else None
            if shape is None or (isinstance(shape, Shape) and known_as(shape, known) is not None):
                settled.add(key)
            else:
                shown = shape.symptom if isinstance(shape, Shape) else str(shape.value)
                found.setdefault(each.theorem.name, set()).add(shown)
    return found


def key_of(each: StatedClaim) -> Settled:
    return each.theorem.name, each.vendor, each.claim.case.part, each.claim.obligation


def expected(defect: str, kvm: Kvm) -> dict[str, str]:
    """Which of the theorems that apply say that they catch a defect, and by which symptom."""
    applying = [each for each in THEOREMS if not all(each.lacking(kvm, vendor) for vendor in each.vendors)]
    return {theorem.name: catch.symptom for theorem in applying for catch in theorem.catches if catch.defect == defect}


def check(defect: str, kvm: Kvm, settled: set[Settled], theorems: tuple[Theorem, ...] = THEOREMS) -> None:
    found, wanted = symptoms_by_theorem(kvm, settled, theorems=theorems), expected(defect, kvm)
    assert set(found) == set(wanted)
    for theorem, symptom in wanted.items():
        assert symptom in found[theorem], theorem


def catching(defect: str) -> tuple[Theorem, ...]:
    """The theorems that say that they catch a defect."""
    return tuple(each for each in THEOREMS if any(catch.defect == defect for catch in each.catches))


def test_every_theorem_names_a_defect_that_it_catches() -> None:
    assert [theorem.name for theorem in THEOREMS if not theorem.catches] == []


def test_no_theorem_names_a_defect_twice() -> None:
    for theorem in THEOREMS:
        defects = [catch.defect for catch in theorem.catches]
        assert len(set(defects)) == len(defects), theorem.name


def test_every_defect_is_caught_by_some_theorem_and_every_caught_defect_exists() -> None:
    caught = {catch.defect for theorem in THEOREMS for catch in theorem.catches}
    assert caught == set(DEFECTS)


@dataclass(frozen=True)
class Plain:
    """The model without a defect: what is settled of it, and what each theorem asks it for."""

    settled: set[Settled]
    asked: dict[str, set[str]]


@pytest.fixture(scope="module")
def plain() -> Plain:
    """Most of what a defect leaves alone is the same."""
    settled = set[Settled]()
    symptoms_by_theorem(ReferenceKvm(), settled)
    return Plain(settled, {theorem.name: asked_by(theorem) for theorem in THEOREMS})


def asked_by(theorem: Theorem) -> set[str]:
    """What a theorem asks the reference model for."""
    kvm = AskedParts()
    for _ in stated(kvm, (theorem,)):
        pass
    return kvm.parts_asked


@pytest.fixture(scope="module")
def tree(kernel_tree: Callable[[str], Path]) -> Iterator[KernelTree]:
    with open_source(str(kernel_tree("7.2"))) as opened:
        yield opened


@dataclass(frozen=True)
class Clean:
    """A tree without a defect, with what is settled of it, and what is not as it should be."""

    kvm: LiftedKvm
    settled: set[Settled]
    found: dict[str, set[str]]


@pytest.fixture(scope="module")
def clean(tree: KernelTree) -> Iterator[Clean]:
    settled = set[Settled]()
    with opened_kernel(tree) as kvm:
        yield Clean(kvm, settled, symptoms_by_theorem(kvm, settled, tree.version))


@pytest.mark.parametrize("defect", sampled(DEFECTS, one_in=4))
def test_in_the_reference_model_it_is_refuted_for_its_reason(defect: str) -> None:
    check(defect, DEFECTS[defect].on_reference(), set(), catching(defect))


@pytest.mark.long
@pytest.mark.parametrize("defect", sorted(DEFECTS))
def test_in_the_reference_model_nothing_else_is_refuted(defect: str, plain: Plain) -> None:
    kvm = DEFECTS[defect].on_reference()
    check(defect, kvm, set(plain.settled), speaking_of_it(kvm, plain.asked))


@pytest.mark.parametrize("theorem", THEOREMS, ids=lambda theorem: theorem.name)
def test_every_theorem_asks_the_model_for_something(theorem: Theorem) -> None:
    assert any(name not in ("has", "asked") for name in asked_by(theorem))


# Each takes seconds; for all of them, and against all theorems, it is a part of the long run.
_ALWAYS = ("npf-1218-by-cpl-0", "nx-huge-page-clears-user")


@pytest.mark.kernel
@pytest.mark.parametrize("defect", _ALWAYS)
def test_in_the_real_c_it_is_refuted_for_its_reason(defect: str, tree: KernelTree) -> None:
    with opened_kernel(tree, DEFECTS[defect].edits) as kvm:
        check(defect, kvm, set(), catching(defect))


@pytest.mark.kernel
@pytest.mark.long
@pytest.mark.parametrize("defect", sorted(DEFECTS))
def test_in_the_real_c_it_is_refuted_for_its_reason_and_nothing_else_is(
    defect: str, tree: KernelTree, clean: Clean
) -> None:
    with opened_kernel(tree, DEFECTS[defect].edits, like=clean.kvm) as kvm:
        check(defect, kvm, set(clean.settled))


@pytest.mark.kernel
@pytest.mark.long
def test_a_real_tree_without_a_defect_refutes_only_what_is_known(clean: Clean) -> None:
    assert clean.found == {}


@pytest.mark.kernel
@pytest.mark.long
def test_so_does_an_older_tree(kernel_tree: Callable[[str], Path]) -> None:
    with kernel_at(kernel_tree("6.12")) as kvm:
        assert symptoms_by_theorem(kvm, set(), "6.12.117") == {}
