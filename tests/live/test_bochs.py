"""What Bochs and the kernel in it are told."""

from __future__ import annotations

import re
from pathlib import Path

from mmuproof.live.emulators.bochs import BochsProcessor, kernel_options, processor_settings


def test_the_kernels_clock_is_that_of_the_machine_and_not_that_of_the_model() -> None:
    processor = BochsProcessor(model="arrow_lake")
    told = re.search(r"\btsc_early_khz=(\d+)", kernel_options(processor))
    ticks = re.search(r"\bips=(\d+)", processor_settings(processor, Path("/f"), Path("/d"), Path("/c")))
    assert told
    assert ticks
    assert int(told[1]) * 1000 == int(ticks[1])


def test_each_processor_has_what_it_is_for() -> None:
    keys, levels_5 = BochsProcessor(model="m", keys=True), BochsProcessor(model="m", levels_5=True)
    assert "setcpuid=tme" in kernel_options(keys)
    assert "acpi=off" in kernel_options(levels_5)
    assert "la57" in processor_settings(levels_5, Path("/f"), Path("/d"), Path("/c"))
