"""`mmuproof check --dask`: the commits of a series on the workers of a local cluster, of which one is killed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mmuproof.cli.check.one_commit import OneCommit, answer
from mmuproof.cli.main import build_app
from mmuproof.cli.shared.caching import NO_RESULTS
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.cli.shared.own_code import code_digest
from tests.cli.check.test_pieces import BASE, repository
from tests.hangs import HANGS

__all__ = ["repository"]

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A cluster of two worker processes."""
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    made = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with made, distributed.Client(made) as client:
        yield client


def begun(tree: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mmuproof.cli.main", "check", f"{BASE}..", "--kernel", str(tree), *words]
    return subprocess.Popen(
        [*command, "--theorem", "layout.frozen"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=HANGS)
    return process.returncode, re.sub(r" in \d+\.\d s", "", output), errors


def at_work(client: Any) -> str:
    """The address of a worker that has something to do."""
    until = time.monotonic() + HANGS
    while time.monotonic() < until:
        for address, tasks in client.processing().items():
            if tasks:
                return str(address)
        time.sleep(0.01)
    raise AssertionError("no worker has anything to do")


@pytest.mark.long
def test_the_workers_find_what_one_process_finds(repository: Path, cluster: Any) -> None:
    here = ended(begun(repository))
    assert here[0] == 0
    assert here[1].count("fine") == 4
    assert ended(begun(repository, "--dask", cluster.scheduler.address)) == here


@pytest.mark.long
def test_a_worker_that_is_killed_loses_nothing(repository: Path, cluster: Any) -> None:
    here = ended(begun(repository))
    processes = cluster.run(os.getpid)
    run = begun(repository, "--dask", cluster.scheduler.address)
    os.kill(processes[at_work(cluster)], signal.SIGKILL)
    assert ended(run) == here


@pytest.mark.long
def test_what_workers_have_found_is_kept(repository: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NO_RESULTS)
    words = ("--dask", cluster.scheduler.address)
    first, second = ended(begun(repository, *words)), ended(begun(repository, *words))
    assert "as an earlier run has found it" not in first[1]
    assert second[1].count("as an earlier run has found it") == 2


@pytest.mark.long
def test_a_run_can_be_interrupted(repository: Path, cluster: Any) -> None:
    run = begun(repository, "--dask", cluster.scheduler.address)
    at_work(cluster)
    run.send_signal(signal.SIGINT)
    status, _, errors = ended(run)
    assert (status, errors) == (130, "mmuproof: interrupted\n")


def refused(*words: str) -> str:
    done = CliRunner().invoke(build_app(Installed()), ["check", *words], prog_name="mmuproof")
    assert done.exit_code == 2
    return done.output


def test_only_commits_go_to_a_cluster(repository: Path) -> None:
    kernel = ("--kernel", str(repository), "--dask", "tcp://localhost:1")
    assert "the work tree is no commit, and --dask checks commits alone" in refused(*kernel)
    assert "- is no commit" in refused("-", *kernel)


def test_where_no_scheduler_answers_it_is_told(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="needs the extra dask")
    monkeypatch.setattr("mmuproof.cli.check.cluster._CONNECTS", 0.1)
    words = (f"{BASE}..", "--kernel", str(repository), "--dask", "tcp://localhost:1")
    assert "no dask scheduler answers at tcp://localhost:1" in refused(*words)


def test_without_the_extra_it_is_told_what_to_install(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = (f"{BASE}..", "--kernel", str(repository), "--dask", "tcp://localhost:1")
    assert "pip install 'mmuproof[dask]'" in refused(*words)


def question(repository: Path, **other: Any) -> OneCommit:
    told: dict[str, Any] = {
        "code": code_digest(),
        "commit": "HEAD",
        "repository": str(repository),
        "theorems": ("layout.frozen",),
        "vendors": ("intel",),
        "config": "",
        "own": (),
        "budget": None,
        "parse_seconds": None,
        "parse_memory": None,
        **other,
    }
    return OneCommit(**told)


def test_a_worker_with_another_mmuproof_finds_nothing(repository: Path) -> None:
    found = answer(question(repository, code="other"))
    assert (found.step, "another mmuproof" in found.problem) == (None, True)


def test_a_worker_tells_what_it_cannot_check(repository: Path) -> None:
    found = answer(question(repository, commit="no-such"))
    assert (found.step, "no-such" in found.problem) == (None, True)
    step = answer(question(repository)).step
    assert step is not None
    assert step.theorems == 1
