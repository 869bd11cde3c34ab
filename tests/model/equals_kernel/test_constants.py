"""The numbers of the reference model are those that Linux 7.2.13's headers define."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from mmuproof.lift.parsing.unit import ConstantNames, Unit
from mmuproof.lift.tree.source import open_source
from mmuproof.lift.tree.stand_ins import clang_arguments, write_stand_ins
from mmuproof.model.constants import CONSTANTS, OF_OTHER_KERNELS
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.reference.kvm import Constants
from tests.model.equality import Both

pytestmark = pytest.mark.kernel

# Together these units include every header whose numbers the model has.
_HEADERS = ("arch/x86/kvm/mmu/spte.c", "arch/x86/kvm/vmx/vmx.c", "arch/x86/kvm/svm/svm.c")
_CONSTANTS = tuple(each.name for each in fields(Constants))


@pytest.fixture(scope="module")
def number(kernel_tree: Callable[[str], Path]) -> Iterator[Callable[[str], int | None]]:
    """The value of a macro or enumerator in the first of the units that knows it."""
    with open_source(str(kernel_tree("7.2"))) as tree, tempfile.TemporaryDirectory() as folder:
        stand_ins = write_stand_ins(tree.root, Path(folder))
        units = [
            Unit(tree.root, path, clang_arguments(tree.root, stand_ins, path), ConstantNames(_CONSTANTS))
            for path in _HEADERS
        ]

        def value(name: str) -> int | None:
            values = (unit.constant(name) for unit in units)
            return next((value for value in values if value is not None), None)

        yield value


@pytest.mark.parametrize("name", _CONSTANTS)
def test_the_constant_is_the_kernels(number: Callable[[str], int | None], name: str) -> None:
    assert getattr(Constants(), name) == number(name)


@pytest.mark.parametrize("name", [*CONSTANTS, *sorted(OF_OTHER_KERNELS)])
def test_a_constant_that_theorems_ask_for_is_defined_alike(both: Both, name: str) -> None:
    def value(kvm: Kvm) -> int | None:
        try:
            return kvm.constant(name)
        except NotThere:
            return None

    assert value(both.reference) == value(both.lifted)


@pytest.mark.long
def test_the_same_assertions_fail(both: Both) -> None:
    mine, theirs = (kvm.failed_assertions() for kvm in both)
    assert mine == theirs
