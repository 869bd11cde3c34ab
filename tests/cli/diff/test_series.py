"""A series: its rows come one by one, and say the same on the terminal and in the results file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mmuproof.cli.diff import series
from mmuproof.cli.diff.changes import Judgement
from mmuproof.cli.diff.commits import ComparedCommit
from mmuproof.cli.diff.stepwise import StepwiseComparison
from mmuproof.cli.diff.tree_comparison import Found
from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.compare.claims import Change
from mmuproof.lift.tree.series import Commit, SeriesStep
from mmuproof.lift.tree.source import KernelTree
from tests.cli.formats.ktap_rules import checked
from tests.cli.formats.page_rules import checked_page
from tests.cli.formats.test_junit import SCHEMA as JUNIT
from tests.cli.formats.test_sarif import told as sarif
from tests.cli.telling.schema import valid

LEVELS = "a level is 1 to 5"


def commit(number: int, subject: str, *changed: str) -> Commit:
    message = f"{subject}\n\nNo functional change.\n"
    return Commit(id=f"{number}" * 40, parent="0" * 40, message=message, changed=changed, elsewhere=0)


COMMITS = (commit(1, "One", "spte.c"), commit(2, "Two"), commit(3, "Three", "spte.c"), commit(4, "Four"))
JUDGEMENTS = {
    "One": Judgement(function="make_spte", change=Change.EQUAL, assumptions=(LEVELS,), masks="intel, amd, shadow"),
    "Three": Judgement(function="make_huge_spte", change=Change.DIFFERS, assumptions=("something else", LEVELS)),
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Which rows were told when a commit was compared."""
    rows: list[str] = []
    found: list[tuple[str, list[str]]] = []
    row = series._Rows.row

    @contextmanager
    def steps(_repository: Path, commits: tuple[Commit, ...], **_: object) -> Iterator[Iterator[SeriesStep]]:
        tree = KernelTree(root=Path(), description="", version="7.2")
        yield (SeriesStep(each, tree, tree) for each in commits if each.changed)

    def compare(_self: StepwiseComparison, *_: object) -> Found:
        name = next(each.subject for each in COMMITS if each.changed and each.subject not in dict(found))
        found.append((name, list(rows)))
        return Found(judgements=(JUDGEMENTS[name],), unchanged=7, gone=(), come=(), outside=(), notes=())

    def rowed(self: series._Rows, commit: Commit, of: Found | None) -> ComparedCommit:
        rows.append(commit.subject)
        return row(self, commit, of)

    monkeypatch.setattr(series, "repository_around", lambda path: path)
    monkeypatch.setattr(series, "read_series", lambda *_: COMMITS)
    monkeypatch.setattr(series, "series_trees", steps)
    monkeypatch.setattr(StepwiseComparison, "compare", compare)
    monkeypatch.setattr(series._Rows, "row", rowed)
    return found


def test_rows_come_as_they_are_known_and_the_file_says_the_same(
    told: list[tuple[str, list[str]]], tmp_path: Path
) -> None:
    results = tmp_path / "results.json"
    words = ["diff", str(tmp_path), "--series", "a..b", "--json", str(results)]
    done = CliRunner().invoke(build_app(Installed()), words)
    assert done.exit_code == 1, (done.output, done.exception)
    assert told == [("One", []), ("Three", ["One", "Two"])]
    lines = done.output.splitlines()
    assert [line.split(":")[0].split("  ")[1] for line in lines[:4]] == ["One", "Two", "Three", "Four"]
    assert "equal: make_spte (a);" in lines[0]
    assert "differs: make_huge_spte (b,a);" in lines[2]
    assert f"(a) {LEVELS}" in done.output
    content: dict[str, Any] = valid(results.read_text())
    assert [each["subject"] for each in content["commits"]] == ["One", "Two", "Three", "Four"]
    assert content["commits"][2]["no_functional_change"] == "claim broken"
    (first,) = content["commits"][0]["results"]
    assert (first["function"], first["verdict"], first["masks"]) == ("make_spte", "equal", "intel, amd, shadow")
    assert first["assumptions"] == [LEVELS]
    assert content["commits"][1]["read"] is False


@pytest.mark.usefixtures("told")
def test_a_file_that_cannot_be_written_is_told_first(tmp_path: Path) -> None:
    words = ["diff", str(tmp_path), "--series", "a..b", "--json", str(tmp_path / "none" / "results.json")]
    done = CliRunner().invoke(build_app(Installed()), words)
    assert done.exit_code == 2
    assert "results.json" in done.output


@pytest.mark.usefixtures("told")
def test_a_series_is_told_in_every_format(tmp_path: Path) -> None:
    words = ["diff", str(tmp_path), "--series", "a..b"]
    names = ("json", "junit", "sarif", "ktap", "github", "markdown", "editor", "html")
    files = {name: tmp_path / name for name in names}
    asked = [word for name, file in files.items() for word in ("--format", f"{name}={file}")]
    done = CliRunner().invoke(build_app(Installed()), [*words, *asked])
    assert done.exit_code == 1, (done.output, done.exception)
    texts = {name: file.read_text() for name, file in files.items()}
    content = valid(texts["json"])
    assert (content["exit_status"], [each["outcome"] for each in content["findings"]]) == (1, ["wrong"])
    JUNIT.validate(texts["junit"])
    (result,) = sarif(texts["sarif"])["results"]
    assert result["ruleId"] == "no-functional-change"
    first, second, third, fourth = checked(texts["ktap"])
    assert [each.passed for each in (first, second, third, fourth)] == [True, True, False, True]
    assert [each.name for each in first.subtests] == [
        "One",
        "no functional change: One",
        "make_spte intel, amd, shadow",
    ]
    assert texts["github"].count("::error ") == 1
    assert "claims no functional change, but make_huge_spte() shows something else than before." in texts["editor"]
    assert texts["markdown"].startswith("### mmuproof diff: Something is wrong.\n")
    page = checked_page(texts["html"])
    assert "4 commits, and the functions that they change" in page.text


def test_with_a_baseline_only_what_is_new_of_a_series_counts(told: list[tuple[str, list[str]]], tmp_path: Path) -> None:
    words = ["diff", str(tmp_path), "--series", "a..b", "-q"]
    before = tmp_path / "before.json"
    quiet = CliRunner().invoke(build_app(Installed()), [*words, "--json", str(before)])
    assert (quiet.exit_code, len(quiet.output.splitlines())) == (1, 1)
    told.clear()
    again = CliRunner().invoke(build_app(Installed()), [*words, "--baseline", str(before)])
    assert (again.exit_code, again.output) == (0, "")
