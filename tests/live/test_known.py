"""What is proved of the code is seen of the kernel that was built of it, and nothing else is.

A try shows its finding exactly where the theorems show it of the source of that version.  The day a kernel repairs a
finding, or a try no longer meets it, this fails.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mmuproof.cli.shared.caching import kernels_folder
from mmuproof.lift.tree.source import open_source
from mmuproof.live.judging import TryOutcome
from mmuproof.live.kernels import BuiltKernel, NoKernelError, built_kernel
from mmuproof.live.session import run_tries
from mmuproof.live.trial import Emulated, LiveTry
from mmuproof.live.tries.catalogue import TRIES
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.known_findings import KNOWN_FINDINGS, known_in
from tests.kernels import opened_kernel
from tests.proofs.test_known_findings import shapes_shown

SERIES = ("6.1", "6.12", "7.2", "7.3")


def kernel_of(series: str) -> BuiltKernel:
    cache = kernels_folder()
    try:
        return built_kernel(cache, series)
    except NoKernelError as error:
        pytest.skip(str(error))


def need_emulator(kernel: BuiltKernel, machine: Emulated) -> None:
    if machine.is_qemu and not shutil.which("qemu-system-x86_64"):
        pytest.skip("needs QEMU (on Debian: apt install qemu-system-x86)")
    if not machine.is_qemu and not (kernel.cache / "bochs").is_dir():
        pytest.skip("needs Bochs: make live-kernels")


def tables_of(trial: LiveTry) -> Vendor:
    """Whose tables a try is about."""
    if {"npt=0", "ept=0"} & set(trial.attempt.modules.vendor):
        return Vendor.SHADOW
    return Vendor.AMD if trial.machine.is_amd else Vendor.INTEL


@pytest.mark.kernel
@pytest.mark.emulator
@pytest.mark.long
@pytest.mark.parametrize("series", SERIES)
def test_a_try_shows_a_finding_exactly_where_the_theorems_do(
    series: str, kernel_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    kernel = kernel_of(series)
    seen, proved = {}, {}
    with open_source(str(kernel_tree(series))) as tree, opened_kernel(tree) as kvm:
        shown = shapes_shown(kvm)
        known = {
            (finding.number, shape.vendor)
            for finding in known_in(kvm, KNOWN_FINDINGS, tree.version)
            for shape in finding.shapes
            if any(shape.covers(each) for each in shown)
        }
    for machine in Emulated:
        need_emulator(kernel, machine)
        trials = [trial for trial in TRIES if trial.machine is machine and trial.possible_on(series)]
        if trials:
            for result in run_tries(kernel, machine, trials, tmp_path).results:
                assert result.outcome is not TryOutcome.BROKEN, f"{result.trial.name}: {result.why}"
                seen[result.trial.name] = result.outcome is TryOutcome.SHOWS
                finding = result.trial.finding
                assert finding is not None
                proved[result.trial.name] = (finding, tables_of(result.trial)) in known
    assert seen == proved


@pytest.mark.emulator
def test_a_finding_is_seen_on_a_running_kernel(tmp_path: Path) -> None:
    kernel = kernel_of("7.2")
    need_emulator(kernel, Emulated.AMD)
    trials = [trial for trial in TRIES if trial.name in ("17", "7")]
    outcomes = {each.trial.name: each.outcome for each in run_tries(kernel, Emulated.AMD, trials, tmp_path).results}
    assert outcomes == {"17": TryOutcome.SHOWS, "7": TryOutcome.ABSENT}
