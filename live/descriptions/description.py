"""A guest, described: its mode and tables, who runs it and how, its accesses, and what each should come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from mmuproof.live.trial import Emulated, Warned


class GuestPaging(Enum):
    """How a guest translates addresses."""

    NONE = "none"
    BITS_32 = "32-bit"
    PAE = "PAE"
    LEVELS_4 = "4-level"
    LEVELS_5 = "5-level"

    @property
    def code_bits(self) -> int:
        """64 or 32: of the code segment."""
        return 64 if self in (GuestPaging.LEVELS_4, GuestPaging.LEVELS_5) else 32

    @property
    def levels(self) -> int:
        """How many levels of tables there are."""
        return {"none": 0, "32-bit": 2, "PAE": 3, "4-level": 4, "5-level": 5}[self.value]


class SecondStage(Enum):
    """What translates the guest-physical addresses of a guest that an L1 runs."""

    EPT = "EPT"
    NPT = "NPT"


class GuestAccessKind(Enum):
    """What an access does.

    OUTS and INS are a read and a write that the instruction's emulation in KVM makes.
    """

    READ = "read"
    WRITE = "write"
    FETCH = "fetch"
    OUTS = "outs"
    INS = "ins"


class ResultKind(Enum):
    """What an access comes to.

    ENDLESS: the vCPU keeps its processor busy and never gets on.
    """

    DONE = "done"
    PAGE_FAULT = "page fault"
    PROTECTION = "general protection"
    EPT_VIOLATION = "EPT violation"
    EPT_MISCONFIGURATION = "EPT misconfiguration"
    NESTED_FAULT = "nested page fault"
    MMIO = "MMIO"
    ENDLESS = "no end"

    @property
    def of_ept(self) -> bool:
        """Whether only a guest below EPT can meet it."""
        return self in (ResultKind.EPT_VIOLATION, ResultKind.EPT_MISCONFIGURATION)


@dataclass(frozen=True, kw_only=True)
class AccessResult:
    """What an access comes to.

    Args:
        kind: see there.
        code: a page fault's error code, EXITINFO1 of a nested one, or the exit qualification; None if any will do.
        mask: the bits of it that count; all by default.
        address: of an exit to L1, the guest-physical address that it tells; of MMIO, the one that the VMM is told;
            None if any will do.
        frame: of what is done, the page that the access has reached; None if any will do.
    """

    kind: ResultKind
    code: int | None = None
    mask: int | None = None
    address: int | None = None
    frame: int | None = None


DONE = AccessResult(kind=ResultKind.DONE)


@dataclass(frozen=True, kw_only=True)
class GuestAccess:
    """One access.

    Args:
        kind: see there.
        address: the linear address.
        user: whether it is made with CPL 3, else with CPL 0.
        alignment_check: whether RFLAGS.AC is set, with which SMAP lets a supervisor through.
        right: what it should come to.
        shows: what it comes to on a kernel that the description is about; None if the same.
    """

    kind: GuestAccessKind
    address: int
    user: bool = False
    alignment_check: bool = False
    right: AccessResult = DONE
    shows: AccessResult | None = None


@dataclass(frozen=True, kw_only=True)
class TableEntry:
    """An entry of a table.

    Args:
        of: an address that it translates.
        level: of its table; 1 is the lowest.
        to: the page or table that it leads to; None leads to a table that is made for it, or nowhere.
        bits: all else of it.
    """

    of: int
    level: int
    to: int | None = None
    bits: int = 0


@dataclass(frozen=True, kw_only=True)
class EntryAfter:
    """The accessed and dirty flags of an entry, when all accesses are made.

    Args:
        of: an address that it translates.
        level: of its table.
        bits: those of its flags that are set.
        mask: those that count.
    """

    of: int
    level: int
    bits: int
    mask: int


@dataclass(frozen=True)
class GuestMemory:
    """Memory of the guest beside the first 16 MBytes.

    Args:
        gpa: the guest-physical address.
        size: in bytes.
        read_only: whether the VMM lets the guest only read it; a write is MMIO then.
    """

    gpa: int
    size: int
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class RunByL1:
    """An L1 that runs the guest.

    Args:
        stage: see there.
        entries: of its EPT or nested page tables, besides those that map the guest's own pages.
        mbec: whether it turns mode-based execute control on, for EPT.
        gmet: whether it turns guest-mode execute trap on, for NPT.
        accessed_dirty: whether it turns accessed and dirty flags of EPT on.
        efer: the bits of its own EFER that may be set (`bits.EFER`).
        after: what flags of these entries should be in the end.
    """

    stage: SecondStage
    entries: tuple[TableEntry, ...] = ()
    mbec: bool = False
    gmet: bool = False
    accessed_dirty: bool = False
    efer: int
    after: tuple[EntryAfter, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HostKvm:
    """How KVM is loaded.

    Args:
        tdp: whether it uses EPT or nested paging; without it, it shadows the guest's tables.
        kvm: other parameters of kvm, such as ``nx_huge_pages=force``.
        vendor: other parameters of kvm_intel or kvm_amd.
        huge_pages: whether the guest's memory is in pages of 2 MBytes.
        needs: the parameter, as ``MODULE.NAME``, that tells whether KVM offers what this is about; empty for none.
    """

    tdp: bool = True
    kvm: tuple[str, ...] = ()
    vendor: tuple[str, ...] = ()
    huge_pages: bool = False
    needs: str = ""


@dataclass(frozen=True, kw_only=True)
class GuestDescription:
    """A guest, and what should come of it.

    Args:
        says: what it does, in a sentence.
        machines: on what it can be run.
        accesses: in order.
        paging: how it translates addresses.
        host: how KVM is loaded.
        l1: who runs it; None if the host does.
        finding: the number of the finding that it shows, if it is of one.
        cr0: the bits of the register that may be set (`bits.CR0`); so are cr4 and efer.
        cr4: see there.
        efer: see there.
        pkru: the rights of protection keys.
        width: MAXPHYADDR of the guest; None for that of the host.
        memory: beside the first 16 MBytes.
        entries: of its tables, besides those that map the guest's own pages.
        warning: what the kernel warns of, where it shows.
        may_warn: whether it may warn of anything there, if it says nothing of a warning.
        control: the same without what it takes; its accesses come to what is right.
        after: what flags of its entries should be in the end.
        cannot: what of the case that this stands for no guest can set, in words.
    """

    says: str
    machines: tuple[Emulated, ...]
    accesses: tuple[GuestAccess, ...]
    paging: GuestPaging
    host: HostKvm = field(default_factory=HostKvm)
    l1: RunByL1 | None = None
    finding: int | None = None
    cr0: int = 0
    cr4: int = 0
    efer: int = 0
    pkru: int = 0
    width: int | None = None
    memory: tuple[GuestMemory, ...] = ()
    entries: tuple[TableEntry, ...] = ()
    warning: Warned | None = None
    may_warn: bool = False
    control: GuestDescription | None = None
    after: tuple[EntryAfter, ...] = ()
    cannot: tuple[str, ...] = ()

    @property
    def expects_a_mistake(self) -> bool:
        """Whether it says what a kernel with a mistake does; else whatever is not right shows one."""
        return self.warning is not None or any(access.shows is not None for access in self.accesses)
