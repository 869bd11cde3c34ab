"""Tries of system-management mode, for which KVM has memory slots of its own."""

from __future__ import annotations

from mmuproof.live.guests import svm
from mmuproof.live.guests.paging import (
    ALL,
    CODE,
    CR4_PAE,
    DATA,
    EFER_NX,
    LARGE,
    LONG_MODE,
    PD,
    PS,
    SECRET,
    identity64,
    mode,
    quads,
    ram,
)
from mmuproof.live.guests.smm import HALT, RESUME, SMM_CODE, copy, move
from mmuproof.live.guests.steps import Code, Guest, Peek, Poke, RunVcpu, ShowToSmm, Smi
from mmuproof.live.trial import Attempt, Emulated, Facts, LiveTry, Modules, Seen, Warned
from mmuproof.live.tries.hidden_writes import hanging_write, hidden_write

_UNUSED_ENTRY = PD + 511 * 8
"""Of the page directory of the first GByte, the one for its last 2 MBytes."""
_WRITTEN = 0x5A5A_0000
"""Not a present entry."""


_OTHER_PAGE, _OTHER = 0x80_0000, 0x07E5


def _written_in_smm(address: int) -> Guest:
    """The guest uses its tables; then it goes to system-management mode and writes there."""
    return (
        *ram(),
        ShowToSmm(0),
        *identity64(),
        Code(CODE, f"mov {DATA:#x}, %rax; hlt"),
        Poke(SMM_CODE, move(_WRITTEN, address) + HALT),
        *mode(64, cr4=CR4_PAE, efer=LONG_MODE | EFER_NX),
        RunVcpu("first"),
        Smi(),
        RunVcpu("smm"),
        Peek("smm.written", address),
    )


def _moved_in_smm(huge: bool, at: int = PD + DATA // LARGE * 8) -> Guest:
    """System-management mode lets an entry lead to another page; the guest loads CR3 anew, and reads there."""
    reads = f"mov {DATA:#x}, %rax; hlt"
    return (
        *ram(huge),
        ShowToSmm(0),
        *identity64(),
        *quads({_OTHER_PAGE: _OTHER}),
        Code(CODE, f"{reads}; mov %cr3, %rbx; mov %rbx, %cr3; {reads}"),
        Poke(SMM_CODE, move(_OTHER_PAGE | PS | ALL, at) + RESUME),
        *mode(64, cr4=CR4_PAE, efer=LONG_MODE | EFER_NX),
        RunVcpu("first"),
        Smi(),
        RunVcpu("last"),
    )


def _written_twice_in_smm(before: bool) -> Guest:
    """System-management mode copies an entry: first, if at all, before the table is used; then a new one."""
    entry, copied = PD + DATA // LARGE * 8, 0x9000
    reads = f"mov {DATA:#x}, %rax; hlt"
    return (
        *ram(),
        ShowToSmm(0),
        *identity64(),
        *quads({_OTHER_PAGE: _OTHER, copied: DATA | PS | ALL}),
        Code(CODE, f"{reads}; mov %cr3, %rbx; mov %rbx, %cr3; {reads}"),
        Poke(SMM_CODE, copy(copied, entry) + RESUME),
        *mode(64, cr4=CR4_PAE, efer=LONG_MODE | EFER_NX),
        *((Smi(),) if before else ()),
        RunVcpu("first"),
        *quads({copied: _OTHER_PAGE | PS | ALL}),
        Smi(),
        RunVcpu("last"),
    )


# ---- The same by an L1's nested page tables, which are shadowed although its own are not.
_L2_PAGE = LARGE
# With SVM's global interrupt flag clear, as L2 leaves it, there is no system-management mode.
_RUN_L2 = f"mov ${svm.VMCB:#x}, %eax; vmrun %rax; stgi; hlt"
_ENTRY = svm.nested_entry(_L2_PAGE)


def _l1(huge: bool) -> Guest:
    """L2 reads a page, twice, and L1 halts after each time."""
    return (
        *svm.svm(huge=huge),
        ShowToSmm(0),
        *quads({_OTHER_PAGE: _OTHER, _ENTRY: DATA | PS | ALL}),
        Code(CODE, f"{_RUN_L2}; {_RUN_L2}"),
        Code(svm.L2_CODE, f"mov {_L2_PAGE:#x}, %eax; vmmcall; hlt", 32),
    )


def _l2_again(run: str) -> Guest:
    return (*quads({svm.L2_RIP: svm.L2_CODE, svm.L2_RAX: 0}), RunVcpu(run), *svm.exit_of(run))


def _nested_entry_moved_in_smm(huge: bool, at: int = _ENTRY) -> Guest:
    """Between two runs of L2's, L1's system-management mode lets an entry lead to another page."""
    moving = move(_OTHER_PAGE | PS | ALL, at) + RESUME
    return (*_l1(huge), Poke(SMM_CODE, moving), *_l2_again("first"), Smi(), *_l2_again("last"))


def _nested_entry_written_twice_in_smm(before: bool) -> Guest:
    """L1's system-management mode copies an entry: first, if at all, before L2 runs; then a new one."""
    copied = 0x9000
    return (
        *_l1(False),
        *quads({copied: DATA | PS | ALL}),
        Poke(SMM_CODE, copy(copied, _ENTRY) + RESUME),
        *((Smi(),) if before else ()),
        *_l2_again("first"),
        *quads({copied: _OTHER_PAGE | PS | ALL}),
        Smi(),
        *_l2_again("last"),
    )


_READ: Facts = {"first.stop": "hlt", "first.exit": svm.EXIT_VMMCALL, "first.l2_rax": SECRET}
_READ_AGAIN: Facts = {**_READ, "last.stop": "hlt", "last.exit": svm.EXIT_VMMCALL}
_READS_OLD, _READS_NEW = ({**_READ_AGAIN, "last.l2_rax": value} for value in (SECRET, _OTHER))

_DONE: Facts = {"first.stop": "hlt", "first.rax": SECRET, "smm.stop": "hlt", "smm.written": _WRITTEN}


_MOVED: Facts = {"first.stop": "hlt", "first.rax": SECRET, "last.stop": "hlt"}
_MOVED_OLD, _MOVED_NEW = ({**_MOVED, "last.rax": value} for value in (SECRET, _OTHER))
_BY_SHADOW_PAGING = Modules(vendor=("npt=0",))

TRIES = (
    # Intel without EPT has no real mode but KVM's emulator, whose writes are looked at otherwise.
    LiveTry(
        name="24",
        finding=24,
        machine=Emulated.AMD,
        says="A guest whose tables are shadowed writes to its page directory from system-management mode.",
        attempt=Attempt(_written_in_smm(_UNUSED_ENTRY), _BY_SHADOW_PAGING),
        shows=Seen(_DONE, Warned("mmu_try_to_unsync_pages")),
        right=Seen(_DONE),
        control=Attempt(_written_in_smm(DATA + 0x1000), _BY_SHADOW_PAGING),
        control_gives=Seen(_DONE),
    ),
    hidden_write(
        "25",
        Emulated.AMD,
        "Tables lie in a huge page of system-management mode's, which changes an entry that the guest uses again.",
        Attempt(_moved_in_smm(huge=True), _BY_SHADOW_PAGING),
        Attempt(_moved_in_smm(huge=False), _BY_SHADOW_PAGING),
        (_MOVED_OLD, _MOVED_NEW),
    ),
    hidden_write(
        "26",
        Emulated.AMD,
        "A page is written in system-management mode, becomes a table, and is written there again.",
        Attempt(_written_twice_in_smm(before=True), _BY_SHADOW_PAGING),
        Attempt(_written_twice_in_smm(before=False), _BY_SHADOW_PAGING),
        (_MOVED_OLD, _MOVED_NEW),
    ),
    LiveTry(
        name="24-again",
        finding=24,
        machine=Emulated.AMD,
        says="A guest whose tables are shadowed writes to its page directory so, loads CR3 anew, and reads.",
        attempt=Attempt(_moved_in_smm(huge=False), _BY_SHADOW_PAGING),
        shows=Seen({"first.stop": "hlt", "first.rax": SECRET}, Warned("mmu_try_to_unsync_pages"), hangs=True),
        right=Seen(_MOVED_NEW),
        control=Attempt(_moved_in_smm(huge=False, at=DATA + 0x1000), _BY_SHADOW_PAGING),
        control_gives=Seen(_MOVED_OLD),
    ),
    hanging_write(
        "24-nested",
        Emulated.AMD,
        "An L1 writes to its nested page tables from system-management mode, and runs L2 again.",
        Attempt(_nested_entry_moved_in_smm(huge=False)),
        Attempt(_nested_entry_moved_in_smm(huge=False, at=DATA + 0x1000)),
        (_READ, _READS_OLD, _READS_NEW),
    ),
    hidden_write(
        "25-nested",
        Emulated.AMD,
        "An L1's nested page tables lie in a huge page of its system-management mode's, which changes an entry.",
        Attempt(_nested_entry_moved_in_smm(huge=True)),
        Attempt(_nested_entry_moved_in_smm(huge=False)),
        (_READS_OLD, _READS_NEW),
    ),
    hidden_write(
        "26-nested",
        Emulated.AMD,
        "An L1's system-management mode writes a page that becomes a nested page table, and writes it again.",
        Attempt(_nested_entry_written_twice_in_smm(before=True)),
        Attempt(_nested_entry_written_twice_in_smm(before=False)),
        (_READS_OLD, _READS_NEW),
    ),
)
