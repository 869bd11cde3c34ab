"""Small refactors of a real kernel: an honest one breaks nothing, and one with a mistake in it is never equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmuproof.compare.claims import Change
from tests.refactors.measured import Measuring, measuring, row, written
from tests.refactors.small import DISHONEST, HONEST

pytestmark = pytest.mark.kernel

SERIES = ("7.3", "7.2")
Tree = Callable[[str], Path]

QUICK_HONEST = ("a level of a role is below 2M",)
QUICK_DISHONEST = ("a level that is forced is used always",)


@pytest.fixture(scope="module", params=SERIES)
def series(request: pytest.FixtureRequest) -> str:
    """The kernel's series."""
    return str(request.param)


@pytest.fixture(scope="module")
def measure(series: str, kernel_tree: Tree) -> Iterator[Measuring]:
    """One kernel, for all refactors."""
    with measuring(kernel_tree(series)) as found:
        yield found


@pytest.mark.parametrize("series", SERIES, indirect=True)
@pytest.mark.parametrize("name", [*HONEST, *DISHONEST])
def test_a_small_refactor_fits_the_trees_that_it_is_for(name: str, series: str, kernel_tree: Tree) -> None:
    how = {**HONEST, **DISHONEST}[name]
    if series in how.trees:
        how.changes(kernel_tree(series))


def test_there_are_enough_of_each_and_each_has_a_name_of_its_own() -> None:
    assert len(HONEST) >= 50
    assert len(DISHONEST) >= 15
    assert not HONEST.keys() & DISHONEST.keys()


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK_HONEST else pytest.mark.long) for n in HONEST])
def test_an_honest_refactor_is_never_called_broken(name: str, series: str, measure: Measuring) -> None:
    how = HONEST[name]
    if series not in how.trees:
        pytest.skip("made for other trees")
    found = measure.found(how)
    undecided = (Change.UNKNOWN, Change.NOT_COMPARED)
    assert [each for each in found.judgements if not each.is_equal and each.change not in undecided] == []
    assert found.judgements
    assert row(how, found.judgements) == written()[series][name]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in QUICK_DISHONEST else pytest.mark.long) for n in DISHONEST]
)
def test_a_mistake_is_never_equal(name: str, series: str, measure: Measuring) -> None:
    how = DISHONEST[name]
    if series not in how.trees:
        pytest.skip("made for other trees")
    found = measure.found(how)
    for function in how.functions:
        rows = [each for each in found.judgements if each.function == function]
        assert rows
        assert not any(each.is_equal for each in rows if each.masks) or not all(each.is_equal for each in rows)
        assert any(each.change in (Change.DIFFERS, Change.MORE, Change.LESS) for each in rows)
    assert row(how, found.judgements) == written()[series][name]
