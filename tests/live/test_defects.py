"""Named defects on a running kernel: the guest of a counterexample meets the defect in a KVM that is built with it.

That closes the chain from a theorem to the machine.  Each file in ``live/tries/defects`` is called DEFECT--THEOREM. It is
what `mmuproof prove THEOREM --defect DEFECT --guest FILE` has written, or, of theorems from which no guest is made, a
guest by hand that has the witness's entries and access.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mmuproof.live.building import patched_kernel
from mmuproof.live.descriptions.reading import read_description
from mmuproof.live.descriptions.trials import trials_of
from mmuproof.live.judging import TryOutcome
from mmuproof.live.kernels import BuiltKernel, NoKernelError
from mmuproof.live.session import run_tries
from mmuproof.live.trial import Emulated, LiveTry
from mmuproof.live.tries.described import FOLDER
from mmuproof.model.defects.catalogue import DEFECTS
from mmuproof.model.edits import patch_text
from mmuproof.proofs.catalogue import THEOREMS
from tests.live.test_known import kernel_of, need_emulator

FILES = sorted((FOLDER.parent / "defects").glob("*.toml"))
GUESTS = {file: file.stem.partition("--") for file in FILES}
SEEN = sorted({defect for defect, _, _ in GUESTS.values()})


def trials(machine: Emulated, defect: str | None = None) -> list[LiveTry]:
    return [
        trial
        for file, (name, _, _) in GUESTS.items()
        if defect in (None, name)
        for trial in trials_of(file.stem, read_description(file))
        if trial.machine is machine
    ]


def built_with(kernel: BuiltKernel, defect: str, folder: Path) -> BuiltKernel:
    source, patch = kernel.cache / f"linux-{kernel.series}", folder / "defect.patch"
    patch.write_text(patch_text(source, DEFECTS[defect].edits), "utf-8")
    try:
        return patched_kernel(kernel, patch, folder / "changed")
    except NoKernelError as error:
        pytest.skip(str(error))


def test_each_guest_is_of_a_defect_that_the_theorem_has_to_catch() -> None:
    assert FILES
    catches = {theorem.name.replace(".", "-"): {each.defect for each in theorem.catches} for theorem in THEOREMS}
    for defect, _, theorem in GUESTS.values():
        assert defect in catches[theorem]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_guest_says_what_shows_the_defect(file: Path) -> None:
    guest = read_description(file)
    assert guest.expects_a_mistake
    assert guest.finding is None


@pytest.mark.emulator
@pytest.mark.long
@pytest.mark.parametrize("machine", [Emulated.AMD, Emulated.INTEL])
def test_a_kernel_without_the_defects_shows_none_of_them(machine: Emulated, tmp_path: Path) -> None:
    kernel = kernel_of("7.2")
    need_emulator(kernel, machine)
    results = run_tries(kernel, machine, trials(machine), tmp_path).results
    assert {
        each.trial.name: (each.outcome, each.why) for each in results if each.outcome is not TryOutcome.ABSENT
    } == {}


@pytest.mark.emulator
@pytest.mark.long
@pytest.mark.parametrize("defect", SEEN)
def test_a_defect_shows_in_a_kernel_that_is_built_with_it(defect: str, tmp_path: Path) -> None:
    kernel = kernel_of("7.2")
    machines = [machine for machine in Emulated if trials(machine, defect)]
    for machine in machines:
        need_emulator(kernel, machine)
    changed = built_with(kernel, defect, tmp_path)
    for machine in machines:
        folder = tmp_path / machine.name
        folder.mkdir()
        results = run_tries(changed, machine, trials(machine, defect), folder).results
        assert {
            each.trial.name: (each.outcome, each.why) for each in results if each.outcome is not TryOutcome.SHOWS
        } == {}
        shutil.rmtree(folder)
