"""The reference model on concrete values, computed by hand from the manuals and KVM's comments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from mmuproof.model.evidence import CheckKind
from mmuproof.model.kvm import NotThere
from mmuproof.model.reference.base.cpu_role import CPU_ROLE, CPU_ROLE_BITS, role_of
from mmuproof.model.reference.kvm import Constants, ReferenceKvm
from mmuproof.model.reference.walks.walks import ReferenceWalks
from mmuproof.model.sptes import SpteRequest
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat, GuestWalk, NestedControls, WalkKind
from mmuproof.smt.graph import evaluate
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, boolean, bv

READ, WRITE, USER, USER_EXEC, EXEC = 1, 2, 4, 4, 8
P, W, U, F, PK = 1, 2, 4, 16, 32
IMPLICIT = 1 << 48
AC = 1 << 18
WRITE_BACK = 6 << 3


@pytest.fixture(scope="module")
def kvm() -> ReferenceKvm:
    return ReferenceKvm()


def role(*flags: str) -> BitVec:
    members: dict[str, BitVec | Bool] = dict.fromkeys(flags, TRUE)
    return role_of({**members, "level": bv(4, 4)}, CPU_ROLE_BITS)


def walk(kvm: ReferenceKvm, kind: WalkKind, *flags: str) -> GuestWalk:
    return kvm.walks.guest_walk(kind, role=role(*flags))


# -- numbers -----------------------------------------------------------------------------------------------


def test_frozen_spte_is_present_to_nobody(kvm: ReferenceKvm) -> None:
    assert kvm.constant("FROZEN_SPTE") == 0x8000_0000_0000_01A0
    assert kvm.failed_assertions() == ()


@pytest.mark.parametrize(
    ("constants", "failed"),
    [
        (Constants(FROZEN_SPTE=0x5A0), "FROZEN_SPTE overlaps VMX_EPT_USER_EXECUTABLE_MASK"),
        (Constants(EPT_SPTE_MMU_WRITABLE=1 << 54), "EPT_SPTE_MMU_WRITABLE overlaps the saved bits of access tracking"),
        (Constants(SPTE_TDP_AD_ENABLED=1 << 61), "SPTE_TDP_AD_ENABLED is not 0"),
        (Constants(MMIO_SPTE_GEN_LOW_MASK=0x7F8), "SPTE_MMIO_ALLOWED_MASK overlaps MMIO_SPTE_GEN_LOW_MASK"),
    ],
)
def test_a_wrong_number_fails_the_kernels_assertion(constants: Constants, failed: str) -> None:
    assert f"reference: {failed}" in ReferenceKvm(constants).failed_assertions()


def test_an_unknown_constant_is_not_there(kvm: ReferenceKvm) -> None:
    assert kvm.defines("ACC_USER_EXEC_MASK")
    assert not kvm.defines("REMOVED_SPTE")
    with pytest.raises(NotThere):
        kvm.constant("REMOVED_SPTE")


def test_the_members_of_the_role_do_not_overlap() -> None:
    ones = [bv((1 << field.width) - 1, field.width) for field in CPU_ROLE]
    full = role_of(dict(zip((field.name for field in CPU_ROLE), ones, strict=True)), CPU_ROLE_BITS)
    assert full.value.bit_count() == sum(field.width for field in CPU_ROLE)


# -- metadata ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "flags", "pfec", "element"),
    [
        (WalkKind.NESTED_EPT, "", 0, 0x5555),
        (WalkKind.NESTED_EPT, "", W, 0x3333),
        (WalkKind.NESTED_EPT, "", F | U, 0x00FF),
        (WalkKind.NESTED_EPT, "cr4_smep", F, 0x00FF),
        (WalkKind.NESTED_EPT, "cr4_smep", F | U, 0x0F0F),
        (WalkKind.NESTED_NPT, "cr0_wp", U, 0x5F5F),
        (WalkKind.NESTED_NPT, "cr0_wp cr4_smep", U, 0x5555),
        (WalkKind.NESTED_NPT, "cr0_wp cr4_smep efer_nx", F, 0xF0FF),
        (WalkKind.GUEST, "cr0_wp cr4_smep", U, 0x5F5F),
        (WalkKind.GUEST, "cr0_wp", W, 0x3333),
        (WalkKind.GUEST, "", W, 0x0000),
        (WalkKind.GUEST, "", W | U, 0x3F3F),
        (WalkKind.GUEST, "cr4_smap", 0, 0xF5F5),
        (WalkKind.GUEST, "cr4_smap", 8, 0x5555),
        (WalkKind.GUEST, "efer_nx", F, 0x00FF),
        (WalkKind.GUEST, "", F, 0x0000),
    ],
)
def test_an_element_of_permissions(kvm: ReferenceKvm, kind: WalkKind, flags: str, pfec: int, element: int) -> None:
    permissions = walk(kvm, kind, *flags.split()).metadata.permissions
    assert permissions[pfec >> 1].value == element


@pytest.mark.parametrize(("flags", "mask"), [("cr4_pke cr0_wp", 0xDD00), ("cr4_pke", 0xD500), ("cr0_wp", 0)])
def test_pkru_mask(kvm: ReferenceKvm, flags: str, mask: int) -> None:
    assert walk(kvm, WalkKind.GUEST, *flags.split()).metadata.pkru_mask.value == mask


def test_without_paging_the_metadata_stays_as_it_was(kvm: ReferenceKvm) -> None:
    off = kvm.walks.guest_walk(WalkKind.GUEST, role=bv(0, CPU_ROLE_BITS))
    assert off.metadata == off.before


# -- permission_fault() --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "acc", "access", "state", "error_code"),
    [
        ("", READ | WRITE, U, {}, P),
        ("", READ | WRITE | USER, U, {}, 0),
        ("cr4_smap", READ | USER, 0, {}, P),
        ("cr4_smap", READ | USER, 0, {"kvm_x86_get_rflags()": AC}, 0),
        ("cr4_smap", READ | USER, IMPLICIT, {"kvm_x86_get_rflags()": AC}, P),
        ("cr4_pke", READ | USER, U, {"vcpu->arch.pkru": 0b01 << 6}, P | PK),
        ("cr4_pke", READ | WRITE | USER, U | W, {"vcpu->arch.pkru": 0b10 << 6}, P | PK),
        ("cr4_pke", READ | USER, U, {"vcpu->arch.pkru": 0b10 << 6}, 0),
        ("cr4_pke", READ, 0, {"vcpu->arch.pkru": 0b11 << 6}, 0),
        ("", READ, W, {"tdp_enabled": 1, "vcpu->arch.cr0": 1 << 16}, P),
        ("cr0_wp", READ, W, {"tdp_enabled": 1, "vcpu->arch.cr0": 0}, 0),
        ("cr0_wp", READ, W, {"tdp_enabled": 0, "vcpu->arch.cr0": 0}, P),
    ],
)
def test_permission_fault(
    kvm: ReferenceKvm, flags: str, acc: int, access: int, state: Mapping[str, int], error_code: int
) -> None:
    guest = walk(kvm, WalkKind.GUEST, *flags.split())
    result = kvm.walks.permission_fault(guest, bv(acc, 32), bv(3, 32), bv(access, 64))
    assert evaluate(result.error_code, state) == error_code


def test_a_bit_that_must_not_come_is_warned_of_and_chooses_no_element(kvm: ReferenceKvm) -> None:
    guest = walk(kvm, WalkKind.GUEST)
    result = kvm.walks.permission_fault(guest, bv(READ, 32), bv(0, 32), bv(1 << 5, 64))
    broken = {check.kind for check in result.evidence.checks if not evaluate(check.holds, {})}
    assert broken == {CheckKind.WARN}


# -- nested MMUs ---------------------------------------------------------------------------------------------


def controls(*, mbec: Bool = FALSE, gmet: Bool = FALSE, cr4: int = 0, efer: int = 0) -> NestedControls:
    return NestedControls(execonly=FALSE, accessed_dirty=TRUE, mbec=mbec, cr4=bv(cr4, 64), efer=bv(efer, 64), gmet=gmet)


def test_the_role_of_a_nested_ept_with_mbec(kvm: ReferenceKvm) -> None:
    made = kvm.walks.nested_set_up(WalkKind.NESTED_EPT, controls(mbec=TRUE))
    assert evaluate(made.walk.role, {}) == 1 << 32 | 1 << 20 | 1 << 17 | 0xF << 8 | 4
    assert evaluate(made.role_changed, {"vcpu->arch.guest_mmu.cpu_role": 0x1_0012_0F04}) == 0


def test_a_nested_npt_has_wp_and_no_smap(kvm: ReferenceKvm) -> None:
    smap, smep, pae, long_mode = 1 << 21, 1 << 20, 1 << 5, 1 << 10
    asked = controls(cr4=smap | smep | pae, efer=long_mode)
    flags = kvm.walks.nested_set_up(WalkKind.NESTED_NPT, asked).walk.flags
    found = {name: evaluate(flags[name], {}) for name in ("cr0_wp", "cr4_smap", "cr4_smep", "has_pferr_fetch")}
    assert found == {"cr0_wp": 1, "cr4_smap": 0, "cr4_smep": 0, "has_pferr_fetch": 1}
    assert flags["level"].value == 4


# -- guest entries -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpte_format", "gpte", "acc"),
    [
        (GpteFormat.EPT, 0x407, READ | WRITE | EXEC | USER_EXEC),
        (GpteFormat.EPT, 0x400, USER_EXEC),
        (GpteFormat.EPT, 0x004, EXEC),
        (GpteFormat.PAGING64, 0x7, READ | WRITE | USER | EXEC),
        (GpteFormat.PAGING64, 1 << 63 | 0x1, READ),
        (GpteFormat.PAGING32, 0x5, READ | USER | EXEC),
    ],
)
def test_gpte_access(kvm: ReferenceKvm, gpte_format: GpteFormat, gpte: int, acc: int) -> None:
    assert kvm.walks.gpte_access(gpte_format, bv(gpte, 64)).value == acc


@pytest.mark.parametrize(("flags", "gpte", "present"), [("", 0x400, False), ("cr4_smep", 0x400, True), ("", 0x4, True)])
def test_xu_makes_an_entry_present_with_mbec_only(kvm: ReferenceKvm, flags: str, gpte: int, present: bool) -> None:
    ept = walk(kvm, WalkKind.NESTED_EPT, *flags.split())
    assert kvm.walks.is_present_gpte(GpteFormat.EPT, ept, bv(gpte, 64)) is boolean(present)


@pytest.mark.parametrize(
    ("gpte", "execonly", "bad"),
    [
        (0x400 | WRITE_BACK, False, True),
        (0x400 | WRITE_BACK, True, False),
        (0x402 | WRITE_BACK, True, True),
        (0x2 | WRITE_BACK, True, True),
        (0x3 | WRITE_BACK, False, False),
        (0x7 | 2 << 3, True, True),
    ],
)
def test_is_bad_mt_xwr(kvm: ReferenceKvm, gpte: int, execonly: bool, bad: bool) -> None:
    assert kvm.walks.is_bad_mt_xwr(bv(gpte, 64), boolean(execonly)) is boolean(bad)


# -- SPTEs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("maxphyaddr", "mmio_value"), [(46, 1 << 51 | 1), (51, 1 << 51 | 1), (52, 0)])
def test_mmio_of_ordinary_tables_is_a_reserved_address_bit(kvm: ReferenceKvm, maxphyaddr: int, mmio_value: int) -> None:
    host = {"kvm_host.maxphyaddr": maxphyaddr, "allow_mmio_caching": 1}
    assert evaluate(kvm.masks.shadow_masks(Vendor.AMD).mmio_value, host) == mmio_value


def test_mmio_of_ept_is_a_misconfiguration(kvm: ReferenceKvm) -> None:
    masks = kvm.masks.shadow_masks(Vendor.INTEL)
    assert evaluate(masks.mmio_value, {"allow_mmio_caching": 1}) == 0b110
    assert evaluate(masks.mmio_value, {"allow_mmio_caching": 0}) == 0


@pytest.mark.parametrize(("affected", "mask"), [(1, 0x1F << 39), (0, 0)])
def test_the_highest_cache_address_bits_guard_l1tf(kvm: ReferenceKvm, affected: int, mask: int) -> None:
    host = {"boot_cpu_has_bug(X86_BUG_L1TF)": affected, "boot_cpu_data.x86_cache_bits": 44}
    assert evaluate(kvm.masks.shadow_masks(Vendor.INTEL).nonpresent_or_rsvd, host) == mask


_PAGE = SpteRequest(
    level=bv(1, 4),
    ad_disabled=FALSE,
    pte_access=bv(15, 32),
    gfn=bv(0, 64),
    pfn=bv(0x12345, 64),
    old_spte=bv(0, 64),
    prefetch=FALSE,
    synchronizing=FALSE,
    host_writable=TRUE,
)


@pytest.mark.parametrize(
    ("vendor", "request_", "state", "spte"),
    [
        (Vendor.INTEL, _PAGE, {}, 0x80A0_0000_1234_5F37),
        (Vendor.INTEL, replace(_PAGE, host_writable=FALSE), {}, 0x8000_0000_1234_5D35),
        (Vendor.INTEL, _PAGE, {"mmu_try_to_unsync_pages()": 1}, 0x8020_0000_1234_5D35),
        (Vendor.INTEL, replace(_PAGE, prefetch=TRUE, ad_disabled=TRUE), {}, 0xD0F0_0000_1234_5A30),
        (Vendor.INTEL, replace(_PAGE, level=bv(2, 4)), {"nx_huge_pages": 1}, 0x80A0_0000_1234_5BB3),
        (Vendor.AMD, _PAGE, {}, 0x1234_5E67),
        (Vendor.AMD, replace(_PAGE, pte_access=bv(READ, 32)), {}, 0x8000_0000_1234_5A21),
        (Vendor.AMD, replace(_PAGE, level=bv(2, 4)), {"nx_huge_pages": 1}, 0x8000_0000_1234_5EE7),
    ],
)
def test_make_spte(
    kvm: ReferenceKvm, vendor: Vendor, request_: SpteRequest, state: Mapping[str, int], spte: int
) -> None:
    made = kvm.sptes.make_spte(kvm.masks.shadow_masks(vendor), request_)
    assert evaluate(made.spte, {"kvm_x86_get_mt_mask()": WRITE_BACK, **state}) == spte


def test_marking_and_restoring_gives_everything_back_but_w_and_a(kvm: ReferenceKvm) -> None:
    tracked = kvm.sptes.access_track(kvm.masks.shadow_masks(Vendor.INTEL), bv(0x10A0_0000_1234_5D07, 64))
    assert tracked.marked.value == 0x50F0_0000_1234_5800
    assert tracked.restored.value == 0x10A0_0000_1234_5C05
    assert tracked.twice.value == tracked.marked.value
    assert (tracked.was_access_track, tracked.is_access_track) == (FALSE, TRUE)


def test_marking_an_spte_with_ad_bits_clears_a(kvm: ReferenceKvm) -> None:
    tracked = kvm.sptes.access_track(kvm.masks.shadow_masks(Vendor.INTEL), bv(0x1234_5D07, 64))
    assert tracked.marked.value == 0x1234_5C07


# -- defects and theorems ------------------------------------------------------------------------------------


def test_another_constant_makes_another_model() -> None:
    wrong = ReferenceKvm(Constants(EPT_SPTE_HOST_WRITABLE=1 << 10))
    assert wrong.masks.shadow_masks(Vendor.INTEL).host_writable.value == 1 << 10


def test_one_method_makes_another_model() -> None:
    class ReadsNeverFault(ReferenceWalks):
        def _read_faults(self, pfec: int) -> BitVec:
            return bv(0, 16)

    assert walk(ReferenceKvm(walks=ReadsNeverFault), WalkKind.NESTED_EPT).metadata.permissions[0].value == 0
