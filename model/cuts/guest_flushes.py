"""The calls that a guest's flushes make and that are not followed."""

from __future__ import annotations

from mmuproof.lift.machine.cuts import Cut
from mmuproof.model.cuts import asked_flushes, common, invalidations
from mmuproof.model.named import functions, kvm_mmu_page, list_heads

FIFO = Cut(function="kvm_hv_get_tlb_flush_fifo", reason="the list of a vCPU, for L1 or for L2: any")
TAKEN = Cut(
    function="__kfifo_out",
    reason="takes entries from the list: any, and any number of them",
    writes=((1, ""),),
    elsewhere=("*", list_heads.FIFO),
)
PUT = Cut(
    function="__kfifo_in",
    reason="puts entries into the list, and says how many; which is looked at",
    elsewhere=("*", list_heads.FIFO),
    watched=True,
)
FILLS: tuple[Cut, ...] = (*common.CUTS, FIFO, PUT, *common.SPIN_LOCK)
"""For what fills the list."""
FILL = Cut(
    function="hv_tlb_flush_enqueue",
    reason="fills the list of a vCPU, by flush.listed; whose, as whose, and with what is looked at",
    elsewhere=("*", list_heads.FIFO, list_heads.FLUSHES),
)
NAMED = Cut(
    function="sparse_set_to_vcpu_mask",
    reason="finds the vCPUs that a hypercall names: any; into which set is looked at",
    writes=((3, "*"),),
    elsewhere=("*",),
)
ENTRIES = Cut(
    function="kvm_hv_get_tlb_flush_entries",
    reason="reads the entries of a hypercall, or fails; into which array is looked at",
    writes=((2, ""),),
    elsewhere=("*",),
)
IS_NAMED = Cut(function="hv_is_vp_in_sparse_set", reason="whether a hypercall names a vCPU of L1's: any answer")
ASK_ALL = Cut(function=functions.KVM_MAKE_ALL_CPUS_REQUEST, reason="asks all vCPUs to do something; what is looked at")
ASK = Cut(
    function="kvm_make_vcpus_request_mask", reason="asks some vCPUs to do something; what, and which, is looked at"
)
OTHERS = tuple(
    Cut(function=name, reason="finds the next vCPU: any, or none", writes=((1, ""),))
    for name in ("xa_find", "xa_find_after")
)
OTHER = Cut(function="kvm_get_vcpu", reason="finds a vCPU by its number: any, or none")
NEXT_NAMED = tuple(
    Cut(function=name, reason="finds the next number in a set: any; in which set, and up to where, is looked at")
    for name in ("find_next_bit", functions.FIND_NEXT_BIT)
)
NOTE = Cut(
    function="___set_bit",
    reason="puts a number into a set; which, and into which, is looked at",
    writes=((1, "*"),),
    elsewhere=("*",),
)
ASKED: tuple[Cut, ...] = (
    *common.CUTS,
    FILL,
    NAMED,
    FIFO,
    ENTRIES,
    IS_NAMED,
    ASK_ALL,
    ASK,
    *NEXT_NAMED,
    NOTE,
    Cut(function="kvm_read_guest", reason="reads what the guest has in its memory, any, or fails", writes=((2, ""),)),
    Cut(
        function="kvm_get_sparse_vp_set",
        reason="reads which vCPUs are named, any, or fails",
        writes=((2, "*"),),
        elsewhere=("*",),
    ),
    *common.each(
        "finds where the guest has a hypercall's parameters: anywhere",
        functions.KVM_TRANSLATE_GPA,
        functions.TRANSLATE_NESTED_GPA,
    ),
    *common.each("a tracepoint; reads only", "trace_kvm_hv_flush_tlb", "trace_kvm_hv_flush_tlb_ex"),
)
"""For the hypercalls that fill lists."""
TELL = Cut(
    function=functions.KVM_X86_FLUSH_TLB_GVA,
    reason="lets the processor forget an address; that it does, and which, is looked at",
)
TELL_AND_ASK = Cut(
    function=TELL.function,
    reason="lets the processor forget an address, and may say that it has forgotten all; which is looked at",
    writes=((2, "*"),),
)
LISTED: tuple[Cut, ...] = (*common.CUTS, FIFO, TAKEN)
"""For the list that hypercalls fill, but for what tells the vendor of an address."""
VPID_ADDRESS = Cut(
    function="vpid_sync_vcpu_addr", reason="lets the processor forget an address; that it does, and which, is looked at"
)
VPID_ALL = Cut(
    function=functions.VPID_SYNC_CONTEXT, reason="lets the processor forget all with a VPID; that it does is looked at"
)
GIVE_UP = Cut(
    function="kvm_mmu_free_guest_mode_roots",
    reason="gives up what shadows L2's tables, by role.swept-roots; of which MMU is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
FAIL = Cut(
    function=functions.NESTED_VMX_FAIL, reason="tells L1 that its instruction has failed; that it does is looked at"
)
_NOT_VPID = (invalidations.FREE_ROOTS, invalidations.CHECK_EPTP)
VPID: tuple[Cut, ...] = (
    *(each for each in invalidations.INVEPT if each not in _NOT_VPID and each.function != FAIL.function),
    FAIL,
    VPID_ADDRESS,
    VPID_ALL,
    GIVE_UP,
    *common.each("keeps the thread on its processor", "__preempt_count_add", "__preempt_count_sub"),
    *common.each("the same, and may let another run", "__preempt_count_dec_and_test", "preempt_schedule"),
    *common.each("lets L1 go on behind its instruction", functions.KVM_SKIP_EMULATED_INSTRUCTION),
)
"""For INVVPID."""
READ = Cut(
    function=functions.KVM_READ_GUEST_VIRT,
    reason="reads the operand that the guest has in its memory, any, or fails",
    writes=((2, "*"), (4, "")),
)
FAULT = Cut(function="kvm_queue_exception_e", reason="gives the guest a fault; that it does is looked at")
FAULT_INLINE = Cut(function="kvm_inject_gp", reason="gives the guest a #GP; that it does is looked at")
SKIP = Cut(
    function=functions.KVM_SKIP_EMULATED_INSTRUCTION,
    reason="lets the guest go on behind its instruction; that it does is looked at",
)
ADDRESS = Cut(
    function="kvm_mmu_invpcid_gva",
    reason="invalidates an address for a PCID, by flush.address; which is looked at",
    elsewhere=("*",),
)
CONTEXT = Cut(
    function=functions.KVM_INVALIDATE_PCID,
    reason="invalidates all of a PCID, by flush.registers; which is looked at",
    elsewhere=("*", kvm_mmu_page.STRUCT),
)
PCID: tuple[Cut, ...] = (
    *common.CUTS,
    READ,
    FAULT,
    FAULT_INLINE,
    SKIP,
    ADDRESS,
    CONTEXT,
    asked_flushes.REQUEST,
    *common.each(
        "tells the guest, or userspace, of an operand that cannot be read", functions.KVM_HANDLE_MEMORY_FAILURE
    ),
    *common.each("notes that a register has changed", functions.KVM_REGISTER_MARK_DIRTY),
    *common.each(
        "fetches a register into the register cache, which holds it already here", functions.KVM_X86_CACHE_REG
    ),
    *common.each("whether a register is in the register cache: it is", functions.KVM_REGISTER_IS_AVAILABLE),
)
"""For INVPCID."""
