"""Memory that userspace has mapped ahead: for which address a fault is made up."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, bv, eq, ite, ne, negate, sext, slt, ule, ult, zext

_NAME, _PAGE_BITS, _TABLE_BITS, _LARGEST, _GPA_BITS = "kvm_arch_vcpu_pre_fault_memory()", 12, 9, 3, 52


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    made = kvm.faults.pre_faulted()
    gfn, alias = made.asked >> _PAGE_BITS, made.alias_bits << _PAGE_BITS
    final = kvm.constant("PFERR_GUEST_FINAL_MASK")
    as_private = final | kvm.constant("PFERR_PRIVATE_ACCESS")
    mapped = all_of(made.maps, negate(slt(made.result, bv(0, 32))))
    page = bv(1, 64) << (zext(made.level, 64) - 1) * _TABLE_BITS + _PAGE_BITS
    inside = ult(made.asked ^ (made.asked + made.answer - 1), page)
    yield never(
        given(
            Assumption("a page is mapped at one of three levels", ult(made.level - 1, _LARGEST)),
            Assumption(
                "userspace asks for whole pages, and the range does not end behind all addresses",
                all_of(
                    eq((made.asked | made.size) & (1 << _PAGE_BITS) - 1, 0), ult(made.asked, made.asked + made.size)
                ),
            ),
            Assumption(
                "aliases are told apart by a bit of an address", ult(made.alias_bits, 1 << _GPA_BITS - _PAGE_BITS)
            ),
            shown=(
                Shown("range.gpa", made.asked),
                Shown("kvm.gfn_direct_bits", made.alias_bits),
                Shown("the memory is private", made.private),
                Shown("address that is mapped", made.addr),
                Shown("error code", made.error_code, kind=NumberKind.ERROR_CODE),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "alias-taken",
            all_of(made.maps, ne(gfn & made.alias_bits, 0)),
            f"{_NAME} takes an address with the bit that chooses between aliases, a second name of the page.",
        ).told("the address is mapped", "KVM: GFNs of userspace have no such bits, see kvm_is_gfn_alias()"),
        Wrong(
            "another-page",
            all_of(made.maps, eq(gfn & made.alias_bits, 0), ne(made.addr & ~alias, made.asked)),
            f"{_NAME} maps another page than is asked for.",
        ).told("another address", "KVM_PRE_FAULT_MEMORY: the range from gpa on"),
        Wrong(
            "another-alias",
            all_of(made.maps, ne(made.addr & alias, ite(made.private, bv(0, 64), alias))),
            f"{_NAME} maps private memory as shared memory, or the other way round.",
        ).told("the other alias", "KVM: shared memory's addresses have the bit, see kvm_is_addr_direct()"),
        Wrong(
            "another-access",
            all_of(made.maps, ne(made.error_code, ite(made.private, bv(as_private, 64), bv(final, 64)))),
            f"{_NAME} makes up another access than a read of a page that is private or not.",
        ).told("another error code", "KVM: PFERR_PRIVATE_ACCESS exactly for private memory"),
        Wrong(
            "counts-too-much",
            all_of(mapped, negate(all_of(ne(made.answer, 0), ule(made.answer, made.size), inside))),
            f"{_NAME} tells userspace of more than has been mapped, or of nothing.",
        ).told("another number of bytes", "KVM_PRE_FAULT_MEMORY: size is what is left to be mapped"),
        Wrong(
            "failure-hidden",
            all_of(made.maps, slt(made.result, bv(0, 32)), ne(made.answer, sext(made.result, 64))),
            f"{_NAME} does not tell userspace why nothing has been mapped.",
        ).told("another answer", "KVM_PRE_FAULT_MEMORY: errors are returned"),
        Wrong(
            "asks-of-another-frame",
            all_of(made.private, ne(made.private_gfn, gfn)),
            f"{_NAME} asks of another frame whether it is private.",
        ).told("another frame", "KVM_PRE_FAULT_MEMORY: the range from gpa on"),
    )


THEOREMS = (
    Theorem(
        name="fault.pre-fault",
        claim="Memory that userspace lets KVM map ahead is mapped at the address that it names, as private "
        "memory exactly if it is private. An address with a bit that only chooses between aliases is "
        "refused. Userspace is told of no more bytes than are in the page that is mapped, and of a failure as it is.",
        source="Documentation/virt/kvm/api.rst: KVM_PRE_FAULT_MEMORY; KVM: kvm_is_gfn_alias(), kvm_is_addr_direct()",
        assumes=(
            "bits that choose between aliases are bits of an address: KVM sets them for TDX, to bit 47 or 51",
            "the range is one of whole pages: kvm_vcpu_pre_fault_memory() refuses others",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        needs=(Need(Feature.PRE_FAULT),),
        state=several(_state),
        catches=(
            Catch("pre-fault-takes-alias", "alias-taken"),
            Catch("pre-fault-shares-nothing", "another-alias"),
            Catch("pre-fault-counts-page", "counts-too-much"),
        ),
    ),
)
