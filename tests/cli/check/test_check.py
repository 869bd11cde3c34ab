"""`mmuproof check` on patches to real kernels: what is told of each, and the exit status."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mmuproof.cli.main import build_app
from mmuproof.cli.shared.catalogue import Installed
from tests.cli.formats.page_rules import checked_page
from tests.cli.telling.schema import valid

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

SPTE = "arch/x86/kvm/mmu/spte.c"
THEOREMS = ("--theorem", "spte.nonleaf", "--theorem", "layout.frozen")
TURNED = re.compile(r"PROVED -> REFUTED  spte\.nonleaf (\w+, )*amd(, \w+)*")
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run() -> Run:
    """Run the command line: the exit status, and what is printed."""

    def ran(*words: object) -> tuple[int, str]:
        done = CliRunner().invoke(build_app(Installed()), ["check", *map(str, words)], prog_name="mmuproof")
        return done.exit_code, done.output

    return ran


def mail(number: int, tree: Path, old: str, new: str, message: str) -> str:
    """A mail with a patch that replaces a line of make_nonleaf_spte(), with no context around it."""
    lines = (tree / SPTE).read_text().splitlines()
    at = max(place for place, line in enumerate(lines, 1) if line.strip() == old)
    text = lines[at - 1]
    return (
        f"From 0 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: [PATCH {number}/2] {message}\n---\n"
        f"diff --git a/{SPTE} b/{SPTE}\n--- a/{SPTE}\n+++ b/{SPTE}\n"
        f"@@ -{at} +{at} @@\n-{text}\n+{text.replace(old, new)}\n--\n2.47\n\n"
    )


@pytest.fixture
def mailbox(kernel_tree: Callable[[str], Path], tmp_path: Path) -> tuple[Path, Path]:
    """A kernel, and a mailbox with a harmless patch and one that claims to be; the second came in first."""
    tree = kernel_tree("7.2")
    accessed, disabled = "spte |= shadow_accessed_mask;", "spte |= SPTE_TDP_AD_DISABLED;"
    box = tmp_path / "box"
    box.write_text(
        mail(2, tree, accessed, "spte |= shadow_dirty_mask;", "Simplify it\n\nNo functional change.")
        + mail(1, tree, disabled, "spte = spte | SPTE_TDP_AD_DISABLED;", "Say it at length\n\nNo functional change.")
    )
    return tree, box


@pytest.mark.long
def test_a_mailbox_is_told_patch_by_patch(mailbox: tuple[Path, Path], run: Run, tmp_path: Path) -> None:
    tree, box = mailbox
    results = tmp_path / "results.json"
    page = tmp_path / "report.html"
    status, output = run(box, "--kernel", tree, *THEOREMS, "--json", results, "--format", f"html={page}")
    assert status == 1
    # The patched tree is gone, and its line is shown all the same.
    assert "spte |= shadow_dirty_mask;" in checked_page(page.read_text()).text
    fine, wrong = (
        each for each in re.split(r"^(?=fine|wrong|open)", output, flags=re.MULTILINE) if "functions:" in each
    )
    assert fine.startswith("fine   1/2  Say it at length\n")
    assert "  no functional change: claim stands\n" in fine
    assert "all claims as before" in fine
    assert wrong.startswith("wrong  2/2  Simplify it\n")
    assert "  no functional change: claim broken\n" in wrong
    assert re.search(TURNED.pattern + r"\n      .*\(arch/x86/kvm/mmu/spte\.c:\d+\)\n", wrong)
    assert len(wrong.splitlines()) <= 15
    assert [each["status"] for each in valid(results.read_text())["steps"]] == ["fine", "wrong"]


def test_a_patch_to_a_header_that_no_unit_includes_opens_no_theorem(
    kernel_tree: Callable[[str], Path], run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "new.patch"
    name = "include/linux/a_header_of_nobody.h"
    file.write_text(
        f"diff --git a/{name} b/{name}\nnew file mode 100644\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+int a;\n"
    )
    status, output = run(file, "--kernel", kernel_tree("7.2"))
    assert (status, "theorems: none looks at what is changed" in output) == (0, True)


@pytest.mark.long
def test_a_files_name_begins_no_line_of_its_own(kernel_tree: Callable[[str], Path], run: Run, tmp_path: Path) -> None:
    file, lines = tmp_path / "new.patch", tmp_path / "lines.txt"
    name = r"arch/x86/kvm/svm/a\n::error::b.c"
    file.write_text(
        "From 0 Mon Sep 17 00:00:00 2001\nFrom: A <a@example.org>\nSubject: [PATCH] Add it\n\n"
        "No functional change.\n---\n"
        f'diff --git "a/{name}" "b/{name}"\nnew file mode 100644\n'
        f'--- /dev/null\n+++ "b/{name}"\n@@ -0,0 +1 @@\n+int a;\n--\n2.47\n\n'
    )
    status, output = run(
        file, "--kernel", kernel_tree("7.2"), "--theorem", "layout.frozen", "--format", f"editor={lines}"
    )
    assert status == 3
    assert not [each for each in (output + lines.read_text()).splitlines() if each.lstrip().startswith("::error::b")]


def test_a_patch_to_documentation_changes_nothing_that_is_read(
    kernel_tree: Callable[[str], Path], run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "doc.patch"
    file.write_text("--- a/Documentation/x.rst\n+++ b/Documentation/x.rst\n@@ -1 +1 @@\n-a\n+b\n")
    status, output = run(file, "--kernel", kernel_tree("7.2"))
    assert (status, "changes nothing that is read" in output) == (0, True)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "it has no git work tree|is not a git repository"),
        (("nonsense",), "is not a git repository"),
        (("-", "HEAD"), "- takes all of standard input and goes with nothing else"),
        (("--theorem", "nonsense"), "no theorem is called 'nonsense'"),
    ],
)
def test_what_cannot_be_checked_is_told(
    words: tuple[str, ...], says: str, kernel_tree: Callable[[str], Path], run: Run
) -> None:
    status, output = run(*words, "--kernel", kernel_tree("7.2"))
    assert status == 2
    assert re.search(says, output)


def test_without_a_tree_it_says_what_is_needed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("HEAD") == (
        2,
        "mmuproof: check needs C, which the reference model has not: run it in a kernel tree, or give a --kernel\n",
    )


@pytest.mark.parametrize("command", [("check", "HEAD"), ("ask", "1"), ("diff", "v7.2", "v7.3"), ("diff",)])
def test_in_a_repository_without_a_work_tree_it_says_how_its_commits_are_named(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "-q", "--bare", tmp_path], check=True)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(build_app(Installed()), command, prog_name="mmuproof")
    assert done.exit_code == 2
    assert done.output.endswith(
        "; this is a repository without a work tree, of which --kernel @HEAD is what HEAD holds\n"
    )


# Recipes


@pytest.fixture(scope="module")
def repository(kernel_tree: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of a kernel with a harmless commit, one that takes a bit away, and another harmless one."""
    root = tmp_path_factory.mktemp("recipes") / "linux"
    shutil.copytree(kernel_tree("7.2"), root)
    git(root, "init", "-q")
    git(root, "add", "-A", "-f")
    git(root, "commit", "-qm", "base")
    git(root, "tag", "base")
    for old, new, message in (
        ("spte = mark_spte_for_access_track(spte);", "spte = (mark_spte_for_access_track(spte));", "Say it at length"),
        ("shadow_user_mask | shadow_xs_mask", "shadow_xs_mask", "Simplify it"),
        ("spte |= SPTE_TDP_AD_DISABLED;", "spte = spte | SPTE_TDP_AD_DISABLED;", "Say more at length"),
    ):
        text = (root / SPTE).read_text()
        assert old in text
        (root / SPTE).write_text(text.replace(old, new))
        git(root, "commit", "-qam", message)
    return root


def git(folder: Path, *words: str, fails: bool = False) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder), *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode != 0) is fails, done.stderr
    return done.stdout + done.stderr


MMUPROOF = f"{sys.executable} -m mmuproof.cli.main"


@pytest.mark.kernel
@pytest.mark.long
def test_each_commit_is_held_against_the_one_before_it_whatever_stands_between(repository: Path, run: Run) -> None:
    # The one between them turns a theorem.
    status, output = run("HEAD~2", "HEAD", "--kernel", repository, "--theorem", "spte.nonleaf")
    assert status == 0
    assert re.findall(r"^(fine|wrong|open) +\w+  (.*)$", output, re.MULTILINE) == [
        ("fine", "Say it at length"),
        ("fine", "Say more at length"),
    ]


@pytest.mark.kernel
@pytest.mark.long
def test_a_run_goes_on_where_another_was(
    repository: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("MMUPROOF_NO_CACHE", raising=False)
    words = ("--kernel", repository, "--theorem", "spte.nonleaf")
    kept = "  as an earlier run has found it\n"
    assert kept not in run("HEAD~2..HEAD~1", *words)[1]
    status, output = run("HEAD~3..", *words)
    assert status == 1
    fine, wrong, last = re.split(r"\n(?=fine|wrong)", output)[-3:]
    assert [kept in each for each in (fine, wrong, last)] == [False, True, False]
    assert TURNED.search(wrong)
    again = run("HEAD~3..", *words)[1]
    assert again.count(kept) == 3
    assert re.sub(r"\d+\.\d s", "", again.replace(kept, "")) == re.sub(r"\d+\.\d s", "", output.replace(kept, ""))
    assert kept not in run("HEAD~1..", *words, "--no-cache")[1]


@pytest.mark.kernel
@pytest.mark.long
def test_a_rebase_stops_at_the_commit_that_turns_a_theorem(repository: Path) -> None:
    said = git(
        repository, "rebase", "-q", "--exec", f"{MMUPROOF} check HEAD --theorem spte.nonleaf", "base", fails=True
    )
    try:
        assert git(repository, "log", "-1", "--format=%s").strip() == "Simplify it"
        assert "fine " in said
        assert TURNED.search(said)
    finally:
        git(repository, "rebase", "--abort")


@pytest.mark.kernel
@pytest.mark.long
def test_a_bisection_ends_at_the_commit_that_turns_a_theorem(repository: Path) -> None:
    git(repository, "bisect", "start", "HEAD", "base")
    try:
        said = git(repository, "bisect", "run", *MMUPROOF.split(), "prove", "--bisect", "spte.nonleaf")
        assert re.search(r"is the first (?:bad|'bad') commit", said)
        assert "Simplify it" in said
    finally:
        git(repository, "bisect", "reset")


@pytest.mark.parametrize(("theorem", "status"), [("nonsense", 128), ("spte.nonleaf", 125)])
def test_a_commit_that_cannot_be_judged_is_skipped_and_wrong_usage_ends_a_bisection(
    theorem: str, status: int, tmp_path: Path
) -> None:
    done = CliRunner().invoke(build_app(Installed()), ["prove", "--bisect", theorem, "--kernel", str(tmp_path)])
    assert done.exit_code == status
