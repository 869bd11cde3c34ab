"""The programs, compiled: the VMM for a kernel, and what is booted in the place of one."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_OPTIONS = ("-std=gnu11", "-O1", "-static", "-Wall", "-Wextra", "-Werror")
#: Nothing of a C library, and no registers that nobody saves.
_ALONE = (
    *("-ffreestanding", "-nostdlib", "-fno-pic", "-no-pie", "-fno-stack-protector", "-fno-asynchronous-unwind-tables"),
    *("-mno-red-zone", "-mgeneral-regs-only", "-fcf-protection=none", "-Wl,--build-id=none", "-Wl,-z,noexecstack"),
)


class CompilerError(Exception):
    """The compiler is not there, or does not take a program."""


def compiled_vmm(folder: Path) -> bytes:
    """The VMM: a static program.

    Args:
        folder: to work in.

    Raises:
        CompilerError: see there.
    """
    made, sources = folder / "vmm", sorted((_HERE / "vmm").glob("*.c"))
    _run(("gcc", *_OPTIONS, "-o", str(made), *map(str, sources)))
    return made.read_bytes()


def compiled_program(folder: Path) -> bytes:
    """What is booted in the place of a kernel: an image as the kernel's boot protocol has it.

    Args:
        folder: to work in.

    Raises:
        CompilerError: see there.
    """
    linked, flat, where = folder / "program.elf", folder / "program.flat", _HERE / "metal"
    sources = sorted((*where.glob("*.c"), *where.glob("*.S")))
    script = f"-Wl,-T,{where / 'image.ld'}"
    _run(("gcc", *_OPTIONS, *_ALONE, script, "-Wl,--no-warn-rwx-segments", "-o", str(linked), *map(str, sources)))
    _run(("objcopy", "-O", "binary", str(linked), str(flat)))
    return flat.read_bytes()


def _run(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise CompilerError(f"{command[0]}: {error.strerror} (on Debian: apt install gcc libc6-dev)") from error
    if done.returncode:
        raise CompilerError(done.stderr.strip())
