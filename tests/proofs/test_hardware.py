"""Errata and open choices: with which of them a verdict changes, and that none does with the others."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import MappingProxyType

import pytest

from mmuproof.model.defects.catalogue import DEFECTS
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.statement import Case
from mmuproof.proofs.catalogue import THEOREMS
from mmuproof.proofs.theorem import Claim, Theorem
from mmuproof.smt.graph import variables
from mmuproof.smt.obligation import Assumption, Verdict
from mmuproof.smt.solver import decide
from mmuproof.spec.errata import AMD_1218, L1TF, Erratum
from mmuproof.spec.hardware import Hardware
from mmuproof.spec.open_choices import GMET_WITHOUT_NXE, OpenChoice

CHANGES = MappingProxyType(
    {
        # With which defect in KVM a verdict changes, empty for none; of which theorem; and its verdicts for off and on.
        "1218": ("npf-without-1218", "exit.npf-1218", Verdict.PROVED, Verdict.REFUTED),
        "L1TF": ("mmio-address-unguarded", "l1tf.mmio", Verdict.PROVED, Verdict.REFUTED),
        "ITLB_MULTIHIT": ("collapse-keeps-execution", "spte.nx-huge", Verdict.PROVED, Verdict.REFUTED),
        "EPT_1G_MEMORY_TYPE": ("", "entry.misconfig", Verdict.REFUTED, Verdict.PROVED),
        "GMET_WITHOUT_NXE": ("", "permission.npt-gmet", Verdict.PROVED, Verdict.REFUTED),
        "PK_BESIDE_OTHER": ("", "permission.error-code", Verdict.REFUTED, Verdict.PROVED),
    }
)
SWITCHES = [name for name, each in Hardware().switches.items() if isinstance(each, Erratum) or each.followed is None]


def claims_of(theorem: Theorem, kvm: Kvm) -> list[Claim]:
    found: list[Claim] = []
    for vendor in theorem.vendors:
        try:
            found += theorem.state(kvm, vendor)
        except NotThere:
            continue
    return found


@cache
def reference_claims() -> dict[str, list[Claim]]:
    kvm = ReferenceKvm()
    return {theorem.name: claims_of(theorem, kvm) for theorem in THEOREMS}


def verdicts(claims: Sequence[Claim], hardware: Hardware) -> set[Verdict]:
    return {decide(claim.on(hardware).obligation).verdict for claim in claims}


def names_of(switch: Erratum | OpenChoice) -> set[str]:
    if isinstance(switch, Erratum):
        return {switch.present.name}
    return {switch.decided.name, switch.second.name}


def speaking_of(switch: Erratum | OpenChoice) -> dict[str, list[Claim]]:
    """The claims about the reference model that mention an erratum or an open choice, by theorem."""
    own, found = names_of(switch), {}
    for theorem, claims in reference_claims().items():
        obligations = [(claim, claim.obligation) for claim in claims]
        mentioning = [claim for claim, asked in obligations if own & set(variables(asked.premise, asked.claim))]
        if mentioning:
            found[theorem] = mentioning
    return found


@pytest.mark.parametrize("name", CHANGES)
def test_a_verdict_changes_with_it(name: str) -> None:
    defect, theorem, off, on = CHANGES[name]
    kvm = DEFECTS[defect].on_reference() if defect else ReferenceKvm()
    (wanted,) = (each for each in THEOREMS if each.name == theorem)
    claims = claims_of(wanted, kvm)
    for value, verdict in ((False, off), (True, on)):
        found = verdicts(claims, Hardware(known={name: value}))
        assert verdict in found
        assert found <= {verdict, Verdict.PROVED}


@pytest.mark.parametrize("name", [name for name in SWITCHES if name not in CHANGES])
def test_no_verdict_on_the_reference_model_changes_with_the_others(name: str) -> None:
    """Some of them no theorem mentions; where one does, it comes to the same whether it is on or off."""
    for theorem, claims in speaking_of(Hardware().switches[name]).items():
        off, on = (
            [decide(claim.on(Hardware(known={name: value})).obligation).verdict for claim in claims]
            for value in (False, True)
        )
        assert off == on, theorem


@pytest.mark.parametrize("defect", ["npf-without-1218", "npf-1218-by-cpl-0"])
def test_a_workaround_for_1218_that_is_wrong_is_needed_with_the_erratum_only(defect: str) -> None:
    (theorem,) = (each for each in THEOREMS if each.name == "exit.npf-1218")
    claims = claims_of(theorem, DEFECTS[defect].on_reference())
    assert verdicts(claims, Hardware()) == {Verdict.REFUTED}
    assert verdicts(claims, Hardware(known={"1218": True})) == {Verdict.REFUTED}
    assert verdicts(claims, Hardware(known={"1218": False})) == {Verdict.PROVED}


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", [False, True])
def test_nothing_becomes_vacuous_when_something_is_known(name: str, value: bool) -> None:
    for claims in speaking_of(Hardware().switches[name]).values():
        assert Verdict.VACUOUS not in verdicts(claims, Hardware(known={name: value}))


def test_no_theorem_assumes_what_can_be_known_of_the_processor() -> None:
    switches = Hardware().switches.values()
    own = set().union(*(names_of(switch) for switch in switches))
    for theorem, claims in reference_claims().items():
        for claim in claims:
            assert not own & set(variables(*(each.term for each in claim.case.assumptions))), theorem


def test_every_choice_that_a_claim_leaves_open_is_listed_with_it() -> None:
    decided = {choice.decided.name: choice for choice in Hardware().switches.values() if isinstance(choice, OpenChoice)}
    for theorem, claims in reference_claims().items():
        for claim in claims:
            used = {decided[name] for name in set(variables(claim.holds)) & set(decided)}
            assert used <= set(claim.choices), theorem


# -- what a claim makes of it --------------------------------------------------------------------------------


def test_what_is_known_is_an_assumption_of_the_claims_that_speak_of_it_alone() -> None:
    claim = Claim(holds=L1TF.present, symptoms=())
    known = Hardware(known={"L1TF": True, "1218": True})
    assert [each.label for each in claim.on(known).case.assumptions] == ["the processor has erratum L1TF"]
    assert decide(claim.on(known).obligation).verdict is Verdict.PROVED
    assert claim.on(Hardware()).case.assumptions == ()


def test_a_claim_that_takes_an_erratum_for_granted_is_refused_once_it_is_known() -> None:
    claim = Claim(holds=L1TF.present, symptoms=(), case=Case(assumptions=(Assumption("affected", L1TF.present),)))
    with pytest.raises(ValueError, match="affected"):
        claim.on(Hardware(known={"L1TF": False}))


def test_an_open_choice_is_open_until_it_is_known() -> None:
    claim = Claim(holds=GMET_WITHOUT_NXE.either(lambda second: second), symptoms=(), choices=(GMET_WITHOUT_NXE,))
    assert decide(claim.obligation).verdict is Verdict.PROVED
    assert verdicts([claim], Hardware(known={"GMET_WITHOUT_NXE": True})) == {Verdict.PROVED}
    assert verdicts([claim], Hardware(known={"GMET_WITHOUT_NXE": False})) == {Verdict.REFUTED}


def test_an_observation_is_weakened_by_the_errata_of_its_report() -> None:
    (claim,) = reference_claims()["exit.npf-1218"]
    (observed,) = (each for each in claim.on(Hardware()).case.assumptions if each.label == claim.observations[0].says)
    assert AMD_1218.present.name in variables(observed.term)
    (observed,) = (each for each in claim.on(Hardware(())).case.assumptions if each.label == claim.observations[0].says)
    assert AMD_1218.present.name not in variables(observed.term)
