"""Why no guest is made of the counterexamples of some theorems on walks, exits, nested translation and SPTEs."""

from __future__ import annotations

from collections.abc import Mapping

_CHANGES = "the guest's tables or memory change on the way, and those of a described guest do not"
_SPURIOUS = "the guest notices at most one fault more or less, and accesses come to the same"
_HOSTS = "it is about what the host learns of the guest, which no access of the guest's tells"
_HANDED_ON = "it is handed on inside KVM; what comes of it is said by theorems on walks and SPTEs"
_PRIVATE = "it takes private memory, and the emulated VMs have none"
_OPERATION = "the SPTE is changed by an operation that no guest asks for"

WITHOUT_GUEST: Mapping[str, str] = {
    "walk.ahead": "prefetched or not, a page looks the same to the guest; spte.no-warning has one that does not",
    "walk.sync": _CHANGES,
    "walk.changed": _CHANGES,
    "walk.written": _CHANGES,
    "walk.synced-page": _CHANGES,
    "walk.followed": _CHANGES,
    "walk.children": _CHANGES,
    "walk.noted-children": _CHANGES,
    "walk.unprotected": _CHANGES,
    "walk.brought-up-to-date": _CHANGES,
    "exit.npf": "the error code is KVM's own word for EXITINFO1; what an L1 is told is exit.injected-npf",
    "exit.device": "it takes a device of KVM's that is written to by its address alone, and this guest has none",
    "exit.npf-1218": "it takes GMET, which neither emulator has",
    "fault.kind": _HANDED_ON,
    "fault.frame": _HANDED_ON,
    "fault.walked": _HANDED_ON,
    "fault.mapped": _HANDED_ON,
    "fault.handed-on": _HANDED_ON,
    "walk.begun": "any L2 shows it: its first access goes astray",
    "fault.sought": _HANDED_ON,
    "fault.answered": _HANDED_ON,
    "fault.injected": "what an access gets is said by walk.reported and exit.injected-*, and those have guests",
    "fault.later": "the host's page has to be away just then, and the emulated host swaps nothing",
    "fault.out-of-date": "the host takes memory away just then, on another processor",
    "fault.host-asked": _PRIVATE,
    "fault.guest-memory": _PRIVATE,
    "fault.routed": "it is settled before any fault, and does not say which fault goes astray",
    "fault.pre-fault": "userspace asks for it, and no guest",
    "fault.asked-ahead": "userspace asks for it, and no guest",
    "nested.gmet": "it takes GMET, which neither emulator has",
    "nested.linear-access": "the access is judged by permission.paging and nested.judgement, and those have guests",
    "spte.vendor-separation": "it compares two SPTEs; spte.permissions has a guest for the one that is wrong",
    "spte.page": "frames are the host's, and which one is next to the guest's page no guest can say",
    "spte.pfn": "frames are the host's, and which one is next to the guest's page no guest can say",
    "spte.nx-huge": "KVM maps a small page where a huge one is not executable, and the guest notices nothing",
    "spte.direct-execution": _SPURIOUS,
    "spte.fast-fault": _OPERATION,
    "spte.permission-table": _SPURIOUS,
    "spte.writable-states": "an SPTE that may become writable later grants what another does until then",
    "spte.write-protection": _OPERATION,
    "spte.accessed-dirty": _HOSTS,
    "spte.dirty-logging": _HOSTS,
    "spte.aging": _HOSTS,
    "spte.flush": _OPERATION,
    "spte.nonleaf": "what is below such an entry is in spte.permissions, and that has guests",
    "spte.split": _OPERATION,
    "spte.collapse": _OPERATION,
    "spte.memory-type": "the emulators cache nothing and encrypt nothing, whatever the memory type",
    "spte.memory-type-followed": "no device of an emulator is without coherent DMA",
    "spte.chosen-memory-type": "the emulators cache nothing, whatever the memory type",
    "spte.ve-suppressed": "it takes #VE, which neither emulator has turned on for a guest",
    "spte.host-mmio": "it takes a device of the host's in the guest's memory, and buffers that leak",
    "lifecycle.made": "an SPTE outside the invariant harms later operations; spte.permissions says what it grants",
}
"""By theorem, the reason in words."""
