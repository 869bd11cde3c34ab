"""Tries without EPT or nested paging: KVM shadows the guest's own tables."""

from __future__ import annotations

from mmuproof.live.guests.paging import (
    ALL,
    CODE,
    CR0,
    CR4_PAE,
    CR4_PSE,
    DATA,
    EFER_NX,
    LONG_MODE,
    NX,
    PD,
    PML4,
    PS,
    PT,
    SECRET,
    P,
    identity32,
    identity64,
    mode,
    quads,
    ram,
    words,
)
from mmuproof.live.guests.steps import Code, Guest, RunVcpu, Vcpu
from mmuproof.live.trial import Attempt, Emulated, Facts, LiveTry, Modules, Seen

_PAGE_FAULT = 14
_P_RSVD = 9
_PAGE, _PAGE_32 = 0x200000, 0x400000
_IN_64_BITS, _IN_32_BITS = f"mov {_PAGE:#x}, %rax; hlt", f"mov {_PAGE_32:#x}, %eax; hlt"
_FOUND: Facts = {"last.stop": "hlt", "last.fault": "none", "last.rax": SECRET}
_RESERVED: Facts = {"last.stop": "hlt", "last.fault": _PAGE_FAULT, "last.error_code": _P_RSVD}


# ---- 11: one table, read in two modes.
def _page_table(entry: int) -> Guest:
    """A page table for the third and fourth MByte with one entry."""
    return (*identity64(), *quads({PD + 8: PT | ALL, PT: entry}))


def _without_nx(first: bool) -> Guest:
    """EFER.NX is cleared, and bit 63 of an entry becomes a reserved one."""
    clear = "mov $0xc0000080, %ecx; rdmsr; btr $11, %eax; wrmsr; mov %cr3, %rax; mov %rax, %cr3"
    access = f"mov {_PAGE:#x}, %rax; " if first else ""
    return (
        *ram(),
        *_page_table(DATA | ALL | NX),
        Code(CODE, f"{access}{clear}; {_IN_64_BITS}"),
        *mode(64, cr4=CR4_PAE, efer=LONG_MODE | EFER_NX),
        RunVcpu("last"),
    )


def _two_vcpus(first: bool) -> Guest:
    """One vCPU has EFER.NX, the other has not; they have one table."""
    one = (*mode(64, cr4=CR4_PAE, efer=LONG_MODE | EFER_NX), *((RunVcpu("first"),) if first else ()))
    other = (Vcpu(1), *mode(64, cr4=CR4_PAE, efer=LONG_MODE), RunVcpu("last"))
    return (*ram(), *_page_table(DATA | ALL | NX), Code(CODE, _IN_64_BITS), *one, *other)


_TABLE, _TABLES_PAGE = 0x800000, 0xC00000
_ENTRY = _TABLES_PAGE | ALL


def _without_pse(first: bool) -> Guest:
    """CR4.PSE is cleared, and an entry with PS leads to a table."""
    clear = "mov %cr4, %eax; and $-17, %eax; mov %eax, %cr4; mov %cr3, %eax; mov %eax, %cr3"
    access = f"mov {_PAGE_32:#x}, %ebx; " if first else ""
    return (
        *ram(),
        *identity32(),
        *words({PML4 + 4: _TABLE | PS | ALL, _TABLE: _ENTRY, _TABLES_PAGE: SECRET}),
        Code(CODE, f"{access}{clear}; {_IN_32_BITS}", 32),
        *mode(32, cr4=CR4_PSE, efer=0),
        RunVcpu("last"),
    )


def _in_pae(first: bool) -> Guest:
    """Bit 52 of an entry is ignored in 64-bit paging, and reserved in PAE paging."""
    pdpt = PML4 + 0x20
    before = (*mode(64, cr4=CR4_PAE, efer=LONG_MODE | EFER_NX), Code(CODE, _IN_64_BITS), RunVcpu("first"))
    return (
        *ram(),
        *_page_table(DATA | ALL | 1 << 52),
        *quads({pdpt: PD | P}),
        *(before if first else ()),
        *mode(32, cr4=CR4_PAE, efer=EFER_NX, cr0=CR0, cr3=pdpt),
        Code(CODE, f"mov {_PAGE:#x}, %eax; hlt", 32),
        RunVcpu("last"),
    )


def _tries(on: Emulated, suffix: str, modules: Modules) -> tuple[LiveTry, ...]:
    def attempt(guest: Guest) -> Attempt:
        return Attempt(guest, modules)

    def one(
        name: str, finding: int, says: str, guest: Guest, shows: Facts, right: Facts, control: Guest, gives: Facts
    ) -> LiveTry:
        return LiveTry(
            name=name + suffix,
            finding=finding,
            machine=on,
            says=says,
            attempt=attempt(guest),
            shows=Seen(shows),
            right=Seen(right),
            control=attempt(control),
            control_gives=Seen(gives),
        )

    return (
        one(
            "11-nx",
            11,
            "A page with NX is read, EFER.NX is cleared, and it is read again.",
            _without_nx(True),
            _FOUND,
            _RESERVED,
            _without_nx(False),
            _RESERVED,
        ),
        one(
            "11-vcpus",
            11,
            "A page with NX is read by a vCPU with EFER.NX, and then by one without it.",
            _two_vcpus(True),
            _FOUND,
            _RESERVED,
            _two_vcpus(False),
            _RESERVED,
        ),
        one(
            "11-pse",
            11,
            "An entry with PS is used, CR4.PSE is cleared, and it is used again.",
            _without_pse(True),
            {**_FOUND, "last.rax": _ENTRY, "last.rbx": _ENTRY},
            {**_FOUND, "last.rbx": _ENTRY},
            _without_pse(False),
            _FOUND,
        ),
        one(
            "11-pae",
            11,
            "A page with bit 52 set in its entry is read in 64-bit paging, and then in PAE paging.",
            _in_pae(True),
            _FOUND,
            _RESERVED,
            _in_pae(False),
            _RESERVED,
        ),
    )


TRIES = (
    *_tries(Emulated.AMD, "", Modules(vendor=("npt=0",))),
    *_tries(Emulated.INTEL, "-intel", Modules(vendor=("ept=0",))),
)
