"""Of whom a fault's frame is asked: the guest's own memory for what is private, the host for what is not."""

from __future__ import annotations

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, bv, eq, iff, ite, ne, negate

_ORDERS = (0, 9, 18)
"""How large pages of levels 1 to 3 are, as powers of two of small ones."""


def _host_asked(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.frame_searches.asked(), "__kvm_mmu_faultin_pfn()"
    own = any_of(made.is_private, made.only_guest)
    return never(
        given(
            shown=(
                Shown("is_private", made.is_private),
                Shown("the slot has no memory of the host's", made.only_guest),
                Shown("write", made.writes),
                Shown("the host is asked for a page to write", made.for_write),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "private-of-host",
            all_of(made.host, own),
            f"{name} asks the host's page tables for memory that is the guest's own.",
        ).told("the host is asked", "KVM: private memory is that of guest_memfd alone"),
        Wrong(
            "shared-of-guest",
            all_of(made.guest, negate(own)),
            f"{name} takes memory of the guest's own for what is shared with the host.",
        ).told("the guest's own memory is asked", "KVM: shared memory is what userspace has mapped"),
        Wrong("nobody-asked", negate(any_of(made.host, made.guest)), f"{name} asks nobody for the frame.").told(
            "nobody is asked", "KVM: the frame is that of the fault's slot"
        ),
        Wrong(
            "write-asks-to-read",
            all_of(made.writes, made.for_read),
            f"{name} asks the host for any page where the fault writes to it.",
        ).told("any page", "Linux: a page that is written has to be asked for to write, or it may be shared"),
        Wrong(
            "read-asks-to-write",
            all_of(made.for_write, negate(made.writes)),
            f"{name} asks the host for a page to write where the fault only reads it.",
        ).told("a page that can be written", "Linux: to ask for that copies pages that are shared"),
        Wrong(
            "another-frame",
            made.elsewhere,
            f"{name} asks for another frame than the fault's, or keeps the answer elsewhere.",
        ).told("another frame", "KVM: the frame is that of the fault's GFN in its slot"),
    )


def _guest_memory(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.frame_searches.of_guest_memory(), "kvm_mmu_faultin_pfn_gmem()"
    level = bv(1, 8)
    for number, order in enumerate(_ORDERS, 1):
        level = ite(eq(made.order, order), bv(number, 8), level)
    return never(
        given(
            Assumption(
                "guest_memfd has pages of 4 KByte, 2 MByte and 1 GByte",
                any_of(*(eq(made.order, order) for order in _ORDERS)),
            ),
            shown=(
                Shown("the slot has memory of the guest's own", made.has_memory),
                Shown("order", made.order),
                Shown("fault.max_level", made.level),
                Shown("the slot is read-only", made.readonly),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "goes-on-without",
            all_of(made.goes_on, negate(all_of(made.has_memory, made.asked, negate(made.fails)))),
            f"{name} lets a fault go on for which there is no memory of the guest's own.",
        ).told("the fault goes on", "KVM: userspace is told of the fault"),
        Wrong(
            "not-told", negate(any_of(made.goes_on, made.told)), f"{name} ends a fault of which userspace is not told."
        ).told("userspace is not told", "KVM API: KVM_EXIT_MEMORY_FAULT"),
        Wrong(
            "larger-page",
            all_of(made.goes_on, ne(made.level, level)),
            f"{name} lets the page be mapped at another level than that of the memory.",
        ).told("another level", "SDM 31.3.2: an entry of a level maps just so much"),
        Wrong(
            "read-only-written",
            all_of(made.goes_on, negate(iff(made.writable, negate(made.readonly)))),
            f"{name} mistakes whether the page may be written.",
        ).told("another answer", "KVM API: KVM_MEM_READONLY"),
    )


_NEEDS = (Need(Feature.GUEST_MEMORY_FIRST),)
THEOREMS = (
    Theorem(
        name="fault.host-asked",
        claim="The frame of private memory, and of a slot without memory of the host's, is asked of the guest's own "
        "memory, and every other one of the host's page tables. The host is asked for the fault's frame in its slot, "
        "and for a page that can be written exactly if the fault writes.",
        source="KVM's comments in __kvm_mmu_faultin_pfn(); KVM API: KVM_CREATE_GUEST_MEMFD",
        assumes=("what the host and guest_memfd answer is right",),
        needs=_NEEDS,
        state=alone(_host_asked),
        catches=(
            Catch("private-frame-of-host", "private-of-host"),
            Catch("write-fault-asks-to-read", "write-asks-to-read"),
        ),
    ),
    Theorem(
        name="fault.guest-memory",
        claim="A fault goes on with memory of the guest's own only if the slot has some and gives the fault's frame; "
        "else userspace is told. It may be mapped as large as that memory is, and written unless the slot is "
        "read-only.",
        source="KVM API: KVM_EXIT_MEMORY_FAULT, KVM_MEM_READONLY",
        assumes=("guest_memfd gives pages of 4 KByte, 2 MByte and 1 GByte",),
        needs=_NEEDS,
        state=alone(_guest_memory),
        catches=(
            Catch("guest-memory-too-large", "larger-page"),
            Catch("guest-memory-always-writable", "read-only-written"),
        ),
    ),
)
