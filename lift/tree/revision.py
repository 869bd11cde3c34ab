"""Kernel trees in git: a revision is read from the object database alone."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.git import COMMIT, LINK, object_reader, run
from mmuproof.lift.tree.parts import PARTS, Limits, PartsWriter, components, link_target


@dataclass(frozen=True)
class Revision:
    """A revision that exists, with the object ids of its tree and its commit (None for a bare tree)."""

    repository: Path
    name: str
    tree: str
    commit: str | None


def find_revision(repository: Path, name: str) -> Revision:
    """Look up ``name`` (a tag, branch, commit, ...) in the repository at the folder ``repository``.

    Raises:
        SourceError: git is not installed, the folder is not the top of a repository, or there is no such revision.
    """
    what = f"{repository}@{name}"
    if not name or any(character in name for character in "\n\r\0"):
        raise SourceError(f"{what!r} does not name a revision")
    with object_reader(repository) as reader:
        commit = reader.identify(f"{name}^{{commit}}")
        tree = reader.identify(f"{name}^{{tree}}")
    if tree is None:
        raise SourceError(f"the git repository {repository} has no revision {name!r}{_why_not(repository)}")
    return Revision(repository, name, tree, commit)


def _why_not(repository: Path) -> str:
    """What may be in the way of a revision; empty if nothing is."""
    shallow = run(repository, "rev-parse", "--is-shallow-repository").strip() == b"true"
    return "; it is a shallow clone: git fetch --unshallow gets the rest" if shallow else ""


def unpack_revision(revision: Revision, into: Path, limits: Limits) -> frozenset[str]:
    """Write the parts that are read of ``revision`` below ``into``; return the names of its arch folders.

    Raises:
        SourceError: an object is missing, the tree is too large, or a path leads out of it.
    """
    source = f"{revision.repository}@{revision.name}"
    writer = PartsWriter(into, source, limits)
    try:
        writer.architectures.update(name.rpartition("/")[2] for _, _, name in list_entries(revision, "-d", "arch/"))
        with object_reader(revision.repository) as reader:
            for count, (mode, oid, name) in enumerate(list_entries(revision, "-r", *PARTS)):
                if count >= limits.pieces:
                    raise SourceError(f"{source} holds more files than a kernel tree can: it is not unpacked")
                path = components(name)
                if mode == COMMIT or not writer.note(path):
                    continue
                content = reader.open(oid)
                if mode == LINK:
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


def list_entries(revision: Revision, kind: str, *paths: str) -> Iterator[tuple[str, str, str]]:
    """The entries of the revision below ``paths`` as (mode, object id, name)."""
    listed = run(revision.repository, "ls-tree", "--full-tree", "-z", kind, revision.tree, "--", *paths)
    for entry in listed.split(b"\0"):
        if entry:
            meta, _, name = entry.partition(b"\t")
            mode, _, oid = meta.decode("ascii").split(" ")
            yield mode, oid, os.fsdecode(name)
