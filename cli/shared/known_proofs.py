"""Claims that earlier runs have proved: whoever poses the same terms again, of whichever kernel, need not wait.

A proof rests on nothing but the terms, mmuproof's own code, the solver and its budget.  So a function that was changed
and still does the same costs no more than to state anew what speaks of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmuproof.cli.shared.kept_files import KeptFiles, digest_of
from mmuproof.cli.shared.own_code import code_digest
from mmuproof.cli.shared.solving import Solver
from mmuproof.lift.machine.values import SERIAL
from mmuproof.smt.digests import Digests
from mmuproof.smt.graph import Substitution
from mmuproof.smt.obligation import Answer, Obligation, Verdict
from mmuproof.smt.terms import Bool, Term, bool_var, var

_MOST_FILES, _MOST_PROOFS = 64, 16_384


@dataclass(frozen=True)
class AddedProofs:
    """What some work adds to what is known.

    Args:
        new: the claims that it has proved.
        known: how many it had to prove that were known.
        asked: what all that it had to prove at once is known by, one by one.
    """

    new: tuple[str, ...] = ()
    known: int = 0
    asked: tuple[str, ...] = ()


class KnownProofs:
    """What earlier runs have proved, and what this one adds.

    Args:
        folder: where it is kept; None keeps and finds nothing.
        budget: the solver's resource limit.
    """

    def __init__(self, folder: Path | None, budget: int) -> None:
        self._files, self._is_used = KeptFiles(folder, _MOST_FILES), folder is not None
        self._name = f"{digest_of(code_digest(), str(budget))}.json" if self._is_used else ""
        self._known = self._read()
        self._new: dict[str, None] = {}
        self._taken = 0
        self._asked: tuple[str, ...] = ()

    def before(self, solver: Solver) -> Solver:
        """A solver that is asked only for what is not known."""
        if not self._is_used:
            return solver

        def prove(obligations: Sequence[Obligation]) -> Sequence[Answer | None]:
            digests = digests_of(obligations)
            self._asked = tuple(digests)
            left = [each for each, digest in zip(obligations, digests, strict=True) if digest not in self._known]
            answers = iter(solver.prove(left) if left else ())
            return [
                self._known_answer() if each in self._known else self._noted(each, next(answers)) for each in digests
            ]

        def decide(obligation: Obligation, preferred: Sequence[Bool]) -> Answer:
            (digest,) = digests_of([obligation])
            answer = solver.decide(obligation, preferred)
            self._noted(digest, answer)
            return answer

        return replace(solver, prove=prove, decide=decide)

    def _known_answer(self) -> Answer:
        self._taken += 1
        return Answer(verdict=Verdict.PROVED, seconds=0.0)

    def _noted(self, digest: str, answer: Answer | None) -> Answer | None:
        if answer is not None and answer.verdict is Verdict.PROVED:
            self._new[digest] = None
        return answer

    def added(self) -> AddedProofs:
        """What has been added since this was asked last."""
        found = AddedProofs(tuple(self._new), self._taken, self._asked)
        self._new, self._taken, self._asked = {}, 0, ()
        return found

    def keep(self, proved: Iterable[str]) -> None:
        """Keep what was proved; nothing is lost if that fails."""
        new = dict.fromkeys(proved)
        if self._is_used and new:
            # Another run may have added something meanwhile.
            every = [*(each for each in self._read() if each not in new), *new]
            self._files.write(self._name, every[-_MOST_PROOFS:])

    def _read(self) -> dict[str, None]:
        content = self._files.read(self._name) if self._is_used else None
        if not isinstance(content, list) or not all(isinstance(each, str) for each in content):
            return {}
        return dict.fromkeys(content)


def digests_of(obligations: Sequence[Obligation]) -> list[str]:
    """What each is known by: all of its assumptions, in their order, and what is claimed.

    It does not depend on how many objects the machine has made before for other claims.
    """
    digests = Digests()
    return [hashlib.sha256(b"".join(map(digests.term, _numbered_anew(each)))).hexdigest() for each in obligations]


def _numbered_anew(obligation: Obligation) -> Sequence[Term]:
    """Its terms, the machine's own objects numbered in the order in which they appear in it."""
    numbers: dict[str, str] = {}
    own: dict[Term, Term] = {}
    for name, term in obligation.variables.items():
        if SERIAL.search(name):
            anew = SERIAL.sub(lambda serial: numbers.setdefault(serial[0], f" {len(numbers) + 1}"), name)
            # No name of the machine's has two spaces there: none is taken for one that is not numbered anew.
            own[term] = var(f"  {anew}", term.width) if term.width else bool_var(f"  {anew}")
    return tuple(map(Substitution(own.get), obligation.terms)) if own else obligation.terms
