"""What a theorem is: a statement about any implementation of KVM, and how a counterexample is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mmuproof.model.evidence import Check, Evidence
from mmuproof.model.kvm import Kvm
from mmuproof.model.vendor import Vendor
from mmuproof.smt.obligation import Assumption, Obligation
from mmuproof.smt.terms import FALSE, TRUE, Bool, Term, all_of, negate


@dataclass(frozen=True)
class Shown:
    """A term that a counterexample shows, in the kernel's vocabulary.

    Args:
        name: what it is called, such as ``role.cr4_smep`` or ``pte_access``.
        term: its value.
        flags: names of bits, by bit number, where the value is a set of flags; hexadecimal otherwise.
    """

    name: str
    term: Term
    flags: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Symptom:
    """One way in which a claim can be wrong.

    Args:
        name: how a defect refers to it.
        when: holds in a counterexample of this kind.
        sentence: what is wrong, for a reader.
        actual: what KVM does, in a few words.
        expected: what the manual says, in a few words.
    """

    name: str
    when: Bool
    sentence: str
    actual: str
    expected: str


@dataclass(frozen=True)
class Claim:
    """One thing to be proved.

    Args:
        holds: the claim itself.
        assumptions: what is taken for granted.
        symptoms: how it can fail; the first whose condition holds is reported.
        shown: the inputs that a counterexample names.
        evidence: how KVM's side came about.
        part: which part of the theorem this is, empty if it is all of it.
    """

    holds: Bool
    symptoms: tuple[Symptom, ...]
    assumptions: tuple[Assumption, ...] = ()
    shown: tuple[Shown, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    part: str = ""

    @property
    def obligation(self) -> Obligation:
        """What is decided: the claim, and that nothing on the way to it is undefined in C."""
        return Obligation(self.assumptions, all_of(self.holds, *(check.holds for check in self._demanded)))

    @property
    def ways_to_fail(self) -> tuple[Symptom, ...]:
        """Undefined behaviour, which leaves all else without meaning, and then the claim's symptoms."""
        undefined = tuple(
            Symptom("undefined-behaviour", negate(check.holds),
                    f"Undefined behaviour at {check.at}: it is not always so that {check.kind.value}.",
                    "anything may happen",
                    "C11: the behaviour has to be defined")
            for check in self._demanded
        )  # fmt: skip
        return undefined + self.symptoms

    @property
    def _demanded(self) -> tuple[Check, ...]:
        return tuple(check for check in self.evidence.checks if not check.kind.is_stated)


def always_undefined(at: str, what: str) -> Claim:
    """The claim of a theorem whose code is undefined on every execution: it does not hold.

    Args:
        at: ``file:line``.
        what: the undefined behaviour, in a few words.
    """
    sentence = f"Undefined behaviour at {at}, whatever the inputs: {what.removeprefix('undefined behaviour: ')}."
    symptom = Symptom(
        "undefined-behaviour", TRUE, sentence, "anything may happen", "C11: the behaviour has to be defined"
    )
    return Claim(FALSE, (symptom,))


@dataclass(frozen=True)
class Catch:
    """A defect that a theorem must catch, and the symptom that its counterexample has to show."""

    defect: str
    symptom: str


@dataclass(frozen=True)
class Theorem:
    """A theorem.

    Args:
        name: its name in the catalogue.
        claim: what it says, in one plain sentence.
        source: manual and section, or the kernel's own comment or assertion.
        assumes: what it takes for granted, each with why a caller guarantees it.
        vendors: for which tables it is stated.
        state: gives the claims for one implementation and vendor; raises
            `mmuproof.model.kvm.NotThere` where the implementation lacks what the theorem is about.
        catches: the defects that it must catch.
    """

    name: str
    claim: str
    source: str
    assumes: tuple[str, ...]
    vendors: tuple[Vendor, ...]
    state: Callable[[Kvm, Vendor], Sequence[Claim]]
    catches: tuple[Catch, ...]
