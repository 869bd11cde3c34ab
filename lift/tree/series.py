"""A series of commits: which they are, and the kernel tree before and after each."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.changed import Changes, change_files, changed_tree
from mmuproof.lift.tree.git import COMMIT, LINK, ObjectReader, object_reader, run
from mmuproof.lift.tree.parts import PARTS, components, link_target, wanted
from mmuproof.lift.tree.revision import find_revision, list_entries
from mmuproof.lift.tree.source import KernelTree, check_layout, open_source
from mmuproof.lift.tree.version import kernel_version
from mmuproof.lift.tree.workplace import empty_folder, lacks_room

#: More commits than this are no series that somebody wants to look at one by one.
MOST_COMMITS = 1000

#: Mode and object id that the files of a commit have after it, by path; a removed one has a mode of its own.
Files = Mapping[str, tuple[str, str]]

_NOTHING = "000000"
_SHORT = 12


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One commit of a series.

    Args:
        id: its object id.
        parent: the id of the commit before it.
        message: the whole message.
        changed: the paths that it changes in the parts of a kernel that are read; both paths of a file that it renames.
        elsewhere: the number of other paths that it changes.
    """

    id: str
    parent: str
    message: str
    changed: tuple[str, ...]
    elsewhere: int

    @property
    def short_id(self) -> str:
        """The id as it is written in messages."""
        return self.id[:_SHORT]

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.strip().partition("\n")[0].strip()


@dataclass(frozen=True)
class SeriesStep:
    """A commit, and the kernel trees before and after it, which are there until the next step is asked for."""

    commit: Commit
    before: KernelTree
    after: KernelTree


def read_series(text: str, repository: Path) -> tuple[Commit, ...]:
    """The commits of the range ``text``, such as ``v7.2..topic``, in the git repository at a folder, oldest first.

    A side that is left out is HEAD.

    Raises:
        SourceError: it is no such range, one of its revisions does not exist, it has no commits, more than
            `MOST_COMMITS`, or a merge, or the folder is not the top of a repository.
    """
    old, dots, new = text.partition("..")
    if not dots or not (old or new) or ".." in new or new.startswith("."):
        raise SourceError(f"{text!r} is not a range of commits: write REVISION..REVISION")
    first, last = (_commit_id(repository, name or "HEAD") for name in (old, new))
    listed = run(
        repository,
        "rev-list",
        "--topo-order",
        "--reverse",
        "--parents",
        f"--max-count={MOST_COMMITS + 1}",
        last,
        f"^{first}",
    )
    family = [line.split() for line in listed.decode("ascii").splitlines()]
    if not family:
        raise SourceError(f"{text} has no commits: {new or 'HEAD'} holds nothing that {old or 'HEAD'} does not hold")
    if len(family) > MOST_COMMITS:
        raise SourceError(f"{text} has more than {MOST_COMMITS} commits")
    with object_reader(repository) as reader:
        messages = {commit: _message(reader.read(commit, "commit")) for commit, *_ in family}
    for commit, *parents in family:
        if len(parents) != 1:
            what = "is a merge" if parents else "has no parent (is this a shallow clone?)"
            subject = messages[commit].strip().partition("\n")[0]
            raise SourceError(f"{text} is not a plain series: {commit[:_SHORT]} ({subject!r}) {what}")
    paths = _files_of(repository, [commit for commit, _ in family])
    return tuple(
        Commit(
            id=commit,
            parent=parent,
            message=messages[commit],
            changed=tuple(sorted(name for name in paths[commit] if _is_read(name))),
            elsewhere=sum(not _is_read(name) for name in paths[commit]),
        )
        for commit, parent in family
    )


@contextmanager
def series_trees(
    repository: Path, commits: Sequence[Commit], *, cache: Path | None = None
) -> Iterator[Iterator[SeriesStep]]:
    """The trees before and after each commit that changes anything that is read, for the length of a ``with`` block.

    ``commits`` are what `read_series` has returned, or some of them that follow each other. The first tree is unpacked,
    into the folder ``cache`` if there is one; all others are made from it in two folders that take turns, so that a
    commit's tree before is at the same path as the tree after the commit before it, and what has been parsed there
    is found again.

    Raises:
        SourceError: also at each step, an object is missing, a path leads out of the tree, or a tree is no kernel
            that can be read.
        ValueError: the commits do not follow each other.
    """
    if any(one.id != other.parent for one, other in pairwise(commits)):
        raise ValueError("the commits do not follow each other")
    with ExitStack() as held:
        yield _steps(repository, [commit for commit in commits if commit.changed], cache, held)


def _steps(repository: Path, commits: Sequence[Commit], cache: Path | None, held: ExitStack) -> Iterator[SeriesStep]:
    if not commits:
        return
    reader = held.enter_context(object_reader(repository))
    files = _files_of(repository, [commit.id for commit in commits])
    parent = commits[0].parent
    first = held.enter_context(ExitStack())
    opened = first.enter_context(open_source(f"{repository.absolute()}@{parent}", cache=cache))
    before = replace(opened, description=f"{repository}@{parent[:_SHORT]}")
    links = _links(repository, parent, reader)
    folder = _folder(cache, f"series {repository.absolute()}", held)
    # A place that is used again still lacks what the commit before has changed at the other one.
    lacking: Changes = {}
    for number, commit in enumerate(commits):
        name = f"{repository}@{commit.short_id}"
        changes = _changes(name, before.root, files[commit.id], links, reader)
        place = folder / str(number % 2)
        if place.exists():
            change_files(place, {**lacking, **changes})
        else:
            try:
                changed_tree(before.root, changes, place)
            except SourceError as error:
                if cache is None or not lacks_room(error):
                    raise
                folder = _folder(None, "", held)
                place = folder / str(number % 2)
                changed_tree(before.root, changes, place)
        check_layout(place, name)
        after = KernelTree(root=place, description=name, version=kernel_version(place), origin=f"commit {commit.id}")
        yield SeriesStep(commit, before, after)
        first.close()
        before, lacking = after, changes


def _folder(cache: Path | None, key: str, held: ExitStack) -> Path:
    try:
        return held.enter_context(empty_folder(cache, key))
    except SourceError as error:
        if cache is None or not lacks_room(error):
            raise
        return held.enter_context(empty_folder(None, key))


def _commit_id(repository: Path, name: str) -> str:
    commit = find_revision(repository, name).commit
    if commit is None:
        raise SourceError(f"{name!r} in the git repository {repository} is not a commit")
    return commit


def _message(commit: bytes) -> str:
    header, _, message = commit.partition(b"\n\n")
    declared = re.search(rb"^encoding (\S+)$", header, re.MULTILINE)
    try:
        return message.decode(declared.group(1).decode("ascii") if declared else "utf-8")
    except (LookupError, ValueError):
        return message.decode("utf-8", errors="replace")


def _files_of(repository: Path, commits: Sequence[str]) -> Mapping[str, Files]:
    """What each commit changes, against its parent."""
    given = "".join(f"{commit}\n" for commit in commits).encode("ascii")
    listed = run(repository, "diff-tree", "--stdin", "-r", "-z", "--raw", "--no-abbrev", "--no-renames", given=given)
    found: dict[str, dict[str, tuple[str, str]]] = {commit: {} for commit in commits}
    files: dict[str, tuple[str, str]] = {}
    pieces = iter(listed.split(b"\0"))
    for piece in pieces:
        if piece.startswith(b":"):
            _, mode, _, oid, _ = piece.decode("ascii").split(" ")
            files[os.fsdecode(next(pieces))] = mode, oid
        elif piece:
            files = found[piece.decode("ascii")]
    return found


def _changes(
    source: str, before: Path, files: Files, links: dict[str, str], reader: ObjectReader
) -> dict[str, bytes | None]:
    """What a commit makes of the files that are read; ``links`` is kept up to date on the way."""
    changes: dict[str, bytes | None] = {}
    for name, (mode, oid) in files.items():
        if not _is_read(name):
            continue
        links.pop(name, None)
        changes[name] = None
        if mode == LINK:
            links[name] = _target(source, name, reader.read(oid))
        elif mode not in (_NOTHING, COMMIT):
            changes[name] = reader.read(oid)
    # A link is another name of a file, as it is in a revision that is unpacked.
    for name, target in links.items():
        if target in changes:
            changes[name] = changes[target]
        elif name in changes and (before / target).is_file():
            changes[name] = (before / target).read_bytes()
    return changes


def _links(repository: Path, commit: str, reader: ObjectReader) -> dict[str, str]:
    """The symbolic links among the files that are read, with where they lead."""
    entries = list_entries(find_revision(repository, commit), "-r", *PARTS)
    source = f"{repository}@{commit[:_SHORT]}"
    return {name: _target(source, name, reader.read(oid)) for mode, oid, name in entries if mode == LINK}


def _target(source: str, name: str, text: bytes) -> str:
    try:
        return "/".join(link_target(components(name), os.fsdecode(text)))
    except ValueError as error:
        raise SourceError(f"{source} holds a path that leads out of it: {error}") from None


def _is_read(name: str) -> bool:
    return wanted(tuple(name.split("/")))
