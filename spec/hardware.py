"""What is known of the processor: which errata it has, and how it reads what the manuals leave open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mmuproof.smt.terms import Bool, all_of, boolean, iff
from mmuproof.spec.errata import ERRATA, Erratum, freed_fields
from mmuproof.spec.open_choices import OPEN_CHOICES, OpenChoice
from mmuproof.spec.reports import Observation


@dataclass(frozen=True)
class Fact:
    """Something that is taken as known of the processor, in words and as a condition on its truth values."""

    says: str
    holds: Bool


@dataclass(frozen=True)
class Hardware:
    """A processor, as far as it is known.

    Attributes:
        errata: the errata that it may have; of each it is free whether it has it, unless ``known`` says.
        known: by the name of an erratum, whether the processor has it; by the name of an open choice, whether its
            second reading is right.
    """

    errata: tuple[Erratum, ...] = ERRATA
    known: Mapping[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = set(self.known) - set(self.switches)
        if unknown:
            raise ValueError(f"no erratum and no open choice is called {', '.join(sorted(unknown))}")
        if len(self.switches) != len(self.errata) + len(OPEN_CHOICES):
            raise ValueError("two errata or open choices have one name")

    @property
    def switches(self) -> dict[str, Erratum | OpenChoice]:
        """Everything that can be known of the processor, by name."""
        switches: list[Erratum | OpenChoice] = [*self.errata, *OPEN_CHOICES]
        return {each.name: each for each in switches}

    def promise(self, observation: Observation) -> Bool:
        """What can be relied on in an observed report: the manual's word, less what errata make unreliable."""
        reported = observation.reported
        return reported.possible(observation.number, freed_fields(self.errata, reported))

    def facts(self) -> Iterator[tuple[str, Fact]]:
        """What is known, each with the name of the erratum or open choice."""
        for name, value in self.known.items():
            switch = self.switches[name]
            if isinstance(switch, Erratum):
                says = f"the processor {'has' if value else 'does not have'} erratum {name}"
                yield name, Fact(says, iff(switch.present, boolean(value)))
            else:
                right = all_of(switch.decided, iff(switch.second, boolean(value)))
                yield name, Fact(f"open choice {name} is decided: {switch.readings[value]}", right)
