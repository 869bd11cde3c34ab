"""Running tries: one boot of one kernel for all tries of a machine."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmuproof.live.compiling import compiled_vmm
from mmuproof.live.console import observed, why_dead
from mmuproof.live.emulators.bounded import EmulatorRun
from mmuproof.live.emulators.qemu import run_qemu
from mmuproof.live.judging import Judged, TryOutcome, judged
from mmuproof.live.kernels import BuiltKernel
from mmuproof.live.packing import packed
from mmuproof.live.plan import parts_of, plan_of
from mmuproof.live.trial import Emulated, LiveTry

_SECONDS = {Emulated.AMD: 300.0, Emulated.INTEL: 900.0, Emulated.INTEL_KEYS: 600.0}


@dataclass(frozen=True)
class Boot:
    """What one boot has told.

    Args:
        kernel: which.
        machine: on what.
        results: of each try.
        ran: how the emulator has run.
    """

    kernel: BuiltKernel
    machine: Emulated
    results: tuple[Judged, ...]
    ran: EmulatorRun


def run_tries(kernel: BuiltKernel, machine: Emulated, trials: Sequence[LiveTry], folder: Path) -> Boot:
    """Boot a kernel, try, and judge.

    Args:
        kernel: which.
        machine: on what.
        trials: all of this machine.
        folder: to work in; the console stays there.

    Raises:
        AssemblerError: a guest cannot be assembled.
        CompilerError: the VMM cannot be compiled.
        EmulatorError: the emulator is not there.
    """
    modules = kernel.modules
    files = {f"m/{name}.ko": path.read_bytes() for name, path in modules.items()}
    files["init"] = compiled_vmm(folder)
    files["plan"] = plan_of(parts_of(trials), machine, modules).encode()
    initramfs = folder / "initramfs"
    initramfs.write_bytes(gzip.compress(packed(files), 1))
    ran = run_qemu(kernel.image, initramfs, folder, _SECONDS[machine])
    seen = observed(ran.console)
    results = tuple(_with_end(judged(trial, seen), ran) for trial in trials)
    return Boot(kernel, machine, results, ran)


def _with_end(result: Judged, ran: EmulatorRun) -> Judged:
    if result.outcome is not TryOutcome.BROKEN or not ran.ended:
        return result
    return Judged(result.trial, result.outcome, f"{result.why}; {ran.ended}; {why_dead(ran.console)}")
