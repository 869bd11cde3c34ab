"""What a theorem is: a statement about any implementation of KVM, and how a counterexample is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown, Statement, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.smt.graph import variables
from mmuproof.smt.obligation import Assumption, Obligation
from mmuproof.smt.terms import FALSE, TRUE, negate
from mmuproof.spec.hardware import Hardware
from mmuproof.spec.open_choices import OpenChoice
from mmuproof.spec.reports import Observation


@dataclass(frozen=True, kw_only=True)
class Claim(Statement):
    """One thing to be proved, of a processor of which something may be known.

    Args:
        observations: what the processor is assumed to have reported.
        choices: the open choices of the manuals of which any reading is right, by `OpenChoice.either`.
    """

    observations: tuple[Observation, ...] = field(default=(), kw_only=True)
    choices: tuple[OpenChoice, ...] = field(default=(), kw_only=True)

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
        for assumption in self.case.assumptions if facts else ():
            if any(set(variables(assumption.term)) & set(variables(fact.holds)) for fact in facts):
                raise ValueError(f"what can be known of the processor is taken for granted: {assumption.label}")
        known = tuple(Assumption(fact.says, fact.holds) for fact in facts)
        open_choices = tuple(
            Assumption(f"any reading of the open choice {choice.name} is right", negate(choice.decided))
            for choice in self.choices
            if choice.decided.name in names and choice.name not in hardware.known
        )
        errata = tuple(Shown(each.present.name, each.present) for each in hardware.errata if each.present.name in names)
        case = replace(
            self.case,
            assumptions=(*self.case.assumptions, *observed, *known, *open_choices),
            shown=(*self.case.shown, *errata),
        )
        return replace(self, case=case, observations=(), choices=())

    @property
    def obligation(self) -> Obligation:
        """See `Statement.obligation`; of a processor of which nothing is known."""
        if self.observations or self.choices:
            return self.on(Hardware()).obligation
        return super().obligation


def always_undefined(at: str, what: str) -> Claim:
    """The claim of a theorem whose code is undefined on every execution: it does not hold.

    Args:
        at: ``file:line``.
        what: the undefined behaviour, in a few words.
    """
    sentence = f"Undefined behaviour at {at}, whatever the inputs: {what.removeprefix('undefined behaviour: ')}."
    symptom = Symptom(
        name="undefined-behaviour",
        when=TRUE,
        sentence=sentence,
        actual="anything may happen",
        expected="C11: the behaviour has to be defined",
    )
    return Claim(holds=FALSE, symptoms=(symptom,))


def alone(state: Callable[[Kvm, Vendor], Claim]) -> Callable[[Kvm, Vendor], Sequence[Claim]]:
    """What a theorem states that is one claim."""
    return lambda kvm, vendor: (state(kvm, vendor),)


def several(state: Callable[[Kvm, Vendor], Iterable[Claim]]) -> Callable[[Kvm, Vendor], Sequence[Claim]]:
    """What a theorem states that is claims one after the other; all are stated at once, or none is."""
    return lambda kvm, vendor: tuple(state(kvm, vendor))


@dataclass(frozen=True)
class Catch:
    """A defect that a theorem must catch, and the symptom that its counterexample has to show."""

    defect: str
    symptom: str


def showing(symptom: str, *defects: str) -> tuple[Catch, ...]:
    """The defects whose counterexamples have to show one symptom."""
    return tuple(Catch(defect, symptom) for defect in defects)


@dataclass(frozen=True)
class Need:
    """A feature that a theorem is about, for some vendors or for all."""

    feature: Feature
    vendors: tuple[Vendor, ...] = tuple(Vendor)


@dataclass(frozen=True, kw_only=True)
class Theorem:
    """A theorem.

    Args:
        name: its name in the catalogue.
        claim: what it says, in plain sentences.
        source: manual and section, or the kernel's own comment or assertion.
        assumes: what it takes for granted, each with why a caller guarantees it.
        vendors: for which tables it is stated; for all by default.
        needs: the features that it is about; it does not apply to a kernel that lacks one.
        state: gives the claims for one implementation and vendor; raises
            `mmuproof.model.kvm.NotThere` where something is not found that the theorem looks for.
        catches: the defects that it must catch.
    """

    name: str
    claim: str
    source: str
    assumes: tuple[str, ...] = ()
    vendors: tuple[Vendor, ...] = tuple(Vendor)
    needs: tuple[Need, ...] = ()
    state: Callable[[Kvm, Vendor], Sequence[Claim]]
    catches: tuple[Catch, ...]

    def lacking(self, kvm: Kvm, vendor: Vendor) -> tuple[Feature, ...]:
        """The features that it is about for a vendor and that an implementation lacks.

        Raises:
            Contradiction: the implementation has some marks of a feature, and lacks others.
        """
        return tuple(need.feature for need in self.needs if vendor in need.vendors and not kvm.has(need.feature))
