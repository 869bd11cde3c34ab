"""What a vCPU is asked to flush, and to do with its roots, is done before a guest could notice."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.entry_requests import EntryRequest, GuestSwitch
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.terms import any_of, negate

_LATER = "SDM 5.10.5, APM 5.5.2: a processor may use what it has cached until it is told to forget it"
_TAGS = "SDM 31.4.3: what is forgotten is that of the VPID and EPTP that are told, which a change of the guest changes"
_SAID = {
    EntryRequest.FLUSH: "a flush of all",
    EntryRequest.SYNC: "a synchronization of its root",
    EntryRequest.LOAD: "to load its root",
    EntryRequest.FLUSH_CURRENT: "a flush of what has the tag in use",
    EntryRequest.FLUSH_GUEST: "a flush of what the guest can see",
    EntryRequest.FREE_ROOTS: "to give up roots that are out of date",
    EntryRequest.FLUSH_LISTED: "the flushes that Hyper-V's hypercalls have listed",
}


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    made = kvm.entry_requests.served()
    told = [each for each in EntryRequest if each is not EntryRequest.FLUSH_LISTED or kvm.has(Feature.LISTED_FLUSHES)]
    shown = (Shown("requests", made.asked),)
    yield never(
        given(shown=shown, evidence=made.evidence, part="what is asked"),
        *(
            Wrong(
                f"{each.name.lower().replace('_', '-')}-kept",
                made.missed[each],
                f"A vCPU is asked for {_SAID[each]}, and its guest runs without.",
            ).told("nothing is done", _LATER)
            for each in told
        ),
        Wrong(
            "flushed-early",
            made.flushed_early,
            "A root is synchronized or loaded behind the flush that comes before the guest runs.",
        ).told("no flush follows", _LATER),
    )
    yield never(
        given(shown=shown, evidence=made.evidence, part="the last moment"),
        Wrong("no-root", made.rootless, "A guest runs though the MMU has not said that it has a root.").told(
            "the guest runs", "KVM's comment in kvm_mmu_reload(): the root may have been given up"
        ),
        Wrong("more-to-do", made.unasked, "A guest runs, and what is asked in the meantime waits.").told(
            "the guest runs", _LATER
        ),
        Wrong(
            "unseen",
            made.unseen,
            "A vCPU looks for the last time for what is asked before others see that it has to be interrupted.",
        ).told("its mode is another", "KVM's comment in vcpu_enter_guest(): the mode is set before requests are read"),
    )


def _switched(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for switch in GuestSwitch:
        made = kvm.entry_requests.switched(switch)
        yield never(
            given(evidence=made.evidence, part=switch.name.lower()),
            Wrong(
                "asked-of-another",
                any_of(made.unserved),
                f"{made.function}() changes the guest before what was asked to be flushed for the other one is.",
            ).told("the flush comes with another tag", _TAGS),
        )
    loaded = kvm.entry_requests.host_state()
    yield never(
        given(evidence=loaded.evidence, part="L1's state"),
        Wrong(
            "exit-unflushed",
            negate(loaded.flushes),
            f"{loaded.function}() loads L1's state, and flushes nothing of what was cached for L2.",
        ).told("no flush between L1 and L2", "SDM 31.4.3.1: VM exits without VPID forget what is cached for VPID 0"),
    )


THEOREMS = (
    Theorem(
        name="flush.requests",
        claim="A guest runs only after all that its vCPU was asked for the MMU: roots that are out of date are given "
        "up, the root is synchronized and loaded, and then comes each flush. There is a root, and nothing more is "
        "asked once others see that the vCPU has to be interrupted.",
        source="SDM 5.10.5; APM 5.5.2; KVM's comments in vcpu_enter_guest()",
        assumes=(
            "a request is a bit that whoever serves it clears",
            "only the first time is looked at that the guest runs: before each other one kvm_vcpu_exit_request() "
            "is asked",
        ),
        state=several(_state),
        catches=(
            Catch("entry-forgets-sync", "sync-kept"),
            Catch("entry-forgets-own-flushes", "flush-current-kept"),
            Catch("entry-flushes-first", "flushed-early"),
            Catch("entry-without-root", "no-root"),
            Catch("entry-asks-no-more", "more-to-do"),
            Catch("entry-seen-late", "unseen"),
        ),
    ),
    Theorem(
        name="flush.nested-requests",
        claim="Before a vCPU changes between L1 and L2, the flushes are made that were asked of it for the one that "
        "has run. When L1's state is loaded, what it could use of L2's is flushed.",
        source="SDM 31.4.3; KVM's comments in nested_vmx_vmexit()",
        assumes=("of AMD's vCPUs both are flushed at each change: flush.transition",),
        vendors=(Vendor.INTEL,),
        state=several(_switched),
        catches=(
            *showing("asked-of-another", "nested-entry-keeps-requests", "nested-exit-keeps-requests"),
            Catch("nested-exit-flushes-nothing", "exit-unflushed"),
        ),
    ),
)
