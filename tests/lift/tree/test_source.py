import bz2
import gzip
import io
import lzma
import multiprocessing
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree import git as reading_git
from mmuproof.lift.tree.cache import cached_tree
from mmuproof.lift.tree.parts import Limits
from mmuproof.lift.tree.source import KernelTree, open_source

WriteTree = Callable[[Path, dict[str, str]], Path]
needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary files are made, so that a test can see what is left behind."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-C", str(folder), *arguments],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def commit(folder: Path, tag: str) -> None:
    git(folder, "init", "-q")
    git(folder, "add", "-f", ".")
    git(folder, "commit", "-q", "-m", tag)
    git(folder, "tag", tag)


def tar_bytes(kernel: Path, *extra: tarfile.TarInfo, top: str = "linux-7.2.12") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(kernel, top)
        for info in extra:
            tar.addfile(info, io.BytesIO(b"x" * info.size))
    return out.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, size
    return info


def deb_bytes(inner: bytes, name: str = "usr/src/linux-source-7.2.tar.xz") -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as tar:
        info = member(name, size=len(inner))
        tar.addfile(info, io.BytesIO(inner))
    out = b"!<arch>\n"
    for part, content in (
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", lzma.compress(b"")),
        ("data.tar.xz", data.getvalue()),
    ):
        out += f"{part:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        out += content + b"\n" * (len(content) % 2)
    return out


def as_folder(kernel: Path, place: Path) -> str:
    return str(kernel)


def as_folder_with_an_at_sign(kernel: Path, place: Path) -> str:
    shutil.copytree(kernel, place / "linux@v7.2")
    return str(place / "linux@v7.2")


def as_tar(kernel: Path, place: Path) -> str:
    (place / "linux.tar").write_bytes(tar_bytes(kernel))
    return str(place / "linux.tar")


def as_tar_xz(kernel: Path, place: Path) -> str:
    (place / "linux-7.2.12.tar.xz").write_bytes(lzma.compress(tar_bytes(kernel, top="./any-name")))
    return str(place / "linux-7.2.12.tar.xz")


def as_tar_gz(kernel: Path, place: Path) -> str:
    (place / "linux.tar.gz").write_bytes(gzip.compress(tar_bytes(kernel)))
    return str(place / "linux.tar.gz")


def as_tar_bz2(kernel: Path, place: Path) -> str:
    (place / "linux.tar.bz2").write_bytes(bz2.compress(tar_bytes(kernel)))
    return str(place / "linux.tar.bz2")


def as_debian_package(kernel: Path, place: Path) -> str:
    (place / "linux-source-7.2.deb").write_bytes(deb_bytes(lzma.compress(tar_bytes(kernel))))
    return str(place / "linux-source-7.2.deb")


def as_tag(kernel: Path, place: Path) -> str:
    shutil.copytree(kernel, place / "repository")
    commit(place / "repository", "v7.2")
    return f"{place}/repository@v7.2"


def as_reflog_entry(kernel: Path, place: Path) -> str:
    as_tag(kernel, place)
    return f"{place}/repository@HEAD@{{0}}"


def as_tree_of_a_bare_repository(kernel: Path, place: Path) -> str:
    as_tag(kernel, place)
    git(place, "clone", "-q", "--bare", "repository", "bare.git")
    return f"{place}/bare.git@v7.2^{{tree}}"


def as_commit_of_a_linked_worktree(kernel: Path, place: Path) -> str:
    as_tag(kernel, place)
    git(place / "repository", "worktree", "add", "-q", "--no-checkout", str(place / "worktree"))
    return f"{place}/worktree@{git(place / 'repository', 'rev-parse', 'v7.2')}"


ARCHIVES = [as_tar, as_tar_xz, as_tar_gz, as_tar_bz2, as_debian_package]
REVISIONS = [
    pytest.param(form, marks=needs_git)
    for form in (as_tag, as_reflog_entry, as_tree_of_a_bare_repository, as_commit_of_a_linked_worktree)
]
PACKED = [*ARCHIVES, *REVISIONS]
FORMS = [as_folder, as_folder_with_an_at_sign, *PACKED]
Form = Callable[[Path, Path], str]


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def refusal(text: str, **options: Limits | Path) -> str:
    with pytest.raises(SourceError) as caught, open_source(text, **options):  # type: ignore[arg-type]
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def digest_of(text: str) -> str:
    with open_source(text) as tree:
        return tree.digest


# What a user can name


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_kernel_is_the_same_kernel(form: Form, kernel: Path, tmp_path: Path) -> None:
    text = form(kernel, tmp_path)
    with open_source(text) as tree:
        assert (tree.description, tree.version) == (text, "7.2.12-test")
        assert tree.digest == digest_of(str(kernel))
        assert (tree.root / "arch/x86/kvm/mmu/mmu.c").read_text().startswith("#include")


@pytest.mark.parametrize("form", PACKED)
def test_only_what_is_read_is_unpacked(form: Form, kernel: Path, kernel_files: dict[str, str], tmp_path: Path) -> None:
    read = {name: text.encode() for name, text in kernel_files.items() if name != "Documentation/index.rst"}
    with open_source(form(kernel, tmp_path)) as tree:
        assert contents(tree.root) == read


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_left_behind(form: Form, kernel: Path, tmp_path: Path, scratch: Path) -> None:
    with open_source(form(kernel, tmp_path)):
        pass
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("form", PACKED)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_behind_by_an_interruption(
    form: Form, kernel: Path, tmp_path: Path, scratch: Path, error: type[BaseException]
) -> None:
    def interrupted(tree: KernelTree) -> None:
        assert tree.root.is_relative_to(scratch)
        raise error

    with pytest.raises(error), open_source(form(kernel, tmp_path)) as tree:
        interrupted(tree)
    assert list(scratch.iterdir()) == []


def test_a_folder_is_used_where_it_is_and_left_as_it_is(kernel: Path) -> None:
    def state() -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in [kernel, *kernel.rglob("*")]}

    before = state()
    with open_source(str(kernel)) as tree:
        assert tree.root == kernel
        assert tree.origin is None
        assert tree.digest
    assert state() == before


def test_a_name_may_begin_with_a_tilde(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(kernel.parent))
    with open_source(f"~/{kernel.name}") as tree:
        assert tree.root == kernel


@pytest.mark.parametrize("name", ["arch/x86/kvm/mmu/spte.c", "include/linux/kconfig.h", "arch/x86/Kconfig", "Makefile"])
def test_the_digest_changes_with(name: str, kernel: Path) -> None:
    before = digest_of(str(kernel))
    (kernel / name).write_text((kernel / name).read_text() + "\n")
    assert digest_of(str(kernel)) != before


def test_the_digest_changes_when_a_file_is_renamed(kernel: Path) -> None:
    before = digest_of(str(kernel))
    (kernel / "virt/kvm/Kconfig").rename(kernel / "virt/kvm/Kconfig2")
    assert digest_of(str(kernel)) != before


def test_the_digest_ignores_what_is_not_read(kernel: Path) -> None:
    before = digest_of(str(kernel))
    (kernel / "Documentation/index.rst").write_text("changed\n")
    assert digest_of(str(kernel)) == before


@pytest.mark.parametrize(
    ("lines", "version"),
    [
        ("VERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 176\nEXTRAVERSION =\n", "6.1.176"),
        ("VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION = -rc7\n", "7.3.0-rc7"),
        ("VERSION=7\nPATCHLEVEL=3\nSUBLEVEL=1\n\nVERSION = 9\n", "7.3.1"),
    ],
)
def test_the_version_is_what_the_makefile_says(kernel: Path, lines: str, version: str) -> None:
    (kernel / "Makefile").write_text(lines)
    with open_source(str(kernel)) as tree:
        assert tree.version == version


# What is not a kernel that can be read


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("Makefile", "no Makefile"),
        ("arch/x86/kvm/mmu/mmu.c", r"no mmu/mmu\.c: it is too old"),
        ("arch/x86/kvm/mmu/spte.c", r"Linux 7\.2\.12-test, whose KVM has no mmu/spte\.c: it is too old"),
        ("arch/x86/kvm", "no arch/x86/kvm"),
        ("arch", "is not a kernel tree"),
        ("include", "no include/linux"),
        ("virt", "no virt/kvm"),
    ],
)
@pytest.mark.parametrize("form", [as_folder, as_tar_xz, pytest.param(as_tag, marks=needs_git)])
def test_a_tree_is_refused_without(
    missing: str, said: str, form: Form, kernel: Path, tmp_path: Path, scratch: Path
) -> None:
    path = kernel / missing
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    assert re.search(said, refusal(form(kernel, tmp_path)))
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("form", FORMS)
def test_a_kernel_for_another_architecture_is_refused_by_name(form: Form, kernel: Path, tmp_path: Path) -> None:
    shutil.rmtree(kernel / "arch/x86")
    for name in ("riscv", "arm64"):
        (kernel / "arch" / name / "kvm").mkdir(parents=True)
        (kernel / "arch" / name / "kvm/mmu.c").write_text("int a;\n")
    assert "arch/ has arm64, riscv, but no x86/kvm" in refusal(form(kernel, tmp_path))


def test_a_makefile_without_a_version_is_no_kernels(kernel: Path) -> None:
    (kernel / "Makefile").write_text("all:\n")
    assert "does not say a kernel version" in refusal(str(kernel))


@pytest.mark.parametrize("text", ["{}/nowhere", "{}/nowhere@v7.2", "{}/nowhere.tar.xz"])
def test_what_does_not_exist_is_named(text: str, tmp_path: Path) -> None:
    assert re.search(r"/nowhere(\.tar\.xz)? does not exist", refusal(text.format(tmp_path)))


@pytest.mark.parametrize("text", ["", "a\0b", "~no-such-user/linux", "x" * 5000, "x" * 5000 + "@v7.2"])
def test_a_name_that_cannot_be_one_is_refused(text: str) -> None:
    assert refusal(text)


# Archives that are damaged


@pytest.mark.parametrize("form", ARCHIVES)
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9])
def test_a_truncated_archive_is_refused(form: Form, kept: float, kernel: Path, tmp_path: Path, scratch: Path) -> None:
    file = Path(form(kernel, tmp_path))
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * kept)])
    assert str(file) in refusal(str(file))
    assert list(scratch.iterdir()) == []


def test_an_archive_that_stops_between_two_files_is_refused(kernel: Path, tmp_path: Path) -> None:
    file = Path(as_tar(kernel, tmp_path))
    with tarfile.open(file) as tar:
        last = tar.getmembers()[-1]
    file.write_bytes(file.read_bytes()[: last.offset])
    assert refusal(str(file)) == f"{file} is truncated"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"garbage " * 1000,
        b"\xfd7zXZ\x00garbage",
        b"\x1f\x8bgarbage" * 10,
        b"!<arch>\ngarbage",
        b"!<arch>\n",
        lzma.compress(b""),
        lzma.compress(b"garbage " * 1000),
        gzip.compress(b"\0" * 10240, mtime=0),
        deb_bytes(b"garbage"),
        deb_bytes(b""),
    ],
)
def test_what_is_not_an_archive_of_a_kernel_is_refused(content: bytes, tmp_path: Path, scratch: Path) -> None:
    file = tmp_path / "linux.tar.xz"
    file.write_bytes(content)
    assert str(file) in refusal(str(file))
    assert list(scratch.iterdir()) == []


def test_an_archive_compressed_with_zstd_is_refused_as_such(tmp_path: Path) -> None:
    file = tmp_path / "linux.tar.zst"
    file.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(1000))
    assert "zstd" in refusal(str(file))


def test_a_changed_byte_in_a_compressed_archive_is_noticed(kernel: Path, tmp_path: Path) -> None:
    file = Path(as_tar_xz(kernel, tmp_path))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x10
    file.write_bytes(content)
    assert "damaged" in refusal(str(file))


def test_a_debian_package_of_something_else_is_refused(kernel: Path, tmp_path: Path) -> None:
    file = tmp_path / "hello.deb"
    file.write_bytes(deb_bytes(lzma.compress(tar_bytes(kernel)), "usr/src/hello.tar.xz"))
    assert "without a usr/src/linux-source-*" in refusal(str(file))


# Archives that mean harm

TOP = "linux-7.2.12"
ESCAPES = {
    "a parent folder": member("../evil", size=1),
    "a parent folder further in": member(f"{TOP}/include/../../../evil", size=1),
    "an absolute path": member("/tmp/evil", size=1),
    "an absolute path where nothing is read": member("/Documentation/evil", size=1),
    "an absolute link": member(f"{TOP}/include/evil", tarfile.SYMTYPE, "/etc"),
    "a link out of the tree": member(f"{TOP}/include/evil", tarfile.SYMTYPE, "../../evil"),
    "a link out of the tree, where nothing is read": member(f"{TOP}/Documentation/x", tarfile.SYMTYPE, "../.."),
    "a hard link out of the tree": member(f"{TOP}/include/evil", tarfile.LNKTYPE, "../evil"),
    "a hard link to an absolute path": member(f"{TOP}/include/evil", tarfile.LNKTYPE, "/etc/passwd"),
}


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES.keys())
@pytest.mark.parametrize("packed", [False, True], ids=["in a tarball", "in a package"])
def test_an_archive_is_refused_whole_for(
    escape: tarfile.TarInfo, packed: bool, kernel: Path, tmp_path: Path, scratch: Path
) -> None:
    file = tmp_path / "place" / "linux.archive"
    file.parent.mkdir()
    content = lzma.compress(tar_bytes(kernel, escape))
    file.write_bytes(deb_bytes(content) if packed else content)
    assert "leads out of it" in refusal(str(file))
    assert list(scratch.iterdir()) == []
    assert list(file.parent.iterdir()) == [file]


def test_a_package_is_refused_for_a_path_outside_its_kernel(kernel: Path, tmp_path: Path) -> None:
    file = tmp_path / "linux.deb"
    file.write_bytes(deb_bytes(lzma.compress(tar_bytes(kernel)), "../linux-source-7.2.tar.xz"))
    assert "leads out of it" in refusal(str(file))


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE], ids=["a device", "a pipe"])
def test_an_archive_is_refused_for_holding(kind: bytes, kernel: Path, tmp_path: Path) -> None:
    file = tmp_path / "linux.tar"
    file.write_bytes(tar_bytes(kernel, member(f"{TOP}/include/evil", kind)))
    assert "neither a file nor a folder" in refusal(str(file))


def test_a_file_cannot_be_written_through_a_link(kernel: Path, tmp_path: Path) -> None:
    file = tmp_path / "linux.tar"
    file.write_bytes(
        tar_bytes(
            kernel,
            member(f"{TOP}/include/door", tarfile.SYMTYPE, "../virt/kvm"),
            member(f"{TOP}/include/door/through.h", size=3),
        )
    )
    with open_source(str(file)) as tree:
        assert (tree.root / "include/door/through.h").read_bytes() == b"xxx"
        assert not (tree.root / "virt/kvm/through.h").exists()


@pytest.mark.parametrize(
    ("kind", "target"),
    [(tarfile.SYMTYPE, "../linux/kconfig.h"), (tarfile.LNKTYPE, f"{TOP}/include/linux/kconfig.h")],
    ids=["symbolic", "hard"],
)
def test_a_link_inside_the_tree_becomes_the_file(kind: bytes, target: str, kernel: Path, tmp_path: Path) -> None:
    file = tmp_path / "linux.tar"
    file.write_bytes(tar_bytes(kernel, member(f"{TOP}/include/net/copy.h", kind, target)))
    with open_source(str(file)) as tree:
        copy = tree.root / "include/net/copy.h"
        assert copy.read_bytes() == (tree.root / "include/linux/kconfig.h").read_bytes()
        assert not copy.is_symlink()


def test_a_link_to_what_is_not_read_is_left_out(kernel: Path, tmp_path: Path) -> None:
    file = tmp_path / "linux.tar"
    link = member(f"{TOP}/include/doc", tarfile.SYMTYPE, "../Documentation/index.rst")
    file.write_bytes(tar_bytes(kernel, link))
    with open_source(str(file)) as tree:
        assert not os.path.lexists(tree.root / "include/doc")


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(kept_bytes=1000), "more than a kernel tree can"),
        (Limits(stream_bytes=8000), "more than a kernel tree can"),
        (Limits(pieces=10), "more files than a kernel tree can"),
    ],
    ids=["what is kept", "what is unpacked", "the number of files"],
)
@pytest.mark.parametrize("form", [as_tar_xz, as_debian_package])
def test_an_archive_is_bounded_in(
    limits: Limits, said: str, form: Form, kernel: Path, tmp_path: Path, scratch: Path
) -> None:
    assert said in refusal(form(kernel, tmp_path), limits=limits)
    assert list(scratch.iterdir()) == []


@needs_git
@pytest.mark.parametrize("limits", [Limits(kept_bytes=1000), Limits(pieces=10)], ids=["size", "number of files"])
def test_a_revision_is_bounded_in(limits: Limits, kernel: Path, tmp_path: Path) -> None:
    assert "than a kernel tree can" in refusal(as_tag(kernel, tmp_path), limits=limits)


def test_a_huge_header_is_not_read_into_memory(kernel: Path, tmp_path: Path) -> None:
    file = tmp_path / "linux.tar"
    bomb = member("bomb", tarfile.XHDTYPE)
    bomb.size = 5 << 30
    file.write_bytes(tar_bytes(kernel)[:-10240] + bomb.tobuf(tarfile.USTAR_FORMAT))
    assert "header of" in refusal(str(file))


# Revisions


@needs_git
@pytest.mark.parametrize("name", ["nope", "", "-x", "--help", "--batch-all-objects", "a\nb", "v7.2 x", "v7.2:Makefile"])
def test_what_does_not_name_a_revision_is_refused(name: str, kernel: Path, tmp_path: Path) -> None:
    as_tag(kernel, tmp_path)
    assert re.search("no revision|does not name a revision", refusal(f"{tmp_path}/repository@{name}"))


@needs_git
def test_a_branch_whose_name_begins_with_a_dash_is_only_a_name(kernel: Path, tmp_path: Path) -> None:
    as_tag(kernel, tmp_path)
    git(tmp_path / "repository", "update-ref", "refs/tags/--help", "v7.2")
    with open_source(f"{tmp_path}/repository@--help") as tree:
        assert tree.version == "7.2.12-test"


@needs_git
def test_the_commit_is_reported(kernel: Path, tmp_path: Path) -> None:
    text = as_tag(kernel, tmp_path)
    with open_source(text) as tree:
        assert tree.origin == f"commit {git(tmp_path / 'repository', 'rev-parse', 'v7.2')}"


@needs_git
def test_the_work_tree_and_the_index_are_neither_read_nor_written(kernel: Path, tmp_path: Path) -> None:
    text = as_tag(kernel, tmp_path)
    repository = tmp_path / "repository"
    (repository / "Makefile").write_text("VERSION = 1\n")
    (repository / "include/linux/kconfig.h").unlink()
    before = contents(repository)
    with open_source(text) as tree:
        assert tree.version == "7.2.12-test"
        assert tree.digest == digest_of(str(kernel))
    assert contents(repository) == before


@needs_git
def test_nothing_that_a_repository_configures_is_run(kernel: Path, tmp_path: Path) -> None:
    text = as_tag(kernel, tmp_path)
    repository, ran = tmp_path / "repository", tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {ran}\n")
    script.chmod(0o755)
    (repository / ".git/info/attributes").write_text("* filter=evil diff=evil\n")
    filters = ("filter.evil.smudge", "filter.evil.process", "diff.evil.textconv", "diff.evil.command")
    for key in ("core.fsmonitor", "core.pager", "core.sshCommand", "core.alternateRefsCommand", *filters):
        git(repository, "config", key, str(script))
    ran.unlink(missing_ok=True)
    with open_source(text) as tree:
        assert tree.version == "7.2.12-test"
    assert not ran.exists()


@needs_git
def test_a_missing_object_is_an_error_and_is_not_fetched(kernel: Path, tmp_path: Path) -> None:
    text = as_tag(kernel, tmp_path)
    repository, ran = tmp_path / "repository", tmp_path / "ran"
    oid = git(repository, "rev-parse", "v7.2:arch/x86/kvm/mmu/mmu.c")
    (repository / ".git/objects" / oid[:2] / oid[2:]).unlink()
    git(repository, "config", "remote.origin.url", f"ext::touch {ran}")
    git(repository, "config", "remote.origin.promisor", "true")
    git(repository, "config", "protocol.ext.allow", "always")
    git(repository, "config", "core.repositoryFormatVersion", "1")
    git(repository, "config", "extensions.partialClone", "origin")
    assert "partial clone" in refusal(text)
    assert not ran.exists()


@needs_git
def test_the_callers_git_environment_does_not_redirect(
    kernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = as_tag(kernel, tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    with open_source(text) as tree:
        assert tree.version == "7.2.12-test"


@needs_git
@needs_git
def test_a_folder_that_holds_itself_many_times_is_not_listed_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q")

    def made(*lines: str) -> str:
        listed = tmp_path / "listed"
        listed.write_text("".join(f"{line}\n" for line in lines))
        with listed.open() as file:
            done = subprocess.run(["git", "-C", tmp_path, "mktree"], stdin=file, capture_output=True, check=True)
        return done.stdout.decode().strip()

    (tmp_path / "x.c").write_text("int x;\n")
    blob = git(tmp_path, "hash-object", "-w", "x.c").strip()
    tree = made(f"100644 blob {blob}\tx.c")
    for names in ("0123456789", "0123456789", "0123456789", ["kvm"], ["x86"], ["arch"]):
        tree = made(*(f"040000 tree {tree}\t{each}" for each in names))
    monkeypatch.setattr(reading_git, "_MOST_BYTES", 1 << 14)
    with pytest.raises(SourceError, match="holds more than that of a kernel can"), open_source(f"{tmp_path}@{tree}"):
        pass


def test_a_folder_in_no_repository_is_refused(kernel: Path, tmp_path: Path) -> None:
    as_tag(kernel, tmp_path)
    (tmp_path / "plain").mkdir()
    assert refusal(f"{tmp_path}/plain@v7.2") == f"{tmp_path}/plain is not a git repository"


@needs_git
def test_a_revision_alone_outside_of_any_repository_says_what_names_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal("@v7.2").endswith("REPOSITORY@REVISION names one elsewhere")


@needs_git
@pytest.mark.parametrize("name", ["{repository}/arch@v7.2", "{repository}/arch/x86/kvm@v7.2", "@v7.2", "./@v7.2"])
def test_a_repository_is_named_by_any_folder_inside_it(
    name: str, kernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_tag(kernel, tmp_path)
    monkeypatch.chdir(tmp_path / "repository/arch")
    with open_source(name.format(repository=tmp_path / "repository")) as tree:
        assert tree.version == "7.2.12-test"


def test_a_folder_inside_a_tree_is_told_with_the_tree(kernel: Path) -> None:
    assert refusal(f"{kernel}/arch") == f"{kernel}/arch is a folder inside a kernel tree; the tree is {kernel}"


@needs_git
def test_a_bare_repository_without_a_revision_says_what_to_write(kernel: Path, tmp_path: Path) -> None:
    as_tree_of_a_bare_repository(kernel, tmp_path)
    assert "bare.git@REVISION" in refusal(f"{tmp_path}/bare.git")


def test_without_git_a_revision_is_refused(kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "git, which is not installed" in refusal(f"{kernel}@v7.2")


# The cache


@contextmanager
def opened(text: str, cache: Path) -> Iterator[Path]:
    with open_source(text, cache=cache) as tree:
        yield tree.root


@pytest.mark.parametrize("form", PACKED)
def test_the_cache_keeps_what_was_unpacked(form: Form, kernel: Path, tmp_path: Path, scratch: Path) -> None:
    cache = tmp_path / "cache"
    text = form(kernel, tmp_path)
    with opened(text, cache) as first:
        inode = (first / "Makefile").stat().st_ino
    with opened(text, cache) as second:
        assert second == first
        assert (second / "Makefile").stat().st_ino == inode
    assert len(list(cache.iterdir())) == 1
    assert list(scratch.iterdir()) == []


def test_an_archive_with_other_content_has_an_entry_of_its_own(kernel: Path, tmp_path: Path) -> None:
    with opened(as_tar(kernel, tmp_path), tmp_path / "cache") as first:
        pass
    (kernel / "Makefile").write_text("VERSION = 9\nPATCHLEVEL = 9\nSUBLEVEL = 9\n")
    with open_source(as_tar(kernel, tmp_path), cache=tmp_path / "cache") as tree:
        assert tree.root != first
        assert tree.version == "9.9.9"


def _truncate(entry: Path) -> None:
    (entry / "tree/arch/x86/kvm/mmu/mmu.c").write_text("int")


def _remove(entry: Path) -> None:
    (entry / "tree/include/linux/kconfig.h").unlink()


def _add(entry: Path) -> None:
    (entry / "tree/include/linux/more.h").write_text("int more;\n")


def _unmark(entry: Path) -> None:
    (entry / "complete").unlink()


def _garble(entry: Path) -> None:
    (entry / "complete").write_bytes(b"\xff\xfe")


@pytest.mark.parametrize("damage", [_truncate, _remove, _add, _unmark, _garble])
def test_a_damaged_entry_is_not_used_but_made_anew(
    damage: Callable[[Path], None], kernel: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    text = as_tar(kernel, tmp_path)
    with opened(text, cache) as root:
        whole = contents(root)
    (entry,) = cache.iterdir()
    damage(entry)
    with opened(text, cache) as root:
        assert contents(root) == whole
    assert list(cache.iterdir()) == [entry]


def test_a_refused_archive_leaves_nothing_in_the_cache(kernel: Path, tmp_path: Path) -> None:
    (kernel / "arch/x86/kvm/mmu/spte.c").unlink()
    assert "too old" in refusal(as_tar(kernel, tmp_path), cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_an_error(kernel: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file\n")
    assert "cache" in refusal(as_tar(kernel, tmp_path), cache=tmp_path / "cache")


def _open_many(text: str, cache: Path) -> str:
    with open_source(text, cache=cache) as tree:
        return tree.digest


def test_a_run_that_is_overtaken_uses_the_others_entry(tmp_path: Path) -> None:
    def fill(root: Path) -> None:
        (root / "Makefile").write_text("same\n")

    def overtaken(root: Path) -> None:
        cached_tree(tmp_path / "cache", "key", fill)
        fill(root)

    root = cached_tree(tmp_path / "cache", "key", overtaken)
    assert contents(root) == {"Makefile": b"same\n"}
    assert [entry.name for entry in (tmp_path / "cache").iterdir()] == ["key"]


def test_two_runs_may_fill_one_cache_at_once(kernel: Path, tmp_path: Path) -> None:
    text, cache = as_tar_xz(kernel, tmp_path), tmp_path / "cache"
    expected = digest_of(str(kernel))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        digests = pool.starmap(_open_many, [(text, cache)] * 4, chunksize=1)
    assert set(digests) == {expected}
    assert len(list(cache.iterdir())) == 1


# Real kernels


@pytest.mark.kernel
@pytest.mark.long
@pytest.mark.parametrize("version", ["7.2"])
def test_a_real_package_holds_the_same_kernel_as_its_unpacked_tree(
    kernel_tree: Callable[[str], Path], kernel_package: Callable[[str], Path], version: str
) -> None:
    with open_source(str(kernel_package(version))) as packed, open_source(str(kernel_tree(version))) as tree:
        assert packed.version.startswith(f"{version}.")
        assert (packed.version, packed.digest) == (tree.version, tree.digest)
