"""What is on: the functions of which theorems take an answer, against the state that means it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.settings import Question
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, eq, implies, ne, negate, ult

_LOG_DIRTY_PAGES = 0
"""The bit of KVM_MEM_LOG_DIRTY_PAGES in a memory region's flags, which userspace gives."""

_SIGN_OF_ID = 15
"""The highest bit of a slot's number, which has 16."""


def _claim(kvm: Kvm, question: Question, means: Callable[[Mapping[str, BitVec]], Bool], rule: str) -> Claim:
    found = kvm.settings.answer(question)
    state = found.state
    wanted, function = means(state), f"{question.value}()"
    return never(
        given(
            shown=(*(Shown(name, value) for name, value in state.items()), Shown(function, found.holds)),
            evidence=found.evidence,
            part=function,
        ),
        Wrong("said-to-be-off", all_of(wanted, negate(found.holds)), f"{function} says no although it is so.").told(
            "no", rule
        ),
        Wrong(
            "said-to-be-on", negate(implies(found.holds, wanted)), f"{function} says yes although it is not so."
        ).told("yes", rule),
    )


def _nx_huge_pages(state: Mapping[str, BitVec]) -> Bool:
    return all_of(ne(state["nx_huge_pages"], 0), eq(state["disable_nx_huge_pages"], 0))


def _logs_writes(state: Mapping[str, BitVec]) -> Bool:
    return bit(state["flags"], _LOG_DIRTY_PAGES)


def _not_logged_by_hardware(state: Mapping[str, BitVec]) -> Bool:
    return all_of(ne(state["cpu_dirty_log_size"], 0), ne(state["guest_mode"], 0))


def _mirror(state: Mapping[str, BitVec]) -> Bool:
    return ne(state["is_mirror"], 0)


def _has_lists(state: Mapping[str, BitVec]) -> Bool:
    return any_of(eq(state["tdp_mmu_enabled"], 0), ne(state["shadow_root_allocated"], 0))


def _stated(
    question: Question, means: Callable[[Mapping[str, BitVec]], Bool], rule: str
) -> Callable[[Kvm, Vendor], tuple[Claim, ...]]:
    return lambda kvm, _vendor: (_claim(kvm, question, means, rule),)


def _modes(kvm: Kvm, _vendor: Vendor) -> tuple[Claim, ...]:
    flags = {Question.GUEST_MODE: kvm.constant("HF_GUEST_MASK"), Question.SMM: kvm.constant("HF_SMM_MASK")}

    def is_in(mask: int) -> Callable[[Mapping[str, BitVec]], Bool]:
        return lambda state: ne(state["hflags"] & mask, 0)

    rule = "KVM: vcpu->arch.hflags, which entering and leaving the mode changes"
    return tuple(_claim(kvm, question, is_in(mask), rule) for question, mask in flags.items())


def _visible(kvm: Kvm, _vendor: Vendor) -> tuple[Claim, ...]:
    most, invalid = kvm.constant("KVM_USER_MEM_SLOTS"), kvm.constant("KVM_MEMSLOT_INVALID")

    def means(state: Mapping[str, BitVec]) -> Bool:
        of_userspace = any_of(bit(state["id"], _SIGN_OF_ID), ult(state["id"], most))
        return all_of(of_userspace, eq(state["flags"] & invalid, 0))

    return (_claim(kvm, Question.VISIBLE_SLOT, means, "KVM: KVM_CAP_NR_MEMSLOTS, KVM_MEMSLOT_INVALID"),)


THEOREMS = (
    Theorem(
        name="setting.nx-huge-pages",
        claim="The mitigation of iTLB multihit counts as on exactly if nx_huge_pages is and the VM has not opted out.",
        source="KVM: nx_huge_pages, KVM_CAP_VM_DISABLE_NX_HUGE_PAGES; CVE-2018-12207",
        state=_stated(
            Question.NX_HUGE_PAGES, _nx_huge_pages, "KVM: nx_huge_pages, unless the VM has disable_nx_huge_pages"
        ),
        catches=(Catch("nx-huge-pages-negated", "said-to-be-off"), Catch("nx-opt-out-ignored", "said-to-be-on")),
    ),
    Theorem(
        name="setting.dirty-logging",
        claim="Writes to a memory slot count as logged exactly if userspace has asked for it by bit 0 of its flags.",
        source="KVM's interface to userspace: KVM_MEM_LOG_DIRTY_PAGES, KVM_SET_USER_MEMORY_REGION",
        state=_stated(Question.LOGS_WRITES, _logs_writes, "KVM's interface: KVM_MEM_LOG_DIRTY_PAGES is bit 0"),
        catches=(Catch("dirty-logging-by-read-only", "said-to-be-off"),),
    ),
    Theorem(
        name="setting.write-protection",
        claim="SPTEs of a page need write protection for the dirty log exactly if the VM logs by PML and the page is "
        "L2's, whose addresses PML would log.",
        source="SDM 30.3.6; KVM's comment at kvm_mmu_page_ad_need_write_protect()",
        state=_stated(
            Question.NEEDS_WRITE_PROTECTION,
            _not_logged_by_hardware,
            "SDM 30.3.6: PML logs guest-physical addresses, which are L2's while L2 runs",
        ),
        catches=(Catch("l2-logged-by-pml", "said-to-be-off"), Catch("write-protection-without-pml", "said-to-be-on")),
    ),
    Theorem(
        name="setting.mirror",
        claim="A page counts as a mirror exactly if its role says so.",
        source="KVM's comment at kvm_mmu_page_role.is_mirror",
        needs=(Need(Feature.MIRROR),),
        state=_stated(Question.MIRROR, _mirror, "KVM: role.is_mirror"),
        catches=(Catch("mirror-by-invalid", "said-to-be-off"),),
    ),
    Theorem(
        name="setting.modes",
        claim="A vCPU counts as running L2, and as in system-management mode, exactly if the flag of that mode is set.",
        source="KVM: HF_GUEST_MASK, HF_SMM_MASK",
        state=_modes,
        catches=(Catch("guest-mode-is-smm", "said-to-be-off"),),
    ),
    Theorem(
        name="setting.reverse-maps",
        claim="Slots count as having lists of what maps their frames exactly if the shadow MMU may map them: it is the "
        "only MMU, or has had a root.",
        source="KVM's comment at kvm_arch.shadow_root_allocated",
        state=_stated(
            Question.REVERSE_MAPS, _has_lists, "KVM: lists of SPTEs are made with the first root of the shadow MMU"
        ),
        catches=(Catch("lists-only-without-tdp-mmu", "said-to-be-off"),),
    ),
    Theorem(
        name="setting.visible-slot",
        claim="A guest sees a memory slot exactly if userspace has made it, and it is not being taken away or moved.",
        source="KVM's comments at KVM_MEMSLOT_INVALID and KVM_INTERNAL_MEM_SLOTS",
        state=_visible,
        catches=(Catch("slot-invalid-visible", "said-to-be-on"), Catch("slot-internal-visible", "said-to-be-on")),
    ),
)
