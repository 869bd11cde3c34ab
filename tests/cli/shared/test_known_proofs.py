"""A claim that was proved is not proved again, if it is the same in every term."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mmuproof.cli.shared import known_proofs
from mmuproof.cli.shared.known_proofs import KnownProofs
from mmuproof.cli.shared.solving import Solver
from mmuproof.smt.obligation import Answer, Assumption, Obligation, Verdict
from mmuproof.smt.terms import Bool, bv, eq, ne, ule, var
from tests.cli.prove.test_saved import POISONS

X, Y = var("x", 8), var("y", 8)
TRUE_CLAIM = Obligation((Assumption("small", ule(X, 3)),), ule(X & 1, 1))
OTHER = Obligation((Assumption("small", ule(X, 3)), Assumption("y", eq(Y, 1))), ule(X + Y, 4))
FALSE_CLAIM = Obligation((Assumption("small", ule(X, 3)),), ne(X, 2))
VACUOUS = Obligation((Assumption("one", eq(X, 1)), Assumption("two", eq(X, 2))), ne(X, 3))


class AskedZ3:
    """Z3, and what it was asked."""

    def __init__(self) -> None:
        self.obligations: list[Obligation] = []
        self._solver = Solver.within(None)

    def prove(self, obligations: Sequence[Obligation]) -> Sequence[Answer | None]:
        self.obligations += obligations
        return self._solver.prove(obligations)

    def decide(self, obligation: Obligation, preferred: Sequence[Bool]) -> Answer:
        self.obligations.append(obligation)
        return self._solver.decide(obligation, preferred)

    @property
    def solver(self) -> Solver:
        return Solver(self.decide, self._solver.satisfiable, self.prove)


def asked(folder: Path | None, *obligations: Obligation, budget: int = 1) -> tuple[list[Verdict | None], int, int]:
    """The verdicts of a run, how many claims Z3 was asked, and how many were known; what was proved is kept."""
    proofs, asking = KnownProofs(folder, budget), AskedZ3()
    answers = proofs.before(asking.solver).prove(obligations)
    added = proofs.added()
    proofs.keep(added.new)
    return [None if each is None else each.verdict for each in answers], len(asking.obligations), added.known


def test_what_was_proved_is_not_proved_again_and_all_else_is(tmp_path: Path) -> None:
    all_of_them = (TRUE_CLAIM, FALSE_CLAIM, OTHER, VACUOUS)
    verdicts = [Verdict.PROVED, None, Verdict.PROVED, None]
    assert asked(tmp_path, *all_of_them) == (verdicts, 4, 0)
    assert asked(tmp_path, *all_of_them) == (verdicts, 2, 2)


def test_what_is_decided_by_itself_is_kept_if_it_is_proved(tmp_path: Path) -> None:
    proofs = KnownProofs(tmp_path, 1)
    solver = proofs.before(AskedZ3().solver)
    verdicts = [solver.decide(each, ()).verdict for each in (TRUE_CLAIM, FALSE_CLAIM, VACUOUS)]
    assert verdicts == [Verdict.PROVED, Verdict.REFUTED, Verdict.VACUOUS]
    proofs.keep(proofs.added().new)
    assert asked(tmp_path, TRUE_CLAIM, FALSE_CLAIM, VACUOUS)[1:] == (2, 1)


@pytest.mark.parametrize(
    "other",
    [
        Obligation((), TRUE_CLAIM.claim),
        Obligation((Assumption("small", ule(X, 4)),), TRUE_CLAIM.claim),
        Obligation(TRUE_CLAIM.assumptions, ule(X & 1, 2)),
        Obligation((Assumption("small", ule(Y, 3)),), ule(Y & 1, 1)),
        Obligation((Assumption("small", ule(var("x", 16), 3)),), ule(var("x", 16) & 1, 1)),
        Obligation((Assumption("claim", TRUE_CLAIM.claim),), TRUE_CLAIM.assumptions[0].term),
        Obligation((), ne(bv(2, 8), X)),
    ],
)
def test_another_claim_is_not_taken_for_it(other: Obligation, tmp_path: Path) -> None:
    asked(tmp_path, TRUE_CLAIM)
    assert asked(tmp_path, other)[1:] == (1, 0)


def test_what_an_assumption_is_called_changes_no_proof(tmp_path: Path) -> None:
    asked(tmp_path, TRUE_CLAIM)
    assert asked(tmp_path, Obligation((Assumption("at mmu.c:7", ule(X, 3)),), TRUE_CLAIM.claim))[1:] == (0, 1)


def test_with_another_budget_or_other_code_it_is_proved_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(tmp_path, TRUE_CLAIM)
    assert asked(tmp_path, TRUE_CLAIM, budget=2)[1:] == (1, 0)
    monkeypatch.setattr(known_proofs, "code_digest", lambda: "other")
    assert asked(tmp_path, TRUE_CLAIM)[1:] == (1, 0)


CHANGES: dict[str, Callable[[str], str]] = {
    **{name: POISONS[name] for name in POISONS if name.startswith(("it is", "a line"))},
    "a claim is added": lambda text: text.replace("[", '["0", '),
    "a claim is another": lambda text: text[:-10] + ("0" if text[-10] != "0" else "1") + text[-9:],
    "it is cut off": lambda text: text[:-1],
}


@pytest.mark.parametrize("poison", CHANGES.values(), ids=CHANGES)
def test_a_file_that_was_changed_is_passed_over(poison: Callable[[str], str], tmp_path: Path) -> None:
    asked(tmp_path, OTHER)
    (file,) = tmp_path.glob("*.json")
    file.write_text(poison(file.read_text()))
    assert asked(tmp_path, OTHER)[1:] == (1, 0)


def test_runs_at_the_same_time_keep_what_both_have_proved(tmp_path: Path) -> None:
    one, other = KnownProofs(tmp_path, 1), KnownProofs(tmp_path, 1)
    for proofs, obligation in ((one, TRUE_CLAIM), (other, OTHER)):
        proofs.before(AskedZ3().solver).prove([obligation])
    for proofs in (one, other):
        proofs.keep(proofs.added().new)
    assert asked(tmp_path, TRUE_CLAIM, OTHER)[1:] == (0, 2)


def test_only_so_many_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_proofs, "_MOST_PROOFS", 1)
    asked(tmp_path, TRUE_CLAIM)
    asked(tmp_path, OTHER)
    assert asked(tmp_path, TRUE_CLAIM, OTHER)[1:] == (1, 1)


def test_without_a_folder_all_is_proved(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "missing"):
        for _ in range(2):
            assert asked(folder, TRUE_CLAIM)[1:] == (1, 0)


def _of_objects(first: str, second: str) -> Obligation:
    small, large = var(f"cr3 (unset {first})", 8), var(f"cr3 (unset {second})", 8)
    return Obligation((Assumption("small", ule(small, 3)),), ule(small & large, 3))


def test_what_the_machine_numbers_its_objects_makes_no_other_claim() -> None:
    first, again, other, mixed = known_proofs.digests_of(
        [_of_objects("8", "9"), _of_objects("82", "7"), _of_objects("8", "8"), _of_objects("1", "2")]
    )
    assert first == again == mixed
    assert other != first
