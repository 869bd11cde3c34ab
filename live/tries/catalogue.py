"""All tries, and why some findings have none."""

from __future__ import annotations

from collections.abc import Mapping

from mmuproof.live.trial import LiveTry
from mmuproof.live.tries import described, dirty_log, hyperv, l1_modes, shadow, smm, smm_intel, svm, vmx

TRIES: tuple[LiveTry, ...] = (
    *svm.TRIES,
    *vmx.TRIES,
    *shadow.TRIES,
    *l1_modes.TRIES,
    *dirty_log.TRIES,
    *smm.TRIES,
    *smm_intel.TRIES,
    *hyperv.TRIES,
    *described.TRIES,
)

WITHOUT_TRY: Mapping[int, str] = {
    1: "No caller is known that passes on such an error code: it needs SGX under shadow paging or SEV-SNP, which "
    "neither emulator has.",
    8: "Nothing comes of it: KVM looks at the flag only together with a write.",
    13: "It has no effect but finding 7, which is tried.",
    16: "The window is a few instructions, and what is made in it is believed 131071 updates of memslots later.",
    18: "A guest notices nothing: the log of dirty pages stays right, since KVM write-protects what L2 runs on. The "
    "host takes L1's pages for idle.",
    20: "Elsewhere than under Hyper-V all is flushed; no emulator here is a Hyper-V.",
    21: "It needs two processors in a window of a few instructions.",
    29: "Elsewhere than under Hyper-V all is flushed; no emulator here is a Hyper-V.",
    31: "A guest notices nothing: a list becomes longer than it is meant to, and is emptied later.",
    32: "It needs two processors, and neither emulator keeps apart by ASID what it has cached.",
    33: "The guest gets at nothing by it that it could not read otherwise.",
    34: "It needs a device that reads memory past the caches; no emulator here has caches.",
}
"""By the number of the finding, why there is no try of it."""
