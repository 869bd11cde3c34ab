"""An L1 on Intel that runs an L2 with EPT.

Source: SDM volume 3, appendix B (fields of the VMCS), appendix A (capability MSRs), 30.3 (EPT), table 29-7 (exit
qualification of EPT violations).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from mmuproof.live.guests.paging import (
    ALL,
    CODE,
    CR0,
    CR0_WP,
    CR4_PAE,
    CR4_VMXE,
    EFER_NX,
    GDT,
    IDT,
    LARGE,
    LONG_MODE,
    PML4,
    PS,
    STACK,
    identity64,
    mode,
    quads,
    ram,
    table32,
    words,
)
from mmuproof.live.guests.steps import Code, Msr, Peek, Poke, Step, VmxControl

VMXON, VMCS, FIELDS, TOLD = 0x20000, 0x21000, 0x22000, 0x24000
VMXON_POINTER, VMCS_POINTER = 0x24FF0, 0x24FF8
E4, E3, E2, E1 = 0x30000, 0x31000, 0x32000, 0x33000
"""The tables of L1's EPT: one of each level, the last for 2 MBytes in small pages."""
L2_CODE = 0x400000
L2_STACK = L2_CODE + 0x8000
L2_DIRECTORY, L2_TABLE = L2_CODE + 0x1000, L2_CODE + 0x2000
"""L2's tables of 32-bit paging: linear addresses from 4 to 8 MBytes are the guest-physical ones."""

R, W, X = 1, 2, 4
WB = 6 << 3
RWX = R | W | X | WB

DATA_RIGHTS, RIGHTS_OF_USER = 0xC093, 0x60
"""The access rights of a data segment, and what those of any segment have besides with CPL 3."""

EXIT_EXCEPTION, EXIT_VMCALL, EXIT_EPT_VIOLATION, EXIT_EPT_MISCONFIGURATION = 0, 18, 48, 49
CET_STATE = 1 << 20
"""The VM-entry control that loads L2's shadow-stack registers."""
LOAD_CET_ON_EXIT = 1 << 28

_FEATURE_CONTROL, _LOCKED_WITH_VMX = 0x3A, 5
_PIN, _PRIMARY, _SECONDARY, _EXIT, _ENTRY = 0x4000, 0x4002, 0x401E, 0x400C, 0x4012
_TRUE_PIN, _TRUE_PRIMARY, _MSR_SECONDARY, _TRUE_EXIT, _TRUE_ENTRY = 0x48D, 0x48E, 0x48B, 0x48F, 0x490
_SECONDARY_ON, _HLT_EXITING = 1 << 31, 1 << 7
_EPT, _UNRESTRICTED, _MBEC = 1 << 1, 1 << 7, 1 << 22
_HOST_IN_64_BITS = 1 << 9
_L2_IN_64_BITS, _LOAD_EFER = 1 << 9, 1 << 15
_EPTP_WB_FOUR_LEVELS = 0x1E
EPTP = E4 | _EPTP_WB_FOUR_LEVELS
EPTP_AD = 1 << 6
L2_RIP, L2_RFLAGS, L2_CS, L2_SS, L2_CS_RIGHTS, L2_SS_RIGHTS = 0x681E, 0x6820, 0x802, 0x804, 0x4816, 0x4818
_END = (1 << 64) - 1

_HANDLER = CODE + 0x100
RESUME = _HANDLER + 0x80
"""Where L1 runs L2 again from its first instruction; it halts again when L2 has left."""
AGAIN = _HANDLER + 0x100
"""Where L1 runs L2 again as its list of fields says."""

_FAILED = "mov $0x4400, %edx; vmread %rdx, %rbx; hlt"
_WRITE_FIELDS = f"""
    mov ${FIELDS:#x}, %esi
1:  mov (%rsi), %rax; cmp $-1, %rax; je 2f; mov 8(%rsi), %rcx; vmwrite %rcx, %rax; jbe 3f; add $16, %esi; jmp 1b
"""
_LAUNCH = f"""
    mov $0x480, %ecx; rdmsr; mov %eax, {VMXON:#x}; mov %eax, {VMCS:#x}
    vmxon {VMXON_POINTER:#x}; jbe 3f; vmclear {VMCS_POINTER:#x}; jbe 3f; vmptrld {VMCS_POINTER:#x}; jbe 3f
    {_WRITE_FIELDS}
2:  vmlaunch
3:  {_FAILED}
"""
_AGAIN = f"""
    {_WRITE_FIELDS}
2:  vmresume
3:  {_FAILED}
"""
_LEFT = f"""
0:  mov ${TOLD:#x}, %esi
4:  mov (%rsi), %rax; cmp $-1, %rax; je 5f; vmread %rax, %rcx; mov %rcx, 8(%rsi); add $16, %esi; jmp 4b
5:  hlt
    .skip 0x80 - (. - 0b)
    mov ${L2_RIP:#x}, %eax; mov ${L2_CODE:#x}, %ecx; vmwrite %rcx, %rax; vmresume; {_FAILED}
"""

_TOLD_FIELDS = {
    "exit": 0x4402,
    "qualification": 0x6400,
    "linear": 0x640A,
    "gpa": 0x2400,
    "l2_rip": L2_RIP,
    "interruption": 0x4404,
    "interruption_code": 0x4406,
}


@dataclass(frozen=True, kw_only=True)
class L2State:
    """What is special about an L2.

    Args:
        cr0: what its CR0 has besides PE and NE.
        cr3: its tables.
        cr4: what its CR4 has besides VMXE.
        shadow_stack: where its shadow stack ends; none without it.
        bits: 64 or 32, of its code segment.
        efer: its EFER; None if L1 does not load it.
        pointers: its page-directory pointers, in PAE paging.
        eptp: the root of its EPT, and how that is used.
        mbec: whether L1 turns mode-based execute control on.
    """

    cr0: int = 0
    cr3: int = L2_DIRECTORY
    cr4: int = 0
    shadow_stack: int | None = None
    bits: int = 32
    efer: int | None = None
    pointers: tuple[int, ...] = ()
    eptp: int = EPTP
    mbec: bool = False


def vmx(l2: L2State, *, pages: tuple[int, ...] = (L2_CODE,), huge: bool = False) -> tuple[Step, ...]:
    """L1 in long mode, about to run at CODE.

    Args:
        l2: how L2 runs.
        huge: whether the host has pages of 2 MBytes.
        pages: what EPT maps for all accesses, in pages of 2 MBytes, to the same addresses.
    """
    return (
        *ram(huge),
        *hypervisor(l2),
        *quads({E4: E3 | R | W | X, E3: E2 | R | W | X}),
        *quads({ept_entry(page): page | PS | RWX for page in pages}),
        *words({L2_DIRECTORY + 4: L2_TABLE | ALL}),
        table32(L2_TABLE, L2_CODE, ALL),
    )


def hypervisor(l2: L2State) -> tuple[Step, ...]:
    """L1 in long mode, about to run at CODE, without the tables of EPT."""
    fields = _fields(l2)
    return (
        *identity64(),
        Msr(_FEATURE_CONTROL, _LOCKED_WITH_VMX),
        *mode(64, cr0=CR0 | CR0_WP, cr4=CR4_PAE | CR4_VMXE, efer=LONG_MODE | EFER_NX),
        Code(CODE, _LAUNCH),
        Code(_HANDLER, _LEFT),
        Code(AGAIN, _AGAIN),
        *quads({VMXON_POINTER: VMXON, VMCS_POINTER: VMCS}),
        _pairs(FIELDS, {**fields, **dict.fromkeys(_controls(l2), 0)}),
        *(VmxControl(FIELDS + 16 * (len(fields) + n) + 8, *each) for n, each in enumerate(_controls(l2).values())),
        _pairs(TOLD, dict.fromkeys(_TOLD_FIELDS.values(), 0)),
    )


def field_value(l2: L2State, field: int) -> int:
    """The address of the value that L1 gives a field of L2's."""
    return FIELDS + 16 * list(_fields(l2)).index(field) + 8


def ept_entry(page: int) -> int:
    """The address of the entry that maps 2 MBytes of L2."""
    return E2 + 8 * (page // LARGE)


def exit_of(run: str) -> tuple[Step, ...]:
    """What L1 is told of L2's last exit, as facts ``RUN.exit``, ``RUN.qualification`` and so on."""
    return tuple(Peek(f"{run}.{name}", TOLD + 16 * n + 8) for n, name in enumerate(_TOLD_FIELDS))


def code_rights(bits: int) -> int:
    """The access rights of a code segment of that width, for CPL 0."""
    return 0xA09B if bits == 64 else 0xC09B


def _pairs(gpa: int, values: Mapping[int, int]) -> Step:
    """Fields and values, as L1's loops read them."""
    pairs = b"".join(struct.pack("<QQ", *pair) for pair in values.items())
    return Poke(gpa, pairs + struct.pack("<Q", _END))


def _controls(l2: L2State) -> dict[int, tuple[int, int]]:
    """Of each control field, the capability MSR and what L1 wants."""
    stacks = l2.shadow_stack is not None
    return {
        _PIN: (_TRUE_PIN, 0),
        _PRIMARY: (_TRUE_PRIMARY, _SECONDARY_ON | _HLT_EXITING),
        _SECONDARY: (_MSR_SECONDARY, _EPT | _UNRESTRICTED | _MBEC * l2.mbec),
        _EXIT: (_TRUE_EXIT, _HOST_IN_64_BITS | LOAD_CET_ON_EXIT * stacks),
        _ENTRY: (
            _TRUE_ENTRY,
            CET_STATE * stacks | _L2_IN_64_BITS * (l2.bits == 64) | _LOAD_EFER * (l2.efer is not None),
        ),
    }


def _fields(l2: L2State) -> dict[int, int]:
    host = {
        0x6C00: CR0 | CR0_WP,
        0x6C02: PML4,
        0x6C04: CR4_PAE | CR4_VMXE,
        0x6C0C: GDT,
        0x6C0E: IDT,
        0x6C14: STACK,
        0x6C16: _HANDLER,
        0xC00: 16,
        0xC02: 8,
        0xC04: 16,
        0xC06: 16,
        0xC0C: 24,
    }
    guest = {
        # All exceptions leave; there is no shadow VMCS.
        0x4004: 0xFFFFFFFF,
        0x2800: _END,
        0x201A: l2.eptp,
        0x6800: 0x31 | l2.cr0,
        0x6802: l2.cr3,
        0x6804: CR4_VMXE | l2.cr4,
        0x681A: 0x400,
        0x681C: L2_STACK,
        L2_RIP: L2_CODE,
        L2_RFLAGS: 2,
        0x4810: 0x2F,
        0x4812: 0xFFF,
        # The task register, and no local descriptor table.
        0x480E: 0x67,
        0x80E: 24,
        0x4820: 0x10000,
        0x4822: 0x8B,
    }
    for number in range(6):
        selector, rights = (8, code_rights(l2.bits)) if number == 1 else (16, DATA_RIGHTS)
        guest |= {0x800 + 2 * number: selector, 0x4800 + 2 * number: 0xFFFFFFFF, 0x4814 + 2 * number: rights}
    if l2.efer is not None:
        guest |= {0x2806: l2.efer}
    guest |= {0x280A + 2 * number: pointer for number, pointer in enumerate(l2.pointers)}
    if l2.shadow_stack is not None:
        # Shadow stacks for supervisor mode; no interrupt table of theirs.
        guest |= {0x6828: 1, 0x682A: l2.shadow_stack, 0x682C: 0}
    return host | guest
