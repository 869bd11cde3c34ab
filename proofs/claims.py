"""How a claim is put: the ways in which KVM could be wrong, and that it never is."""

from __future__ import annotations

from dataclasses import dataclass

from mmuproof.model.evidence import Evidence
from mmuproof.model.statement import Case, Shown, Symptom
from mmuproof.proofs.theorem import Claim
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, any_of, negate
from mmuproof.spec.open_choices import OpenChoice
from mmuproof.spec.reports import Observation


@dataclass(frozen=True)
class Wrong:
    """A way to be wrong, of which `told` says what is seen of it.

    Args:
        name: how a defect refers to it.
        when: holds in a counterexample of this kind.
        sentence: what is wrong, for a reader.
    """

    name: str
    when: Bool
    sentence: str

    def told(self, actual: str, expected: str, *, place: str = "") -> Symptom:
        """The symptom: what KVM does and what it should, in a few words each; see `Symptom`."""
        return Symptom(
            name=self.name, when=self.when, sentence=self.sentence, actual=actual, expected=expected, place=place
        )


def given(
    *assumptions: Assumption, shown: tuple[Shown, ...] = (), evidence: Evidence | None = None, part: str = ""
) -> Case:
    """The case of a claim, under some assumptions; the rest is as in `Case`."""
    return Case(assumptions=assumptions, shown=shown, evidence=evidence or Evidence(), part=part)


def always(
    holds: Bool,
    case: Case,
    *symptoms: Symptom,
    observations: tuple[Observation, ...] = (),
    choices: tuple[OpenChoice, ...] = (),
) -> Claim:
    """The claim that something holds in a case; observations and choices are those of `Claim`.

    Args:
        holds: what is claimed.
        case: of what it is claimed.
        symptoms: how it can fail; the first whose condition holds is reported.
        observations: what the processor is assumed to have reported.
        choices: the open choices of the manuals of which any reading is right.
    """
    return Claim(holds=holds, symptoms=symptoms, case=case, observations=observations, choices=choices)


def never(
    case: Case, *symptoms: Symptom, observations: tuple[Observation, ...] = (), choices: tuple[OpenChoice, ...] = ()
) -> Claim:
    """The claim that nothing of this happens in a case: `always` none of the symptoms' conditions."""
    none = negate(any_of(*(each.when for each in symptoms)))
    return always(none, case, *symptoms, observations=observations, choices=choices)
