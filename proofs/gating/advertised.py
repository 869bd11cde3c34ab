"""What L1 is offered of MBEC, GMET and EPT, and what KVM itself counts on: what is on, and what the processor has."""

from __future__ import annotations

from collections.abc import Sequence

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Case, Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.gating.mbec import CONTROL_FLAGS
from mmuproof.proofs.theorem import Catch, Claim, Theorem
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
    return Claim(
        holds=negate(any_of(extra, withheld, without_ept, blind)),
        symptoms=(
            Symptom(
                name="offered-while-off",
                when=extra,
                sentence="L1 is offered MBEC although KVM has it off.",
                actual="MBEC is offered",
                expected="SDM A.3.3: the control may be 1, and then has to work",
            ),
            Symptom(
                name="withheld",
                when=withheld,
                sentence="L1 is not offered MBEC although KVM has it on.",
                actual="MBEC is not offered",
                expected="KVM: mbec=1 offers it",
            ),
            Symptom(
                name="offered-without-ept",
                when=without_ept,
                sentence="L1 is offered MBEC and no EPT.",
                actual="MBEC is offered",
                expected="SDM 29.2.1.1: no VM entry with MBEC can succeed",
            ),
            Symptom(
                name="offered-without-advanced-info",
                when=blind,
                sentence="L1 is offered MBEC, and not told that exits tell user-mode linear addresses from others.",
                actual="IA32_VMX_EPT_VPID_CAP bit 22 is clear",
                expected="SDM A.10: L1 may not look at exit qualification bits 9 to 11",
            ),
        ),
        case=Case(
            assumptions=(Assumption(_INFORMED, implies(enable_mbec, vmx.advanced_information(capability))),),
            shown=(
                Shown("enable_ept", enable_ept),
                Shown("enable_mbec", enable_mbec),
                Shown("vmx_capability.ept", capability),
                Shown("secondary_ctls_high", made.secondary, CONTROL_FLAGS),
            ),
            evidence=made.evidence,
        ),
    )


def _ept_use(kvm: Kvm, _vendor: Vendor) -> Sequence[Claim]:
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
    return [
        Claim(
            holds=negate(any_of(flags, execute_only, pages, format_)),
            symptoms=(
                Symptom(
                    name="flags-of-no-processor",
                    when=flags,
                    sentence="KVM takes the processor to keep accessed and dirty flags in EPT, and it does not.",
                    actual="kvm_mmu_set_ept_masks() is told so",
                    expected="SDM A.10: bit 21",
                ),
                Symptom(
                    name="execute-only-of-no-processor",
                    when=execute_only,
                    sentence="KVM takes the processor to have execute-only translations, and it does not.",
                    actual="kvm_mmu_set_ept_masks() is told so",
                    expected="SDM A.10: bit 0",
                ),
                Symptom(
                    name="pages-of-no-processor",
                    when=pages,
                    sentence="KVM maps larger pages than the processor's EPT can.",
                    actual="kvm_configure_mmu() is told so",
                    expected="SDM A.10: bits 16 and 17",
                ),
                Symptom(
                    name="another-format",
                    when=format_,
                    sentence="The masks are those of EPT and the MMU is without, or the other way round.",
                    actual="kvm_mmu_set_ept_masks() against kvm_configure_mmu()",
                    expected="KVM: EPT is on or off",
                ),
            ),
            case=Case(
                assumptions=(),
                shown=(Shown("vmx_capability.ept", use.ept_capability), Shown("largest page", level)),
                evidence=use.evidence,
            ),
        )
    ]


def _nested_ept(kvm: Kvm, _vendor: Vendor) -> Sequence[Claim]:
    made = kvm.vmx_gating.nested_ept_set_up()
    execute_only = made.execute_only ^ bit(made.offered, vmx.EXECUTE_ONLY_BIT)
    level = made.largest_page
    large, larger = (bit(made.offered, number) for number in (vmx.PAGES_2M_BIT, vmx.PAGES_1G_BIT))
    pages = any_of(
        eq(level, 3) ^ larger, eq(level, 2) ^ all_of(large, negate(larger)), eq(level, 0), ult(bv(3, 32), level)
    )
    flags = made.accessed_dirty ^ bit(made.eptp, vmx.EPTP_ACCESSED_DIRTY_BIT)
    return [
        Claim(
            holds=negate(any_of(execute_only, pages, flags, ne(made.told_eptp, made.eptp))),
            symptoms=(
                Symptom(
                    name="execute-only-against-the-offer",
                    when=execute_only,
                    sentence="L1's EPT is judged as if execute-only "
                    "translations were offered to L1, and they are not, or the other way round.",
                    actual="another execonly",
                    expected="SDM A.10: bit 0 of what L1 reads",
                ),
                Symptom(
                    name="pages-against-the-offer",
                    when=pages,
                    sentence="L1's EPT is judged as if L1 were offered other page sizes than it is.",
                    actual="another huge_page_level",
                    expected="SDM A.10: bits 16 and 17 of what L1 reads",
                ),
                Symptom(
                    name="flags-against-eptp",
                    when=flags,
                    sentence="L1's EPT is taken to have accessed and dirty flags, and has none, or "
                    "the other way round.",
                    actual="another accessed_dirty",
                    expected="SDM 27.6.11: bit 6 of EPTP",
                ),
                Symptom(
                    name="another-eptp",
                    when=ne(made.told_eptp, made.eptp),
                    sentence="L2 is run on another EPT than L1's.",
                    actual="another EPTP",
                    expected="SDM 27.6.11: EPTP of vmcs12",
                ),
            ),
            case=Case(
                assumptions=(),
                shown=(
                    Shown("offered", made.offered),
                    Shown("largest page", level),
                    Shown("vmcs12.ept_pointer", made.eptp),
                ),
                evidence=made.evidence,
            ),
        )
    ]


_OF_THE_PROCESSOR = (
    (vmx.EXECUTE_ONLY_BIT, "execute-only translations"),
    (vmx.FOUR_LEVELS_BIT, "tables of four levels"),
    (vmx.FIVE_LEVELS_BIT, "tables of five levels"),
    (vmx.ACCESSED_DIRTY_BIT, "accessed and dirty flags"),
    (vmx.ADVANCED_INFORMATION_BIT, "advanced information on exits"),
)
_FLAGS_ARE_THERE = "enable_ept_ad_bits is set only if the processor has the flags: gating.ept-use"


def _ept_capabilities(kvm: Kvm, _vendor: Vendor) -> Sequence[Claim]:
    has, ad_bits = var("vmx_capability.ept", 32), bool_var("enable_ept_ad_bits")
    made = kvm.vmx_gating.offered_ept_capability(has, ad_bits)
    invented = [
        (all_of(bit(made.ept_capability, number), negate(bit(has, number))), what) for number, what in _OF_THE_PROCESSOR
    ]
    return [
        Claim(
            holds=negate(any_of(*(when for when, _ in invented))),
            symptoms=tuple(
                Symptom(
                    name="not-the-processors",
                    when=when,
                    sentence=f"L1 is offered {what}, which the processor does not have.",
                    actual="the bit is set",
                    expected="SDM A.10: what the bit promises has to work, through SPTEs of KVM's as well",
                )
                for when, what in invented
            ),
            case=Case(
                assumptions=(Assumption(_FLAGS_ARE_THERE, implies(ad_bits, bit(has, vmx.ACCESSED_DIRTY_BIT))),),
                shown=(Shown("vmx_capability.ept", has), Shown("offered", made.ept_capability)),
                evidence=made.evidence,
            ),
        )
    ]


def _gmet_setting(kvm: Kvm) -> Claim:
    asked_for = bool_var("gmet module parameter")
    made = kvm.svm_gating.hardware_setup(asked_for)
    possible = all_of(asked_for, made.npt_enabled, made.has_gmet)
    on, off = all_of(made.gmet_enabled, negate(possible)), all_of(possible, negate(made.gmet_enabled))
    return Claim(
        holds=negate(any_of(on, off)),
        symptoms=(
            Symptom(
                name="gmet-on",
                when=on,
                sentence="gmet_enabled is set although GMET is not asked for, the processor has none, or "
                "nested paging is off.",
                actual="gmet_enabled is set",
                expected="APM 15.25.13: GMET is part of nested paging, CPUID 8000_000A EDX[17]",
            ),
            Symptom(
                name="gmet-off",
                when=off,
                sentence="gmet_enabled is clear although GMET is asked for and possible.",
                actual="gmet_enabled is clear",
                expected="KVM: the module's parameter asks for it",
            ),
        ),
        case=Case(
            assumptions=(
                Assumption("svm_hardware_setup() succeeds: the module is not loaded otherwise", made.succeeds),
            ),
            shown=(
                Shown("gmet module parameter", asked_for),
                Shown("npt_enabled", made.npt_enabled),
                Shown("boot_cpu_has(GMET)", made.has_gmet),
            ),
            evidence=made.evidence,
            part="setting",
        ),
    )


def _gmet(kvm: Kvm) -> Claim:
    nested, enabled = bool_var("nested"), bool_var("gmet_enabled")
    made = kvm.svm_gating.set_cpu_caps(nested, enabled)
    on = all_of(nested, enabled)
    extra, withheld = all_of(made.gmet, negate(on)), all_of(on, negate(made.gmet))
    return Claim(
        holds=negate(any_of(extra, withheld)),
        symptoms=(
            Symptom(
                name="offered-while-off",
                when=extra,
                sentence="Guests may have GMET although KVM has it, or nested virtualization, off.",
                actual="GMET is offered",
                expected="APM 15.25.13: a processor that says so has GMET",
            ),
            Symptom(
                name="withheld",
                when=withheld,
                sentence="Guests may not have GMET although KVM has it on.",
                actual="GMET is not offered",
                expected="KVM: gmet=1 offers it",
            ),
        ),
        case=Case(
            assumptions=(Assumption(_NOT_YET, negate(made.before)),),
            shown=(Shown("nested", nested), Shown("gmet_enabled", enabled)),
            evidence=made.evidence,
            part="what guests may have",
        ),
    )


THEOREMS = (
    Theorem(
        name="gating.advertised-only-when-on",
        claim="L1 is offered MBEC exactly if KVM has MBEC and EPT on, and with it EPT and advanced information; it is "
        "offered GMET exactly if KVM has GMET on, which takes nested paging and a processor with GMET.",
        source="SDM 29.2.1.1, A.3.3, A.10; APM 15.25.13",
        assumes=(_INFORMED, _NOT_YET, "svm_hardware_setup() succeeds: the module is not loaded otherwise"),
        vendors=(Vendor.INTEL, Vendor.AMD),
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
        state=_ept_capabilities,
        catches=(
            Catch("ept-capabilities-unmasked", "not-the-processors"),
            Catch("ept-flags-offered", "not-the-processors"),
        ),
    ),
    Theorem(
        name="gating.ept-use",
        claim="KVM counts on accessed and dirty flags, execute-only translations and huge pages of EPT only where the "
        "processor has them, and has the masks of EPT exactly if EPT is on.",
        source="SDM A.10",
        assumes=(),
        vendors=(Vendor.INTEL,),
        state=_ept_use,
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
        assumes=(),
        vendors=(Vendor.INTEL,),
        state=_nested_ept,
        catches=(Catch("nested-ept-of-the-processors", "execute-only-against-the-offer"),),
    ),
)
