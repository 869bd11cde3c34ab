"""What `spte.no-warning` runs: the lifted functions that assert something, under the conditions that they need.

Code that is newly lifted is covered by one more line of `runs`, an operation on SPTEs by its
entry in the list of operations; what its assertions need stands in the table of
`mmuproof.proofs.warnings.conditions`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

from mmuproof.model.evidence import Evidence
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.spte_changes import SpteAt, SpteChange
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given import held_spte, operations, relations
from mmuproof.proofs.given.asked_mapping import AskedMapping, prefetched, synchronized
from mmuproof.proofs.given.done import Done, How
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.made_spte import made_spte
from mmuproof.proofs.given.nested_set_up import asked_for
from mmuproof.proofs.given.operations import Operation, on_leaf
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.warnings import conditions as conditions
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import (
    FALSE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bit,
    bool_var,
    eq,
    iff,
    implies,
    ne,
    negate,
    ule,
    var,
)

_LARGEST_L1TF_WIDTH = 46
_PAGE_WALK_LEVEL, _FOUR_LEVELS, _FIVE_LEVELS = 0x38, 3 << 3, 4 << 3
_EFER_LMA, _CR4_PAE = 1 << 10, 1 << 5
_WRITABLE, _SUPPRESS_VE = 1, 63


@dataclass(frozen=True)
class Run:
    """Lifted functions, run on free inputs under the conditions of their assertions.

    Args:
        name: what is run.
        evidence: with the assertions.
        conditions: what the assertions need, and what is taken for granted of any caller.
        shown: the inputs.
    """

    name: str
    evidence: Evidence
    conditions: tuple[Assumption, ...]
    shown: tuple[Shown, ...] = ()


# -- masks, SPTEs, access tracking ----------------------------------------------------------------------------


def _mask_set_up(kvm: Kvm, vendor: Vendor) -> Run:
    masks = kvm.masks.shadow_masks(vendor)
    width = masks.host.x86_cache_bits
    needed = conditions.L1TF_WIDTH.holds(ule(width, _LARGEST_L1TF_WIDTH))
    shown = (Shown("boot_cpu_data.x86_cache_bits", width), Shown("shadow_mmio_mask", masks.mmio_mask))
    return Run("set-up of the masks", masks.evidence, (*plausible_host(masks), needed), shown)


def _make_spte(kvm: Kvm, vendor: Vendor) -> Run:
    masks = kvm.masks.shadow_masks(vendor)
    inputs = made_spte(kvm, masks)
    request, made = inputs.request, kvm.sptes.make_spte(masks, inputs.request)
    huge_and_writable = all_of(ne(request.level, 1), bit(made.spte, _WRITABLE))
    needed = [
        conditions.NOT_RESERVED.holds(negate(made.reserved)),
        conditions.NO_HUGE_PAGE_WHEN_LOGGED.holds(implies(made.logged, negate(huge_and_writable))),
    ]
    if vendor is Vendor.INTEL:
        needed.append(conditions.GRANTS_SOMETHING.holds(ne(request.pte_access, 0)))
    shown = (*inputs.shown, Shown("the slot logs writes", made.logged), Shown("spte", made.spte, kind=NumberKind.SPTE))
    return Run("make_spte()", _apart(made.evidence, masks), (*inputs.assumptions, *needed), shown)


def _access_track(kvm: Kvm, vendor: Vendor) -> Run:
    masks, spte = kvm.masks.shadow_masks(vendor), var("spte", 64)
    tracked = kvm.sptes.access_track(masks, spte)
    slots = kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_MASK") << kvm.constant("SHADOW_ACC_TRACK_SAVED_BITS_SHIFT")
    needed = (
        conditions.MMU_PRESENT.holds(has(spte, kvm.constant("SPTE_MMU_PRESENT_MASK"))),
        _writable_states(masks, spte),
        conditions.SAVED_SLOTS_CLEAR.holds(any_of(tracked.was_access_track, eq(spte & slots, 0))),
    )
    shown = (Shown("spte", spte, kind=NumberKind.SPTE), Shown("marked", tracked.marked, kind=NumberKind.SPTE))
    return Run("access tracking", _apart(tracked.evidence, masks), (*plausible_host(masks), *needed), shown)


# -- what changes SPTEs ---------------------------------------------------------------------------------------


def _held(kvm: Kvm, masks: ShadowMasks, at: SpteAt) -> tuple[Assumption, ...]:
    """What the assertions of whatever changes an SPTE need of it."""
    needed = [_writable_states(masks, at.spte)]
    needed += [conditions.SAVED_SLOTS_CLEAR.holds(each.term) for each in held_spte.slots_are_clear(kvm, masks, at)]
    if masks.vendor is Vendor.INTEL and kvm.has(Feature.NONPRESENT_VALUE):
        needed.append(conditions.SUPPRESSES_VE.holds(bit(at.spte, _SUPPRESS_VE)))
    return tuple(needed)


def _besides(kvm: Kvm, masks: ShadowMasks, done: Done) -> Iterator[Assumption]:
    """What the assertions of one operation need besides."""
    match done.name:
        case SpteChange.TDP_CLEAR_DIRTY.value | SpteChange.TDP_CLEAR_DIRTY_MASKED.value:
            needs = kvm.spte_changes.facts(masks, done.held).spte_ad_need_write_protect
            without = negate(masks.host.has_ad_bits) if masks.vendor is Vendor.INTEL else FALSE
            yield conditions.TDP_AD_TYPE.holds(iff(needs, without))
        case SpteChange.RMAP_ZAP.value:
            zapped = kvm.spte_changes.change(masks, SpteChange.RMAP_ZAP, done.held)
            yield conditions.REFERENCED_PAGE.holds(negate(zapped.without_reference))
        case SpteChange.TDP_AGE.value:
            yield conditions.NO_MIRROR.holds(negate(kvm.spte_changes.page_is_mirror(masks)))
        case "fast_page_fault()":
            fixed = kvm.spte_changes.fast_page_fault(masks, held_spte.any_fault()[0], done.held)
            yield conditions.LOADED_ROOT.holds(fixed.root_loaded)
        case "make_mmio_spte()":
            yield conditions.CACHES_MMIO.holds(masks.enable_mmio_caching)


def _collapse(kvm: Kvm, vendor: Vendor) -> Run:
    masks = kvm.masks.shadow_masks(vendor)
    held, level = held_spte.held_leaf(kvm, masks), var("level of the huge page", 4)
    made = kvm.spte_changes.make_huge_spte(masks, held.at.spte, level)
    above = all_of(negate(ule(level, 1)), ule(level, 3))
    needed = (*held.assumptions, *_held(kvm, masks, held.at), conditions.ABOVE_4K.holds(above))
    return Run("make_huge_spte()", _apart(made.evidence, masks), needed, (*held.shown, Shown("level'", level)))


# Operations that are run on inputs of their own: the assertions of others say nothing of what is free in these.
_ON_INPUTS_OF_THEIR_OWN: Mapping[str, Callable[[Kvm, Vendor], Run]] = MappingProxyType(
    {"make_spte()": _make_spte, "mark_spte_for_access_track()": _access_track, "make_huge_spte()": _collapse}
)


def _operation(operation: Operation, kvm: Kvm, vendor: Vendor) -> Run:
    if operation.name in _ON_INPUTS_OF_THEIR_OWN:
        return _ON_INPUTS_OF_THEIR_OWN[operation.name](kvm, vendor)
    masks = kvm.masks.shadow_masks(vendor)
    done = on_leaf(kvm, masks, operation)
    if done is None:
        raise NotThere([operation.name])
    of_before = () if done.before is None else _held(kvm, masks, done.before)
    needed = (*done.found, *done.needs, *of_before, *_besides(kvm, masks, done))
    return Run(operation.name, _apart(done.evidence, masks), needed, done.shown)


# -- MMIO -----------------------------------------------------------------------------------------------------


def _invalidate_mmio(kvm: Kvm, vendor: Vendor) -> Run:
    masks, generation = kvm.masks.shadow_masks(vendor), var("generation", 64)
    done = kvm.mmio.invalidate_mmio_sptes(masks, generation)
    in_progress = kvm.constant("KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS")
    needed = (*plausible_host(masks), conditions.SETTLED_GENERATION.holds(eq(generation & in_progress, 0)))
    evidence = _apart(done.evidence, masks)
    return Run("kvm_mmu_invalidate_mmio_sptes()", evidence, needed, (Shown("generation", generation),))


# -- walks and roles ------------------------------------------------------------------------------------------


def _permission_fault(kvm: Kvm, vendor: Vendor) -> Run:
    walk = kvm.walks.guest_walk(relations.WALKS[vendor])
    inputs = relations.fault_inputs(kvm)
    result = kvm.walks.permission_fault(walk, inputs.pte_access, inputs.pte_pkey, inputs.access)
    low_half, _, *others = inputs.assumptions
    needed = (conditions.LOW_HALF.holds(low_half.term), *others, relations.paging_on(walk))
    return Run("permission_fault()", result.evidence, needed, inputs.shown)


def _nested_set_up(kvm: Kvm, vendor: Vendor) -> Run:
    controls = asked_for()
    done = kvm.walks.nested_set_up(relations.WALKS[vendor], controls)
    host = plausible_host(kvm.masks.shadow_masks(vendor))
    if vendor is Vendor.INTEL:
        needed = (
            conditions.PAGE_WALK_LEVEL.holds(asks_for_levels(done.eptp)),
            conditions.NOT_IN_SMM.holds(negate(done.in_smm)),
        )
        return Run("kvm_init_shadow_ept_mmu()", done.walk.evidence, (*host, *needed), (Shown("new_eptp", done.eptp),))
    long_mode = has(controls.efer, _EFER_LMA)
    needed = (
        conditions.IN_GUEST_MODE.holds(done.in_guest_mode),
        conditions.LONG_MODE_HAS_PAE.holds(implies(long_mode, has(controls.cr4, _CR4_PAE))),
    )
    shown = (Shown("CR4", controls.cr4), Shown("EFER", controls.efer))
    return Run("kvm_init_shadow_npt_mmu()", done.walk.evidence, (*host, *needed), shown)


def asks_for_levels(eptp: BitVec) -> Bool:
    """Whether an EPTP asks for 4 or 5 levels."""
    level = eptp & _PAGE_WALK_LEVEL
    return any_of(eq(level, _FOUR_LEVELS), eq(level, _FIVE_LEVELS))


def _child_role(kvm: Kvm, vendor: Vendor) -> Run:
    done = kvm.roles.child_role(bool_var("direct"), var("access", 32))
    short_entries = ne(done.parent["has_4_byte_gpte"], 0)
    needed = (
        conditions.VALID_PARENT.holds(eq(done.parent["invalid"], 0)),
        conditions.ONLY_LEAVES_BELOW.holds(implies(short_entries, eq(done.parent["level"], 2))),
    )
    shown = tuple(Shown(f"parent.{name}", done.parent[name]) for name in ("level", "has_4_byte_gpte", "invalid"))
    return Run("kvm_mmu_child_role()", done.evidence, needed, shown)


def _load_ept(kvm: Kvm, vendor: Vendor) -> Run:
    loaded = kvm.hardware_controls.load_ept(nested=False)
    same = any_of(loaded.dummy, eq(loaded.level, loaded.page_level))
    return Run("kvm_mmu_load_pgd()", loaded.evidence, (conditions.ROOT_HAS_ROLE.holds(same),))


# -- callers of make_spte() -----------------------------------------------------------------------------------


def _prefetch_gpte(kvm: Kvm, vendor: Vendor) -> Run:
    return _caller(prefetched(kvm))


def _sync_spte(kvm: Kvm, vendor: Vendor) -> Run:
    found = synchronized(kvm)
    run, asked = _caller(found), found.asked
    own = (conditions.HAD_AN_SPTE.holds(asked.had_spte), conditions.LEAF_PAGE.holds(eq(asked.level, 1)))
    return replace(run, conditions=(*run.conditions, *own))


def _caller(found: AskedMapping) -> Run:
    return Run(f"{found.asked.caller}()", found.asked.evidence, found.assumptions, found.shown)


def _hugepage_adjust(kvm: Kvm, vendor: Vendor) -> Run:
    return Run("kvm_mmu_hugepage_adjust()", kvm.mappings.hugepage_adjust().evidence, ())


def _writable_states(masks: ShadowMasks, spte: BitVec) -> Assumption:
    return conditions.WRITABLE_STATES.holds(held_spte.writable_in_order(masks, spte))


def _apart(evidence: Evidence, masks: ShadowMasks) -> Evidence:
    """What happened after the masks were set up, which is a run of its own."""
    known = set(masks.evidence.checks)
    return replace(evidence, checks=tuple(check for check in evidence.checks if check not in known))


_EVERYWHERE = (Vendor.INTEL, Vendor.AMD, Vendor.SHADOW)
_NESTED = (Vendor.INTEL, Vendor.AMD)

_ORDER = (How.MAKES, How.MARKS, How.CHANGES, How.FIXES, How.SPLITS, How.COLLAPSES, How.LINKS, How.ENDS)


def _of_operations() -> Iterator[tuple[Callable[[Kvm, Vendor], Run], Collection[Vendor]]]:
    """Every operation on SPTEs that is more than storing a constant."""
    for operation in sorted(operations.OPERATIONS, key=lambda each: _ORDER.index(each.how)):
        if operation.on_leaf is not None:
            yield partial(_operation, operation), operation.vendors


def runs() -> Iterator[tuple[Callable[[Kvm, Vendor], Run], Collection[Vendor]]]:
    """What is run, and for which tables."""
    yield _mask_set_up, _EVERYWHERE
    yield from _of_operations()
    yield _invalidate_mmio, _EVERYWHERE
    yield _permission_fault, _EVERYWHERE
    yield _nested_set_up, _NESTED
    yield _child_role, _EVERYWHERE
    yield _load_ept, (Vendor.INTEL,)
    yield _prefetch_gpte, (Vendor.INTEL,)
    yield _sync_spte, (Vendor.INTEL,)
    yield _hugepage_adjust, _EVERYWHERE
