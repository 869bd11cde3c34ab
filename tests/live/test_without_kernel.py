"""Guests on the emulated processor itself: the program that is booted, what it is told, and what comes of guests."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mmuproof.cli.shared.caching import kernels_folder
from mmuproof.live.compiling import compiled_program
from mmuproof.live.descriptions.description import GuestAccessKind
from mmuproof.live.descriptions.reading import parsed_description, read_description
from mmuproof.live.descriptions.trials import made_by_processor, trials_of
from mmuproof.live.descriptions.writing import description_text
from mmuproof.live.guests.steps import Code, Go, RunVcpu
from mmuproof.live.judging import JudgedTry, TryOutcome
from mmuproof.live.plan import parts_of, plan_without_kernel
from mmuproof.live.trial import Attempt, Emulated, LiveTry
from mmuproof.live.without_kernel import run_without_kernel
from tests.live.test_judging import TRY

ROOT = Path(__file__).resolve().parents[2]
GUESTS = sorted((ROOT / "docs/examples/guests").glob("*.toml"))
LIVE = (sys.executable, str(ROOT / "tools/live.py"))

WRONG = """
says = "A read of a page that is not there."
machine = "amd"
guest.paging = "4-level"
[[guest.entry]]
of = 0x80_0000
level = 1
to = 0x80_0000
bits = "W U A D"
[[access]]
do = "read"
at = 0x80_0000
right = { is = "page fault", code = "P" }
"""


def need(*programs: str) -> None:
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"needs {program}")


def need_machine(machine: Emulated) -> None:
    need("gcc", "objcopy", *(["qemu-system-x86_64"] if machine.is_qemu else []))
    if not machine.is_qemu and not (kernels_folder() / "bochs").is_dir():
        pytest.skip("needs Bochs: make live-kernels")


def ran(trials: list[LiveTry], machine: Emulated, folder: Path) -> tuple[JudgedTry, ...]:
    return run_without_kernel(kernels_folder(), machine, trials, folder).results


def outcomes(results: tuple[JudgedTry, ...]) -> dict[str, tuple[TryOutcome, str]]:
    return {each.trial.name: (each.outcome, each.why) for each in results if each.outcome is not TryOutcome.ABSENT}


def test_the_plan_has_no_modules_and_a_guest_stops_by_an_interrupt() -> None:
    need("as")
    steps = (Code(0x1000, "nop; hlt"), RunVcpu("a"))
    plan = plan_without_kernel(parts_of([replace(TRY, attempt=Attempt(steps), control=Attempt((Go(1),)))]))
    name = TRY.name
    assert plan == (
        f"try {name}/control\ngo 0x1\nend {name}/control\n"
        f"try {name}/attempt\nwrite 0x1000 90cd20\nrun a hlt\nend {name}/attempt\n"
    )


@pytest.mark.compiler
def test_the_program_is_what_boot_loaders_take_for_a_kernel(tmp_path: Path) -> None:
    need("gcc", "objcopy")
    image = compiled_program(tmp_path)
    assert image[0x1F1] == 1
    assert image[0x1FE:0x200] == b"\x55\xaa"
    assert image[0x202:0x206] == b"HdrS"
    paragraphs, loaded_at = (struct.unpack_from("<I", image, at)[0] for at in (0x1F4, 0x214))
    assert len(image) - 0x400 <= paragraphs * 16 <= len(image) - 0x400 + 0x1000
    assert loaded_at == 1 << 20


@pytest.mark.parametrize("path", GUESTS, ids=lambda path: path.stem)
def test_guests_of_the_documentation_are_written_as_they_are_read(path: Path) -> None:
    guest = read_description(path)
    assert parsed_description(description_text(guest), "g.toml") == guest


def test_what_kvm_would_emulate_is_read_and_written() -> None:
    guest = made_by_processor(read_description(ROOT / "docs/examples/guests/smap-ac.toml"))
    kinds = {access.kind for access in guest.accesses}
    assert kinds == {GuestAccessKind.READ, GuestAccessKind.WRITE, GuestAccessKind.FETCH}


@pytest.mark.emulator
@pytest.mark.parametrize(
    "machine",
    [Emulated.AMD, *(pytest.param(each, marks=pytest.mark.long) for each in (Emulated.INTEL, Emulated.AMD_BOCHS))],
)
def test_guests_of_the_documentation_come_to_what_the_manuals_say(machine: Emulated, tmp_path: Path) -> None:
    need_machine(machine)
    guests = {path.stem: made_by_processor(read_description(path)) for path in GUESTS}
    if machine is Emulated.AMD_BOCHS:
        guests = {
            name: replace(guest, machines=(machine,))
            for name, guest in guests.items()
            if Emulated.AMD in guest.machines and name != "5-level"
        }
    trials = [trial for name, guest in guests.items() for trial in trials_of(name, guest) if trial.machine is machine]
    assert len(trials) >= 2
    assert outcomes(ran(trials, machine, tmp_path)) == {}


@pytest.mark.emulator
def test_an_access_that_comes_to_something_else_is_told(tmp_path: Path) -> None:
    need_machine(Emulated.AMD)
    (judged,) = ran(list(trials_of("g", parsed_description(WRONG, "g.toml"))), Emulated.AMD, tmp_path)
    assert (judged.outcome, judged.why) == (TryOutcome.SHOWS, "access1.error_code is 0x0, not 0x1")


@pytest.mark.emulator
def test_what_cannot_be_without_a_kernel_breaks_that_guest_alone(tmp_path: Path) -> None:
    need_machine(Emulated.AMD)
    (good,) = trials_of("good", parsed_description(WRONG, "g.toml"))
    go = Attempt((*good.attempt.guest, Go(1)))
    high = Attempt(tuple(replace(step, gpa=1 << 40) if isinstance(step, Code) else step for step in good.attempt.guest))
    trials = [replace(good, name="go", attempt=go), replace(good, name="high", attempt=high), good]
    assert [(each.outcome, each.why) for each in ran(trials, Emulated.AMD, tmp_path)] == [
        (TryOutcome.BROKEN, "the attempt: without a kernel there is no 'go'"),
        (TryOutcome.BROKEN, "the attempt: the guest has no memory at 0x10000000000"),
        (TryOutcome.SHOWS, "access1.error_code is 0x0, not 0x1"),
    ]


@pytest.mark.emulator
def test_the_command_tells_what_each_access_came_to(tmp_path: Path) -> None:
    need_machine(Emulated.AMD)
    (tmp_path / "g.toml").write_text(WRONG)
    command = [*LIVE, "--without-kvm", "--guest", str(tmp_path / "g.toml")]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "g  AMD, by QEMU                                 SHOWS" in done.stdout
    assert "came   page fault 0x0  (no kernel)" in done.stdout


@pytest.mark.parametrize(
    "others", [(), ("--guest", "g", "--kernel", "7.2"), ("--guest", "g", "--defect", "wp-ignored")]
)
def test_without_kvm_needs_a_described_guest_and_no_kernel(others: tuple[str, ...]) -> None:
    done = subprocess.run([*LIVE, "--without-kvm", *others], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--without-kvm is about --guest, and about no kernel" in done.stderr


@pytest.mark.emulator
@pytest.mark.parametrize("machine", [Emulated.AMD, Emulated.AMD_BOCHS])
def test_a_processor_without_gmet_does_not_pass_for_one_that_ignores_a_page_right(
    machine: Emulated, tmp_path: Path
) -> None:
    need_machine(machine)
    text = (ROOT / "docs/examples/guests/npt-read-only.toml").read_text("utf-8")
    guest = parsed_description(text, "g.toml")
    assert guest.l1 is not None
    with_gmet = replace(guest, machines=(machine,), l1=replace(guest.l1, gmet=True))
    (judged,) = ran(list(trials_of("g", with_gmet)), machine, tmp_path)
    assert judged.outcome is TryOutcome.BROKEN
    assert "no bit 17 of EDX in CPUID 0x8000000a" in judged.why


@pytest.mark.emulator
def test_without_a_kernel_no_memory_is_read_only(tmp_path: Path) -> None:
    need_machine(Emulated.AMD)
    memory = "memory = [{ at = 0x100_0000, size = 0x1000, read_only = true }]"
    text = WRONG.replace("guest.paging", f"guest.{memory}\nguest.paging")
    (judged,) = ran(list(trials_of("g", parsed_description(text, "g.toml"))), Emulated.AMD, tmp_path)
    assert judged.outcome is TryOutcome.BROKEN
    assert "no memory that is read only" in judged.why
