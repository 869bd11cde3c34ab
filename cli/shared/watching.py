"""What somebody may see of a run while it goes on."""

from __future__ import annotations

from typing import Protocol


class Watcher(Protocol):
    """Is told how far a run has come."""

    def phase(self, name: str, total: int | None = None) -> None:
        """Another kind of work begins, in ``total`` pieces if that is known."""

    def advance(self) -> None:
        """One piece of the phase is done."""

    def failure(self, what: str, trace: str) -> None:
        """An exception has become the verdict ERROR; ``trace`` says where it comes from."""


class Unwatched:
    """Nobody looks."""

    def phase(self, name: str, total: int | None = None) -> None:
        """See `Watcher.phase`."""

    def advance(self) -> None:
        """See `Watcher.advance`."""

    def failure(self, what: str, trace: str) -> None:
        """See `Watcher.failure`."""
