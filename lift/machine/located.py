"""Where in the source a refusal belongs."""

from __future__ import annotations

from mmuproof.lift.errors import Refused
from mmuproof.lift.syntax import Location


class Located:
    """Adds the place in the source to a refusal that has none, of what is done in a ``with`` statement."""

    # There is one for each access to memory: a generator would take three times as long.
    __slots__ = ("_at",)

    def __init__(self, at: Location) -> None:
        self._at = at

    def __enter__(self) -> None:
        """Nothing is to be done."""

    def __exit__(self, _type: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Refused):
            raise type(error)(error.reason, error.location or str(self._at)) from None
