"""The reference model's roles are those of Linux 7.2.13's C."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.roles import Roles
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import any_of, bool_var, negate, var
from tests.model.equality import Both, prove_equal
from tests.model.equals_kernel.requests import request

pytestmark = pytest.mark.kernel

_SET_UPS = [
    (MmuKind.TDP, Vendor.INTEL),
    (MmuKind.TDP, Vendor.AMD),
    (MmuKind.SHADOW, Vendor.SHADOW),
    (MmuKind.L2, Vendor.INTEL),
    (MmuKind.NESTED_EPT, Vendor.INTEL),
    (MmuKind.NESTED_NPT, Vendor.AMD),
]
_OPERATIONS: dict[str, Callable[[Roles], object]] = {
    "child_role": lambda roles: roles.child_role(bool_var("direct"), var("access", 32)),
    "tdp_child_role": lambda roles: roles.tdp_child_role(),
    "alloc_root": lambda roles: roles.alloc_root(var("level", 8), var("quadrant", 32)),
    "direct_map": lambda roles: roles.direct_map(),
    "tdp_map": lambda roles: roles.tdp_map(),
}


def test_the_members_of_a_role_are_where_the_kernel_has_them(both: Both) -> None:
    mine, theirs = (sorted(kvm.roles.layout(), key=lambda each: each.low) for kvm in both)
    assert mine == theirs


@pytest.mark.parametrize("world", ["", "another"])
@pytest.mark.parametrize(("kind", "vendor"), _SET_UPS, ids=lambda value: value.name)
def test_set_up(both: Both, kind: MmuKind, vendor: Vendor, world: str) -> None:
    mine, theirs = (
        kvm.roles.set_up(kind, request("earlier"), request("now"), kvm.masks.shadow_masks(vendor), world=world)
        for kvm in both
    )
    prove_equal(mine, theirs)


@pytest.mark.parametrize("name", _OPERATIONS)
def test_the_operation(both: Both, name: str) -> None:
    # What the code asserts of a page's hash table, and of the walk that maps, the model leaves out.
    partial = {"alloc_root": {CheckKind.BUG}, "direct_map": {CheckKind.WARN}, "tdp_map": {CheckKind.WARN}}
    prove_equal(*(_OPERATIONS[name](kvm.roles) for kvm in both), partial=partial.get(name, ()))


@pytest.mark.parametrize("name", ["tdp", "shadow"])
def test_the_page_of_a_fault(both: Both, name: str) -> None:
    mine, theirs = (kvm.roles.tdp_page() if name == "tdp" else kvm.roles.shadow_page() for kvm in both)
    reaches = bool_var(f"{mine.caller}() makes an SPTE")
    # The model leaves open when an SPTE is made at all, and leaves out what the code asserts meanwhile.
    prove_equal(
        mine,
        theirs,
        stands_for={
            reaches: any_of(theirs.makes, theirs.makes_mmio),
            bool_var("fault->slot"): negate(bool_var("fault->slot == NULL")),
        },
        partial={CheckKind.WARN},
    )
