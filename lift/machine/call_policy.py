"""What becomes of a call: it is passed over, something stands in for it, or it is followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from mmuproof.lift import syntax
from mmuproof.lift.machine.asked_values import Result
from mmuproof.lift.machine.state import State
from mmuproof.lift.machine.values import Place, Value
from mmuproof.lift.syntax import Function, Location

StandIn = Callable[[syntax.Call, State], Result]
"""Does what a call is taken to do, and gives its result."""


class CallPolicy(Protocol):
    """Decides about calls; the machine's own are only asked after whether they are passed over."""

    def passes_over(self, function: str) -> bool:
        """Whether nothing is done for a call of a function by its name: not even its arguments are evaluated."""

    def stand_in(self, names: Sequence[str]) -> StandIn | None:
        """What stands in for a function, although it may have a body; ``names`` are those it goes by, at least one."""

    def not_followed(self, names: Sequence[str], call: syntax.Call, state: State, why: str) -> Result:
        """What is done for a call that nothing stands in for, and that cannot be followed.

        Raises:
            Refused: the run ends here, for the reason ``why``.
        """

    def follow(
        self,
        function: Function,
        arguments: Sequence[Value | Place],
        state: State,
        at: Location,
        run_body: Callable[[], Result],
    ) -> Result:
        """What is done for a call of a function with a body; ``run_body`` runs it on ``state``."""
