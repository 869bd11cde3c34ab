"""Running guests without a kernel: a program of our own is booted in its place, and has the emulated processor itself.

A guest that no L1 runs is then what the processor itself does, and an L1 is the hypervisor of the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mmuproof.live.compiling import compiled_program
from mmuproof.live.console import observed
from mmuproof.live.emulators.bochs import BochsProcessor, run_bochs
from mmuproof.live.emulators.bounded import EmulatorRun
from mmuproof.live.emulators.qemu import run_qemu
from mmuproof.live.judging import judged
from mmuproof.live.plan import parts_of, plan_without_kernel
from mmuproof.live.session import Boot, with_end
from mmuproof.live.trial import Emulated, LiveTry

_SECONDS = 900.0
#: The newest of Intel's, since it has MBEC.
_INTEL_MODEL, _AMD_MODEL = "arrow_lake", "ryzen"


def run_without_kernel(cache: Path, machine: Emulated, trials: Sequence[LiveTry], folder: Path) -> Boot:
    """Boot the program, try, and judge.

    Args:
        cache: where what is fetched is.
        machine: on what.
        trials: all of this machine.
        folder: to work in; the console stays there.

    Raises:
        AssemblerError: a guest cannot be assembled.
        CompilerError: the program cannot be compiled.
        EmulatorError: the emulator is not there.
    """
    # What KVM offers is not asked: the processor has it, or the guest is broken.
    bare = {trial.name: replace(trial, offered_by=None) for trial in trials}
    image, plan = folder / "program", folder / "plan"
    image.write_bytes(compiled_program(folder))
    plan.write_text(plan_without_kernel(parts_of(bare.values())))
    ran = _run(cache, machine, image, plan, folder)
    seen = observed(ran.console)
    results = tuple(replace(with_end(judged(bare[trial.name], seen), ran), trial=trial) for trial in trials)
    return Boot(results=results, seen=seen, ran=ran)


def _run(cache: Path, machine: Emulated, image: Path, plan: Path, folder: Path) -> EmulatorRun:
    if machine.is_qemu:
        return run_qemu(image, plan, folder, _SECONDS, levels_5=True)
    model = _AMD_MODEL if machine.is_amd else _INTEL_MODEL
    processor = BochsProcessor(
        model=model, keys=machine is Emulated.INTEL_KEYS, levels_5=not machine.is_amd, is_paced=False
    )
    return run_bochs(cache / "bochs", processor, image, plan, folder, _SECONDS)
