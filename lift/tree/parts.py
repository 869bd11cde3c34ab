"""The parts of a kernel tree that are read, and writing them to a folder safely.

Archives and git revisions both arrive as named pieces of unknown honesty. `PartsWriter` decides which to
keep, refuses names that lead out of the tree, and bounds how much is written.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mmuproof.lift.errors import SourceError

#: What is read of a kernel tree; everything else of an archive or a revision is left where it is.
PARTS = ("Makefile", "arch/x86", "include", "virt/kvm")

_PARTS = tuple(tuple(part.split("/")) for part in PARTS)
_CHUNK = 1 << 20

#: A path inside the tree, as its components; the empty tuple is the tree itself.
TreePath = tuple[str, ...]


@dataclass(frozen=True)
class Limits:
    """How much an archive or a revision may hold before it is taken for a bomb.

    A real kernel unpacks to 2 GB in 100 000 pieces, of which 80 MB are kept.
    """

    kept_bytes: int = 1 << 30
    stream_bytes: int = 8 << 30
    pieces: int = 1_000_000


class Readable(Protocol):
    """Anything with ``read(size)``; an empty answer is the end."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes."""


def components(name: str) -> TreePath:
    """Split a name of an archive or a git tree into its components.

    Raises:
        ValueError: the name is absolute or climbs with ``..``.
    """
    if name.startswith("/"):
        raise ValueError(name)
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise ValueError(name)
    return parts


def link_target(link: TreePath, target: str) -> TreePath:
    """Where the symbolic link at ``link`` with the text ``target`` leads, without looking at any other link.

    Raises:
        ValueError: that is outside the tree.
    """
    if target.startswith("/"):
        raise ValueError(target)
    place = list(link[:-1])
    for part in target.split("/"):
        if part == "..":
            if not place:
                raise ValueError(target)
            place.pop()
        elif part not in ("", "."):
            place.append(part)
    return tuple(place)


def wanted(path: TreePath) -> bool:
    """Whether a path of the tree lies in the parts that are read."""
    return any(path[: len(part)] == part for part in _PARTS)


class PartsWriter:
    """Writes the wanted files of one tree below an empty folder.

    Only regular files and folders are ever created. A link that stays inside the tree becomes a second name
    of the file that it leads to, made by `finish`, so that no later file can be written through a link.
    """

    def __init__(self, into: Path, source: str, limits: Limits) -> None:
        self._into = into
        self._source = source
        self._limits = limits
        self._written = 0
        self._links: list[tuple[TreePath, TreePath]] = []
        self._folders: set[TreePath] = set()
        #: The folders below arch/ that were offered, kept or not.
        self.architectures: set[str] = set()

    def note(self, path: TreePath) -> bool:
        """Take notice of a path of the tree; True if it is to be handed to `file` or `link`."""
        if len(path) > 2 and path[0] == "arch":
            self.architectures.add(path[1])
        return wanted(path)

    def file(self, path: TreePath, content: Readable, size: int) -> None:
        """Write one file of ``size`` bytes.

        Raises:
            SourceError: the content ends early, or a limit is passed.
        """
        self._written += size
        if self._written > self._limits.kept_bytes:
            raise SourceError(f"{self._source} holds more than a kernel tree can: it is not unpacked")
        if path[:-1] not in self._folders:
            self._into.joinpath(*path[:-1]).mkdir(parents=True, exist_ok=True)
            self._folders.add(path[:-1])
        with self._into.joinpath(*path).open("wb") as out:
            left = size
            while left:
                chunk = content.read(min(left, _CHUNK))
                if not chunk:
                    raise SourceError(f"{self._source} is truncated")
                out.write(chunk)
                left -= len(chunk)

    def link(self, path: TreePath, target: TreePath) -> None:
        """Remember that ``path`` is another name of ``target``."""
        self._links.append((path, target))

    def finish(self) -> None:
        """Give the links that lead to a kept file that file's content; the others are left out."""
        for path, target in self._links:
            real, name = self._into.joinpath(*target), self._into.joinpath(*path)
            if target and real.is_file() and not name.exists():
                name.parent.mkdir(parents=True, exist_ok=True)
                os.link(real, name)
