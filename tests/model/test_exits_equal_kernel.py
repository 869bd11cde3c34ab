"""What the reference model makes of exits is what Linux 7.2.13's C makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.exits import ErrorCodeHandedOn
from mmuproof.model.kvm import Kvm
from mmuproof.model.lifted.kernel import LiftedKvm, open_kernel
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.smt.graph import substitute
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import BitVec, Bool, Term, all_of, extract, iff, ne, var

pytestmark = pytest.mark.kernel

# What the kernel's code reads, as the model calls it.
_READS: dict[Term, Term] = {var("svm->vmcb->save.cpl", 8): extract(var("svm->vmcb->save.word25", 64), 31, 24)}


@pytest.fixture(scope="module")
def lifted(kernel_tree: Callable[[str], Path]) -> Iterator[LiftedKvm]:
    with open_source(str(kernel_tree("7.2"))) as tree, open_kernel(tree) as kvm:
        yield kvm


def differs(one: object, other: object) -> Bool:
    """Whether a term of the model, read in the kernel's words, is another than the kernel's."""
    if isinstance(one, BitVec):
        assert isinstance(other, BitVec)
        return ne(substitute(one, _READS), other)
    assert isinstance(one, Bool)
    assert isinstance(other, Bool)
    return ~iff(substitute(one, _READS), other)


def equal(name: str, one: object, other: object, where: Bool | None = None) -> None:
    if isinstance(one, bool):
        assert one == other, name
        return
    assumptions = () if where is None else (Assumption("where", where),)
    answer = decide(Obligation(assumptions, ~differs(one, other)))
    assert answer.verdict is Verdict.PROVED, (name, answer)


def asserted(evidence: Evidence) -> Bool:
    return all_of(*(check.holds for check in evidence.checks if check.kind is CheckKind.WARN))


@pytest.mark.parametrize("function", ["ept_violation", "npf", "injected_ept_violation", "injected_npf"])
def test_the_handler_does_what_the_kernel_does(lifted: LiftedKvm, function: str) -> None:
    def of(kvm: Kvm) -> object:
        return getattr(kvm.exits, function)()

    mine, theirs = of(ReferenceKvm()), of(lifted)
    assert type(mine) is type(theirs)
    for each in fields(mine):  # type: ignore[arg-type]
        one, other = getattr(mine, each.name), getattr(theirs, each.name)
        if each.name == "evidence":
            continue
        if isinstance(one, ErrorCodeHandedOn):
            assert isinstance(other, ErrorCodeHandedOn)
            equal("reached", one.reached, other.reached)
            assert one.place.rpartition(":")[2] == other.place.rpartition(":")[2]
            # Where the MMU is not asked, there are no arguments.
            equal("gpa", one.gpa, other.gpa, other.reached)
            equal("error code", one.error_code, other.error_code, other.reached)
        else:
            equal(each.name, one, other)


@pytest.mark.parametrize("function", ["npf", "injected_ept_violation", "injected_npf"])
def test_the_handler_warns_where_the_kernel_does(lifted: LiftedKvm, function: str) -> None:
    mine = getattr(ReferenceKvm().exits, function)()
    theirs = getattr(lifted.exits, function)()
    where = theirs.plain_vm if hasattr(theirs, "plain_vm") else None
    equal("warnings", asserted(mine.evidence), asserted(theirs.evidence), where)
