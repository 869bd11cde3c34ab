"""Which entries are marked as accessed and dirty when all accesses of a guest are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mmuproof.live.descriptions import bits
from mmuproof.live.descriptions.bits import BitNames
from mmuproof.live.descriptions.description import EntryAfter, GuestDescription, SecondStage
from mmuproof.live.trial import Expected, Facts, SomeBits


@dataclass(frozen=True)
class MarkedEntry:
    """An entry whose flags are looked at.

    Args:
        of_l1: whether it is of L1's tables for the guest, else of the guest's own.
        after: its flags.
        names: of its bits.
    """

    of_l1: bool
    after: EntryAfter
    names: BitNames

    @property
    def fact(self) -> str:
        """The fact that tells what it holds."""
        return f"after.{'l1' if self.of_l1 else 'guest'}-{self.after.level}-{self.after.of:#x}"

    def text(self, value: int) -> str:
        """Its flags, of all that it holds."""
        return self.names.text(value & self.after.mask) or "neither"

    def says(self) -> str:
        """Which it is, in words."""
        whose = "L1's" if self.of_l1 else "the guest's"
        return f"{whose} entry of {self.after.of:#x} at level {self.after.level}"


def marked_entries(guest: GuestDescription) -> Iterator[MarkedEntry]:
    """All whose flags are looked at."""
    yield from (MarkedEntry(False, after, bits.GUEST_ENTRY) for after in guest.after)
    if guest.l1 is not None:
        yield from (MarkedEntry(True, after, names_in(guest.l1.stage)) for after in guest.l1.after)


def names_in(stage: SecondStage) -> BitNames:
    """The names of the bits in an entry of L1's tables for a guest."""
    return bits.EPT_ENTRY if stage is SecondStage.EPT else bits.GUEST_ENTRY


def expected_flags(guest: GuestDescription) -> Expected:
    """The facts of flags that are as they should be."""
    return {each.fact: SomeBits(each.after.mask, each.after.bits & each.after.mask) for each in marked_entries(guest)}


def told_flags(guest: GuestDescription, facts: Mapping[str, Facts]) -> Iterator[str]:
    """Of each entry: which flags are right, and which came; by the name of a kernel."""
    for each in marked_entries(guest):
        yield f"  after that {each.says()}"
        yield f"       right  {each.text(each.after.bits)}"
        for kernel, shown in facts.items():
            value = shown.get(each.fact)
            yield f"       came   {each.text(value) if isinstance(value, int) else 'nothing'}  ({kernel})"
