"""KVM's own bits in SPTEs are bits that the hardware ignores, and its own bits in error codes are nobody else's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, combinations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.layout.fields import software_fields
from mmuproof.proofs.theorem import Claim, Theorem, alone, showing
from mmuproof.smt.terms import boolean, bv, ne
from mmuproof.spec.entry_layout import Control, EntryFormat, ignored_bits
from mmuproof.spec.ept_layout import EPT
from mmuproof.spec.npt_layout import NPT_LONG_MODE
from mmuproof.spec.paging_layout import AMD_LONG_MODE, INTEL_LONG_MODE, PAE

_FULL_WIDTH = 52
_SIZES = frozenset({Control.PAGES_2M, Control.PAGES_1G})
_TOP_OF_PAE = 3
_TDP_ONLY = "SPTE_TDP_AD_MASK"


def _formats(vendor: Vendor) -> tuple[EntryFormat, ...]:
    """What KVM builds; without TDP also PAE tables, for guests outside long mode."""
    return {Vendor.INTEL: (EPT,), Vendor.AMD: (NPT_LONG_MODE,)}.get(vendor, (INTEL_LONG_MODE, AMD_LONG_MODE, PAE))


def _settings(kvm: Kvm, vendor: Vendor) -> Iterator[frozenset[Control]]:
    """Every combination of the controls that KVM sets one way on some hosts and the other way on others."""
    free = [Control.NO_EXECUTE, Control.GLOBAL_PAGES]
    if vendor is Vendor.INTEL:
        free = [Control.EPT_ACCESSED_DIRTY, Control.EPT_VIOLATION_VE]
        free += [Control.MODE_BASED_EXECUTE] if relations.has_mbec(kvm) else []
    elif vendor is Vendor.AMD:
        free = [Control.NO_EXECUTE]
    for some in chain.from_iterable(combinations(free, count) for count in range(len(free) + 1)):
        yield _SIZES | frozenset(some)


def _ignored(kvm: Kvm, vendor: Vendor) -> Claim:
    masks = kvm.masks.shadow_masks(vendor)
    symptoms = []
    for entry_format in _formats(vendor):
        # KVM writes no bits of its own into the four PDPTEs of a PAE root.
        shapes = [
            kind.shape for kind in entry_format.kinds if entry_format is not PAE or kind.shape.level < _TOP_OF_PAE
        ]
        for shape in shapes:
            ignored = (1 << 64) - 1
            for controls in _settings(kvm, vendor):
                ignored &= ignored_bits(entry_format, *shape, controls, max_physical_address=_FULL_WIDTH)
            kind = f"level {shape.level}, {'a page' if shape.maps_page else 'a table'}"
            for field in software_fields(kvm, masks):
                if vendor is Vendor.SHADOW and field.name == _TDP_ONLY:
                    continue  # Without TDP the type is SPTE_TDP_AD_ENABLED, which is 0.
                symptoms.append(
                    Wrong(
                        "not-ignored",
                        ne(field.mask & ~ignored, 0),
                        f"{field.name} has a bit that the hardware does not ignore ({entry_format.name}, {kind}).",
                    ).told("the hardware looks at the bit", "SDM 31.3.2 and 5.5, APM 5.3: the bit is not ignored")
                )
    return never(
        given(
            *plausible_host(masks),
            shown=tuple(Shown(field.name, field.mask) for field in software_fields(kvm, masks)),
            evidence=masks.evidence,
        ),
        *symptoms,
    )


_REPORTED = (
    "PRESENT_MASK",
    "WRITE_MASK",
    "USER_MASK",
    "RSVD_MASK",
    "FETCH_MASK",
    "PK_MASK",
    "SS_MASK",
    "SGX_MASK",
    "GUEST_RMP_MASK",
    "GUEST_FINAL_MASK",
    "GUEST_PAGE_MASK",
    "GUEST_ENC_MASK",
    "GUEST_SIZEM_MASK",
    "GUEST_VMPL_MASK",
)
_SYNTHETIC = ("IMPLICIT_ACCESS", "PRIVATE_ACCESS")
_LOW_HALF = (1 << 32) - 1


def _error_codes(kvm: Kvm, vendor: Vendor) -> Claim:
    def values(names: Sequence[str]) -> dict[str, int]:
        full = (f"PFERR_{name}" for name in names)
        return {name: kvm.constant(name) for name in full if kvm.defines(name)}

    synthetic, reported = values(_SYNTHETIC), values(_REPORTED)
    every = {**reported, **synthetic}
    symptoms = [
        Wrong("shared-bit", boolean(bool(every[one] & every[other])), f"{one} and {other} have a bit in common.").told(
            "one bit means two things", "KVM's comments at PFERR_IMPLICIT_ACCESS: bits that hardware does not use"
        )
        for one, other in combinations(every, 2)
    ]
    symptoms += [
        Wrong(
            "low-half", boolean(bool(value & _LOW_HALF)), f"{name} has a bit that a page fault's error code can report."
        ).told("the bit is in the low half", "KVM's BUILD_BUG_ON in kvm_mmu_page_fault(): synthetic bits are above 31")
        for name, value in synthetic.items()
    ]
    return never(given(shown=tuple(Shown(name, bv(value, 64)) for name, value in every.items())), *symptoms)


THEOREMS = (
    Theorem(
        name="layout.software-bits-ignored",
        claim="Each bit of an SPTE that KVM gives a meaning of its own is one that the hardware ignores in "
        "every entry that has it. That holds under every combination of the controls that KVM may enable.",
        source="SDM 31.3.2, Tables 31-1 to 31-7; SDM 5.4, 5.5; APM 5.3, 15.25; KVM's comments in spte.h",
        assumes=(
            "KVM enables neither supervisor shadow-stack control nor sub-page permissions, guest-paging "
            "verification or paging-write control",
            "protection keys are offered only with TDP, so that no SPTE is subject to them",
        ),
        state=alone(_ignored),
        catches=showing(
            "not-ignored", "host-writable-at-xu", "default-host-writable-at-global", "default-mmu-writable-reserved"
        ),
    ),
    Theorem(
        name="layout.error-code-bits",
        claim="The bits that KVM adds to page-fault error codes are above 31, and no two bits of an error code are the "
        "same.",
        source="KVM's comments at PFERR_IMPLICIT_ACCESS and PFERR_PRIVATE_ACCESS; SDM 5.7, APM 15.25.6",
        state=alone(_error_codes),
        catches=showing("shared-bit", "implicit-access-is-private", "pk-flag-at-ss"),
    ),
)
