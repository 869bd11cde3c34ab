"""How far a run goes before it is given up."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from mmuproof.lift.errors import Refused


class TooMuch(Refused):
    """The run is longer than it may be."""


@dataclass(frozen=True)
class RunLimits:
    """What a run may take; it does not depend on the computer's speed.

    Args:
        undecided_rounds: how often a loop goes round while it is not certain that it does.
        statements: how many statements are run; no theorem runs more than four thousand of Linux 7.2.
        any_round: the functions in whose loops one round stands for all; see `mmuproof.lift.machine.rounds`.
        goes_back: the functions in which a path ends, and is noted, that jumps backwards or begins another round of a
            ``do``.
    """

    undecided_rounds: int = 128
    statements: int = 100_000
    any_round: Set[str] = frozenset()
    goes_back: Set[str] = frozenset()
