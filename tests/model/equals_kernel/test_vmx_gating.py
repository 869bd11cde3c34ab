"""What the reference model says of MBEC on its way to L2 is what Linux 7.2.13's C does.

The model leaves open what neither MBEC nor EPT depends on: for each such input of its, a test says what the code has
there.
"""

from __future__ import annotations

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.vmx_gating import Controls, OfferedToL1
from mmuproof.smt.terms import FALSE, Term, bit, bool_var, bv, iff, var
from tests.model.equality import Both, can_hold, prove, prove_equal

pytestmark = pytest.mark.kernel

_ACTIVATE = 31
_SECONDARY, _CAPABILITY = var("secondary", 32), var("capability", 32)
_ASKED, _ENABLE_EPT, _ENABLE_MBEC = bool_var("asked for"), bool_var("ept"), bool_var("mbec")
_VMCS01, _VMCS12 = (Controls(var(f"{name} primary", 32), var(f"{name} secondary", 32)) for name in ("01", "12"))
_OTHER_CONTROLS, _OTHER_CAPABILITIES = var("other secondary controls", 32), var("other capabilities of EPT", 32)

# The code's input, not what it makes of it: a result in the place of an input of its own would say nothing.
_AD_BITS_WANTED = bool_var("enable_ept_ad_bits")


def others(theirs: OfferedToL1) -> dict[Term, Term]:
    """What else L1 is offered, and two settings that the code keeps as numbers."""
    return {
        _OTHER_CONTROLS: theirs.secondary,
        _OTHER_CAPABILITIES: theirs.ept_capability,
        **{bool_var(name): bit(var(name, 1), 0) for name in ("enable_ept", "enable_ept_ad_bits")},
    }


def test_setup_vmcs_config(both: Both) -> None:
    mine, theirs = (kvm.vmx_gating.setup_vmcs_config() for kvm in both)
    assert can_hold(theirs.succeeds)
    prove_equal(mine, theirs, stands_for={mine.succeeds: theirs.succeeds, _OTHER_CONTROLS: theirs.secondary})


def test_hardware_setup(both: Both) -> None:
    mine, theirs = (kvm.vmx_gating.hardware_setup(_SECONDARY, _ASKED) for kvm in both)
    assert can_hold(theirs.succeeds)
    prove_equal(
        mine,
        theirs,
        stands_for={
            mine.succeeds: theirs.succeeds,
            bool_var("EPT can be used"): theirs.enable_ept,
            bool_var("enable_ept"): theirs.enable_ept,
        },
        partial={CheckKind.WARN},
    )


def test_ept_use(both: Both) -> None:
    mine, theirs = (kvm.vmx_gating.ept_use() for kvm in both)
    prove_equal(
        mine,
        theirs,
        stands_for={
            mine.configures: theirs.configures,
            mine.with_ept: theirs.with_ept,
            _AD_BITS_WANTED: bit(var("enable_ept_ad_bits", 1), 0),
            mine.ept_capability: theirs.ept_capability,
        },
        partial={CheckKind.WARN},
    )


def test_setup_secondary_ctls(both: Both) -> None:
    mine, theirs = (
        kvm.vmx_gating.setup_secondary_ctls(_ENABLE_EPT, _ENABLE_MBEC, _SECONDARY, _CAPABILITY) for kvm in both
    )
    prove_equal(mine, theirs, stands_for=others(theirs))


def test_offered_ept_capability(both: Both) -> None:
    mine, theirs = (kvm.vmx_gating.offered_ept_capability(_CAPABILITY, _ASKED) for kvm in both)
    prove_equal(mine, theirs, stands_for={**others(theirs), mine.secondary: theirs.secondary})


def test_nested_ept_set_up(both: Both) -> None:
    mine, theirs = (kvm.vmx_gating.nested_ept_set_up() for kvm in both)
    prove_equal(mine, theirs, stands_for={mine.offered: theirs.offered, mine.eptp: theirs.eptp})


def test_check_vm_execution_controls(both: Both) -> None:
    mine, theirs = (kvm.vmx_gating.check_vm_execution_controls(_VMCS12, var("offered", 32)) for kvm in both)
    another: dict[Term, Term] = {bool_var("another check of VM entry fails"): theirs.fails}
    prove_equal(mine, theirs, stands_for=another, partial={CheckKind.WARN})
    assert can_hold(~both.lifted.vmx_gating.check_vm_execution_controls(_VMCS12, bv(-1, 32)).fails)


def test_check_mbec_controls(both: Both) -> None:
    prove_equal(*(kvm.vmx_gating.check_mbec_controls(_VMCS12) for kvm in both))


def test_prepare_vmcs02_early(both: Both) -> None:
    mine, theirs = (kvm.vmx_gating.prepare_vmcs02_early(_VMCS01, _VMCS12) for kvm in both)
    prove_equal(
        mine,
        theirs,
        stands_for={_OTHER_CONTROLS: theirs.controls.secondary},
        # Of the primary controls the model knows whether they activate the secondary ones.
        where={"controls.primary": FALSE},
    )
    prove(iff(*(bit(each.controls.primary, _ACTIVATE) for each in (mine, theirs))))


def test_new_eptp(both: Both) -> None:
    prove_equal(*(kvm.vmx_gating.new_eptp(_VMCS12) for kvm in both))


def test_evmcs_filter(both: Both) -> None:
    prove_equal(*(kvm.vmx_gating.evmcs_filter(var("data", 64)) for kvm in both))


def test_evmcs_check(both: Both) -> None:
    mine, theirs = (kvm.vmx_gating.evmcs_check(_VMCS12) for kvm in both)
    assert can_hold(~theirs.fails)
    another: dict[Term, Term] = {bool_var("another control is not for enlightened VMCSs"): theirs.fails}
    prove_equal(mine, theirs, stands_for=another, partial={CheckKind.WARN})
