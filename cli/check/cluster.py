"""The commits of a series on the workers of a dask.distributed cluster."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from mmuproof.cli.check.check import not_read
from mmuproof.cli.check.command import CheckRequest
from mmuproof.cli.check.findings import CheckedStep
from mmuproof.cli.check.kept_steps import KeptSteps
from mmuproof.cli.check.one_commit import OneAnswer, OneCommit
from mmuproof.cli.check.own_process import in_its_own_process
from mmuproof.cli.check.pieces import named_commits, piece_of
from mmuproof.cli.shared.errors import UsageProblem
from mmuproof.cli.shared.own_code import code_digest
from mmuproof.cli.shared.records import json_of, of_json
from mmuproof.cli.shared.watching import Watcher

_CONNECTS = 10
"""Seconds that a scheduler may take to answer."""


def steps_on_cluster(
    request: CheckRequest, kept: KeptSteps, watcher: Watcher, held: ExitStack
) -> Iterator[CheckedStep]:
    """What the workers of a cluster find of each commit, in the order of the commits.

    A commit whose worker dies goes to another one; that is dask's.

    Args:
        request: what the user asked for.
        kept: what earlier runs have found of commits.
        watcher: is told how far it has come.
        held: what is to be let go of at the end.

    Raises:
        UsageProblem: a word names no commit, there is no cluster, or a worker cannot check a commit.
        SourceError: a word names no commits.
    """
    assert request.dask is not None
    named = [
        (repository, commit)
        for repository, commits in named_commits(request.what, request.source)
        for commit in commits
    ]
    client = held.enter_context(_connected(request.dask))
    watcher.phase("checking", len(named))
    asked: list[tuple[str, CheckedStep | None, Any]] = []
    for repository, commit in named:
        known = kept.find(commit.id) if commit.changed else not_read(piece_of(commit))
        question = OneCommit(
            code=code_digest(),
            commit=commit.id,
            repository=str(repository.absolute()),
            theorems=request.theorems,
            vendors=request.vendors,
            config="" if request.config is None else str(request.config.expanduser().absolute()),
            own=tuple(str(each.expanduser().absolute()) for each in request.own),
            budget=request.budget,
            parse_seconds=request.parse_seconds,
            parse_memory=request.parse_memory,
        )
        future = None if known is not None else client.submit(in_its_own_process, json_of(question), pure=False)
        asked.append((commit.id, known, future))
    held.callback(client.cancel, [future for _, _, future in asked if future is not None])
    for commit_id, known, future in asked:
        step = known if future is None else _result(commit_id, future)
        assert step is not None
        if future is not None:
            kept.keep(commit_id, step)
            future.release()
        watcher.advance()
        yield step


def _result(commit: str, future: Any) -> CheckedStep:
    try:
        found = of_json(OneAnswer, future.result())
    except Exception as error:
        raise UsageProblem(f"{commit[:12]} could not be checked on the cluster: {error}") from None
    if found.step is None:
        raise UsageProblem(f"{commit[:12]} could not be checked on the cluster: {found.problem}")
    return found.step


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """A client of the scheduler at an address.

    Raises:
        UsageProblem: there is none, or nothing is installed that could speak with it.
    """
    try:
        from distributed import Client
    except ImportError:
        raise UsageProblem("--dask needs the package distributed: pip install 'mmuproof[dask]'") from None
    # What it has to say of workers that go is for whoever runs the cluster.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=_CONNECTS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageProblem(f"no dask scheduler answers at {address}: {error}") from None
    try:
        yield client
    finally:
        # A scheduler that has gone needs not be told.
        with suppress(OSError, TimeoutError):
            client.close(timeout=1)
