"""The documentation is what the code says today."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from mmuproof.cli.main import COMMANDS
from mmuproof.cli.shared.caching import KERNELS
from mmuproof.lift.tree.version import kernel_version
from mmuproof.proofs.catalogue import THEOREMS
from tests.long_run import only

ROOT = Path(__file__).resolve().parent.parent


def run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / tool), "--check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def transcripts() -> ModuleType:
    described = importlib.util.spec_from_file_location("transcripts", ROOT / "tools" / "transcripts.py")
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    return module


PAGES = only(("README.md",), transcripts().PAGES)


def test_without_kernels_it_is_told_what_is_missing_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KERNELS, str(tmp_path / "none"))
    done = run("quoted_kernels.py")
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (1, 1, "")
    assert "linux-6.12, linux-7.2, linux-7.3 is not cached: make kernels" in done.stderr
    target = (ROOT / "Makefile").read_text().partition("\ndocs:")[2].splitlines()
    assert "quoted_kernels.py" in target[1]


def test_the_tables_of_options_are_current_and_no_command_lacks_one() -> None:
    tool, told = transcripts(), set[str]()
    for name in tool.PAGES:
        page = (ROOT / name).read_text("utf-8")
        assert tool.tabled(page) == page, "run make docs"
        told |= set(re.findall(r"<!-- options of (\w+) -->", page))
    assert told == {command.name for command in COMMANDS}


def test_a_table_of_options_says_what_the_help_says() -> None:
    rows = transcripts().option_table("prove").splitlines()
    assert (
        r"| `--vendor intel\|amd\|shadow` | Intel EPT, AMD nested paging, or shadow paging without either;" in rows[3]
    )
    assert "`--errata FILE` | Errata of your own, in TOML ([errata](errata.md))." in "".join(rows)
    assert "| `-v`, `--verbose` | " in "".join(rows)
    assert "`REPOSITORY@REVISION`, `linux-*.tar.xz`, or `linux-source-*.deb`; 'reference' for" in rows[2]


def test_the_page_of_own_theorems_quotes_its_example_and_names_files_that_there_are() -> None:
    page = (ROOT / "docs" / "own-theorems.md").read_text("utf-8")
    example = (ROOT / "docs" / "examples" / "own_theorems.py").read_text("utf-8")
    quoted = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert quoted
    assert [each for each in quoted if each not in example] == []
    named = re.findall(r"`((?:docs|model|proofs|spec|tests)/[\w./-]*)`", page.replace("AREA", "masks"))
    assert len(named) > 15
    assert [each for each in named if not (ROOT / each).exists()] == []


def test_every_claim_is_told_in_short_sentences() -> None:
    sentences = {each.name: re.split(r"(?<=[.!?]) ", each.claim) for each in THEOREMS}
    assert {name: said for name, said in sentences.items() if max(len(each.split()) for each in said) > 35} == {}


def test_the_list_of_theorems_is_current() -> None:
    done = run("theorems.py")
    assert done.returncode == 0, f"run make docs {done.stderr}"


@pytest.mark.kernel
@pytest.mark.long
def test_the_coverage_is_current(kernel_tree: Callable[[str], Path]) -> None:
    page = (ROOT / "docs" / "coverage.md").read_text("utf-8")
    if f"{kernel_version(kernel_tree('7.2'))}: lines" not in page:
        pytest.skip("the page is of other releases: make docs")
    assert run("coverage.py").returncode == 0, "run make docs"


@pytest.mark.kernel
def test_the_pictures_are_what_is_drawn_now(kernel_tree: Callable[[str], Path]) -> None:
    for series in ("6.12", "7.2"):
        kernel_tree(series)
    done = run("pictures.py")
    assert done.returncode == 0, f"run make docs\n{done.stdout}{done.stderr}"


@pytest.mark.kernel
@pytest.mark.long
def test_the_verdicts_on_the_claims_of_the_series_are_current(kernel_tree: Callable[[str], Path]) -> None:
    page = (ROOT / "docs" / "mbec-gmet.md").read_text("utf-8")
    for series in ("6.12", "7.2", "7.3"):
        if f"Linux {kernel_version(kernel_tree(series))} |" not in page:
            pytest.skip("the table is of other releases: make docs")
    done = run("claims.py")
    assert done.returncode == 0, f"run make docs\n{done.stdout}{done.stderr}"


def test_the_readme_and_its_pictures_are_in_the_repository() -> None:
    for page in ("README.md", "docs/mbec-gmet.md"):
        text = (ROOT / page).read_text("utf-8")
        drawn = re.findall(r"^!\[[^]]+\]\(([^)]+\.svg)\)$", text, re.MULTILINE)
        assert drawn
        assert [each for each in drawn if not (ROOT / page).parent.joinpath(each).is_file()] == []


@pytest.mark.kernel
@pytest.mark.parametrize("page", PAGES)
def test_every_transcript_is_what_the_command_prints_now(page: str, kernel_tree: Callable[[str], Path]) -> None:
    shown = dict(re.findall(r"linux-(\d+\.\d+) \(Linux ([^)]+)\)", (ROOT / "README.md").read_text("utf-8")))
    assert "7.2" in shown
    for version, number in shown.items():
        found = kernel_version(kernel_tree(version))
        if found != number:
            pytest.skip(f"the transcripts are of Linux {number}, and the cached tree is {found}: make docs")
    done = run("transcripts.py", page)
    assert done.returncode == 0, f"run make docs\n{done.stdout}{done.stderr}"


def test_what_a_transcript_leaves_out_stays_left_out() -> None:
    trimmed = transcripts().trimmed
    printed = "a 1.2 s\nnew\nb\nc\nd\ne\n"
    assert trimmed("a 3.4 s\nb\n…\nd\n", printed) == "a 1.2 s\nnew\nb\n…\nd\n"
    assert trimmed("…\nc\n…\n", printed) == "…\nc\n…\n"
    assert trimmed("anything\n", printed) == printed
    with pytest.raises(SystemExit, match="gone"):
        trimmed("…\ngone\n", printed)
