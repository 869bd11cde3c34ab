"""What `mmuproof diff` has found of each function, as typed rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmuproof.cli.shared.results import Input, KernelIdentity, TracedStep
from mmuproof.compare.claims import Change


@dataclass(frozen=True, kw_only=True)
class Witness:
    """An input on which two versions differ, confirmed by evaluating both on it.

    Args:
        what: in what they differ.
        inputs: the inputs that matter; everything not listed may have any value.
        values: every variable with its value.
        old_steps: how the old version comes to what it shows.
        new_steps: the same for the new version.
        old: what the old version shows, in terms of the new version's encoding.
        new: what the new version shows.
        old_reads: what the bits of ``old`` say in one line, if that is known.
        new_reads: the same of ``new``.
    """

    what: str
    inputs: tuple[Input, ...]
    values: Mapping[str, int]
    old_steps: tuple[TracedStep, ...]
    new_steps: tuple[TracedStep, ...]
    old: str
    new: str
    old_reads: str = ""
    new_reads: str = ""


@dataclass(frozen=True)
class CallerCheck:
    """Whether a caller guarantees the condition under which two versions are equal; None if that is not known."""

    caller: str
    guarantees: bool | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What has become of one function.

    Args:
        function: its name, with the former one if that was another.
        change: what has become of it.
        masks: for which tables the masks are set up; empty for masks of any value.
        old_at: ``file:line`` of its definition in the old version.
        new_at: the same in the new version.
        seconds: how long it took.
        directly: whether its own text, types or constants have changed, and not only functions that it calls.
        condition: under which both versions are equal, if there is one.
        callers: who guarantees that.
        assumptions: what is taken for granted; nothing where both versions are the same term by term.
        relation: what is which in the two versions, in words.
        differs_in: the things that they show in which they can differ.
        bits: where they differ in one number alone: in which bits of it.
        bit_names: what these bits are called, as far as that is known; empty if none has a name.
        witness: an input on which they differ.
        calls: the functions that are called alike and were not followed.
        reason: why there is no verdict.
        failure: where an exception comes from that is a mistake of ours, and the reason; empty if there was none.
        through: the equal functions because of which it is equal that call none but equal ones and says the same;
            empty where it was compared itself.
        apart: whether the verdict may rest on it that what the function is given does not overlap.
    """

    function: str
    change: Change
    masks: str = ""
    old_at: str = ""
    new_at: str = ""
    seconds: float = 0.0
    directly: bool = True
    condition: str = ""
    callers: tuple[CallerCheck, ...] = ()
    assumptions: tuple[str, ...] = ()
    relation: tuple[str, ...] = ()
    differs_in: tuple[str, ...] = ()
    bits: tuple[int, ...] = ()
    bit_names: tuple[str, ...] = ()
    witness: Witness | None = None
    calls: tuple[str, ...] = ()
    reason: str = ""
    failure: str = ""
    through: tuple[str, ...] = ()
    apart: bool = True

    @property
    def is_decided(self) -> bool:
        """Whether it is known what has become of it."""
        return self.change not in (Change.UNKNOWN, Change.NOT_COMPARED)

    @property
    def guaranteed(self) -> bool:
        """Whether the condition of `Change.EQUAL_IF` is known to hold at every call."""
        return bool(self.callers) and all(each.guarantees for each in self.callers)

    @property
    def is_equal(self) -> bool:
        """Whether nothing changes for anybody."""
        return self.change is Change.EQUAL or (self.change is Change.EQUAL_IF and self.guaranteed)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """All that was found between two versions.

    Args:
        old: the old version.
        new: the new version.
        judgements: one for each function that has changed, and for each kind of masks where these matter.
        unchanged: how many functions say the same, and so does all that they call.
        gone: functions that only the old version has.
        come: functions that only the new version has.
        outside: files that have changed and that were not looked at.
        notes: what has been found to be the same under another name.
        assumed: what the user takes for granted.
        seconds: how long it took.
        solvers: which, with their versions.
    """

    old: KernelIdentity
    new: KernelIdentity
    judgements: tuple[Judgement, ...]
    unchanged: int
    gone: tuple[str, ...] = ()
    come: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()
    seconds: float = 0.0
    solvers: Mapping[str, str] = field(default_factory=dict)

    @property
    def idle(self) -> tuple[str, ...]:
        """What the user takes for granted and no row needs."""
        needed = {label for each in self.judgements for label in each.assumptions}
        return tuple(each for each in self.assumed if each not in needed)
