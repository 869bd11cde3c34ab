"""What each theorem speaks of: the lines that were run when it was stated."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.lift.errors import LiftError, SourceError
from mmuproof.lift.ran import Ran, collected
from mmuproof.lift.syntax import Location
from mmuproof.model.features import Contradiction
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.theorem import Theorem


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """What a theorem speaks of, for all vendors together.

    Args:
        theorem: its name.
        places: where the statements begin that were run.
        cuts: the functions that were called there and not followed.
        not_stated: for which vendors it could not be stated, with why; not where it is about what this kernel lacks.
    """

    theorem: str
    places: frozenset[Location]
    cuts: frozenset[str]
    not_stated: tuple[str, ...] = ()


def spoken_of(theorem: Theorem, kvm: Kvm) -> Spoken:
    """What a theorem speaks of; where it cannot be stated, that is nothing.

    Raises:
        SourceError: the tree turns out to be unusable.
    """
    rans: list[Ran] = []
    not_stated: list[str] = []
    for vendor in theorem.vendors:
        try:
            ran = _stated(theorem, kvm, vendor)
        except SourceError:
            raise
        except (NotThere, Contradiction, LiftError) as error:
            not_stated.append(f"{theorem.name} {vendor.value}: {error}")
        else:
            rans.append(ran)
    return Spoken(
        theorem=theorem.name,
        places=frozenset().union(*(each.places() for each in rans)),
        cuts=frozenset().union(*(each.all_cuts() for each in rans)),
        not_stated=tuple(not_stated),
    )


def _stated(theorem: Theorem, kvm: Kvm, vendor: Vendor) -> Ran:
    """What was run for a theorem's claims; nothing if it makes none."""
    with collected() as ran:
        claims = () if theorem.lacking(kvm, vendor) else theorem.state(kvm, vendor)
    return ran if claims else Ran()
