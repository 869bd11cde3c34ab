"""The recipe for b4's own checks: a patch by itself, on a tree that has it already, or does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

RECIPE = Path(__file__).parents[3] / "docs/examples/b4-check"
Check = Callable[..., tuple[int, str]]


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with three commits to one file, each in a place of its own."""
    root = tmp_path / "tree"
    root.mkdir()
    lines = [f"line {number}" for number in range(40)]
    git(root, "init", "-q")
    for number, message in enumerate(("base", "first", "second", "third")):
        lines[number * 10] = message
        (root / "file").write_text("\n".join(lines))
        git(root, "add", "-A")
        git(root, "commit", "-qm", message)
    return root


@pytest.fixture
def check(repository: Path, tmp_path: Path) -> Check:
    """Hand a patch to the recipe, which finds a mmuproof that tells what it is asked, and ends with a status."""
    programs = tmp_path / "bin"
    programs.mkdir()
    stand_in = programs / "mmuproof"
    stand_in.write_text('#!/bin/sh\necho "$@"\n[ -f "$2" ] && cat "$2"\nexit "$STATUS"\n')
    stand_in.chmod(0o755)

    def run(patch: str, *words: str, status: int = 1) -> tuple[int, str]:
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "STATUS": str(status)}
        done = subprocess.run(
            [RECIPE, *words], cwd=repository, input=patch, env=environment, capture_output=True, text=True, check=False
        )
        assert not done.stderr
        return done.returncode, done.stdout

    return run


def patch_of(repository: Path, revision: str) -> str:
    return git(repository, "format-patch", "-1", "--stdout", revision)


@pytest.mark.parametrize("revision", ["HEAD", "HEAD~1", "HEAD~2"])
def test_a_patch_that_the_tree_has_is_judged_as_its_commit(repository: Path, check: Check, revision: str) -> None:
    patch = patch_of(repository, revision)
    # As it is in a mail: of another commit, by other words, with other numbers.
    patch = patch.replace(git(repository, "rev-parse", revision).strip(), "0" * 40).replace("Subject:", "Subject: Re:")
    commit = git(repository, "rev-parse", revision).strip()
    assert check(patch, "--theorem", "spte.*") == (1, f"check {commit} --theorem spte.*\n")


def test_a_patch_that_the_tree_has_not_is_put_on_top_of_it(repository: Path, check: Check) -> None:
    patch = patch_of(repository, "HEAD")
    git(repository, "reset", "-q", "--hard", "HEAD~1")
    status, output = check(patch)
    asked, _, read = output.partition("\n")
    assert status == 1
    assert asked.startswith("check /")
    assert read.strip() == patch.strip()
    assert not Path(asked.removeprefix("check ")).exists()


def test_a_patch_like_one_that_the_tree_has_is_not_taken_for_it(repository: Path, check: Check) -> None:
    patch = patch_of(repository, "HEAD").replace("+third", "+another")
    assert check(patch)[1].startswith("check /")


@pytest.mark.parametrize("text", ["", "no patch at all\n"])
def test_what_is_no_patch_is_left_to_mmuproof_to_refuse(check: Check, text: str) -> None:
    status, output = check(text, status=2)
    assert status == 2
    assert output.startswith("check /")


@pytest.mark.parametrize("status", [0, 1, 2, 3])
def test_nothing_is_printed_where_all_is_well_alone(repository: Path, check: Check, status: int) -> None:
    found, output = check(patch_of(repository, "HEAD"), status=status)
    assert found == status
    assert bool(output) is (status != 0)


@pytest.mark.kernel
@pytest.mark.long
def test_of_a_series_the_patch_that_turns_a_theorem_is_told(
    kernel_tree: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, programs, source = tmp_path / "linux", tmp_path / "bin", "arch/x86/kvm/mmu/spte.c"
    shutil.copytree(kernel_tree("7.2"), root)
    programs.mkdir()
    (programs / "mmuproof").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mmuproof.cli.main "$@"\n')
    (programs / "mmuproof").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    git(root, "init", "-q")
    git(root, "add", "-A", "-f")
    git(root, "commit", "-qm", "base")
    for old, new in (
        ("spte |= SPTE_TDP_AD_DISABLED;", "spte = spte | SPTE_TDP_AD_DISABLED;"),
        ("shadow_user_mask | shadow_xs_mask", "shadow_xs_mask"),
    ):
        text = (root / source).read_text()
        assert old in text
        (root / source).write_text(text.replace(old, new))
        git(root, "commit", "-qam", "Simplify it")
    words, said = (RECIPE, "--theorem", "spte.nonleaf"), []
    for revision in ("HEAD~1", "HEAD"):
        patch = git(root, "format-patch", "-1", "--stdout", revision)
        done = subprocess.run(words, cwd=root, input=patch, capture_output=True, text=True, check=False)
        said.append((done.returncode, "PROVED -> REFUTED  spte.nonleaf" in done.stdout, bool(done.stdout)))
    assert said == [(0, False, False), (1, True, True)]
