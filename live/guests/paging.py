"""Where things are in a guest, its registers, and its page tables.

All addresses below are guest-physical, and with the tables here guest-linear ones too.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from mmuproof.live.guests.steps import Code, MemorySlot, Mode, Poke, Step

MB = 1 << 20
RAM_SIZE = 16 * MB
LARGE = 2 * MB

PML4, PDPT, PD, GDT, IDT, PT, PD_OF_SECOND_GB, HANDLERS = (page << 12 for page in range(1, 9))
CODE, STACK = 0x10000, 0x12000
DATA = 0x600000
SECRET = 0x5EED
"""What stands where an access is to end."""

P, W, U, A, D, PS = 1, 2, 4, 0x20, 0x40, 0x80
ALL = P | W | U | A | D
NX = 1 << 63

CR0_PG, CR0_WP, CR0_NE = 1 << 31, 1 << 16, 1 << 5
CR0 = CR0_PG | 0x31
CR4_PSE, CR4_PAE, CR4_VMXE, CR4_CET = 1 << 4, 1 << 5, 1 << 13, 1 << 23
EFER_LME, EFER_LMA, EFER_NX, EFER_SVME = 1 << 8, 1 << 10, 1 << 11, 1 << 12
LONG_MODE = EFER_LME | EFER_LMA

_HANDLER_BYTES, _VECTORS = 16, 32
_INTERRUPT_GATE, _FOR_ALL, _BREAKPOINT = 0x8E00, 0x6000, 3
# Null; code of 32 or 64 bits, which each Mode loads by itself; data; a task-state segment of two entries.
_DESCRIPTORS = (0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF, 0x00008B0000000067, 0, 0)
_DESCRIPTORS_32 = (0, 0x00CF9B000000FFFF, *_DESCRIPTORS[2:])


def quads(values: Mapping[int, int]) -> tuple[Step, ...]:
    """Eight bytes each, at these addresses."""
    return tuple(Poke(gpa, struct.pack("<Q", value)) for gpa, value in values.items())


def words(values: Mapping[int, int]) -> tuple[Step, ...]:
    """Four bytes each, at these addresses."""
    return tuple(Poke(gpa, struct.pack("<I", value)) for gpa, value in values.items())


def ram(huge: bool = False) -> tuple[Step, ...]:
    """The guest's memory, from 0 on, with the secret in it."""
    return (MemorySlot(0, RAM_SIZE, huge), *quads({DATA: SECRET}))


def table64(gpa: int, first: int, step: int, flags: int) -> Step:
    """A full table of eight-byte entries, to frames that follow each other."""
    return Poke(gpa, struct.pack("<512Q", *(first + step * n | flags for n in range(512))))


def table32(gpa: int, first: int, flags: int) -> Step:
    """A full table of four-byte entries, to frames that follow each other."""
    return Poke(gpa, struct.pack("<1024I", *(first + (n << 12) | flags for n in range(1024))))


def identity64() -> tuple[Step, ...]:
    """Tables of four levels for the first two GBytes, in pages of 2 MBytes."""
    return (
        *quads({PML4: PDPT | ALL, PDPT: PD | ALL, PDPT + 8: PD_OF_SECOND_GB | ALL}),
        table64(PD, 0, LARGE, PS | ALL),
        table64(PD_OF_SECOND_GB, 512 * LARGE, LARGE, PS | ALL),
    )


def identity32() -> tuple[Step, ...]:
    """Tables of 32-bit paging for the first four MBytes."""
    return (*words({PML4: PDPT | ALL}), table32(PDPT, 0, ALL))


def mode(bits: int, *, cr4: int, efer: int, cr0: int = CR0, cr3: int = PML4) -> tuple[Step, ...]:
    """The vCPU at CODE, with segments of that width; each exception halts in a handler of its own."""
    return (
        *handlers(bits),
        Mode(bits=bits, cr0=cr0, cr3=cr3, cr4=cr4, efer=efer, rip=CODE, rsp=STACK, gdt=GDT, idt=IDT),
    )


def handlers(bits: int) -> tuple[Step, ...]:
    """For each exception a handler that halts, for segments of that width; INT3 may be used with any CPL."""
    gate, descriptors = (_gate64, _DESCRIPTORS) if bits == 64 else (_gate32, _DESCRIPTORS_32)
    return (
        Poke(IDT, b"".join(gate(number) for number in range(_VECTORS))),
        Poke(GDT, struct.pack("<6Q", *descriptors)),
        Code(HANDLERS, f".rept {_VECTORS}; hlt; .balign {_HANDLER_BYTES}; .endr", bits),
    )


def _gate64(number: int) -> bytes:
    return _gate32(number) + bytes(8)


def _gate32(number: int) -> bytes:
    handler = HANDLERS + _HANDLER_BYTES * number
    kind = _INTERRUPT_GATE | _FOR_ALL * (number == _BREAKPOINT)
    return struct.pack("<HHHH", handler & 0xFFFF, 8, kind, handler >> 16)


def fault_of(rip: int) -> int | None:
    """Which exception's handler an instruction is in; None if it is in none."""
    number = (rip - HANDLERS) // _HANDLER_BYTES
    return number if 0 <= number < _VECTORS else None
