"""Guest code: assembler text, and the bytes that the machine's assembler makes of it."""

from __future__ import annotations

import subprocess
import tempfile
from functools import cache
from pathlib import Path


class AssemblerError(Exception):
    """The assembler is not there, or does not take the text."""


@cache
def assembled(text: str, bits: int) -> bytes:
    """The bytes of some instructions.

    Args:
        text: in the syntax of GNU as; branches are relative, so it may stand anywhere.
        bits: 64 or 32, of the code segment in which it runs.

    Raises:
        AssemblerError: see there.
    """
    with tempfile.TemporaryDirectory() as folder:
        made, flat = Path(folder, "code.o"), Path(folder, "code.bin")
        _run(("as", "-o", str(made)), f".code{bits}\n{text}\n")
        _run(("objcopy", "-O", "binary", "-j", ".text", str(made), str(flat)), "")
        return flat.read_bytes()


def _run(command: tuple[str, ...], given: str) -> None:
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    except OSError as error:
        raise AssemblerError(f"{command[0]}: {error.strerror} (on Debian: apt install gcc libc6-dev)") from error
    if done.returncode:
        raise AssemblerError(done.stderr.strip())
