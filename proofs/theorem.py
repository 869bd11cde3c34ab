"""What a theorem is: a statement about any implementation of KVM, and how a counterexample is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from mmuproof.model.evidence import Check, Evidence
from mmuproof.model.kvm import Kvm
from mmuproof.model.vendor import Vendor
from mmuproof.smt.graph import variables
from mmuproof.smt.obligation import Assumption, Obligation
from mmuproof.smt.terms import FALSE, TRUE, Bool, Term, all_of, negate
from mmuproof.spec.hardware import Hardware
from mmuproof.spec.open_choices import OpenChoice
from mmuproof.spec.reports import Observation


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
        place: ``file:function`` of what goes wrong, where it is one place in the code.
    """

    name: str
    when: Bool
    sentence: str
    actual: str
    expected: str
    place: str = ""


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
        observations: what the processor is assumed to have reported.
        choices: the open choices of the manuals of which any reading is right, by `OpenChoice.either`.
    """

    holds: Bool
    symptoms: tuple[Symptom, ...]
    assumptions: tuple[Assumption, ...] = ()
    shown: tuple[Shown, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    part: str = ""
    observations: tuple[Observation, ...] = ()
    choices: tuple[OpenChoice, ...] = ()

    def on(self, hardware: Hardware) -> Claim:
        """The claim about a processor of which something may be known; it has no observations and choices left.

        An erratum weakens what an observed report can be relied on for.  What is known of the processor becomes an
        assumption, and a choice of which nothing is known is open.

        Raises:
            ValueError: the claim takes for granted what can be known of the processor in one way or another.
        """
        observed = tuple(Assumption(each.says, hardware.promise(each)) for each in self.observations)
        asked = bool(hardware.known or observed or self.choices)
        names = set(variables(self.holds, *(each.term for each in observed))) if asked else set()
        facts = [fact for _, fact in hardware.facts() if names & set(variables(fact.holds))]
        for assumption in self.assumptions if facts else ():
            if any(set(variables(assumption.term)) & set(variables(fact.holds)) for fact in facts):
                raise ValueError(f"what can be known of the processor is taken for granted: {assumption.label}")
        return replace(
            self,
            assumptions=(
                *self.assumptions,
                *observed,
                *(Assumption(fact.says, fact.holds) for fact in facts),
                *(Assumption(f"any reading of the open choice {choice.name} is right", negate(choice.decided))
                  for choice in self.choices
                  if choice.decided.name in names and choice.name not in hardware.known),
            ),
            shown=(
                *self.shown,
                *(Shown(each.present.name, each.present) for each in hardware.errata if each.present.name in names),
            ),
            observations=(),
            choices=(),
        )  # fmt: skip

    @property
    def obligation(self) -> Obligation:
        """What is decided: the claim, and that nothing on the way to it is undefined in C."""
        if self.observations or self.choices:
            return self.on(Hardware()).obligation
        return Obligation(self.assumptions, all_of(self.holds, *(check.holds for check in self._demanded)))

    @property
    def ways_to_fail(self) -> tuple[Symptom, ...]:
        """Undefined behaviour, which leaves all else without meaning, and then the claim's symptoms."""
        undefined = tuple(
            Symptom("undefined-behaviour", negate(check.holds),
                    f"Undefined behaviour at {check.at}: it is not always so that {check.kind.value}.",
                    "anything may happen",
                    "C11: the behaviour has to be defined", check.place)
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
