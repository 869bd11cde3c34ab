"""What a shell is offered, as it asks for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest


def asked(shell: str, line: str) -> str:
    words = line.split(" ")
    ran = subprocess.run(
        [sys.executable, "-m", "mmuproof.cli.main"],
        env={
            **os.environ,
            "_MMUPROOF_COMPLETE": f"complete_{shell}",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("mmuproof pr", ["prove"]),
        ("mmuproof prove permission.ept", ["permission.ept", "permission.ept-mbec"]),
        ("mmuproof prove --format j", ["json", "junit"]),
        ("mmuproof prove --vendor a", ["amd"]),
        ("mmuproof check --quie", ["--quiet"]),
        ("mmuproof table permission.ept", ["permission.ept", "permission.ept-mbec"]),
        ("mmuproof table spte", ["spte-layout"]),
        ("mmuproof decode --kind prim", ["primary-controls"]),
        ("mmuproof prove --defect mbec-ignores", ["mbec-ignores-xu"]),
    ],
)
def test_bash_is_offered_what_is_meant(line: str, offered: list[str]) -> None:
    assert asked("bash", line).split() == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_as_well(shell: str) -> None:
    assert "permission.ept-mbec" in asked(shell, "mmuproof prove permission.ept-m")


def test_fish_gets_one_line_for_each_offer() -> None:
    lines = asked("fish", "mmuproof prove --").splitlines()
    assert len(lines) > 10
    assert all(line.startswith("--") for line in lines)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_it_can_read(shell: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "mmuproof.cli.main"],
        env={**os.environ, "_MMUPROOF_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "_MMUPROOF_COMPLETE" in ran.stdout
    if shutil.which(shell):
        subprocess.run([shell, "-n", "/dev/stdin"], input=ran.stdout, text=True, check=True)
