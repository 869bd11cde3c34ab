"""What earlier runs, of `prove` as well, know of the trees that are checked; and what this one adds to that."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmuproof.cli.check.command import CheckRequest
from mmuproof.cli.prove.kept import KeptResult, KeptResults, name_of
from mmuproof.cli.prove.relatives import BodyLayout
from mmuproof.cli.prove.saved import SavedResults, all_else
from mmuproof.cli.shared.caching import NO_RESULTS, PROOFS, RESULTS, UNITS, cache_folder
from mmuproof.cli.shared.catalogue import Catalogue
from mmuproof.cli.shared.known_proofs import KnownProofs
from mmuproof.cli.shared.selection import Task
from mmuproof.lift.parsing.saved_units import SavedUnits
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.model.lifted.bodies import KernelBodies
from mmuproof.model.lifted.units import saved_units
from mmuproof.smt import backend
from mmuproof.spec.hardware import Hardware


@dataclass(frozen=True, kw_only=True)
class EarlierRuns:
    """What is kept from run to run.

    Args:
        results: the folder of results; None keeps and finds none.
        rests_on: what these rest on besides the code and the tree.
        units: the units that are parsed; None keeps and finds none.
        proofs: the claims that are proved.
    """

    results: Path | None
    rests_on: tuple[str, ...]
    units: SavedUnits | None
    proofs: KnownProofs

    @classmethod
    def of(cls, request: CheckRequest, catalogue: Catalogue, given: DotConfig | None) -> EarlierRuns:
        """Those of whoever asks the same; of theorems that are not ours nobody knows."""
        is_used = request.cache and NO_RESULTS not in os.environ
        budget = backend.DEFAULT_BUDGET if request.budget is None else request.budget
        units = cache_folder(UNITS) if is_used else None
        return cls(
            results=cache_folder(RESULTS) if is_used and catalogue.is_own and not request.own else None,
            rests_on=all_else(None if given is None else (given.file, given.digest), Hardware(), budget),
            units=None if units is None else saved_units(units),
            proofs=KnownProofs(cache_folder(PROOFS) if is_used else None, budget),
        )

    @property
    def are_kept(self) -> bool:
        """Whether what is parsed is kept."""
        return self.units is not None

    def find(self, tree: KernelBodies) -> KeptResults | None:
        """What is known of a tree.

        Raises:
            LiftError: of this tree nothing is known, and it does not parse where it is not like one of which it is.
        """
        return self._of(tree).find()

    def own(self, tree: KernelBodies) -> KeptResults:
        """What is known of a tree itself, and not of one like it."""
        return self._of(tree).own() or KeptResults()

    def add(
        self, tree: KernelBodies, found: Mapping[Task, KeptResult], layout: BodyLayout, proofs: Iterable[str] = ()
    ) -> KeptResults:
        """Keep what was found of a tree, and what was proved on the way; what is known now of that tree."""
        some = {
            name_of(task): each for task, each in found.items() if each.result is not None or each.claims is not None
        }
        known = KeptResults(results=some, layout=layout)
        self._of(tree).add(known)
        self.proofs.keep(proofs)
        return known

    def _of(self, tree: KernelBodies) -> SavedResults:
        return SavedResults(self.results, self.rests_on, tree)
