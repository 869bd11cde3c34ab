"""Memory-mapped I/O of the host: a vCPU that can reach it has the processor's buffers cleared before it runs."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given.made_spte import made_spte
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, several
from mmuproof.smt.terms import Bool, all_of, any_of, iff, ite, negate, var

_DOCUMENT = "Documentation/admin-guide/hw-vuln/processor_mmio_stale_data.rst: VERW before such a guest runs"
_FRAME = var("pfn", 64)


def _mapped(kvm: Kvm, vendor: Vendor) -> Claim:
    """make_spte() gives a guest no MMIO of the host without a note."""
    masks = kvm.masks.shadow_masks(vendor)
    inputs = made_spte(kvm, masks)
    made = kvm.sptes.make_spte(masks, inputs.request)
    note = made.mmio
    return never(
        given(
            *inputs.assumptions,
            shown=(Shown("the frame is MMIO of the host", made.maps_mmio), *inputs.shown),
            evidence=made.evidence,
            part="make_spte()",
        ),
        Wrong(
            "not-noted",
            all_of(note.mitigated, made.maps_mmio, negate(any_of(note.noted, note.notes))),
            "A guest gets an SPTE to MMIO of the host, and nobody notes that it can reach any.",
        ).told("kvm_track_host_mmio_mapping() is not called", _DOCUMENT),
    )


def _note(with_page: Bool, in_page: Bool, in_vm: Bool) -> Bool:
    """The note that counts: in the page of the vCPU's root, in the VM if that has none."""
    return ite(with_page, in_page, in_vm)


def _noted(kvm: Kvm) -> Claim:
    note = kvm.sptes.note_mmio()
    before = _note(note.with_page, note.page_before, note.vm_before)
    after = _note(note.with_page, note.page_after, note.vm_after)
    forgets = any_of(all_of(note.page_before, negate(note.page_after)), all_of(note.vm_before, negate(note.vm_after)))
    misread = any_of(all_of(note.said_before, negate(before)), all_of(note.said_after, negate(after)))
    return never(
        given(
            shown=(Shown("the root has a page", note.with_page), Shown("noted before", before)),
            evidence=note.evidence,
            part="kvm_track_host_mmio_mapping()",
        ),
        Wrong("note-elsewhere", negate(after), "What is noted is not where a VM entry looks for it.").told(
            "no note", "KVM: in the root's page, in the VM if the root has none"
        ),
        Wrong("note-lost", forgets, "A note that a vCPU can reach MMIO of the host is taken away.").told(
            "the note is cleared", "KVM: a note stays as long as the root, and in the VM for good"
        ),
        Wrong("note-invented", misread, "KVM takes MMIO of the host as noted where it is not.").told(
            "kvm_vcpu_can_access_host_mmio() is true", "KVM: in the root's page, in the VM if the root has none"
        ),
        Wrong(
            "vcpus-go-on",
            all_of(negate(before), negate(note.requested)),
            "A vCPU that runs when MMIO is mapped goes on without its buffers being cleared.",
        ).told("no request", "KVM's comment at kvm_track_host_mmio_mapping(): force vCPUs to exit"),
    )


def _entered(kvm: Kvm) -> Claim:
    entry = kvm.hardware_controls.entry_flags()
    noted = _note(entry.with_page, entry.in_page, entry.in_vm)
    return never(
        given(
            shown=(Shown("the root has a page", entry.with_page), Shown("noted", noted)),
            evidence=entry.evidence,
            part="__vmx_vcpu_enter_flags()",
        ),
        Wrong(
            "not-cleared",
            all_of(entry.mitigated, noted, negate(entry.clears)),
            "A vCPU that can reach MMIO of the host runs without the processor's buffers being cleared.",
        ).told("KVM_ENTER_CLEAR_CPU_BUFFERS_FOR_MMIO is clear", _DOCUMENT),
    )


def _asked(kvm: Kvm) -> Claim:
    answers = kvm.sptes.ask_mmio(_FRAME)
    wrong = any_of(*(negate(iff(each, answers.is_mmio)) for each in (answers.first, answers.second)))
    return never(
        given(
            shown=(Shown("the frame is MMIO of the host", answers.is_mmio),),
            evidence=answers.evidence,
            part="kvm_is_mmio_pfn()",
        ),
        Wrong("another-answer", wrong, "KVM takes memory for MMIO of the host, or the other way round.").told(
            "another answer", "KVM: what __kvm_is_mmio_pfn() says of the frame"
        ),
    )


def _host_mmio(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    yield _mapped(kvm, vendor)
    yield _noted(kvm)
    yield _asked(kvm)
    if vendor is not Vendor.AMD:
        yield _entered(kvm)


THEOREMS = (
    Theorem(
        name="spte.host-mmio",
        claim="Some processors leak what MMIO leaves in their buffers. There a guest gets an SPTE to MMIO of "
        "the host only after that is noted for its root, and running vCPUs are made to see the note. VMX "
        "clears the buffers before a vCPU runs whose root has it.",
        source="Documentation/admin-guide/hw-vuln/processor_mmio_stale_data.rst; KVM's comments at kvm_is_mmio_pfn() "
        "and kvm_track_host_mmio_mapping()",
        assumes=(
            "a root keeps its page, or is without one, while a vCPU uses it",
            "which frames are MMIO of the host is for __kvm_is_mmio_pfn() to say",
        ),
        needs=(Need(Feature.HOST_MMIO_NOTE),),
        state=several(_host_mmio),
        catches=(
            Catch("host-mmio-not-noted", "not-noted"),
            Catch("mmio-asked-of-guest-frame", "not-noted"),
            Catch("mmio-noted-in-vm-only", "note-elsewhere"),
            Catch("mmio-answer-forgotten", "another-answer"),
            Catch("mmio-note-without-exit", "vcpus-go-on"),
            Catch("buffers-kept-for-roots", "not-cleared"),
        ),
    ),
)
