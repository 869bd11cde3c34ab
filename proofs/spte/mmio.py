"""MMIO SPTEs: what is put into them comes back, KVM knows them, and the hardware faults on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.made_mmio import MmioInputs, legal_gfn, made_mmio_spte
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    all_of,
    any_of,
    bit,
    bool_var,
    bv,
    eq,
    iff,
    ne,
    negate,
    ule,
    ult,
    var,
    zext,
)
from mmuproof.spec import ept
from mmuproof.spec.entry_layout import Control, EntryFormat, EntryShape
from mmuproof.spec.ept_layout import USER_EXECUTE_BIT
from mmuproof.spec.memory_encryption import physical_address_width, without_c_bit
from mmuproof.spec.npt_layout import NPT_LONG_MODE
from mmuproof.spec.paging_layout import AMD_LONG_MODE, INTEL_LONG_MODE, PAE
from mmuproof.spec.reserved import reserved_mask

_PFN = ((1 << 52) - 1) & ~0xFFF
_PAGE_SHIFT = 12


# -- what comes back ---------------------------------------------------------------------------------------


def _generation_bits(kvm: Kvm) -> tuple[int, int]:
    """The bits that hold a generation, and how many there are."""
    mask = kvm.constant("MMIO_SPTE_GEN_LOW_MASK") | kvm.constant("MMIO_SPTE_GEN_HIGH_MASK")
    return mask, mask.bit_count()


def _generation_round_trip(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    inputs = made_mmio_spte(kvm, masks)
    _, width = _generation_bits(kvm)
    period = (1 << width) - 1
    content = kvm.mmio.content(masks, inputs.spte)
    lost = ne(content.generation, inputs.request.generation & period)
    first = kvm.mmio.make_mmio_spte(masks, replace(inputs.request, generation=bv(0, 64)))
    held = inputs.spte ^ first.spte
    meant_otherwise = kvm.constant("SPTE_MMU_PRESENT_MASK") | _PFN | 1 << 63 | 0b111
    if relations.has_mbec(kvm):
        meant_otherwise |= 1 << USER_EXECUTE_BIT
    foreign = ne(held & meant_otherwise, 0)
    yield never(
        given(
            *inputs.assumptions,
            legal_gfn(masks, inputs.request.gfn),
            shown=(*inputs.shown, Shown("generation read", content.generation)),
            evidence=inputs.evidence + content.evidence,
            part="what comes back",
        ),
        Wrong("generation-lost", lost, "An MMIO SPTE gives back another generation than it was made with.").told(
            "get_mmio_spte_generation() differs", "KVM: check_mmio_spte() compares the two"
        ),
    )
    yield never(
        given(
            *inputs.assumptions,
            legal_gfn(masks, inputs.request.gfn),
            shown=(*inputs.shown, Shown("bits that differ from those of generation 0", held)),
            evidence=inputs.evidence + first.evidence,
            part="where it is kept",
        ),
        Wrong(
            "foreign-bit",
            foreign,
            "A generation takes a bit that means something else: MMU-present, a "
            "permission, suppress-#VE or part of the address.",
        ).told(
            "the bit means two things", "KVM's comment at SPTE_MMIO_ALLOWED_MASK: the generation has bits of its own"
        ),
    )


def _gfn_round_trip(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    inputs = made_mmio_spte(kvm, masks)
    content = kvm.mmio.content(masks, inputs.spte)
    lost = ne(content.gfn, inputs.request.gfn)
    access = zext(inputs.request.access, 64) & masks.mmio_access_mask
    other_access = ne(zext(content.access, 64), access)
    host = masks.host
    all_usable = eq(host.x86_phys_bits, host.maxphyaddr)
    return [
        always(
            all_of(negate(lost), negate(other_access)),
            given(
                *inputs.assumptions,
                legal_gfn(masks, inputs.request.gfn),
                Assumption(words, condition),
                shown=(*inputs.shown, Shown("GFN read", content.gfn)),
                evidence=inputs.evidence + content.evidence,
                part=part,
            ),
            Wrong("gfn-lost", lost, "An MMIO SPTE gives back another GFN than it was made for.").told(
                "get_mmio_spte_gfn() differs",
                "KVM: the access is emulated at the GFN in the SPTE",
                place="arch/x86/kvm/mmu/mmu.c:get_mmio_spte_gfn",
            ),
            Wrong("access-lost", other_access, "An MMIO SPTE gives back another access than it was made with.").told(
                "get_mmio_spte_access() differs", "KVM: the access is cached for emulation"
            ),
        )
        for part, words, condition in (
            (
                "hosts that use all of their addresses",
                "no address bits of the host name encryption keys or are taken by memory encryption",
                all_usable,
            ),
            (
                "hosts whose addresses encryption narrows",
                "some address bits of the host name encryption keys or are taken by memory encryption",
                negate(all_usable),
            ),
        )
    ]


# -- who knows it ------------------------------------------------------------------------------------------


def _recognised(kvm: Kvm, vendor: Vendor) -> Claim:
    masks = kvm.masks.shadow_masks(vendor)
    inputs = made_mmio_spte(kvm, masks)
    says = kvm.sptes.predicates(masks, inputs.spte)
    empty = eq(inputs.spte, _nonpresent_value(kvm))
    return always(
        all_of(says.is_mmio, negate(says.is_shadow_present), negate(says.is_frozen), negate(empty)),
        given(*inputs.assumptions, legal_gfn(masks, inputs.request.gfn), shown=inputs.shown, evidence=inputs.evidence),
        Wrong("not-recognised", negate(says.is_mmio), "An MMIO SPTE is not recognised.").told(
            "is_mmio_spte() is false", "KVM: an MMIO SPTE is told by shadow_mmio_mask"
        ),
        Wrong("mmu-present", says.is_shadow_present, "An MMIO SPTE is MMU-present.").told(
            "is_shadow_present_pte()", "KVM's comment: MMIO SPTEs are not considered present"
        ),
        Wrong("frozen", says.is_frozen, "An MMIO SPTE is the frozen SPTE.").told(
            "is_frozen_spte()", "KVM's comment at FROZEN_SPTE: not MMIO"
        ),
        Wrong("empty", empty, "An MMIO SPTE is the value of an empty one.").told(
            "SHADOW_NONPRESENT_VALUE", "KVM: an empty SPTE leads to a page fault, not to emulation"
        ),
    )


def _nonpresent_value(kvm: Kvm) -> int:
    """What an SPTE that is not present holds; 0 before there was a name for it."""
    return kvm.constant("SHADOW_NONPRESENT_VALUE") if kvm.has(Feature.NONPRESENT_VALUE) else 0


# -- what the hardware does --------------------------------------------------------------------------------


def _formats(vendor: Vendor) -> tuple[EntryFormat, ...]:
    return (NPT_LONG_MODE,) if vendor is Vendor.AMD else (INTEL_LONG_MODE, AMD_LONG_MODE, PAE)


def _faults(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    inputs = made_mmio_spte(kvm, masks)
    if vendor is Vendor.INTEL:
        return [_misconfigured(kvm, masks, inputs)]
    return [_reserved(masks, inputs, entry_format) for entry_format in _formats(vendor)]


def _misconfigured(kvm: Kvm, masks: ShadowMasks, inputs: MmioInputs) -> Claim:
    mbec, execute_only = bool_var("MBEC enabled"), bool_var("execute-only support")
    faults = ept.misconfigured(
        inputs.spte,
        level=1,
        maps_page=True,
        max_physical_address=masks.host.maxphyaddr,
        mbec=mbec if relations.has_mbec(kvm) else FALSE,
        execute_only=execute_only,
        paging_write_control=FALSE,
        pages_2m=TRUE,
        pages_1g=TRUE,
        memory_type_checked_in_1g=TRUE,
    )
    return never(
        given(
            *inputs.assumptions,
            shown=(*inputs.shown, Shown("MBEC enabled", mbec), Shown("execute-only support", execute_only)),
            evidence=inputs.evidence,
        ),
        Wrong("no-misconfiguration", negate(faults), "An MMIO SPTE is no EPT misconfiguration.").told(
            "KVM counts on the exit for one", "SDM 31.3.3.1: the walk does not end with a misconfiguration"
        ),
    )


def _reserved(masks: ShadowMasks, inputs: MmioInputs, entry_format: EntryFormat) -> Claim:
    host = masks.host
    encrypted = all_of(host.is_amd, host.encryption.enabled)
    width = physical_address_width(host.maxphyaddr, host.x86_phys_bits, enabled=encrypted)
    mask = reserved_mask(entry_format, EntryShape(1, True), {Control.NO_EXECUTE: TRUE}, width)
    reserved = ne(inputs.spte & without_c_bit(mask, host.encryption.c_bit, enabled=encrypted), 0)
    present = bit(inputs.spte, 0)
    manual = "APM 15.25.6" if masks.vendor is Vendor.AMD else "SDM 5.7"
    return always(
        all_of(present, reserved),
        given(*inputs.assumptions, shown=inputs.shown, evidence=inputs.evidence, part=entry_format.name),
        Wrong("not-present", negate(present), "An MMIO SPTE is not present for the hardware.").told(
            "KVM counts on a fault with P and RSVD", f"{manual}: the fault has neither P nor RSVD"
        ),
        Wrong("no-reserved-bit", negate(reserved), "An MMIO SPTE has no reserved bit.").told(
            "KVM counts on a fault with P and RSVD", f"{manual}: the entry is used as it is"
        ),
    )


# -- what it depends on ------------------------------------------------------------------------------------

_NAMES = {
    "mmio_value": "shadow_mmio_value",
    "mmio_mask": "shadow_mmio_mask",
    "mmio_access_mask": "shadow_mmio_access_mask",
    "me_value": "shadow_me_value",
    "me_mask": "shadow_me_mask",
    "nonpresent_or_rsvd": "shadow_nonpresent_or_rsvd_mask",
    "lower_gfn": "shadow_nonpresent_or_rsvd_lower_gfn_mask",
    "present": "shadow_present_mask",
    "acc_track": "shadow_acc_track_mask",
}


def _history_free(kvm: Kvm, vendor: Vendor) -> Claim:
    once, again = (kvm.masks.shadow_masks(vendor, earlier) for earlier in ("one earlier set-up", "another"))
    differ = [(name, ne(getattr(once, field), getattr(again, field))) for field, name in _NAMES.items()]
    differ.append(("enable_mmio_caching", negate(iff(once.enable_mmio_caching, again.enable_mmio_caching))))
    has_flags = once.host.has_ad_bits if vendor is Vendor.INTEL else TRUE
    without = once.ad_enabled ^ has_flags
    return always(
        negate(any_of(without, *(when for _, when in differ))),
        given(
            *plausible_host(once),
            shown=(
                Shown("shadow_mmio_value", once.mmio_value),
                Shown("shadow_mmio_value after another", again.mmio_value),
            ),
            evidence=once.evidence + again.evidence,
        ),
        *(
            Wrong("history", when, f"{name} depends on what an earlier set-up has left.").told(
                "another value", "KVM's comment at allow_mmio_caching: each load of a vendor module decides anew"
            )
            for name, when in differ
        ),
        Wrong(
            "flags-against-the-host", without, "KVM does without A/D bits that the tables have, or the other way round."
        ).told("kvm_ad_enabled", "SDM 5.4 and 5.5, APM 5.4: only EPT can be without"),
    )


# -- generations that come round ---------------------------------------------------------------------------


def _generation_wrap(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    spte, made_at, now = var("spte", 64), var("slots->generation", 64), var("slots->generation now", 64)
    in_progress = kvm.constant("KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS")
    content, believed = kvm.mmio.content(masks, spte), kvm.mmio.check_mmio_spte(masks, spte, now)
    _, width = _generation_bits(kvm)
    period = (1 << width) - 1
    spaces = kvm.mmio.invalidate_mmio_sptes(masks, now).address_spaces
    # The first generation of this address space since the bits that SPTEs hold were last all 0.
    began = (now & ~period) | (now & (spaces - 1))
    zapped = kvm.mmio.invalidate_mmio_sptes(masks, began)

    def claim(part: str, words: str, earliest: BitVec) -> Claim:
        """The SPTE was made before the generation ``earliest`` could begin."""
        saved = all_of(zapped.zaps, ule(earliest, began), ule(began, now))
        stale = all_of(believed.holds, negate(saved))
        return never(
            given(
                *plausible_host(masks),
                Assumption("MMIO is cached: otherwise there are no MMIO SPTEs", masks.enable_mmio_caching),
                Assumption(
                    "the SPTE holds the generation that it was made at: mmio.generation-round-trip",
                    eq(content.generation, made_at & period),
                ),
                Assumption(
                    "generations do not reach the flag for an update in progress",
                    all_of(ult(made_at, in_progress), ult(now, in_progress)),
                ),
                Assumption(words, all_of(ult(made_at, now), ule(earliest, now))),
                Assumption(
                    "generations of an address space are as far apart as there are address spaces: "
                    "kvm_swap_active_memslots()",
                    eq((made_at ^ now) & (spaces - 1), 0),
                ),
                shown=(
                    Shown("spte", spte, kind=NumberKind.SPTE),
                    Shown("slots->generation", made_at),
                    Shown("slots->generation now", now),
                    Shown("generation that began anew", began),
                ),
                evidence=content.evidence + believed.evidence + zapped.evidence,
                part=part,
            ),
            Wrong(
                "stale-believed",
                stale,
                "An MMIO SPTE of an earlier generation is taken for current, and nothing has zapped it since.",
            ).told(
                "check_mmio_spte() is true, and kvm_mmu_invalidate_mmio_sptes() did not zap",
                "KVM's comment at MMIO_SPTE_GEN_LOW_START: a wrap requires a full zap",
                place="arch/x86/kvm/mmu/mmu.c:kvm_mmu_invalidate_mmio_sptes",
            ),
        )

    updating = ne(now & in_progress, 0)
    trusted = all_of(updating, believed.holds)
    unsure = never(
        given(
            *plausible_host(masks),
            Assumption("an update of the memory slots is in progress", updating),
            shown=(Shown("spte", spte, kind=NumberKind.SPTE), Shown("slots->generation now", now)),
            evidence=believed.evidence,
            part="during an update",
        ),
        Wrong(
            "believed-during-update", trusted, "An MMIO SPTE is taken for current while memory slots are changed."
        ).told(
            "check_mmio_spte() is true",
            "KVM's comment at MMIO_SPTE_GEN_LOW_START: the flag is queried when MMIO SPTEs are looked at",
        ),
    )
    yield unsure
    yield claim("between updates", "the SPTE was made at an earlier generation", made_at + 1)
    yield claim(
        "while an update is in flight",
        "the SPTE was made at an earlier generation, when kvm_mmu_invalidate_mmio_sptes() had seen the next one "
        "already: kvm_swap_active_memslots() stores that last",
        made_at + spaces + 1,
    )


THEOREMS = (
    Theorem(
        name="mmio.generation-round-trip",
        claim="The low bits of the memslots' generation come back out of an MMIO SPTE as they went in, and are kept in "
        "bits that mean nothing else.",
        source="KVM's comments at MMIO_SPTE_GEN_LOW_START and SPTE_MMIO_ALLOWED_MASK",
        assumes=("MMIO is cached", "the guest's addresses are those that KVM offers it"),
        state=several(_generation_round_trip),
        catches=showing("foreign-bit", "mmio-generation-at-xu", "mmio-generation-at-mmu-present"),
    ),
    Theorem(
        name="mmio.gfn-round-trip",
        claim="The GFN and the access come back out of an MMIO SPTE as they went in, for every GFN that the guest may "
        "use, with its upper bits relocated for L1TF or not.",
        source="KVM's comment at shadow_nonpresent_or_rsvd_lower_gfn_mask",
        assumes=(
            "MMIO is cached",
            "the guest's addresses are those that KVM offers it: without TDP the host's usable "
            "ones, with TDP all below the host's MAXPHYADDR",
        ),
        state=_gfn_round_trip,
        catches=showing("gfn-lost", "mmio-gfn-shift-off-by-one", "lower-gfn-one-short", "mmio-bit-never-missing"),
    ),
    Theorem(
        name="mmio.recognised",
        claim="KVM recognises an MMIO SPTE as MMIO and takes it for nothing else.",
        source="KVM's comments at SPTE_MMU_PRESENT_MASK and FROZEN_SPTE",
        assumes=("MMIO is cached", "the guest's addresses are those that KVM offers it"),
        state=alone(_recognised),
        catches=(Catch("mmio-generation-at-mmu-present", "mmu-present"), Catch("mmio-value-like-empty", "frozen")),
    ),
    Theorem(
        name="mmio.faults",
        claim="The hardware faults on every MMIO SPTE in the way that KVM expects. With EPT that is a "
        "misconfiguration, with or without MBEC and execute-only support. Otherwise it is a present entry "
        "with a reserved bit.",
        source="SDM 31.3.3.1, SDM 5.7, APM 15.25.6 and 7.10.1",
        assumes=(
            "MMIO is cached: on hosts where no bit is reserved it is not",
            "EPT paging-write control is off: KVM does not enable it",
        ),
        state=_faults,
        catches=(
            *showing("no-reserved-bit", "encryption-bit-marks-mmio", "mmio-bit-never-missing"),
            Catch("mmio-value-like-empty", "no-misconfiguration"),
        ),
    ),
    Theorem(
        name="mmio.mask-history-free",
        claim="What a set-up makes of the masks depends on no earlier set-up; A/D bits are used but in EPT on a "
        "processor without.",
        source="KVM's comment at allow_mmio_caching; SDM 5.4, 5.5 and A.10, APM 5.4",
        assumes=("the host's address widths are architectural",),
        state=alone(_history_free),
        catches=(Catch("mmio-caching-kept", "history"), Catch("ad-bits-left-off", "flags-against-the-host")),
    ),
    Theorem(
        name="mmio.generation-wrap",
        claim="An MMIO SPTE is taken for current only at the generation that it was made at. Before the part of the "
        "generation that SPTEs hold comes round, all shadow pages are zapped, in whichever address space. "
        "While memory slots are changed none is taken for current.",
        source="KVM's comments at MMIO_SPTE_GEN_LOW_START and in kvm_mmu_invalidate_mmio_sptes()",
        assumes=(
            "kvm_mmu_invalidate_mmio_sptes() is called for every new generation: kvm_arch_memslots_updated()",
            "generations of one address space are as far apart as there are address spaces",
        ),
        state=several(_generation_wrap),
        catches=(
            *showing("stale-believed", "mmio-wrap-unnoticed-in-smm", "mmio-wrap-never-zaps"),
            Catch("mmio-believed-during-update", "believed-during-update"),
        ),
    ),
)
