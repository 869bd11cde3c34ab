"""The calls of what makes tables huge pages again that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common, guest_tables, roles
from mmuproof.model.named import functions, kvm_mmu_page, list_heads, tdp_iter

HOW_MANY = Cut(
    function="nx_huge_pages_to_zap", reason="how many are dropped at once: one more than there are on the list here"
)
LOGGED = Cut(
    function="kvm_mmu_sp_dirty_logging_enabled",
    reason="whether the dirty pages of a table's slot are logged: any; of which is looked at",
    watched=True,
)
ZAP_TDP = Cut(
    function="kvm_tdp_mmu_zap_possible_nx_huge_page",
    reason="drops a table of the TDP MMU, and those below it, which are none of those here, and says whether a flush "
    "is due; which is looked at",
    elsewhere=("*", list_heads.LIST, kvm_mmu_page.STRUCT, "argument 1"),
)
ZAP_SHADOW = Cut(
    function=functions.KVM_MMU_PREPARE_ZAP_PAGE,
    reason="drops a table of the shadow MMU, and those below it, which are none of those here; they are on the list of "
    "those to be freed then; which is looked at",
    writes=((2, ""),),
    elsewhere=("*", list_heads.LIST, kvm_mmu_page.STRUCT, "argument 1"),
)
FLUSH = Cut(
    function=functions.KVM_MMU_REMOTE_FLUSH_OR_ZAP,
    reason="flushes all if it is told so, or if tables of the shadow MMU were dropped; what it is told is looked at",
    writes=((1, ""),),
    elsewhere=("*", list_heads.LIST, kvm_mmu_page.STRUCT),
)
RCU_UNLOCK = Cut(function=functions.RCU_READ_UNLOCK, reason="lets tables be freed that nobody uses; when is looked at")
YIELDS = tuple(
    Cut(function=f"__cond_resched_rwlock_{how}", reason="gives the lock up for a while; when is looked at")
    for how in ("read", "write")
)
UNLOCKS = tuple(
    Cut(function=name, reason="gives a lock back; when is looked at")
    for name in (
        functions.RAW_READ_UNLOCK,
        functions.RAW_WRITE_UNLOCK,
        functions.INNER_RAW_READ_UNLOCK,
        functions.INNER_RAW_WRITE_UNLOCK,
    )
)
NEEDS_YIELD = tuple(
    Cut(function=name, reason="whether somebody waits: any answer")
    for name in (functions.NEED_RESCHED, functions.RWLOCK_NEEDBREAK)
)
CUTS: tuple[Cut, ...] = (
    *common.CUTS,
    HOW_MANY,
    LOGGED,
    ZAP_TDP,
    ZAP_SHADOW,
    FLUSH,
    RCU_UNLOCK,
    *YIELDS,
    *UNLOCKS,
    *NEEDS_YIELD,
    *common.each(
        "takes or gives back a lock",
        functions.RAW_READ_LOCK,
        functions.RAW_WRITE_LOCK,
        functions.RAW_SPIN_LOCK,
        functions.RAW_SPIN_UNLOCK,
        functions.INNER_RAW_SPIN_UNLOCK,
        functions.RCU_READ_LOCK,
        functions.SRCU_READ_LOCK,
        functions.SRCU_READ_UNLOCK,
    ),
)
ZAP_ALL = Cut(
    function=functions.KVM_MMU_ZAP_ALL_FAST,
    reason="zaps all SPTEs of a VM; of which is looked at",
    elsewhere=("*", list_heads.LIST),
)
TOGGLES: tuple[Cut, ...] = (
    *common.CUTS,
    ZAP_ALL,
    Cut(function="kstrtobool", reason="reads what is asked for: any, or no answer", writes=((1, "*"),)),
    *common.each(
        "compares what is asked for, takes a lock or gives it back, or wakes who makes pages huge again: any answer",
        "get_nx_auto_mode",
        "kvm_wake_nx_recovery_thread",
        "mutex_lock",
        "mutex_unlock",
        "sysfs_streq",
        "wake_up_process",
    ),
)
READ_SPTE = Cut(function=functions.KVM_TDP_MMU_READ_SPTE, reason="reads an entry: any content; of which is looked at")
CHILD = Cut(
    function=functions.SPTE_TO_CHILD_PT, reason="finds the table that an entry leads to; of which entry is looked at"
)
SET = Cut(
    function=functions.TDP_MMU_SET_SPTE_ATOMIC,
    reason="exchanges an entry, or fails; which, and for what, is looked at",
    writes=((1, tdp_iter.OLD_SPTE),),
    elsewhere=("*", kvm_mmu_page.STRUCT),
    watched=True,
)
SPTEP_TO_SP = roles.SPTEP_TO_SP
ZAPPING: tuple[Cut, ...] = (*common.CUTS, READ_SPTE, CHILD, SET, SPTEP_TO_SP)
LOGGING: tuple[Cut, ...] = (*common.CUTS, guest_tables.SLOT_OF, guest_tables.SPACE)
