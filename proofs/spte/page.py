"""What make_spte() is told by those who map the page of a fault: which page it is, and whether it may be written."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.model.kvm import Kvm
from mmuproof.model.roles import PageMapped
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given
from mmuproof.proofs.theorem import Catch, Claim, Theorem
from mmuproof.smt.terms import all_of, any_of, ne, negate


def _told(mapped: PageMapped) -> Claim:
    frame, page = (
        all_of(mapped.makes, ne(told, wanted))
        for told, wanted in ((mapped.pfn, mapped.fault_pfn), (mapped.gfn, mapped.fault_gfn))
    )
    mmio = all_of(mapped.makes_mmio, ne(mapped.mmio_gfn, mapped.fault_gfn))
    more = all_of(mapped.makes, mapped.host_writable, negate(mapped.map_writable))
    less = all_of(mapped.makes, negate(mapped.host_writable), mapped.map_writable)
    both = all_of(mapped.makes, mapped.makes_mmio)
    source = "KVM: the fault was resolved to one page of the host's"
    return always(
        negate(any_of(frame, page, mmio, more, less, both)),
        given(
            shown=(
                Shown("gfn", mapped.fault_gfn),
                Shown("pfn", mapped.fault_pfn),
                Shown("map_writable", mapped.map_writable),
            ),
            evidence=mapped.evidence,
            part=f"{mapped.caller}()",
        ),
        Wrong(
            "host-protection-ignored",
            more,
            f"{mapped.caller}() says that the host lets a page be written that it does not.",
        ).told("host_writable", "KVM: map_writable of the fault"),
        Wrong(
            "host-protection-invented",
            less,
            f"{mapped.caller}() says that the host does not let a page be written that it does.",
        ).told("not host_writable", "KVM: map_writable of the fault"),
        Wrong("another-frame", frame, f"{mapped.caller}() maps another frame than the fault's.").told(
            "another pfn", source
        ),
        Wrong("another-page", page, f"{mapped.caller}() maps the frame for another page of the guest.").told(
            "another gfn", source
        ),
        Wrong("another-mmio-page", mmio, f"{mapped.caller}() makes an MMIO SPTE for another page of the guest.").told(
            "another gfn", "KVM: MMIO is recognised by the GFN in the SPTE"
        ),
        Wrong("both", both, f"{mapped.caller}() maps a page and makes an MMIO SPTE.").told("two SPTEs", source),
    )


def _page(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    claims = [_told(kvm.roles.shadow_page())]
    return claims if vendor is Vendor.SHADOW else [*claims, _told(kvm.roles.tdp_page())]


THEOREMS = (
    Theorem(
        name="spte.page",
        claim="Who maps the page of a fault tells make_spte() the fault's page and frame, and that it may be written "
        "exactly if the host lets it be. Where there is no memory, the MMIO SPTE is that of the fault's page.",
        source="KVM's comments at shadow_host_writable_mask and struct kvm_page_fault",
        state=_page,
        catches=(
            Catch("fault-always-writable", "host-protection-ignored"),
            Catch("tdp-mmio-of-next-page", "another-mmio-page"),
        ),
    ),
)
