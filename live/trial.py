"""A try: two guests that differ in what a finding needs, and what is seen of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

from mmuproof.live.guests.steps import Guest


@dataclass(frozen=True)
class SomeBits:
    """Some bits of a number.

    Args:
        mask: which.
        value: what they are.
    """

    mask: int
    value: int


@dataclass(frozen=True)
class OneOf:
    """One of several numbers."""

    values: tuple[int, ...]


Facts: TypeAlias = Mapping[str, int | str]
ExpectedFact: TypeAlias = int | str | SomeBits | OneOf
Expected: TypeAlias = Mapping[str, ExpectedFact]


class Emulated(Enum):
    """What the kernel runs on."""

    AMD = "AMD, by QEMU"
    INTEL = "Intel, by Bochs"
    INTEL_KEYS = "Intel with memory encryption keys, by Bochs"
    AMD_BOCHS = "AMD, by Bochs"

    @property
    def is_amd(self) -> bool:
        """Whether it has SVM and nested paging, else VMX and EPT."""
        return self in (Emulated.AMD, Emulated.AMD_BOCHS)

    @property
    def is_qemu(self) -> bool:
        """Whether QEMU emulates it, else Bochs."""
        return self is Emulated.AMD


@dataclass(frozen=True)
class Warned:
    """A warning of the kernel's, by what does not change from release to release.

    Args:
        function: in which it fires; empty for any.
        text: a regular expression, found in the report.
        through: a regular expression, found among the functions of the call trace.
        optional: whether it need not fire.
    """

    function: str
    text: str = ""
    through: str = ""
    optional: bool = False


ANY_WARNING = Warned("", optional=True)
"""Whatever the kernel warns of, if it does: it may look for such a mistake of its own."""


@dataclass(frozen=True)
class Seen:
    """What is to be seen of a guest.

    Args:
        facts: of each named fact, its value or some of its bits.
        warning: the one warning that fires; with None there must be no warning at all.
        dies_in: the function in which the kernel dies when the VM goes away; empty if it does not.
        hangs: whether the kernel never comes back from the guest, so that the VMM's process cannot be ended.
    """

    facts: Expected
    warning: Warned | None = None
    dies_in: str = ""
    hangs: bool = False

    @property
    def is_fatal(self) -> bool:
        """Whether nothing else can be run on the kernel after it."""
        return self.hangs or bool(self.dies_in)


@dataclass(frozen=True)
class Modules:
    """The parameters that KVM's modules are loaded with: of kvm itself, and of kvm_amd or kvm_intel."""

    kvm: tuple[str, ...] = ()
    vendor: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = [f"kvm.{each}" for each in self.kvm] + [f"vendor.{each}" for each in self.vendor]
        return " ".join(named) or "default"


@dataclass(frozen=True)
class Attempt:
    """A guest, and the parameters under which it is run."""

    guest: Guest
    modules: Modules = field(default_factory=Modules)


@dataclass(frozen=True, kw_only=True)
class LiveTry:
    """A try of one finding.

    Args:
        name: no other try has it; no spaces.
        finding: its number in docs/findings.md; None if it is of none.
        machine: what it runs on.
        says: what the guest does, in a sentence.
        attempt: the guest that meets the finding.
        shows: what is seen if the kernel has the finding; None if whatever is not right shows one.
        otherwise: what is seen, where nothing is said to show, if the guest came to its end in some way.
        also_shows: how else it shows, on other kernels.
        right: what is seen if it has not.
        control: the same without something that the finding needs.
        control_gives: what is seen of that on every kernel.
        processors: of the machine.  A kernel that dies with a lock held may never leave the one on which it did; then
            another one tells of it.
        impossible_on: the series on which it cannot be tried.
        why_impossible: on those.
        levels_5: whether its guests have 5-level paging.  Not all processors have it, and in Bochs no other guests can
            run beside.
        offered_by: the module and its parameter that tell whether KVM offers at all what the finding is about.  A
            kernel without the parameter does not have the finding; where it is off, the try is broken.
    """

    name: str
    finding: int | None
    machine: Emulated
    says: str
    attempt: Attempt
    shows: Seen | None
    right: Seen
    control: Attempt
    control_gives: Seen
    offered_by: tuple[str, str] | None = None
    also_shows: tuple[Seen, ...] = ()
    otherwise: Seen | None = None
    levels_5: bool = False
    processors: int = 1
    impossible_on: tuple[str, ...] = ()
    why_impossible: str = ""

    @property
    def ways(self) -> tuple[Seen, ...]:
        """All ways in which it shows."""
        return (*((self.shows,) if self.shows else ()), *self.also_shows)

    @property
    def may_be_fatal(self) -> bool:
        """Whether nothing else may be possible on the kernel after it."""
        return any(each.is_fatal for each in self.ways)

    def possible_on(self, series: str) -> bool:
        """Whether it can be tried on a kernel of this series."""
        return series not in self.impossible_on
