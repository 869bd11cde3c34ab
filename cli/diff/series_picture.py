"""A series as a picture: what each commit does to the functions that behave otherwise after some commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmuproof.cli.diff.changes import Judgement
from mmuproof.cli.diff.claims import CommitClaim
from mmuproof.cli.diff.commits import ComparedCommit
from mmuproof.cli.pictures.commits import CommitColumn, CommitMark, SeriesPicture
from mmuproof.cli.shared.drawing import Figure, Look
from mmuproof.compare.claims import Change

_MARKS = {
    Change.DIFFERS: CommitMark(says="differs", look=Look.SET, letter="D"),
    Change.MORE: CommitMark(says="new allows more", look=Look.SET, letter="M"),
    Change.LESS: CommitMark(says="new allows less", look=Look.SET, letter="L"),
    Change.EQUAL_IF: CommitMark(says="equal if", look=Look.SET, letter="I"),
    Change.UNKNOWN: CommitMark(says="unknown", look=Look.OPEN, letter="?"),
    Change.NOT_COMPARED: CommitMark(says="not compared", look=Look.OPEN, letter="?"),
    Change.EQUAL: CommitMark(says="equal", look=Look.GOOD),
}
"""The worst comes first."""
_LEFT_ALONE = CommitMark(says="", look=Look.FAINT)
_CLAIMS = {CommitClaim.STANDS: Look.GOOD, CommitClaim.BROKEN: Look.WRONG, CommitClaim.OPEN: Look.OPEN}


@dataclass(frozen=True)
class JudgedCommit:
    """A commit as it is drawn, and what becomes of each function that it changes."""

    column: CommitColumn
    judgements: Sequence[Judgement]


def drawn_commits(commits: Sequence[ComparedCommit]) -> tuple[JudgedCommit, ...]:
    """Commits as they are drawn: with what becomes of their claim."""
    return tuple(
        JudgedCommit(
            CommitColumn(
                name=each.commit.short_id,
                subject=each.commit.subject,
                status=each.claim.value or "claims nothing",
                look=_CLAIMS.get(each.claim, Look.FAINT),
            ),
            () if each.found is None else each.found.judgements,
        )
        for each in commits
    )


def functions_figure(commits: Sequence[JudgedCommit]) -> Figure | None:
    """What becomes of each function that is not equal after every commit; None if all are."""
    changed = (each.function for commit in commits for each in commit.judgements if not each.is_equal)
    rows = {name: tuple(_mark(name, each.judgements) for each in commits) for name in dict.fromkeys(changed)}
    if not rows:
        return None
    return SeriesPicture(
        title=f"{len(commits)} commits, and the functions that they change",
        caption="M: the new version allows more. L: it allows less. D: it differs otherwise. I: it is equal only if a "
        "condition holds. ?: it could not be compared. Without a letter: equal, or left alone. The first row says what "
        "becomes of the commit.",
        what="function",
        columns=[each.column for each in commits],
        rows=rows,
        says="{} times a function is not the same after a commit.",
    ).figure()


def _mark(name: str, judgements: Sequence[Judgement]) -> CommitMark:
    """What a commit makes of a function: the worst for any masks."""
    theirs = [Change.EQUAL if each.is_equal else each.change for each in judgements if each.function == name]
    return _MARKS[min(theirs, key=list(_MARKS).index)] if theirs else _LEFT_ALONE
