"""Between who makes an SPTE and who stores it: the value, the entry, and the table that it leads to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.stores import LinkStored, SmallStored, SplitStored, Stored
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, all_of, any_of, eq, iff, ite, ne, negate, ult

_LEVELS = 5
_MADE = "KVM: what was made for this entry"
_LOCKLESS = "KVM's comment at tdp_mmu_set_spte_atomic(): others may change an SPTE meanwhile"


# -- stored.value --------------------------------------------------------------------------------------------


def _symptoms(stored: Stored) -> Iterator[Symptom]:
    caller = f"{stored.caller}()"
    may_store = all_of(stored.makes, any_of(stored.locked, eq(stored.before, stored.judged)))
    changed = ne(stored.after, stored.before)
    yield Wrong("another-entry", stored.beside, f"{caller} changes another entry of the table than its own.").told(
        "a neighbour changes", "KVM: an SPTE is made for one entry"
    )
    unjudged = all_of(stored.makes, negate(may_store), changed)
    yield Wrong("not-what-was-judged", unjudged, f"{caller} overwrites an entry that another CPU has changed.").told(
        "the entry changes", _LOCKLESS
    )
    out_of_nothing = all_of(negate(stored.makes), changed)
    yield Wrong("out-of-nothing", out_of_nothing, f"{caller} changes an entry for which nothing was made.").told(
        "the entry changes", _MADE
    )
    other = all_of(may_store, changed, ne(stored.after, stored.made))
    yield Wrong("another-value", other, f"{caller} stores another value than the one that was made.").told(
        "another value", _MADE
    )
    nothing = all_of(may_store, negate(changed), ne(stored.after, stored.made))
    yield Wrong("not-stored", nothing, f"{caller} does not store what was made.").told("nothing", _MADE)


def _in_a_table(stored: Stored) -> Assumption:
    return Assumption("an entry stands at one of five levels", ult(stored.level - 1, _LEVELS))


def _as_made(stored: Stored) -> Claim:
    return never(
        given(
            _in_a_table(stored),
            shown=(
                Shown("the entry before", stored.before, kind=NumberKind.SPTE),
                Shown("what was judged", stored.judged, kind=NumberKind.SPTE),
                Shown("what was made", stored.made, kind=NumberKind.SPTE),
                Shown("the entry afterwards", stored.after, kind=NumberKind.SPTE),
            ),
            evidence=stored.evidence,
            part=f"{stored.caller}()",
        ),
        *_symptoms(stored),
    )


def _value(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    stores = kvm.stores
    if vendor is not Vendor.SHADOW:
        yield from map(_as_made, (stores.tdp_map(), stores.tdp_link(), stores.tdp_split().link))
    yield from map(_as_made, (stores.shadow_map(), stores.shadow_link(), stores.fast_fix()))


# -- stored.link ---------------------------------------------------------------------------------------------


def _to_child(linked: LinkStored) -> Claim:
    caller = f"{linked.caller}()"
    return never(
        given(
            _in_a_table(linked),
            shown=(Shown("ad_disabled", linked.ad_disabled),),
            evidence=linked.evidence,
            part=caller,
        ),
        Wrong(
            "another-table",
            all_of(linked.makes, negate(linked.childs_table)),
            f"{caller} lets the entry lead to another table than that of the page that it links.",
        ).told("another address", "KVM: sp->spt of the page that is linked"),
        Wrong(
            "another-ad-type",
            all_of(linked.makes, negate(iff(linked.ad_disabled, linked.childs_ad_disabled))),
            f"{caller} gives the entry another A/D type than the page has that it leads to.",
        ).told("another A/D type", "KVM: role.ad_disabled of the page that is linked"),
    )


def _link(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    stores = kvm.stores
    if vendor is not Vendor.SHADOW:
        yield from map(_to_child, (stores.tdp_link(), stores.tdp_split().link))
    yield _to_child(stores.shadow_link())


# -- stored.split --------------------------------------------------------------------------------------------


def _each(small: Sequence[SmallStored], wrong: Sequence[Bool]) -> Bool:
    return any_of(*(all_of(each.makes, when) for each, when in zip(small, wrong, strict=True)))


def _filled(split: SplitStored) -> Claim:
    link, small = split.link, split.small
    caller = f"{link.caller}()"
    huge = "KVM: make_small_spte() is told the huge SPTE that is replaced, the role of the small ones' page, the index"
    index = _each(small, [ne(each.index, number) for number, each in enumerate(small)])
    source = _each(small, [ne(each.huge_spte, link.judged) for each in small])
    role = _each(small, [ne(each.role, split.role) for each in small])
    value = _each(small, [ne(each.after, each.made) for each in small])
    kept = any_of(*(all_of(negate(each.makes), ne(each.after, each.before)) for each in small))
    return never(
        given(
            _in_a_table(link),
            shown=(Shown("huge_spte", link.judged, kind=NumberKind.SPTE),),
            evidence=link.evidence,
            part=caller,
        ),
        Wrong("another-index", index, f"{caller} fills an entry with what is made for another one.").told(
            "another index", huge
        ),
        Wrong("another-huge-page", source, f"{caller} fills a table from another SPTE than it replaces.").told(
            "another huge SPTE", huge
        ),
        Wrong("another-role", role, f"{caller} fills a table with what is made for a page of another role.").told(
            "another role", huge
        ),
        Wrong("another-value", value, f"{caller} stores another small SPTE than the one that was made.").told(
            "another value", _MADE
        ),
        Wrong("out-of-nothing", kept, f"{caller} changes an entry for which nothing was made.").told(
            "the entry changes", _MADE
        ),
    )


def _split(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    yield _filled(kvm.stores.tdp_split())


# -- stored.mirrored -----------------------------------------------------------------------------------------


def _mirrored(kvm: Kvm, _vendor: Vendor) -> Claim:
    made, name = kvm.stores.mirrored(), "tdp_mmu_set_spte_atomic()"
    due = ite(made.changes, ite(made.failed, made.judged, made.made), made.before)
    return never(
        given(
            shown=(
                Shown("the entry before", made.before, kind=NumberKind.SPTE),
                Shown("what was judged", made.judged, kind=NumberKind.SPTE),
                Shown("what was made", made.made, kind=NumberKind.SPTE),
                Shown("TDX fails", made.failed),
                Shown("the entry afterwards", made.after, kind=NumberKind.SPTE),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "not-what-was-judged",
            all_of(made.changes, ne(made.before, made.judged)),
            f"{name} changes TDX's entry although its mirror is another than was judged.",
        ).told("TDX is asked", _LOCKLESS),
        Wrong(
            "open-meanwhile",
            all_of(made.changes, ne(made.meanwhile, made.frozen)),
            f"{name} lets others use an entry while TDX changes its own.",
        ).told("the entry is not frozen", "KVM's comment in it: freeze the SPTE until the external change is done"),
        Wrong("another-value", ne(made.after, due), f"{name} leaves a mirror that is not what TDX has.").told(
            "another value", "KVM's comment in it: the old value if TDX could not, else the new one"
        ),
        Wrong("another-entry", made.beside, f"{name} changes another entry of the mirror than its own.").told(
            "a neighbour changes", "KVM: an SPTE is made for one entry"
        ),
        Wrong(
            "another-answer",
            negate(iff(made.succeeds, all_of(made.changes, negate(made.failed)))),
            f"{name} says wrongly whether the entry has been set.",
        ).told("another answer", "KVM's comment at it: 0 if the SPTE was set"),
    )


_TABLES = (Vendor.INTEL, Vendor.AMD)

THEOREMS = (
    Theorem(
        name="stored.value",
        claim="Who maps a page, links a table or fixes an SPTE leaves in the entry exactly the value that was made "
        "for it, and changes no other entry. Without KVM's lock it does so only where the entry still holds "
        "what was judged.",
        source="KVM's comments at tdp_mmu_set_spte_atomic(), mmu_spte_update() and fast_pf_fix_direct_spte()",
        assumes=(
            "what is done to a mirror of TDX's secure EPT succeeds, as for all tables of KVM's own",
            "other CPUs change an entry before it is exchanged, and then not until the function is done",
        ),
        state=several(_value),
        catches=(
            *showing("another-value", "tdp-map-stores-writable", "shadow-map-stores-writable"),
            *showing("not-what-was-judged", "tdp-store-unjudged", "fast-fix-unjudged", "tdp-exchange-rereads"),
            Catch("tdp-store-beside", "another-entry"),
        ),
    ),
    Theorem(
        name="stored.mirrored",
        claim="An entry that mirrors one of TDX's is frozen while TDX changes its own. Then it holds the new value, or "
        "what it held before where TDX could not; the caller is told which.",
        source="KVM's comments in tdp_mmu_set_spte_atomic()",
        assumes=("what changes TDX's entry says whether it could",),
        vendors=(Vendor.INTEL,),
        needs=(Need(Feature.MIRROR),),
        state=alone(_mirrored),
        catches=(Catch("mirror-set-after-failure", "another-value"), Catch("mirror-open-meanwhile", "open-meanwhile")),
    ),
    Theorem(
        name="stored.link",
        claim="An entry that links a page leads to the table of that page, and has the A/D type of that page.",
        source="KVM's comments at tdp_mmu_link_sp() and __link_shadow_page()",
        assumes=("a page of the TDP MMU is without A/D bits exactly if KVM is: the role of a root says so",),
        state=several(_link),
        catches=(
            Catch("tdp-links-parents-table", "another-table"),
            Catch("shadow-link-other-ad-type", "another-ad-type"),
        ),
    ),
    Theorem(
        name="stored.split",
        claim="Each entry of a table that a huge page is split into holds what make_small_spte() makes of that huge "
        "SPTE for this index and for the page of the table.",
        source="KVM's comment at tdp_mmu_split_huge_page()",
        vendors=_TABLES,
        state=several(_split),
        catches=(Catch("tdp-split-repeats-first", "another-index"),),
    ),
)
