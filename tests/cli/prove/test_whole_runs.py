"""A whole run is taken exactly if it was asked the same of the same, and nothing has touched it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmuproof.cli.formats.cases import Rule
from mmuproof.cli.main import build_app
from mmuproof.cli.prove import whole_runs
from mmuproof.cli.prove.command import ProveRequest
from mmuproof.cli.prove.whole_runs import DECIDED, WholeRun, WholeRuns
from mmuproof.cli.shared.caching import NO_RESULTS, RUNS
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.cli.shared.results import CarriedNames, KernelIdentity, Report
from mmuproof.lift.tree.asked import AskedSymbol
from mmuproof.lift.tree.configuration import Configuration, TakenSymbol
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.smt.obligation import Verdict
from tests.cli.conftest import FakeCatalogue
from tests.cli.prove.test_saved import POISONS, REFUTED, result
from tests.hangs import HANGS

RUN = WholeRun(
    report=Report(
        kernel=KernelIdentity(
            source="linux",
            version="7.2.13",
            config=("A=y",),
            configuration=Configuration(
                values={"A": "y"},
                given=DotConfig(file=".config", digest="d", values={"A": "y", "B": "n"}, lines={"A": 1, "B": 2}),
                taken=(TakenSymbol(symbol="C", value="n", why="it is not set"),),
                remarks=("odd",),
                known=frozenset({"B", "C"}),
                unset=frozenset({"D"}),
            ),
            asked=(AskedSymbol(symbol="A", value="y", known=True, at=("mmu.c:1", "mmu.c:2")),),
            left_out={"B": "CONFIG_B is not set (.config:2)"},
            digest="of the tree",
            hardware=("1218=off",),
        ),
        results=(REFUTED, result()),
        seconds=2.5,
        solvers={"z3": "4.16"},
        remarks=("good intel does not show known finding 8 here.",),
    ),
    rules=(Rule("bad", "It is not bad.", "SDM 1.2"), Rule("good", "It is good.")),
)


def at(folder: Path | None, *asked: str) -> WholeRuns:
    return WholeRuns(folder, asked or ("all",))


def test_a_run_comes_back_as_it_was_with_its_results_counted_as_saved(tmp_path: Path) -> None:
    assert not at(tmp_path).are_some
    at(tmp_path).keep("tree", RUN)
    assert at(tmp_path).are_some
    assert at(tmp_path).find("tree") == replace(RUN, report=replace(RUN.report, saved=2))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_run_is_kept_only_if_all_was_decided(verdict: Verdict, tmp_path: Path) -> None:
    at(tmp_path).keep("tree", replace(RUN, report=replace(RUN.report, results=(result(), result(verdict)))))
    assert at(tmp_path).are_some is (verdict in DECIDED)


def test_what_was_found_under_an_earlier_kernels_names_is_not_kept(tmp_path: Path) -> None:
    carried = CarriedNames(("is_new is is_old",), (0,))
    at(tmp_path).keep("tree", replace(RUN, report=replace(RUN.report, carried=carried)))
    assert not at(tmp_path).are_some


def test_of_another_tree_another_question_or_other_code_none_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(tmp_path).keep("tree", RUN)
    assert at(tmp_path).find("other tree") is None
    assert at(tmp_path, "all", "but one").find("tree") is None
    monkeypatch.setattr(whole_runs, "code_digest", lambda: "other")
    assert at(tmp_path).find("tree") is None


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS)
def test_a_file_that_was_changed_is_passed_over(poison: Callable[[str], str], tmp_path: Path) -> None:
    at(tmp_path).keep("tree", RUN)
    (file,) = tmp_path.glob("*.json")
    file.write_text(poison(file.read_text()))
    assert at(tmp_path).find("tree") is None


def test_a_file_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    at(tmp_path).keep("tree", RUN)
    (file,) = tmp_path.glob("*.json")
    whole = file.read_bytes()
    for length in range(0, len(whole), 97):
        file.write_bytes(whole[:length])
        assert at(tmp_path).find("tree") is None


def test_a_run_of_another_tree_under_this_ones_name_is_passed_over(tmp_path: Path) -> None:
    at(tmp_path).keep("good tree", RUN)
    (file,) = tmp_path.glob("*.json")
    at(tmp_path).keep("bad tree", RUN)
    (other,) = set(tmp_path.glob("*.json")) - {file}
    shutil.copy(file, other)
    assert at(tmp_path).find("bad tree") is None


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "missing"):
        at(folder).keep("tree", RUN)
        assert at(folder).find("tree") is None
        assert not at(folder).are_some


ASKED = ProveRequest(kernel="linux", theorems=("a", "b"))
CONFIG = DotConfig(file=".config", digest="d", values={}, lines={})


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(NO_RESULTS)
    return tmp_path / "cache/mmuproof"


@pytest.mark.parametrize(
    ("other", "config"),
    [
        (replace(ASKED, kernel="linux-6.12"), None),
        (replace(ASKED, kernel="reference"), None),
        (replace(ASKED, theorems=("a",)), None),
        (replace(ASKED, theorems=("a",), vendors=("b",)), None),
        (replace(ASKED, vendors=("intel",)), None),
        (replace(ASKED, budget=7), None),
        (replace(ASKED, erratum=("1218=on",)), None),
        (ASKED, CONFIG),
        (replace(ASKED, cache=False), None),
        (replace(ASKED, defect="frozen-has-pfn"), None),
        (replace(ASKED, like="linux-6.12"), None),
        (replace(ASKED, names=("old=new",)), None),
        (replace(ASKED, own=(Path("own.py"),)), None),
        (replace(ASKED, errata=Path("errata.toml")), None),
    ],
)
@pytest.mark.usefixtures("cache")
def test_whoever_asks_something_else_is_not_told_of_it(other: ProveRequest, config: DotConfig | None) -> None:
    WholeRuns.like(ASKED, None, Installed()).keep("tree", RUN)
    assert WholeRuns.like(ASKED, None, Installed()).find("tree") is not None
    assert WholeRuns.like(replace(ASKED, jobs=7, verbose=True), None, Installed()).find("tree") is not None
    assert WholeRuns.like(other, config, Installed()).find("tree") is None


@pytest.mark.usefixtures("cache")
def test_a_configuration_is_known_by_its_content() -> None:
    WholeRuns.like(ASKED, CONFIG, Installed()).keep("tree", RUN)
    assert WholeRuns.like(ASKED, CONFIG, Installed()).find("tree") is not None
    assert WholeRuns.like(ASKED, replace(CONFIG, digest="e"), Installed()).find("tree") is None


@pytest.mark.usefixtures("cache")
def test_results_of_theorems_that_others_add_are_not_kept() -> None:
    WholeRuns.like(ASKED, None, FakeCatalogue()).keep("tree", RUN)
    assert not WholeRuns.like(ASKED, None, FakeCatalogue()).are_some


# The command

LOADED = """
import sys
from mmuproof.cli import main
main._leave = lambda status: None
try:
    main.main()
except SystemExit:
    pass
heavy = ("z3", "clang", "mmuproof.model.kvm", "mmuproof.proofs.catalogue", "mmuproof.lift.machine.machine", "mmuproof.model.lifted")
print("loaded:", *(each for each in heavy if each in sys.modules))
"""


def run(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "prove", *words], capture_output=True, text=True, timeout=HANGS, check=True
    )
    return done.stdout


@pytest.mark.usefixtures("cache")
def test_a_second_run_loads_nothing_that_decides() -> None:
    first, second = run("layout.frozen", "--kernel", "reference"), run("layout.frozen", "--kernel", "reference")
    assert "loaded: z3" in first
    assert second.endswith("loaded:\n")
    assert "All results are of an earlier run" in second


@pytest.mark.long
@pytest.mark.kernel
def test_of_a_real_tree_as_well_and_all_that_was_looked_at_counts(
    kernel_tree: Callable[[str], Path], tmp_path: Path, cache: Path
) -> None:
    tree = Path(shutil.copytree(kernel_tree("7.2"), tmp_path / "linux", symlinks=True))
    words = ("layout.frozen", "--vendor", "intel", "--kernel", str(tree))
    assert "loaded: z3 clang" in run(*words)
    assert run(*words).endswith("loaded:\n")
    # A header that nothing includes could be found in the place of one that something does.
    (tree / "arch/x86/include/linux").mkdir(exist_ok=True)
    (tree / "arch/x86/include/linux/new.h").touch()
    assert "loaded: z3 clang" in run(*words)
    (tree / "arch/x86/include/linux/new.h").unlink()
    assert run(*words).endswith("loaded:\n")
    (tree / "include/linux/types.h").write_text((tree / "include/linux/types.h").read_text() + "\n")
    assert "loaded: z3 clang" in run(*words)
    assert len(list((cache / RUNS).glob("*.json"))) == 3


def test_a_mistake_on_the_command_line_is_told_before_a_tree_is_read(cache: Path, tmp_path: Path) -> None:
    output = CliRunner().invoke(build_app(Installed()), ["prove", "no.such", "--kernel", str(tmp_path / "none")]).output
    assert re.search(r"no theorem is called 'no\.such'", output)
    assert not os.path.exists(cache / RUNS) or not os.listdir(cache / RUNS)
