"""The command behind `make live`: what it says to somebody who mistypes, or has fetched nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def live(*arguments: str, cache: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MMUPROOF_KERNELS": str(cache)}
    command = [sys.executable, str(ROOT / "tools" / "live.py"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_an_unknown_try_is_told_with_those_that_there_are(tmp_path: Path) -> None:
    done = live("--try", "99", cache=tmp_path)
    assert done.returncode == 2
    assert "there is no try 99" in done.stderr
    assert "11-nx" in done.stderr
    assert "did you mean 17-intel" in live("--try", "17intel", cache=tmp_path).stderr


def test_a_kernel_that_was_not_fetched_is_told_with_what_fetches_it(tmp_path: Path) -> None:
    done = live("--kernel", "7.2", cache=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    fetch = "To fetch it: make kernels live-kernels ARGS=7.2"
    assert done.stderr == f"live: built-7.2 is not in the cache; of kernels there is none. {fetch}\n"
    (tmp_path / "built-7.3.version").write_text("7.3.4-1\n")
    assert "of kernels there are 7.3. " in live("--kernel", "7.33", cache=tmp_path).stderr


def test_a_kernel_of_another_version_than_the_source_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "built-7.2").mkdir()
    (tmp_path / "built-7.2" / "vmlinuz").write_bytes(b"")
    (tmp_path / "built-7.2.version").write_text("7.2.12-1\n")
    (tmp_path / "linux-7.2.version").write_text("7.2.13-1\n")
    done = live("--kernel", "7.2", cache=tmp_path)
    assert done.returncode == 2
    assert "the kernel of 7.2 is 7.2.12-1, and the source is 7.2.13-1" in done.stderr
