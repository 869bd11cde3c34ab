"""Tries with EPT on Intel."""

from __future__ import annotations

from mmuproof.live.guests.paging import (
    ALL,
    CODE,
    CR0_PG,
    CR0_WP,
    CR4_CET,
    CR4_PAE,
    DATA,
    LARGE,
    LONG_MODE,
    PD_OF_SECOND_GB,
    PDPT,
    PS,
    SECRET,
    A,
    D,
    P,
    identity64,
    mode,
    quads,
    ram,
    words,
)
from mmuproof.live.guests.steps import Code, Go, Guest, HostWidth, MemorySlot, Peek, Poke, RunVcpu, Step
from mmuproof.live.guests.vmx import (
    E1,
    EPTP,
    EXIT_EPT_VIOLATION,
    EXIT_EXCEPTION,
    EXIT_VMCALL,
    L2_CODE,
    L2_TABLE,
    RESUME,
    RWX,
    WB,
    L2State,
    R,
    W,
    X,
    ept_entry,
    exit_of,
    vmx,
)
from mmuproof.live.trial import Attempt, Emulated, Facts, LiveTry, Seen

_OUTS = f"mov ${DATA:#x}, %esi; mov $0x80, %edx; outsb"
_LEAVE = "vmcall; hlt"
_LEFT: Facts = {"first.stop": "hlt", "first.exit": EXIT_VMCALL}
_CET = ("kvm_intel", "cet")


def _once(l2: L2State, text: str, *more: Step, pages: tuple[int, ...] = (L2_CODE,)) -> Guest:
    """L2 runs this once."""
    return (*vmx(l2, pages=pages), Code(L2_CODE, text, 32), *more, RunVcpu("first"), *exit_of("first"))


def _small_pages(first: int, special: dict[int, int]) -> tuple[Step, ...]:
    """EPT for two MBytes in small pages, of which some have other rights than all."""
    entries = {E1 + 8 * n: first + (n << 12) | (special[n] | WB if n in special else RWX) for n in range(512)}
    return (*quads(entries), *quads({ept_entry(first): E1 | R | W | X}))


def _violation(qualification: int, gpa: int) -> Facts:
    return {
        "first.stop": "hlt",
        "first.exit": EXIT_EPT_VIOLATION,
        "first.qualification": qualification,
        "first.gpa": gpa,
    }


# ---- 6: a push on a shadow stack that L1's EPT does not map.
_WITH_SHADOW_STACK = L2State(cr0=CR0_PG | CR0_WP, cr4=CR4_CET, shadow_stack=DATA + 0xFF0)
_SHADOW_STACK_PAGE = words({L2_TABLE + 4 * ((DATA - L2_CODE) >> 12): DATA | P | A | D})
# A call of distance 0 would leave the shadow stack alone.
_CALL = f"call 1f; hlt; 1: {_LEAVE}"
_PUSHED = DATA + 0xFEC

NO_SHADOW_STACK_BIT = LiveTry(
    name="6",
    finding=6,
    machine=Emulated.INTEL,
    says="L2 calls with a shadow stack in a page that L1's EPT does not map.",
    attempt=Attempt(_once(_WITH_SHADOW_STACK, _CALL, *_SHADOW_STACK_PAGE)),
    shows=Seen(_violation(0x182, _PUSHED)),
    right=Seen(_violation(0x2182, _PUSHED)),
    control=Attempt(_once(_WITH_SHADOW_STACK, _CALL, *_SHADOW_STACK_PAGE, pages=(L2_CODE, DATA))),
    control_gives=Seen(_LEFT),
    offered_by=_CET,
)

# ---- 14: page-directory pointers, which KVM loads when L2 turns PAE paging on, in a page that may only be read.
_POINTERS = L2_CODE + 0x3000


def _read_only_pointers(rights: int) -> Guest:
    tables = quads({_POINTERS + 8 * n: L2_CODE + 0x4000 | P for n in range(4)})
    large = quads({L2_CODE + 0x4000 + 8 * n: n * LARGE | PS | P | W | A | D for n in range(4)})
    return _once(
        L2State(cr3=_POINTERS, cr4=CR4_PAE),
        f"mov %cr0, %eax; or ${CR0_PG:#x}, %eax; mov %eax, %cr0; {_LEAVE}",
        *tables,
        *large,
        *_small_pages(L2_CODE, {3: rights}),
        pages=(DATA,),
    )


READ_AS_WRITE_OF_POINTERS = LiveTry(
    name="14-pointers",
    finding=14,
    machine=Emulated.INTEL,
    says="L2 turns PAE paging on, and its page-directory pointers are in a page that L1's EPT allows to be read only.",
    attempt=Attempt(_read_only_pointers(R)),
    shows=Seen({"first.stop": "hlt", "first.exit": EXIT_EXCEPTION, "first.interruption": 0x80000B0D}),
    right=Seen(_LEFT),
    control=Attempt(_read_only_pointers(R | W)),
    control_gives=Seen(_LEFT),
)

# ---- 17: L1's page table is in a slot that takes the place of MMIO, whose SPTE is still there.
_LATE = 1 << 30
_L2_PAGE = LARGE
_TOUCH, _CLEAR = 0x11000, 0x11800
_INVEPT_ADDRESS = 0x24FE0
_CLEAR_AND_FLUSH = f"""
    movq $0, {_LATE:#x}; mov $1, %eax; invept {_INVEPT_ADDRESS:#x}, %rax; jbe 1f
    mov $7, %ebx
1:  hlt
"""


def _late_slot(touched: bool) -> Guest:
    slot = (MemorySlot(_LATE, LARGE), *quads({_LATE: DATA | RWX}))
    touching = (Go(_TOUCH), RunVcpu("touch", to_mmio=True), *slot, RunVcpu("ready")) if touched else slot
    return (
        *vmx(L2State()),
        Code(_TOUCH, f"movq $1, {_LATE:#x}; hlt"),
        Code(_CLEAR, _CLEAR_AND_FLUSH),
        Code(L2_CODE, f"mov {_L2_PAGE:#x}, %eax; {_LEAVE}", 32),
        *quads({ept_entry(_L2_PAGE): _LATE | R | W | X}),
        Poke(_INVEPT_ADDRESS, EPTP.to_bytes(16, "little")),
        *touching,
        Go(CODE),
        RunVcpu("first"),
        *exit_of("first"),
        Go(_CLEAR),
        RunVcpu("cleared"),
        Peek("cleared.entry", _LATE),
        Go(RESUME),
        RunVcpu("second"),
        *exit_of("second"),
    )


_CLEARED: Facts = {**_LEFT, "cleared.stop": "hlt", "cleared.rbx": 7, "cleared.entry": 0, "second.stop": "hlt"}
_DENIED: Facts = {**_CLEARED, "second.exit": EXIT_EPT_VIOLATION, "second.gpa": _L2_PAGE}
_TOUCHED: Facts = {"touch.stop": f"mmio:{_LATE:#x}"}

STALE_MMIO = LiveTry(
    name="17-intel",
    finding=17,
    machine=Emulated.INTEL,
    says="L1 touches MMIO, its VMM puts memory there, and L1 has a page table of EPT in it; L1 clears an entry.",
    attempt=Attempt(_late_slot(True)),
    shows=Seen({**_CLEARED, **_TOUCHED, "second.exit": EXIT_VMCALL}),
    right=Seen({**_DENIED, **_TOUCHED}),
    control=Attempt(_late_slot(False)),
    control_gives=Seen(_DENIED),
)


# ---- 15: an MMIO address that uses the bits which the host has given up for encryption keys.
_MMIO, _OTHER_MMIO = 2 << 30, 0x20000000
_HOST_BITS = 36


def _wide_mmio(high: int) -> Guest:
    """MMIO, other MMIO, and the first again, so that KVM takes the address from the SPTE; then OUTS from memory.

    Args:
        high: the address bits by which the MMIO differs from memory.
    """
    reads = f"mov {_MMIO:#x}, %eax; mov {_OTHER_MMIO:#x}, %eax; mov {_MMIO:#x}, %eax"
    return (
        HostWidth(),
        *ram(),
        *identity64(),
        *quads({PDPT + 16: PD_OF_SECOND_GB | ALL, PD_OF_SECOND_GB: high | DATA | PS | ALL}),
        Code(CODE, f"{reads}; {_OUTS}; hlt"),
        *mode(64, cr4=CR4_PAE, efer=LONG_MODE),
        RunVcpu("only"),
    )


def _events(high: int, *more: str) -> Facts:
    reads = [f"mmio-read:{gpa:#x}" for gpa in (high | DATA, _OTHER_MMIO, high | DATA)]
    events = {f"only.event{n}": event for n, event in enumerate((*reads, *more))}
    return {"host.width": _HOST_BITS, "only.stop": "hlt", **events}


_ABOVE, _BELOW = 1 << 38, 1 << 34
_SENT = f"io-out:0x80:{SECRET & 0xFF:#x}"

LOST_BITS = LiveTry(
    name="15",
    finding=15,
    machine=Emulated.INTEL_KEYS,
    says="MMIO above the width that the host has kept; then an OUTS from memory at the address without those bits.",
    attempt=Attempt(_wide_mmio(_ABOVE)),
    shows=Seen(_events(_ABOVE, f"mmio-read:{DATA:#x}", "io-out:0x80:0x0")),
    right=Seen(_events(_ABOVE, _SENT)),
    control=Attempt(_wide_mmio(_BELOW)),
    control_gives=Seen(_events(_BELOW, _SENT)),
    impossible_on=("6.1", "6.12"),
    why_impossible="the emulated processor has no TME, and these kernels cannot be told to take it for one that has",
)

TRIES = (LOST_BITS, NO_SHADOW_STACK_BIT, READ_AS_WRITE_OF_POINTERS, STALE_MMIO)
