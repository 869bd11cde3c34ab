"""The CPU role of Linux 7.2: which bit of ``union kvm_cpu_role`` means what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mmuproof.model.roles import RoleField
from mmuproof.model.walks import WalkKind
from mmuproof.smt.terms import BitVec, Bool, bit, bv, concat, extract, to_bv, zext

CPU_ROLE_BITS = 64
PAGE_ROLE_BITS = 32


CPU_ROLE = (
    # union kvm_mmu_page_role, the base role.
    RoleField("level", 0, 4),
    RoleField("has_4_byte_gpte", 4),
    RoleField("quadrant", 5, 2),
    RoleField("direct", 7),
    RoleField("access", 8, 4),
    RoleField("invalid", 12),
    RoleField("efer_nx", 13),
    RoleField("cr0_wp", 14),
    RoleField("smap_andnot_wp", 15),
    RoleField("ad_disabled", 16),
    RoleField("guest_mode", 17),
    RoleField("passthrough", 18),
    RoleField("is_mirror", 19),
    RoleField("cr4_smep", 20),
    RoleField("smm", 24, 8),
    # union kvm_mmu_extended_role.
    RoleField("valid", 32),
    RoleField("execonly", 33),
    RoleField("cr4_pse", 34),
    RoleField("cr4_pke", 35),
    RoleField("cr4_smap", 36),
    RoleField("cr4_la57", 37),
    RoleField("efer_lma", 38),
    RoleField("has_pferr_fetch", 39),
)
_BY_NAME = {field.name: field for field in CPU_ROLE}


def role_field(name: str) -> RoleField:
    """A member of the role by its name."""
    return _BY_NAME[name]


def role_value(role: BitVec, name: str) -> BitVec:
    """A member of a CPU role, or of a page role if it is one of the base."""
    field = _BY_NAME[name]
    return extract(role, field.low + field.width - 1, field.low)


def role_flag(role: BitVec, name: str) -> Bool:
    """A member of one bit."""
    return bit(role, _BY_NAME[name].low)


def with_role_flag(role: BitVec, name: str, value: Bool) -> BitVec:
    """The role with a member of one bit set to a value."""
    low = _BY_NAME[name].low
    return concat(extract(role, role.width - 1, low + 1), to_bv(value), extract(role, low - 1, 0))


def role_of(members: Mapping[str, Bool | BitVec], width: int) -> BitVec:
    """The role with these members, and 0 for all others; the first 32 bits are the base role."""
    role = bv(0, width)
    for field in CPU_ROLE:
        if field.low < width and field.name in members:
            value = members[field.name]
            value = to_bv(value) if isinstance(value, Bool) else value
            role |= zext(value, width) << field.low
    return role


@dataclass(frozen=True, kw_only=True)
class Mmu:
    """``struct kvm_mmu``, as far as permissions depend on it; ``vcpu`` and ``prefix`` name free inputs.

    Attributes:
        kind: whose page tables it walks.
        vcpu: the vCPU's name.
        prefix: what a member's name is preceded by.
        cpu_role: 64 bits.
        root_role: the role of its shadow pages, 32 bits.
    """

    kind: WalkKind
    vcpu: str
    prefix: str
    cpu_role: BitVec
    root_role: BitVec

    @property
    def is_guest_mmu(self) -> bool:
        """Whether this is ``vcpu->arch.guest_mmu``, which shadows L1's nested page tables."""
        return self.kind is not WalkKind.GUEST
