"""The memory type that KVM chooses for a page in a table of EPT."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several
from mmuproof.smt.terms import all_of, any_of, bit, boolean, eq, extract, ne, negate

_WRITE_BACK, _IGNORE_PAT = 6, 6
"""A memory type, and the bit of an entry that lets the guest's PAT be ignored: SDM 31.3.7.2."""
_OF_MEMORY_TYPE = 0x78
_NAME = "vmx_get_mt_mask()"


def _state(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.hardware_controls.page_memory_type()
    of_memory = negate(made.is_mmio)
    type_, ignores = extract(made.bits, 5, 3), bit(made.bits, _IGNORE_PAT)
    forced = all_of(of_memory, made.coherent, made.ignores_pat)
    free = all_of(of_memory, negate(made.coherent), negate(made.cache_off))
    return never(
        given(
            shown=(
                Shown("is_mmio", made.is_mmio),
                Shown("all devices are coherent", made.coherent),
                Shown("the guest's PAT is to be ignored", made.ignores_pat),
                Shown("bits of the entry", made.bits),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "cached-mmio",
            all_of(made.is_mmio, ne(made.bits, 0)),
            f"{_NAME} lets the guest reach MMIO of the host through the caches.",
        ).told("another type", "SDM 31.3.7.2: UC, which no PAT makes cacheable; KVM's comment in it"),
        Wrong(
            "guest-chooses",
            all_of(forced, any_of(ne(type_, _WRITE_BACK), negate(ignores))),
            f"{_NAME} lets the guest choose the type of memory that only coherent devices read.",
        ).told("the guest's type", "KVM: write-back, whatever the guest's PAT says"),
        Wrong(
            "guest-ignored",
            all_of(free, any_of(ignores, all_of(boolean(not made.by_mtrrs), ne(type_, _WRITE_BACK)))),
            f"{_NAME} ignores the guest's PAT where a device reads memory past the caches.",
        ).told("the guest's type is ignored", "KVM's comment at vmx_ignore_guest_pat(): devices that are not coherent"),
        Wrong(
            "other-bits",
            ne(made.bits & ~_OF_MEMORY_TYPE, 0),
            f"{_NAME} sets bits of the entry that are none of its memory type.",
        ).told("other bits", "SDM 31.3.7.2: bits 5:3 and 6"),
    )


def _followed(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for comes in (True, False):
        made = kvm.device_changes.counted(comes)
        changes = eq(made.devices, 1 if comes else 0)
        yield never(
            given(
                shown=(
                    Shown("devices afterwards", made.devices),
                    Shown("the guest's PAT is to be ignored", made.ignores_pat),
                ),
                evidence=made.evidence,
                part="the first comes" if comes else "the last goes",
            ),
            Wrong("not-counted", negate(made.counted), f"{made.function}() does not count the device.").told(
                "another number", "KVM: kvm_arch_has_noncoherent_dma()"
            ),
            Wrong(
                "types-kept",
                all_of(changes, made.ignores_pat, negate(made.zaps)),
                f"{made.function}() leaves SPTEs with memory types that are no longer right.",
            ).told(
                "not all is zapped",
                "SDM 31.3.7.2: the entry tells whether the guest's PAT counts; KVM's comment at vmx_ignore_guest_pat()",
                place=f"arch/x86/kvm/x86.c:{made.function}",
            ),
        )


THEOREMS = (
    Theorem(
        name="spte.memory-type-followed",
        claim="When the first device comes to a VM that reads memory past the caches, or the last one goes, all SPTEs "
        "are zapped whose memory type depends on whether there is one.",
        source="SDM 31.3.7.2; KVM's comments at kvm_noncoherent_dma_assignment_start_or_stop()",
        assumes=("a zap of all frames leaves no SPTE: slot.gone",),
        vendors=(Vendor.INTEL,),
        state=several(_followed),
        catches=(Catch("last-device-zaps-nothing", "types-kept"), Catch("device-zaps-where-honoured", "types-kept")),
    ),
    Theorem(
        name="spte.chosen-memory-type",
        claim="MMIO of the host is uncacheable. Memory is write-back whatever the guest's PAT says, if all "
        "devices are coherent and KVM is to ignore the PAT. Where a device is not coherent the guest's "
        "PAT is honoured.",
        source="SDM 31.3.7.2; KVM's comments in vmx_get_mt_mask() and at vmx_ignore_guest_pat()",
        assumes=(
            "whether a device is not coherent is known: kvm_arch_has_noncoherent_dma() counts them",
            "a guest that turns its caches off, and MTRRs that KVM emulates before 6.12, choose the type themselves",
        ),
        vendors=(Vendor.INTEL,),
        state=alone(_state),
        catches=(Catch("mmio-write-back", "cached-mmio"), Catch("guest-pat-ever-ignored", "guest-ignored")),
    ),
)
