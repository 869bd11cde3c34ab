"""GMET on its way to L2: only if L1 may use it, and as the pages need it that L2 runs on."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone, several
from mmuproof.smt.terms import BitVec, all_of, any_of, bit, bool_var, ne, negate, var
from mmuproof.spec import svm_controls as svm

_FLAGS = ((svm.NESTED_PAGING_BIT, "NP"), (svm.GMET_BIT, "GMET"))


def _misc_ctl(name: str, value: BitVec) -> Shown:
    return Shown(f"{name}.misc_ctl", value, _FLAGS)


def _cache(kvm: Kvm, _vendor: Vendor) -> Claim:
    misc_ctl, enabled = var("vmcb12.misc_ctl", 64), bool_var("gmet_enabled")
    made = kvm.svm_gating.copy_vmcb_control_to_cache(misc_ctl, enabled)
    has = bit(made.misc_ctl, svm.GMET_BIT)
    # What a processor does that L1 takes itself to run on; without GMET in KVM there is none to be had.
    wanted = all_of(enabled, made.guest_has_gmet, bit(misc_ctl, svm.GMET_BIT))
    kept, lost = all_of(has, negate(wanted)), all_of(wanted, negate(has))
    pages = svm.nested_paging(made.misc_ctl) ^ all_of(made.guest_has_npt, svm.nested_paging(misc_ctl))
    return always(
        negate(any_of(kept, lost, pages)),
        given(
            shown=(
                Shown("gmet_enabled", enabled),
                Shown("guest_cpu_cap_has(GMET)", made.guest_has_gmet),
                Shown("guest_cpu_cap_has(NPT)", made.guest_has_npt),
                _misc_ctl("vmcb12", misc_ctl),
                _misc_ctl("cached vmcb12", made.misc_ctl),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "nested-paging",
            pages,
            "The cached VMCB 12 has nested paging on although L1 may not use it, or off although it may and does.",
        ).told("another NP", "APM 15.25.3: the bit turns nested paging on"),
        Wrong("gmet-kept", kept, "The cached VMCB 12 has GMET on although L1 may not use it.").told(
            "GMET is on", "APM 15.25.13: a processor without GMET ignores the bit"
        ),
        Wrong("gmet-lost", lost, "The cached VMCB 12 has GMET off although L1 may use it and does.").told(
            "GMET is off", "APM 15.25.13: the bit turns GMET on"
        ),
    )


def _vmcb02(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    vmcb01, cached = var("vmcb01.misc_ctl", 64), var("cached vmcb12.misc_ctl", 64)
    made = kvm.svm_gating.vmcb02_prepare_control(vmcb01, cached)
    on_npt12 = svm.nested_paging(cached)
    has, of_l1, of_l2 = (bit(each, svm.GMET_BIT) for each in (made.misc_ctl, vmcb01, cached))
    off_l2, off_l1 = all_of(on_npt12, has ^ of_l2), all_of(negate(on_npt12), has ^ of_l1)
    unshadowed = made.shadows ^ on_npt12
    told = all_of(made.shadows, bit(made.shadow_misc_ctl, svm.GMET_BIT) ^ has)
    foreign = any_of(
        svm.nested_paging(made.misc_ctl) ^ svm.nested_paging(vmcb01), ne(made.misc_ctl & svm.OTHER_FEATURES, 0)
    )
    format_ = all_of(made.shadows, any_of(ne(made.shadow_cr4, made.l1_cr4), ne(made.shadow_efer, made.l1_efer)))
    shown = (_misc_ctl("vmcb01", vmcb01), _misc_ctl("cached vmcb12", cached), _misc_ctl("vmcb02", made.misc_ctl))
    yield always(
        negate(any_of(off_l2, off_l1, foreign)),
        given(shown=shown, evidence=made.evidence, part="vmcb02"),
        Wrong("another-feature", foreign, "L2 runs with a feature that neither KVM uses nor L1 may.").told(
            "nested paging, or a bit besides it and GMET, differs",
            "APM 15.25.3, appendix B: each bit turns a feature on",
        ),
        Wrong("gmet-not-l2s", off_l2, "L2 runs on L1's nested page tables with another GMET than vmcb12 has.").told(
            "another GMET", "APM 15.25.13: vmcb12 says whether GMET is on for L2"
        ),
        Wrong("gmet-not-l1s", off_l1, "L2 runs on the pages that KVM has for L1 with another GMET than L1.").told(
            "another GMET", "APM 15.25.13: with GMET these pages are supervisor pages, and L2 needs GMET to use them"
        ),
    )
    yield always(
        negate(any_of(unshadowed, told, format_)),
        given(
            shown=(*shown, Shown("L1's CR4", made.l1_cr4), Shown("L1's EFER", made.l1_efer)),
            evidence=made.evidence,
            part="the MMU",
        ),
        Wrong(
            "another-format",
            format_,
            "The MMU that shadows L1's nested page tables is told another CR4 or EFER than L1's.",
        ).told("another CR4 or EFER", "APM 15.25.4: nested page tables have the format of the paging mode at VMRUN"),
        Wrong(
            "wrong-pages",
            unshadowed,
            "L1's nested page tables are shadowed although it has none, or are not although it has.",
        ).told("other pages", "APM 15.25.3: vmcb12 says whether there are any"),
        Wrong(
            "mmu-disagrees", told, "The MMU that shadows L1's nested page tables is told another GMET than vmcb02 has."
        ).told("another GMET", "APM 15.25.13: one GMET for the pages and who uses them"),
    )


THEOREMS = (
    Theorem(
        name="gating.vmcb12-cache",
        claim="The cached VMCB 12 has GMET on exactly if L1 turns it on, KVM uses GMET, and L1 was given GMET "
        "in its CPUID. It has nested paging on exactly if L1 turns it on and was given it.",
        source="APM 15.25.13",
        vendors=(Vendor.AMD,),
        needs=(Need(Feature.GMET),),
        state=alone(_cache),
        catches=(Catch("cached-gmet-kept", "gmet-kept"), Catch("cached-nested-paging-kept", "nested-paging")),
    ),
    Theorem(
        name="gating.vmcb02",
        claim="The VMCB that L2 runs with has the GMET of the pages in use: that of vmcb12 on L1's nested page "
        "tables, and that of vmcb01 on the pages that KVM has for L1. The MMU is told the same, and L1's CR4 "
        "and EFER.",
        source="APM 15.25.3, 15.25.13; KVM's comment in nested_vmcb02_prepare_control()",
        vendors=(Vendor.AMD,),
        needs=(Need(Feature.GMET),),
        state=several(_vmcb02),
        catches=(
            Catch("vmcb02-inherits-gmet", "gmet-not-l2s"),
            Catch("vmcb02-without-l1s-gmet", "gmet-not-l1s"),
            Catch("vmcb02-has-all-of-vmcb12", "another-feature"),
            Catch("nested-npt-of-l2s-cr4", "another-format"),
        ),
    ),
)
