"""A series of commits, and the tree before and after each."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from mmuproof.lift.errors import SourceError
from mmuproof.lift.parsing import saved_units
from mmuproof.lift.parsing.probe import OpenUnit
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.parsing.unit import parse_text
from mmuproof.lift.tree import series
from mmuproof.lift.tree.series import Commit, SeriesStep, read_series, series_trees
from mmuproof.lift.tree.source import open_source
from mmuproof.lift.tree.stand_ins import clang_arguments

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

SPTE = "arch/x86/kvm/mmu/spte.c"
OWN = "arch/x86/include/asm/own.h"
COPY = "include/linux/copy.h"


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary files are made, so that a test can see what is left behind."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def repository(kernel: Path) -> Path:
    """The small kernel as a repository with the tag ``base``."""
    git(kernel, "init", "-q", "-b", "main")
    commit(kernel, "base")
    git(kernel, "tag", "base")
    return kernel


def git(folder: Path, *arguments: str, given: bytes = b"") -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, input=given).stdout.decode().strip()


def commit(folder: Path, message: str | bytes, files: dict[str, str | None] | None = None, *options: str) -> str:
    """Write files, or remove those that are None, and commit everything."""
    for name, text in (files or {}).items():
        (folder / name).unlink(missing_ok=True)
        if text is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    git(folder, "add", "-f", "-A", ".")
    given = message if isinstance(message, bytes) else message.encode()
    git(folder, *options, "commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", "-", given=given)
    return git(folder, "rev-parse", "HEAD")


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def unpacked(repository: Path, revision: str) -> dict[str, bytes]:
    with open_source(f"{repository}@{revision}") as tree:
        return contents(tree.root)


def walked(
    repository: Path, text: str, cache: Path | None = None
) -> list[tuple[SeriesStep, dict[str, bytes], dict[str, bytes]]]:
    """Each step, with what the trees before and after it hold while it lasts."""
    with series_trees(repository, read_series(text, repository), cache=cache) as steps:
        return [(step, contents(step.before.root), contents(step.after.root)) for step in steps]


def refusal(text: str, repository: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read_series(text, repository)
    return str(caught.value)


# Which commits there are


def test_the_commits_come_in_order_with_what_they_change(repository: Path) -> None:
    first = commit(repository, "One\n\nMore about it.\n", {OWN: "int one;\n", "Documentation/index.rst": "x\n"})
    second = commit(repository, "Two\n", {"Documentation/a": "x\n", "tools/b": "x\n"})
    third = commit(repository, "Three\n", {OWN: None, COPY: "int one;\n"})
    base = git(repository, "rev-parse", "base")
    assert read_series("base..main", repository) == (
        Commit(id=first, parent=base, message="One\n\nMore about it.\n", changed=(OWN,), elsewhere=1),
        Commit(id=second, parent=first, message="Two\n", changed=(), elsewhere=2),
        Commit(id=third, parent=second, message="Three\n", changed=(OWN, COPY), elsewhere=0),
    )


def test_a_commit_has_a_subject_and_a_short_id(repository: Path) -> None:
    made = commit(repository, "\n\nOne thing \n\nMore.\n")
    (one,) = read_series("base..main", repository)
    assert (one.subject, one.short_id, one.message) == ("One thing", made[:12], "\n\nOne thing \n\nMore.\n")


def test_a_side_that_is_left_out_is_head(repository: Path) -> None:
    commit(repository, "One")
    assert read_series("base..", repository) == read_series("base..main", repository)
    git(repository, "checkout", "-q", "base")
    assert read_series("..main", repository) == read_series("base..main", repository)


def test_commits_of_another_branch_are_not_part_of_it(repository: Path) -> None:
    made = commit(repository, "One")
    git(repository, "checkout", "-q", "-b", "other", "base")
    commit(repository, "Two")
    assert [each.id for each in read_series("other..main", repository)] == [made]


@pytest.mark.parametrize(
    ("message", "options", "read"),
    [
        ('Say "it\'s" `done` $(now)\n\n\ttab \\ \\n', (), 'Say "it\'s" `done` $(now)\n\n\ttab \\ \\n'),
        ("Grüße".encode(), (), "Grüße"),
        ("Grüße".encode("latin-1"), ("-c", "i18n.commitEncoding=ISO-8859-1"), "Grüße"),
        ("Grüße".encode("latin-1"), ("-c", "i18n.commitEncoding=no-such-thing"), "Gr\ufffd\ufffde"),
        ("encoding hex\n\nencoding hex", (), "encoding hex\n\nencoding hex"),
        ("", ("-c", "core.commentChar=;"), ""),
    ],
)
def test_a_message_may_hold_anything(message: str | bytes, options: Sequence[str], read: str, repository: Path) -> None:
    if message:
        commit(repository, message, None, *options)
    else:
        git(repository, "commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    assert [each.message for each in read_series("base..main", repository)] == [read]


def test_a_message_need_not_be_text(repository: Path) -> None:
    text = git(repository, "cat-file", "commit", "base").replace("\n\n", "\n\nx", 1).encode() + b"\xff\x00\xfe"
    parent = f"parent {git(repository, 'rev-parse', 'base')}\nauthor".encode()
    made = git(repository, "hash-object", "-t", "commit", "-w", "--stdin", given=text.replace(b"author", parent, 1))
    assert [each.message for each in read_series(f"base..{made}", repository)] == ["xbase\ufffd\0\ufffd"]


def test_paths_may_be_odd(repository: Path) -> None:
    odd = 'include/linux/"odd"\n[*] ü.h'
    commit(repository, "One", {odd: "int odd;\n", "--help": "x\n", ":(top)x": "x\n"})
    (one,) = read_series("base..main", repository)
    assert (one.changed, one.elsewhere) == ((odd,), 2)
    ((_, before, after),) = walked(repository, "base..main")
    assert after == before | {odd: b"int odd;\n"}


def bare(repository: Path) -> Path:
    git(repository.parent, "clone", "-q", "--bare", repository.name, "bare.git")
    return repository.parent / "bare.git"


def worktree(repository: Path) -> Path:
    git(repository, "worktree", "add", "-q", "--no-checkout", str(repository.parent / "worktree"))
    return repository.parent / "worktree"


@pytest.mark.parametrize("form", [bare, worktree, lambda repository: repository])
def test_a_repository_may_be(form: Callable[[Path], Path], repository: Path) -> None:
    commit(repository, "One", {OWN: "int one;\n"})
    place = form(repository)
    assert len(read_series("base..main", place)) == 1
    ((_, before, after),) = walked(place, "base..main")
    assert after == before | {OWN: b"int one;\n"}


@pytest.mark.parametrize(
    "text", ["", "main", "..", "...", "base...main", "base..main..main", "base....main", "base..-x..main"]
)
def test_what_is_no_range_is_refused(text: str, repository: Path) -> None:
    commit(repository, "One")
    assert "write REVISION..REVISION" in refusal(text, repository)


@pytest.mark.parametrize("text", ["nope..main", "base..nope", "--all..main", "base..--help", "-x..", "..--output=x"])
def test_what_is_no_revision_is_said_as_elsewhere(text: str, repository: Path, tmp_path: Path) -> None:
    commit(repository, "One")
    assert "has no revision" in refusal(text, repository)
    assert not (tmp_path / "x").exists()


def test_a_range_whose_side_is_a_tree_is_refused(repository: Path) -> None:
    commit(repository, "One")
    assert "is not a commit" in refusal("base^{tree}..main", repository)


def test_a_tag_whose_name_begins_with_a_dash_is_only_a_name(repository: Path) -> None:
    git(repository, "update-ref", "refs/tags/--all", "base")
    commit(repository, "One")
    assert len(read_series("--all..main", repository)) == 1


@pytest.mark.parametrize("text", ["main..main", "main..base"])
def test_a_range_without_commits_is_refused(text: str, repository: Path) -> None:
    commit(repository, "One")
    assert refusal(text, repository).startswith(f"{text} has no commits")


def test_a_merge_is_named(repository: Path) -> None:
    commit(repository, "One")
    git(repository, "checkout", "-q", "-b", "side", "base")
    commit(repository, "Two")
    git(repository, "checkout", "-q", "main")
    git(repository, "merge", "-q", "--no-ff", "-m", "Take the side in\n\nall of it", "side")
    merge = git(repository, "rev-parse", "--short=12", "HEAD")
    commit(repository, "Three")
    said = refusal("base..main", repository)
    assert said == f"base..main is not a plain series: {merge} ('Take the side in') is a merge"


def test_a_commit_without_a_parent_is_named(repository: Path) -> None:
    git(repository, "checkout", "-q", "--orphan", "new")
    commit(repository, "From nothing")
    assert "('From nothing') has no parent" in refusal("base..new", repository)


def test_a_series_is_bounded(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "MOST_COMMITS", 2)
    for name in ("One", "Two"):
        commit(repository, name)
    assert len(read_series("base..main", repository)) == 2
    commit(repository, "Three")
    assert refusal("base..main", repository) == "base..main has more than 2 commits"


@pytest.mark.parametrize("folder", ["arch", "../plain", "../nowhere"])
def test_a_folder_that_is_not_itself_a_repository_is_refused(folder: str, repository: Path) -> None:
    (repository.parent / "plain").mkdir()
    assert refusal("base..main", repository / folder)


def test_without_git_a_series_is_refused(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "git, which is not installed" in refusal("base..main", repository)


# The trees


def test_each_tree_is_what_the_commit_holds(repository: Path, tmp_path: Path) -> None:
    commits = [
        commit(repository, "Change", {OWN: "int one;\n"}),
        commit(repository, "Add", {COPY: "int copy;\n", SPTE: "int more;\n"}),
        commit(repository, "Again", {OWN: "int two;\n"}),
        commit(repository, "Remove", {COPY: None}),
        commit(repository, "Nothing that is read", {"tools/a": "x\n"}),
        commit(repository, "Remove a folder", {"arch/x86/entry/syscalls/syscall_32.tbl": None}),
        commit(repository, "A folder for a file", {OWN: None, f"{OWN}/x.h": "int x;\n"}),
        commit(repository, "Remove that", {f"{OWN}/x.h": None}),
    ]
    (repository / OWN).rmdir()
    commits.append(commit(repository, "And back", {OWN: "int three;\n"}))
    commits.append(commit(repository, "A folder again", {OWN: None, f"{OWN}/y.h": "int y;\n"}))
    shutil.rmtree(repository / OWN)
    commits.append(commit(repository, "And a file again", {OWN: "int four;\n"}))
    commits.append(commit(repository, "Once more", {OWN: "int five;\n"}))
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        steps = walked(repository, "base..main", cache)
        assert [step.commit.id for step, _, _ in steps] == [each for each in commits if each != commits[4]]
        for step, before, after in steps:
            assert before == unpacked(repository, step.commit.parent)
            assert after == unpacked(repository, step.commit.id)


def test_a_link_stays_another_name_of_its_file(repository: Path) -> None:
    (repository / COPY).symlink_to("../../" + OWN)
    commit(repository, "Link")
    commit(repository, "Change the file", {OWN: "int one;\n"})
    (repository / COPY).unlink()
    (repository / COPY).symlink_to("kconfig.h")
    commit(repository, "Link to another")
    commit(repository, "Change the other", {OWN: "int two;\n"})
    commit(repository, "Change it", {"include/linux/kconfig.h": "int k;\n"})
    commit(repository, "No link", {COPY: "int copy;\n"})
    commit(repository, "Change that", {"include/linux/kconfig.h": "int l;\n"})
    (repository / COPY).unlink()
    (repository / COPY).symlink_to("../../Documentation/index.rst")
    commit(repository, "Link to what is not read")
    steps = walked(repository, "base..main")
    assert len(steps) == 8
    for step, before, after in steps:
        assert before == unpacked(repository, step.commit.parent)
        assert after == unpacked(repository, step.commit.id)


def test_the_trees_say_what_they_are(repository: Path) -> None:
    made = commit(repository, "One", {"Makefile": "VERSION = 9\nPATCHLEVEL = 1\nSUBLEVEL = 0\n"})
    base = git(repository, "rev-parse", "base")
    ((step, _, _),) = walked(repository, "base..main")
    assert (step.before.description, step.before.origin) == (f"{repository}@{base[:12]}", f"commit {base}")
    assert (step.after.description, step.after.origin) == (f"{repository}@{made[:12]}", f"commit {made}")
    assert (step.before.version, step.after.version) == ("7.2.12-test", "9.1.0")


def test_there_are_never_more_than_two_trees_once_the_first_is_left(repository: Path, scratch: Path) -> None:
    for number in range(5):
        commit(repository, "One", {OWN: f"int own_{number};\n"})
    with series_trees(repository, read_series("base..main", repository)) as steps:
        for step in steps:
            assert {path.parent.parent for path in scratch.rglob("arch/x86")} == {step.before.root, step.after.root}
    assert list(scratch.iterdir()) == []


def test_the_trees_take_turns_at_the_same_paths(repository: Path, tmp_path: Path) -> None:
    for number in range(5):
        commit(repository, "One", {OWN: f"int own_{number};\n"})
    first, second = (
        [(step.before.root, step.after.root) for step, _, _ in walked(repository, "base..main", tmp_path / "cache")]
        for _ in range(2)
    )
    assert first == second
    assert all(before == last for (_, last), (before, _) in pairwise(first))
    assert len({root for pair in first for root in pair}) == 3


def test_the_cached_tree_is_never_written_to(repository: Path, tmp_path: Path) -> None:
    with open_source(f"{repository}@base", cache=tmp_path / "cache") as tree:
        before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in tree.root.rglob("*")}
        kept = contents(tree.root)
        for text in ("one", "two", "three"):
            commit(repository, text, {OWN: f"int {text};\n", SPTE: f"int {text};\n"})
        walked(repository, "base..main", tmp_path / "cache")
        assert contents(tree.root) == kept
        assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in tree.root.rglob("*")} == before


def test_the_repository_is_only_read(repository: Path) -> None:
    commit(repository, "One", {OWN: "int one;\n"})
    (repository / OWN).write_text("not committed\n")
    before = contents(repository)
    ((_, _, after),) = walked(repository, "base..main")
    assert after[OWN] == b"int one;\n"
    assert contents(repository) == before


def test_a_part_of_a_series_will_do_but_not_with_holes(repository: Path) -> None:
    for text in ("one", "two", "three"):
        commit(repository, text, {OWN: f"int {text};\n"})
    commits = read_series("base..main", repository)
    with series_trees(repository, commits[1:]) as steps:
        assert [(step.before.root / OWN).read_text() for step in steps] == ["int one;\n", "int two;\n"]
    with pytest.raises(ValueError, match="follow"), series_trees(repository, (commits[0], commits[2])):
        pass


def test_a_series_that_changes_nothing_that_is_read_has_no_trees(repository: Path, scratch: Path) -> None:
    commit(repository, "One", {"tools/a": "x\n"})
    commit(repository, "Two")
    assert walked(repository, "base..main") == []
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_behind_by_an_interruption(error: type[BaseException], repository: Path, scratch: Path) -> None:
    commit(repository, "One", {OWN: "int one;\n"})

    def interrupted(step: SeriesStep) -> None:
        assert step.after.root.is_relative_to(scratch)
        raise error

    with pytest.raises(error), series_trees(repository, read_series("base..main", repository)) as steps:
        interrupted(next(steps))
    assert list(scratch.iterdir()) == []


def test_a_commit_that_leaves_no_kernel_is_named(repository: Path) -> None:
    commit(repository, "One", {OWN: "int one;\n"})
    made = commit(repository, "Two", {SPTE: None})
    with series_trees(repository, read_series("base..main", repository)) as steps:
        next(steps)
        with pytest.raises(SourceError, match=rf"@{made[:12]} is Linux .* whose KVM has no mmu/spte\.c"):
            next(steps)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../x"])
def test_a_link_out_of_the_tree_is_refused(target: str, repository: Path) -> None:
    (repository / COPY).symlink_to(target)
    commit(repository, "Link")
    with pytest.raises(SourceError, match="leads out of it"):
        walked(repository, "base..main")


@pytest.mark.parametrize("name", ["..", "."])
def test_a_path_out_of_the_tree_is_refused(name: str, repository: Path, tmp_path: Path) -> None:
    blob = git(repository, "hash-object", "-w", "--stdin", given=b"evil\n")
    inner = git(repository, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=entry("evil", blob))
    outer = git(
        repository, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=entry(name, inner, "40000")
    )
    top = git(repository, "ls-tree", "base").splitlines()
    lines = [line for line in top if not line.endswith("\tinclude")] + [f"040000 tree {outer}\tinclude"]
    tree = git(repository, "mktree", given="\n".join(lines).encode())
    made = git(repository, "commit-tree", "-p", "base", "-m", "Evil", tree)
    commits = read_series(f"base..{made}", repository)
    with pytest.raises(SourceError), series_trees(repository, commits) as steps:
        list(steps)
    assert not list(tmp_path.rglob("evil"))


def entry(name: str, oid: str, mode: str = "100644") -> bytes:
    return f"{mode} {name}\0".encode() + bytes.fromhex(oid)


def test_a_missing_object_is_an_error(repository: Path) -> None:
    commit(repository, "One", {OWN: "int one;\n"})
    oid = git(repository, "rev-parse", f"main:{OWN}")
    (repository / ".git/objects" / oid[:2] / oid[2:]).unlink()
    with pytest.raises(SourceError, match="partial clone"):
        walked(repository, "base..main")


# What is parsed


def test_a_unit_is_parsed_anew_only_where_it_changes(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def parse(root: Path, path: str, *rest: object) -> object:
        seen.append(root.name)
        return parse_text(root, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(saved_units, "parse_text", parse)
    # Files that have been unpacked just now are not kept; these are to be like those of a cache that is older.
    monkeypatch.setattr(saved_units, "_left_alone", lambda *_: True)
    commit(repository, "One", {SPTE: "int spte(void) { return 1; }\n"})
    commit(repository, "Two", {SPTE: "int spte(void) { return 2; }\n"})
    for number in range(3, 6):
        commit(repository, "Other", {OWN: f"int own_{number};\n"})
    units, commits = SavedUnits(tmp_path / "units"), read_series("base..main", repository)
    for _ in range(2):
        with series_trees(repository, commits, cache=tmp_path / "cache") as steps:
            for step in steps:
                for tree in (step.before, step.after):
                    OpenUnit(tree.root, SPTE, clang_arguments(tree.root, units.stand_ins(tree.root), SPTE), units)
    # The tree before the first commit, each of the two that change the unit, and its last form at the other path.
    assert seen == ["tree", "0", "1", "0"]


def test_changed_files_do_not_look_as_if_somebody_were_writing_them(repository: Path) -> None:
    commit(repository, "One", {OWN: "int one;\n"})
    with series_trees(repository, read_series("base..main", repository)) as steps:
        assert (next(steps).after.root / OWN).stat().st_mtime == 0
