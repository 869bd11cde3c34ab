"""What describes tables and walks in a vCPU: its structs and members, by the names that released kernels have for them.

A path with ``|`` is one of several, of which a tree has the first that there is.  Up to 7.2 a ``struct kvm_mmu`` has
what describes the guest's tables, what describes those of SPTEs, and what they permit; since 7.3 each table has a
format of its own, in which all of that is called alike.
"""

from __future__ import annotations

# The places of a ``struct kvm_vcpu``.
IN_USE, WALK_IN_USE = "arch.mmu", "arch.walk_mmu"
ROOT_MMU, GUEST_MMU, L2_MMU = "arch.root_mmu", "arch.guest_mmu", "arch.nested_mmu"
GUEST_WALK, NESTED_WALK = "arch.gva_walk", "arch.ngpa_walk"
WALKED_BY = (ROOT_MMU, GUEST_MMU, GUEST_WALK, NESTED_WALK)
"""What a call through a pointer may stand in."""

MMU = "struct kvm_mmu"
ROOT_ROLE, CPU_ROLE = "root_role", "cpu_role"
"""How its own tables are made, and which mode the guest is in."""
ROOT_ROLE_WORD, CPU_ROLE_BASE = f"{ROOT_ROLE}.word", f"{CPU_ROLE}.base"
CPU_ROLE_BASE_CR0_WP = f"{CPU_ROLE_BASE}.cr0_wp"
ROOT, PREV_ROOTS, HPA, PGD = "root", "prev_roots", "hpa", "pgd"
ROOT_HPA, ROOT_PGD = f"{ROOT}.{HPA}", f"{ROOT}.{PGD}"
MIRROR_ROOT_HPA = "mirror_root_hpa"
"""The root in use and former ones, and in each the address and what it is for."""
PAE_ROOT, PML4_ROOT, PML5_ROOT = "pae_root", "pml4_root", "pml5_root"
PAGE_FAULT, SYNC_SPTE, INJECT_PAGE_FAULT, INVLPG = "page_fault", "sync_spte", "inject_page_fault", "invlpg"
"""Handlers; the last up to 6.3."""
GET_GUEST_PGD = "get_guest_pgd"
"""What gives where the tables begin."""
PDPTRS = "pdptrs"
"""The guest's PDPTEs, up to 6.12."""
W = "w"
"""The walk of the guest's tables that goes with it, since 7.3."""
WALKERS = (MMU, "struct kvm_pagewalk")
"""What walks the guest's tables."""
TABLES = ("struct rsvd_bits_validate", "struct kvm_page_format")
"""What holds the reserved bits of a table."""
GUEST_TABLE, SPTE_TABLE = ("guest_rsvd_check", "fmt"), ("shadow_zero_check", "fmt")
"""Where they are, of the guest's entries and of SPTEs."""
_FORMAT = "fmt"
ROWS, MISCONFIGURED = "rsvd_bits_mask", "bad_mt_xwr"
"""In it, the bits of each level, and which combinations are misconfigured."""
PERMISSIONS, PROTECTION_KEYS = "permissions", "pkru_mask"
"""What entries permit, and what protection keys forbid."""


def in_format(name: str) -> str:
    """Where something is that the struct around has itself, up to 7.2."""
    return f"{name}|{only_in_format(name)}"


def only_in_format(name: str) -> str:
    """Where something is that only kernels with formats have."""
    return f"{_FORMAT}.{name}"


FORMAT_PARTS = tuple(only_in_format(each) for each in (ROWS, MISCONFIGURED))
"""What only kernels with formats have of a table."""


def whole(position: int, table: tuple[str, str]) -> tuple[tuple[int, str], ...]:
    """What the set-up of a table may write behind an argument: all that holds the table, or its parts of a format."""
    former, now = table
    return tuple((position, f"{former}|{now}.{part}") for part in (ROWS, MISCONFIGURED))


def parts(position: int, table: tuple[str, str]) -> tuple[tuple[int, str], ...]:
    """The same of a set-up that writes no more than the parts of the table."""
    return tuple((position, "|".join(f"{holder}.{part}" for holder in table)) for part in (ROWS, MISCONFIGURED))
