"""Kernel trees in git: a revision is read from the object database alone.

Neither the work tree nor the index is looked at, and nothing that a repository's configuration names is
run: no filters, hooks, monitors or pagers, and no fetching of objects that a partial clone left out.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mmuproof.lift.errors import SourceError
from mmuproof.lift.parts import PARTS, Limits, PartsWriter, components, link_target

_LINK, _COMMIT = "120000", "160000"


@dataclass(frozen=True)
class Revision:
    """A revision that exists, with the object ids of its tree and its commit (None for a bare tree)."""

    repository: Path
    name: str
    tree: str
    commit: str | None


def find_revision(repository: Path, name: str) -> Revision:
    """Look up `name` (a tag, branch, commit, ...) in the repository at the folder `repository`.

    Raises SourceError if git is not installed, the folder is not the top of a repository, or there is no
    such revision.
    """
    what = f"{repository}@{name}"
    if not name or any(character in name for character in "\n\r\0"):
        raise SourceError(f"{what!r} does not name a revision")
    with _object_reader(repository) as reader:
        commit = reader.identify(f"{name}^{{commit}}")
        tree = reader.identify(f"{name}^{{tree}}")
    if tree is None:
        raise SourceError(f"the git repository {repository} has no revision {name!r}")
    return Revision(repository, name, tree, commit)


def unpack_revision(revision: Revision, into: Path, limits: Limits) -> frozenset[str]:
    """Write the parts that are read of `revision` below `into`; return the names of its arch folders.

    Raises SourceError if an object is missing, the tree is too large, or a path leads out of it.
    """
    source = f"{revision.repository}@{revision.name}"
    writer = PartsWriter(into, source, limits)
    try:
        writer.architectures.update(name.rpartition("/")[2] for _, _, name in _list(revision, "-d", "arch/"))
        with _object_reader(revision.repository) as reader:
            for count, (mode, oid, name) in enumerate(_list(revision, "-r", *PARTS)):
                if count >= limits.pieces:
                    raise SourceError(f"{source} holds more files than a kernel tree can: it is not unpacked")
                path = components(name)
                if mode == _COMMIT or not writer.note(path):
                    continue
                content = reader.open(oid)
                if mode == _LINK:
                    text = content.stream.read(min(content.size, 4096))
                    writer.link(path, link_target(path, os.fsdecode(text)))
                else:
                    writer.file(path, content.stream, content.size)
                reader.close_object()
        writer.finish()
    except ValueError as error:
        raise SourceError(f"{source} holds a path that leads out of it: {error}") from None
    except OSError as error:
        raise SourceError(f"{source} cannot be unpacked: {error.strerror or error}") from error
    return frozenset(writer.architectures)


def _list(revision: Revision, kind: str, *paths: str) -> Iterator[tuple[str, str, str]]:
    """The entries of the revision below `paths` as (mode, object id, name)."""
    run = subprocess.run(
        [*_command(revision.repository), "ls-tree", "--full-tree", "-z", kind, revision.tree, "--", *paths],
        env=_environment(revision.repository), stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    if run.returncode != 0:
        raise _failure(revision.repository, run.stderr)
    for entry in run.stdout.split(b"\0"):
        if entry:
            meta, _, name = entry.partition(b"\t")
            mode, _, oid = meta.decode("ascii").split(" ")
            yield mode, oid, os.fsdecode(name)


@dataclass(frozen=True)
class _Object:
    size: int
    stream: IO[bytes]


class _ObjectReader:
    """One ``git cat-file --batch``: names go in on its standard input, so none can be taken for an option."""

    def __init__(self, repository: Path, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._repository = repository
        self._process = process
        self._names = process.stdin
        self._answers = process.stdout

    def identify(self, name: str) -> str | None:
        """The id of the object that `name` stands for, or None."""
        answer = self._ask(name)
        if len(answer) != 3:
            return None
        size = int(answer[2])
        while size > 0:
            size -= len(self._answers.read(min(size, 1 << 20))) or size
        self.close_object()
        return answer[0]

    def open(self, oid: str) -> _Object:
        """The content of an object, to be read in full and followed by `close_object`."""
        answer = self._ask(oid)
        if len(answer) != 3 or answer[1] != "blob":
            raise SourceError(f"the git repository {self._repository} lacks the object {oid}: is it a partial clone?")
        return _Object(int(answer[2]), self._answers)

    def close_object(self) -> None:
        """Step over the line end that follows each content."""
        if self._answers.read(1) != b"\n":
            raise SourceError(f"the git repository {self._repository} cannot be read: git stopped in the middle")

    def _ask(self, name: str) -> list[str]:
        try:
            self._names.write(os.fsencode(name) + b"\n")
            self._names.flush()
        except BrokenPipeError:
            pass
        answer = self._answers.readline()
        if not answer:
            stderr = self._process.stderr
            raise _failure(self._repository, stderr.read() if stderr else b"")
        fields = os.fsdecode(answer).split()
        return fields if len(fields) == 3 and fields[2].isdigit() else []


@contextmanager
def _object_reader(repository: Path) -> Iterator[_ObjectReader]:
    try:
        process = subprocess.Popen(
            [*_command(repository), "cat-file", "--batch"], env=_environment(repository),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    except FileNotFoundError:
        raise SourceError("reading a git revision needs git, which is not installed") from None
    try:
        yield _ObjectReader(repository, process)
    finally:
        process.kill()
        process.communicate()


def _command(repository: Path) -> list[str]:
    return [
        "git", "--no-pager", "--no-optional-locks", "--no-replace-objects", "--literal-pathspecs",
        "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.commitGraph=false",
        "-C", str(repository),
    ]  # fmt: skip


def _environment(repository: Path) -> dict[str, str]:
    # The caller's GIT_DIR and the like would redirect us to another repository; GIT_CONFIG* is the caller's
    # own configuration, which may declare a shared repository safe.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith("GIT_CONFIG")
    }
    return kept | {
        "LC_ALL": "C",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        # A folder inside some other repository is not that repository.
        "GIT_CEILING_DIRECTORIES": str(repository.resolve().parent),
        # A partial clone would otherwise fetch, with a command of the repository's choosing.
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "",
    }


def _failure(repository: Path, stderr: bytes) -> SourceError:
    lines = os.fsdecode(stderr).strip().splitlines()
    said = lines[0].removeprefix("fatal: ") if lines else "git said nothing"
    if said.startswith("not a git repository"):
        return SourceError(f"{repository} is not a git repository")
    return SourceError(f"the git repository {repository} cannot be read: {said}")
