"""What a worker of a cluster does: it starts a process, and hands its answer on.

A worker has threads of its own, and a process with threads is not to copy itself, as checking does.  And what clang or
the solver needs of memory goes with the process.
"""

from __future__ import annotations

import subprocess
import sys


def in_its_own_process(question: str) -> str:
    """What is found of a commit, by a process that a worker starts; question and answer are JSON.

    Raises:
        RuntimeError: the process has ended without an answer.
    """
    command = [sys.executable, "-m", "mmuproof.cli.check.one_commit"]
    done = subprocess.run(command, check=False, input=question, capture_output=True, text=True)
    if done.returncode != 0:
        last = done.stderr.strip().rpartition("\n")[2]
        raise RuntimeError(f"the process that checked it has ended with {done.returncode}: {last}")
    return done.stdout
