"""A kernel tree with a patch file on top."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.patched import patched_tree
from mmuproof.lift.tree.source import KernelTree, open_source

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
pytestmark = needs_git

SPTE = "arch/x86/kvm/mmu/spte.c"
OWN = "arch/x86/include/asm/own.h"
TEN = "".join(f"int line_{number};\n" for number in range(1, 11))
Edit = Callable[[Path], None]


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary files are made, so that a test can see what is left behind."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def base(kernel: Path) -> Path:
    """The small kernel, with a file of ten lines in it."""
    (kernel / SPTE).write_text(TEN)
    return kernel


def git(folder: Path, *arguments: str) -> bytes:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def worked_on(base: Path, *edits: Edit) -> Path:
    """A repository of the tree with one commit for each edit; the tree itself is left alone."""
    repository = base.parent / "repository"
    shutil.copytree(base, repository)
    git(repository, "init", "-q")
    for number, edit in enumerate((lambda _: None, *edits)):
        edit(repository)
        git(repository, "add", "-f", "-A", ".")
        git(repository, "commit", "-q", "--allow-empty", "-m", f"Change {number}")
    return repository


def diff(repository: Path, *options: str) -> bytes:
    return git(repository, "diff", *options, f"HEAD~{int(git(repository, 'rev-list', '--count', 'HEAD')) - 1}", "HEAD")


def as_git_diff(base: Path, *edits: Edit) -> bytes:
    return diff(worked_on(base, *edits))


def as_git_diff_without_renames(base: Path, *edits: Edit) -> bytes:
    return diff(worked_on(base, *edits), "--no-renames", "--binary")


def as_mails(base: Path, *edits: Edit) -> bytes:
    return git(worked_on(base, *edits), "format-patch", "--stdout", "--cover-letter", f"-{len(edits)}")


def as_encoded_mails(base: Path, *edits: Edit) -> bytes:
    """Mails of which every line is encoded, as some mail programs do."""
    out = b""
    for mail in git(worked_on(base, *edits), "format-patch", "--stdout", f"-{len(edits)}").split(b"\nFrom "):
        head, _, body = mail.partition(b"\n\n")
        out += (b"" if head.startswith(b"From ") else b"From ") + head
        out += b"\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n"
        out += body.replace(b"=", b"=3D").replace(b"line", b"=6Cine") + b"\n"
    return out


def as_diff_of_folders(base: Path, *edits: Edit) -> bytes:
    repository = worked_on(base, *edits)
    shutil.rmtree(repository / ".git")
    command = ["diff", "-ruN", base.name, repository.name]
    return subprocess.run(command, cwd=base.parent, check=False, capture_output=True).stdout


def as_diff_without_prefixes(base: Path, *edits: Edit) -> bytes:
    return diff(worked_on(base, *edits), "--no-prefix", "--no-renames")


def as_diff_without_context(base: Path, *edits: Edit) -> bytes:
    return diff(worked_on(base, *edits), "-U0")


def as_mail_from_a_folder(base: Path, *edits: Edit) -> bytes:
    """Mails as a mail program saves each: without the line before it that mailboxes have."""
    mails = as_mails(base, *edits)
    return mails if len(edits) > 1 else mails.split(b"\nFrom ")[-1].partition(b"\n")[2]


FORMS = [as_git_diff, as_git_diff_without_renames, as_mails, as_encoded_mails, as_diff_of_folders]
FORMS += [as_diff_without_prefixes, as_diff_without_context, as_mail_from_a_folder]
Form = Callable[..., bytes]


def change(name: str, old: str, new: str) -> Edit:
    def edit(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new))

    return edit


def put(name: str, text: str) -> Edit:
    def edit(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)

    return edit


def remove(name: str) -> Edit:
    return lambda root: (root / name).unlink()


def move(old: str, new: str) -> Edit:
    def edit(root: Path) -> None:
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        (root / old).rename(root / new)

    return edit


def both(*edits: Edit) -> Edit:
    def edit(root: Path) -> None:
        for each in edits:
            each(root)

    return edit


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for part in ("Makefile", "arch", "include", "virt")
        for path in (root / part, *(root / part).rglob("*"))
        if path.is_file()
    }


@contextmanager
def patched(base: Path, patch: bytes, cache: Path | None = None) -> Iterator[KernelTree]:
    file = base.parent / "fix.patch"
    file.write_bytes(patch)
    with open_source(str(base)) as tree, patched_tree(tree, file, cache=cache) as made:
        yield made


def result(base: Path, patch: bytes) -> dict[str, bytes]:
    with patched(base, patch) as tree:
        return contents(tree.root)


def refusal(base: Path, patch: bytes) -> str:
    with pytest.raises(SourceError) as caught, patched(base, patch):
        pass
    return str(caught.value)


def section(name: str, old: str, new: str) -> bytes:
    """The part of a patch that changes a file of one line."""
    return f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-{old}\n+{new}\n".encode()


# What a patch does

EDITS = {
    "one file changes": [change(SPTE, "line_5", "line_five")],
    "several files change": [both(change(SPTE, "line_5", "five"), change("virt/kvm/Kconfig", "bool", "tristate"))],
    "one change after the other": [change(SPTE, "line_5", "five"), change(SPTE, "five", "cinq")],
    "a file is added": [put("arch/x86/kvm/mmu/new folder/new.h", "int made;\n")],
    "a file is removed": [remove(OWN)],
    "a file is removed and comes back": [remove(OWN), put(OWN, "int other;\n")],
    "a file is renamed": [move(OWN, "include/linux/own.h")],
    "a file is renamed and changes": [
        both(change(SPTE, "line_5", "five"), move(SPTE, "virt/kvm/x.c"), put(SPTE, "\n"))
    ],
    "two files change places": [both(move(OWN, "o"), move(SPTE, OWN), move("o", SPTE))],
    "the last file of a folder goes": [remove("arch/x86/entry/syscalls/syscall_32.tbl")],
    "the end of the last line is taken away": [put(OWN, "int own;")],
    "a file has other line ends": [put(OWN, "int own;\r\nint more;\r\n"), change(OWN, "more", "other")],
    "names are odd": [put('include/linux/"odd" [*]?\\ ü.h', "int odd;\n")],
    "files that are not read change, too": [both(change(OWN, "own", "o"), put("Documentation/index.rst", "read\n"))],
    "a file is moved to where nothing is read": [
        both(move(OWN, "tools/o [*].h"), put("Documentation/index.rst", "x\n"))
    ],
    "a file comes from where nothing is read": [move("Documentation/index.rst", "include/linux/index.h")],
}


@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS.keys())
@pytest.mark.parametrize("form", FORMS)
def test_a_patch_does_what_it_says(form: Form, edits: list[Edit], base: Path) -> None:
    patch = form(base, *edits)
    assert result(base, patch) == contents(base.parent / "repository")


@pytest.mark.parametrize("form", [as_git_diff, as_mails])
def test_a_file_may_become_a_folder(form: Form, base: Path) -> None:
    patch = form(base, both(remove(OWN), put(f"{OWN}/x.h", "int x;\n")))
    assert result(base, patch) == contents(base.parent / "repository")


def test_a_later_mail_may_take_back_what_an_earlier_one_does(base: Path) -> None:
    patch = as_mails(base, put("include/linux/new.h", "int made;\n"), remove("include/linux/new.h"))
    assert result(base, patch) == contents(base)


def test_a_changed_mode_changes_nothing(base: Path) -> None:
    before = (base / SPTE).stat().st_mode
    assert result(base, as_git_diff(base, lambda root: (root / SPTE).chmod(0o755))) == contents(base)
    assert (base / SPTE).stat().st_mode == before


def test_files_that_are_not_read_need_not_be_there(base: Path) -> None:
    patch = as_git_diff(base, EDITS["files that are not read change, too"][0])
    shutil.rmtree(base / "Documentation")
    assert result(base, patch)[OWN] == b"int o;\n"


def test_lines_may_have_moved(base: Path) -> None:
    patch = as_git_diff(base, change(SPTE, "line_5", "five"))
    (base / SPTE).write_text("int first;\n" * 20 + TEN)
    assert b"five" in result(base, patch)[SPTE]


@pytest.mark.parametrize("form", FORMS)
def test_a_patch_whose_lines_all_end_as_in_dos_is_read_as_if_they_did_not(form: Form, base: Path) -> None:
    patch = form(base, change(SPTE, "line_5", "five")).replace(b"\n", b"\r\n")
    assert result(base, patch) == contents(base.parent / "repository")


def test_the_users_configuration_of_git_changes_nothing(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch = as_mails(base, change(SPTE, "int line_5;", "int five;  "))
    (tmp_path / "git").mkdir()
    (tmp_path / "git/attributes").write_text("* text eol=crlf\n")
    (tmp_path / ".gitconfig").write_text(
        "[apply]\nwhitespace = error-all\n[core]\nautocrlf = true\n[mailinfo]\nscissors = true\n"
    )
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "repository/.git"))
    assert result(base, patch)[SPTE] == TEN.replace("line_5;", "five;  ").encode()


def test_a_repository_around_the_scratch_folder_is_not_meant(base: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert b"five" in result(base, as_git_diff(base, change(SPTE, "line_5", "five")))[SPTE]


def test_a_patch_can_be_put_on_a_patched_tree(base: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "1.patch", tmp_path / "2.patch"
    first.write_bytes(section(OWN, "int own;", "int once;"))
    second.write_bytes(section(OWN, "int once;", "int twice;"))
    with open_source(str(base)) as tree, patched_tree(tree, first) as one, patched_tree(one, second) as two:
        assert [(each.root / OWN).read_text() for each in (tree, one, two)] == [
            "int own;\n",
            "int once;\n",
            "int twice;\n",
        ]


def test_the_tree_says_what_it_is(base: Path) -> None:
    patch = section(OWN, "int own;", "int other;")
    with patched(base, patch) as tree:
        assert tree.description == f"{base} + fix.patch"
        assert tree.origin == f"{base} + patch sha256 {hashlib.sha256(patch).hexdigest()}"
        assert tree.version == "7.2.12-test"
        with open_source(str(base)) as before:
            assert tree.digest != before.digest


# The base tree


def state(root: Path) -> dict[str, tuple[int, int, int, bytes | None]]:
    return {
        str(path): (
            path.stat().st_ino,
            path.stat().st_mtime_ns,
            path.stat().st_mode,
            path.read_bytes() if path.is_file() else None,
        )
        for path in (root, *root.rglob("*"))
    }


@pytest.mark.parametrize("edits", EDITS.values(), ids=EDITS.keys())
def test_the_base_tree_stays_as_it_is(edits: list[Edit], base: Path, tmp_path: Path) -> None:
    before = state(base)
    with patched(base, as_mails(base, *edits), tmp_path / "cache"):
        assert state(base) == before
    assert state(base) == before


def test_what_does_not_change_is_not_copied_and_what_does_is_a_file_of_its_own(base: Path) -> None:
    with patched(base, section(OWN, "int own;", "int other;")) as tree:
        assert (tree.root / SPTE).samefile(base / SPTE)
        assert not (tree.root / OWN).samefile(base / OWN)
        assert (tree.root / OWN).stat().st_nlink == 1


def test_where_files_cannot_be_linked_they_are_copied(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", link)
    with patched(base, section(OWN, "int own;", "int other;")) as tree:
        assert contents(tree.root) == contents(base) | {OWN: b"int other;\n"}
        assert not (tree.root / SPTE).samefile(base / SPTE)


def test_a_link_in_the_base_tree_leads_to_the_patched_file(base: Path, tmp_path: Path) -> None:
    (base / "include/linux/own.h").symlink_to("../../" + OWN)
    (base / "include/folder").symlink_to("linux")
    (base / "include/absolute").symlink_to(base / "include/linux")
    (base / "include/lost.h").symlink_to("nowhere")
    with patched(base, section(OWN, "int own;", "int other;")) as tree:
        for name in ("linux/own.h", "folder/own.h", "absolute/own.h"):
            assert (tree.root / "include" / name).read_text() == "int other;\n"


def test_a_link_that_leads_out_of_the_base_tree_does_not_come_along(base: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x.h").write_text("int x;\n")
    (base / "include/out").symlink_to(tmp_path / "elsewhere")
    (base / "include/out.h").symlink_to(tmp_path / "elsewhere/x.h")
    with patched(base, section(OWN, "int own;", "int other;")) as tree:
        assert not {"out", "out.h"} & set(os.listdir(tree.root / "include"))


def test_nothing_is_written_through_a_link_to_a_folder(base: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x.h").write_text("int x;\n")
    (base / "include/out").symlink_to(tmp_path / "elsewhere")
    assert "No such file" in refusal(base, section("include/out/x.h", "int x;", "int y;"))
    assert (tmp_path / "elsewhere/x.h").read_text() == "int x;\n"
    (base / "include/folder").symlink_to("../arch/x86/include/asm")
    assert "no path of a kernel tree" in refusal(base, section("include/folder/own.h", "int own;", "int y;"))


# Where it is made


def test_nothing_is_left_behind(base: Path, scratch: Path) -> None:
    with patched(base, section(OWN, "int own;", "int other;")) as tree:
        assert tree.root.is_relative_to(scratch)
    refusal(base, section(OWN, "nothing", "else"))
    assert list(scratch.iterdir()) == []


def test_in_a_cache_the_path_is_the_same_again_unless_it_is_taken(base: Path, tmp_path: Path, scratch: Path) -> None:
    cache, patch = tmp_path / "cache", section(OWN, "int own;", "int other;")
    with patched(base, patch, cache) as tree:
        first = tree.root
        with patched(base, patch, cache) as other:
            assert other.root != first
            assert other.root.is_relative_to(cache)
            assert contents(other.root) == contents(first)
    assert not first.exists()
    first.mkdir()
    (first / "left behind").touch()
    with patched(base, patch, cache) as tree:
        assert tree.root == first
        assert not (first / "left behind").exists()
    assert list(scratch.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_an_error(base: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file\n")
    with (
        pytest.raises(SourceError, match="cache"),
        patched(base, section(OWN, "int own;", "int x;"), tmp_path / "cache"),
    ):
        pass


# What is refused


def test_a_patch_that_does_not_apply_says_where(base: Path) -> None:
    patch = as_git_diff(base, change(SPTE, "line_8", "eight"))
    (base / SPTE).write_text(TEN.replace("line_7", "seven"))
    said = refusal(base, patch)
    assert said == f"{base.parent}/fix.patch does not apply: {SPTE}:5: the tree has other lines there"


def test_of_a_patch_that_the_tree_has_already_it_is_said(base: Path) -> None:
    edit = change(SPTE, "line_8", "eight")
    patch = as_git_diff(base, edit)
    edit(base)
    assert refusal(base, patch) == f"{base.parent}/fix.patch does not apply: the tree has it already"


def test_a_mail_that_does_not_apply_says_which(base: Path) -> None:
    patch = as_mails(base, change(OWN, "own", "o"), change(SPTE, "line_8", "eight"))
    (base / SPTE).write_text(TEN.replace("line_7", "seven"))
    assert f"fix.patch, patch 2 of 2, does not apply: {SPTE}:5: " in refusal(base, patch)


@pytest.mark.parametrize(
    ("edit", "damage", "said"),
    [
        (change(OWN, "own", "o"), remove(OWN), f"{OWN}: No such file or directory"),
        (
            put("include/new.h", "int a;\n"),
            put("include/new.h", "int b;\n"),
            "include/new.h: already exists in the tree",
        ),
        (remove(OWN), put(OWN, "int other;\n"), f"{OWN}:1: the tree has other lines there"),
        (move(OWN, "include/own.h"), remove(OWN), f"{OWN}: No such file or directory"),
    ],
)
def test_a_patch_for_another_tree_is_refused(edit: Edit, damage: Edit, said: str, base: Path) -> None:
    patch = as_git_diff(base, edit)
    damage(base)
    assert refusal(base, patch).endswith(f"does not apply: {said}")


def test_a_patch_of_which_one_part_does_not_apply_is_refused_whole(base: Path) -> None:
    assert SPTE in refusal(base, section(OWN, "int own;", "int o;") + section(SPTE, "nothing", "else"))


def test_a_patch_for_other_files_alone_is_refused(base: Path) -> None:
    said = refusal(base, section("Documentation/index.rst", "not read", "x"))
    assert "changes nothing in Makefile, arch/x86, include, virt/kvm" in said


@pytest.mark.parametrize("folder", ["arch/x86/kvm", "arch/x86/kvm/mmu", "arch/x86"])
@pytest.mark.parametrize("options", [(), ("--no-prefix",)], ids=["with prefixes", "without prefixes"])
def test_a_patch_that_is_relative_to_a_folder_is_put_there(folder: str, options: tuple[str, ...], base: Path) -> None:
    repository = worked_on(base, change(SPTE, "line_5", "five"))
    patch = git(repository / folder, "diff", "--relative", *options, "HEAD~1", "HEAD")
    assert folder not in patch.decode()
    with patched(base, patch) as tree:
        assert (tree.root / SPTE).read_text() == TEN.replace("line_5", "five")


def test_a_patch_without_prefixes_may_add_a_file_at_the_top(base: Path) -> None:
    new = b"diff --git README.mmu README.mmu\nnew file mode 100644\n--- /dev/null\n+++ README.mmu\n@@ -0,0 +1 @@\n+a\n"
    assert "changes nothing in Makefile" in refusal(base, new)


def test_a_patch_whose_paths_fit_several_folders_is_refused(base: Path) -> None:
    for folder in ("arch/x86/kvm/vmx", "arch/x86/kvm/svm"):
        (base / folder).mkdir(exist_ok=True)
        (base / folder / "nested.c").write_text("int own;\n")
    patch = b"--- a/nested.c\n+++ b/nested.c\n@@ -1 +1 @@\n-int own;\n+int o;\n"
    assert refusal(base, patch).endswith(
        "has paths that fit several folders, arch/x86/kvm/svm and arch/x86/kvm/vmx: make it from the top of the tree"
    )


@pytest.mark.parametrize(
    "patch", [b"", b"hello\n", b"From a@b Mon Sep 17 00:00:00 2001\nSubject: x\n\nhello\n", b"\0\r\n"]
)
def test_what_is_no_patch_is_refused(patch: bytes, base: Path) -> None:
    assert "holds no patch" in refusal(base, patch)


def test_a_patch_that_is_cut_short_says_at_which_line(base: Path) -> None:
    patch = as_git_diff(base, change(SPTE, "line_5", "five"))
    cut = b"".join(patch.splitlines(keepends=True)[:8])
    assert refusal(base, cut).endswith("corrupt patch at line 9")


def test_a_mail_that_is_cut_short_says_at_which_line_of_the_file(base: Path) -> None:
    lines = as_mails(base, change(SPTE, "line_5", "five")).splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.startswith(b"@@"))
    assert refusal(base, b"".join(lines[: start + 3])).endswith(f"corrupt patch at line {start + 4}")


def test_a_diff_that_changes_a_file_twice_is_refused(base: Path) -> None:
    said = refusal(base, section(OWN, "int own;", "int a;") + section(OWN, "int a;", "int b;"))
    assert f"changes {OWN} twice" in said


def test_a_patch_that_leaves_no_kernel_is_refused(base: Path) -> None:
    assert "fix.patch is Linux 7.2.12-test, whose KVM has no mmu/spte.c" in refusal(
        base, as_git_diff(base, remove(SPTE))
    )


@pytest.mark.parametrize("name", ["nowhere.patch", "", "a\0b", "x" * 5000])
def test_a_patch_that_cannot_be_read_is_an_error(name: str, base: Path, tmp_path: Path) -> None:
    with (
        open_source(str(base)) as tree,
        pytest.raises(SourceError, match="cannot be read"),
        patched_tree(tree, tmp_path / name),
    ):
        pass


def test_without_git_a_patch_is_refused(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "git, which is not installed" in refusal(base, section(OWN, "int own;", "int other;"))


# Patches that mean harm


@pytest.mark.parametrize(
    "name", ["../evil", "../../evil", "include/../../evil", "/evil", "include/./x.h", "./include/x.h"]
)
@pytest.mark.parametrize("more", [b"", section(OWN, "int own;", "int o;")], ids=["alone", "among others"])
def test_a_patch_is_refused_whole_for_the_path(name: str, more: bytes, base: Path, tmp_path: Path) -> None:
    (tmp_path / "evil").write_text("a\n")
    said = refusal(base, more + section(name, "a", "b"))
    assert "leads out of the tree" in said
    assert (tmp_path / "evil").read_text() == "a\n"


def test_a_path_that_is_too_long_is_refused(base: Path) -> None:
    assert refusal(base, new("include/" + "x" * 5000, "100644", "int x;", "\n"))
    assert refusal(base, section("include/" + "x" * 5000, "a", "b"))


@pytest.mark.parametrize("kind", ["rename", "copy"])
def test_a_file_from_outside_the_tree_is_not_fetched(kind: str, base: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a\n")
    patch = "diff --git a/../secret b/include/got.h\nsimilarity index 100%\n"
    patch += f"{kind} from ../secret\n{kind} to include/got.h\n"
    assert "leads out of the tree" in refusal(base, patch.encode())


def test_an_absolute_path_is_taken_without_its_first_component(base: Path, tmp_path: Path) -> None:
    (tmp_path / "evil").write_text("a\n")
    patch = f"--- {tmp_path}/evil\n+++ {tmp_path}/evil\n@@ -1 +1 @@\n-a\n+b\n"
    assert "changes nothing in" in refusal(base, patch.encode())
    assert (tmp_path / "evil").read_text() == "a\n"


def new(name: str, mode: str, line: str, end: str = "\n\\ No newline at end of file\n") -> bytes:
    return (
        f"diff --git a/{name} b/{name}\nnew file mode {mode}\n--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+{line}{end}"
    ).encode()


@pytest.mark.parametrize("target", ["kconfig.h", "../..", "/etc", "nowhere"])
def test_a_patch_that_makes_a_symbolic_link_is_refused(target: str, base: Path) -> None:
    assert "makes include/linux/door a symbolic link" in refusal(base, new("include/linux/door", "120000", target))


def test_nothing_is_written_through_a_link_that_a_patch_makes(base: Path, tmp_path: Path) -> None:
    (tmp_path / "goal").mkdir()
    patch = new("include/door", "120000", str(tmp_path / "goal")) + new("include/door/x.h", "100644", "int x;", "\n")
    assert refusal(base, patch)
    assert list((tmp_path / "goal").iterdir()) == []


def test_a_name_that_looks_like_an_option_is_only_a_name(base: Path, tmp_path: Path) -> None:
    with open_source(str(base)) as tree:
        patch = Path("--unsafe-paths")
        (tmp_path / patch).write_bytes(new("include/--help", "100644", "int x;", "\n"))
        here = Path.cwd()
        os.chdir(tmp_path)
        try:
            with patched_tree(tree, patch) as made:
                assert (made.root / "include/--help").read_text() == "int x;\n"
        finally:
            os.chdir(here)


# Real kernels


@pytest.mark.kernel
def test_a_patch_on_a_real_tree_changes_one_file(kernel_tree: Callable[[str], Path], tmp_path: Path) -> None:
    patch = tmp_path / "fix.patch"
    patch.write_bytes(new("include/linux/new.h", "100644", "int made;", "\n"))
    with open_source(str(kernel_tree("7.2"))) as tree, patched_tree(tree, patch) as made:
        before, after = contents(tree.root), contents(made.root)
        assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == {
            "include/linux/new.h"
        }
