"""The documentation is what the code says today."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.lift.version import kernel_version

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
    found = kernel_version(kernel_tree("7.2"))
    (shown,) = set(re.findall(r"\(Linux ([^)]+)\)", (ROOT / "README.md").read_text("utf-8")))
    if found != shown:
        pytest.skip(f"the transcripts are of Linux {shown}, and the cached tree is {found}: make docs")
    done = run("transcripts.py")
    assert done.returncode == 0, f"run make docs\n{done.stdout}{done.stderr}"


def test_what_a_transcript_leaves_out_stays_left_out() -> None:
    described = importlib.util.spec_from_file_location("transcripts", ROOT / "tools" / "transcripts.py")
    assert described is not None
    assert described.loader is not None
    transcripts = importlib.util.module_from_spec(described)
    described.loader.exec_module(transcripts)
    printed = "a 1.2 s\nnew\nb\nc\nd\ne\n"
    assert transcripts.trimmed("a 3.4 s\nb\n…\nd\n", printed) == "a 1.2 s\nnew\nb\n…\nd\n"
    assert transcripts.trimmed("…\nc\n…\n", printed) == "…\nc\n…\n"
    assert transcripts.trimmed("anything\n", printed) == printed
    with pytest.raises(SystemExit, match="gone"):
        transcripts.trimmed("…\ngone\n", printed)
