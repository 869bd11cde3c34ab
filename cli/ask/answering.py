"""From a question as terms to its answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mmuproof.cli.ask.replies import Goal, Reply
from mmuproof.cli.shared.results import Counterexample, CutNote
from mmuproof.cli.shared.solving import Solver
from mmuproof.cli.telling.counterexamples import Decode, explain, undecoded
from mmuproof.compare.encodings import Kind, kind_of
from mmuproof.lift.errors import Refused
from mmuproof.lift.machine.doubts import left_out
from mmuproof.model.evidence import Check, CheckKind, Evidence
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Case, Shown, Statement, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.questions.posed import Posed
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.terms import Bool, all_of, negate

_DEFINED = "nothing on the way is undefined in C"


def answer(
    asked: Posed,
    name: str,
    wanted: Goal,
    vendor: Vendor | None,
    assumptions: Sequence[Assumption],
    solver: Solver,
    decode: Decode = undecoded,
) -> Reply:
    """Decide a question, and tell the example if there is one, with its SPTEs read by ``decode``.

    Raises:
        Refused: it depends on what a call that is not followed writes and is not known to.
    """
    start = time.perf_counter()
    claim = _claim(asked, wanted, assumptions)
    obligation = claim.obligation
    for unlisted in left_out(obligation.order):
        raise Refused(f"a cut says too little: {unlisted}")
    decided = solver.decide(obligation, list(_preferred(claim, obligation, asked.evidence)))
    reason, example = decided.reason, None
    if decided.verdict is Verdict.VACUOUS:
        reason = f"the assumptions contradict each other: {'; '.join(decided.core)}"
    elif decided.assignment is not None:
        example = explain(claim, decided.assignment, solver.satisfiable, decode)
        reason = example.sentence if example.symptom != _SYMPTOM else _warned(example)
    elif decided.verdict is Verdict.PROVED and wanted is not Goal.ALWAYS:
        reason = _undefined_elsewhere(asked, assumptions, solver)
    return Reply(
        name=name,
        wanted=wanted,
        vendor=vendor,
        verdict=decided.verdict,
        reason=reason,
        seconds=time.perf_counter() - start,
        assumptions=tuple(dict.fromkeys(each.label for each in claim.case.assumptions)),
        cuts=tuple(
            dict.fromkeys(CutNote(cut.function, cut.at, cut.reason, cut.unchecked) for cut in asked.evidence.cuts)
        ),
        example=example,
    )


_SYMPTOM = "answer"
_SPTE = NumberKind.SPTE


def _claim(asked: Posed, wanted: Goal, assumptions: Sequence[Assumption]) -> Statement:
    """That it is always true, or never; for "never", executions without a meaning are no examples."""
    premises = [*(Assumption(each.says, each.holds) for each in asked.premises), *assumptions]
    evidence = asked.evidence
    demanded = [check.holds for check in evidence.checks if not check.kind.is_stated]
    if wanted is Goal.ALWAYS:
        holds = asked.truth
    else:
        holds = negate(asked.truth)
        if demanded:
            premises.append(Assumption(_DEFINED, all_of(*demanded)))
        evidence = replace(evidence, checks=tuple(check for check in evidence.checks if check.kind.is_stated))
    symptom = Symptom(name=_SYMPTOM, when=negate(holds), sentence="", actual="", expected="")
    shown = tuple(
        Shown(each.name, each.term, kind=_SPTE if kind_of(each.name, each.term.width) is Kind.SPTE else None)
        for each in asked.named
    )
    return Statement(holds, (symptom,), Case(assumptions=tuple(premises), shown=shown, evidence=evidence))


def _preferred(claim: Statement, obligation: Obligation, evidence: Evidence) -> Iterator[Bool]:
    """An example in which nothing else goes wrong tells most: no undefined behaviour, and no WARN."""
    defined = [check.holds for check in evidence.checks if not check.kind.is_stated]
    silent = [check.holds for check in evidence.checks if check.kind is CheckKind.WARN]
    wrong = negate(claim.holds)
    yield all_of(wrong, *defined, *silent)
    yield all_of(wrong, *defined)


def _warned(example: Counterexample) -> str | None:
    fired = next((step.at for step in example.steps if step.text == "WARN fires"), None)
    return None if fired is None else f"the WARN at {fired} fires on the way"


def _undefined_elsewhere(asked: Posed, assumptions: Sequence[Assumption], solver: Solver) -> str | None:
    """Where the code is undefined for some input: what it does there is not covered by the answer."""
    demanded = [check for check in asked.evidence.checks if not check.kind.is_stated]
    premise = all_of(*(each.holds for each in asked.premises), *(each.term for each in assumptions))
    if not demanded or solver.satisfiable(_broken(demanded, premise)) is False:
        return None
    answers = []
    for check in demanded:
        answers.append(solver.satisfiable(_broken([check], premise)))
        if answers[-1]:
            return (
                f"but for other inputs C leaves the behaviour undefined: at {check.at} it is not always so that "
                f"{check.kind.value}"
            )
    if None not in answers:
        return None
    return "but the budget ran out before it was known whether C leaves the behaviour undefined for other inputs"


def _broken(demanded: Sequence[Check], premise: Bool) -> Bool:
    return all_of(premise, negate(all_of(*(check.holds for check in demanded))))
