"""The reference model's roles are those of Linux 7.2.13's C: each is proved equal to the lifted one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from mmuproof.lift.tree.source import open_source
from mmuproof.model.evidence import CheckKind
from mmuproof.model.kvm import Kvm
from mmuproof.model.lifted.kernel import LiftedKvm, open_kernel
from mmuproof.model.reference.kvm import ReferenceKvm
from mmuproof.model.reserved_bits import MmuKind, MmuRequest
from mmuproof.model.roles import AccessAsked, DirectMapping, MmuRoles, PageMapped
from mmuproof.model.vendor import Vendor
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import TRUE, BitVec, Bool, Term, all_of, bool_var, eq, iff, implies, negate, var

pytestmark = pytest.mark.kernel

_VERSION = "7.2"
_VENDORS = {
    MmuKind.TDP: (Vendor.INTEL, Vendor.AMD),
    MmuKind.SHADOW: (Vendor.SHADOW,),
    MmuKind.L2: (Vendor.INTEL,),
    MmuKind.NESTED_EPT: (Vendor.INTEL,),
    MmuKind.NESTED_NPT: (Vendor.AMD,),
}
_SET_UPS = [(kind, vendor) for kind, vendors in _VENDORS.items() for vendor in vendors]
_INPUTS = ("smm", "guest_mode", "address_width", "forced_level", "max_level", "tdp_has_smep", "ad_enabled")
_MAPPERS = ("direct_map", "tdp_map")


@pytest.fixture(scope="module")
def both(kernel_tree: Callable[[str], Path]) -> Iterator[tuple[ReferenceKvm, LiftedKvm]]:
    with open_source(str(kernel_tree(_VERSION))) as tree, open_kernel(tree) as lifted:
        yield ReferenceKvm(), lifted


def prove(claim: Bool, *assumptions: Bool) -> None:
    answer = decide(Obligation(tuple(Assumption(repr(each), each) for each in assumptions), claim))
    assert answer.verdict is Verdict.PROVED, answer


def same(one: Term, other: Term) -> Bool:
    if isinstance(one, BitVec):
        assert isinstance(other, BitVec)
        return eq(one, other)
    assert isinstance(one, Bool)
    assert isinstance(other, Bool)
    return iff(one, other)


def request(when: str) -> MmuRequest:
    return MmuRequest(
        cr0=var(f"cr0 {when}", 64),
        cr4=var(f"cr4 {when}", 64),
        efer=var(f"efer {when}", 64),
        execonly=bool_var(f"execonly {when}"),
        accessed_dirty=bool_var(f"A/D {when}"),
        mbec=bool_var(f"mbec {when}"),
        eptp=var(f"eptp {when}", 64),
        gmet=bool_var(f"gmet {when}"),
    )


@pytest.fixture(scope="module")
def roles(both: tuple[Kvm, Kvm]) -> Callable[[MmuKind, Vendor, str], tuple[MmuRoles, MmuRoles]]:
    @cache
    def set_up(kind: MmuKind, vendor: Vendor, world: str) -> tuple[MmuRoles, MmuRoles]:
        mine, theirs = (
            kvm.roles.set_up(kind, request("earlier"), request("now"), kvm.masks.shadow_masks(vendor), world=world)
            for kvm in both
        )
        return mine, theirs

    return set_up


BothRoles = Callable[[MmuKind, Vendor, str], tuple[MmuRoles, MmuRoles]]
each_set_up = pytest.mark.parametrize(("kind", "vendor"), _SET_UPS, ids=lambda value: value.name)


@pytest.mark.parametrize("world", ["", "another"])
@pytest.mark.parametrize("name", ["cpu_role", "root_role"])
@each_set_up
def test_a_set_up_gives_the_same_role(roles: BothRoles, kind: MmuKind, vendor: Vendor, name: str, world: str) -> None:
    mine, theirs = (getattr(each, name) for each in roles(kind, vendor, world))
    prove(same(mine, theirs))


@each_set_up
def test_a_set_up_warns_of_the_same(roles: BothRoles, kind: MmuKind, vendor: Vendor) -> None:
    mine, theirs = (
        all_of(*(check.holds for check in each.evidence.checks if check.kind is CheckKind.WARN))
        for each in roles(kind, vendor, "")
    )
    prove(same(mine, theirs))


@pytest.mark.parametrize("name", _INPUTS)
@each_set_up
def test_a_set_up_reads_the_same(roles: BothRoles, kind: MmuKind, vendor: Vendor, name: str) -> None:
    mine, theirs = (getattr(each.inputs, name) for each in roles(kind, vendor, ""))
    prove(same(mine, theirs))


@pytest.mark.parametrize("part", ["cpu", "root"])
def test_the_members_are_in_the_same_places(roles: BothRoles, part: str) -> None:
    mine, theirs = (getattr(each, part) for each in roles(MmuKind.SHADOW, Vendor.SHADOW, ""))
    assert list(mine) == list(theirs)
    prove(all_of(*(same(mine[name], theirs[name]) for name in mine)))


_ARGUMENTS: dict[str, tuple[Term, ...]] = {
    "child_role": (bool_var("direct"), var("access", 32)),
    "tdp_child_role": (),
    "alloc_root": (var("level", 8), var("quadrant", 32)),
}


@pytest.mark.parametrize("name", _ARGUMENTS)
def test_a_page_below_gets_the_same_role(both: tuple[Kvm, Kvm], name: str) -> None:
    mine, theirs = (getattr(kvm.roles, name)(*_ARGUMENTS[name]) for kvm in both)
    prove(all_of(same(mine.parent_role, theirs.parent_role), same(mine.child_role, theirs.child_role)))
    warnings = (
        all_of(*(check.holds for check in each.evidence.checks if check.kind is CheckKind.WARN))
        for each in (mine, theirs)
    )
    prove(same(*warnings))


@pytest.mark.parametrize("name", _MAPPERS)
def test_the_same_access_is_handed_on(both: tuple[Kvm, Kvm], name: str) -> None:
    mine, theirs = (getattr(kvm.roles, name)() for kvm in both)
    prove(same(mine.access, theirs.access))
    for one, other in zip(asked(mine), asked(theirs), strict=True):
        assert one.function == other.function
        assert one.when is TRUE
        prove(same(one.access, other.access), other.when)


def asked(mapping: DirectMapping) -> tuple[AccessAsked, ...]:
    return (*mapping.children, *mapping.leaves)


@pytest.mark.parametrize("name", ["told_to_mmu", "in_hardware", "before", "setting", "supported"])
@pytest.mark.parametrize("vendor", [Vendor.INTEL, Vendor.AMD], ids=lambda vendor: vendor.value)
def test_mbec_and_gmet_are_set_alike(both: tuple[Kvm, Kvm], vendor: Vendor, name: str) -> None:
    mine, theirs = (getattr(kvm.hardware_controls.execute_control(vendor), name) for kvm in both)
    prove(same(mine, theirs))


@pytest.mark.parametrize("name", ["tdp_page", "shadow_page"])
def test_the_page_of_a_fault_is_handed_on_alike(both: tuple[ReferenceKvm, LiftedKvm], name: str) -> None:
    for kvm in both:
        mapped: PageMapped = getattr(kvm.roles, name)()
        told = (
            eq(mapped.gfn, mapped.fault_gfn),
            eq(mapped.pfn, mapped.fault_pfn),
            iff(mapped.host_writable, mapped.map_writable),
        )
        prove(implies(mapped.makes, all_of(*told)))
        prove(implies(mapped.makes_mmio, all_of(eq(mapped.mmio_gfn, mapped.fault_gfn), negate(mapped.makes))))
