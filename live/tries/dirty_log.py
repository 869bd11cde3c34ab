"""Tries of the log of dirty pages, which tells userspace what to copy again when it moves a guest elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from mmuproof.live.guests.paging import (
    ALL,
    CODE,
    CR4_PAE,
    EFER_NX,
    LARGE,
    LONG_MODE,
    MB,
    PS,
    identity64,
    mode,
    quads,
    ram,
)
from mmuproof.live.guests.steps import (
    ClearLog,
    Code,
    Go,
    Guest,
    IsLogged,
    LogWrites,
    MemorySlot,
    Peek,
    RunVcpu,
    Step,
    StopLog,
)
from mmuproof.live.guests.svm import EXIT_VMMCALL, L2_CODE, N3, VMRUN, exit_of, svm
from mmuproof.live.trial import Attempt, Emulated, Facts, LiveTry, Modules, Seen

_PAGE = 4096
_HUGE_PAGE = 32 * MB
_CLEARED_AT_ONCE = 64


def _last_cleared(number: int) -> Guest:
    """The last of the pages that userspace clears at first is this one of a huge page; the guest writes its first."""
    slot = _HUGE_PAGE + (number + 1 - _CLEARED_AT_ONCE) * _PAGE
    return (
        *ram(),
        MemorySlot(slot, _HUGE_PAGE + LARGE - slot, huge=True),
        *identity64(),
        Code(CODE, f"movq $1, {_HUGE_PAGE:#x}; hlt; movq $2, {_HUGE_PAGE:#x}; hlt"),
        *mode(64, cr4=CR4_PAE, efer=LONG_MODE | EFER_NX),
        RunVcpu("first"),
        LogWrites(slot),
        IsLogged("first.logged", _HUGE_PAGE),
        ClearLog(slot, _CLEARED_AT_ONCE),
        IsLogged("cleared", _HUGE_PAGE),
        RunVcpu("last"),
        Peek("last.content", _HUGE_PAGE),
        IsLogged("last.logged", _HUGE_PAGE),
    )


_WRITTEN: Facts = {"first.stop": "hlt", "first.logged": 1, "cleared": 0, "last.stop": "hlt", "last.content": 2}
_LOGGED = Seen({**_WRITTEN, "last.logged": 1})
_NOT_SPLIT = Modules(kvm=("eager_page_split=0",))


def _one(suffix: str, machine: Emulated, modules: Modules, hidden_on: tuple[str, ...] = ()) -> LiveTry:
    return LiveTry(
        name=f"23{suffix}",
        finding=23,
        machine=machine,
        says="Userspace clears the log of 64 pages, the last of which begins a huge page; the guest writes to it.",
        attempt=Attempt(_last_cleared(0), modules),
        shows=Seen({**_WRITTEN, "last.logged": 0}),
        right=_LOGGED,
        control=Attempt(_last_cleared(1), modules),
        control_gives=_LOGGED,
        impossible_on=hidden_on,
        why_impossible="KVM splits this huge page there beforehand, which 6.1 does not do." if hidden_on else "",
    )


# ---- 28: a page of SPTEs, each of 2 MBytes, begins before the slot does.
_GB = 1 << 30
_INSIDE_GB = _GB + 2 * LARGE
"""What a slot may begin with whose first page of 2 MBytes is not the first one of its page of SPTEs."""


def _huge_slot(gpa: int) -> MemorySlot:
    return MemorySlot(gpa, 2 * LARGE, huge=True)


def _log_ends(slot: int) -> tuple[Step, ...]:
    return (LogWrites(slot), StopLog(slot), Go(CODE), RunVcpu("last"))


def _read_by_guest(slot: int) -> Guest:
    """The guest reads a slot of huge pages; its log is turned on, and off again."""
    return (
        *ram(),
        _huge_slot(slot),
        *identity64(),
        Code(CODE, f"mov {slot:#x}, %rax; hlt"),
        *mode(64, cr4=CR4_PAE, efer=LONG_MODE | EFER_NX),
        RunVcpu("first"),
        *_log_ends(slot),
    )


def _read_by_l2(slot: int) -> Guest:
    """L2 reads such a slot, in a page of 1 GByte of L1's nested paging; its log is turned on, and off again."""
    return (
        *svm(),
        _huge_slot(slot),
        *quads({N3 + 8: _GB | PS | ALL}),
        Code(CODE, VMRUN),
        Code(L2_CODE, f"mov {slot:#x}, %eax; vmmcall", 32),
        RunVcpu("first"),
        *exit_of("first"),
        *_log_ends(slot),
    )


def _below_slot(suffix: str, guest: Callable[[int], Guest], modules: Modules, read: Facts) -> LiveTry:
    end = Seen({**read, "last.stop": "hlt"})
    return LiveTry(
        name=f"28{suffix}",
        finding=28,
        machine=Emulated.AMD,
        says="The log of a slot of huge pages ends; the slot begins 4 MBytes above a multiple of 1 GByte.",
        attempt=Attempt(guest(_INSIDE_GB), modules),
        shows=Seen(read, dies_in="kvm_mmu_max_mapping_level"),
        right=end,
        control=Attempt(guest(_GB), modules),
        control_gives=end,
        processors=2,
    )


TRIES = (
    _below_slot("", _read_by_guest, Modules(kvm=("tdp_mmu=0",)), {"first.stop": "hlt"}),
    _below_slot("-nested", _read_by_l2, Modules(), {"first.stop": "hlt", "first.exit": EXIT_VMMCALL}),
    _one("", Emulated.AMD, _NOT_SPLIT),
    _one("-default", Emulated.AMD, Modules(), hidden_on=("6.12", "7.2", "7.3")),
    _one("-shadow", Emulated.AMD, Modules(vendor=("npt=0",))),
    _one("-intel", Emulated.INTEL, _NOT_SPLIT),
)
