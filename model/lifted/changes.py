"""What code changes between two points of a run, of all that decides about what a guest may touch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from mmuproof.lift.c_types import Leaf, RecordType
from mmuproof.lift.machine.memory import Memory, Object, ObjectKind, Pointer, same_place
from mmuproof.lift.machine.values import leaves
from mmuproof.model.named import guest_walker, kvm_memory_slot, kvm_mmu, kvm_mmu_page, kvm_page_fault, kvm_vcpu
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, any_of, ne, negate

_SPTE_BITS = 64
_OF_FAULT = (
    kvm_page_fault.ADDR,
    kvm_page_fault.ERROR_CODE,
    kvm_page_fault.EXEC,
    kvm_page_fault.GFN,
    kvm_page_fault.GOAL_LEVEL,
    kvm_page_fault.HUGE_PAGE_DISALLOWED,
    kvm_page_fault.HVA,
    kvm_page_fault.IS_PRIVATE,
    kvm_page_fault.IS_TDP,
    kvm_page_fault.MAP_WRITABLE,
    kvm_page_fault.MAX_LEVEL,
    kvm_page_fault.MMU_SEQ,
    kvm_page_fault.NX_HUGE_PAGE_WORKAROUND_ENABLED,
    kvm_page_fault.PFN,
    kvm_page_fault.PREFETCH,
    kvm_page_fault.PRESENT,
    kvm_page_fault.REFCOUNTED_PAGE,
    kvm_page_fault.REQ_LEVEL,
    kvm_page_fault.RSVD,
    kvm_page_fault.SLOT,
    kvm_page_fault.USER,
    kvm_page_fault.WRITE,
    kvm_page_fault.WRITE_FAULT_TO_SHADOW_PGTABLE,
)
_OF_WALK = (
    guest_walker.GFN,
    guest_walker.LEVEL,
    guest_walker.MAX_LEVEL,
    guest_walker.PREFETCH_PTES,
    guest_walker.PTEP_USER,
    guest_walker.PTES,
    guest_walker.PTE_ACCESS,
    guest_walker.PTE_GPA,
    guest_walker.PTE_WRITABLE,
    guest_walker.PT_ACCESS,
    guest_walker.TABLE_GFN,
)
_OF_PAGE = (
    kvm_mmu_page.GFN,
    kvm_mmu_page.ROLE,
    kvm_mmu_page.SPT,
    kvm_mmu_page.SHADOWED_TRANSLATION,
    kvm_mmu_page.MMU_VALID_GEN,
)
_OF_VCPU = (kvm_mmu.IN_USE, kvm_mmu.WALK_IN_USE, *kvm_mmu.WALKED_BY, kvm_mmu.L2_MMU)
_WATCHED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        kvm_page_fault.STRUCT: _OF_FAULT,
        kvm_mmu_page.STRUCT: _OF_PAGE,
        kvm_vcpu.STRUCT: _OF_VCPU,
        kvm_memory_slot.STRUCT: (kvm_memory_slot.FLAGS, kvm_memory_slot.BASE_GFN, kvm_memory_slot.NPAGES),
    }
)
"""Of each struct, the members that decide."""


def strays(earlier: Memory, later: Memory, may: Collection[str] = (), entries: Collection[Object] = ()) -> Bool:
    """Whether something that decides about a guest's access is another later than earlier.

    That is what a fault says, what a walk of the guest's tables has noted, which page of SPTEs is for what, how the
    MMUs of a vCPU are set up, what a memory slot is, and every SPTE.

    Args:
        earlier: the one memory.
        later: the other.
        may: the members that may be, by their paths.
        entries: objects that may be.
    """
    found: list[Bool] = []
    for object_ in later.changed:
        if object_.kind is not ObjectKind.INPUT or object_ in entries:
            continue
        for offset, width in later.written(object_):
            found += [
                _differs(object_, leaf, earlier, later)
                for leaf in leaves(object_, offset, width)
                if _decides(object_, leaf) and not _is_one_of(leaf.path, may)
            ]
    return any_of(*found)


def differ(object_: Object, members: Collection[str], earlier: Memory, later: Memory) -> Bool:
    """Whether one of some members of an object, given by their paths, is another later than earlier."""
    held = (leaf for leaf in leaves(object_, 0, object_.type.bits) if _is_one_of(leaf.path, members))
    return any_of(*(_differs(object_, leaf, earlier, later) for leaf in held))


def _differs(object_: Object, leaf: Leaf, earlier: Memory, later: Memory) -> Bool:
    before, after = (memory.read(object_, leaf.offset, leaf.width) for memory in (earlier, later))
    if isinstance(before, BitVec) and isinstance(after, BitVec):
        return ne(before, after)
    if isinstance(before, BitVec) or isinstance(after, BitVec):
        return TRUE
    return FALSE if before is after else negate(any_of(same_place(before, after), all_of(_none(before), _none(after))))


def _none(pointer: Pointer) -> Bool:
    """Whether a pointer leads nowhere."""
    return any_of(*(target.guard for target in pointer.targets if target.is_null))


def _decides(object_: Object, leaf: Leaf) -> bool:
    if not isinstance(object_.type, RecordType):
        return leaf.width == _SPTE_BITS
    name = object_.type.name
    watched = _OF_WALK if name.startswith(guest_walker.STRUCT) else _WATCHED.get(name, ())
    return _is_one_of(leaf.path, watched)


def _is_one_of(path: str, members: Collection[str]) -> bool:
    """Whether a path is that of one of some members, or of a part of one."""
    return any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in members)
