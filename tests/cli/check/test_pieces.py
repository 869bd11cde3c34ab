"""Which commits and patches are checked, in which order, and which of them change anything that is read."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mmuproof.cli.check.pieces import opened_pieces
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.lift.errors import SourceError
from tests.lift.conftest import FILES

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

SPTE = "arch/x86/kvm/mmu/spte.c"
BASE = "base"
SUBJECTS = ("Count up", "Document it", "Count up again")
READ = (frozenset([SPTE]), frozenset[str](), frozenset([SPTE]))


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small kernel with three commits: two on spte.c, and one on its documentation between them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "linux"
    files = {**FILES, "include/linux/x.h": "", "virt/kvm/x.h": ""}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "Begin")
    git(root, "tag", BASE)
    changes = ((SPTE, "int spte = 1;\n"), ("Documentation/index.rst", "read\n"), (SPTE, "int spte = 2;\n"))
    for subject, (name, text) in zip(SUBJECTS, changes, strict=True):
        (root / name).write_text(text)
        git(root, "commit", "-qam", f"{subject}\n\nNo functional change.")
    return root


def told(words: Sequence[str], source: Path | str) -> list[tuple[str, frozenset[str], str | None]]:
    """Subject and changed files of each step, and what spte.c is after it."""
    found = []
    with opened_pieces(words, str(source)) as steps:
        for step in steps:
            after = None if step.trees is None else (step.trees[1].root / SPTE).read_text()
            found.append((step.subject, step.changed, after))
            assert step.message.strip() == (f"{step.subject}\n\nNo functional change." if step.subject else "")
    return found


ALL = [
    (SUBJECTS[0], READ[0], "int spte = 1;\n"),
    (SUBJECTS[1], READ[1], None),
    (SUBJECTS[2], READ[2], "int spte = 2;\n"),
]


def test_a_range_is_its_commits_in_their_order(repository: Path) -> None:
    assert told([f"{BASE}.."], repository) == ALL


def test_a_commit_is_held_against_the_one_before_it(repository: Path) -> None:
    assert told(["HEAD"], repository) == ALL[2:]
    assert told(["HEAD~2", "HEAD"], repository) == [ALL[0], ALL[2]]


def test_commits_are_those_of_the_repository_around_a_folder(repository: Path) -> None:
    assert told(["HEAD"], f"{repository}@{BASE}") == ALL[2:]


def test_without_words_the_work_tree_is_held_against_head(repository: Path) -> None:
    assert told([], repository) == [("", frozenset(), None)]
    (repository / SPTE).write_text("int spte = 3;\n")
    assert told([], repository) == [("", frozenset([SPTE]), "int spte = 3;\n")]


@pytest.fixture
def mails(repository: Path) -> Path:
    """The three commits as git format-patch makes a folder of them, with a cover letter; the work tree is before them."""
    folder = repository.parent / "outgoing"
    git(repository, "format-patch", "-q", "--cover-letter", "-o", str(folder), BASE)
    git(repository, "checkout", "-q", BASE)
    return folder


def test_a_folder_of_patches_is_a_series(repository: Path, mails: Path) -> None:
    assert told([str(mails)], repository) == ALL


def test_files_are_put_on_each_other_in_the_order_in_which_they_are_named(repository: Path, mails: Path) -> None:
    files = sorted(map(str, mails.iterdir()))
    assert told(files[1:], repository) == ALL


def test_a_mailbox_is_put_in_order_by_what_its_mails_say(repository: Path, mails: Path) -> None:
    box = repository.parent / "box"
    box.write_bytes(b"".join(each.read_bytes() for each in sorted(mails.iterdir(), reverse=True)))
    assert told([str(box)], repository) == ALL


def test_what_an_answer_proposes_is_no_part_of_a_series(repository: Path, mails: Path) -> None:
    every = [each.read_bytes() for each in sorted(mails.iterdir())]
    answer = every[-1].replace(b"\nSubject: ", b"\nSubject: Re: ", 1)
    assert answer != every[-1]
    box = repository.parent / "box"
    box.write_bytes(b"".join([*every[:2], answer, *every[2:]]))
    assert told([str(box)], repository) == ALL
    # By itself it is what the user means.
    box.write_bytes(every[1].replace(b"\nSubject: ", b"\nSubject: Re: ", 1))
    with opened_pieces([str(box)], str(repository)) as steps:
        assert [each.changed for each in steps] == [READ[0]]


def test_standard_input_is_a_mailbox(repository: Path, mails: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"".join(each.read_bytes() for each in sorted(mails.iterdir()))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert told(["-"], repository) == ALL


def test_of_known_commits_there_are_no_trees_and_of_those_between_them_there_are(repository: Path) -> None:
    commits = git(repository, "rev-list", "--reverse", f"{BASE}..HEAD").split()
    for known in (commits[:1], commits[1:2], commits[-1:], commits[::2], commits):
        with opened_pieces([f"{BASE}.."], str(repository), known.__contains__) as steps:
            found = []
            for each in steps:
                found.append((each.commit, each.trees is not None, each.changed))
                assert each.trees is None or all(tree.root.is_dir() for tree in each.trees)
        assert [commit for commit, *_ in found] == commits
        for commit, has_trees, changed in found:
            assert has_trees is (bool(changed) and commit not in known)


def test_a_plain_diff_has_no_message(repository: Path) -> None:
    file = repository.parent / "fix.diff"
    file.write_text(git(repository, "diff", "HEAD~1", "HEAD"))
    git(repository, "checkout", "-q", "HEAD~1")
    with opened_pieces([str(file)], str(repository)) as steps:
        (step,) = steps
    assert (step.name, step.subject, step.message) == ("fix.diff", "", "")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nonsense"], "has no revision 'nonsense^'"),
        (["nonsense.."], "has no revision 'nonsense'"),
        (["HEAD..HEAD"], "has no commits"),
        ([BASE], "has no revision 'base^'"),
        (["empty"], "holds no patch that git understands"),
    ],
)
def test_what_names_nothing_is_told(
    words: list[str], says: str, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository.parent)
    (repository.parent / "empty").write_text("nothing\n")
    with pytest.raises(SourceError) as problem:
        told(words, repository)
    assert says in problem.value.message


def test_a_shallow_clone_is_told_how_it_gets_what_it_lacks(repository: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth", "1", repository.as_uri(), str(shallow))
    with pytest.raises(SourceError, match=r"no revision 'HEAD\^'; it is a shallow clone: git fetch --unshallow"):
        told(["HEAD"], shallow)


def test_commits_and_patches_do_not_go_together(repository: Path, mails: Path) -> None:
    with pytest.raises(UsageProblem, match=r"^HEAD is no patch"):
        told([str(mails), "HEAD"], repository)


def test_a_patch_that_does_not_apply_is_told_after_those_that_do(repository: Path, mails: Path) -> None:
    git(repository, "checkout", "-q", "HEAD")
    first, third = sorted(map(str, mails.iterdir()))[1::2]
    with opened_pieces([first, first, third], str(repository)) as steps:
        assert next(steps).changed == READ[0]
        with pytest.raises(SourceError, match="does not apply"):
            next(steps)
