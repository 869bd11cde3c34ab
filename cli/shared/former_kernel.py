"""An earlier kernel, whose names for things are carried over to a tree that has renamed them.

It is one that the user names; else what is known of the released kernel before the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mmuproof.cli.shared.caching import TREES, cache_folder
from mmuproof.cli.shared.catalogue import Renamed
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.compare.looks import looks_before
from mmuproof.compare.put_back import PutBack
from mmuproof.compare.renamed_constants import renamed_constants
from mmuproof.compare.renaming import MapError, find_names_and_forms, place_names
from mmuproof.lift.errors import ParseFailed
from mmuproof.lift.parsing.former_names import THE_SAME_NAMES, FormerNames
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.lift.tree.kvm_text import defined_with_arguments, macros_of_kvm, words_of_kvm
from mmuproof.lift.tree.source import KernelTree, open_source
from mmuproof.model.kvm import Kvm
from mmuproof.model.lifted.constants import LOOKED_UP
from mmuproof.model.lifted.kernel import LiftedKvm, open_kernel


@dataclass(frozen=True, kw_only=True)
class FormerKernel:
    """The earlier kernel, if there is one, and what is known of its names.

    Nothing of it is read before something is looked for in vain.

    Args:
        tree: its tree, if the user has named it.
        given: names that are known, each with the earlier one.
        config: the user's configuration.
        units: where parsed units are kept, if anywhere.
    """

    tree: KernelTree | None
    given: Mapping[str, str]
    config: DotConfig | None
    units: SavedUnits | None = None

    @classmethod
    @contextmanager
    def opened(
        cls, asked: Renamed, config: DotConfig | None, units: SavedUnits | None = None
    ) -> Iterator[FormerKernel]:
        """The kernel that a tree is to be read like, as long as the ``with`` block lasts.

        Raises:
            SourceError: its source cannot be used.
        """
        if asked.like is None:
            yield cls(tree=None, given=asked.given, config=config)
            return
        with open_source(asked.like, cache=cache_folder(TREES)) as tree:
            yield cls(tree=tree, given=asked.given, config=config, units=units)

    def gone(self, tree: KernelTree) -> tuple[str, ...]:
        """The names that the released kernel has, that we ask for and that a tree's text lacks; in half a second."""
        looks = looks_before(tree.version)
        if looks is None:
            return ()
        return looks.gone(words_of_kvm(tree.root), defined_with_arguments(tree.root))

    def read(
        self, tree: KernelTree, new: LiftedKvm, again: Callable[[Sequence[str], Mapping[str, str]], LiftedKvm]
    ) -> tuple[Kvm, FormerNames]:
        """A new tree under the earlier names, and these names.

        Args:
            tree: the new tree.
            new: the same, parsed.
            again: parses it once more, for the values of some more macros, or with other texts of files.

        Raises:
            ParseFailed: the earlier tree does not parse.
            UsageProblem: a name that is given is not in the new tree.
        """
        looks = looks_before(tree.version) if self.tree is None else None
        here = macros_of_kvm(tree.root)
        constants: Mapping[str, str] = {}
        if self.tree is not None:
            constants = renamed_constants(macros_of_kvm(self.tree.root), here, LOOKED_UP.names)
        elif looks is not None:
            constants = looks.renamed_constants(here)
        macros = [*constants, *(name for name in self.given if name in here)]
        if macros:
            new = again(macros, {})
        try:
            given = place_names(new.every_unit(), self.given) if self.given else THE_SAME_NAMES
        except MapError as error:
            raise UsageProblem(f"--map {error}") from error
        names, forms = FormerNames(constants=constants) | given, PutBack()
        if self.tree is not None:
            with open_kernel(self.tree, given=self.config, ahead=True, saved=self.units) as old:
                found, forms = find_names_and_forms(old.every_unit(), new.every_unit(), tree.root, given)
            names = names | found
        elif looks is not None:
            names = names | looks.find(new.every_unit(), given)
            forms = looks.forms(new.every_unit(), tree.root)
        new, forms = _put_back(tree, new, forms, lambda texts: again(macros, texts))
        names = names | forms.names
        return new.under(names), names


def _put_back(
    tree: KernelTree, new: LiftedKvm, forms: PutBack, again: Callable[[Mapping[str, str]], LiftedKvm]
) -> tuple[LiftedKvm, PutBack]:
    """A tree with what it has in other forms in the earlier ones, and those of them with which it parses."""
    while forms:
        kvm = again(forms.texts(tree.root))
        try:
            kvm.every_unit()
        except ParseFailed as error:
            forms = forms.without(error.diagnostics)
            continue
        return kvm, forms
    return new, forms
