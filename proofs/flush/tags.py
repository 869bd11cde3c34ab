"""What a flush forgets: what has the tag that the guest runs with, and all that a guest can see of its tables."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.tlb_flushes import OwnVmcb, VmxFlush
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, eq, ite, ne, negate, ult

_ASIDS = "APM 15.16: what is cached has the ASID that it was made with, on each processor; KVM counts them for each"
_PROCESSORS = 64
"""How many processors every tree is configured for."""
_TAGS = "SDM 31.4.1: what is cached of guest-physical addresses is told apart by EPTP, of linear ones by VPID as well"


def _of_tag(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for flush in VmxFlush:
        made = kvm.tlb_flushes.vmx(flush)
        in_use = ite(all_of(made.l2, made.l2_has_vpid, ne(made.vpid_of_l2, 0)), made.vpid_of_l2, made.vpid)
        of_tables = any_of(made.of_all_tables, all_of(made.by_tables, eq(made.eptp, made.own_eptp)))
        of_vpid = all_of(made.by_vpid, eq(made.flushed_vpid, in_use))
        if flush is VmxFlush.CURRENT:
            left = all_of(ne(made.root, made.no_root), negate(ite(made.has_ept, of_tables, of_vpid)))
        else:
            left = negate(of_vpid)
        yield never(
            given(
                shown=(
                    Shown("enable_ept", made.has_ept),
                    Shown("root", made.root),
                    Shown("L2 runs", made.l2),
                    Shown("L2 has a VPID", made.l2_has_vpid),
                    Shown("VPID of L1", made.vpid),
                    Shown("VPID of L2", made.vpid_of_l2),
                ),
                evidence=made.evidence,
                part=flush.value,
            ),
            Wrong("other-tag", left, f"{made.function}() leaves what is cached with the tag in use.").told(
                "another tag is flushed, or none", _TAGS
            ),
        )


def _of_guest(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.tlb_flushes.guest()
    return never(
        given(shown=(Shown("tdp_enabled", made.tdp),), evidence=made.evidence),
        Wrong(
            "root-left",
            all_of(negate(made.tdp), negate(all_of(made.syncs_root, made.syncs_kept))),
            f"{made.function}() leaves a root with SPTEs of entries that the guest has changed.",
        ).told("a root is not synchronized", "SDM 5.10.4.1: a flush of all forgets what is cached of any tables"),
        Wrong(
            "processor-left",
            negate(made.flushes),
            f"{made.function}() does not tell the processor, or tells it too early.",
        ).told("the processor keeps what it has cached", "SDM 5.10.4.1, APM 5.5.2: a flush forgets what is cached"),
    )


def _moved(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for used in OwnVmcb:
        made = kvm.tlb_flushes.moved(used)
        moved = ne(made.former, made.processor)
        there = Assumption("a processor is one of those that the kernel is built for", ult(made.processor, _PROCESSORS))
        shown = (
            Shown("processor", made.processor),
            Shown("processor before", made.former),
            Shown("generation", made.generation),
            Shown("generation of the other VMCB", made.other_generation),
        )
        yield never(
            given(there, shown=shown, evidence=made.evidence, part=used.value),
            Wrong(
                "asid-kept",
                all_of(moved, ne(made.generation, 0)),
                "A vCPU runs on another processor with the ASID that it had on the one before.",
            ).told("another may have it there", _ASIDS),
            Wrong(
                "clean-kept",
                all_of(moved, ne(made.clean, 0)),
                "A processor that has not seen a VMCB need not read all of it.",
            ).told("a clean bit is set", "APM 15.15.1: clean bits are valid on the processor that ran the VMCB last"),
            Wrong("not-noted", ne(made.noted, made.processor), "The processor that a VMCB runs on is not noted.").told(
                "another is noted", "KVM's comment in pre_svm_run()"
            ),
        )
        yield never(
            given(there, shown=shown, evidence=made.evidence, part=f"{used.value}, the other VMCB"),
            Wrong(
                "other-asid-kept",
                all_of(moved, ne(made.other_generation, 0)),
                "A vCPU that has moved gets an ASID, and its other VMCB takes it for one of the processor before.",
            ).told("another may have it there", _ASIDS),
        )


def _moved_vmcs(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.tlb_flushes.moved_vmcs()
    return never(
        given(
            Assumption("a processor is one of those that the kernel is built for", ult(made.processor, _PROCESSORS)),
            shown=(Shown("processor", made.processor), Shown("processor before", made.former)),
            evidence=made.evidence,
        ),
        Wrong(
            "translations-kept",
            all_of(ne(made.processor, made.former), negate(made.flushes)),
            "A vCPU comes to another processor, which may have cached translations of it from before.",
        ).told("nothing is asked for", "SDM 31.4.3: INVEPT and INVVPID make the processor forget that runs them"),
        Wrong("not-noted", ne(made.noted, made.processor), "The processor that has a VMCS is not noted.").told(
            "another is noted", "KVM's comment in vmx_vcpu_load_vmcs()"
        ),
    )


THEOREMS = (
    Theorem(
        name="flush.moved-vmcs",
        claim="A vCPU of Intel's whose VMCS is loaded by another processor than the one before is asked to flush all "
        "before its guest runs, and that processor is noted.",
        source="SDM 31.4.3; KVM's comment in vmx_vcpu_load_vmcs()",
        assumes=("a processor is one of those that the kernel is built for", "what is asked is done: flush.requests"),
        vendors=(Vendor.INTEL,),
        state=alone(_moved_vmcs),
        catches=(Catch("moved-vmcs-keeps-tlb", "translations-kept"),),
    ),
    Theorem(
        name="flush.moved",
        claim="A vCPU of AMD's that runs on another processor than before gets a new ASID for each of its VMCBs, which "
        "share it, and the processor is told to read all of the VMCB.",
        source="APM 15.15.1, 15.16; KVM's comment in pre_svm_run() of 7.3",
        assumes=(
            "a VMCB whose generation is not that of the processor gets a new ASID",
            "0 is the generation of no processor",
            "a processor is one of those that the kernel is built for",
        ),
        vendors=(Vendor.AMD,),
        state=several(_moved),
        catches=(Catch("moved-down-keeps-asid", "asid-kept"),),
    ),
    Theorem(
        name="flush.tag",
        claim="A flush of what KVM's tables translate makes the processor forget what it has cached of the root in "
        "use. It is told by the very EPTP that VM entry has: another one is refused, or means other tables. "
        "Without EPT, and for what the guest's tables translate, it forgets what has the VPID in use, that of "
        "L2 while L2 runs with one of its own.",
        source="SDM 31.4.1, 31.4.3.1; SDM vol. 3, INVEPT",
        assumes=(
            "the EPTP of VM entry is that of the root: role.eptp",
            "vmcs02 has the VPID that KVM has for L2, if L1 gives L2 one",
        ),
        vendors=(Vendor.INTEL,),
        state=several(_of_tag),
        catches=(
            Catch("flush-ept-by-vpid", "other-tag"),
            Catch("flush-vpid-of-l1", "other-tag"),
            Catch("flush-ept-by-address", "other-tag"),
        ),
    ),
    Theorem(
        name="flush.guest",
        claim="When a guest flushes all of its translations, each root that shadows its tables is synchronized, those "
        "that the vCPU had before too, and then the processor is told.",
        source="SDM 5.10.4.1; APM 5.5.2; KVM's comment in kvm_vcpu_flush_tlb_guest()",
        state=alone(_of_guest),
        catches=(Catch("flush-guest-leaves-kept-roots", "root-left"),),
    ),
)
