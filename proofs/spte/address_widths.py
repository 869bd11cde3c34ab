"""What is reserved in SPTEs begins where the processor's physical addresses end."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.terms import bv, extract, ite, ne, ule

_LEAF = 0x80000008
_MANUALS = "SDM volume 2, CPUID; APM volume 3, E.4.7: EAX of leaf 80000008H has the width in bits 7:0"


def _of_host(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.address_widths.of_host()
    wanted = ite(ule(bv(_LEAF, 32), made.last_leaf), extract(made.told, 7, 0), made.found)
    return never(
        given(
            shown=(
                Shown("the last extended leaf", made.last_leaf),
                Shown("EAX of leaf 80000008H", made.told),
                Shown("boot_cpu_data.x86_phys_bits", made.found),
                Shown("the width", made.taken),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "another-width",
            ne(made.taken, wanted),
            "KVM takes another number for the width of the processor's physical addresses.",
        ).told("another width", _MANUALS),
    )


THEOREMS = (
    Theorem(
        name="l1tf.address-width",
        claim="The width of physical addresses that SPTEs are made for is the one that CPUID tells. The bits that the "
        "host itself takes for keys of memory encryption are part of it. A processor without this leaf of CPUID has "
        "what the host found.",
        source=f"{_MANUALS}; KVM's comment in kvm_get_host_maxphyaddr()",
        state=alone(_of_host),
        catches=(Catch("width-reduced", "another-width"), Catch("width-of-linear-addresses", "another-width")),
    ),
)
