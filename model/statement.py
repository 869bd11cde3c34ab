"""A statement about KVM: what has to hold, of which case, and how a counterexample is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmuproof.model.evidence import Check, Evidence
from mmuproof.model.number_kinds import NumberKind
from mmuproof.smt.obligation import Assumption, Obligation
from mmuproof.smt.terms import Bool, Term, all_of, negate


@dataclass(frozen=True)
class Shown:
    """A term that a counterexample shows, in the kernel's vocabulary.

    Args:
        name: what it is called, such as ``role.cr4_smep`` or ``pte_access``.
        term: its value.
        flags: names of bits, by bit number, where the value is a set of flags; hexadecimal otherwise.
        kind: what the number is, if its bits are to be told as well.
    """

    name: str
    term: Term
    flags: tuple[tuple[int, str], ...] = ()
    kind: NumberKind | None = None


@dataclass(frozen=True, kw_only=True)
class Symptom:
    """One way in which a claim can be wrong.

    Args:
        name: how a defect refers to it.
        when: holds in a counterexample of this kind.
        sentence: what is wrong, for a reader.
        actual: what KVM does, in a few words.
        expected: what the manual says, in a few words.
        place: ``file:function`` of what goes wrong, where it is one place in the code.
        shown: what a counterexample of this kind names besides.
        evidence: how KVM's side came about, where that is but a part of what the whole statement rests on.
    """

    name: str
    when: Bool
    sentence: str
    actual: str
    expected: str
    place: str = ""
    shown: tuple[Shown, ...] = field(default=(), compare=False, repr=False)
    evidence: Evidence | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Of what something is stated.

    Args:
        assumptions: what is taken for granted.
        shown: the inputs that a counterexample names.
        evidence: how KVM's side came about.
        part: which part of a theorem this is, empty if it is all of it.
    """

    assumptions: tuple[Assumption, ...] = ()
    shown: tuple[Shown, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    part: str = ""


@dataclass(frozen=True)
class Statement:
    """One thing to be proved.

    Args:
        holds: the statement itself.
        symptoms: how it can fail; the first whose condition holds is reported.
        case: of what it is stated.
    """

    holds: Bool
    symptoms: tuple[Symptom, ...]
    case: Case = field(default_factory=Case)

    @property
    def obligation(self) -> Obligation:
        """What is decided: the statement, and that nothing on the way to it is undefined in C."""
        return Obligation(self.case.assumptions, all_of(self.holds, *(check.holds for check in self._demanded)))

    @property
    def ways_to_fail(self) -> tuple[Symptom, ...]:
        """Undefined behaviour, which leaves all else without meaning, and then the statement's symptoms."""
        undefined = tuple(
            Symptom(
                name="undefined-behaviour",
                when=negate(check.holds),
                sentence=f"Undefined behaviour at {check.at}: it is not always so that {check.kind.value}.",
                actual="anything may happen",
                expected="C11: the behaviour has to be defined",
                place=check.place,
            )
            for check in self._demanded
        )
        return undefined + self.symptoms

    @property
    def _demanded(self) -> tuple[Check, ...]:
        return tuple(check for check in self.case.evidence.checks if not check.kind.is_stated)
