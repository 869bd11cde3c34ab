"""Tries of an L1 on AMD that changes its mode between two runs of its L2: by that its nested tables read otherwise."""

from __future__ import annotations

from mmuproof.live.guests.paging import (
    ALL,
    CODE,
    CR4_PAE,
    CR4_PSE,
    DATA,
    EFER_NX,
    EFER_SVME,
    PD,
    PML4,
    PS,
    PT,
    SECRET,
    P,
    identity32,
    mode,
    quads,
    ram,
    table32,
    words,
)
from mmuproof.live.guests.steps import Code, Guest, Msr, RunVcpu
from mmuproof.live.guests.svm import (
    EXIT_NPF,
    EXIT_VMMCALL,
    HOST_SAVE,
    L2_CODE,
    L2_RAX,
    L2_RIP,
    N2,
    N3,
    N4,
    NESTED_ROOT,
    NPF_GUEST_FINAL,
    VM_HSAVE_PA,
    VMCB,
    VMRUN,
    control_block,
    exit_of,
    nested_entry,
    svm,
)
from mmuproof.live.trial import Attempt, Emulated, Facts, LiveTry, Seen

_VMRUN_32 = f"mov ${VMCB:#x}, %eax; vmrun; hlt"
_P_U_RSVD = 0xD
_RESERVED: Facts = {"last.stop": "hlt", "last.exit": EXIT_NPF, "last.info1": NPF_GUEST_FINAL | _P_U_RSVD}
_READ: Facts = {"last.stop": "hlt", "last.exit": EXIT_VMMCALL, "last.l2_rax": SECRET}


def _run(label: str) -> Guest:
    """L2 from its beginning."""
    return (*quads({L2_RIP: L2_CODE, L2_RAX: 0}), RunVcpu(label), *exit_of(label))


# ---- 11, PAE: bit 52 of an entry is ignored by an L1 in 64-bit paging, and reserved for one in PAE paging.
_OWN_POINTERS, _NESTED_POINTERS = PML4 + 0x20, N4 + 0x1000 * 3


def _in_pae(first: bool) -> Guest:
    return (
        *svm(),
        *quads({nested_entry(DATA): PT | ALL, PT: DATA | ALL | 1 << 52}),
        Code(CODE, VMRUN),
        Code(L2_CODE, f"mov {DATA:#x}, %eax; vmmcall; hlt", 32),
        *(_run("first") if first else ()),
        *quads({_OWN_POINTERS: PD | P, _NESTED_POINTERS: N2 | P, NESTED_ROOT: _NESTED_POINTERS}),
        *mode(32, cr4=CR4_PAE, efer=EFER_NX | EFER_SVME, cr3=_OWN_POINTERS),
        Code(CODE, _VMRUN_32, 32),
        *_run("last"),
    )


IN_PAE = LiveTry(
    name="11-pae-nested",
    finding=11,
    # QEMU shuts an L1 in PAE paging down when its L2 exits.
    machine=Emulated.AMD_BOCHS,
    says="L2 reads a page with bit 52 set in L1's entry, L1 goes from 64-bit to PAE paging, and L2 reads it again.",
    attempt=Attempt(_in_pae(True)),
    shows=Seen({**_READ, "first.exit": EXIT_VMMCALL}),
    right=Seen({**_RESERVED, "first.exit": EXIT_VMMCALL}),
    control=Attempt(_in_pae(False)),
    control_gives=Seen(_RESERVED),
)

# ---- 11, PSE: an entry with PS maps 4 MBytes for an L1 with CR4.PSE, and leads to a table without.
_TABLE, _TABLES_PAGE = 0x800000, 0xC00000
_ENTRY = _TABLES_PAGE | ALL


def _without_pse(first: bool) -> Guest:
    before = (*mode(32, cr4=CR4_PSE, efer=EFER_SVME), *_run("first"))
    return (
        *ram(),
        *identity32(),
        *words({N4 + 4: N3 | ALL, N4 + 8: _TABLE | PS | ALL, _TABLE: _ENTRY, _TABLES_PAGE: SECRET}),
        table32(N3, L2_CODE, ALL),
        control_block(),
        Msr(VM_HSAVE_PA, HOST_SAVE),
        Code(CODE, _VMRUN_32, 32),
        Code(L2_CODE, f"mov {_TABLE:#x}, %eax; vmmcall; hlt", 32),
        *(before if first else ()),
        *mode(32, cr4=0, efer=EFER_SVME),
        *_run("last"),
    )


WITHOUT_PSE = LiveTry(
    name="11-pse-nested",
    finding=11,
    machine=Emulated.AMD,
    says="L2 uses an entry of L1's with PS, L1 clears CR4.PSE, and L2 uses it again.",
    attempt=Attempt(_without_pse(True)),
    shows=Seen({**_READ, "first.l2_rax": _ENTRY, "last.l2_rax": _ENTRY}),
    right=Seen({**_READ, "first.l2_rax": _ENTRY}),
    control=Attempt(_without_pse(False)),
    control_gives=Seen(_READ),
)

TRIES = (IN_PAE, WITHOUT_PSE)
