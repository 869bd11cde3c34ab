"""What a processor reports of an event: a number whose bits the manual defines one by one.

For an event, a bit has the value that the manual defines, or is undefined and can have any.  An erratum can free
further bits; `mmuproof.spec.hardware` takes that into account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bit, eq, iff, implies, negate


@dataclass(frozen=True)
class ReportField:
    """One bit of a report: its name, its number, and what a 1 means."""

    name: str
    bit: int
    meaning: str


@dataclass(frozen=True, kw_only=True)
class HardwareReport:
    """A kind of report.

    Attributes:
        name: the name used in this package.
        title: what the manual calls it.
        fields: the bits that the manual names.
        conditions: what of an event the condition of an erratum can refer to, with what each means.
        others_zero: whether a bit that is not named is 0; otherwise it is undefined.
        source: where the manual defines it.
    """

    name: str
    title: str
    fields: tuple[ReportField, ...]
    conditions: Mapping[str, str]
    others_zero: bool
    source: str
    width: int = 64

    def bit_of(self, name: str) -> int:
        """The number of the bit that a field has.

        Raises:
            KeyError: there is no such field.
        """
        return {each.name: each.bit for each in self.fields}[name]

    @property
    def named_bits(self) -> int:
        """The mask of all bits that have a name."""
        return sum(1 << each.bit for each in self.fields)


@dataclass(frozen=True)
class Reading:
    """What the manual says of one bit for one event: whether it is defined, and its value where it is."""

    value: Bool
    defined: Bool = TRUE


@dataclass(frozen=True)
class Reported:
    """What the manual says of a report for one event.

    Attributes:
        report: the kind of report.
        readings: of every field, by name.
        conditions: of every condition of the report, by name.
    """

    report: HardwareReport
    readings: Mapping[str, Reading] = field(repr=False)
    conditions: Mapping[str, Bool] = field(repr=False)

    def __post_init__(self) -> None:
        if set(self.readings) != {each.name for each in self.report.fields}:
            raise ValueError(f"a report {self.report.name} has other fields")
        if set(self.conditions) != set(self.report.conditions):
            raise ValueError(f"a report {self.report.name} has other conditions")

    def possible(self, number: BitVec, freed: Mapping[str, Bool] | None = None) -> Bool:
        """Whether a processor can report a number for this event.

        Args:
            number: the report, as wide as its kind.
            freed: under which condition a field can read other than defined, for fields of which that is so.

        Raises:
            ValueError: the number has another width.
        """
        report = self.report
        if number.width != report.width:
            raise ValueError(f"a report {report.name} has {report.width} bits, not {number.width}")
        free = freed or {}
        named = [
            implies(
                all_of(reading.defined, negate(free.get(each.name, FALSE))), iff(bit(number, each.bit), reading.value)
            )
            for each in report.fields
            for reading in (self.readings[each.name],)
        ]
        others = eq(number & ~report.named_bits, 0) if report.others_zero else TRUE
        return all_of(*named, others)

    def wrong(self, number: BitVec, name: str) -> Bool:
        """Whether one field of a number is defined and reads otherwise."""
        reading = self.readings[name]
        return all_of(reading.defined, negate(iff(bit(number, self.report.bit_of(name)), reading.value)))


@dataclass(frozen=True)
class Observation:
    """A number that a processor has reported for an event; ``says`` in words for a list of assumptions."""

    says: str
    reported: Reported
    number: BitVec


def all_conditions(reported: Reported, names: tuple[str, ...]) -> Bool:
    """Whether every named condition holds of an event; ``not NAME`` asks for the opposite.

    Raises:
        KeyError: the report has no such condition.
    """
    held = []
    for name in names:
        wanted = reported.conditions[name.removeprefix("not ")]
        held.append(negate(wanted) if name.startswith("not ") else wanted)
    return all_of(*held)
