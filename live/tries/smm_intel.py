"""Tries of system-management mode by an L1 on Intel, whose EPT is shadowed although its own tables are not."""

from __future__ import annotations

from mmuproof.live.guests.paging import CODE, DATA, LARGE, PS, SECRET, quads
from mmuproof.live.guests.smm import RESUME, SMM_CODE, copy, move
from mmuproof.live.guests.steps import Code, Go, Guest, Poke, RunVcpu, ShowToSmm, Smi
from mmuproof.live.guests.vmx import EPTP, EXIT_VMCALL, L2_CODE, RWX, L2State, ept_entry, exit_of, vmx
from mmuproof.live.guests.vmx import RESUME as RESUME_L2
from mmuproof.live.trial import Attempt, Emulated, Facts
from mmuproof.live.tries.hidden_writes import hanging_write, hidden_write

_L2_PAGE, _ENTRY = LARGE, ept_entry(LARGE)
_OTHER_PAGE, _OTHER, _COPIED = 0x80_0000, 0x07E5, 0x9000
_FLUSH, _INVEPT_ADDRESS = CODE + 0x800, CODE + 0xF00
_FLUSHES = f"mov $1, %eax; invept {_INVEPT_ADDRESS:#x}, %rax; jbe 1f; mov $7, %ebx; 1: hlt"
_OLD_ENTRY, _NEW_ENTRY = DATA | PS | RWX, _OTHER_PAGE | PS | RWX


def _l1(huge: bool) -> Guest:
    """L2 reads a page and sends the lowest byte to a port."""
    return (
        *vmx(L2State(), huge=huge),
        ShowToSmm(0),
        *quads({_OTHER_PAGE: _OTHER, _ENTRY: _OLD_ENTRY}),
        Code(_FLUSH, _FLUSHES),
        Code(L2_CODE, f"mov {_L2_PAGE:#x}, %eax; out %al, $0x80; vmcall; hlt", 32),
        Poke(_INVEPT_ADDRESS, EPTP.to_bytes(16, "little")),
    )


def _first() -> Guest:
    return (RunVcpu("first"), *exit_of("first"))


def _again() -> Guest:
    """L1 goes to system-management mode, comes back and flushes, and runs L2 again."""
    return (Go(_FLUSH), Smi(), RunVcpu("flushed"), Go(RESUME_L2), RunVcpu("last"), *exit_of("last"))


def _entry_moved(huge: bool, at: int = _ENTRY) -> Guest:
    """Between two runs of L2's, L1's system-management mode lets an entry of EPT lead to another page."""
    return (*_l1(huge), Poke(SMM_CODE, move(_NEW_ENTRY, at) + RESUME), *_first(), *_again())


def _entry_written_twice(before: bool) -> Guest:
    """L1's system-management mode copies an entry: first, if at all, before L2 runs; then a new one."""
    return (
        *_l1(False),
        *quads({_COPIED: _OLD_ENTRY}),
        Poke(SMM_CODE, copy(_COPIED, _ENTRY) + RESUME),
        *((Smi(),) if before else ()),
        *_first(),
        *quads({_COPIED: _NEW_ENTRY}),
        *_again(),
    )


def _out(value: int) -> str:
    return f"io-out:0x80:{value & 0xFF:#x}"


_READ: Facts = {"first.stop": "hlt", "first.exit": EXIT_VMCALL, "first.event0": _out(SECRET)}
_AGAIN: Facts = {**_READ, "flushed.stop": "hlt", "flushed.rbx": 7, "last.stop": "hlt", "last.exit": EXIT_VMCALL}
_READS_OLD, _READS_NEW = ({**_AGAIN, "last.event0": _out(value)} for value in (SECRET, _OTHER))

TRIES = (
    hanging_write(
        "24-nested-intel",
        Emulated.INTEL,
        "An L1 writes to a table of its EPT from system-management mode, flushes, and runs L2 again.",
        Attempt(_entry_moved(huge=False)),
        Attempt(_entry_moved(huge=False, at=DATA + 0x1000)),
        (_READ, _READS_OLD, _READS_NEW),
    ),
    hidden_write(
        "25-nested-intel",
        Emulated.INTEL,
        "The tables of an L1's EPT lie in a huge page of its system-management mode's, which changes an entry.",
        Attempt(_entry_moved(huge=True)),
        Attempt(_entry_moved(huge=False)),
        (_READS_OLD, _READS_NEW),
    ),
    hidden_write(
        "26-nested-intel",
        Emulated.INTEL,
        "An L1's system-management mode writes a page that becomes a table of its EPT, and writes it again.",
        Attempt(_entry_written_twice(before=True)),
        Attempt(_entry_written_twice(before=False)),
        (_READS_OLD, _READS_NEW),
    ),
)
