"""What a flush on a processor with SVM forgets: all that has the guest's ASID, or an address of it."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.svm_flushes import SvmFlush
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import FALSE, any_of, negate
from mmuproof.spec import tlb_control


def _of_asid(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for flush in SvmFlush:
        made = kvm.svm_flushes.flushed(flush)
        alone = made.one_address if flush is SvmFlush.ADDRESS else FALSE
        forgotten = any_of(tlb_control.flushes_guest(made.control, by_asid=made.by_asid), made.another_asid, alone)
        yield never(
            given(
                shown=(Shown("the processor can flush one ASID", made.by_asid), Shown("TLB_CONTROL", made.control)),
                evidence=made.evidence,
                part=flush.value,
            ),
            Wrong(
                "asid-left", negate(forgotten), f"{made.function}() leaves what is cached with the guest's ASID."
            ).told("nothing is flushed, or another's", "APM 15.16.1: TLB_CONTROL; APM vol. 3, INVLPGA"),
        )


THEOREMS = (
    Theorem(
        name="flush.asid",
        claim="A flush on a processor with SVM has VMRUN forget all that is cached with the guest's ASID, or gives the "
        "guest another one. Only for a single address may it be that address alone, with the guest's ASID.",
        source="APM 15.16.1; APM vol. 3, INVLPGA",
        assumes=("an ASID of an older generation is replaced before the guest runs: pre_svm_run()",),
        vendors=(Vendor.AMD,),
        state=several(_of_asid),
        catches=(Catch("asid-flush-does-nothing", "asid-left"), Catch("address-flushed-of-host", "asid-left")),
    ),
)
