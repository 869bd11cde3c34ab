"""The VMM, compiled: one static program."""

from __future__ import annotations

import subprocess
from pathlib import Path

_SOURCES = Path(__file__).resolve().parent / "vmm"
_OPTIONS = ("-std=gnu11", "-O1", "-static", "-Wall", "-Wextra", "-Werror")


class CompilerError(Exception):
    """The compiler is not there, or does not take the VMM."""


def compiled_vmm(folder: Path) -> bytes:
    """The program.

    Args:
        folder: to work in.

    Raises:
        CompilerError: see there.
    """
    made = folder / "vmm"
    command = ("gcc", *_OPTIONS, "-o", str(made), *(str(path) for path in sorted(_SOURCES.glob("*.c"))))
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise CompilerError(f"gcc: {error.strerror} (on Debian: apt install gcc libc6-dev)") from error
    if done.returncode:
        raise CompilerError(done.stderr.strip())
    return made.read_bytes()
