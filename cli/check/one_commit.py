"""One commit, checked for a worker of a cluster: the question comes on standard input, the answer goes to output."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mmuproof.cli.check.check import steps_here
from mmuproof.cli.check.command import CheckRequest
from mmuproof.cli.check.findings import CheckedStep
from mmuproof.cli.check.kept_steps import KeptSteps
from mmuproof.cli.shared.catalogue import Installed, with_own
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.own_code import code_digest
from mmuproof.cli.shared.process import tune_memory
from mmuproof.cli.shared.records import json_of, of_json
from mmuproof.cli.shared.unusable import usable
from mmuproof.cli.shared.watching import Unwatched
from mmuproof.lift.parsing.limits import DEFAULT_LIMITS, ParseLimits, set_parse_limits


@dataclass(frozen=True, kw_only=True)
class OneCommit:
    """What is asked of a commit.

    Args:
        code: the digest of the mmuproof that asks: another one would find other things.
        commit: its id.
        repository: the folder of the repository.
        theorems: names and patterns; all theorems if there are none.
        vendors: for which vendors; all if there are none.
        config: the user's configuration; empty for ours.
        own: files with theorems of the user's own.
        budget: the solver's resource limit.
        parse_seconds: clang's limit of time.
        parse_memory: clang's limit of memory, in MiB.
    """

    code: str
    commit: str
    repository: str
    theorems: tuple[str, ...]
    vendors: tuple[str, ...]
    config: str
    own: tuple[str, ...]
    budget: int | None
    parse_seconds: int | None
    parse_memory: int | None


@dataclass(frozen=True)
class OneAnswer:
    """What is found of it, or why nothing could be."""

    step: CheckedStep | None
    problem: str = ""


def answer(asked: OneCommit) -> OneAnswer:
    """What is found of a commit."""
    if asked.code != code_digest():
        return OneAnswer(None, "the worker runs another mmuproof, or other versions of what it needs")
    try:
        request = CheckRequest(
            what=(asked.commit,),
            kernel=asked.repository,
            theorems=asked.theorems,
            vendors=asked.vendors,
            config=Path(asked.config) if asked.config else None,
            own=tuple(map(Path, asked.own)),
            budget=asked.budget,
            jobs=1,
        )
        limits = asked.parse_seconds or DEFAULT_LIMITS.seconds, asked.parse_memory or DEFAULT_LIMITS.mebibytes
        set_parse_limits(ParseLimits(*limits))
        catalogue = with_own(Installed(), request.own)
        with ExitStack() as held, usable():
            (step,) = steps_here(request, catalogue, KeptSteps(None, ()), Unwatched(), held)
        return OneAnswer(step)
    except UsageProblem as problem:
        return OneAnswer(None, "; ".join((problem.message, *problem.details[:1])))


if __name__ == "__main__":
    tune_memory()
    sys.stdout.write(json_of(answer(of_json(OneCommit, sys.stdin.read()))))
