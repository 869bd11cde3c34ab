"""A kernel tree with a patch on top.

git applies the patch, in a scratch folder with copies of the files that the patch is about; the base tree is only
read. Of a patch only what lies in the parts of a kernel that are read matters.
"""

import hashlib
import operator
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.changed import Changes, changed_tree
from mmuproof.lift.tree.parts import PARTS, components, wanted
from mmuproof.lift.tree.patch_text import PatchText, as_mailbox, place_of_paths, read_patch
from mmuproof.lift.tree.source import KernelTree, check_layout
from mmuproof.lift.tree.version import kernel_version
from mmuproof.lift.tree.workplace import filled_folder

_DIFF = re.compile(rb"^(?:diff --git |--- \S)", re.MULTILINE)
_PATTERN = re.compile(r"[][*?\\]")


class ChangesNothing(SourceError):  # noqa: N818 - reads as what happened
    """A patch that is about other files than those that are read."""


@contextmanager
def patched_tree(base: KernelTree, patch: Path | PatchText, *, cache: Path | None = None) -> Iterator[KernelTree]:
    """The tree ``base`` with the changes of a patch, for the length of a ``with`` block.

    It is a unified diff as ``git diff`` or ``diff -ru`` writes it, or one or several mails as ``git format-patch``
    writes them, which are applied in their order. Paths lose their first component, as with ``patch -p1``; where the
    tree has no such file they are taken whole (``--no-prefix``), or as those of the one folder that has it
    (``--relative``). The base tree has to stay open; the new one is made in a temporary folder, or in the folder
    ``cache``, best on the file system of the base tree.

    Raises:
        ChangesNothing: the patch changes nothing that is read.
        SourceError: the patch cannot be read, does not apply, or leads out of the tree, or what comes out is no kernel
            tree any more.
    """
    text = patch if isinstance(patch, PatchText) else read_patch(patch)
    changes = _changes(base.root, text)
    description = f"{base.description} + {text.short_name}"
    origin = f"{base.origin or base.description} + patch sha256 {hashlib.sha256(text.content).hexdigest()}"
    with filled_folder(cache, f"patched {base.root}", partial(changed_tree, base.root, changes)) as root:
        check_layout(root, description)
        yield KernelTree(
            root=root, description=description, version=kernel_version(root), origin=origin, changed=frozenset(changes)
        )


def mails_of(text: PatchText) -> tuple[bytes, ...]:
    """The mails of a mailbox, in order; one that is no mailbox is one mail, if it is a mail at all.

    Raises:
        SourceError: git cannot split it.
    """
    mailbox = as_mailbox(text.content)
    if mailbox is None:
        return ()
    with tempfile.TemporaryDirectory(prefix="mmuproof-") as folder:
        return tuple(_Bench(Path(folder).resolve(), Path(folder)).mails(mailbox))


def holds_a_diff(text: PatchText) -> bool:
    """Whether there is a diff in a text; a cover letter and an answer have none."""
    with tempfile.TemporaryDirectory(prefix="mmuproof-") as folder:
        return bool(_diffs(_Bench(Path(folder).resolve(), Path(folder)), text.content))


def _changes(base_root: Path, text: PatchText) -> Changes:
    with tempfile.TemporaryDirectory(prefix="mmuproof-") as folder:
        bench = _Bench(Path(folder).resolve(), base_root)
        diffs = _diffs(bench, text.content)
        if not diffs:
            raise SourceError(f"{text.name} holds no patch that git understands")
        elsewhere: list[str] = []
        for number, diff in enumerate(diffs, 1):
            name = text.name if len(diffs) == 1 else f"{text.name}, patch {number} of {len(diffs)},"
            elsewhere += bench.apply(name, diff)
        if not bench.touched:
            raise ChangesNothing(
                f"{text.name} changes nothing in {', '.join(PARTS)}, of which all results come; "
                f"without its first component, the path of its first file is {elsewhere[0]}"
            )
        return bench.changes()


def _diffs(bench: "_Bench", content: bytes) -> list[bytes]:
    """The diffs in a patch file, in order; line numbers in each are those in the file where that can be."""
    if content.count(b"\n") == content.count(b"\r\n"):
        # Headers of a diff end in a line feed alone, even of one whose files have other line ends.
        content = content.replace(b"\r\n", b"\n")
    mailbox = as_mailbox(content)
    if mailbox is None:
        return [content] if _DIFF.search(content) else []
    diffs = []
    for mail in bench.mails(mailbox):
        diff = bench.diff_of(mail)
        if _DIFF.search(diff):
            at = content.find(diff)
            diffs.append(b"\n" * content[: max(at, 0)].count(b"\n") + diff)
    return diffs


class _Bench:
    """A scratch folder where git applies one diff after the other to copies of the files that they are about."""

    def __init__(self, folder: Path, base_root: Path) -> None:
        self._folder, self._base_root = folder, base_root
        self._tree = folder / "tree"
        self._tree.mkdir()
        self._before: dict[str, bytes | None] = {}
        #: The paths that have been looked at, in the parts that are read.
        self.touched: set[str] = set()

    def changes(self) -> Changes:
        """What has become of the files that are not what they were."""
        now = {name: _content(self._tree / name) for name in sorted(self.touched)}
        return {name: content for name, content in now.items() if content != self._before[name]}

    def mails(self, mailbox: bytes) -> list[bytes]:
        """The mails in a mailbox, in order."""
        folder = self._folder / "mails"
        folder.mkdir()
        _said(self._git(["mailsplit", "--keep-cr", "-d8", f"-o{folder}"], mailbox), "the mailbox cannot be split")
        return [mail.read_bytes() for mail in sorted(folder.iterdir())]

    def diff_of(self, mail: bytes) -> bytes:
        """What follows the message in a mail, decoded."""
        message, diff = self._folder / "message", self._folder / "diff"
        _said(self._git(["mailinfo", "-n", str(message), str(diff)], mail), "a mail cannot be read")
        return diff.read_bytes()

    def apply(self, patch: str, diff: bytes) -> list[str]:
        """Apply what a diff does to the parts that are read; return the paths of the other files in it.

        Raises:
            SourceError: the diff does not apply, changes a file twice, or leads out of the tree.
        """
        wrong = f"{patch} does not apply"
        apply = ["apply", *place_of_paths(diff, patch, self._base_root)]
        after = _names(self._git([*apply, "--numstat", "-z"], diff), wrong)
        before = _names(self._git([*apply, "--numstat", "-z", "--reverse"], diff), wrong)
        # In reverse, a newer git has the files in reverse, too; but for renamed ones, names are the same.
        before = min((before[::-1], before), key=lambda names: sum(map(operator.ne, names, after)))
        for name in (*before, *after):
            if not _inside(name):
                raise SourceError(f"{patch} holds a path that leads out of the tree, {name!r}: nothing of it is used")
        pairs = [pair for pair in zip(before, after, strict=True) if any(map(_wanted, pair))]
        twice = next((name for _, name in pairs if after.count(name) > 1), None)
        if twice is not None:
            raise SourceError(
                f"{patch} changes {twice} twice; several patches have to come as git format-patch has them"
            )
        names = [name for pair in pairs for name in pair]
        for name in names:
            self._fetch(name)
        if pairs:
            patterns = ["--include=" + _PATTERN.sub(r"\\\g<0>", name) for _, name in pairs if not _wanted(name)]
            patterns += [f"--include={part}{below}" for part in PARTS for below in ("", "/*")]
            apply = [*apply, "--whitespace=nowarn", *patterns]
            done = self._git(apply, diff)
            if done.returncode and not self._git([*apply, "--reverse", "--check"], diff).returncode:
                raise SourceError(f"{wrong}: the tree has it already")
            _said(done, wrong)
        for name in names:
            if (self._tree / name).is_symlink():
                raise SourceError(f"{patch} makes {name} a symbolic link, which is not followed")
        return [name for name in after if name not in names]

    def _fetch(self, name: str) -> None:
        """Put a copy of a file of the base tree where git finds it."""
        if name in self._before:
            return
        content = self._before[name] = _content(self._base_root / name)
        if _wanted(name):
            self.touched.add(name)
        if content is not None:
            (self._tree / name).parent.mkdir(parents=True, exist_ok=True)
            (self._tree / name).write_bytes(content)

    def _git(self, arguments: Sequence[str], given: bytes) -> "subprocess.CompletedProcess[bytes]":
        # No configuration may change what a patch does, and no repository around the scratch folder is meant.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        folder = str(self._folder)
        clean = {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CEILING_DIRECTORIES": folder,
            "HOME": folder,
            "XDG_CONFIG_HOME": folder,
            "LC_ALL": "C",
        }
        try:
            return subprocess.run(
                ["git", *arguments], cwd=self._tree, env=kept | clean, input=given, capture_output=True, check=False
            )
        except FileNotFoundError:
            raise SourceError("applying a patch needs git, which is not installed") from None


def _said(done: "subprocess.CompletedProcess[bytes]", wrong: str) -> bytes:
    """What git printed.

    Raises:
        SourceError: it failed; the message begins with ``wrong``.
    """
    if done.returncode == 0:
        return done.stdout
    lines = os.fsdecode(done.stderr).strip().splitlines()
    errors = [
        line.removeprefix("error: ").removeprefix("fatal: ") for line in lines if not line.startswith("warning: ")
    ]
    said = errors[0] if errors else "git said nothing"
    if said.startswith("patch failed: "):
        said = f"{said.removeprefix('patch failed: ')}: the tree has other lines there"
    said = said.replace("already exists in working directory", "already exists in the tree").replace(
        "<stdin>:", "line "
    )
    raise SourceError(f"{wrong}: {said}")


def _names(done: "subprocess.CompletedProcess[bytes]", wrong: str) -> list[str]:
    return [os.fsdecode(entry.split(b"\t", 2)[2]) for entry in _said(done, wrong).split(b"\0") if entry]


def _inside(name: str) -> bool:
    try:
        return "/".join(components(name)) == name
    except ValueError:
        return False


def _wanted(name: str) -> bool:
    return wanted(components(name))


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes() if file.is_file() else None
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or error}") from error
