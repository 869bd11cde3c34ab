"""The calls that writes to control registers make and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import asked_flushes, common, invalidations, roots
from mmuproof.model.named import functions

CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    asked_flushes.REQUEST,
    invalidations.FREE_ROOTS,
    *(cut for cut in roots.LOAD_CR3 if cut.function not in {functions.KVM_INVALIDATE_PCID, functions.KVM_INIT_MMU}),
    *common.each(
        "makes the MMU anew for the registers that the vCPU has then; what is flushed does not depend on it",
        functions.KVM_MMU_RESET_CONTEXT,
        functions.KVM_INIT_MMU,
    ),
    *(
        Cut(
            function=name,
            reason="belongs to memory types and to pages that have come; no flush counts on it",
            elsewhere=("*",),
        )
        for name in ("kvm_zap_gfn_range", "kvm_clear_async_pf_completion_queue", "kvm_async_pf_hash_reset")
    ),
    Cut(function=functions.KVM_MMU_UNLOAD, reason="gives up all roots; no flush counts on it", elsewhere=("*",)),
)
