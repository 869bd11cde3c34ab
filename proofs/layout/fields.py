"""The SPTE's layout: what KVM keeps in bits of its own, and the value it freezes entries with."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from mmuproof.model.evidence import CheckKind
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, showing
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, bool_var, boolean, bv, ne, negate, zext
from mmuproof.spec import ept, npt, paging
from mmuproof.spec.entry_layout import Control, defined_bits, reserved_bits
from mmuproof.spec.ept_layout import EPT
from mmuproof.spec.npt_layout import NPT_LONG_MODE
from mmuproof.spec.paging_layout import INTEL_LONG_MODE, PAE

_PFN = ((1 << 52) - 1) & ~0xFFF
_FULL_WIDTH = 52
_MEMORY_TYPE = 0b1111 << 3


@dataclass(frozen=True)
class SpteField:
    """Bits of an SPTE that mean one thing, under the kernel's name."""

    name: str
    mask: BitVec


def software_fields(kvm: Kvm, masks: ShadowMasks) -> list[SpteField]:
    """The bits that KVM gives a meaning of its own."""

    def fixed(name: str, value: int) -> SpteField:
        return SpteField(name, bv(value, 64))

    fields = [
        fixed("SPTE_MMU_PRESENT_MASK", kvm.constant("SPTE_MMU_PRESENT_MASK")),
        fixed("SPTE_TDP_AD_MASK", kvm.constant("SPTE_TDP_AD_MASK")),
        SpteField("shadow_host_writable_mask", masks.host_writable),
        SpteField("shadow_mmu_writable_mask", masks.mmu_writable),
    ]
    if masks.vendor is Vendor.INTEL:
        saved = kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_MASK")
        shift = kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_SHIFT")
        fields.append(fixed("saved R, X, XU", saved << shift))
    return fields


def _hardware_fields(masks: ShadowMasks) -> list[SpteField]:
    """What KVM puts into an SPTE for the hardware, besides permissions and A/D bits."""
    usable = (bv(1, 64) << zext(masks.host.x86_phys_bits, 64)) - 1
    fields = [SpteField("the page frame number", usable & _PFN), SpteField("shadow_me_mask", masks.me_mask)]
    if masks.vendor is Vendor.INTEL:
        fields.append(SpteField("the memory type and ignore-PAT", bv(_MEMORY_TYPE, 64)))
        fields.append(SpteField("suppress-#VE", masks.present & (1 << 63)))
    return fields


def _hardware_bits(kvm: Kvm, vendor: Vendor) -> int:
    """Every bit that the hardware defines in some entry, under the controls that KVM enables."""
    sizes = {Control.PAGES_2M, Control.PAGES_1G}
    if vendor is Vendor.INTEL:
        entry_format, controls = EPT, {*sizes, Control.EPT_ACCESSED_DIRTY, Control.EPT_VIOLATION_VE}
        if relations.has_mbec(kvm):
            controls.add(Control.MODE_BASED_EXECUTE)
    elif vendor is Vendor.AMD:
        entry_format, controls = NPT_LONG_MODE, {*sizes, Control.NO_EXECUTE}
    else:
        # The guest runs with a CR4.PGE of its own choice.
        entry_format, controls = INTEL_LONG_MODE, {*sizes, Control.NO_EXECUTE, Control.GLOBAL_PAGES}
    bits = 0
    for shape in {shape for kind in entry_format.kinds for shape in [kind.shape]}:
        bits |= defined_bits(
            entry_format, shape.level, shape.maps_page, frozenset(controls), max_physical_address=_FULL_WIDTH
        )
    return bits


def _reserved_in_pae() -> int:
    """What has to be 0 in the PAE tables by which KVM shadows guests outside long mode."""
    controls = frozenset({Control.NO_EXECUTE, Control.GLOBAL_PAGES})
    bits = 0
    for level, maps_page in ((1, True), (2, True), (2, False)):
        bits |= reserved_bits(PAE, level, maps_page, controls, max_physical_address=_FULL_WIDTH)
    return bits


def _type_symptoms(kvm: Kvm) -> list[Symptom]:
    """The types of A/D tracking are three values, and of SPTE_TDP_AD_MASK."""
    mask = kvm.constant("SPTE_TDP_AD_MASK")
    names = ("SPTE_TDP_AD_ENABLED", "SPTE_TDP_AD_DISABLED", "SPTE_TDP_AD_WRPROT_ONLY")
    types = [kvm.constant(name) for name in names if kvm.defines(name)]
    alike = len(set(types)) < len(types) or any(value & ~mask for value in types)
    return [
        Wrong(
            "ad-types", boolean(alike), "The types of A/D tracking are not distinct values of SPTE_TDP_AD_MASK."
        ).told(", ".join(f"{value:#x}" for value in types), "KVM's comments in spte.h: the bits tell the types apart")
    ]


def _disjoint(kvm: Kvm, vendor: Vendor) -> Claim:
    masks = kvm.masks.shadow_masks(vendor)
    fields = software_fields(kvm, masks)
    others = _hardware_fields(masks)
    hardware = _hardware_bits(kvm, vendor)
    manual = {Vendor.INTEL: "SDM Tables 31-1 to 31-7", Vendor.AMD: "APM 5.3"}.get(vendor, "SDM 5.5")
    symptoms = _type_symptoms(kvm)
    for index, field in enumerate(fields):
        # Outside EPT the type of A/D tracking is SPTE_TDP_AD_ENABLED, which is 0.
        if vendor is Vendor.SHADOW and field.name != "SPTE_TDP_AD_MASK":
            symptoms.append(
                Wrong(
                    "reserved-bit",
                    ne(field.mask & _reserved_in_pae(), 0),
                    f"{field.name} overlaps a bit that is reserved in PAE paging.",
                ).told("a reserved bit is set", "SDM 5.4: the bit has to be 0")
            )
        symptoms.append(
            Wrong(
                "hardware-bit", ne(field.mask & hardware, 0), f"{field.name} overlaps a bit that the hardware defines."
            ).told("the bit means two things", f"{manual}: the bit has a meaning")
        )
        symptoms += [_overlap(field, other) for other in (*fields[index + 1 :], *others)]
    symptoms += [_overlap(one, other) for one, other in combinations(others, 2)]
    return never(
        given(
            *plausible_host(masks),
            shown=tuple(Shown(field.name, field.mask) for field in (*fields, *others)),
            evidence=masks.evidence,
        ),
        *symptoms,
    )


def _overlap(one: SpteField, other: SpteField) -> Symptom:
    return Wrong("fields-overlap", ne(one.mask & other.mask, 0), f"{one.name} and {other.name} overlap.").told(
        "one bit means two things", "KVM's comments in spte.h: each field has bits of its own"
    )


def _hardware_present(kvm: Kvm, vendor: Vendor, spte: BitVec, mbec: Bool) -> Bool:
    if vendor is Vendor.INTEL:
        return ept.present(spte, mbec=mbec if relations.has_mbec(kvm) else FALSE)
    return npt.present(spte) if vendor is Vendor.AMD else paging.present(spte)


def _frozen(kvm: Kvm, vendor: Vendor) -> Claim:
    frozen = bv(kvm.constant("FROZEN_SPTE"), 64)
    masks = kvm.masks.shadow_masks(vendor)
    kvm_says = kvm.sptes.predicates(masks, frozen)
    mbec = bool_var("MBEC enabled")
    present = _hardware_present(kvm, vendor, frozen, mbec)
    address = ne(frozen & _PFN, 0)
    manual = "SDM 31.3.2" if vendor is Vendor.INTEL else "APM 15.25, SDM 5.5"
    return never(
        given(
            *plausible_host(masks),
            shown=(
                Shown("FROZEN_SPTE", frozen, kind=NumberKind.SPTE),
                Shown("MBEC enabled", mbec),
                Shown("shadow_mmio_value", masks.mmio_value),
                Shown("shadow_mmio_mask", masks.mmio_mask),
            ),
            evidence=masks.evidence,
        ),
        Wrong("hardware-present", present, "The hardware takes a frozen SPTE for a present entry.").told(
            "KVM holds the entry not present", f"{manual}: the entry is present"
        ),
        Wrong("mmu-present", kvm_says.is_shadow_present, "A frozen SPTE is MMU-present.").told(
            "is_shadow_present_pte()", "KVM's comment at FROZEN_SPTE: not present"
        ),
        Wrong("mmio", kvm_says.is_mmio, "A frozen SPTE is taken for an MMIO SPTE.").told(
            "is_mmio_spte(), by shadow_mmio_mask and shadow_mmio_value", "KVM's comment at FROZEN_SPTE: not MMIO"
        ),
        Wrong("address", address, "A frozen SPTE has address bits set.").told(
            "a PFN bit is set", "KVM's comment at FROZEN_SPTE: no PFN bits, for L1TF"
        ),
        Wrong("not-recognised", negate(kvm_says.is_frozen), "A frozen SPTE is not recognised.").told(
            "is_frozen_spte() is false", "KVM: is_frozen_spte()"
        ),
    )


def _assertions(kvm: Kvm, vendor: Vendor) -> Claim:
    failed = kvm.failed_assertions()
    walk = kvm.walks.guest_walk(relations.WALKS[vendor])
    inputs = relations.fault_inputs(kvm)
    result = kvm.walks.permission_fault(walk, inputs.pte_access, inputs.pte_pkey, inputs.access)
    masks = kvm.masks.shadow_masks(vendor)
    evidence = result.evidence + masks.evidence
    build = [check for check in evidence.checks if check.kind is CheckKind.BUILD]
    symptoms = [
        Wrong("static-assertion", boolean(True), f"{each.removesuffix('.')}.").told(
            "the assertion fails", "KVM's own assertions: every static_assert holds"
        )
        for each in failed
    ]
    symptoms += [
        Wrong("build-bug", negate(check.holds), f"The BUILD_BUG_ON at {check.at} fires.").told(
            "it fires", "KVM's own assertions: no BUILD_BUG_ON fires"
        )
        for check in build
    ]
    return always(
        all_of(boolean(not failed), *(check.holds for check in build)),
        given(*plausible_host(masks), *inputs.assumptions, relations.paging_on(walk), evidence=evidence),
        *symptoms,
    )


THEOREMS = (
    Theorem(
        name="layout.disjoint",
        claim="The software fields of an SPTE overlap neither each other nor a bit that the hardware defines, nor in "
        "shadow paging one that PAE paging reserves. They, the page frame number, the memory type, suppress-#VE and "
        "what means encryption overlap nowhere, for every mask configuration that KVM reaches. The types of A/D "
        "tracking are distinct.",
        source="SDM Tables 31-1 to 31-7, APM 5.3 and 15.25; KVM's comments in spte.h",
        assumes=(
            "KVM enables A/D bits, #VE and MBEC, and neither supervisor shadow-stack control nor sub-page permissions",
            "the host's address widths are architectural",
        ),
        state=alone(_disjoint),
        catches=(
            Catch("mmu-writable-in-saved-slot", "fields-overlap"),
            *showing("hardware-bit", "host-writable-at-xu", "default-host-writable-at-global"),
            Catch("default-mmu-writable-reserved", "reserved-bit"),
            Catch("ad-types-alike", "ad-types"),
            Catch("key-ids-from-a-bit-too-low", "fields-overlap"),
        ),
    ),
    Theorem(
        name="layout.frozen",
        claim="FROZEN_SPTE is hardware-present under no setting, not MMU-present, not MMIO for any configured MMIO "
        "mask and value, and has no PFN bit.",
        source="SDM 31.3.2, APM 15.25; KVM's comment at FROZEN_SPTE",
        assumes=("the host's address widths are architectural", "trees without XU never enable MBEC"),
        state=alone(_frozen),
        catches=(
            Catch("frozen-has-bit-10", "hardware-present"),
            Catch("frozen-has-pfn", "address"),
            Catch("mmio-value-like-empty", "mmio"),
        ),
    ),
    Theorem(
        name="layout.assertions",
        claim="Every static_assert of the lifted files, and every BUILD_BUG_ON in the lifted functions, holds.",
        source="KVM's own assertions",
        assumes=("the host's address widths are architectural", "the error code's low half has only P, W, U and F"),
        state=alone(_assertions),
        catches=(
            Catch("fetch-index-not-halved", "undefined-behaviour"),
            *showing(
                "static-assertion",
                "frozen-has-bit-10",
                "mmio-generation-at-xu",
                "mmio-generation-at-mmu-present",
                "mmu-writable-in-saved-slot",
            ),
        ),
    ),
)
