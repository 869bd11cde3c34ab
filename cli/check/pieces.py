"""The pieces of a series: the kernel before and after each commit or patch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from mmuproof.cli.diff.tree_comparison import changed_files
from mmuproof.cli.shared.caching import TREES, cache_folder
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.standard_input import STANDARD_INPUT, given_patch
from mmuproof.lift.errors import SourceError
from mmuproof.lift.tree.around import repository_around
from mmuproof.lift.tree.patch_text import PatchText, mailed, read_patch
from mmuproof.lift.tree.patched import ChangesNothing, holds_a_diff, mails_of, patched_tree
from mmuproof.lift.tree.series import Commit, read_series, series_trees
from mmuproof.lift.tree.source import KernelTree, open_source


@dataclass(frozen=True, kw_only=True)
class SeriesPiece:
    """A commit or patch.

    Args:
        name: the short id of the commit, or what the patch is called.
        subject: the first line of its message; empty if it has none.
        message: the whole message.
        trees: the kernel before and after it; None if it changes nothing that is read.
        changed: the files, relative to them, in which they differ.
        commit: the whole id of the commit; empty if it is a patch.
    """

    name: str
    subject: str = ""
    message: str = ""
    trees: tuple[KernelTree, KernelTree] | None = None
    changed: frozenset[str] = frozenset()
    commit: str = ""


@contextmanager
def opened_pieces(
    words: Sequence[str], source: str, is_known: Callable[[str], bool] = lambda _commit: False
) -> Iterator[Iterator[SeriesPiece]]:
    """The pieces, each of whose trees is there until the one after the next is asked for.

    Args:
        words: what the user named: ranges, commits, patches; none for the work tree.
        source: the kernel tree that they are about.
        is_known: whether no tree is needed of a commit, by its id.

    Raises:
        UsageProblem: a word names nothing.
        SourceError: also at each step, a tree or a patch cannot be used.
    """
    with ExitStack() as held:
        if not words:
            yield _work_tree(source, held)
        elif any(_is_a_patch(word) for word in words):
            wrong = next((word for word in words if not _is_a_patch(word)), None)
            if wrong is not None:
                raise UsageProblem(f"{wrong} is no patch; commits and patches do not go together")
            yield _patches([each for word in words for each in _read(word)], source, held)
        else:
            yield _commits(words, source, is_known)


def _work_tree(source: str, held: ExitStack) -> Iterator[SeriesPiece]:
    cache = cache_folder(TREES)
    before = held.enter_context(open_source(f"{source}@HEAD", cache=cache))
    after = held.enter_context(open_source(source, cache=cache))
    changed = changed_files(before, after)
    yield SeriesPiece(name="the work tree", trees=(before, after) if changed else None, changed=changed)


# -- commits -------------------------------------------------------------------------------------------


def named_commits(words: Sequence[str], source: str) -> Iterator[tuple[Path, Sequence[Commit]]]:
    """The commits that each word names, and the repository in which they are.

    Args:
        words: ranges and commits.
        source: the kernel tree that they are about.

    Raises:
        UsageProblem: a word is a patch, or there is none, and commits alone are wanted.
        SourceError: a word names no commits.
    """
    wrong = next((word for word in words if _is_a_patch(word)), None) if words else "the work tree"
    if wrong is not None:
        raise UsageProblem(f"{wrong} is no commit, and --dask checks commits alone")
    repository = repository_around(Path(source.partition("@")[0] or ".").expanduser())
    for word in words:
        yield repository, read_series(word if ".." in word else f"{word}^..{word}", repository)


def _commits(words: Sequence[str], source: str, is_known: Callable[[str], bool]) -> Iterator[SeriesPiece]:
    for repository, commits in named_commits(words, source):
        for known, some in groupby(commits, lambda commit: is_known(commit.id)):
            if known:
                yield from map(piece_of, some)
                continue
            run = tuple(some)
            with series_trees(repository, run, cache=cache_folder(TREES)) as steps:
                for commit in run:
                    # Only of commits that change what is read there are trees.
                    step = next(steps) if commit.changed else None
                    yield replace(piece_of(commit), trees=None if step is None else (step.before, step.after))


def piece_of(commit: Commit) -> SeriesPiece:
    """A commit, without its trees."""
    return SeriesPiece(
        name=commit.short_id,
        subject=commit.subject,
        message=commit.message,
        changed=frozenset(commit.changed),
        commit=commit.id,
    )


# -- patches -------------------------------------------------------------------------------------------


def _is_a_patch(word: str) -> bool:
    return word == STANDARD_INPUT or Path(word).exists()


def _read(word: str) -> list[PatchText]:
    """The patches of a file, a folder or standard input, in the order in which they are put on each other."""
    if word == STANDARD_INPUT:
        texts = [given_patch()]
    elif Path(word).is_dir():
        files = sorted(each for each in Path(word).iterdir() if each.suffix in (".patch", ".mbox", ".eml"))
        texts = [read_patch(each) for each in files]
    else:
        texts = [read_patch(Path(word))]
    found = []
    for text in texts:
        mails = mails_of(text)
        found += [mailed(text.name, mail) for mail in mails] if mails else [text]
    patches = [each for each in found if holds_a_diff(each)]
    # A diff that somebody proposes in an answer is no part of the series.
    patches = [each for each in patches if not each.is_answer] or patches
    if not patches:
        raise SourceError(f"{word} holds no patch that git understands")
    numbers = [each.number for each in patches]
    if len({each[1] for each in numbers if each}) == 1 and None not in numbers:
        # A mailbox has them as they came in.
        patches.sort(key=lambda each: each.number or (0, 0))
    return patches


def _patches(patches: Sequence[PatchText], source: str, held: ExitStack) -> Iterator[SeriesPiece]:
    cache = cache_folder(TREES)
    before = held.enter_context(open_source(source, cache=cache))
    for number, patch in enumerate(patches, 1):
        name = patch.short_name if len(patches) == 1 else f"{number}/{len(patches)}"
        try:
            after = held.enter_context(patched_tree(before, patch, cache=cache))
        except ChangesNothing:
            yield SeriesPiece(name=name, subject=patch.subject, message=patch.message)
            continue
        yield SeriesPiece(
            name=name,
            subject=patch.subject,
            message=patch.message,
            trees=(before, after),
            changed=after.changed or frozenset(),
        )
        before = after
