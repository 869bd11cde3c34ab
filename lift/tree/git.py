"""Running git on a repository of the user's, which may be anybody's.

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

#: The modes of entries of a tree that are no files: a symbolic link, and a commit of another repository.
LINK, COMMIT = "120000", "160000"

_MOST_BYTES = 1 << 28


@dataclass(frozen=True)
class GitObject:
    """The content of an object: ``size`` bytes to be read from ``stream``."""

    size: int
    stream: IO[bytes]


class ObjectReader:
    """One ``git cat-file --batch``: names go in on its standard input, so none can be taken for an option."""

    def __init__(self, repository: Path, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._repository = repository
        self._process = process
        self._names = process.stdin
        self._answers = process.stdout

    def identify(self, name: str) -> str | None:
        """The id of the object that ``name`` stands for, or None."""
        answer = self._ask(name)
        if len(answer) != 3:
            return None
        size = int(answer[2])
        while size > 0:
            size -= len(self._answers.read(min(size, 1 << 20))) or size
        self.close_object()
        return answer[0]

    def read(self, oid: str, kind: str = "blob") -> bytes:
        """The whole content of an object.

        Raises:
            SourceError: it is not there, or larger than a kernel's can be.
        """
        opened = self.open(oid, kind)
        if opened.size > _MOST_BYTES:
            raise SourceError(f"the git repository {self._repository} has an object of {opened.size} bytes, {oid}")
        content = opened.stream.read(opened.size)
        self.close_object()
        return content

    def open(self, oid: str, kind: str = "blob") -> GitObject:
        """The content of an object, to be read in full and followed by `close_object`.

        Raises:
            SourceError: it is not there, or of another kind.
        """
        answer = self._ask(oid)
        if len(answer) != 3 or answer[1] != kind:
            raise SourceError(f"the git repository {self._repository} lacks the object {oid}: is it a partial clone?")
        return GitObject(int(answer[2]), self._answers)

    def close_object(self) -> None:
        """Step over the line end that follows each content.

        Raises:
            SourceError: git has stopped in the middle.
        """
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
def object_reader(repository: Path) -> Iterator[ObjectReader]:
    """Read objects of the repository at a folder.

    Raises:
        SourceError: git is not installed.
    """
    try:
        process = subprocess.Popen(
            [*_command(repository), "cat-file", "--batch"],
            env=_environment(repository),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise SourceError("reading a git revision needs git, which is not installed") from None
    try:
        yield ObjectReader(repository, process)
    finally:
        process.kill()
        process.communicate()


def run(repository: Path, *arguments: str, given: bytes = b"") -> bytes:
    """What git prints when it is run on a repository, with ``given`` on its standard input.

    Raises:
        SourceError: git is not installed, the folder is not the top of a repository, git fails, or prints more than a
            repository of a kernel makes it.
    """
    with _in_memory(given) as asked, _in_memory() as errors:
        try:
            process = subprocess.Popen(
                [*_command(repository), *arguments],
                env=_environment(repository),
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        except FileNotFoundError:
            raise SourceError("reading a git revision needs git, which is not installed") from None
        assert process.stdout is not None
        with process:
            try:
                # A folder may hold itself ten times over, ten levels deep: git tells of every file in it.
                printed = process.stdout.read(_MOST_BYTES + 1)
            except BaseException:
                process.kill()
                raise
            if len(printed) > _MOST_BYTES:
                process.kill()
                most = f"git prints more than {_MOST_BYTES >> 20} MiB about it"
                raise SourceError(f"the git repository {repository} holds more than that of a kernel can: {most}")
        if process.returncode != 0:
            errors.seek(0)
            raise _failure(repository, errors.read())
    return printed


@contextmanager
def _in_memory(content: bytes = b"") -> Iterator[IO[bytes]]:
    """A file on no disk, which may be full, to be read from its beginning."""
    with open(os.memfd_create("mmuproof-git"), "w+b") as file:
        file.write(content)
        file.seek(0)
        yield file


def _command(repository: Path) -> list[str]:
    return [
        "git",
        "--no-pager",
        "--no-optional-locks",
        "--no-replace-objects",
        "--literal-pathspecs",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.commitGraph=false",
        "-C",
        str(repository),
    ]


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
        if repository == Path():
            return SourceError("no git repository is around this folder; REPOSITORY@REVISION names one elsewhere")
        return SourceError(f"{repository} is not a git repository")
    return SourceError(f"the git repository {repository} cannot be read: {said}")
