"""Opening the kernel that the user named: a folder, a git revision, a tarball or a Debian source package.

Whatever the form, what comes out is a `KernelTree`, a folder on disk with the parts of the kernel that are
read. Nothing of it is ever executed, and a folder of the user's is never written to.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.archive import archive_digest, unpack_archive
from mmuproof.lift.tree.around import repository_around, tree_around
from mmuproof.lift.tree.cache import held_tree
from mmuproof.lift.tree.changed import changed_tree
from mmuproof.lift.tree.foreign import foreign_entries
from mmuproof.lift.tree.parts import Limits
from mmuproof.lift.tree.revision import find_revision, unpack_revision
from mmuproof.lift.tree.version import kernel_version
from mmuproof.lift.tree.workplace import filled_folder, lacks_room

# What a result depends on: the C, its headers, and the files from which the missing headers are made.
_DIGESTED = (
    "Makefile",
    "arch/x86/Kconfig",
    "arch/x86/Kconfig.cpufeatures",
    "arch/x86/entry/syscalls",
    "arch/x86/include",
    "arch/x86/kvm",
    "include",
    "virt/kvm",
)
_DEFAULT_LIMITS = Limits()
_MEBIBYTE = 1 << 20


_OF_KVM = ("arch/x86/kvm/", "virt/kvm/")


@dataclass(frozen=True)
class Contents:
    """What a tree holds, as far as a result can depend on it.

    Args:
        of_kvm: SHA-256 of each of KVM's files, by path relative to the tree.
        others: SHA-256 over path and content of all others.
    """

    of_kvm: Mapping[str, str]
    others: str


@dataclass(frozen=True, kw_only=True)
class KernelTree:
    """A kernel tree that is ready to be read.

    Args:
        root: the folder that holds ``arch/x86``, ``include``, ``virt/kvm`` and ``Makefile``.
        description: what the user typed.
        version: what the Makefile says, such as ``7.2.12``.
        origin: what pins down a source that can move or be replaced: ``commit ID``, ``tree ID`` or ``sha256 DIGEST``
            of the archive; None for a folder.
        changed: the files, relative to ``root``, in which a tree that was made of another is not the same.
    """

    root: Path
    description: str
    version: str
    origin: str | None = None
    changed: frozenset[str] | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 over path and content of every file on which a result can depend.

        Computed when first asked for, which must be while the source is open. Equal trees have equal
        digests, whatever form they came in.

        Raises:
            SourceError: a file cannot be read.
        """
        of_kvm = (f"{name}\0{digest}\0" for name, digest in self.contents.of_kvm.items())
        return hashlib.sha256(os.fsencode("".join((*of_kvm, self.contents.others)))).hexdigest()

    @cached_property
    def contents(self) -> Contents:
        """The same, file by file where it is KVM's own.

        Raises:
            SourceError: a file cannot be read.
        """
        return _contents(self.root)

    def is_as_it_was(self) -> bool:
        """Whether nobody has changed it since `contents` was first asked for."""
        try:
            return _contents(self.root) == self.contents
        except SourceError:
            return False


def _contents(root: Path) -> Contents:
    others, of_kvm = hashlib.sha256(), {}
    # There are thousands of files: nothing is done for each that is not needed.
    begin = os.path.join(root, "")
    for name in sorted(name for part in _DIGESTED for name in _files(begin, part)):
        try:
            content = _content(begin + name)
        except OSError as error:
            raise SourceError(f"{begin}{name} cannot be read: {error.strerror}") from error
        if name.startswith(_OF_KVM):
            of_kvm[name] = hashlib.sha256(content).hexdigest()
        else:
            others.update(os.fsencode(name) + b"\0%d\0" % len(content))
            others.update(content)
    return Contents(of_kvm, others.hexdigest())


@contextmanager
def open_source(text: str, *, cache: Path | None = None, limits: Limits = _DEFAULT_LIMITS) -> Iterator[KernelTree]:
    """Open the kernel source that ``text`` names, for the length of a ``with`` block.

    ``text`` is a kernel folder, ``REPOSITORY@REVISION``, a ``linux-*.tar.xz`` (or ``.tar.gz``, ``.tar``), or
    a Debian ``linux-source-*.deb``; it may begin with ``~``. A repository may be named by a folder inside it, and by
    nothing where it is the one around the current folder: ``@REVISION``. Archives and revisions are unpacked into a
    temporary folder that goes away with the block, or into the folder ``cache``, where the next run finds
    them.

    Raises:
        SourceError: that cannot be done, or it is no x86 kernel with a TDP MMU; with a message for the user.
    """
    path = _expanded(text)
    if _is(Path.is_dir, path):
        with _without_foreign(path.resolve(), text, cache) as root:
            yield KernelTree(root=root, description=text, version=kernel_version(root))
        return
    unpack: Callable[[Path], frozenset[str]]
    if _is(Path.is_file, path):
        digest = archive_digest(path)
        key, origin = f"sha256-{digest}", f"sha256 {digest}"
        unpack = partial(unpack_archive, path, limits=limits)
    else:
        revision = find_revision(*_repository_and_revision(text))
        key = f"git-{revision.tree}"
        origin = f"commit {revision.commit}" if revision.commit else f"tree {revision.tree}"
        unpack = partial(unpack_revision, revision, limits=limits)

    def fill(root: Path) -> None:
        check_layout(root, text, unpack(root))

    with _filled(cache, key, fill) as root:
        yield KernelTree(root=root, description=text, version=kernel_version(root), origin=origin)


def _expanded(text: str) -> Path:
    if not text or "\0" in text:
        raise SourceError("the kernel source is empty" if not text else f"{text!r} is not the name of a source")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise SourceError(f"{text} cannot be found: {error}") from error


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    try:
        return kind(path)
    except OSError as error:
        raise SourceError(f"{path} cannot be looked at: {error.strerror}") from error


def _repository_and_revision(text: str) -> tuple[Path, str]:
    # Folders and revisions may both contain an @ (HEAD@{1}): the longest part that is a folder is the
    # repository.
    for position in sorted((i for i, character in enumerate(text) if character == "@"), reverse=True):
        repository = _expanded(text[:position] or ".")
        if _is(Path.is_dir, repository):
            return repository_around(repository), text[position + 1 :]
    name = text.partition("@")[0]
    raise SourceError(f"{name or text} does not exist")


@contextmanager
def _filled(cache: Path | None, key: str, fill: Callable[[Path], None]) -> Iterator[Path]:
    with ExitStack() as held:
        root = None
        try:
            root = None if cache is None else held.enter_context(held_tree(cache, key, fill))
        except SourceError as error:
            if not lacks_room(error):
                raise
        if root is not None:
            yield root
            return
    with tempfile.TemporaryDirectory(prefix="mmuproof-") as folder:
        fill(Path(folder))
        yield Path(folder)


@contextmanager
def _without_foreign(folder: Path, text: str, cache: Path | None) -> Iterator[Path]:
    """A folder of the user's; in its place one without what is no part of the tree, if there is something like that."""
    try:
        foreign = sorted(foreign_entries(folder))
    except OSError as error:
        raise SourceError(f"{error.filename} cannot be read: {error.strerror}") from error
    if not foreign:
        check_layout(folder, text, _architectures(folder))
        yield folder
        return
    with filled_folder(cache, f"own files of {folder}", partial(changed_tree, folder, {})) as root:
        try:
            check_layout(root, text, _architectures(folder))
        except SourceError as error:
            raise SourceError(f"{error.message}; {foreign[0]} leads out of the tree, and is not read") from None
        yield root


def _architectures(root: Path) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in (root / "arch").iterdir() if entry.is_dir())
    except OSError:
        return frozenset()


def check_layout(root: Path, text: str, architectures: frozenset[str] = frozenset()) -> None:
    """Check that ``root`` holds an x86 kernel whose KVM has the MMU in a known form.

    ``text`` is what the user knows the tree as, ``architectures`` the folders below arch/, where they are known.

    Raises:
        SourceError: it does not.
    """
    if not (root / "arch/x86/kvm").is_dir():
        above = tree_around(root)
        if above is not None:
            raise SourceError(f"{text} is a folder inside a kernel tree; the tree is {above}")
        if architectures and "x86" not in architectures:
            found = ", ".join(sorted(architectures))
            raise SourceError(f"{text} is a kernel for another architecture: arch/ has {found}, but no x86/kvm")
        if architectures:
            raise SourceError(f"{text} has arch/x86, but no arch/x86/kvm: there is no KVM in it")
        if (root / "HEAD").is_file() or (root / ".git").exists():
            raise SourceError(f"{text} has no kernel checked out; for a revision of it, write {text}@REVISION")
        raise SourceError(f"{text} is not a kernel tree: it has no arch/x86/kvm")
    try:
        version = kernel_version(root)
    except SourceError as error:
        raise SourceError(f"{text} is not a kernel tree: {error.message}") from error
    for name in ("mmu.c", "spte.c"):
        if not (root / "arch/x86/kvm/mmu" / name).is_file():
            raise SourceError(f"{text} is Linux {version}, whose KVM has no mmu/{name}: it is too old to be read")
    for name in ("include/linux", "arch/x86/include", "virt/kvm"):
        if not (root / name).is_dir():
            raise SourceError(f"{text} is not a whole kernel tree: it has no {name}")


def _files(begin: str, part: str) -> Iterator[str]:
    """The regular files of one part of the tree, and links to such, as paths relative to the tree.

    Args:
        begin: the tree's folder, with a slash at the end.
        part: a file or a folder.
    """
    if os.path.isfile(begin + part):
        yield part
        return
    folders = [part]
    while folders:
        folder = folders.pop()
        # What cannot be listed cannot be read by clang either.
        with suppress(OSError), os.scandir(begin + folder) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                elif entry.is_file(follow_symlinks=False) or os.path.isfile(begin + name):
                    yield name


def _content(path: str) -> bytes:
    """What is in a file, in one read as a rule."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(file, os.fstat(file).st_size + 1)
        rest = content
        while rest:
            rest = os.read(file, _MEBIBYTE)
            content += rest
        return content
    finally:
        os.close(file)
