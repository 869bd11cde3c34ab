"""What is done with a virtual machine for a description: a guest of steps."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from mmuproof.live.descriptions.description import (
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestPaging,
    SecondStage,
    TableEntry,
)
from mmuproof.live.descriptions.flags import marked_entries
from mmuproof.live.descriptions.frames import frames_of
from mmuproof.live.descriptions.geometry import TableGeometry, geometry_of, nested_geometry
from mmuproof.live.descriptions.layout import NESTED_TABLES, OWN_SIZE, PAGE, PROGRAMS, TABLES, USER_PROGRAMS, marker
from mmuproof.live.descriptions.tables import PageTables
from mmuproof.live.guests import svm, vmx
from mmuproof.live.guests.paging import (
    ALL,
    CODE,
    CR0_PG,
    CR0_WP,
    CR4_PAE,
    CR4_VMXE,
    EFER_NX,
    EFER_SVME,
    GDT,
    IDT,
    LONG_MODE,
    PML4,
    STACK,
    A,
    D,
    P,
    W,
    handlers,
    identity64,
    mode,
    quads,
    ram,
)
from mmuproof.live.guests.paging import CR0 as CR0_PAGED
from mmuproof.live.guests.steps import Code, CpuidBit, Guest, MemorySlot, Mode, Msr, Peek, Poke, RunVcpu, Step, Width

WRITTEN = 0xCCCCCCCC
"""What a write leaves: INT3 again."""

_PORT = 0x80
_PROGRAM_SIZE = 0x40
_ACCESSES = {
    GuestAccessKind.READ: "mov ({rdi}), %ebx",
    GuestAccessKind.WRITE: f"movl ${WRITTEN:#x}, ({{rdi}})",
    GuestAccessKind.FETCH: "jmp *{rdi}",
    GuestAccessKind.OUTS: f"mov {{rdi}}, {{rsi}}; mov ${_PORT:#x}, %edx; outsb",
    GuestAccessKind.INS: f"mov ${_PORT:#x}, %edx; insb",
}
_KINDS = tuple(_ACCESSES)
_LA57 = 1 << 12
_PROTECTED = CR0_PAGED & ~CR0_PG
_SUPERVISOR, _USER = P | W | A | D, ALL
_WRITE_BACK = 6 << 3
_OWN_PAGES = 0x60000
"""What of the guest's own memory its own tables map: programs, stack, descriptors."""
# ESP0 and SS0, or the lower half of RSP0 and the upper, which is zero for stacks below 4 GBytes.
_TSS_STACK = 4
_USER_SELECTOR = 3
_SVM_CPL, _SVM_RFLAGS, _SVM_CS, _SVM_SS = (svm.VMCB + offset for offset in (0x4CB, 0x570, 0x410, 0x420))
_SVM_USER, _SVM_GMET = 0x60, 1 << 3
#: CPUID Fn8000_000A_EDX (APM volume 3, appendix E).
_GMET_FEATURE = CpuidBit(0x8000_000A, 17)
_EPTP_WRITE_BACK_FOUR_LEVELS = 0x1E
_ALL_IO = 0x3002
_NO_IO = 2


def label_of(number: int) -> str:
    """What comes before the names of an access's facts; accesses are counted from 1."""
    return f"access{number}"


def written_fact(number: int, frame: int) -> str:
    """The fact that tells what is in a page after an access, at the access's place in it."""
    return f"{label_of(number)}.in-{frame:#x}"


def guest_of(described: GuestDescription) -> Guest:
    """The guest, step by step."""
    tables = _own_tables(described)
    cr3 = tables.root if tables else 0
    always: tuple[Step, ...] = (
        *((Width(described.width),) if described.width else ()),
        *ram(described.host.huge_pages),
        *(MemorySlot(slot.gpa, slot.size, described.host.huge_pages, slot.read_only) for slot in described.memory),
        *(tables.steps() if tables else ()),
        *_programs(described),
        *(Poke(frame, struct.pack("<Q", marker(frame)) * (PAGE // 8)) for frame in sorted(frames_of(described))),
    )
    if described.l1 is None:
        return (*always, *_bare(described, cr3), *_flags(described, tables, None))
    nested = _nested_tables(described)
    by = _by_ept if described.l1.stage is SecondStage.EPT else _by_npt
    return (*always, *nested.steps(), *by(described, cr3, nested.root), *_flags(described, tables, nested))


def _flags(described: GuestDescription, own: PageTables | None, nested: PageTables | None) -> Iterable[Step]:
    for each in marked_entries(described):
        tables = nested if each.of_l1 else own
        assert tables is not None
        yield Peek(each.fact, tables.place_of(each.after.level, each.after.of))


def program_of(access: GuestAccess) -> int:
    """Where the instructions of an access are."""
    where = USER_PROGRAMS if access.user else PROGRAMS
    return where + _PROGRAM_SIZE * (_KINDS.index(access.kind) + len(_KINDS) * access.alignment_check)


def _programs(described: GuestDescription) -> Iterable[Step]:
    bits = described.paging.code_bits
    registers = {"rdi": "%rdi", "rsi": "%rsi"} if bits == 64 else {"rdi": "%edi", "rsi": "%esi"}
    rights = f"mov ${described.pkru:#x}, %eax; xor %ecx, %ecx; xor %edx, %edx; wrpkru; " if described.pkru else ""
    for where in (PROGRAMS, USER_PROGRAMS):
        for number, text in enumerate(_ACCESSES.values()):
            yield Code(where + _PROGRAM_SIZE * number, f"{rights}{text.format(**registers)}; int3", bits)
    for number, text in enumerate(_ACCESSES.values(), start=len(_KINDS)):
        # With AC set; users cannot set it so, and nothing depends on it there.
        yield Code(PROGRAMS + _PROGRAM_SIZE * number, f"{rights}stac; {text.format(**registers)}; int3", bits)


def _own_tables(described: GuestDescription) -> PageTables | None:
    if not described.paging.levels:
        return None
    tables = PageTables(geometry_of(described.paging), TABLES)
    own = [
        TableEntry(of=page, level=1, to=page, bits=_USER if page == USER_PROGRAMS else _SUPERVISOR)
        for page in range(0, _OWN_PAGES, PAGE)
    ]
    tables.add(_with(own, described.entries, tables.shape))
    return tables


def _nested_tables(described: GuestDescription) -> PageTables:
    assert described.l1 is not None
    tables = PageTables(nested_geometry(described.l1.stage), NESTED_TABLES)
    rights = tables.shape.link | _WRITE_BACK * (described.l1.stage is SecondStage.EPT)
    own = [TableEntry(of=page, level=1, to=page, bits=rights) for page in range(0, OWN_SIZE, PAGE)]
    tables.add(_with(own, described.l1.entries, tables.shape))
    return tables


def _with(own: list[TableEntry], given: tuple[TableEntry, ...], shape: TableGeometry) -> list[TableEntry]:
    """What the guest needs for itself, where nothing else is said."""
    said = {(entry.level, entry.of >> shape.shift(entry.level)) for entry in given}
    return [*(entry for entry in own if (1, entry.of >> shape.shift(1)) not in said), *given]


def _registers(described: GuestDescription) -> tuple[int, int, int]:
    """CR0, CR4 and EFER of the guest that makes the accesses."""
    paging = described.paging
    cr0 = described.cr0 | (CR0_PAGED if paging.levels else _PROTECTED)
    cr4 = described.cr4 | CR4_PAE * (paging.levels > 2) | _LA57 * (paging is GuestPaging.LEVELS_5)
    return cr0, cr4, described.efer | (LONG_MODE if paging.code_bits == 64 else 0)


def _run(number: int, access: GuestAccess) -> Iterable[Step]:
    yield RunVcpu(label_of(number))
    if access.kind in (GuestAccessKind.WRITE, GuestAccessKind.INS):
        frames = {result.frame for result in (access.right, access.shows) if result and result.frame is not None}
        for frame in sorted(frames):
            yield Peek(written_fact(number, frame), (frame & -PAGE) + (access.address & PAGE - 8))


def _bare(described: GuestDescription, cr3: int) -> Iterable[Step]:
    bits, (cr0, cr4, efer) = described.paging.code_bits, _registers(described)
    yield from handlers(bits)
    yield Poke(_TSS_STACK, struct.pack("<II", STACK, 0 if bits == 64 else 16))
    for number, access in enumerate(described.accesses, start=1):
        yield Mode(
            bits=bits,
            cr0=cr0,
            cr3=cr3,
            cr4=cr4,
            efer=efer,
            rip=program_of(access),
            rsp=STACK,
            gdt=GDT,
            idt=IDT,
            cpl=3 * access.user,
            rdi=access.address,
        )
        yield from _run(number, access)


def _l1_mode(described: GuestDescription, access: GuestAccess, rip: int) -> Mode:
    assert described.l1 is not None
    is_ept = described.l1.stage is SecondStage.EPT
    return Mode(
        bits=64,
        cr0=CR0_PAGED | CR0_WP * is_ept,
        cr3=PML4,
        cr4=CR4_PAE | CR4_VMXE * is_ept,
        efer=LONG_MODE | described.l1.efer | EFER_SVME * (not is_ept),
        rip=rip,
        rsp=STACK,
        gdt=GDT,
        idt=IDT,
        rdi=access.address,
    )


def _by_npt(described: GuestDescription, cr3: int, root: int) -> Iterable[Step]:
    assert described.l1 is not None
    cr0, cr4, efer = _registers(described)
    bits = described.paging.code_bits
    if described.l1.gmet:
        # A processor without it ignores the control.
        yield _GMET_FEATURE
    yield from identity64()
    yield from mode(64, cr4=CR4_PAE, efer=LONG_MODE | EFER_SVME | EFER_NX)
    yield Msr(svm.VM_HSAVE_PA, svm.HOST_SAVE)
    controls = _SVM_GMET * described.l1.gmet
    yield svm.control_block(efer | EFER_SVME, cr0, cr3, cr4=cr4, bits=bits, tables=root, controls=controls)
    yield Code(CODE, svm.VMRUN)
    code, data = 0xA9B if bits == 64 else 0xC9B, 0xC93
    for number, access in enumerate(described.accesses, start=1):
        user = _SVM_USER * access.user
        yield from quads({svm.L2_RIP: program_of(access), _SVM_RFLAGS: _ALL_IO if access.user else _NO_IO})
        yield Poke(_SVM_CPL, bytes([3 * access.user]))
        selector = _USER_SELECTOR * access.user
        yield Poke(_SVM_CS, struct.pack("<HH", 8 | selector, code | user))
        yield Poke(_SVM_SS, struct.pack("<HH", 16 | selector, data | user))
        yield _l1_mode(described, access, CODE)
        yield from _run(number, access)
        yield from svm.exit_of(label_of(number))


def _by_ept(described: GuestDescription, cr3: int, root: int) -> Iterable[Step]:
    assert described.l1 is not None
    cr0, cr4, efer = _registers(described)
    is_pae = described.paging is GuestPaging.PAE
    l2 = vmx.L2State(
        cr0=cr0,
        cr3=cr3,
        cr4=cr4,
        bits=described.paging.code_bits,
        efer=efer,
        pointers=_pointers(described) if is_pae else (),
        eptp=root | _EPTP_WRITE_BACK_FOUR_LEVELS | vmx.EPTP_AD * described.l1.accessed_dirty,
        mbec=described.l1.mbec,
    )
    yield from vmx.hypervisor(l2)
    for number, access in enumerate(described.accesses, start=1):
        user, selector = vmx.RIGHTS_OF_USER * access.user, _USER_SELECTOR * access.user
        fields = {
            vmx.L2_RIP: program_of(access),
            vmx.L2_RFLAGS: _ALL_IO if access.user else _NO_IO,
            vmx.L2_CS: 8 | selector,
            vmx.L2_SS: 16 | selector,
            vmx.L2_CS_RIGHTS: vmx.code_rights(l2.bits) | user,
            vmx.L2_SS_RIGHTS: vmx.DATA_RIGHTS | user,
        }
        yield from quads({vmx.field_value(l2, field): value for field, value in fields.items()})
        yield _l1_mode(described, access, CODE if number == 1 else vmx.AGAIN)
        yield from _run(number, access)
        yield from vmx.exit_of(label_of(number))


def _pointers(described: GuestDescription) -> tuple[int, ...]:
    """The page-directory pointers, which L1 gives L2 as fields."""
    tables = _own_tables(described)
    assert tables is not None
    return tuple(tables.values.get(tables.root + 8 * number, 0) for number in range(4))
