"""Every operation on SPTEs is in the one list, and theorems that speak of all operations speak of a new one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mmuproof.model.mmio import Mmio
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.spte_changes import SpteChange, SpteChanges
from mmuproof.model.sptes import Sptes
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.given import operations
from mmuproof.proofs.given.done import How
from mmuproof.proofs.given.operations import OPERATIONS, Operation
from mmuproof.proofs.warnings.runs import runs

# Methods that give no entry a value: they tell of one.
_TELLING = {
    "facts",
    "is_executable_pte",
    "is_access_allowed",
    "is_nx_huge_page_enabled",
    "page_needs_write_protection",
    "page_is_mirror",
    "page_is_invalid",
    "predicates",
    "spte_permission_fault",
    "content",
    "check_mmio_spte",
    "invalidate_mmio_sptes",
    "note_mmio",
    "ask_mmio",
}
# Methods that stand for operations of other names.
_SEVERAL = {"change": {change.value for change in SpteChange}, "access_track": {"mark_spte_for_access_track()"}}

_IN_PLACE = {"spte.direct-execution", "spte.nx-huge", "spte.pfn", "spte.ve-suppressed", "spte.writable-states"}
# Which theorems speak of all operations of a kind: an operation that is new has to be in each.
_SPOKEN_OF = {
    How.MAKES: {"lifecycle.made", *_IN_PLACE},
    How.LINKS: {"lifecycle.made", "spte.memory-type", "spte.ve-suppressed"},
    How.ENDS: {"lifecycle.made"},
    How.SPLITS: {"lifecycle.split", "spte.memory-type", *_IN_PLACE},
    How.COLLAPSES: {"lifecycle.collapse", "spte.collapse", "spte.memory-type", *_IN_PLACE},
    How.CHANGES: {"lifecycle.changed", "spte.flush", "spte.memory-type", *_IN_PLACE},
    How.MARKS: {"lifecycle.marked"},
    How.FIXES: {"lifecycle.fast-fault", "spte.flush", *_IN_PLACE},
}
_NEW = "a new operation"


def speaking_of(name: str) -> set[str]:
    """The theorems on SPTEs that name an operation in a part, or in a sentence of a claim on several.

    Left out is that on KVM's assertions, which says nothing of what asserts nothing.
    """
    kvm, found = ReferenceKvm(), set()
    about_sptes = [each for each in THEOREMS if each.name.startswith(("spte.", "lifecycle."))]
    for theorem in about_sptes:
        for vendor in theorem.vendors if theorem.name != "spte.no-warning" else ():
            for claim in theorem.state(kvm, vendor):
                if name in claim.case.part or any(name in symptom.sentence for symptom in claim.symptoms):
                    found.add(theorem.name)
    return found


@pytest.fixture(params=How, ids=lambda how: how.name)
def new(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Operation:
    """The list with one operation more, of each kind."""
    like = next(each for each in OPERATIONS if each.how is request.param)
    added = replace(like, name=_NEW)
    place = OPERATIONS.index(like) + 1
    monkeypatch.setattr(operations, "OPERATIONS", (*OPERATIONS[:place], added, *OPERATIONS[place:]))
    return added


def test_every_theorem_on_all_operations_speaks_of_a_new_one(new: Operation) -> None:
    assert speaking_of(_NEW) == _SPOKEN_OF[new.how]


def test_the_assertions_of_a_new_operation_are_looked_at(new: Operation) -> None:
    names = [run(ReferenceKvm(), Vendor.INTEL).name for run, vendors in runs() if Vendor.INTEL in vendors]
    assert _NEW in names


@pytest.mark.parametrize("interface", [SpteChanges, Sptes, Mmio], ids=lambda each: each.__name__)
def test_every_method_of_the_model_that_gives_an_entry_a_value_is_in_the_list(interface: type) -> None:
    names = {each.name for each in OPERATIONS}
    giving = set(interface.__abstractmethods__) - _TELLING  # type: ignore[attr-defined]
    assert giving
    for method in giving:
        assert _SEVERAL.get(method, {f"{method}()"}) <= names, method


def test_no_two_have_one_name() -> None:
    names = [each.name for each in OPERATIONS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("vendor", Vendor, ids=lambda vendor: vendor.value)
def test_what_makes_an_entry_is_spoken_of_where_reserved_bits_and_kinds_are(vendor: Vendor) -> None:
    """These two theorems have inputs of their own, for each level and each kind."""
    kvm, making = ReferenceKvm(), (How.MAKES, How.LINKS, How.SPLITS, How.COLLAPSES)
    (reserved,) = (each for each in THEOREMS if each.name == "entry.shadow-reserved")
    parts = [claim.case.part for claim in reserved.state(kvm, vendor)]
    for operation in OPERATIONS:
        if operation.how in making and not (operation.how is How.COLLAPSES and vendor is Vendor.SHADOW):
            assert any(operation.name in part for part in parts), operation.name
