"""What `diff` says of refactors as maintainers send them, and of their twins with a mistake, on the newest kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmuproof.compare.claims import Change
from tests.long_run import only
from tests.refactors.maintainers import DISHONEST, HONEST
from tests.refactors.measured import Measuring, measuring
from tests.refactors.test_small import Tree

pytestmark = pytest.mark.kernel

QUICK = ("roles are compared as memory", "a lock is a guard of its scope", "a guard ends with its block")


@pytest.fixture(scope="module")
def measure(kernel_tree: Tree) -> Iterator[Measuring]:
    """One kernel, for all refactors."""
    with measuring(kernel_tree("7.3")) as found:
        yield found


@pytest.mark.parametrize("name", [*HONEST, *DISHONEST])
def test_a_refactor_fits_the_tree(name: str, kernel_tree: Tree) -> None:
    root: Path = kernel_tree("7.3")
    assert {**HONEST, **DISHONEST}[name].changes(root)


@pytest.mark.parametrize("name", only(QUICK, (*HONEST, *DISHONEST)))
def test_an_honest_refactor_is_equal_and_a_mistake_is_not(name: str, measure: Measuring) -> None:
    how = {**HONEST, **DISHONEST}[name]
    found = [each.change for each in measure.found(how, how.functions).judgements]
    broken = {Change.DIFFERS, Change.MORE, Change.LESS} & set(found)
    assert bool(broken) is (name in DISHONEST), found
    assert (set(found) == {Change.EQUAL}) is (name in HONEST), found
