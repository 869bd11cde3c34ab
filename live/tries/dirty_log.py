"""Tries of the log of dirty pages, which tells userspace what to copy again when it moves a guest elsewhere."""

from __future__ import annotations

from mmuproof.live.guests.paging import CODE, CR4_PAE, EFER_NX, LARGE, LONG_MODE, MB, identity64, mode, ram
from mmuproof.live.guests.steps import ClearLog, Code, Guest, IsLogged, LogWrites, MemorySlot, Peek, RunVcpu
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


TRIES = (
    _one("", Emulated.AMD, _NOT_SPLIT),
    _one("-default", Emulated.AMD, Modules(), hidden_on=("6.12", "7.2", "7.3")),
    _one("-shadow", Emulated.AMD, Modules(vendor=("npt=0",))),
    _one("-intel", Emulated.INTEL, _NOT_SPLIT),
)
