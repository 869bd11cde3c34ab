"""The documentation is what the code says today."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(tool: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / tool), "--check"], capture_output=True, text=True, check=False
    )


def test_the_list_of_theorems_is_current() -> None:
    done = run("theorems.py")
    assert done.returncode == 0, f"run make docs {done.stderr}"


@pytest.mark.kernel
def test_every_transcript_is_what_the_command_prints_now(kernel_tree: Callable[[str], Path]) -> None:
    kernel_tree("7.2")
    done = run("transcripts.py")
    assert done.returncode == 0, f"run make docs\n{done.stdout}{done.stderr}"
