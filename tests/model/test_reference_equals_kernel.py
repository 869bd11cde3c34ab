"""The reference model is what Linux 7.2.13's C is: each piece is proved equal to the lifted function.

Both sides get the same free inputs under the same names.  Where the lifted code reads something under a name
of its own making, the test says what it stands for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

import pytest

from mmuproof.lift.parsing.unit import ConstantNames, Unit
from mmuproof.lift.tree.source import open_source
from mmuproof.lift.tree.stand_ins import clang_arguments, write_stand_ins
from mmuproof.model.constants import CONSTANTS, OF_OTHER_KERNELS
from mmuproof.model.evidence import CheckKind, Evidence
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.lifted.kernel import LiftedKvm, open_kernel
from mmuproof.model.reference.kvm import Constants, ReferenceKvm
from mmuproof.model.sptes import MadeSpte, SpteRequest
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat, NestedControls, PermissionFault, WalkKind
from mmuproof.smt.graph import substitute
from mmuproof.smt.obligation import Assumption, Obligation, Verdict
from mmuproof.smt.solver import decide
from mmuproof.smt.terms import BitVec, Bool, Term, all_of, bool_var, eq, iff, implies, negate, var

pytestmark = pytest.mark.kernel

_VERSION = "7.2"
# Together these units include every header whose numbers the model has.
_HEADERS = ("arch/x86/kvm/mmu/spte.c", "arch/x86/kvm/vmx/vmx.c", "arch/x86/kvm/svm/svm.c")
_CONSTANTS = tuple(each.name for each in fields(Constants))
_GPTE, _SPTE, _ROLE = var("gpte", 64), var("spte", 64), var("role", 64)
_FAULT_ARGUMENTS = var("pte_access", 32), var("pte_pkey", 32), var("access", 64)


@dataclass(frozen=True)
class Both:
    """The two descriptions of one kernel, and the numbers that its headers define."""

    reference: ReferenceKvm
    lifted: LiftedKvm
    headers: tuple[Unit, ...]

    def number(self, name: str) -> int | None:
        """The value of a macro or enumerator in the first of the units that knows it."""
        values = (unit.constant(name) for unit in self.headers)
        return next((value for value in values if value is not None), None)

    def __iter__(self) -> Iterator[Kvm]:
        return iter((self.reference, self.lifted))


@pytest.fixture(scope="session")
def both(kernel_tree: Callable[[str], Path]) -> Iterator[Both]:
    with (
        open_source(str(kernel_tree(_VERSION))) as tree,
        open_kernel(tree) as lifted,
        tempfile.TemporaryDirectory() as folder,
    ):
        stand_ins = write_stand_ins(tree.root, Path(folder))
        headers = tuple(
            Unit(tree.root, path, clang_arguments(tree.root, stand_ins, path), ConstantNames(_CONSTANTS))
            for path in _HEADERS
        )
        yield Both(ReferenceKvm(), lifted, headers)


def prove(claim: Bool, *assumptions: Bool) -> None:
    """Fail unless the claim holds for every value of every input that satisfies the assumptions."""
    answer = decide(Obligation(tuple(Assumption(repr(each), each) for each in assumptions), claim))
    assert answer.verdict is Verdict.PROVED, answer


def same(one: Term, other: Term) -> Bool:
    if isinstance(one, BitVec):
        assert isinstance(other, BitVec)
        return eq(one, other)
    assert isinstance(one, Bool)
    assert isinstance(other, Bool)
    return iff(one, other)


def reads(value: object) -> str:
    """Part of a test's name."""
    return str(getattr(value, "value", value)).replace(" ", "-")


each_kind = pytest.mark.parametrize("kind", WalkKind, ids=reads)
each_vendor = pytest.mark.parametrize("vendor", Vendor, ids=reads)
each_format = pytest.mark.parametrize("gpte_format", GpteFormat, ids=reads)


# -- numbers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", _CONSTANTS)
def test_the_constant_is_the_kernels(both: Both, name: str) -> None:
    assert getattr(both.reference.constants, name) == both.number(name)


@pytest.mark.parametrize("name", [*CONSTANTS, *sorted(OF_OTHER_KERNELS)])
def test_a_constant_that_theorems_ask_for_is_defined_alike(both: Both, name: str) -> None:
    def value(kvm: Kvm) -> int | None:
        try:
            return kvm.constant(name)
        except NotThere:
            return None

    assert value(both.reference) == value(both.lifted)


@pytest.mark.parametrize("fact", ["has_gmet", "role_access_bits"])
def test_the_fact_is_the_kernels(both: Both, fact: str) -> None:
    mine, theirs = (getattr(kvm.walks, fact) for kvm in both)
    assert mine == theirs


def test_the_same_assertions_fail(both: Both) -> None:
    mine, theirs = (kvm.failed_assertions() for kvm in both)
    assert mine == theirs


# -- metadata ----------------------------------------------------------------------------------------------


@each_kind
def test_the_role_has_the_same_members_in_the_same_places(both: Both, kind: WalkKind) -> None:
    mine, theirs = (kvm.walks.guest_walk(kind, role=_ROLE).flags for kvm in both)
    assert mine == theirs


@pytest.mark.parametrize("index", range(16), ids=lambda index: f"pfec-{index << 1:#04x}")
@each_kind
def test_update_permission_bitmask_computes_the_same_element(both: Both, kind: WalkKind, index: int) -> None:
    mine, theirs = (kvm.walks.guest_walk(kind, role=_ROLE).metadata.permissions for kvm in both)
    assert len(mine) == len(theirs)
    prove(same(mine[index], theirs[index]))


@each_kind
def test_pkru_mask_is_the_same(both: Both, kind: WalkKind) -> None:
    mine, theirs = (kvm.walks.guest_walk(kind, role=_ROLE).metadata.pkru_mask for kvm in both)
    prove(same(mine, theirs))


# -- permission_fault() --------------------------------------------------------------------------------------


def demands(evidence: Evidence, *kinds: CheckKind) -> Bool:
    return all_of(*(check.holds for check in evidence.checks if check.kind in kinds))


def faults(both: Both, kind: WalkKind) -> tuple[PermissionFault, PermissionFault, Bool]:
    """Both results, and under which condition they speak of the same CR0.WP.

    The lifted code reads CR0 through the register cache, which a cut may have filled with any value; what it
    finds there is the reference's CR0.
    """
    mine, theirs = (
        kvm.walks.permission_fault(kvm.walks.guest_walk(kind, role=_ROLE), *_FAULT_ARGUMENTS) for kvm in both
    )
    cr0: dict[Term, Term] = {var("vcpu->arch.cr0", 64): var("CR0", 64)}
    mine = PermissionFault(
        error_code=substitute(mine.error_code, cr0),
        eflags_ac=mine.eflags_ac,
        pkru=mine.pkru,
        cr0_wp=substitute(mine.cr0_wp, cr0),
        evidence=Evidence(tuple(replace(check, holds=substitute(check.holds, cr0)) for check in mine.evidence.checks)),
    )
    return mine, theirs, iff(mine.cr0_wp, theirs.cr0_wp)


@each_kind
def test_permission_fault_gives_the_same_error_code(both: Both, kind: WalkKind) -> None:
    mine, theirs, same_wp = faults(both, kind)
    defined = demands(theirs.evidence, CheckKind.INDEX, CheckKind.SHIFT)
    prove(same(mine.error_code, theirs.error_code), defined, same_wp)


@pytest.mark.parametrize("check", [CheckKind.INDEX, CheckKind.SHIFT, CheckKind.WARN], ids=reads)
@each_kind
def test_permission_fault_demands_the_same(both: Both, kind: WalkKind, check: CheckKind) -> None:
    mine, theirs, same_wp = faults(both, kind)
    prove(same(demands(mine.evidence, check), demands(theirs.evidence, check)), same_wp)


@each_kind
def test_permission_fault_reads_the_same_registers(both: Both, kind: WalkKind) -> None:
    mine, theirs, _ = faults(both, kind)
    assert (mine.eflags_ac, mine.pkru) == (theirs.eflags_ac, theirs.pkru)


@pytest.mark.parametrize("kind", [WalkKind.NESTED_EPT, WalkKind.NESTED_NPT], ids=reads)
def test_cr0_wp_of_nested_tables_is_the_roles(both: Both, kind: WalkKind) -> None:
    mine, theirs, _ = faults(both, kind)
    prove(same(mine.cr0_wp, theirs.cr0_wp))


# -- nested MMUs ---------------------------------------------------------------------------------------------

_CONTROLS = NestedControls(
    execonly=bool_var("execonly"),
    accessed_dirty=bool_var("accessed_dirty"),
    mbec=bool_var("mbec"),
    cr4=var("cr4", 64),
    efer=var("efer", 64),
    gmet=bool_var("gmet"),
)
each_nested = pytest.mark.parametrize("kind", [WalkKind.NESTED_EPT, WalkKind.NESTED_NPT], ids=reads)


@each_nested
def test_a_nested_mmu_gets_the_same_role(both: Both, kind: WalkKind) -> None:
    mine, theirs = (kvm.walks.nested_set_up(kind, _CONTROLS) for kvm in both)
    prove(all_of(same(mine.walk.role, theirs.walk.role), same(mine.role_changed, theirs.role_changed)))


@each_nested
def test_a_nested_mmu_gets_the_same_metadata(both: Both, kind: WalkKind) -> None:
    mine, theirs = (kvm.walks.nested_set_up(kind, _CONTROLS).walk.metadata for kvm in both)
    elements = (same(*pair) for pair in zip(mine.permissions, theirs.permissions, strict=True))
    prove(all_of(*elements, same(mine.pkru_mask, theirs.pkru_mask)))


@each_nested
def test_the_entries_of_a_nested_mmu_are_present_alike(both: Both, kind: WalkKind) -> None:
    walks = [(kvm, kvm.walks.nested_set_up(kind, _CONTROLS).walk) for kvm in both]
    mine, theirs = (kvm.walks.is_present_gpte(GpteFormat.EPT, walk, _GPTE) for kvm, walk in walks)
    prove(same(mine, theirs))


# -- guest entries -------------------------------------------------------------------------------------------


@each_format
def test_gpte_access_is_the_same(both: Both, gpte_format: GpteFormat) -> None:
    mine, theirs = (kvm.walks.gpte_access(gpte_format, _GPTE) for kvm in both)
    prove(same(mine, theirs))


@each_kind
@each_format
def test_is_present_gpte_is_the_same(both: Both, gpte_format: GpteFormat, kind: WalkKind) -> None:
    mine, theirs = (
        kvm.walks.is_present_gpte(gpte_format, kvm.walks.guest_walk(kind, role=_ROLE), _GPTE) for kvm in both
    )
    prove(same(mine, theirs))


def test_the_ept_misconfiguration_table_is_the_same(both: Both) -> None:
    mine, theirs = (kvm.walks.is_bad_mt_xwr(_GPTE, bool_var("execonly")) for kvm in both)
    prove(same(mine, theirs))


# -- SPTEs ---------------------------------------------------------------------------------------------------

_AFFECTED_BY_L1TF: dict[Term, Term] = {var("boot_cpu_has_bug(X86_BUG_L1TF)", 1): var("variable_test_bit()", 1)}
"""boot_cpu_has_bug() reads a bit with inline assembly, which is cut."""


@pytest.mark.parametrize("name", ["is_frozen", "is_mmio", "is_shadow_present"])
@each_vendor
def test_the_predicate_is_the_same(both: Both, vendor: Vendor, name: str) -> None:
    mine, theirs = (getattr(kvm.sptes.predicates(kvm.masks.shadow_masks(vendor), _SPTE), name) for kvm in both)
    prove(same(substitute(mine, _AFFECTED_BY_L1TF), theirs))


_REQUEST = SpteRequest(
    level=var("sp->role.level", 4),
    ad_disabled=bool_var("sp->role.ad_disabled"),
    pte_access=var("pte_access", 32),
    gfn=var("gfn", 64),
    pfn=var("pfn", 64),
    old_spte=var("old_spte", 64),
    prefetch=bool_var("prefetch"),
    synchronizing=bool_var("synchronizing"),
    host_writable=bool_var("host_writable"),
)
_MEMORY_TYPES_ARE_COMPUTED = negate(bool_var("kvm_x86_ops.get_mt_mask == NULL"))
"""vmx_hardware_setup() drops the callback only where EPT is off."""


@pytest.fixture(scope="session")
def made(both: Both) -> Callable[[Vendor], tuple[MadeSpte, MadeSpte]]:
    """Both SPTEs for a vendor, made once: a second call of a cut function has a result of its own."""

    @cache
    def make(vendor: Vendor) -> tuple[MadeSpte, MadeSpte]:
        mine, theirs = (kvm.sptes.make_spte(kvm.masks.shadow_masks(vendor), _REQUEST) for kvm in both)
        return mine, theirs

    return make


@pytest.mark.parametrize("name", ["spte", "wrprot", "nx_huge_pages"])
@each_vendor
def test_make_spte_gives_the_same(
    made: Callable[[Vendor], tuple[MadeSpte, MadeSpte]], vendor: Vendor, name: str
) -> None:
    mine, theirs = (getattr(each, name) for each in made(vendor))
    prove(same(mine, theirs), *([_MEMORY_TYPES_ARE_COMPUTED] if vendor is Vendor.INTEL else []))


@pytest.mark.parametrize("name", ["to_unsync", "about_memory_type", "marked_dirty"])
@each_vendor
def test_make_spte_tells_the_same(
    made: Callable[[Vendor], tuple[MadeSpte, MadeSpte]], vendor: Vendor, name: str
) -> None:
    mine, theirs = (getattr(each, name) for each in made(vendor))
    computed = [_MEMORY_TYPES_ARE_COMPUTED] if vendor is Vendor.INTEL else []
    prove(same(mine.called, theirs.called), *computed)
    for field in fields(mine):
        prove(implies(theirs.called, same(getattr(mine, field.name), getattr(theirs, field.name))), *computed)


@pytest.mark.parametrize("name", ["marked", "restored", "twice", "is_access_track", "was_access_track"])
@each_vendor
def test_access_tracking_gives_the_same(both: Both, vendor: Vendor, name: str) -> None:
    mine, theirs = (getattr(kvm.sptes.access_track(kvm.masks.shadow_masks(vendor), _SPTE), name) for kvm in both)
    prove(same(mine, theirs))
