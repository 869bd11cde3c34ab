"""Whole runs that are kept: of one that asked the same of the same, all is known that there is to be told.

What decides need not even be loaded then: neither the theorems nor the solver nor the C front end.  A run is found
again by mmuproof's own code, by what it was asked, and by every file of the tree that could be read.  One in which
something was not decided is not kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mmuproof.cli.formats.cases import Rule
from mmuproof.cli.prove.command import ProveRequest
from mmuproof.cli.shared.caching import NO_RESULTS, RUNS, cache_folder
from mmuproof.cli.shared.catalogue import Catalogue
from mmuproof.cli.shared.kept_files import KeptFiles, digest_of
from mmuproof.cli.shared.own_code import code_digest
from mmuproof.cli.shared.records import plain, record_of
from mmuproof.cli.shared.results import Report
from mmuproof.lift.tree.dot_config import DotConfig
from mmuproof.smt.obligation import Verdict

DECIDED = (Verdict.PROVED, Verdict.REFUTED, Verdict.NOT_APPLICABLE)
"""The verdicts that are kept."""
_MOST_FILES = 64


def may_be_kept(request: ProveRequest) -> bool:
    """Whether what is asked rests on nothing but mmuproof, the kernel, and what is told by name."""
    special = (request.own, request.names, request.errata, request.defect, request.like)
    return request.cache and NO_RESULTS not in os.environ and not any(special)


@dataclass(frozen=True, kw_only=True)
class WholeRun:
    """A run.

    Args:
        report: what it has found.
        rules: the theorems that were to be proved, in words.
    """

    report: Report
    rules: tuple[Rule, ...]


class WholeRuns:
    """The runs that were asked the same, of whichever kernel.

    Args:
        folder: where they are kept; None keeps and finds nothing.
        asked: what they were asked.
    """

    def __init__(self, folder: Path | None, asked: Iterable[str] = ()) -> None:
        self._files = KeptFiles(folder, _MOST_FILES)
        self._like = "" if folder is None else digest_of(code_digest(), *asked)

    @classmethod
    def like(cls, request: ProveRequest, config: DotConfig | None, catalogue: Catalogue) -> WholeRuns:
        """Those that were asked what a user asks now; none if that rests on more than is known here."""
        if not may_be_kept(request) or not catalogue.is_own:
            return cls(None)
        words = (
            *("theorems", *request.theorems),
            *("vendors", *request.vendors),
            *("errata", *request.erratum),
            # A report names the tree and the file as the user does.
            *("kernel", request.source or ""),
            *(("config", config.file, config.digest) if config is not None else ()),
            *("budget", str(request.budget)),
        )
        return cls(cache_folder(RUNS), words)

    @property
    def are_some(self) -> bool:
        """Whether any is kept: where none is, nobody has to wait for what a tree holds."""
        return bool(self._files.names(f"{self._like}-"))

    def find(self, digest: str) -> WholeRun | None:
        """The one of a kernel, by the digest of all that a result of it depends on; as it was, but for its seconds."""
        content = self._files.read(self._name(digest))
        try:
            run = None if content is None else record_of(WholeRun, content)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        return (
            None
            if run is None
            else replace(run, report=replace(run.report, saved=len(run.report.results), known_claims=0))
        )

    def keep(self, digest: str, run: WholeRun) -> None:
        """Keep one, if all of it was decided under the tree's own names; nothing is lost if that fails."""
        if run.report.carried.results or any(each.verdict not in DECIDED for each in run.report.results):
            return
        self._files.write(self._name(digest), plain(run))

    def _name(self, digest: str) -> str:
        return f"{self._like}-{digest_of(digest)}.json"
