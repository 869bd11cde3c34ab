"""QEMU without hardware acceleration: a processor of AMD's with SVM and nested paging."""

from __future__ import annotations

from pathlib import Path

from mmuproof.live.emulators.bounded import EmulatorRun, run_until_done

KERNEL_OPTIONS = "console=ttyS0 loglevel=1 panic=-1"
_MEMORY_MB = 1024
_TRANSLATED_MB = 256
_PROCESSOR, _LEVELS_5 = "EPYC,+svm,+npt,+pku", ",+la57"


def run_qemu(
    image: Path, initramfs: Path, folder: Path, seconds: float, *, levels_5: bool, processors: int = 1
) -> EmulatorRun:
    """Boot a kernel.

    Args:
        image: the kernel.
        initramfs: its first file system.
        folder: to work in.
        seconds: after which it is ended.
        levels_5: whether the processor has 5-level paging.
        processors: how many there are.

    Raises:
        EmulatorError: there is no QEMU.
    """
    console = folder / "console"
    command = (
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-machine", "q35", "-accel", f"tcg,tb-size={_TRANSLATED_MB}", "-cpu", _PROCESSOR + _LEVELS_5 * levels_5),
        *("-m", str(_MEMORY_MB), "-smp", str(processors), "-serial", f"file:{console}", "-nic", "none"),
        *("-kernel", str(image), "-initrd", str(initramfs), "-append", KERNEL_OPTIONS),
    )
    return run_until_done(command, console, seconds, hint=" (on Debian: apt install qemu-system-x86)")
