"""Which of KVM's assertions theorems meet on their way, and which of these nothing decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmuproof.model.evidence import CheckKind
from mmuproof.proofs.theorem import Claim

DECIDES = "spte.no-warning"
"""The theorem that decides them."""


@dataclass(frozen=True)
class AssertingFunction:
    """A function that asserts something, and the file where it stands."""

    file: str
    function: str


def undecided(stated: Iterable[tuple[str, Sequence[Claim]]]) -> dict[AssertingFunction, set[str]]:
    """The assertions that theorems meet and `DECIDES` does not look at: the functions, with the lines.

    Args:
        stated: theorems by name, with their claims; one may come several times.
    """
    met: dict[AssertingFunction, set[str]] = {}
    decided: dict[AssertingFunction, set[str]] = {}
    for theorem, claims in stated:
        found = decided if theorem == DECIDES else met
        for check in (each for claim in claims for each in claim.case.evidence.checks):
            if check.kind in (CheckKind.WARN, CheckKind.BUG):
                file, _, line = check.at.partition(":")
                found.setdefault(AssertingFunction(file, check.function), set()).add(line)
    left = {place: lines - decided.get(place, set()) for place, lines in met.items()}
    return {place: lines for place, lines in left.items() if lines}
