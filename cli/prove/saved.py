"""Results that are kept from one run to the next, for a kernel in which nothing has changed since.

A result is found again by all that it rests on: mmuproof's own code, the solver and the C front end, every file of
the tree that could be read, the configuration, what is taken as known of the processor, and the solver's budget.  Of
a tree that is another only inside some bodies of KVM's functions, those results are found that rest on none of them,
of whichever earlier tree; see `mmuproof.cli.prove.relatives`.  What was not decided is not kept.  A file that was
damaged, cut off or put under another name is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mmuproof.cli.prove.kept import KeptResult, KeptResults, kept_content, read_kept, read_layout_of
from mmuproof.cli.prove.relatives import BodyChange, BodyLayout, RestsOn, change_between
from mmuproof.cli.prove.whole_runs import DECIDED
from mmuproof.cli.shared.hardware import settings_text
from mmuproof.cli.shared.kept_files import KeptFiles, digest_of
from mmuproof.cli.shared.own_code import code_digest
from mmuproof.cli.shared.results import Result
from mmuproof.cli.shared.selection import Task
from mmuproof.lift.ran import Read
from mmuproof.spec.hardware import Hardware

if TYPE_CHECKING:
    from mmuproof.cli.prove.running import Proved
    from mmuproof.model.lifted.bodies import KernelBodies

_T = TypeVar("_T")
_MOST_FILES = 64
"""As many kernels are remembered; the one that has not been asked for longest goes first."""
_ALIKE = 4
"""With so many kernels like it one of which nothing is known is compared, those that were asked for last."""


def all_else(given: tuple[str, str] | None, hardware: Hardware, budget: int) -> tuple[str, ...]:
    """What the results of a kernel tree rest on, besides the code and the tree.

    Args:
        given: the user's configuration, by its file and its digest; None if there is none.
        hardware: what is known of the processor.
        budget: the solver's resource limit.
    """
    # What the tree itself holds is looked at more closely.
    config = "" if given is None else " ".join(given)
    return ("", config, *settings_text(hardware), f"budget {budget}")


@dataclass(frozen=True)
class Recalled:
    """What is known from earlier runs.

    Args:
        results: the result of each task that has one.
        known: the numbers of the known findings of the kernel; None if there is no result.
    """

    results: Mapping[Task, Result]
    known: tuple[int, ...] | None = None


class SavedResults:
    """The results of one kernel, and of all else that they rest on.

    Args:
        folder: where they are kept; None keeps and finds nothing.
        rests_on: what they rest on, besides the code and the tree.
        tree: the tree; None for the reference model.
    """

    def __init__(self, folder: Path | None, rests_on: Iterable[str], tree: KernelBodies | None = None) -> None:
        self._files, self._tree = KeptFiles(folder, _MOST_FILES), tree
        self._is_used = folder is not None
        self._kept: KeptResults | None = None
        self._is_own = False
        if folder is not None:
            contents = None if tree is None else tree.contents
            self._like = digest_of(code_digest(), *rests_on, *(() if contents is None else (contents.others,)))
            of_kvm = () if contents is None else (word for each in contents.of_kvm.items() for word in each)
            self._name = f"{self._like}-{digest_of(*of_kvm)}.json"

    def recall(self, tasks: Sequence[Task]) -> Recalled:
        """What is known of some tasks.

        Raises:
            LiftError: of this tree nothing is known, and it does not parse where it is not like one of which it is.
        """
        if self.find() is None:
            return Recalled({})
        assert self._kept is not None
        named = ((task, self._kept.of(task)) for task in tasks)
        results = {task: each.result for task, each in named if each is not None and each.result is not None}
        return Recalled(results, self._kept.known)

    def find(self) -> KeptResults | None:
        """All that is known of the kernel, or of one like it that holds of this one as well.

        Raises:
            LiftError: see `recall`.
        """
        if self._is_used:
            self._kept = self.own()
            self._is_own = self._kept is not None
            if self._kept is None:
                self._kept = self._of_those_like_it()
        return self._kept

    def own(self) -> KeptResults | None:
        """All that is known of the kernel itself."""
        return _kept(self._files.read(self._name)) if self._is_used else None

    def add(self, found: KeptResults) -> None:
        """Keep what is known, beside what is kept already; nothing is lost if that fails."""
        if self._is_used and (self._tree is None or self._tree.is_as_it_was()):
            self._files.write(self._name, kept_content(found.beside(self.own() or KeptResults())))

    def keep(self, proved: Sequence[Proved], known: Sequence[int], known_read: Read | None) -> bool:
        """Keep what was decided, beside what is kept already; nothing is lost if that fails.

        Whether what was found of the tree may be kept at all is handed back: whether it is known what was read.

        Args:
            proved: what was decided.
            known: the numbers of the known findings of the kernel.
            known_read: what of the tree was read for these; None if they were recalled.
        """
        # Of a tree that was changed meanwhile nobody can tell which of the two was read.
        if not self._is_used or not (self._tree is None or self._tree.is_as_it_was()):
            return False
        if self._is_own and not proved:
            return True
        before = self._kept or _kept(self._files.read(self._name)) or KeptResults()
        layout = before.layout
        if layout is None and self._tree is not None and self._tree.is_read:
            layout = BodyLayout.of(self._tree)
        added = {
            (each.result.theorem, each.result.vendor.value): KeptResult(
                each.result, _rests_on(layout, each.read), each.claims
            )
            for each in proved
            if each.result.verdict in DECIDED
        }
        known_rests_on = before.known_rests_on if known_read is None else _rests_on(layout, known_read)
        content = KeptResults(
            known=tuple(known), known_rests_on=known_rests_on, results={**before.results, **added}, layout=layout
        )
        self._files.write(self._name, kept_content(content))
        return True

    def _of_those_like_it(self) -> KeptResults | None:
        """What is left of what is known of trees like this one: of the closest, and what others know besides."""
        if self._tree is None:
            return None
        like: list[tuple[BodyChange, Any]] = []
        for content in (self._files.read(name) for name in self._files.names(f"{self._like}-")[:_ALIKE]):
            layout = _made_of(read_layout_of, content)
            change = None if layout is None else change_between(layout, self._tree)
            if change is not None:
                like.append((change, content))
        left: KeptResults | None = None
        for change, content in sorted(like, key=lambda each: len(each[0].bodies)):
            # What the closest one knows of nobody need be asked.
            known = frozenset() if left is None else left.found
            kept = _made_of(partial(read_kept, known=known), content)
            if kept is not None:
                left = kept.after(change) if left is None else left.beside(kept.after(change, known))
        return left


def _kept(content: Any) -> KeptResults | None:
    return _made_of(read_kept, content)


def _made_of(read: Callable[[Any], _T], content: Any) -> _T | None:
    """What is read out of a file; None if there is none, or it holds something else."""
    try:
        return None if content is None else read(content)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


def _rests_on(layout: BodyLayout | None, read: Read | None) -> RestsOn | None:
    return None if layout is None or read is None else layout.rests_on(read)
