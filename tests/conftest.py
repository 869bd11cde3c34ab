"""What all tests share: real kernel trees for those that need them, and that random ones are not timed.

Nothing is downloaded here.

A test that fails on a point release which came out after `RELEASES` was last brought up to date is told as such, and
does not fail the run: what differs there has still to be looked at.
"""

import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from mmuproof.cli.shared.caching import KERNELS, NO_RESULTS, kernels_folder
from mmuproof.cli.shared.process import RECURSION
from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.version import kernel_version
from mmuproof.model.reference.kvm import RELEASE
from tests.refactors.refactor import Refactor, refactored, renamed

# No test fails because the machine is busy with something else, nor because what was drawn at random is large.
_UNCHECKED = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
settings.register_profile("untimed", settings(), deadline=None, suppress_health_check=_UNCHECKED)
settings.load_profile("untimed")

# As in every process that proves: a log of 512 entries is one term within the other.
sys.setrecursionlimit(RECURSION)

# Tests decide for themselves: no result of an earlier run is taken.
os.environ[NO_RESULTS] = "1"

#: The environment variable with the cache folder of an earlier step of the same run.
PARSED = "MMUPROOF_TESTS_CACHE"
#: The exact kernels with which all tests passed.
RELEASES = {"6.1": "6.1.176", "6.12": "6.12.117", "7.2": RELEASE, "7.3": "7.3.4"}
#: By the name of a test's module, the trees of another release that its tests have asked for.
_moved: dict[str, set[str]] = defaultdict(set)


def pytest_configure(config: pytest.Config) -> None:
    """Give all processes of a run a cache of their own, that goes with it: a real kernel is parsed once for all.

    Whoever has parsed kernels a moment ago may say in which cache folder.
    """
    if hasattr(config, "workerinput"):
        return
    # Where the kernels are depends on the cache folder as well.
    os.environ[KERNELS] = str(kernels_folder())
    if PARSED in os.environ:
        os.environ["XDG_CACHE_HOME"] = os.environ[PARSED]
        return
    folder = tempfile.TemporaryDirectory(prefix="mmuproof-tests-")
    config.add_cleanup(folder.cleanup)
    os.environ["XDG_CACHE_HOME"] = folder.name


def another_release(version: str, tree: Path) -> str:
    """How a tree differs from the release that the tests know, in words; empty if it does not."""
    try:
        found = kernel_version(tree)
    except SourceError:
        return ""
    return f"the tree is Linux {found}, and the tests were last run on {RELEASES.get(version)}" * (
        found != RELEASES.get(version)
    )


@pytest.fixture(scope="session")
def kernel_tree() -> Callable[[str], Path]:
    """The folder of a real kernel, as in ``kernel_tree("7.2")``; skips the test if it is not there."""

    def tree(version: str) -> Path:
        folder = kernels_folder() / f"linux-{version}"
        if not (folder / "Makefile").is_file():
            pytest.skip(f"needs Linux {RELEASES.get(version, version)} or a later one of its series: make kernels")
        if moved := another_release(version, folder):
            _moved[os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]].add(moved)
        return folder

    return tree


@pytest.fixture
def renamed_tree(kernel_tree: Callable[[str], Path], tmp_path: Path) -> Callable[[Mapping[str, str]], Path]:
    """A copy of Linux 7.2 in which words have been replaced by others."""

    def make(words: Mapping[str, str]) -> Path:
        tree = tmp_path / "linux"
        tree.mkdir()
        return refactored(kernel_tree("7.2"), Refactor(edits=tuple(renamed(*pair) for pair in words.items())), tree)

    return make


@pytest.fixture(scope="session")
def kernel_package() -> Callable[[str], Path]:
    """Debian's package of a real kernel's source; skips the test if it is not there."""

    def package(version: str) -> Path:
        file = kernels_folder() / f"linux-source-{version}.deb"
        if not file.is_file():
            pytest.skip(f"needs linux-source-{version}.deb: make kernels")
        return file

    return package


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and item.get_closest_marker("kernel"):
        moved = _moved[item.nodeid.partition("::")[0]]
        if moved:
            report.outcome = "skipped"
            report.wasxfail = f"reason: {'; '.join(sorted(moved))}"
    return report
