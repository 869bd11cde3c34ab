"""Faults on MMIO SPTEs: which are emulated, as what, and which are handled as any other."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.mmio_faults import MmioCache, MmioHandled
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.made_mmio import legal_gfn, made_mmio_spte
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, boolean, bv, eq, iff, ite, ne, negate, var, zext

_PAGE_SHIFT, _PAGE_MASK, _ANY = 12, ~0xFFF & ((1 << 64) - 1), (1 << 64) - 1
_PARTS = ((False, "a vCPU on tables of its own"), (True, "a vCPU on L1's EPT or nested page tables"))
_KINDS = "KVM's comment at RET_PF_*"


def _shown(cache: MmioCache, generation: BitVec) -> tuple[Shown, ...]:
    return (
        Shown("slots->generation", generation),
        Shown("mmio_gva", cache.gva),
        Shown("mmio_gfn", cache.gfn),
        Shown("mmio_access", cache.access),
        Shown("mmio_gen", cache.generation),
    )


def _same(one: MmioCache, other: MmioCache) -> Bool:
    """Whether a vCPU remembers the same."""
    return all_of(*(eq(getattr(one, name), getattr(other, name)) for name in vars(one)))


def _knows_gpa(cache: MmioCache, generation: BitVec, gpa: BitVec) -> Bool:
    """Whether what is remembered, of these memslots, is of this guest-physical address."""
    return all_of(eq(cache.generation, generation), ne(cache.gfn, 0), eq(cache.gfn, gpa >> _PAGE_SHIFT))


def _knows_gva(cache: MmioCache, generation: BitVec, gva: BitVec) -> Bool:
    """The same of a linear address."""
    return all_of(eq(cache.generation, generation), ne(cache.gva, 0), eq(cache.gva, gva & _PAGE_MASK))


# -- mmio.fault ----------------------------------------------------------------------------------------------


def _known(fault: MmioHandled, generation: BitVec, *, nested: bool) -> Bool:
    """Whether the vCPU remembers the address; an address of L2 it never does."""
    by_gpa, by_gva = (knows(fault.before, generation, fault.addr) for knows in (_knows_gpa, _knows_gva))
    return all_of(boolean(not nested), ite(fault.direct, by_gpa, by_gva))


def _of_any(fault: MmioHandled, known: Bool) -> Iterator[Symptom]:
    """What is wrong of any SPTE."""
    yield Wrong(
        "remembered-handled-otherwise",
        all_of(known, any_of(negate(fault.emulates), negate(_same(fault.before, fault.after)))),
        "An access to MMIO that the vCPU remembers, of these memslots, is not just emulated.",
    ).told("another answer than RET_PF_EMULATE", "KVM: the frame is remembered, and no memslot has changed")
    yield Wrong(
        "remembered-mistaken",
        all_of(negate(known), negate(fault.asked), fault.emulates),
        "An access is emulated as one to MMIO because of what the vCPU remembers of other memslots or addresses.",
    ).told("RET_PF_EMULATE", "KVM: what is remembered is of that page and of these memslots only")
    yield Wrong(
        "another-spte-read",
        all_of(negate(known), any_of(negate(fault.asked), ne(fault.asked_addr, fault.addr))),
        "A fault is judged by the SPTE of another address, or by none.",
    ).told("another address", "KVM: the SPTE of the address that faulted")
    yield Wrong(
        "broken-believed",
        all_of(negate(known), fault.broken, negate(fault.fails)),
        "SPTEs with reserved bits that are none of MMIO are believed.",
    ).told("no error", "KVM: such SPTEs are a bug of KVM's own")


def _on_mmio(kvm: Kvm, masks: ShadowMasks, *, nested: bool, part: str) -> Claim:
    inputs = made_mmio_spte(kvm, masks)
    request, current = inputs.request, var("slots->generation at the fault", 64)
    fault = kvm.mmio_faults.handled(masks, inputs.spte, current, nested=nested)
    held = kvm.constant("MMIO_SPTE_GEN_LOW_MASK") | kvm.constant("MMIO_SPTE_GEN_HIGH_MASK")
    period = (1 << held.bit_count()) - 1
    settled = eq(current & kvm.constant("KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS"), 0)
    fresh = all_of(settled, eq(request.generation & period, current & period))
    known = _known(fault, current, nested=nested)
    judged = all_of(negate(known), negate(fault.broken))
    believed = all_of(judged, fault.emulates)
    page = fault.addr & _PAGE_MASK
    gva = bv(0, 64) if nested else ite(fault.direct, bv(0, 64), page)
    access = zext(request.access, 64) & masks.mmio_access_mask
    after = fault.after
    return never(
        given(
            *inputs.assumptions,
            legal_gfn(masks, request.gfn),
            Assumption("all address bits of the host are usable", eq(masks.host.x86_phys_bits, masks.host.maxphyaddr)),
            shown=(*inputs.shown, *_shown(fault.before, current), Shown("addr", fault.addr)),
            evidence=inputs.evidence + fault.evidence,
            part=f"an MMIO SPTE, {part}",
        ),
        *_of_any(fault, known),
        Wrong(
            "stale-believed",
            all_of(believed, negate(fresh)),
            "An access is emulated as one to MMIO because of an SPTE from before the memslots changed.",
        ).told("RET_PF_EMULATE", f"{_KINDS}: RET_PF_INVALID, there may be memory by now"),
        Wrong(
            "stale-not-handled",
            all_of(judged, negate(fresh), negate(fault.invalid)),
            "A fault on an outdated MMIO SPTE is not handled as any other, and the SPTE stays.",
        ).told("another answer", f"{_KINDS}: RET_PF_INVALID"),
        Wrong(
            "fresh-not-emulated",
            all_of(judged, fresh, negate(fault.emulates)),
            "An access to MMIO whose SPTE is up to date is not emulated.",
        ).told("another answer", f"{_KINDS}: RET_PF_EMULATE"),
        Wrong(
            "another-frame",
            all_of(believed, any_of(ne(after.gfn, request.gfn), ne(zext(after.access, 64), access))),
            "The vCPU remembers another frame or access than the SPTE was made for.",
        ).told("another value", "KVM: the frame and the access in the SPTE"),
        Wrong(
            "another-address",
            all_of(believed, any_of(ne(after.gva, gva), ne(after.generation, current))),
            "The vCPU remembers MMIO for another linear address than the one that faulted, or of other memslots.",
        ).told("another value", "KVM: the page that faulted, if the address is a linear one of the guest's"),
        Wrong(
            "remembered-unjudged",
            all_of(negate(believed), negate(_same(fault.before, after))),
            "The vCPU remembers something of an access that is not emulated.",
        ).told("it remembers something new", "KVM: the SPTE is not believed"),
    )


def _on_others(kvm: Kvm, masks: ShadowMasks, *, nested: bool, part: str) -> Claim:
    spte, current = var("spte", 64), var("slots->generation", 64)
    fault = kvm.mmio_faults.handled(masks, spte, current, nested=nested)
    is_mmio = all_of(masks.enable_mmio_caching, eq(spte & masks.mmio_mask, masks.mmio_value))
    known = _known(fault, current, nested=nested)
    judged = all_of(negate(known), negate(fault.broken))
    return never(
        given(
            *plausible_host(masks),
            Assumption("the SPTE is none of MMIO", negate(is_mmio)),
            shown=(
                Shown("spte", spte, kind=NumberKind.SPTE),
                *_shown(fault.before, current),
                Shown("addr", fault.addr),
            ),
            evidence=fault.evidence,
            part=f"another SPTE, {part}",
        ),
        *_of_any(fault, known),
        Wrong(
            "no-mmio-emulated",
            all_of(judged, negate(fault.retries)),
            "A fault on what is no MMIO SPTE by now is not just tried again.",
        ).told("another answer", f"{_KINDS}: RET_PF_RETRY, another vCPU has changed the SPTE"),
        Wrong(
            "remembered-unjudged",
            all_of(judged, negate(_same(fault.before, fault.after))),
            "The vCPU remembers something of an SPTE that is none of MMIO.",
        ).told("it remembers something new", "KVM: the SPTE is none of MMIO"),
    )


def _fault(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    for nested, part in _PARTS:
        yield _on_mmio(kvm, masks, nested=nested, part=part)
        yield _on_others(kvm, masks, nested=nested, part=part)


# -- mmio.remembered -----------------------------------------------------------------------------------------


def _remembered(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for nested, part in _PARTS:
        yield _cached(kvm, nested=nested, part=part)


def _cached(kvm: Kvm, *, nested: bool, part: str) -> Claim:
    of = kvm.mmio_faults.remembered(nested=nested)
    before, filled, generation = of.before, of.filled, of.generation
    in_progress = ne(generation & kvm.constant("KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS"), 0)
    page = of.gva & _PAGE_MASK
    right = MmioCache(gva=bv(0, 64) if nested else page, gfn=of.gfn, access=of.access, generation=generation)
    forgets = any_of(eq(of.gva, _ANY), eq(before.gva, page))
    kept = MmioCache(
        gva=ite(forgets, bv(0, 64), before.gva), gfn=before.gfn, access=before.access, generation=before.generation
    )
    return never(
        given(
            shown=(*_shown(before, generation), Shown("gva", of.gva), Shown("gpa", of.gpa), Shown("gfn", of.gfn)),
            evidence=of.evidence,
            part=part,
        ),
        Wrong(
            "page-mistaken",
            negate(iff(of.by_gva, _knows_gva(before, generation, of.gva))),
            "A linear address is taken for the one that the vCPU remembers, or is not.",
        ).told("the other answer", "KVM: the same page, of the same memslots"),
        Wrong(
            "frame-mistaken",
            negate(iff(of.by_gpa, _knows_gpa(before, generation, of.gpa))),
            "A guest-physical address is taken for the one that the vCPU remembers, or is not.",
        ).told("the other answer", "KVM: the same frame, of the same memslots"),
        Wrong(
            "remembered-during-update",
            all_of(in_progress, negate(_same(filled, before))),
            "MMIO is remembered while the memslots change.",
        ).told("it is remembered", "KVM: what is looked up during an update may be outdated behind it"),
        Wrong(
            "remembered-wrongly",
            all_of(negate(in_progress), negate(_same(filled, right))),
            "The vCPU remembers something else than it has been told.",
        ).told("another value", "KVM: the page, the frame, the access and the generation of the memslots"),
        Wrong(
            "not-forgotten",
            negate(_same(of.forgotten, kept)),
            "A linear address whose translation is invalidated is still remembered as MMIO, or another is forgotten.",
        ).told("another state", "SDM 4.10.4.1, APM 5.5.2: INVLPG invalidates what is cached of the page"),
    )


THEOREMS = (
    Theorem(
        name="mmio.fault",
        claim="A fault with RSVD is emulated exactly if the SPTE of its address is one of MMIO that was made since "
        "the memslots last changed, or if the vCPU remembers as much. It is emulated at the frame and with the access "
        "for which the SPTE was made. An outdated MMIO SPTE makes it a fault as any other, and what is no MMIO SPTE "
        "lets the access be made again.",
        source="KVM's comments at RET_PF_* and at kvm_mmu_invalidate_mmio_sptes()",
        assumes=(
            "get_mmio_spte() gives the last SPTE that the address leads to, and says of those above whether they "
            "have reserved bits, by mmio.found",
            "no address bits of the host name encryption keys or are taken by memory encryption, for the frame that "
            "comes back: mmio.gfn-round-trip says what happens there",
        ),
        state=several(_fault),
        catches=(
            *showing("stale-believed", "mmio-fault-believes-stale", "mmio-believed-during-update"),
            *showing("another-frame", "mmio-bit-never-missing", "lower-gfn-one-short", "mmio-gfn-shift-off-by-one"),
            *showing("another-address", "mmio-fault-remembers-direct", "mmio-cache-of-nested"),
            Catch("mmio-fault-retries-stale", "stale-not-handled"),
            Catch("mmio-fault-emulates-any", "no-mmio-emulated"),
            Catch("mmio-cache-whatever-generation", "remembered-mistaken"),
        ),
    ),
    Theorem(
        name="mmio.remembered",
        claim="What a vCPU remembers of its last access to MMIO it believes for that page and these memslots only. "
        "It remembers nothing while they change, and no linear address of an L2 on nested page tables. It "
        "forgets the page that is invalidated.",
        source="KVM's comments at vcpu_cache_mmio_info(); SDM 4.10.4.1; APM 5.5.2",
        state=several(_remembered),
        catches=(
            Catch("mmio-cache-whatever-generation", "page-mistaken"),
            Catch("mmio-cache-during-update", "remembered-during-update"),
            Catch("mmio-cache-of-nested", "remembered-wrongly"),
        ),
    ),
)
