"""What a counterexample looks like, by which a known finding is told from anything else."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.model.vendor import Vendor

_REFERENCE = "reference"
"""What stands for the file where the reference model names a function."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a counterexample looks like.

    Args:
        theorem: what is refuted.
        vendor: for which tables.
        part: which part of the theorem, as its claim calls it.
        symptom: the name of the symptom that the counterexample shows.
        place: ``file:function`` of what goes wrong; empty if the symptom is of no one place.
    """

    theorem: str
    vendor: Vendor
    part: str
    symptom: str
    place: str = ""

    def covers(self, other: Shape) -> bool:
        """Whether a counterexample of another shape is one of this; the reference model names no file."""
        mine, theirs = (shape.place.rpartition(":") for shape in (self, other))
        file_fits = theirs[0] in (mine[0], _REFERENCE)
        return (self.theorem, self.vendor, self.part, self.symptom, mine[2]) == (
            other.theorem,
            other.vendor,
            other.part,
            other.symptom,
            theirs[2],
        ) and file_fits
