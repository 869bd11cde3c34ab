"""An L1 on AMD that runs an L2 with nested paging.

Source: APM volume 2, appendix B (the VMCB) and 15.25 (nested paging).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from mmuproof.live.guests.paging import (
    ALL,
    CR4_PAE,
    EFER_NX,
    EFER_SVME,
    LARGE,
    LONG_MODE,
    PS,
    identity64,
    mode,
    quads,
    ram,
)
from mmuproof.live.guests.steps import Msr, Peek, Poke, Step

VMCB, HOST_SAVE = 0x20000, 0x21000
N4, N3, N2 = 0x30000, 0x31000, 0x32000
"""The tables of L1's nested paging: one of each level above pages of 2 MBytes."""
L2_CODE = 0x400000
L2_STACK = L2_CODE + 0x8000

NESTED_ROOT = VMCB + 0xB0
"""Where the VMCB has the root of nested paging."""

VM_HSAVE_PA = 0xC0010117
EXIT_PAGE_FAULT, EXIT_SOFTWARE_INTERRUPT, EXIT_VMMCALL, EXIT_NPF = 0x4E, 0x75, 0x81, 0x400
NPF_GUEST_FINAL, NPF_GUEST_PAGE = 1 << 32, 1 << 33

EXIT_CODE, EXIT_INFO_1, EXIT_INFO_2, L2_EFER, L2_CR3, L2_CR0, L2_RIP, L2_RAX = (
    VMCB + offset for offset in (0x70, 0x78, 0x80, 0x4D0, 0x550, 0x558, 0x578, 0x5F8)
)

VMRUN = f"mov ${VMCB:#x}, %eax; vmrun %rax; hlt"
"""L1 runs L2 once, and halts when L2 has left."""


def control_block(
    efer: int = EFER_SVME,
    cr0: int = 0x11,
    cr3: int = 0,
    *,
    cr4: int = 0,
    bits: int = 32,
    tables: int = N4,
    controls: int = 0,
) -> Step:
    """The VMCB: L2 in flat segments, which leaves with VMMCALL; HLT and all exceptions leave too.

    Args:
        efer: L2's register of that name, as are cr0, cr3 and cr4.
        cr0: see there.
        cr3: see there.
        cr4: see there.
        bits: 64 or 32, of L2's code segment.
        tables: the root of nested paging.
        controls: what the control of nested paging has besides its being on.
    """
    block = bytearray(0x700)

    def put(form: str, at: Mapping[int, int]) -> None:
        for offset, value in at.items():
            struct.pack_into(form, block, offset, value)

    # Exceptions; software interrupts, HLT and SHUTDOWN; VMRUN and VMMCALL; the ASID with all of its TLB to be flushed;
    # nested paging.
    put("<I", {0x08: 0xFFFFFFFF, 0x0C: 1 << 21 | 1 << 24 | 1 << 31, 0x10: 3, 0x58: 1, 0x5C: 1})
    put("<Q", {0x90: 1 | controls, 0xB0: tables})
    for number in range(6):
        selector, attributes = (8, 0xA9B if bits == 64 else 0xC9B) if number == 1 else (16, 0xC93)
        struct.pack_into("<HHI", block, 0x400 + 16 * number, selector, attributes, 0xFFFFFFFF)
    put("<Q", {0x4D0: efer, 0x548: cr4, 0x550: cr3, 0x558: cr0, 0x560: 0x400, 0x568: 0xFFFF0FF0})
    put("<Q", {0x570: 2, 0x578: L2_CODE, 0x5D8: L2_STACK, 0x668: 0x0007040600070406})
    return Poke(VMCB, bytes(block))


def svm(
    *, efer: int = EFER_NX, huge: bool = False, block: Step | None = None, pages: tuple[int, ...] = (L2_CODE,)
) -> tuple[Step, ...]:
    """L1 in long mode, about to run at CODE.

    Args:
        efer: what L1's EFER has besides long mode and SVME.
        huge: whether the host has pages of 2 MBytes.
        block: the VMCB; the usual one if there is none.
        pages: what nested paging maps, in pages of 2 MBytes, to the same addresses.
    """
    return (
        *ram(huge),
        *identity64(),
        *mode(64, cr4=CR4_PAE, efer=LONG_MODE | EFER_SVME | efer),
        Msr(VM_HSAVE_PA, HOST_SAVE),
        block or control_block(),
        *quads({N4: N3 | ALL, N3: N2 | ALL}),
        *quads({nested_entry(page): page | PS | ALL for page in pages}),
    )


def nested_entry(page: int) -> int:
    """The address of the entry that maps 2 MBytes of L2."""
    return N2 + 8 * (page // LARGE)


def exit_of(run: str) -> tuple[Step, ...]:
    """What L1 is told of L2's last exit, as facts ``RUN.exit``, ``RUN.info1``, ``RUN.info2``, ``RUN.l2_rax``."""
    named = {"exit": EXIT_CODE, "info1": EXIT_INFO_1, "info2": EXIT_INFO_2, "l2_rax": L2_RAX}
    return tuple(Peek(f"{run}.{name}", gpa) for name, gpa in named.items())
