"""Tries with nested paging on AMD."""

from __future__ import annotations

from mmuproof.live.guests.paging import ALL, CODE, DATA, EFER_LMA, EFER_SVME, LARGE, SECRET, quads, table32, words
from mmuproof.live.guests.steps import Code, Go, Guest, MemorySlot, Peek, RunVcpu
from mmuproof.live.guests.svm import (
    EXIT_NPF,
    EXIT_PAGE_FAULT,
    EXIT_VMMCALL,
    L2_CODE,
    L2_RAX,
    L2_RIP,
    NPF_GUEST_FINAL,
    VMRUN,
    control_block,
    exit_of,
    nested_entry,
    svm,
)
from mmuproof.live.trial import Attempt, Emulated, Facts, LiveTry, Seen, Warned

# ---- 17: L1's page table is in a slot that takes the place of MMIO, whose SPTE is still there.
_LATE = 1 << 30
_L2_PAGE = LARGE
_TOUCH = CODE + 0x800


def _late_slot(touched: bool) -> Guest:
    slot = (MemorySlot(_LATE, LARGE), *quads({_LATE: DATA | ALL}))
    touching = (Go(_TOUCH), RunVcpu("touch", to_mmio=True), *slot, RunVcpu("ready")) if touched else slot
    return (
        *svm(),
        Code(_TOUCH, f"movq $1, {_LATE:#x}; hlt"),
        Code(CODE, f"{VMRUN}; movq $0, {_LATE:#x}; hlt; {VMRUN}"),
        Code(L2_CODE, f"mov {_L2_PAGE:#x}, %eax; vmmcall; hlt", 32),
        *quads({nested_entry(_L2_PAGE): _LATE | ALL}),
        *touching,
        Go(CODE),
        RunVcpu("first"),
        *exit_of("first"),
        RunVcpu("cleared"),
        Peek("cleared.entry", _LATE),
        *quads({L2_RIP: L2_CODE, L2_RAX: 0}),
        RunVcpu("second"),
        *exit_of("second"),
    )


_CLEARED: Facts = {
    "first.exit": EXIT_VMMCALL,
    "first.l2_rax": SECRET,
    "cleared.stop": "hlt",
    "cleared.entry": 0,
    "second.stop": "hlt",
}
_DENIED: Facts = {
    **_CLEARED,
    "second.exit": EXIT_NPF,
    "second.info1": NPF_GUEST_FINAL | 4,
    "second.info2": _L2_PAGE,
    "second.l2_rax": 0,
}

STALE_MMIO = LiveTry(
    name="17",
    finding=17,
    machine=Emulated.AMD,
    says="L1 touches MMIO, its VMM puts memory there, and L1 has a nested page table in it; L1 clears an entry.",
    attempt=Attempt(_late_slot(True)),
    shows=Seen({**_CLEARED, "touch.stop": f"mmio:{_LATE:#x}", "second.exit": EXIT_VMMCALL, "second.l2_rax": SECRET}),
    right=Seen({**_DENIED, "touch.stop": f"mmio:{_LATE:#x}"}),
    control=Attempt(_late_slot(False)),
    control_gives=Seen(_DENIED),
)

# ---- 19: L2's EFER has LMA, and LME is clear.
_TABLE, _L2_DIRECTORY = L2_CODE + 0x2000, L2_CODE + 0x1000
_LOADED = f"mov ${DATA:#x}, %esi; mov $0x80, %edx"
# Each of the two instructions before it has five bytes.
_OUTS_AT = 10


def _active_not_enabled(efer: int) -> Guest:
    """L2 with 32-bit paging; its OUTS makes KVM walk its tables."""
    return (
        *svm(block=control_block(efer=EFER_SVME | efer, cr0=0x80000011, cr3=_L2_DIRECTORY), pages=(L2_CODE, DATA)),
        Code(CODE, VMRUN),
        Code(L2_CODE, f"{_LOADED}; outsb; vmmcall; hlt", 32),
        *words({_L2_DIRECTORY + 4: _TABLE | ALL}),
        table32(_TABLE, L2_CODE, ALL),
        RunVcpu("first"),
        *exit_of("first"),
    )


_OUT: Facts = {"first.stop": "hlt", "first.exit": EXIT_VMMCALL, "first.event0": f"io-out:0x80:{SECRET & 0xFF:#x}"}

LMA_WITHOUT_LME = LiveTry(
    name="19",
    finding=19,
    machine=Emulated.AMD,
    says="L1 runs an L2 in 32-bit paging with EFER.LMA set and EFER.LME clear; KVM emulates an OUTS of it.",
    attempt=Attempt(_active_not_enabled(EFER_LMA)),
    shows=Seen({"first.stop": "hlt", "first.exit": EXIT_PAGE_FAULT, "first.info2": L2_CODE + _OUTS_AT}),
    # KVM finds out, warns, and gives the VM up: KVM_RUN ends with EIO.
    also_shows=(Seen({"first.stop": "error-5"}, Warned("paging64_walk_addr_generic")),),
    right=Seen(_OUT),
    control=Attempt(_active_not_enabled(0)),
    control_gives=Seen(_OUT),
)


# ---- 22: the VMM makes a table of a large page of L1's nested paging; the table is in the page's first frame.
_FAR_PAGE = 100
_ELSEWHERE = 0x900000


def _page_becomes_table(same_frame: bool) -> Guest:
    """Of a large page L2 reads one part, and when it has become a table, another."""
    table = DATA if same_frame else L2_CODE + 0x3000
    far = DATA + (_FAR_PAGE << 12)
    return (
        *svm(pages=(L2_CODE, DATA)),
        *quads({_ELSEWHERE: SECRET}),
        Code(CODE, f"{VMRUN}; {VMRUN}"),
        Code(L2_CODE, f"mov {DATA:#x}, %eax; vmmcall; hlt", 32),
        RunVcpu("first"),
        *exit_of("first"),
        *quads({table + 8 * _FAR_PAGE: _ELSEWHERE | ALL, nested_entry(DATA): table | ALL, L2_RIP: L2_CODE}),
        Code(L2_CODE, f"mov {far:#x}, %eax; vmmcall; hlt", 32),
        RunVcpu("last"),
        *exit_of("last"),
    )


_BOTH_READ: Facts = {
    "first.exit": EXIT_VMMCALL,
    "first.l2_rax": SECRET,
    "last.stop": "hlt",
    "last.exit": EXIT_VMMCALL,
    "last.l2_rax": SECRET,
}

KEPT_PAGE = LiveTry(
    name="22",
    finding=22,
    machine=Emulated.AMD,
    says="The VMM makes a table of a large page of L1's nested paging, in the page's own first frame; L2 reads.",
    attempt=Attempt(_page_becomes_table(True)),
    shows=Seen(
        {"first.exit": EXIT_VMMCALL},
        Warned("kvm_mmu_page_set_translation", "gfn mismatch under direct page"),
        dies_in="pte_list_remove",
    ),
    right=Seen(_BOTH_READ),
    control=Attempt(_page_becomes_table(False)),
    control_gives=Seen(_BOTH_READ),
)

TRIES = (KEPT_PAGE, LMA_WITHOUT_LME, STALE_MMIO)
