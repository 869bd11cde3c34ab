"""What KVM does to an SPTE: the one list of operations, over which theorems quantify.

A new operation is one more entry of `OPERATIONS`, and every theorem that speaks of all operations speaks of it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from mmuproof.model.kvm import Kvm, NotThere
from mmuproof.model.masks import ShadowMasks
from mmuproof.model.spte_changes import SpteChange
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import always, given
from mmuproof.proofs.given import on_entries, on_leaves
from mmuproof.proofs.given.done import Done, How
from mmuproof.proofs.theorem import Claim
from mmuproof.smt.terms import all_of

Performed = Callable[[Kvm, ShadowMasks], Done]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that KVM does to an SPTE.

    Args:
        name: what it is called.
        how: what it starts from and what it leaves.
        on_leaf: does it to the inputs of `spte.*`; None for what these speak of elsewhere.
        on_entry: does it to the inputs of `lifecycle.*`.
        vendors: on whose tables KVM can use it.
        defined: the constant without which a tree does not have it, if it is one that is stored.
        may_lack: whether trees can be without it.
    """

    name: str
    how: How
    on_leaf: Performed | None
    on_entry: Performed
    vendors: Collection[Vendor] = tuple(Vendor)
    defined: str = ""
    may_lack: bool = False


def _in_place(change: SpteChange) -> Operation:
    return Operation(
        name=change.value,
        how=How.CHANGES,
        on_leaf=partial(on_leaves.changed, change),
        on_entry=partial(on_entries.changed, change),
        vendors=[vendor for vendor in Vendor if change.happens(vendor)],
    )


def _stored(name: str) -> Operation:
    return Operation(name=name, how=How.ENDS, on_leaf=None, on_entry=partial(on_entries.stored, name), defined=name)


OPERATIONS: tuple[Operation, ...] = (
    Operation(name="make_spte()", how=How.MAKES, on_leaf=on_leaves.made, on_entry=on_entries.made),
    Operation(name="make_nonleaf_spte()", how=How.LINKS, on_leaf=on_leaves.linked, on_entry=on_entries.linked),
    Operation(name="make_mmio_spte()", how=How.ENDS, on_leaf=on_leaves.ended, on_entry=on_entries.ended),
    _stored("FROZEN_SPTE"),
    _stored("SHADOW_NONPRESENT_VALUE"),
    Operation(name="make_small_spte()", how=How.SPLITS, on_leaf=on_leaves.split, on_entry=on_entries.split),
    Operation(
        name="make_huge_spte()",
        how=How.COLLAPSES,
        on_leaf=on_leaves.collapsed,
        on_entry=on_entries.collapsed,
        # Others zap what they want to be huge.
        may_lack=True,
    ),
    *(_in_place(change) for change in SpteChange),
    Operation(name="mark_spte_for_access_track()", how=How.MARKS, on_leaf=on_leaves.marked, on_entry=on_entries.marked),
    Operation(name="fast_page_fault()", how=How.FIXES, on_leaf=on_leaves.fixed, on_entry=on_entries.fixed),
)
"""Everything that gives an entry of KVM's page tables a value."""

# Marking is a step of ageing, and so spoken of with it.
LEAVING_PAGES = frozenset(How) - {How.LINKS, How.ENDS, How.MARKS}
"""How an operation comes to leave an SPTE that maps a page."""
CHANGING_PAGES = LEAVING_PAGES - {How.MAKES}
"""The same of one that has found such an SPTE."""


def on_leaf(kvm: Kvm, masks: ShadowMasks, operation: Operation) -> Done | None:
    """An operation done to what `spte.*` speak of; None in a tree that is without it."""
    if operation.on_leaf is None:
        return None
    try:
        return replace(operation.on_leaf(kvm, masks), name=operation.name, how=operation.how)
    except NotThere:
        if operation.may_lack:
            return None
        raise


def on_entries_of(kvm: Kvm, masks: ShadowMasks, hows: Collection[How]) -> Iterator[Done]:
    """The operations of some kinds that KVM has, done to what `lifecycle.*` speak of."""
    for operation in _that_happen(masks.vendor, hows):
        if not operation.defined or kvm.defines(operation.defined):
            yield replace(operation.on_entry(kvm, masks), name=operation.name, how=operation.how)


def for_all(
    kvm: Kvm, masks: ShadowMasks, state: Callable[[Done], Claim], hows: Collection[How] = LEAVING_PAGES
) -> list[Claim]:
    """A claim about every operation of some kinds, done to an SPTE that maps a page; all those in place share one."""
    claims: list[Claim] = []
    for how, operations in groupby(_that_happen(masks.vendor, hows), key=lambda operation: operation.how):
        done = [on_leaf(kvm, masks, operation) for operation in operations]
        stated = [state(each) for each in done if each is not None]
        claims += [_each_in_place(stated)] if how is How.CHANGES else stated
    return claims


def in_place(kvm: Kvm, masks: ShadowMasks, which: Callable[[SpteChange], bool]) -> Iterator[tuple[SpteChange, Done]]:
    """The operations in place of one kind, each done to an SPTE that maps a page."""
    for change in SpteChange:
        if which(change) and change.happens(masks.vendor):
            yield change, replace(on_leaves.changed(change, kvm, masks), name=change.value)


def _that_happen(vendor: Vendor, hows: Collection[How]) -> Iterator[Operation]:
    return (each for each in OPERATIONS if each.how in hows and vendor in each.vendors)


def _each_in_place(claims: Sequence[Claim]) -> Claim:
    """The claims about all operations in place as one: they assume the same of the same SPTE."""
    first = claims[0]
    return always(
        all_of(*(claim.holds for claim in claims)),
        given(
            *first.case.assumptions,
            shown=first.case.shown[:-1],
            evidence=sum((claim.case.evidence for claim in claims[1:]), first.case.evidence),
            part="operations in place",
        ),
        *(
            replace(
                symptom,
                sentence=f"{symptom.sentence}  The operation is {claim.case.part}.",
                shown=claim.case.shown[-1:],
                evidence=claim.case.evidence,
            )
            for claim in claims
            for symptom in claim.symptoms
        ),
    )
