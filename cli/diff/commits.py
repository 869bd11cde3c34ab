"""What `mmuproof diff --series` has found, commit by commit, as typed rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mmuproof.cli.diff.claims import CommitClaim
from mmuproof.cli.diff.tree_comparison import Found
from mmuproof.cli.formats.cases import QuotedLine
from mmuproof.lift.tree.series import Commit


@dataclass(frozen=True, kw_only=True)
class ComparedCommit:
    """A commit.

    Args:
        commit: it.
        found: what it does to the functions of the MMU; None if it changes nothing that is read.
        claim: what becomes of its claim of no functional change.
        seconds: how long it took.
        lines: the lines of C after it that witnesses speak of.
        former_lines: the same before it.
    """

    commit: Commit
    found: Found | None
    claim: CommitClaim
    seconds: float = 0.0
    lines: tuple[QuotedLine, ...] = ()
    former_lines: tuple[QuotedLine, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ComparedSeries:
    """A whole run.

    Args:
        repository: what the user called the repository.
        series: the range.
        commits: what was found of each.
        seconds: how long it took.
        solvers: which, with their versions.
    """

    repository: str
    series: str
    commits: tuple[ComparedCommit, ...]
    seconds: float
    solvers: Mapping[str, str] = field(default_factory=dict)
