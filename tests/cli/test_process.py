"""The command line as a process of its own, over the installed catalogue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hangs import HANGS

CLI = [sys.executable, "-m", "mmuproof.cli.main"]


def run(*words: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, *map(str, words)], capture_output=True, text=True, timeout=HANGS, cwd=cwd)


def test_help_and_list_load_neither_solver_nor_front_end() -> None:
    code = (
        "import sys\nfrom mmuproof.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert not {'z3', 'clang.cindex'} & set(sys.modules)\n"
    )
    for words in (["--help"], ["list"], ["prove", "--help"], ["--version"]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_list_and_show_the_installed_theorems() -> None:
    names = [line.split()[0] for line in run("list").stdout.splitlines()]
    assert "permission.ept-mbec" in names
    shown = run("show", *names)
    assert shown.returncode == 0
    assert all(f"{name}  " in shown.stdout for name in names)


def test_a_reader_that_stops_early_does_not_change_the_exit_status() -> None:
    process = subprocess.Popen([*CLI, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(HANGS) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_source_that_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "garbage.tar.xz").write_bytes(os.urandom(1000))
    (tmp_path / "garbage.deb").write_bytes(b"!<arch>\nnot really")
    for name in ("nowhere", "empty", "garbage.tar.xz", "garbage.deb", "nowhere@v7.2", "empty@v7.2"):
        before = sorted(tmp_path.rglob("*"))
        done = run("prove", "--kernel", tmp_path / name, "--json", tmp_path / "r.json", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, ""), (name, done)
        (line,) = done.stderr.splitlines()
        assert line.startswith("mmuproof: ")
        assert sorted(tmp_path.rglob("*")) == before


INTERRUPTIBLE = """
from mmuproof.cli.shared.catalogue import Installed
from mmuproof.cli import main
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.theorem import Claim, Theorem
from mmuproof.smt.terms import bv, ne, ult, var

class Catalogue(Installed):
    def theorems(self):
        print("started")
        a, b = var("a", 64), var("b", 64)
        # To refute it is to factor a product of two large primes.
        holds = ne(a * b, 0xFFFFFFFB * 0xFFFFFFEF) | ult(a, 2) | ult(b, 2) | ult(bv(1 << 33, 64), a) \\
            | ult(bv(1 << 33, 64), b)
        return (Theorem(
            name="hard", claim="", source="", assumes=(), vendors=(Vendor.AMD,), catches=(),
            state=lambda kvm, vendor: (Claim(holds, ()),),
        ),)

    def reference(self):
        from mmuproof.cli.shared.catalogue import Subject
        from mmuproof.cli.shared.results import KernelIdentity
        from mmuproof.model.reference.kvm import ReferenceKvm
        return Subject(kvm=ReferenceKvm(), identity=KernelIdentity(source="none", version=None), release="7.2.13")

    def known_findings(self):
        return ()

main.Installed = Catalogue
main.main()
"""


@pytest.mark.parametrize(
    ("number", "status", "says"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "ended by SIGTERM"),
        (signal.SIGHUP, 129, "ended by SIGHUP"),
    ],
)
@pytest.mark.parametrize("delay", [0.0, 0.3, 2.0])
def test_a_signal_ends_a_run_at_once(
    tmp_path: Path, delay: float, number: signal.Signals, status: int, says: str
) -> None:
    path = tmp_path / "r.json"
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", INTERRUPTIBLE, "prove", "--json", str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    time.sleep(delay)
    process.send_signal(number)
    _, errors = process.communicate(timeout=HANGS)
    assert process.returncode == status, errors
    assert errors == f"mmuproof: {says}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.kernel
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_temporary_files(
    kernel_tree: Callable[[str], Path], tmp_path: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [*CLI, "prove", "--kernel", str(kernel_tree("7.2"))],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not list(tmp_path.glob("mmuproof-*")):
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(HANGS) == 128 + number
    assert not list(tmp_path.iterdir())


@pytest.mark.kernel
def test_a_real_kernel_is_proved(kernel_tree: Callable[[str], Path], tmp_path: Path) -> None:
    done = run("prove", "permission.ept*", "--kernel", kernel_tree("7.2"), "--json", tmp_path / "r.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 PROVED" in done.stdout


@pytest.mark.parametrize(
    ("version", "theorems"),
    [
        pytest.param(None, ("permission.*", "gating.*", "entry.reserved-npt")),
        pytest.param(None, (), marks=pytest.mark.long),
        pytest.param("7.2", (), marks=[pytest.mark.kernel, pytest.mark.long]),
    ],
)
def test_jobs_and_hash_seed_change_no_result(
    version: str | None, theorems: tuple[str, ...], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Also no counterexample, which the solver finds and makes small in whatever process is free."""
    kernel = [] if version is None else ["--kernel", str(request.getfixturevalue("kernel_tree")(version))]
    contents = []
    for jobs, hash_seed in ((1, "0"), (5, "20261123")):
        report = tmp_path / f"{jobs}.json"
        words = ["prove", *theorems, *kernel, "--jobs", str(jobs), "--json", str(report)]
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run([*CLI, *words], capture_output=True, text=True, timeout=HANGS, env=env)
        assert done.returncode == 1, done.stderr
        content = json.loads(report.read_text())
        for result in content["results"]:
            del result["seconds"]
        contents.append(content)
    assert contents[0] == contents[1]
    assert contents[0]["summary"]["REFUTED"]


SWALLOWING = """
import os, signal, time, weakref
from mmuproof.cli import main

class Anything:
    pass

class Catalogue(main.Installed):
    def theorems(self):
        # The signal comes while a callback runs, whose exceptions the interpreter swallows.
        kept = Anything()
        watched = weakref.ref(kept, lambda _: (os.kill(os.getpid(), signal.SIGTERM), time.sleep(0.1)))
        del kept
        time.sleep(20)
        return ()

main.Installed = Catalogue
main.main()
"""


def test_a_signal_inside_a_callback_of_the_interpreter_is_not_lost() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWING, "prove"], capture_output=True, text=True, timeout=HANGS, check=False
    )
    assert (done.returncode, done.stderr) == (143, "mmuproof: ended by SIGTERM\n")


TWICE = """
import os, signal, sys, time
from mmuproof.cli import main

class Catalogue(main.Installed):
    def theorems(self):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(20)
        finally:
            time.sleep(float(sys.argv.pop()))
            os.kill(os.getpid(), signal.SIGTERM)
            print("cleaned up", flush=True)

main.Installed = Catalogue
build = main.build_app
main.build_app = lambda catalogue: lambda **words: build(catalogue)(args=["prove"], **words)
main.main()
"""


@pytest.mark.parametrize(("wait", "status", "printed"), [(0.0, 143, "cleaned up\n"), (0.7, -signal.SIGTERM, "")])
def test_a_signal_that_comes_twice_at_once_asks_once(wait: float, status: int, printed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWICE, str(wait)], capture_output=True, text=True, timeout=HANGS, check=False
    )
    assert (done.returncode, done.stdout) == (status, printed)
