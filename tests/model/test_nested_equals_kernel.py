"""The reference model's translations for L2 are those that Linux 7.2.13's C asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.lifted.kernel import LiftedKvm, open_kernel
from mmuproof.model.linear_accesses import Accessor
from mmuproof.model.nested import WALKED_FORMATS, LinearWalk, NestedTranslation, entries_read
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.vendor import Vendor
from mmuproof.smt.graph import substitute
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import FALSE, TRUE, Bool, Term, all_of, bit, bool_var, eq, iff, implies, var

pytestmark = pytest.mark.kernel

GPA, ACCESS, PTE_ACCESS = var("gpa", 64), var("access", 64), var("pte_access", 64)


@pytest.fixture(scope="module")
def lifted(kernel_tree: Callable[[str], Path]) -> Iterator[LiftedKvm]:
    with open_source(str(kernel_tree("7.2"))) as tree, open_kernel(tree) as kvm:
        yield kvm


def prove(claim: Bool, where: Bool = TRUE) -> None:
    answer = decide(Obligation((Assumption("where", where),), claim))
    assert answer.verdict is Verdict.PROVED, answer


def as_asked(mine: NestedTranslation, theirs: NestedTranslation) -> Bool:
    """The kernel asks only where the model does, and for the same."""
    same = all_of(eq(mine.access, theirs.access), eq(mine.pte_access, theirs.pte_access))
    return implies(theirs.guard, all_of(mine.guard, same))


@pytest.mark.parametrize("vendor", [Vendor.INTEL, Vendor.AMD])
def test_what_is_handed_on_is_the_kernels(lifted: LiftedKvm, vendor: Vendor) -> None:
    mine, theirs = (
        kvm.nested.translate_nested_gpa(vendor, GPA, ACCESS, PTE_ACCESS) for kvm in (ReferenceKvm(), lifted)
    )
    prove(all_of(eq(mine.gpa, theirs.gpa), eq(mine.access, theirs.access), iff(mine.gmet, theirs.gmet)))


@pytest.mark.parametrize("levels", WALKED_FORMATS)
def test_a_walk_asks_for_what_the_kernels_does(lifted: LiftedKvm, levels: int) -> None:
    width = 32 if levels == 2 else 64
    entries = tuple(var(f"entry {number}", width) for number in range(entries_read(levels)))
    mine, theirs = (kvm.nested.linear_walk(levels, entries, ACCESS) for kvm in (ReferenceKvm(), lifted))
    mine = with_pse(mine, theirs.cr4_pse)
    assert len(mine.structures) == len(theirs.structures) == len(entries)
    # The walk that the model describes comes to its end: bit 7 is reserved in the upper levels.
    upper = all_of(*(negated(bit(entry, 7)) for entry in entries[: max(levels - 3, 0)]))
    prove(all_of(*map(as_asked, mine.structures, theirs.structures)), upper)
    prove(as_asked(mine.final, theirs.final), upper)


def negated(term: Bool) -> Bool:
    return iff(term, FALSE)


def with_pse(walk: LinearWalk, cr4_pse: Bool) -> LinearWalk:
    """The model's walk with the kernel's name for CR4.PSE."""

    def renamed(asked: NestedTranslation) -> NestedTranslation:
        names: dict[Term, Term] = {walk.cr4_pse: cr4_pse}
        access, pte_access = (substitute(each, names) for each in (asked.access, asked.pte_access))
        return NestedTranslation(substitute(asked.guard, names), access, pte_access)

    return LinearWalk(tuple(map(renamed, walk.structures)), renamed(walk.final), cr4_pse, walk.evidence)


def test_unpaged_accesses_and_pdptes_are_asked_for_as_the_kernel_does(lifted: LiftedKvm) -> None:
    for mine, theirs in (
        tuple(kvm.nested.nonpaging_gva_to_gpa(GPA, ACCESS).translation for kvm in (ReferenceKvm(), lifted)),
        tuple(kvm.nested.load_pdptrs(var("cr3", 64)).translation for kvm in (ReferenceKvm(), lifted)),
    ):
        assert theirs.guard is TRUE
        prove(as_asked(mine, theirs))


@pytest.mark.parametrize("levels", WALKED_FORMATS)
def test_the_kernels_walk_can_get_everywhere(lifted: LiftedKvm, levels: int) -> None:
    # What is proved of a translation says nothing if no walk gets that far.
    width = 32 if levels == 2 else 64
    entries = tuple(var(f"entry {number}", width) for number in range(entries_read(levels)))
    walk = lifted.nested.linear_walk(levels, entries, ACCESS)
    for asked in (*walk.structures, walk.final):
        answer = decide(Obligation((Assumption("asked", asked.guard),), bool_var("never mentioned")))
        assert answer.verdict is Verdict.REFUTED


@pytest.mark.parametrize("accessor", Accessor, ids=lambda accessor: accessor.value)
def test_an_access_of_kvm_itself_is_asked_for_as_the_kernel_does(lifted: LiftedKvm, accessor: Accessor) -> None:
    mine, theirs = (kvm.linear_accesses.asks(accessor) for kvm in (ReferenceKvm(), lifted))
    assert (mine.cpl, mine.system, mine.write) == (theirs.cpl, theirs.system, theirs.write)
    prove(implies(theirs.guard, all_of(mine.guard, eq(mine.access, theirs.access))))
