"""A described guest as a test of KVM's own selftests: C, for a tree whose `struct kvm_vm` has a `struct kvm_mmu`.

The selftests' guest has pages of its own in low memory.  So what a description has below 16 MBytes is moved up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from mmuproof.live.descriptions.description import (
    AccessResult,
    GuestAccess,
    GuestAccessKind,
    GuestDescription,
    GuestPaging,
    ResultKind,
    RunByL1,
    SecondStage,
    TableEntry,
)
from mmuproof.live.descriptions.frames import frames_of
from mmuproof.live.descriptions.geometry import TableGeometry, geometry_of, leads_on, nested_geometry
from mmuproof.live.descriptions.layout import OWN_SIZE, PAGE
from mmuproof.live.guests.paging import ALL, PS, RAM_SIZE

MOVED = 1 << 36
"""By how much low addresses are moved up."""

_LARGEST_PAGE = 3
_HEADER = "tools/testing/selftests/kvm/include/x86/vmx.h"
_WITH_STACK = re.compile(r"\bprepare_vmcs\([^)]*\bguest_rsp\)")
_FORCED = {GuestAccessKind.OUTS: GuestAccessKind.READ, GuestAccessKind.INS: GuestAccessKind.WRITE}
_INSTRUCTIONS = {
    GuestAccessKind.READ: "mov (%%rdi), %%ebx",
    GuestAccessKind.WRITE: "movl $0xc3c3c3c3, (%%rdi)",
    GuestAccessKind.FETCH: "lea -128(%%rsp), %%rsp; call *%%rdi; lea 128(%%rsp), %%rsp",
}
_EXITS = {
    ResultKind.EPT_VIOLATION: "EXIT_REASON_EPT_VIOLATION",
    ResultKind.EPT_MISCONFIGURATION: "EXIT_REASON_EPT_MISCONFIG",
    ResultKind.NESTED_FAULT: "SVM_EXIT_NPF",
}

_COMMON = """
#define NO_VECTOR 0x100

struct described_entry {
	u64 of;
	int level;
	/* Of an entry that leads to a table only the bits: where the table is, the selftests say. */
	bool is_link;
	u64 value;
};

static u64 resume_at, resume_sp;
static volatile u64 met_vector, met_code;

/* Ends the access that has raised the exception. */
static void meet(struct ex_regs *regs)
{
	met_vector = regs->vector;
	met_code = regs->error_code;
	regs->rip = resume_at;
}

#define ACCESS(instruction, address) \\
do { \\
	met_vector = NO_VECTOR; \\
	asm volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; mov %%rsp, %1; " \\
		instruction "; 1: mov %1, %%rsp" \\
		: "=m"(resume_at), "=m"(resume_sp) \\
		: "D"(address) \\
		: "rax", "rbx", "memory"); \\
} while (0)

static u64 *entry_of(struct kvm_vm *vm, struct kvm_mmu *mmu, u64 address, int level)
{
	u64 *table = addr_gpa2hva(vm, mmu->pgd);

	for (int at = mmu->pgtable_levels; ; at--) {
		u64 *entry = &table[address >> PG_LEVEL_SHIFT(at) & 0x1ff];

		if (at == level)
			return entry;
		table = addr_gpa2hva(vm, *entry & 0x000ffffffffff000ull);
	}
}

/* The lowest come first: what an entry leads to has to be there before it grants less. */
static void set_entries(struct kvm_vm *vm, struct kvm_mmu *mmu, const struct described_entry *entries, int count)
{
	for (const struct described_entry *each = entries; each < entries + count; each++) {
		if (!each->is_link)
			__virt_pg_map(vm, mmu, each->of, 0, each->level);
	}
	for (const struct described_entry *each = entries; each < entries + count; each++) {
		u64 *entry = entry_of(vm, mmu, each->of, each->level);

		*entry = each->is_link ? (*entry & 0x000ffffffffff000ull) | each->value : each->value;
	}
}

/* A return instruction, and the number of the page, as often as it fits. */
static void fill(struct kvm_vm *vm, u64 frame)
{
	u64 *page = addr_gpa2hva(vm, frame);

	for (int i = 0; i < 512; i++)
		page[i] = frame >> 12 << 8 | 0xc3;
}
"""


class NoSelftestError(Exception):
    """The selftests' guests cannot be so; with the reason."""


def gives_l2_a_stack(kernel: Path) -> bool:
    """Whether whoever sets L2 up gives it a stack in this tree; later ones have one for it.

    Args:
        kernel: a tree with KVM's selftests.

    Raises:
        NoSelftestError: it has none.
    """
    try:
        return bool(_WITH_STACK.search((kernel / _HEADER).read_text("utf-8")))
    except OSError as error:
        raise NoSelftestError(f"{kernel / _HEADER}: {error.strerror}") from error


def selftest_text(guest: GuestDescription, *, with_stack: bool) -> str:
    """The test: it passes where each access comes to what is right.

    Args:
        guest: what is tested.
        with_stack: see `gives_l2_a_stack`.

    Raises:
        NoSelftestError: see there.
    """
    guest = _paged(guest)
    why = next(_why_not(guest), None)
    if why:
        raise NoSelftestError(why)
    return "\n".join(_lines(guest, ", &stack[64]" * with_stack)) + "\n"


def _paged(guest: GuestDescription) -> GuestDescription:
    """An L2 without paging as one whose pages are mapped to themselves: for L1's tables that is the same."""
    if guest.l1 is None or guest.paging is not GuestPaging.NONE:
        return guest
    pages = dict.fromkeys(access.address & -PAGE for access in guest.accesses)
    entries = tuple(TableEntry(of=page, level=1, to=page, bits=ALL) for page in pages)
    return replace(guest, paging=GuestPaging.LEVELS_4, entries=entries)


def _why_not(guest: GuestDescription) -> Iterator[str]:
    if guest.paging is not GuestPaging.LEVELS_4:
        yield f"the selftests' guests have 4-level paging, and not '{guest.paging.value}'"
    if any(access.user for access in guest.accesses):
        yield "the selftests' guests make no accesses of CPL 3"
    if guest.cr4 & (1 << 20 | 1 << 21):
        yield "all pages of the selftests' guests are the user's, which goes with neither SMEP nor SMAP"
    if guest.after or (guest.l1 is not None and guest.l1.after):
        yield "a selftest does not look at accessed and dirty flags"
    if guest.l1 is not None and guest.l1.gmet:
        yield "the selftests know no GMET"
    if any(slot.read_only for slot in guest.memory):
        yield "the memory of the selftests' guests can be written"
    if any(access.right.kind is ResultKind.MMIO for access in guest.accesses):
        yield "that an access is MMIO is told to the VMM, and not to the guest"
    given = [("guest.entry", guest.entries, geometry_of(GuestPaging.LEVELS_4))]
    if guest.l1 is not None:
        given.append(("l1.entry", guest.l1.entries, nested_geometry(guest.l1.stage)))
    for key, entries, shape in given:
        for entry in entries:
            if entry.level > _LARGEST_PAGE and not leads_on(entry, entries, shape):
                yield f"{key}: no page is mapped by an entry of level {entry.level}"
            if entry.of < OWN_SIZE:
                yield f"{key}: {entry.of:#x} is one of the guest's own pages, which the selftests have elsewhere"


def _lines(guest: GuestDescription, stack: str) -> Iterator[str]:
    yield "// SPDX-License-Identifier: GPL-2.0-only"
    yield "/*"
    yield from (f" * {line}".rstrip() for line in (*guest.says.splitlines(), *_notes(guest)))
    yield " */"
    yield from ('#include "test_util.h"', '#include "kvm_util.h"', '#include "processor.h"')
    if guest.l1 is not None:
        yield '#include "vmx.h"' if guest.l1.stage is SecondStage.EPT else '#include "svm_util.h"'
    yield _COMMON
    yield from _table("guest_entries", guest.entries, geometry_of(guest.paging))
    if guest.l1 is None:
        yield from _guest_code(guest)
    else:
        yield from _table("l1_entries", guest.l1.entries, nested_geometry(guest.l1.stage))
        yield from _l2_code(guest)
        yield from _l1_code(guest, guest.l1, stack)
    yield from _main(guest)


def _notes(guest: GuestDescription) -> Iterator[str]:
    yield ""
    yield "Made by mmuproof of a described guest. It fails where an access comes to anything else than what is right."
    parameters = [f"kvm.{each}" for each in guest.host.kvm]
    vendor = "kvm_amd" if guest.machines[0].is_amd else "kvm_intel"
    parameters += [f"{vendor}.{each}" for each in guest.host.vendor]
    if not guest.host.tdp:
        parameters.append("kvm_intel.ept=0 or kvm_amd.npt=0")
    if parameters:
        yield f"KVM has to be loaded with {', '.join(parameters)}."
    if guest.host.huge_pages:
        yield "The guest's memory has to be in huge pages."
    if guest.warning is not None:
        yield f"A kernel with the mistake warns in {guest.warning.function}(), which the test does not see."
    yield from (f"No guest can set: {each}." for each in guest.cannot)


def _moved(address: int) -> int:
    return address + MOVED if address < RAM_SIZE else address


def _table(name: str, entries: tuple[TableEntry, ...], shape: TableGeometry) -> Iterator[str]:
    yield ""
    yield f"static const struct described_entry {name}[] = {{"
    for entry in sorted(entries, key=lambda each: each.level):
        is_link = leads_on(entry, entries, shape)
        of = _moved(entry.of) >> shape.shift(entry.level) << shape.shift(entry.level)
        leads = entry.to is not None and (entry.level == 1 or bool(entry.bits & PS))
        value = entry.bits if is_link or entry.to is None else entry.bits | (_moved(entry.to) if leads else entry.to)
        yield f"\t{{ {of:#x}ull, {entry.level}, {'true' if is_link else 'false'}, {value:#x}ull }},"
    yield "};"


def _access(guest: GuestDescription, access: GuestAccess) -> Iterator[str]:
    if guest.pkru:
        yield f'\tasm volatile("wrpkru" : : "a"({guest.pkru:#x}), "c"(0), "d"(0));'
    instruction = _INSTRUCTIONS[_FORCED.get(access.kind, access.kind)]
    forced = "KVM_FEP " if access.kind in _FORCED else ""
    yield f'\tACCESS({forced}"{instruction}", {_moved(access.address):#x}ull);'


def _met(result: AccessResult) -> Iterator[str]:
    """What the handler of exceptions has to have seen."""
    vectors = {ResultKind.PAGE_FAULT: "PF_VECTOR", ResultKind.PROTECTION: "GP_VECTOR"}
    yield f"\tGUEST_ASSERT_EQ(met_vector, {vectors.get(result.kind, 'NO_VECTOR')});"
    if result.code is not None:
        yield from _equal("met_code", result)


def _equal(what: str, result: AccessResult) -> Iterator[str]:
    if result.code is not None:
        mask = "" if result.mask is None else f" & {result.mask:#x}ull"
        code = result.code if result.mask is None else result.code & result.mask
        yield f"\tGUEST_ASSERT_EQ({what}{mask}, {code:#x}ull);"


def _guest_code(guest: GuestDescription) -> Iterator[str]:
    yield from ("", "static void guest_code(void)", "{")
    for access in guest.accesses:
        yield from _access(guest, access)
        yield from _met(access.right)
    yield from ("\tGUEST_DONE();", "}")


def _l2_code(guest: GuestDescription) -> Iterator[str]:
    assert guest.l1 is not None
    leave = "vmcall" if guest.l1.stage is SecondStage.EPT else "vmmcall"
    for number, access in enumerate(guest.accesses, start=1):
        yield from ("", f"static void l2_access_{number}(void)", "{")
        yield from _access(guest, access)
        yield from (f'\tasm volatile("{leave}");', "}")


def _l1_code(guest: GuestDescription, l1: RunByL1, given_stack: str) -> Iterator[str]:
    is_ept = l1.stage is SecondStage.EPT
    argument = "struct vmx_pages *vmx" if is_ept else "struct svm_test_data *svm"
    yield from ("", f"static void guest_code({argument})", "{", "\tstatic unsigned long stack[64];", "")
    if is_ept:
        yield from ("\tGUEST_ASSERT(prepare_for_vmx_operation(vmx));", "\tGUEST_ASSERT(load_vmcs(vmx));")
        yield f"\tprepare_vmcs(vmx, l2_access_1{given_stack});"
        if l1.mbec:
            yield "\tvmwrite(SECONDARY_VM_EXEC_CONTROL, vmreadz(SECONDARY_VM_EXEC_CONTROL) | BIT(22));"
        yield f"\tvmwrite(EPT_POINTER, (vmreadz(EPT_POINTER) & ~0x40ull) | {0x40 * l1.accessed_dirty:#x});"
    else:
        yield f"\tgeneric_svm_setup(svm, l2_access_1{given_stack});"
    for number, access in enumerate(guest.accesses, start=1):
        yield from ("", *(_entered_by_ept(number) if is_ept else _entered_by_npt(number)))
        yield from _left(access.right, is_ept)
    yield from ("\tGUEST_DONE();", "}")


def _entered_by_ept(number: int) -> Iterable[str]:
    enter = "vmlaunch" if number == 1 else "vmresume"
    return (
        f"\tvmwrite(GUEST_RIP, (u64)l2_access_{number});",
        "\tvmwrite(GUEST_RSP, (u64)&stack[64]);",
        f"\tGUEST_ASSERT(!{enter}());",
    )


def _entered_by_npt(number: int) -> Iterable[str]:
    return (
        f"\tsvm->vmcb->save.rip = (u64)l2_access_{number};",
        "\tsvm->vmcb->save.rsp = (u64)&stack[64];",
        "\trun_guest(svm->vmcb, svm->vmcb_gpa);",
    )


def _left(result: AccessResult, is_ept: bool) -> Iterator[str]:
    reason = "vmreadz(VM_EXIT_REASON)" if is_ept else "svm->vmcb->control.exit_code"
    told = "vmreadz(EXIT_QUALIFICATION)" if is_ept else "svm->vmcb->control.exit_info_1"
    address = "vmreadz(GUEST_PHYSICAL_ADDRESS)" if is_ept else "svm->vmcb->control.exit_info_2"
    if result.kind not in _EXITS:
        yield f"\tGUEST_ASSERT_EQ({reason}, {'EXIT_REASON_VMCALL' if is_ept else 'SVM_EXIT_VMMCALL'});"
        yield from _met(result)
        return
    yield f"\tGUEST_ASSERT_EQ({reason}, {_EXITS[result.kind]});"
    yield from _equal(told, result)
    if result.address is not None:
        yield f"\tGUEST_ASSERT_EQ({address}, {_moved(result.address):#x}ull);"


def _main(guest: GuestDescription) -> Iterator[str]:
    l1 = guest.l1
    is_ept = l1 is not None and l1.stage is SecondStage.EPT
    yield from ("", "int main(void)", "{", "\tstruct kvm_vcpu *vcpu;", "\tstruct kvm_sregs sregs;")
    yield from ("\tstruct kvm_vm *vm;", "\tstruct ucall uc;")
    if l1 is not None:
        yield from ("\tgva_t nested;", "")
        yield f"\tTEST_REQUIRE(kvm_cpu_has(X86_FEATURE_{'VMX' if is_ept else 'SVM'}));"
        yield f"\tTEST_REQUIRE(kvm_cpu_has_{'ept' if is_ept else 'npt'}());"
    yield ""
    if any(access.kind in _FORCED for access in guest.accesses):
        yield "\tTEST_REQUIRE(is_forced_emulation_enabled);"
    yield "\tvm = vm_create_with_one_vcpu(&vcpu, guest_code);"
    if guest.width is not None:
        yield f"\tvcpu_set_cpuid_property(vcpu, X86_PROPERTY_MAX_PHY_ADDR, {guest.width});"
    if l1 is not None:
        yield from ("\tvm_enable_tdp(vm);", f"\tvcpu_alloc_{'vmx' if is_ept else 'svm'}(vm, &nested);")
        yield "\tvcpu_args_set(vcpu, 1, nested);"
    yield from ("\tvcpu_sregs_get(vcpu, &sregs);", f"\tsregs.cr0 |= {guest.cr0:#x};", f"\tsregs.cr4 |= {guest.cr4:#x};")
    efer = guest.efer if l1 is None else l1.efer
    yield from (f"\tsregs.efer = (sregs.efer & ~EFER_NX) | {efer:#x};", "\tvcpu_sregs_set(vcpu, &sregs);")
    yield from ("\tvm_install_exception_handler(vm, PF_VECTOR, meet);",)
    yield from ("\tvm_install_exception_handler(vm, GP_VECTOR, meet);", "")
    for slot, (gpa, size) in enumerate(
        [(MOVED, RAM_SIZE), *((each.gpa, each.size) for each in guest.memory)], start=10
    ):
        yield f"\tvm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, {gpa:#x}ull, {slot}, {size // PAGE}, 0);"
    yield from (f"\tfill(vm, {_moved(frame):#x}ull);" for frame in sorted(frames_of(guest)))
    yield "\tset_entries(vm, &vm->mmu, guest_entries, ARRAY_SIZE(guest_entries));"
    if l1 is not None:
        yield "\ttdp_identity_map_default_memslots(vm);"
        yield "\tset_entries(vm, &vm->stage2_mmu, l1_entries, ARRAY_SIZE(l1_entries));"
    yield """
	vcpu_run(vcpu);
	switch (get_ucall(vcpu, &uc)) {
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(uc);
	case UCALL_DONE:
		break;
	default:
		TEST_FAIL("The guest has stopped with exit %u", vcpu->run->exit_reason);
	}
	kvm_vm_free(vm);
	return 0;
}"""
