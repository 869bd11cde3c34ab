"""Tries of what a guest asks of KVM as of Hyper-V."""

from __future__ import annotations

from mmuproof.live.guests.paging import CODE, CR4_PAE, DATA, LONG_MODE, identity64, mode, quads, ram
from mmuproof.live.guests.steps import Code, Guest, HyperV, Msr, RunVcpu
from mmuproof.live.trial import Attempt, Emulated, Facts, LiveTry, Seen, Warned

# HvCallFlushVirtualAddressList of one entry, whose input is in memory: TLFS.
_GUEST_OS_ID, _FLUSH_LIST, _ALL_PROCESSORS, _ONE_ENTRY = 0x40000000, 3, 1, 1 << 32
_LAST_PAGE = 0x7FFFFFFFF000
"""The last page below the addresses of 48 bits that are not canonical."""
_AND_ONE_MORE = 1


def _flushed(entry: int) -> Guest:
    """The guest has Hyper-V flush an entry: a page, and in its low 12 bits how many more behind it."""
    return (
        *ram(),
        HyperV(),
        *identity64(),
        *quads({DATA: 0, DATA + 8: _ALL_PROCESSORS, DATA + 16: 0, DATA + 24: entry}),
        Code(CODE, f"mov ${_FLUSH_LIST | _ONE_ENTRY:#x}, %rcx; mov ${DATA:#x}, %edx; xor %r8d, %r8d; vmcall; hlt"),
        *mode(64, cr4=CR4_PAE, efer=LONG_MODE),
        Msr(_GUEST_OS_ID, 1),
        RunVcpu("only"),
    )


_DONE: Facts = {"only.stop": "hlt", "only.rax": _ONE_ENTRY}

TRIES = (
    LiveTry(
        name="27",
        finding=27,
        machine=Emulated.INTEL,
        says="The guest has Hyper-V flush a page and one behind it, whose address is not canonical.",
        attempt=Attempt(_flushed(_LAST_PAGE | _AND_ONE_MORE)),
        shows=Seen(_DONE, Warned("invvpid_error", text=r"invvpid failed", through=r"kvm_hv_vcpu_flush_tlb")),
        right=Seen(_DONE),
        control=Attempt(_flushed(_LAST_PAGE - 0x1000 | _AND_ONE_MORE)),
        control_gives=Seen(_DONE),
    ),
)
