"""Small refactors of a real kernel: an honest one breaks nothing, and one with a mistake in it is never equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmuproof.compare.claims import Change
from tests.long_run import only
from tests.refactors import further, small
from tests.refactors.measured import Measuring, joined, measuring, together, verdicts, written
from tests.refactors.small import OPEN, UNSEEN

pytestmark = pytest.mark.kernel

HONEST = {**small.HONEST, **further.HONEST}
DISHONEST = {**small.DISHONEST, **further.DISHONEST}
SERIES = ("7.3", "7.2")
MEASURED = ("7.3",)
"""Series of which there is a table."""
Tree = Callable[[str], Path]

QUICK = (
    "a level of a role is below 2M",
    "a child is looked up once",
    "a level that is forced is used always",
    "a huge page is taken for a child",
)


@pytest.fixture(scope="module", params=MEASURED)
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


GROUPS = [(series, group) for series in MEASURED for group in together(HONEST, series)]


@pytest.mark.long
@pytest.mark.parametrize(("series", "group"), GROUPS, indirect=["series"])
def test_no_function_is_called_broken_by_honest_refactors(series: str, group: str, measure: Measuring) -> None:
    names = together(HONEST, series)[group]
    found = measure.found(joined([HONEST[name] for name in names]))
    assert found.judgements
    decided = [each for each in found.judgements if each.change is not Change.NOT_COMPARED]
    assert [each for each in decided if not each.is_equal] == []
    for name in names:
        assert verdicts(HONEST[name], found.judgements) == written()[series][name]


@pytest.mark.parametrize("name", only(QUICK, (*HONEST, *DISHONEST)))
def test_a_mistake_is_seen_and_what_is_none_is_not(name: str, series: str, measure: Measuring) -> None:
    how = {**HONEST, **DISHONEST}[name]
    if series not in how.trees:
        pytest.skip("made for other trees")
    found = measure.found(how, how.functions)
    broken = [each for each in found.judgements if each.change in (Change.DIFFERS, Change.MORE, Change.LESS)]
    equal = all(each.is_equal for each in found.judgements)
    assert bool(broken) is (name in DISHONEST and name not in UNSEEN), found.judgements
    assert equal is (name in HONEST and name not in OPEN), found.judgements
    assert verdicts(how, found.judgements) == written()[series][name]
