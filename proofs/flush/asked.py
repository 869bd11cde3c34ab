"""What a guest has flushed by INVVPID, INVPCID and Hyper-V's hypercalls: each address and tag that is meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mmuproof.model.features import Feature
from mmuproof.model.guest_flushes import LISTED, ListedRound, PcidInvalidated, VpidInvalidated
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bv, eq, implies, ne, negate, sext, slt, ule, ult
from mmuproof.spec.linear_addresses import canonical

_PAGE, _ALL = 12, bv(-1, 64)
_ONE, _SINGLE, _EVERY, _LAST_TYPE = 0, 1, 2, 3
"""The types of INVVPID and INVPCID: of an address, of a tag, of all tags; and one more, of a tag or of all."""
_VPID_BITS, _PCID_BITS = 16, 12
_LISTED_FLUSH = "arch/x86/kvm/hyperv.c:kvm_hv_vcpu_flush_tlb"


@dataclass(frozen=True, kw_only=True)
class _EntryKind:
    """Which addresses of an entry are canonical: as no entry is longer than 16 MBytes, its first and last tell.

    Args:
        part: of the theorem.
        says: what such an entry is.
        has: whether an entry is one, by whether its first and its last address are canonical.
    """

    part: str
    says: str
    has: Callable[[Bool, Bool], Bool]


_KINDS = (
    _EntryKind(
        part="",
        says="all addresses of the entry are canonical, or none is",
        has=lambda first, last: any_of(all_of(first, last), negate(any_of(first, last))),
    ),
    _EntryKind(
        part="an entry that ends behind the canonical addresses",
        says="the first address of the entry is canonical, and its last is not",
        has=lambda first, last: all_of(first, negate(last)),
    ),
    _EntryKind(
        part="an entry that begins before canonical addresses",
        says="the last address of the entry is canonical, and its first is not",
        has=lambda first, last: all_of(negate(first), last),
    ),
)


def _has_levels(made: VpidInvalidated | PcidInvalidated) -> Assumption:
    return Assumption(
        "a vCPU has CR4.LA57 only where KVM has linear addresses of 57 bits: kvm_is_valid_cr4()",
        implies(made.five_level, made.wide_processor),
    )


def _widths(made: VpidInvalidated | PcidInvalidated) -> tuple[Bool, Bool]:
    """Whether an address of 57 bits may be canonical, and whether each that is canonical by CR4 has to be taken."""
    return made.wide_processor, FALSE


def _listed(kvm: Kvm, _vendor: Vendor) -> tuple[Claim, ...]:
    return *(_of_pages(kvm.guest_flushes.listed(), kind) for kind in _KINDS), _filled(kvm), _asked(kvm)


def _of_pages(made: ListedRound, kind: _EntryKind) -> Claim:
    pages = (made.entry & ((1 << _PAGE) - 1)) + 1
    begin = made.entry & -(1 << _PAGE)
    wanted = begin + (sext(made.page, 64) << _PAGE)
    first, last, fits = (
        canonical(address, five_level=made.wide_processor)
        for address in (begin, begin + ((pages - 1) << _PAGE), wanted)
    )
    is_all = eq(made.entry, _ALL)
    in_list = all_of(made.serves, ult(made.index, made.count), negate(made.enough_before))
    in_entry = all_of(in_list, negate(is_all), ult(sext(made.page, 64), pages), negate(made.enough))
    entry_done = all_of(in_list, negate(is_all), negate(all_of(ult(sext(made.page, 64), pages), negate(made.enough))))
    to_next_entry = all_of(made.next_entry, eq(made.index_after, made.index + 1))
    goes_on = any_of(
        all_of(made.next_page, eq(made.page_after, made.page + 1)), all_of(negate(any_of(first, last)), to_next_entry)
    )
    skipped = any_of(
        all_of(made.serves, ne(made.index_first, 0)),
        all_of(in_list, negate(is_all), ne(made.page_first, 0)),
        all_of(in_entry, negate(goes_on)),
        all_of(entry_done, negate(to_next_entry)),
    )
    return never(
        given(
            Assumption(kind.says, kind.has(first, last)),
            Assumption("the list has room for 16 entries, and is read from the first on", ult(made.index, LISTED)),
            Assumption("no more entries are taken than there is room for", ule(made.count, LISTED)),
            Assumption("a page of an entry has a number from 0 on", ult(made.page, 1 << (_PAGE + 1))),
            shown=(
                Shown("entry", made.entry),
                Shown("number of the page", made.page),
                Shown("address that is flushed", made.address),
                Shown("addresses of 57 bits", made.wide_processor),
            ),
            evidence=made.evidence,
            part=kind.part,
        ),
        Wrong(
            "not-canonical",
            all_of(made.told, negate(canonical(made.address, five_level=made.wide_processor))),
            "kvm_hv_vcpu_flush_tlb() has the processor flush an address that is not canonical.",
        ).told(
            "the vendor is told of the address",
            "SDM vol. 3, INVVPID: an address that is not canonical makes the instruction fail",
            place=_LISTED_FLUSH,
        ),
        Wrong(
            "page-left",
            all_of(in_entry, fits, negate(all_of(made.told, eq(made.address, wanted)))),
            "kvm_hv_vcpu_flush_tlb() leaves out a page that the list names.",
        ).told(
            "the page is not flushed",
            "TLFS, HvCallFlushVirtualAddressList: the page and so many more behind it",
            place=_LISTED_FLUSH,
        ),
        Wrong(
            "another-page",
            all_of(made.told, any_of(negate(in_entry), ne(made.address, wanted))),
            "kvm_hv_vcpu_flush_tlb() has a page flushed that the list does not name.",
        ).told("another page is flushed", "TLFS, HvCallFlushVirtualAddressList"),
        Wrong(
            "entry-passed-over", skipped, "kvm_hv_vcpu_flush_tlb() passes over an entry of the list, or a page of one."
        ).told("an entry or a page is passed over", "KVM's comment in it: one entry, one page after the other"),
        Wrong(
            "all-forgotten",
            all_of(made.succeeds, any_of(negate(made.serves), all_of(in_list, is_all))),
            "kvm_hv_vcpu_flush_tlb() says that all is done where all is still to be flushed.",
        ).told("the caller flushes nothing", "KVM's comment in it: fall back to full flush"),
    )


def _asked(kvm: Kvm) -> Claim:
    made, name = kvm.guest_flushes.asked(), "kvm_hv_flush_tlb()"
    named, lists = (
        "TLFS, HvCallFlushVirtualAddressSpace: the virtual processors of the set",
        "KVM: KVM_REQ_HV_TLB_FLUSH",
    )
    return never(
        given(
            Assumption("a vCPU has a number for which the set has room: KVM_MAX_VCPUS", ult(made.number, made.room)),
            shown=(Shown("number of the vCPU", made.number),),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("all-by-set", negate(made.all_at_once), f"{name} flushes some vCPUs where the hypercall means all.").told(
            "other vCPUs keep their translations", "TLFS: HV_FLUSH_ALL_PROCESSORS"
        ),
        Wrong(
            "list-unfilled",
            negate(all_of(made.each_filled, made.named_filled, made.of_l2_filled)),
            f"{name} does not fill the list of a vCPU that is named, or fills L1's instead of L2's.",
        ).told("the vCPU keeps its translations", named),
        Wrong(
            "set-cut-off",
            negate(all_of(made.named_found, made.of_l2_noted)),
            f"{name} passes over vCPUs that are named.",
        ).told("they keep their translations", named),
        Wrong(
            "unasked",
            negate(all_of(made.each_asked, made.noted_asked)),
            f"{name} fills lists, and does not ask those whose they are to flush.",
        ).told("nobody looks at the lists", lists),
        Wrong(
            "other-entries",
            negate(made.entries_read),
            f"{name} fills lists with other entries than the hypercall's, or another number of them.",
        ).told("other addresses are flushed", "TLFS, HvCallFlushVirtualAddressList: GvaList"),
    )


def _filled(kvm: Kvm) -> Claim:
    made, name = kvm.guest_flushes.filled(), "hv_tlb_flush_enqueue()"
    fits = all_of(made.named, slt(bv(0, 32), made.count), ult(made.count, made.room))
    return never(
        given(
            Assumption("a number of entries is not negative", negate(slt(made.count, bv(0, 32)))),
            shown=(
                Shown("entries are named", made.named),
                Shown("how many", made.count),
                Shown("room in the list", made.room),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong("another-list", negate(made.own_list), f"{name} fills L2's list instead of L1's, or the reverse.").told(
            "another list", "TLFS, nested virtualization: direct flushes are for L2"
        ),
        Wrong(
            "entries-lost",
            negate(any_of(made.puts, made.puts_all)),
            f"{name} puts neither the entries into the list, nor one that means all.",
        ).told("nothing is flushed", "KVM's comment in it: there is always room for one that means all"),
        Wrong(
            "entries-cut-off",
            all_of(made.puts, negate(made.puts_all), negate(fits)),
            f"{name} puts entries into a list that has no room for them and one that means all.",
        ).told("entries are lost, now or with the next request", "KVM's comment in it: leaving one free"),
    )


def _by_vpid(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.guest_flushes.by_vpid()
    single, every = eq(made.type, _ONE), eq(made.type, _EVERY)
    offered = all_of(ule(made.type, _LAST_TYPE), ne((made.types >> made.type) & 1, 0))
    tagged = all_of(eq(made.vpid >> _VPID_BITS, 0), any_of(every, ne(made.vpid, 0)))
    fits, fits_all = (any_of(negate(single), canonical(made.address, five_level=wide)) for wide in _widths(made))
    flushed = any_of(made.all, all_of(single, made.one))
    return never(
        given(
            _has_levels(made),
            shown=(
                Shown("type", made.type),
                Shown("types that L1 is offered", made.types),
                Shown("vpid", made.vpid),
                Shown("address", made.address),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "undefined-done", all_of(made.succeeds, negate(made.may)), "handle_invvpid() does what L1 is not offered."
        ).told("the instruction succeeds", "SDM vol. 3, INVVPID: #UD"),
        Wrong(
            "operand-taken",
            all_of(made.succeeds, negate(all_of(offered, tagged, fits))),
            "handle_invvpid() takes a type, VPID or address that the instruction refuses.",
        ).told("the instruction succeeds", "SDM vol. 3, INVVPID: VMfail, the operand is invalid"),
        Wrong(
            "operand-refused",
            all_of(made.readable, made.fails, offered, tagged, fits_all),
            "handle_invvpid() refuses an operand that is valid.",
        ).told("the instruction fails", "SDM vol. 3, INVVPID"),
        Wrong(
            "translation-left",
            all_of(made.succeeds, negate(flushed)),
            "handle_invvpid() tells L1 that it is done, and the processor keeps translations of L2.",
        ).told("nothing is flushed", "SDM 31.4.3.1: INVVPID invalidates what is cached with the VPID"),
        Wrong(
            "root-left",
            all_of(made.succeeds, made.shadows, negate(made.given_up)),
            "handle_invvpid() tells L1 that it is done, and shadow pages of L2's tables are as they were.",
        ).told("the roots stay", "KVM's comment in it: the shadow pages of L2's linear addresses stand for its TLB"),
    )


def _by_pcid(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.guest_flushes.by_pcid()
    single, context = eq(made.type, _ONE), eq(made.type, _SINGLE)
    small, off = eq(made.pcid >> _PCID_BITS, 0), all_of(negate(made.has_pcid), ne(made.pcid, 0))
    names_tag = any_of(single, context)
    tagged = all_of(ule(made.type, _LAST_TYPE), small, negate(all_of(names_tag, off)))
    fits, fits_all = (any_of(negate(single), canonical(made.address, five_level=wide)) for wide in _widths(made))
    flushed = any_of(made.all, all_of(context, made.context), all_of(single, any_of(made.one, made.context)))
    return never(
        given(
            Assumption("KVM shadows the guest's tables: with TDP the processor runs INVPCID", made.shadowed),
            _has_levels(made),
            shown=(
                Shown("type", made.type),
                Shown("pcid", made.pcid),
                Shown("address", made.address),
                Shown("CR4.PCIDE", made.has_pcid),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "operand-taken",
            all_of(made.done, negate(all_of(tagged, fits))),
            "kvm_handle_invpcid() takes a type, PCID or address that the instruction refuses.",
        ).told("the guest goes on", "SDM vol. 2, INVPCID: #GP"),
        Wrong(
            "operand-refused",
            all_of(made.readable, made.faults, tagged, fits_all),
            "kvm_handle_invpcid() gives the guest a fault for a valid operand.",
        ).told("#GP", "SDM vol. 2, INVPCID"),
        Wrong(
            "translation-left",
            all_of(made.done, negate(flushed)),
            "kvm_handle_invpcid() lets the guest go on, and translations stay that it has named.",
        ).told("nothing is invalidated", "SDM 5.10.4.1: INVPCID invalidates what is cached with the PCID"),
    )


THEOREMS = (
    Theorem(
        name="flush.listed",
        claim="Of the list that Hyper-V's hypercalls give a vCPU each page of each entry is flushed, and no other, "
        "until all is flushed. What does not fit into the list is put in as one entry that means all. An address that "
        "is not canonical is left out, wherever in an entry it is. If all is to be flushed, the caller is told so. "
        "Each vCPU that a hypercall names has its list filled with what the hypercall says, L1's or L2's, and is "
        "asked to flush.",
        source="Hypervisor Top Level Functional Specification, HvCallFlushVirtualAddressList; SDM vol. 3, INVVPID; "
        "KVM's comments in kvm_hv_vcpu_flush_tlb()",
        assumes=(
            "what the hypercall names is read from the guest's memory or registers as it stands there",
            "a vCPU that is to flush uses Hyper-V: what a hypercall names are vCPUs that do",
        ),
        needs=(Need(Feature.LISTED_FLUSHES),),
        vendors=(Vendor.INTEL,),
        state=several(_listed),
        catches=(
            Catch("listed-flush-unjudged", "not-canonical"),
            Catch("listed-flush-first-judged", "not-canonical"),
            Catch("listed-flush-one-short", "page-left"),
            Catch("listed-flush-all-forgotten", "all-forgotten"),
            Catch("listed-flush-cut-off", "entries-cut-off"),
            Catch("asked-all-by-set", "all-by-set"),
            Catch("asked-of-first", "set-cut-off"),
            Catch("asked-l2-as-l1", "list-unfilled"),
            Catch("asked-unread", "other-entries"),
        ),
    ),
    Theorem(
        name="flush.vpid",
        claim="INVVPID of L1 succeeds only with a type that L1 is offered, a VPID that can be, and an address that is "
        "canonical; and with every such operand. Then the processor forgets what it has cached of L2 with the VPID "
        "that KVM gives it, now or before L2 runs again. Without EPT what shadows L2's tables is given up.",
        source="SDM vol. 3, INVVPID; SDM 31.4.3.1; KVM's comments in handle_invvpid()",
        assumes=(
            "KVM has one VPID for all of those of L1, so that each is flushed with the others",
            "where no VPID of L1 is remembered all is flushed when L2 runs next, by flush.transition",
        ),
        vendors=(Vendor.INTEL,),
        state=alone(_by_vpid),
        catches=(
            Catch("invvpid-any-address", "operand-taken"),
            Catch("invvpid-not-deferred", "translation-left"),
            Catch("invvpid-keeps-roots", "root-left"),
        ),
    ),
    Theorem(
        name="flush.pcid",
        claim="INVPCID of a guest whose tables are shadowed faults exactly if the instruction does: for its type, its "
        "PCID, and an address that is not canonical. Else what it names is invalidated: an address with its PCID, all "
        "of a PCID, or all.",
        source="SDM vol. 2, INVPCID; SDM 5.10.4.1",
        assumes=("the operand is read from where the guest has it",),
        vendors=(Vendor.SHADOW,),
        state=alone(_by_pcid),
        catches=(*showing("operand-taken", "invpcid-unjudged"), *showing("translation-left", "invpcid-all-forgotten")),
    ),
)
