"""The calls of making a memory slot, and of taking it away, that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import common
from mmuproof.model.cuts.guest_tables import SPACE
from mmuproof.model.cuts.range_zaps import HAVE_RMAPS
from mmuproof.model.named import functions, kvm_memory_slot, kvm_mmu_page, kvm_vm, list_heads

_SLOTS = ("*", kvm_memory_slot.STRUCT)
_PAGES = (
    "*",
    kvm_vm.STRUCT,
    kvm_memory_slot.STRUCT,
    kvm_mmu_page.STRUCT,
    kvm_memory_slot.RMAP_HEAD,
    list_heads.LIST,
    list_heads.HASH_LIST,
    list_heads.HASH_NODE,
)
ALLOCATE = tuple(
    Cut(function=name, reason="allocates an array of zeros; how long is looked at")
    for name in ("__vcalloc", "__vcalloc_noprof")
)
RMAPS = Cut(
    function="memslot_rmap_alloc",
    reason="makes the lists of what maps frames; for how many is looked at; it may fail",
    elsewhere=_SLOTS,
)
_OTHERS = "makes or frees what is none of the arrays that are looked at; it may fail"
MAKES: tuple[Cut, ...] = (
    *common.CUTS,
    *ALLOCATE,
    RMAPS,
    HAVE_RMAPS,
    Cut(
        function=functions.KVM_MMU_INIT_MEMSLOT_MEMORY_ATTRIBUTES,
        reason="notes where attributes are mixed, in a bit of its own, by slot.attributes-mixed; what else forbids a "
        "huge page is looked at",
        elsewhere=(*_SLOTS, kvm_memory_slot.LPAGE_INFO),
    ),
    *(
        Cut(function=name, reason=_OTHERS, elsewhere=_SLOTS)
        for name in ("memslot_rmap_free", "kvm_page_track_create_memslot", "vfree", "kvfree")
    ),
)
ALL = tuple(
    Cut(
        function=name,
        reason="gives all pages up, by role.given-up; that it is asked for is looked at",
        elsewhere=_PAGES,
    )
    for name in (functions.INNER_KVM_MMU_ZAP_ALL_FAST_FRONT_HALF, functions.KVM_MMU_ZAP_ALL_FAST)
)
REST = Cut(
    function="__kvm_mmu_zap_all_fast_back_half",
    reason="does what is left of that; that it is asked for is looked at",
    elsewhere=_PAGES,
)
UNMAP = Cut(
    function=functions.KVM_UNMAP_GFN_RANGE,
    reason="takes away what maps a range, by flush.range and loop.*: whether a flush is due; of which is looked at",
    elsewhere=_PAGES,
    watched=True,
)
TABLES = Cut(
    function=functions.KVM_MMU_ZAP_MEMSLOT_PAGES_AND_FLUSH,
    reason="takes away what shadows tables in a slot, by slot.gone; of which is looked at",
    elsewhere=_PAGES,
)
_LOCKS = common.each(
    "takes or gives back a lock", functions.RAW_WRITE_LOCK, functions.RAW_WRITE_UNLOCK, functions.INNER_RAW_WRITE_UNLOCK
)
GOES: tuple[Cut, ...] = (
    *common.CUTS,
    *ALL,
    REST,
    UNMAP,
    TABLES,
    *_LOCKS,
    *common.each("whether a quirk is on: any answer; reads only", "kvm_check_has_quirk"),
    Cut(function="kvm_arch_gmem_invalidate_range", reason="tells the firmware of memory that goes", elsewhere=_PAGES),
)
EMPTY = Cut(function=functions.LIST_EMPTY, reason="whether a list is empty: any answer; reads only")
GIVE_UP = Cut(
    function=functions.KVM_MMU_PREPARE_ZAP_PAGE,
    reason="gives a page up, by role.given-up; which is looked at",
    elsewhere=_PAGES,
)
END = Cut(
    function=functions.KVM_MMU_REMOTE_FLUSH_OR_ZAP,
    reason="flushes what is due, by role.given-up; when, and what is told, is looked at",
    elsewhere=_PAGES,
)
YIELD = Cut(
    function=functions.INNER_COND_RESCHED_RWLOCK_WRITE,
    reason="gives the lock up for a while; when is looked at",
    elsewhere=_PAGES,
)
TAKES: tuple[Cut, ...] = (
    *common.CUTS,
    EMPTY,
    GIVE_UP,
    END,
    YIELD,
    *common.each("whether somebody waits: any answer", functions.NEED_RESCHED, functions.RWLOCK_NEEDBREAK),
)
START, NEXT = (
    Cut(
        function=f"kvm_memslot_iter_{name}",
        reason="goes to the next slot, any; of which is looked at",
        writes=((0, ""),),
    )
    for name in ("start", "next")
)
VALID = Cut(function="kvm_memslot_iter_is_valid", reason="whether there is a slot before a frame: any answer")
WALKS = tuple(
    Cut(
        function=name,
        reason="takes away what maps frames, by loop.slot-walk: whether a flush is due; which is looked at",
        elsewhere=_PAGES,
    )
    for name in (functions.INNER_KVM_RMAP_ZAP_GFN_RANGE, functions.SLOT_HANDLE_LEVEL_RANGE)
)
ZAPS: tuple[Cut, ...] = (*common.CUTS, HAVE_RMAPS, SPACE, START, NEXT, VALID, *WALKS)
