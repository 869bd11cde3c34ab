"""What is done to a virtual machine, step by step.

The VMM reads a step as a line; ``live/vmm/lines.c`` lists them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TypeAlias

from mmuproof.live.guests.code import assembled


@dataclass(frozen=True)
class MemorySlot:
    """A memory slot of zeroes.

    Args:
        gpa: its guest-physical address; the VMM has it at the same place of a page of 2 MBytes.
        size: in bytes.
        huge: whether the host has pages of 2 MBytes there, else of 4 KBytes.
        read_only: whether KVM lets the guest only read it.
    """

    gpa: int
    size: int
    huge: bool = False
    read_only: bool = False

    def line(self) -> str:
        """The step as the VMM reads it."""
        pages = "huge" if self.huge else "small"
        return f"memory {self.gpa:#x} {self.size:#x} {pages}{' read-only' * self.read_only}"


@dataclass(frozen=True)
class Poke:
    """The VMM puts bytes into the guest's memory.

    Args:
        gpa: the guest-physical address.
        content: the bytes.
    """

    gpa: int
    content: bytes

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"write {self.gpa:#x} {self.content.hex()}"


@dataclass(frozen=True)
class Code:
    """The VMM puts instructions into the guest's memory; they are assembled when the step is read.

    Args:
        gpa: the guest-physical address.
        text: in the syntax of GNU as; branches are relative.
        bits: 64 or 32, of the code segment in which they run.
    """

    gpa: int
    text: str
    bits: int = 64

    def line(self) -> str:
        """The step as the VMM reads it.

        Raises:
            AssemblerError: it cannot be assembled.
        """
        return f"write {self.gpa:#x} {assembled(self.text, self.bits).hex()}"

    def stopping_by(self, instruction: str) -> Code:
        """The same instructions, with another in the place of each HLT."""
        return replace(self, text=re.sub(r"\bhlt\b", instruction, self.text))


@dataclass(frozen=True)
class Width:
    """The vCPUs that are made from here on have another MAXPHYADDR than the host.

    Args:
        bits: of a guest-physical address.
    """

    bits: int

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"width {self.bits}"


@dataclass(frozen=True)
class CpuidBit:
    """What the emulated processor has to have, or the try is broken.

    Args:
        leaf: of CPUID.
        bit: of EDX there.
    """

    leaf: int
    bit: int

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"feature {self.leaf:#x} {self.bit}"


@dataclass(frozen=True)
class HyperV:
    """The vCPUs that are made from here on find themselves under Hyper-V: CPUID says so, and KVM takes its calls."""

    def line(self) -> str:
        """The step as the VMM reads it."""
        return "hyperv"


@dataclass(frozen=True)
class Vcpu:
    """The steps that follow are about this vCPU.

    Args:
        number: 0 or 1; it is made when it is needed.
    """

    number: int

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"vcpu {self.number}"


@dataclass(frozen=True, kw_only=True)
class Mode:
    """All that says how the vCPU runs; its segments are flat.

    Args:
        bits: 64 or 32, of the code segment.
        cr0: the register of that name, as are cr3, cr4 and efer.
        cr3: see there.
        cr4: see there.
        efer: see there.
        rip: where it goes on.
        rsp: its stack.
        gdt: the address of its descriptor table.
        idt: the address of its interrupt descriptors.
        cpl: 0, or 3 with all I/O allowed.
        rdi: the register of that name.
    """

    bits: int
    cr0: int
    cr3: int
    cr4: int
    efer: int
    rip: int
    rsp: int
    gdt: int
    idt: int
    cpl: int = 0
    rdi: int = 0

    def line(self) -> str:
        """The step as the VMM reads it."""
        registers = (self.cr0, self.cr3, self.cr4, self.efer, self.rip, self.rsp, self.gdt, self.idt)
        numbers = (*registers, self.cpl, self.rdi)
        return f"mode {self.bits} " + " ".join(f"{number:#x}" for number in numbers)


@dataclass(frozen=True)
class Msr:
    """The vCPU's MSR gets a value."""

    index: int
    value: int

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"msr {self.index:#x} {self.value:#x}"


@dataclass(frozen=True)
class VmxControl:
    """A control word of VMX is put into memory: what is wanted, which must be offered, and what is demanded.

    Args:
        gpa: where it goes, as eight bytes.
        msr: the capability MSR that says what is demanded and offered (SDM, appendix A).
        wanted: the bits that L1 asks for.
    """

    gpa: int
    msr: int
    wanted: int

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"control {self.gpa:#x} {self.msr:#x} {self.wanted:#x}"


@dataclass(frozen=True)
class Go:
    """The vCPU goes on elsewhere."""

    rip: int

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"go {self.rip:#x}"


@dataclass(frozen=True)
class RunVcpu:
    """The vCPU runs to a HLT; what it does with MMIO and I/O on the way is told, and answered with zeroes.

    Args:
        label: before the names of the facts that come of it: ``stop``, ``rip``, ``rax``, ``rbx``, ``top`` (of the
            stack), ``event0`` and so on.
        to_mmio: stop at the first MMIO.
    """

    label: str
    to_mmio: bool = False

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"run {self.label} {'mmio' if self.to_mmio else 'hlt'}"


@dataclass(frozen=True)
class Peek:
    """Eight bytes of the guest's memory become a fact.

    Args:
        name: of the fact.
        gpa: where they are.
    """

    name: str
    gpa: int

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"peek {self.name} {self.gpa:#x}"


@dataclass(frozen=True)
class LogWrites:
    """The pages of a slot that the guest writes are logged from here on.

    All count as written at first, and a page is watched when userspace clears it:
    ``KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2`` with ``KVM_DIRTY_LOG_INITIALLY_SET``.

    Args:
        gpa: an address in the slot.
    """

    gpa: int

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"log {self.gpa:#x}"


@dataclass(frozen=True)
class StopLog:
    """The pages of a slot are logged no more.

    Args:
        gpa: an address in the slot.
    """

    gpa: int

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"unlog {self.gpa:#x}"


@dataclass(frozen=True)
class ClearLog:
    """Userspace clears the first pages of a slot: none of them counts as written.

    Args:
        gpa: an address in the slot.
        pages: how many of 4 KBytes; a multiple of 64.
    """

    gpa: int
    pages: int

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"clear {self.gpa:#x} {self.pages}"


@dataclass(frozen=True)
class IsLogged:
    """Whether the log of a slot has a page becomes a fact, 1 or 0.

    Args:
        name: of the fact.
        gpa: an address in the page.
    """

    name: str
    gpa: int

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"logged {self.name} {self.gpa:#x}"


@dataclass(frozen=True)
class ShowToSmm:
    """A vCPU in system-management mode finds a slot's memory at the same place, in a slot of its own.

    Args:
        gpa: an address in the slot.
    """

    gpa: int

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"smm {self.gpa:#x}"


@dataclass(frozen=True)
class Smi:
    """The vCPU goes to system-management mode before it does anything else."""

    def line(self) -> str:
        """The step as the VMM reads it."""
        return "smi"


@dataclass(frozen=True)
class Parameter:
    """A parameter of a kernel module becomes the fact ``MODULE.NAME``; "none" if the module has none such."""

    module: str
    name: str

    def line(self) -> str:
        """The step as the VMM reads it."""
        return f"parameter {self.module} {self.name}"


@dataclass(frozen=True)
class HostWidth:
    """How many bits of a physical address the host itself uses becomes the fact ``host.width``."""

    def line(self) -> str:
        """The step as the VMM reads it."""
        return "host"


Step: TypeAlias = (
    MemorySlot
    | Poke
    | Code
    | Width
    | CpuidBit
    | HyperV
    | Vcpu
    | Mode
    | Msr
    | VmxControl
    | Go
    | RunVcpu
    | Peek
    | LogWrites
    | StopLog
    | ClearLog
    | IsLogged
    | ShowToSmm
    | Smi
    | Parameter
    | HostWidth
)

Guest: TypeAlias = tuple[Step, ...]
"""A guest is what is done with it."""
