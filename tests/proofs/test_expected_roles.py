"""A role's member of a name that no released kernel has is no mistake of KVM's: it is not known what it says."""

from __future__ import annotations

import pytest

from mmuproof.model.kvm import NotThere
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reserved_bits import MmuKind
from mmuproof.model.roles import KNOWN_MEMBERS, MmuRoles
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.expected_roles import RoleMember, asked, judged, roles_now
from mmuproof.smt.terms import TRUE, bv


@pytest.fixture(scope="module")
def roles() -> MmuRoles:
    return roles_now(ReferenceKvm(), Vendor.SHADOW, MmuKind.SHADOW, asked("now"))


def test_a_member_of_another_name_is_lost_with_what_is_missing(roles: MmuRoles) -> None:
    wanted = RoleMember("entry-size", "has_4_byte_gpte", TRUE).tells("what it says", "a manual")
    members = {"gpte_is_4_bytes": bv(1, 1), "direct": bv(0, 1)}
    with pytest.raises(NotThere) as lost:
        judged("cpu_role", members, (wanted,), part="", roles=roles)
    assert lost.value.names == ("what cpu_role.gpte_is_4_bytes says, which has no has_4_byte_gpte",)


def test_what_the_reference_model_has_is_known(roles: MmuRoles) -> None:
    assert roles.root is not None
    assert {*roles.cpu, *roles.root} <= KNOWN_MEMBERS
