"""What the lifted code that makes SPTEs computes is what gcc's code for spte.c computes."""

import random

import pytest

from mmuproof.model.sptes import SpteRequest
from mmuproof.model.vendor import Vendor
from mmuproof.smt.terms import Term, bool_var, var

from .conftest import ANY_BIT, ONE, WORD, ZERO, Draw, TermsAndProgram, among, sparse, word

pytestmark = [pytest.mark.kernel, pytest.mark.compiler]

# The vendor decides whether kvm_mmu_set_ept_masks() is called; of those that do not call it, one is enough.
each_vendor = pytest.mark.parametrize("vendor", [Vendor.INTEL, Vendor.AMD], ids=lambda vendor: vendor.name)

_MASKS = (
    "host_writable",
    "mmu_writable",
    "nx",
    "user",
    "x",
    "xu",
    "accessed",
    "dirty",
    "present",
    "acc_track",
    "mmio_value",
    "mmio_mask",
    "me_value",
    "nonpresent_or_rsvd",
)
_ZERO_CHECK = "vcpu->arch.mmu->shadow_zero_check"


def _host(vendor: Vendor) -> dict[str, Draw]:
    """The inputs of ``struct masks``: what KVM knows of the processor."""
    return {
        "boot_cpu_data.x86_phys_bits": among(36, 52),
        "boot_cpu_data.x86_cache_bits": among(36, 52),
        # boot_cpu_has_bug(X86_BUG_L1TF), which inline assembly reads.
        "variable_test_bit()": ANY_BIT,
        "kvm_host.maxphyaddr": among(46, 52),
        "allow_mmio_caching": ANY_BIT,
        "uses EPT": ONE if vendor is Vendor.INTEL else ZERO,
        "has_ad_bits": ANY_BIT,
        "has_exec_only": ANY_BIT,
        "cpuid_eax(2147483648)": word(32),
        "cpuid_ebx(2147483679)": word(32),
        "native_read_msr(3221291024)": ZERO,
        "sme_me_mask": ZERO if vendor is Vendor.INTEL else _encryption_bit,
    }


def _encryption_bit(chance: random.Random) -> int:
    return chance.choice((0, 1 << chance.randint(36, 51)))


def _spte(frozen: int) -> Draw:
    def draw(chance: random.Random) -> int:
        # Where few bits are set, those are free into which access tracking moves others.
        few = chance.getrandbits(64) & chance.getrandbits(64)
        return chance.choice((chance.getrandbits(64), few, few & chance.getrandbits(64), frozen))

    return draw


@each_vendor
def test_shadow_masks(both: TermsAndProgram, vendor: Vendor) -> None:
    masks = both.lifted.masks.shadow_masks(vendor)
    results: dict[str, Term] = {f"shadow_{name}": getattr(masks, name) for name in _MASKS}
    both.compare("shadow_masks", _host(vendor), results, masks.evidence)


@each_vendor
def test_access_track(both: TermsAndProgram, vendor: Vendor) -> None:
    tracked = both.lifted.sptes.access_track(both.lifted.masks.shadow_masks(vendor), var("spte", 64))
    results: dict[str, Term] = {
        "mark_spte_for_access_track": tracked.marked,
        "restore_acc_track_spte": tracked.restored,
        "mark_spte_for_access_track, twice": tracked.twice,
        "is_access_track_spte": tracked.is_access_track,
        "is_access_track_spte, before": tracked.was_access_track,
    }
    inputs = {**_host(vendor), "spte": _spte(both.lifted.constant("FROZEN_SPTE"))}
    both.compare("access_track", inputs, results, tracked.evidence)


@each_vendor
def test_predicates(both: TermsAndProgram, vendor: Vendor) -> None:
    predicates = both.lifted.sptes.predicates(both.lifted.masks.shadow_masks(vendor), var("spte", 64))
    results: dict[str, Term] = {
        "is_frozen_spte": predicates.is_frozen,
        "is_mmio_spte": predicates.is_mmio,
        "is_shadow_present_pte": predicates.is_shadow_present,
    }
    both.compare("predicates", {**_host(vendor), "spte": _spte(both.lifted.constant("FROZEN_SPTE"))}, results)


@each_vendor
def test_make_spte(both: TermsAndProgram, vendor: Vendor) -> None:
    request = SpteRequest(
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
    made = both.lifted.sptes.make_spte(both.lifted.masks.shadow_masks(vendor), request)
    inputs = {
        **_host(vendor),
        "sp->role": word(32),
        "sp->role.level": among(1, 5),
        "sp->role.ad_disabled": ANY_BIT,
        "pte_access": word(4),
        "pfn": word(40),
        "gfn": word(40),
        "old_spte": WORD,
        "prefetch": ANY_BIT,
        "synchronizing": ANY_BIT,
        "host_writable": ANY_BIT,
        "nx_huge_pages": ANY_BIT,
        "kvm->arch.disable_nx_huge_pages": ANY_BIT,
        both.program.dirty_log_size: among(0, 1),
        "slot->flags": word(32),
        # A host on which EPT is not used computes no memory types.
        "kvm_x86_ops.get_mt_mask == NULL": ZERO if vendor is Vendor.INTEL else ONE,
        "kvm_x86_get_mt_mask()": lambda chance: chance.getrandbits(4) << 3,
        "mmu_try_to_unsync_pages()": ANY_BIT,
        "kvm_is_mmio_pfn()": ANY_BIT,
        "vcpu->arch.mmu == NULL": ZERO,
        **{f"{_ZERO_CHECK}.rsvd_bits_mask[{leaf}][{level}]": sparse(64) for leaf in range(2) for level in range(5)},
        f"{_ZERO_CHECK}.bad_mt_xwr": sparse(64),
    }
    results: dict[str, Term] = {"spte": made.spte, "wrprot": made.wrprot, "is_nx_huge_page_enabled": made.nx_huge_pages}
    both.compare("make_spte", inputs, results, made.evidence)
