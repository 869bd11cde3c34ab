"""What commands work on: the theorems, the implementations of KVM, and the defects that can be put into them.

Imports are inside the methods: `list` needs neither a solver nor a C front end, and `diff` no theorem, and neither
should wait for them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mmuproof.cli.shared.caching import TREES, UNITS, cache_folder
from mmuproof.cli.shared.watching import Watcher

if TYPE_CHECKING:
    from mmuproof.cli.shared.own_theorems import Added
    from mmuproof.cli.shared.results import KernelIdentity
    from mmuproof.cli.shared.tree_text import TreeText
    from mmuproof.lift.parsing.former_names import FormerNames
    from mmuproof.lift.tree.dot_config import DotConfig
    from mmuproof.lift.tree.source import KernelTree
    from mmuproof.model.edits import SourceEdit
    from mmuproof.model.kvm import Kvm
    from mmuproof.model.lifted.bodies import KernelBodies
    from mmuproof.model.lifted.functions import KernelFunctions
    from mmuproof.model.lifted.kernel import LiftedKvm
    from mmuproof.proofs.known_findings import KnownFinding
    from mmuproof.proofs.theorem import Theorem

REFERENCE = "reference model"
"""What a report calls the hand-written model."""
OWN_THEOREMS = "mmuproof.theorems"
"""The entry points of packages with theorems: each is a module with ``THEOREMS``, and ``DEFECTS`` if it has some."""
ALL_DEFECTS = "all"
"""No defect is called so: it stands for each of them."""


class NamedDefect(Protocol):
    """A deliberate mistake; see `mmuproof.model.defects.catalogue`."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def says(self) -> str:
        """What is wrong, in a sentence."""

    @property
    def on_reference(self) -> Callable[[], Kvm] | None:
        """Makes a reference model that has the defect; None if the model cannot have it."""

    @property
    def edits(self) -> tuple[SourceEdit, ...]:
        """What puts the defect into a tree; empty if nothing does."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An implementation of KVM, and what a report says about it.

    ``release`` is the kernel's version, or that of the kernel which the reference model describes.
    ``edited`` gives the same tree with edits, as long as its ``with`` block lasts; the reference model has no text.
    ``under_former_names`` gives it read under the names that an earlier kernel has, and these names.
    ``gone`` tells the names that the released kernel has, that we ask for and that a tree lacks.
    ``functions`` reads the functions of a tree.
    ``read_ahead`` reads all of it at once, which is quicker than piece by piece; copies of this process need it, which
    would each read it.
    ``bodies`` are those of a tree's functions, by which it is told what a result rests on.
    ``text_of`` gives the text of a tree's file, as it was read.
    ``is_kept`` says whether its results may be kept: they rest on nothing but mmuproof's own code and the identity.
    """

    kvm: Kvm
    identity: KernelIdentity
    release: str
    edited: Callable[[Sequence[SourceEdit]], AbstractContextManager[Kvm]] | None = None
    under_former_names: Callable[[], tuple[Kvm, FormerNames]] | None = None
    gone: Callable[[], Sequence[str]] = tuple
    functions: Callable[[], KernelFunctions] | None = None
    read_ahead: Callable[[], None] | None = None
    bodies: KernelBodies | None = None
    text_of: TreeText | None = None
    is_kept: bool = False


@dataclass(frozen=True)
class Renamed:
    """What a tree calls otherwise.

    Args:
        like: the source of an earlier kernel, if there is one to look at.
        given: names that are known, each with the earlier one.
    """

    like: str | None
    given: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class AskedKernel:
    """A kernel tree, and how it is to be read.

    Args:
        source: what the user named.
        edits: changes to its text.
        config: the user's configuration.
        renamed: what it calls otherwise than an earlier kernel.
        tree: the tree, if it is open already.
        parsed_anew: whether no unit is taken that an earlier run has parsed.
    """

    source: str
    edits: Sequence[SourceEdit] = ()
    config: DotConfig | None = None
    renamed: Renamed | None = None
    tree: KernelTree | None = None
    parsed_anew: bool = False


class Catalogue(Protocol):
    """Where the commands get everything from."""

    @property
    def is_own(self) -> bool:
        """Whether it has nothing but mmuproof's own, by whose digest results are found again."""

    def theorems(self) -> tuple[Theorem, ...]:
        """All theorems, in the order of reports."""

    def defects(self) -> Mapping[str, NamedDefect]:
        """All defects by name."""

    def known_findings(self) -> tuple[KnownFinding, ...]:
        """What real kernels are known to get wrong."""

    def reference(self) -> Subject:
        """The reference model."""

    def kernel(self, asked: AskedKernel, watcher: Watcher) -> AbstractContextManager[Subject]:
        """A kernel tree, as long as the ``with`` block lasts; ``watcher`` is told how far it has come."""


class Installed:
    """The catalogue of this installation: what is here, and what installed packages add."""

    @cached_property
    def _added(self) -> tuple[Added, ...]:
        # Nearly always there is none, and what reads them need not be loaded.
        if self.is_own:
            return ()
        from mmuproof.cli.shared.own_theorems import check, read_packages
        from mmuproof.model.defects.catalogue import DEFECTS
        from mmuproof.proofs.catalogue import THEOREMS

        added = read_packages()
        check(added, THEOREMS, DEFECTS)
        return added

    @cached_property
    def is_own(self) -> bool:
        """See `Catalogue.is_own`."""
        from importlib.metadata import entry_points

        return not entry_points(group=OWN_THEOREMS)

    def theorems(self) -> tuple[Theorem, ...]:
        """See `Catalogue.theorems`."""
        from mmuproof.proofs.catalogue import THEOREMS

        return (*THEOREMS, *(each for added in self._added for each in added.theorems))

    def defects(self) -> Mapping[str, NamedDefect]:
        """See `Catalogue.defects`."""
        from mmuproof.model.defects.catalogue import DEFECTS

        return {**DEFECTS, **{each.name: each for added in self._added for each in added.defects}}

    def known_findings(self) -> tuple[KnownFinding, ...]:
        """See `Catalogue.known_findings`."""
        from mmuproof.proofs.known_findings import KNOWN_FINDINGS

        return KNOWN_FINDINGS

    def reference(self) -> Subject:
        """See `Catalogue.reference`."""
        from mmuproof.cli.shared.results import KernelIdentity
        from mmuproof.model.reference.kvm import RELEASE, ReferenceKvm

        identity = KernelIdentity(source=REFERENCE, version=None, digest=_model_digest())
        return Subject(kvm=ReferenceKvm(), identity=identity, release=RELEASE, is_kept=self.is_own)

    @contextmanager
    def kernel(self, asked: AskedKernel, watcher: Watcher) -> Iterator[Subject]:
        """See `Catalogue.kernel`."""
        from mmuproof.cli.shared.identity import kernel_identity
        from mmuproof.cli.shared.tree_text import text_in
        from mmuproof.lift.tree.source import open_source
        from mmuproof.model.edits import edited_files
        from mmuproof.model.lifted.bodies import KernelBodies
        from mmuproof.model.lifted.functions import kernel_functions
        from mmuproof.model.lifted.kernel import NO_TEXTS, open_kernel
        from mmuproof.model.lifted.units import saved_units

        watcher.phase("reading the tree")
        with ExitStack() as opened:
            tree = asked.tree or opened.enter_context(open_source(asked.source, cache=cache_folder(TREES)))

            folder = None if asked.parsed_anew else cache_folder(UNITS)
            units = None if folder is None else saved_units(folder)

            def parsed(more: Sequence[str] = (), texts: Mapping[str, str] = NO_TEXTS) -> LiftedKvm:
                read = open_kernel(tree, asked.edits, given=asked.config, more=more, saved=units, texts=texts)
                return opened.enter_context(read)

            former = None
            if asked.renamed is not None:
                from mmuproof.cli.shared.former_kernel import FormerKernel

                former = opened.enter_context(FormerKernel.opened(asked.renamed, asked.config, units))
            kvm = parsed()

            def read_ahead() -> None:
                watcher.phase("parsing")
                kvm.read_ahead()

            changed = edited_files(tree.root, asked.edits)
            yield Subject(
                kvm=kvm,
                identity=kernel_identity(asked.source, tree, kvm.config, tree.digest),
                release=tree.version,
                edited=lambda some: open_kernel(tree, some, given=asked.config, like=kvm),
                under_former_names=None if former is None else partial(former.read, tree, kvm, parsed),
                gone=tuple if former is None else partial(former.gone, tree),
                functions=lambda: kernel_functions(kvm.units),
                read_ahead=read_ahead,
                bodies=KernelBodies(tree, kvm.units),
                text_of=lambda file: changed.get(file) or text_in(tree.root, file),
                is_kept=self.is_own and not asked.edits,
            )


def with_own(catalogue: Catalogue, files: Sequence[Path]) -> Catalogue:
    """The catalogue with what some Python files add.

    Raises:
        UsageProblem: a file cannot be loaded, or something in it is wrong.
    """
    if not files:
        return catalogue
    from mmuproof.cli.shared.own_theorems import Enlarged

    return Enlarged(catalogue, files)


def _model_digest() -> str:
    """SHA-256 over the files of the reference model: it has no version of its own."""
    from mmuproof import model

    digest = hashlib.sha256()
    for folder in model.__path__:
        for path in sorted(Path(folder).rglob("*.py")):
            content = path.read_bytes()
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0%d\0" % len(content) + content)
    return digest.hexdigest()
