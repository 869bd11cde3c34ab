"""What is taken for granted of inputs: by what has them, and never more than the kernel guarantees."""
# A C function reads best on one line.

from __future__ import annotations

import pytest

from tests.compare.small_versions import Versions, versions

__all__ = ["versions"]

BOUNDS = """
#define PT64_ROOT_MAX_LEVEL 5
#define KVM_PFN_ERR_NOSLOT_MASK (0xfffULL << 52)
typedef u64 kvm_pfn_t;
union kvm_mmu_page_role { u32 word; struct { u32 level : 4; u32 access : 4; }; };
struct kvm_mmu_page { union kvm_mmu_page_role role; };
struct kvm_mmu { union kvm_mmu_page_role root_role; };
struct tdp_iter { int level; int root_level; };
struct kvm_shadow_walk_iterator { int level; };
struct kvm_page_fault { u8 goal_level; kvm_pfn_t pfn; u64 gfn; };
struct other { int level; };
int tdp_root_level;
"""
#: A parameter, and two expressions that are the same only as far as something is taken for granted -> whether it is.
CASES = {
    "the level of a page": ("struct kvm_mmu_page *sp", "sp->role.level > 1", "sp->role.level != 1", True),
    "the deepest level of a page": ("struct kvm_mmu_page *sp", "sp->role.level < 6", "1", True),
    "not less than that": ("struct kvm_mmu_page *sp", "sp->role.level < 5", "1", False),
    "a role by value": ("union kvm_mmu_page_role role", "role.level > 1", "role.level != 1", True),
    "a role of no page: its MMU may have none yet": (
        "struct kvm_mmu *mmu",
        "mmu->root_role.level > 1",
        "mmu->root_role.level != 1",
        False,
    ),
    "another field of a role": ("struct kvm_mmu_page *sp", "sp->role.access > 1", "sp->role.access != 1", False),
    "the level of a walk of TDP": ("struct tdp_iter *iter", "iter->level > 1", "iter->level != 1", True),
    "a shadow walk that is over": ("struct kvm_shadow_walk_iterator *it", "it->level < 1", "0", False),
    "a shadow walk is never below that": ("struct kvm_shadow_walk_iterator *it", "it->level < 0", "0", True),
    "a level of something unknown": ("struct other *o", "o->level > 1", "o->level != 1", False),
    "a level that nobody has forced": ("int x", "tdp_root_level ? 3 : x", "3", False),
    "a level as a parameter that may be none": ("int tdp_forced_root_level", "tdp_forced_root_level != 0", "1", False),
    "what a pointer leads to that is filled in": ("int *level", "*level != 0", "1", False),
    "a level as a parameter": ("int level", "level > 1", "level != 1", True),
    "a frame": ("struct kvm_page_fault *fault", "fault->gfn >> 40", "0", True),
    "a frame that is an error": ("struct kvm_page_fault *fault", "fault->pfn == ~0ULL", "0", False),
    "a frame that is no memory": ("struct kvm_page_fault *fault", "fault->pfn == 1ULL << 63", "0", False),
    "a frame that is neither": ("struct kvm_page_fault *fault", "fault->pfn == 1ULL << 51", "0", True),
    "an index": ("u32 index", "index < 512", "1", True),
}


@pytest.mark.parametrize(("parameter", "old", "new", "equal"), CASES.values(), ids=CASES.keys())
def test_a_range_is_kept_by_who_has_it(parameter: str, old: str, new: str, equal: bool, versions: Versions) -> None:
    text = f"u64 f({parameter}) {{{{ return {{}}; }}}}"
    held = versions(BOUNDS, text.format(old), text.format(new)).hold()
    assert held.equal is equal
    assert not equal or held.comparison.assumptions


@pytest.mark.parametrize("lacking", ["PT64_ROOT_MAX_LEVEL", "KVM_PFN_ERR_NOSLOT_MASK"])
def test_without_the_kernels_own_bound_nothing_is_assumed(lacking: str, versions: Versions) -> None:
    bounds = BOUNDS.replace(f"#define {lacking}", "#define OTHER")
    name = "level" if lacking.startswith("PT") else "pfn"
    text = f"u64 f(u64 {name}) {{{{ return {{}}; }}}}"
    assert not versions(bounds, text.format(f"{name} >> 50"), text.format("0")).hold().equal
