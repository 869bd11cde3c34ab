"""An earlier kernel, whose names for things are carried over to a tree that has renamed them.

It is one that the user names; else what is known of the released kernel before the tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from mmuproof.cli.shared.caching import TREES, cache_folder
from mmuproof.cli.shared.catalogue import Renamed
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.compare.looks import ReleasedLooks, looks_before
from mmuproof.compare.renamed_constants import renamed_constants
from mmuproof.compare.renaming import MapError, find_names, place_names
from mmuproof.lift.parsing.former_names import THE_SAME_NAMES, FormerNames
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.macros import macros_of_kvm
from mmuproof.lift.tree.source import KernelTree, open_source
from mmuproof.model.kvm import Kvm
from mmuproof.model.lifted.constants import LOOKED_UP
from mmuproof.model.lifted.kernel import LiftedKvm, open_kernel


@dataclass(frozen=True, kw_only=True)
class FormerKernel:
    """The earlier kernel, if there is one, and what is known of its names.

    Args:
        tree: its tree, if the user has named it.
        looks: what is known of the released kernel before, if there is one and the user has not named another.
        given: names that are known, each with the earlier one.
        renamed: constants that the new tree calls otherwise, each with the earlier name.
        config: the user's configuration.
    """

    tree: KernelTree | None = None
    looks: ReleasedLooks | None = None
    given: Mapping[str, str]
    renamed: Mapping[str, str]
    config: DotConfig | None = None

    @classmethod
    @contextmanager
    def opened(cls, new: KernelTree, asked: Renamed, config: DotConfig | None = None) -> Iterator[FormerKernel]:
        """The kernel that a tree is to be read like, as long as the ``with`` block lasts.

        Raises:
            SourceError: its source cannot be used.
        """
        if asked.like is None:
            looks = looks_before(new.version)
            renamed = {} if looks is None else looks.renamed_constants(macros_of_kvm(new.root, looks.macros))
            yield cls(looks=looks, given=asked.given, renamed=renamed)
            return
        with open_source(asked.like, cache=cache_folder(TREES)) as tree:
            old, here = macros_of_kvm(tree.root), macros_of_kvm(new.root)
            renamed = renamed_constants(old, here, LOOKED_UP.names)
            yield cls(tree=tree, given=asked.given, renamed=renamed, config=config)

    @property
    def constants(self) -> tuple[str, ...]:
        """The macros whose values the new tree has to be asked for besides."""
        return (*self.renamed, *(name for name in self.given if name.isidentifier()))

    def read(self, new: LiftedKvm) -> tuple[Kvm, FormerNames]:
        """The new tree under the earlier names, and these names.

        Raises:
            ParseFailed: the earlier tree does not parse.
            UsageProblem: a name that is given is not in the new tree.
        """
        try:
            given = place_names(new.every_unit(), self.given) if self.given else THE_SAME_NAMES
        except MapError as error:
            raise UsageProblem(f"--map {error}") from error
        names = FormerNames(constants=self.renamed) | given
        if self.tree is not None:
            with open_kernel(self.tree, given=self.config, ahead=True) as old:
                names = names | find_names(old.every_unit(), new.every_unit(), given)
        elif self.looks is not None:
            names = names | self.looks.find(new.every_unit(), given)
        return new.under(names), names
