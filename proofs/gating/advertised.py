"""What L1 is offered of MBEC, GMET and EPT, and what KVM itself counts on: what is on, and what the processor has."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given, never
from mmuproof.proofs.gating.mbec import CONTROL_FLAGS
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, all_of, any_of, bit, bool_var, bv, eq, implies, ne, negate, ult, var
from mmuproof.spec import vmx_controls as vmx

_INFORMED = "where MBEC is on, exits tell user-mode linear addresses from others: gating.mbec-needs-advanced-info"
_NOT_YET = "no common code offers GMET: kvm_initialize_cpu_caps() leaves it clear"


def _advertised(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    return [_mbec(kvm)] if vendor is Vendor.INTEL else [_gmet_setting(kvm), _gmet(kvm)]


def _mbec(kvm: Kvm) -> Claim:
    enable_ept, enable_mbec = bool_var("enable_ept"), bool_var("enable_mbec")
    secondary, capability = var("vmcs_config.cpu_based_2nd_exec_ctrl", 32), var("vmx_capability.ept", 32)
    made = kvm.vmx_gating.setup_secondary_ctls(enable_ept, enable_mbec, secondary, capability)
    offered, on = bit(made.secondary, vmx.MBEC_BIT), all_of(enable_ept, enable_mbec)
    without_ept = all_of(offered, negate(bit(made.secondary, vmx.EPT_BIT)))
    blind = all_of(offered, negate(vmx.advanced_information(made.ept_capability)))
    extra, withheld = all_of(offered, negate(on)), all_of(on, negate(offered))
    return never(
        given(
            Assumption(_INFORMED, implies(enable_mbec, vmx.advanced_information(capability))),
            shown=(
                Shown("enable_ept", enable_ept),
                Shown("enable_mbec", enable_mbec),
                Shown("vmx_capability.ept", capability),
                Shown("secondary_ctls_high", made.secondary, CONTROL_FLAGS, NumberKind.SECONDARY_CONTROLS),
            ),
            evidence=made.evidence,
        ),
        Wrong("offered-while-off", extra, "L1 is offered MBEC although KVM has it off.").told(
            "MBEC is offered", "SDM A.3.3: the control may be 1, and then has to work"
        ),
        Wrong("withheld", withheld, "L1 is not offered MBEC although KVM has it on.").told(
            "MBEC is not offered", "KVM: mbec=1 offers it"
        ),
        Wrong("offered-without-ept", without_ept, "L1 is offered MBEC and no EPT.").told(
            "MBEC is offered", "SDM 29.2.1.1: no VM entry with MBEC can succeed"
        ),
        Wrong(
            "offered-without-advanced-info",
            blind,
            "L1 is offered MBEC, and not told that exits tell user-mode linear addresses from others.",
        ).told("IA32_VMX_EPT_VPID_CAP bit 22 is clear", "SDM A.10: L1 may not look at exit qualification bits 9 to 11"),
    )


def _ept_use(kvm: Kvm, _vendor: Vendor) -> Claim:
    use = kvm.vmx_gating.ept_use()

    def lacks(number: int) -> Bool:
        return negate(bit(use.ept_capability, number))

    flags = all_of(use.sets_masks, use.with_ad_bits, lacks(vmx.ACCESSED_DIRTY_BIT))
    execute_only = all_of(use.sets_masks, use.with_execute_only, lacks(vmx.EXECUTE_ONLY_BIT))
    level = use.largest_page
    pages = all_of(
        use.configures,
        use.with_ept,
        any_of(
            all_of(eq(level, 2), lacks(vmx.PAGES_2M_BIT)),
            all_of(eq(level, 3), lacks(vmx.PAGES_1G_BIT)),
            ult(bv(3, 32), level),
        ),
    )
    format_ = all_of(use.configures, use.with_ept ^ use.sets_masks)
    return never(
        given(
            shown=(Shown("vmx_capability.ept", use.ept_capability), Shown("largest page", level)), evidence=use.evidence
        ),
        Wrong(
            "flags-of-no-processor",
            flags,
            "KVM takes the processor to keep accessed and dirty flags in EPT, and it does not.",
        ).told("kvm_mmu_set_ept_masks() is told so", "SDM A.10: bit 21"),
        Wrong(
            "execute-only-of-no-processor",
            execute_only,
            "KVM takes the processor to have execute-only translations, and it does not.",
        ).told("kvm_mmu_set_ept_masks() is told so", "SDM A.10: bit 0"),
        Wrong("pages-of-no-processor", pages, "KVM maps larger pages than the processor's EPT can.").told(
            "kvm_configure_mmu() is told so", "SDM A.10: bits 16 and 17"
        ),
        Wrong(
            "another-format", format_, "The masks are those of EPT and the MMU is without, or the other way round."
        ).told("kvm_mmu_set_ept_masks() against kvm_configure_mmu()", "KVM: EPT is on or off"),
    )


def _nested_ept(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.vmx_gating.nested_ept_set_up()
    execute_only = made.execute_only ^ bit(made.offered, vmx.EXECUTE_ONLY_BIT)
    level = made.largest_page
    large, larger = (bit(made.offered, number) for number in (vmx.PAGES_2M_BIT, vmx.PAGES_1G_BIT))
    pages = any_of(
        eq(level, 3) ^ larger, eq(level, 2) ^ all_of(large, negate(larger)), eq(level, 0), ult(bv(3, 32), level)
    )
    flags = made.accessed_dirty ^ bit(made.eptp, vmx.EPTP_ACCESSED_DIRTY_BIT)
    return never(
        given(
            shown=(
                Shown("offered", made.offered),
                Shown("largest page", level),
                Shown("vmcs12.ept_pointer", made.eptp),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "execute-only-against-the-offer",
            execute_only,
            "L1's EPT is judged as if execute-only "
            "translations were offered to L1, and they are not, or the other way round.",
        ).told("another execonly", "SDM A.10: bit 0 of what L1 reads"),
        Wrong(
            "pages-against-the-offer", pages, "L1's EPT is judged as if L1 were offered other page sizes than it is."
        ).told("another huge_page_level", "SDM A.10: bits 16 and 17 of what L1 reads"),
        Wrong(
            "flags-against-eptp",
            flags,
            "L1's EPT is taken to have accessed and dirty flags, and has none, or the other way round.",
        ).told("another accessed_dirty", "SDM 27.6.11: bit 6 of EPTP"),
        Wrong("another-eptp", ne(made.told_eptp, made.eptp), "L2 is run on another EPT than L1's.").told(
            "another EPTP", "SDM 27.6.11: EPTP of vmcs12"
        ),
    )


_OF_THE_PROCESSOR = (
    (vmx.EXECUTE_ONLY_BIT, "execute-only translations"),
    (vmx.FOUR_LEVELS_BIT, "tables of four levels"),
    (vmx.FIVE_LEVELS_BIT, "tables of five levels"),
    (vmx.ACCESSED_DIRTY_BIT, "accessed and dirty flags"),
    (vmx.ADVANCED_INFORMATION_BIT, "advanced information on exits"),
)
_FLAGS_ARE_THERE = "enable_ept_ad_bits is set only if the processor has the flags: gating.ept-use"


def _ept_capabilities(kvm: Kvm, _vendor: Vendor) -> Claim:
    has, ad_bits = var("vmx_capability.ept", 32), bool_var("enable_ept_ad_bits")
    made = kvm.vmx_gating.offered_ept_capability(has, ad_bits)
    invented = [
        (all_of(bit(made.ept_capability, number), negate(bit(has, number))), what) for number, what in _OF_THE_PROCESSOR
    ]
    return always(
        negate(any_of(*(when for when, _ in invented))),
        given(
            Assumption(_FLAGS_ARE_THERE, implies(ad_bits, bit(has, vmx.ACCESSED_DIRTY_BIT))),
            shown=(Shown("vmx_capability.ept", has), Shown("offered", made.ept_capability)),
            evidence=made.evidence,
        ),
        *(
            Wrong("not-the-processors", when, f"L1 is offered {what}, which the processor does not have.").told(
                "the bit is set", "SDM A.10: what the bit promises has to work, through SPTEs of KVM's as well"
            )
            for when, what in invented
        ),
    )


def _gmet_setting(kvm: Kvm) -> Claim:
    asked_for = bool_var("gmet module parameter")
    made = kvm.svm_gating.hardware_setup(asked_for)
    possible = all_of(asked_for, made.npt_enabled, made.has_gmet)
    on, off = all_of(made.gmet_enabled, negate(possible)), all_of(possible, negate(made.gmet_enabled))
    return never(
        given(
            Assumption("svm_hardware_setup() succeeds: the module is not loaded otherwise", made.succeeds),
            shown=(
                Shown("gmet module parameter", asked_for),
                Shown("npt_enabled", made.npt_enabled),
                Shown("boot_cpu_has(GMET)", made.has_gmet),
            ),
            evidence=made.evidence,
            part="setting",
        ),
        Wrong(
            "gmet-on",
            on,
            "gmet_enabled is set although GMET is not asked for, the processor has none, or nested paging is off.",
        ).told("gmet_enabled is set", "APM 15.25.13: GMET is part of nested paging, CPUID 8000_000A EDX[17]"),
        Wrong("gmet-off", off, "gmet_enabled is clear although GMET is asked for and possible.").told(
            "gmet_enabled is clear", "KVM: the module's parameter asks for it"
        ),
    )


def _gmet(kvm: Kvm) -> Claim:
    nested, enabled = bool_var("nested"), bool_var("gmet_enabled")
    made = kvm.svm_gating.set_cpu_caps(nested, enabled)
    on = all_of(nested, enabled)
    extra, withheld = all_of(made.gmet, negate(on)), all_of(on, negate(made.gmet))
    return never(
        given(
            Assumption(_NOT_YET, negate(made.before)),
            shown=(Shown("nested", nested), Shown("gmet_enabled", enabled)),
            evidence=made.evidence,
            part="what guests may have",
        ),
        Wrong(
            "offered-while-off", extra, "Guests may have GMET although KVM has it, or nested virtualization, off."
        ).told("GMET is offered", "APM 15.25.13: a processor that says so has GMET"),
        Wrong("withheld", withheld, "Guests may not have GMET although KVM has it on.").told(
            "GMET is not offered", "KVM: gmet=1 offers it"
        ),
    )


THEOREMS = (
    Theorem(
        name="gating.advertised-only-when-on",
        claim="L1 is offered MBEC exactly if KVM has MBEC and EPT on, and with it EPT and advanced information. "
        "It is offered GMET exactly if KVM has GMET on, which takes nested paging and a processor with "
        "GMET.",
        source="SDM 29.2.1.1, A.3.3, A.10; APM 15.25.13",
        assumes=(_INFORMED, _NOT_YET, "svm_hardware_setup() succeeds: the module is not loaded otherwise"),
        vendors=(Vendor.INTEL, Vendor.AMD),
        needs=(Need(Feature.MBEC, (Vendor.INTEL,)), Need(Feature.GMET, (Vendor.AMD,))),
        state=_advertised,
        catches=(
            Catch("mbec-offered-while-off", "offered-while-off"),
            Catch("advanced-info-not-offered", "offered-without-advanced-info"),
            Catch("gmet-offered-while-off", "offered-while-off"),
            Catch("gmet-on-without-npt", "gmet-on"),
        ),
    ),
    Theorem(
        name="gating.ept-capabilities",
        claim="Of execute-only translations, tables of 4 and 5 levels, accessed and dirty flags, and advanced "
        "information on exits L1 is offered nothing that the processor does not have.",
        source="SDM A.10",
        assumes=(_FLAGS_ARE_THERE,),
        vendors=(Vendor.INTEL,),
        state=alone(_ept_capabilities),
        catches=showing("not-the-processors", "ept-capabilities-unmasked", "ept-flags-offered"),
    ),
    Theorem(
        name="gating.ept-use",
        claim="KVM counts on accessed and dirty flags, execute-only translations and huge pages of EPT only where the "
        "processor has them, and has the masks of EPT exactly if EPT is on.",
        source="SDM A.10",
        vendors=(Vendor.INTEL,),
        state=alone(_ept_use),
        catches=(
            Catch("ept-flags-always", "flags-of-no-processor"),
            Catch("ept-1g-pages-always", "pages-of-no-processor"),
        ),
    ),
    Theorem(
        name="gating.nested-ept",
        claim="The MMU that shadows L1's EPT is told of execute-only translations and huge pages what L1 has been "
        "offered, and of accessed and dirty flags and the root what EPTP says.",
        source="SDM A.10, 27.6.11",
        vendors=(Vendor.INTEL,),
        state=alone(_nested_ept),
        catches=(Catch("nested-ept-of-the-processors", "execute-only-against-the-offer"),),
    ),
)
