"""Running tries: one boot of one kernel for all tries of a machine."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmuproof.live.compiling import compiled_vmm
from mmuproof.live.console import Observed, observed, why_dead
from mmuproof.live.emulators.bochs import BochsProcessor, run_bochs
from mmuproof.live.emulators.bounded import EmulatorRun
from mmuproof.live.emulators.qemu import run_qemu
from mmuproof.live.judging import JudgedTry, TryOutcome, judged
from mmuproof.live.kernels import BuiltKernel
from mmuproof.live.packing import packed
from mmuproof.live.plan import VENDOR_MODULE, by_boot, parts_of, plan_of
from mmuproof.live.trial import Emulated, LiveTry

#: Several times what an idle machine needs.
_SECONDS = {Emulated.AMD: 600.0, Emulated.INTEL: 1800.0, Emulated.INTEL_KEYS: 900.0, Emulated.AMD_BOCHS: 1800.0}

#: A processor with MBEC and shadow stacks; and one without, for kernels that do not boot on the first.
_NEW_MODEL, _OLD_MODEL = "arrow_lake", "corei7_skylake_x"
_AMD_MODEL = "ryzen"
_NEEDS_OLD_MODEL = ("6.1",)


@dataclass(frozen=True, kw_only=True)
class Boot:
    """What one boot has told.

    Args:
        results: of each try.
        seen: by the name of each part that came to its end, what it has shown.
        ran: how the emulator has run.
    """

    results: tuple[JudgedTry, ...]
    seen: Mapping[str, Observed]
    ran: EmulatorRun


def run_tries(kernel: BuiltKernel, machine: Emulated, trials: Sequence[LiveTry], folder: Path) -> Boot:
    """Boot a kernel, try, and judge; anew where a try may have left a kernel that nothing else can be run on.

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
    booted = [_boot(kernel, machine, each, folder) for each in by_boot(trials)]
    ran = EmulatorRun(
        "".join(each.ran.console for each in booted),
        sum(each.ran.seconds for each in booted),
        "; ".join(each.ran.ended for each in booted if each.ran.ended),
    )
    by_trial = {result.trial.name: result for each in booted for result in each.results}
    seen = {name: shown for each in booted for name, shown in each.seen.items()}
    return Boot(results=tuple(by_trial[trial.name] for trial in trials), seen=seen, ran=ran)


def _boot(kernel: BuiltKernel, machine: Emulated, trials: Sequence[LiveTry], folder: Path) -> Boot:
    modules = kernel.modules((VENDOR_MODULE[machine],))
    files = {f"m/{name}.ko": content for name, content in modules.items()}
    files["init"] = compiled_vmm(folder)
    files["plan"] = plan_of(parts_of(trials), machine, modules).encode()
    initramfs = folder / "initramfs"
    initramfs.write_bytes(gzip.compress(packed(files), 1))
    ran = _run(kernel, machine, initramfs, folder, trials)
    seen = observed(ran.console)
    results = tuple(with_end(judged(trial, seen), ran) for trial in trials)
    return Boot(results=results, seen=seen, ran=ran)


def _run(
    kernel: BuiltKernel, machine: Emulated, initramfs: Path, folder: Path, trials: Sequence[LiveTry]
) -> EmulatorRun:
    seconds, levels_5 = _SECONDS[machine], any(trial.levels_5 for trial in trials)
    if machine.is_qemu:
        processors = max(trial.processors for trial in trials)
        return run_qemu(kernel.image, initramfs, folder, seconds, levels_5=levels_5, processors=processors)
    processor = BochsProcessor(model=_model(kernel, machine), keys=machine is Emulated.INTEL_KEYS, levels_5=levels_5)
    return run_bochs(kernel.cache / "bochs", processor, kernel.image, initramfs, folder, seconds)


def _model(kernel: BuiltKernel, machine: Emulated) -> str:
    if machine.is_amd:
        return _AMD_MODEL
    return _OLD_MODEL if kernel.series in _NEEDS_OLD_MODEL else _NEW_MODEL


def with_end(result: JudgedTry, ran: EmulatorRun) -> JudgedTry:
    """The verdict; of a broken try with why the emulator ended, if it did so before the plan's end."""
    if result.outcome is not TryOutcome.BROKEN or not ran.ended:
        return result
    return JudgedTry(result.trial, result.outcome, f"{result.why}; {ran.ended}; {why_dead(ran.console)}")
