"""Bochs: a processor of Intel's with VMX and EPT, and on new models with MBEC and shadow stacks.

It boots from a CD, since it knows no other way to a kernel.  It is run from Debian's packages, unpacked, with their
own loader and libraries: 2.8 is the first version with MBEC, and what is installed here may be older.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from mmuproof.live.emulators.bounded import EmulatorError, EmulatorRun, run_program, run_until_done

_LIBRARIES = "usr/lib/x86_64-linux-gnu"
_LOADER = "lib64/ld-linux-x86-64.so.2"
_CD_FILES = ("usr/lib/ISOLINUX/isolinux.bin", "usr/lib/syslinux/modules/bios/ldlinux.c32")
_OPTIONS = "console=ttyS0 loglevel=1 panic=-1 tsc=reliable nosmp noapic lapic=notscdeadline mitigations=off nokaslr"
_MEMORY_MB = 1024
_INSTRUCTIONS_PER_SECOND = 50_000_000
#: So few that the serial port is done before it is asked.
_UNPACED_INSTRUCTIONS = 1_000_000
#: IA32_TME_ACTIVATE (SDM, table 2-2): locked and enabled, with four bits of the address for key IDs.
_KEYS = "0x982 0 00000004 00000003 00000000 00000000 00000000 00000000"


@dataclass(frozen=True, kw_only=True)
class BochsProcessor:
    """What Bochs emulates.

    Args:
        model: by Bochs's name.
        keys: with memory encryption keys, which take four bits of each address.
        levels_5: with 5-level paging, which no model has.  Its system-management mode cannot be left then, so a kernel
            keeps away from ACPI.
        is_paced: whether the machine's time passes about as fast as the processor runs, as a kernel wants it.
    """

    model: str
    keys: bool = False
    levels_5: bool = False
    is_paced: bool = True


def run_bochs(
    root: Path, processor: BochsProcessor, image: Path, initramfs: Path, folder: Path, seconds: float
) -> EmulatorRun:
    """Boot a kernel.

    Args:
        root: where Bochs's packages are unpacked.
        processor: on what.
        image: the kernel.
        initramfs: its first file system.
        folder: to work in.
        seconds: after which it is ended.

    Raises:
        EmulatorError: Bochs is not there, or the CD cannot be made.
    """
    loader = root / _LOADER
    if not loader.exists():
        raise EmulatorError(f"{root.name} is not in the cache: make live-kernels")
    console, disc = folder / "console", folder / "disc.iso"
    run = (str(loader), "--library-path", f"{root / 'lib/x86_64-linux-gnu'}:{root / _LIBRARIES}")
    _make_disc(root, run, image, initramfs, disc, kernel_options(processor))
    settings = folder / "settings"
    settings.write_text(processor_settings(processor, folder, disc, console))
    environment = {
        **os.environ,
        "LTDL_LIBRARY_PATH": str(root / _LIBRARIES / "bochs/plugins"),
        "BXSHARE": str(root / "usr/share/bochs"),
    }
    command = (*run, str(root / "usr/bin/bochs-bin"), "-q", "-f", str(settings))
    return run_until_done(command, console, seconds, environment)


def kernel_options(processor: BochsProcessor) -> str:
    """The kernel's command line.

    CPUID tells the frequency that the model's time-stamp counter has, and here it counts instructions.  A kernel that
    believed CPUID would take minutes for a second.
    """
    frequency = f"tsc_early_khz={_INSTRUCTIONS_PER_SECOND // 1000}"
    return f"{_OPTIONS} {frequency}" + " setcpuid=tme" * processor.keys + " acpi=off" * processor.levels_5


def _make_disc(root: Path, run: tuple[str, ...], image: Path, initramfs: Path, disc: Path, options: str) -> None:
    content = disc.parent / "disc"
    shutil.rmtree(content, ignore_errors=True)
    boot = content / "isolinux"
    boot.mkdir(parents=True)
    for file in _CD_FILES:
        shutil.copy(root / file, boot)
    shutil.copy(image, content / "vmlinuz")
    shutil.copy(initramfs, content / "initrd.gz")
    (boot / "isolinux.cfg").write_text(
        f"default l\nprompt 0\ntimeout 1\nlabel l\n kernel /vmlinuz\n append initrd=/initrd.gz {options}\n"
    )
    booting = ("-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat", "-no-emul-boot")
    table = ("-boot-load-size", "4", "-boot-info-table")
    run_program((*run, str(root / "usr/bin/genisoimage"), "-quiet", "-o", str(disc), *booting, *table, str(content)))
    shutil.rmtree(content)


def processor_settings(processor: BochsProcessor, folder: Path, disc: Path, console: Path) -> str:
    """Bochs's configuration: a machine that boots from the disc, and has a serial port that writes to a file."""
    msrs = ""
    if processor.keys:
        (folder / "msrs").write_text(f"{_KEYS}\n")
        msrs = f', msrs="{folder / "msrs"}"'
    besides = ', add_features="la57"' * processor.levels_5
    speed = _INSTRUCTIONS_PER_SECOND if processor.is_paced else _UNPACED_INSTRUCTIONS
    return f"""\
plugin_ctrl: serial=1
config_interface: textconfig
display_library: rfb, options="timeout=0"
cpu: model={processor.model}, count=1, ips={speed}, reset_on_triple_fault=0{msrs}{besides}
memory: guest={_MEMORY_MB}, host={_MEMORY_MB}
romimage: file=$BXSHARE/BIOS-bochs-latest
vgaromimage: file=$BXSHARE/VGABIOS-lgpl-latest
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={disc}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={console}
clock: sync=none
log: {folder / "log"}
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
"""
