"""The kinds of SPTEs: no value that KVM produces is of two of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from mmuproof.model.evidence import Evidence
from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.spte_changes import SpteAt
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.done import How
from mmuproof.proofs.given.hosts import plausible_host
from mmuproof.proofs.given.made_mmio import legal_gfn, made_mmio_spte
from mmuproof.proofs.given.made_spte import made_spte, untracked_from_start
from mmuproof.proofs.given.operations import OPERATIONS
from mmuproof.proofs.theorem import Catch, Claim, Theorem, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import (
    FALSE,
    BitVec,
    Bool,
    all_of,
    bit,
    bool_var,
    boolean,
    bv,
    eq,
    implies,
    negate,
    ule,
    ult,
    var,
    zext,
)
from mmuproof.spec import ept

_PAGE_SHIFT = 12
_LOWEST = 1
_MAKING = (How.MAKES, How.LINKS, How.ENDS)
_MADE: Mapping[str, str] = MappingProxyType(
    {
        "SHADOW_NONPRESENT_VALUE": "not present",
        "FROZEN_SPTE": "frozen",
        "make_mmio_spte()": "MMIO",
        "make_spte()": "present leaf",
        "make_nonleaf_spte()": "present non-leaf",
    }
)
"""Of which kind is what an operation makes from nothing; of what changes an SPTE `lifecycle` speaks."""


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """One kind: a value of it, and what KVM's predicates have to say of that."""

    name: str
    value: BitVec
    level: BitVec
    assumptions: tuple[Assumption, ...]
    shown: tuple[Shown, ...]
    evidence: Evidence
    empty: bool = False
    frozen: bool = False
    mmio: bool = False
    present: bool = False
    last: bool = False
    tracked: bool = False


def _fixed(kvm: Kvm, masks: ShadowMasks) -> list[_Kind]:
    """An SPTE that is not present, and a frozen one."""
    empty = kvm.constant("SHADOW_NONPRESENT_VALUE") if kvm.has(Feature.NONPRESENT_VALUE) else 0
    level, host = var("level", 4), plausible_host(masks)
    return [
        _Kind(
            name="not present",
            value=bv(empty, 64),
            level=level,
            assumptions=host,
            shown=(),
            evidence=masks.evidence,
            empty=True,
        ),
        _Kind(
            name="frozen",
            value=bv(kvm.constant("FROZEN_SPTE"), 64),
            level=level,
            assumptions=host,
            shown=(),
            evidence=masks.evidence,
            frozen=True,
        ),
    ]


def _mmio(kvm: Kvm, masks: ShadowMasks) -> _Kind:
    inputs = made_mmio_spte(kvm, masks)
    assumptions = (*inputs.assumptions, legal_gfn(masks, inputs.request.gfn))
    return _Kind(
        name="MMIO",
        value=inputs.spte,
        level=bv(_LOWEST, 4),
        assumptions=assumptions,
        shown=inputs.shown,
        evidence=inputs.evidence,
        mmio=True,
    )


def _leaf(kvm: Kvm, masks: ShadowMasks) -> _Kind:
    inputs = made_spte(kvm, masks)
    made = kvm.sptes.make_spte(masks, inputs.request)
    assumptions = [
        *inputs.assumptions,
        untracked_from_start(inputs),
        _below_usable(masks, "a page frame", inputs.request.pfn << _PAGE_SHIFT),
        Assumption(
            "the SPTE grants something: nothing is not asked for, and kvm_mmu_hugepage_adjust() maps no huge "
            "page for a fetch under the iTLB-multihit mitigation",
            _grants(kvm, masks, made.spte),
        ),
    ]
    if masks.vendor is Vendor.INTEL:
        granted = relations.ept_permissions(kvm, inputs.request.pte_access)
        assumptions.append(
            Assumption(
                "what can be written can be read: other EPT entries are misconfigured",
                implies(granted.write, granted.read),
            )
        )
    return _Kind(
        name="present leaf",
        value=made.spte,
        level=inputs.request.level,
        assumptions=tuple(assumptions),
        shown=(*inputs.shown, Shown("spte", made.spte, kind=NumberKind.SPTE)),
        evidence=made.evidence,
        present=True,
        last=True,
    )


def _grants(kvm: Kvm, masks: ShadowMasks, spte: BitVec) -> Bool:
    if masks.vendor is not Vendor.INTEL:
        return bit(spte, 0)
    return ept.present(spte, mbec=bool_var("MBEC enabled") if relations.has_mbec(kvm) else FALSE)


def _below_usable(masks: ShadowMasks, what: str, address: BitVec) -> Assumption:
    usable = bv(1, 64) << zext(masks.host.x86_phys_bits, 64)
    return Assumption(f"{what} is below the host's usable width", ult(address, usable))


def _access_tracked(kvm: Kvm, masks: ShadowMasks, leaf: _Kind) -> _Kind:
    tracked = kvm.sptes.access_track(masks, leaf.value)
    ad_type = leaf.value & kvm.constant("SPTE_TDP_AD_MASK")
    without = Assumption("the SPTE is without A/D bits", eq(ad_type, kvm.constant("SPTE_TDP_AD_DISABLED")))
    return replace(
        leaf,
        name="access-tracked",
        value=tracked.marked,
        assumptions=(*leaf.assumptions, without),
        shown=(*leaf.shown, Shown("marked", tracked.marked, kind=NumberKind.SPTE)),
        evidence=tracked.evidence,
        tracked=True,
    )


def _table(kvm: Kvm, masks: ShadowMasks) -> _Kind:
    page_table, ad_disabled, level = var("child_pt", 64), bool_var("sp->role.ad_disabled"), var("level", 4)
    made = kvm.spte_changes.make_nonleaf_spte(masks, page_table, ad_disabled)
    assumptions = (
        *plausible_host(masks),
        Assumption(
            "only EPT can be without A/D bits: sp->role.ad_disabled is 0",
            implies(ad_disabled, boolean(masks.vendor is Vendor.INTEL)),
        ),
        Assumption("a page table fills a page", eq(page_table & ((1 << _PAGE_SHIFT) - 1), 0)),
        _below_usable(masks, "a page table", page_table),
        Assumption("no entry of the lowest level refers to a table", all_of(ult(bv(_LOWEST, 4), level), ule(level, 5))),
    )
    return _Kind(
        name="present non-leaf",
        value=made.spte,
        level=level,
        assumptions=assumptions,
        shown=(Shown("child_pt", page_table), Shown("level", level), Shown("spte", made.spte, kind=NumberKind.SPTE)),
        evidence=made.evidence,
        present=True,
    )


def _claim(kvm: Kvm, masks: ShadowMasks, kind: _Kind) -> Claim:
    says = kvm.sptes.predicates(masks, kind.value)
    facts = kvm.spte_changes.facts(masks, SpteAt(kind.value, kind.level))
    empty = kvm.constant("SHADOW_NONPRESENT_VALUE") if kvm.has(Feature.NONPRESENT_VALUE) else 0
    answers = [
        ("mmio", "an MMIO SPTE", says.is_mmio, kind.mmio, "is_mmio_spte()"),
        ("frozen", "a frozen SPTE", says.is_frozen, kind.frozen, "is_frozen_spte()"),
        ("empty", "an SPTE that is not present", eq(kind.value, empty), kind.empty, "SHADOW_NONPRESENT_VALUE"),
        ("present", "a present SPTE", says.is_shadow_present, kind.present, "is_shadow_present_pte()"),
    ]
    if kind.present:
        tracked = facts.is_access_track_spte
        answers += [
            ("leaf", "a leaf", facts.is_last_spte, kind.last, "is_last_spte()"),
            ("tracked", "an access-tracked SPTE", tracked, kind.tracked, "is_access_track_spte()"),
        ]
    symptoms = []
    for name, noun, answer, right, predicate in answers:
        if right:
            symptoms.append(
                Wrong(
                    f"not-{name}", negate(answer), f"A value of the kind '{kind.name}' is not taken for {noun}."
                ).told(f"{predicate} is false", "KVM's comments in spte.h: it is one")
            )
        else:
            symptoms.append(
                Wrong(f"taken-for-{name}", answer, f"A value of the kind '{kind.name}' is taken for {noun}.").told(
                    predicate, "KVM's comments in spte.h: it is none"
                )
            )
    return always(
        all_of(*(negate(symptom.when) for symptom in symptoms)),
        given(
            *kind.assumptions,
            shown=(
                *kind.shown,
                Shown("shadow_mmio_value", masks.mmio_value),
                Shown("shadow_mmio_mask", masks.mmio_mask),
            ),
            evidence=kind.evidence,
            part=kind.name,
        ),
        *symptoms,
    )


def _exclusive(kvm: Kvm, vendor: Vendor) -> Sequence[Claim]:
    masks = kvm.masks.shadow_masks(vendor)
    made = {each.name for each in OPERATIONS if each.how in _MAKING and vendor in each.vendors}
    if unknown := made - _MADE.keys():
        raise LookupError(f"of what kind is what {', '.join(sorted(unknown))} makes? {__name__} does not say")
    leaf = _leaf(kvm, masks)
    kinds = [*_fixed(kvm, masks), _mmio(kvm, masks), leaf, _table(kvm, masks)]
    if vendor is Vendor.INTEL:
        kinds.append(_access_tracked(kvm, masks, leaf))
    return [_claim(kvm, masks, kind) for kind in kinds]


THEOREMS = (
    Theorem(
        name="layout.kinds-exclusive",
        claim="Of not present, frozen, MMIO, present leaf, present non-leaf and access-tracked, every value that KVM "
        "produces is of the kind that it was produced as, and of no other, by KVM's own predicates.",
        source="KVM's comments at SPTE_MMU_PRESENT_MASK, SPTE_MMIO_ALLOWED_MASK and FROZEN_SPTE",
        assumes=(
            "the host's address widths are architectural",
            "pages and page tables of the host are below its usable width",
            "the guest's addresses are those that KVM offers it",
            "a present SPTE grants something",
            "what an EPT entry lets be written it lets be read",
        ),
        state=_exclusive,
        catches=(
            Catch("mmio-generation-at-mmu-present", "taken-for-present"),
            *showing(
                "taken-for-mmio",
                "encryption-bit-marks-mmio",
                "mmio-value-like-empty",
                "frame-off-by-one",
                "mmio-bit-never-missing",
            ),
            Catch("track-mask-without-xu", "taken-for-tracked"),
        ),
    ),
)
