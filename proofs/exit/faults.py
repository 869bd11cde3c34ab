"""From KVM's error code to the fault that its handlers are told of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmuproof.model.faults import FaultHandedOn
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Case, Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, several
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bit, boolean, iff, ne, negate
from mmuproof.spec.page_fault import INSTRUCTION_FLAG, PRESENT_FLAG, RESERVED_FLAG, USER_FLAG, WRITE_FLAG

_PAGE_BITS = 12
_LARGEST, _SMALLEST = 3, 1
"""The levels of pages of 1 GByte and of 4 KBytes."""


def _faults(kvm: Kvm) -> Iterator[tuple[str, FaultHandedOn, bool]]:
    for tdp, name in ((True, "kvm_tdp_page_fault()"), (False, "another handler")):
        yield name, kvm.faults.handed_on(tdp=tdp), tdp


def _case(kvm: Kvm, name: str, fault: FaultHandedOn) -> Case:
    return given(
        shown=(
            Shown("error_code", fault.error_code, relations.pferr_flags(kvm), NumberKind.ERROR_CODE),
            Shown("addr", fault.addr),
            Shown("prefetch", fault.prefetch),
            Shown("the mitigation of iTLB multihit", fault.mitigated),
            Shown("root_role.direct", fault.direct),
        ),
        evidence=fault.evidence,
        part=name,
    )


def _flag(name: str, told: Bool, wanted: Bool, rule: str) -> Symptom:
    return Wrong(f"{name}-wrong", negate(iff(told, wanted)), f"fault->{name} is not what it stands for.").told(
        "another value", rule
    )


def _number(name: str, told: BitVec, wanted: BitVec | int, rule: str) -> Symptom:
    return Wrong(f"{name}-wrong", ne(told, wanted), f"fault->{name} is not what it stands for.").told(
        "another value", rule
    )


# -- fault.kind ----------------------------------------------------------------------------------------------


def _kind(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for name, fault, tdp in _faults(kvm):
        told, code = fault.told, fault.error_code
        bits: Mapping[str, tuple[Bool, int]] = {
            "exec": (told.exec, INSTRUCTION_FLAG),
            "write": (told.write, WRITE_FLAG),
            "present": (told.present, PRESENT_FLAG),
            "rsvd": (told.rsvd, RESERVED_FLAG),
            "user": (told.user, USER_FLAG),
        }
        of_state: Mapping[str, tuple[Bool, Bool, str]] = {
            "prefetch": (told.prefetch, fault.prefetch, "KVM: whether somebody waits for the page"),
            "is_tdp": (told.is_tdp, boolean(tdp), "KVM: the MMU's handler is kvm_tdp_page_fault()"),
            "nx_huge_page_workaround_enabled": (
                told.nx_huge_page_workaround_enabled,
                fault.mitigated,
                "KVM: nx_huge_pages, unless the VM has opted out",
            ),
            "huge_page_disallowed": (told.huge_page_disallowed, FALSE, "KVM: nothing forbids a huge page yet"),
            "map_writable": (told.map_writable, FALSE, "KVM: whether the host may write is not known yet"),
            "write_fault_to_shadow_pgtable": (
                told.write_fault_to_shadow_pgtable,
                FALSE,
                "KVM: nothing is known of the guest's tables yet",
            ),
        }
        yield never(
            _case(kvm, name, fault),
            Wrong("not-handed-on", negate(fault.handed_on), "The MMU's handler is not told of a fault.").told(
                "no handler is called", "KVM: mmu->page_fault() handles it"
            ),
            *(
                _flag(each, value, bit(code, place), f"SDM 4.7, APM 8.4.2: bit {place} of the error code")
                for each, (value, place) in bits.items()
            ),
            *(_flag(each, *values) for each, values in of_state.items()),
            _number("addr", told.addr, fault.addr, "KVM: the address that faulted"),
            _number("error_code", told.error_code, code, "KVM: the error code"),
            _number("max_level", told.max_level, _LARGEST, "KVM: nothing bounds the page yet, up to 1 GByte"),
            _number("req_level", told.req_level, _SMALLEST, "KVM: 4 KBytes, until the host's page is known"),
            _number("goal_level", told.goal_level, _SMALLEST, "KVM: 4 KBytes, until the host's page is known"),
        )


# -- fault.frame ---------------------------------------------------------------------------------------------


def _frame(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    private = kvm.constant("PFERR_PRIVATE_ACCESS")
    for name, fault, _ in _faults(kvm):
        told = fault.told
        gfn = (fault.addr >> _PAGE_BITS) & ~fault.alias_bits
        yield never(
            _case(kvm, name, fault),
            _flag("is_private", told.is_private, has(fault.error_code, private), "KVM: PFERR_PRIVATE_ACCESS"),
            Wrong(
                "alias-handed-on",
                all_of(fault.direct, ne(told.gfn & fault.alias_bits, 0)),
                "fault->gfn has a bit that only chooses between aliases.",
            ).told("the bit is set", "KVM's comment at kvm_mmu_do_page_fault(): memory slots do not know it"),
            Wrong(
                "another-frame", all_of(fault.direct, ne(told.gfn, gfn)), "fault->gfn is not the frame that faulted."
            ).told("another frame", "KVM: the address that faulted, without alias bits"),
            Wrong(
                "another-slot",
                all_of(fault.direct, any_of(negate(fault.looked_up), ne(fault.slot_gfn, gfn))),
                "The memory slot of another frame than the one that faulted is looked up.",
            ).told("another frame", "KVM: fault->slot is that of fault->gfn"),
        )


THEOREMS = (
    Theorem(
        name="fault.kind",
        claim="The MMU's handler is told of each fault as the error code and the state say: what the access "
        "does, whose it is, what was wrong, and whether a huge page can be executed. Until more is known "
        "it is told of the smallest page.",
        source="SDM 4.7; APM 8.4.2; KVM's comments at struct kvm_page_fault",
        state=several(_kind),
        catches=(
            Catch("fault-write-of-user", "write-wrong"),
            Catch("fault-user-of-present", "user-wrong"),
            Catch("fault-goal-huge", "goal_level-wrong"),
            Catch("fault-not-mitigated", "nx_huge_page_workaround_enabled-wrong"),
        ),
    ),
    Theorem(
        name="fault.frame",
        claim="For tables that no guest tables stand behind, a fault is for the frame of its address without "
        "alias bits, and in that frame's memory slot. It is for private memory exactly if the error code "
        "says so.",
        source="KVM's comments at kvm_mmu_do_page_fault() and at struct kvm_page_fault",
        needs=(Need(Feature.PRIVATE_ACCESS),),
        state=several(_frame),
        catches=(Catch("fault-keeps-alias", "alias-handed-on"), Catch("fault-private-of-implicit", "is_private-wrong")),
    ),
)
