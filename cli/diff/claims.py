"""What becomes of a commit's claim that nothing changes in what the code does."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from mmuproof.cli.diff.changes import Judgement
from mmuproof.lift.tree.commit_message import claims_no_change


class CommitClaim(enum.Enum):
    """What becomes of the claim."""

    NONE = ""
    """It claims no such thing."""
    STANDS = "claim stands"
    """Every function of the MMU that it touches is equal."""
    BROKEN = "claim broken"
    """A function is not."""
    OPEN = "claim open"
    """No function differs as far as that could be decided, but not all could be, or other files of KVM's change."""


CLAIM_STYLES = {
    CommitClaim.STANDS: "green",
    CommitClaim.BROKEN: "bold red",
    CommitClaim.OPEN: "yellow",
    CommitClaim.NONE: "",
}
"""How it is shown on a terminal."""


def claim_of(message: str, judgements: Sequence[Judgement], outside: Sequence[str]) -> CommitClaim:
    """What becomes of the claim of a commit message, if there is one.

    Args:
        message: the message.
        judgements: what becomes of each function that has changed.
        outside: files that have changed and that were not looked at.
    """
    if not claims_no_change(message):
        return CommitClaim.NONE
    decided = [each for each in judgements if each.is_decided]
    if any(not each.is_equal for each in decided):
        return CommitClaim.BROKEN
    return CommitClaim.OPEN if len(decided) < len(judgements) or outside else CommitClaim.STANDS
