"""What a round of the loops does that follow a guest's page tables down and map the page below them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from mmuproof.model.fetches import LEVELS, Fetched, PageLinked, PageWanted
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.loop.mapping import before_its_goal, no_table, symptoms
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, BitVec, Bool, all_of, any_of, bv, eq, iff, ite, ne, negate, resize, ule, ult
from mmuproof.spec import table_numbers

_PAE_LEVELS, _TABLES_OF_PAE = 3, 2
FORMATS: Mapping[Vendor, tuple[GpteFormat, ...]] = MappingProxyType(
    {
        Vendor.INTEL: (GpteFormat.EPT,),
        Vendor.AMD: (GpteFormat.PAGING64,),
        Vendor.SHADOW: (GpteFormat.PAGING64, GpteFormat.PAGING32),
    }
)


def _moves_elsewhere(goes_on: Bool, level: BitVec, next_level: BitVec) -> Bool:
    """Whether a walk goes on anywhere but one level below, or to its end."""
    return all_of(goes_on, ne(next_level, level - 1), ne(next_level, 0))


def _of_entry(name: str, asks: PageWanted, links: PageLinked) -> Iterator[Symptom]:
    elsewhere = any_of(all_of(asks.when, asks.elsewhere), all_of(links.when, links.elsewhere))
    yield Wrong("another-entry", elsewhere, f"{name} links a page at another entry than that of its walk.").told(
        "another entry", "KVM: the walk stands at the entry that translates the fault's address"
    )
    yield Wrong(
        "another-page", all_of(links.when, links.another), f"{name} links another page than it has asked for."
    ).told("another page", "KVM: the page of kvm_mmu_get_child_sp() is linked")


def _standing(fetched: Fetched) -> tuple[Assumption, ...]:
    """Where the walks stand."""
    above, below = fetched.guest, fetched.direct
    levels = len(fetched.tables)
    return (
        Assumption(
            "the walk of the guest's tables has ended at one of their levels", ult(fetched.guest_level - 1, levels)
        ),
        Assumption(
            "KVM's walk stands between the level at which the guest's has ended and the topmost, or is at its end",
            any_of(above.at_end, all_of(ule(fetched.guest_level, above.level), ule(above.level, levels))),
        ),
        Assumption(
            "below that, it stands at one of five levels, or is at its end",
            any_of(below.map.at_end, ult(below.level - 1, LEVELS)),
        ),
    )


# -- above the level of the guest's last entry ---------------------------------------------------------------


def _guest(fetched: Fetched) -> Iterator[Symptom]:
    name, made = f"{fetched.function}()", fetched.guest
    asks, links = made.asks, made.links
    # What a round links is the page of the table one level below: SDM 4.5, 31.3.2; APM 5.3.
    wanted = fetched.tables[0]
    gfn, access = wanted.gfn, wanted.access
    for level, table in enumerate(fetched.tables[1:], 2):
        at = eq(made.level - 1, level)
        gfn, access = ite(at, table.gfn, gfn), ite(at, table.access, access)
    in_memory = ite(eq(fetched.guest_levels, _PAE_LEVELS), bv(_TABLES_OF_PAE, 32), fetched.guest_levels)
    yield Wrong(
        "root-entry-unchecked",
        all_of(made.enters, negate(all_of(made.top_unchanged, eq(made.top_level, in_memory)))),
        f"{name} begins although the guest's topmost entry may have changed since it was walked.",
    ).told("pages are linked", "KVM's comment in it: the top-level gpte is still there")
    yield Wrong(
        "below-zeros",
        all_of(made.enters, made.of_dummy),
        f"{name} links pages in the page of zeros, which others read as well.",
    ).told("the page of zeros is written", "KVM's comment in it: a dummy root is replaced, and never filled in")
    yield from _of_entry(name, asks, links)
    yield Wrong(
        "another-table", all_of(asks.when, ne(asks.gfn, gfn)), f"{name} links a page that shadows another guest table."
    ).told("another frame", "KVM: the table of the level below, which the walk has read")
    yield Wrong(
        "another-access",
        all_of(asks.when, ne(asks.access, access)),
        f"{name} links a page that grants other rights than the guest's entries above it.",
    ).told("other rights", "SDM 4.6, 31.3.3.2: what all entries on the way grant; KVM: pt_access of the walk")
    yield Wrong("shadows-nothing", all_of(asks.when, asks.direct), f"{name} links a page that shadows no table.").told(
        "a direct page", "KVM: pages above the guest's last level shadow its tables"
    )
    yield Wrong(
        "stale-entry",
        all_of(any_of(links.when, made.goes_on), negate(made.unchanged)),
        f"{name} goes by a guest entry that may have changed since it was walked.",
    ).told("a page is linked or kept", "KVM's comment in it: the gpte is verified after the page is got")
    yield Wrong(
        "unsynchronized",
        all_of(links.when, negate(made.synchronized)),
        f"{name} links a page with pages below it that are out of step with the guest's tables.",
    ).told("the page is linked", "SDM 4.10.2.3: entries that are not present are not cached; KVM's comment in it")
    yield Wrong(
        "goes-on-without-table",
        all_of(made.goes_on, negate(all_of(asks.when, any_of(asks.found, links.when)))),
        f"{name} goes on below an entry that leads to no table.",
    ).told("the walk goes on", "KVM: the walk goes down to the table that its entry leads to")
    yield Wrong(
        "another-level",
        any_of(
            _moves_elsewhere(made.goes_on, made.level, made.next_level),
            all_of(asks.when, ule(made.level, fetched.guest_level)),
            all_of(fetched.direct.enters, negate(made.at_end), ne(fetched.direct.first_level, fetched.guest_level)),
        ),
        f"{name} follows the guest's tables to another level than that at which their walk has ended.",
    ).told("another level", "KVM: the guest's tables end at walker->level")
    if made.of_itself is not None:
        itself = all_of(made.goes_on, fetched.write, eq(gfn, fetched.gfn))
        yield Wrong(
            "own-table-unnoted",
            all_of(itself, negate(made.of_itself)),
            f"{name} does not note that the guest writes to a table through which it writes.",
        ).told("no note", "KVM's comment at write_fault_to_shadow_pgtable")


def _above(fetched: Fetched) -> Claim:
    made = fetched.guest
    return never(
        given(
            *_standing(fetched),
            shown=(
                Shown("level of KVM's walk", made.level),
                Shown("gw.level", fetched.guest_level),
                Shown("role.level", fetched.guest_levels),
                Shown("gfn of the page", made.asks.gfn),
                Shown("access of the page", made.asks.access),
                Shown("level of the next round", made.next_level),
            ),
            evidence=fetched.evidence,
            part=f"{fetched.function}() above the guest's last entry",
        ),
        *_guest(fetched),
    )


# -- from there to the page ----------------------------------------------------------------------------------


def _direct(fetched: Fetched) -> Iterator[Symptom]:
    name, made = f"{fetched.function}()", fetched.direct
    asks, links, level = made.asks, made.links, made.level
    at_leaf = made.map.maps.when
    yield Wrong(
        "size-chosen-early",
        all_of(made.enters, negate(made.adjusted)),
        f"{name} does not decide how large the page may be after it has linked the pages above it.",
    ).told("a page of a size that is not allowed", "KVM's comment in it: the size is adjusted after shadow pages exist")
    yield from symptoms(made.map)
    yield no_table(made.map, FALSE)
    yield from _of_entry(name, asks, links)
    another = any_of(
        *(
            all_of(eq(level, each), ne(asks.gfn, table_numbers.first(fetched.gfn, each)))
            for each in range(2, LEVELS + 1)
        )
    )
    yield Wrong("another-frame", all_of(asks.when, another), f"{name} links a page for other frames.").told(
        "another frame", "SDM 4.5: the first frame that the entry translates"
    )
    beyond = any_of(
        all_of(asks.when, ne(asks.access, fetched.pte_access)),
        all_of(at_leaf, ne(made.leaf_access, fetched.pte_access)),
    )
    yield Wrong("another-access", beyond, f"{name} maps the page with other rights than the guest's walk gives.").told(
        "other rights", "SDM 4.6, 31.3.3.2: what all entries on the way grant; KVM: pte_access of the walk"
    )
    yield Wrong(
        "shadows-a-table", all_of(asks.when, negate(asks.direct)), f"{name} takes a page for a table of the guest's."
    ).told("a page that shadows", "KVM: below the guest's last entry there are no tables of its")
    mapped = any_of(made.leaf_elsewhere, ne(made.leaf_pfn, made.pfn))
    yield Wrong("another-page-mapped", all_of(at_leaf, mapped), f"{name} maps another page than the fault's.").told(
        "another frame or slot", "KVM: fault->pfn, fault->slot"
    )
    if made.refused is not None:
        marks = iff(made.refused, all_of(links.when, made.disallowed))
        yield Wrong(
            "refused-wrongly",
            negate(marks),
            f"{name} marks a page as one in place of a huge page that is not, or not one that is.",
        ).told("the mark is wrong", "KVM's comment at nx_huge_page_disallowed")
    small = all_of(links.when, made.disallowed, ule(level, resize(made.wanted_level, 32)))
    yield Wrong(
        "recovers-wrongly",
        negate(iff(made.may_recover, small)),
        f"{name} notes a page for giving way to a huge one where none was refused, or does not where one was.",
    ).told("the list of such pages is wrong", "KVM's comment at possible_nx_huge_page_link")
    yield Wrong(
        "another-level",
        _moves_elsewhere(made.map.goes_on, level, made.next_level),
        f"{name} goes on at another level than the next.",
    ).told("another level", "KVM: the walk goes down a level at a time")


def _below(fetched: Fetched) -> Claim:
    made = fetched.direct
    return never(
        given(
            *_standing(fetched),
            *before_its_goal(made.map),
            shown=(
                Shown("level of KVM's walk", made.level),
                Shown("fault.goal_level", made.map.maps.goal_level),
                Shown("fault.req_level", made.wanted_level),
                Shown("gw.pte_access", fetched.pte_access),
                Shown("SPTE", made.map.maps.spte, kind=NumberKind.SPTE),
                Shown("fault.nx_huge_page_workaround_enabled", made.map.workaround),
            ),
            evidence=fetched.evidence,
            part=f"{fetched.function}() below the guest's last entry",
        ),
        *_direct(fetched),
    )


def _state(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for gpte_format in FORMATS[vendor]:
        fetched = kvm.fetches.fetch(gpte_format)
        yield _above(fetched)
        yield _below(fetched)


THEOREMS = (
    Theorem(
        name="loop.fetch",
        claim="A round of the loops that fill in SPTEs for a guest's tables links a page at the entry of the walk. "
        "Down to the level at which the walk of the guest's tables has ended, this page shadows the guest's "
        "table one level below, and grants what the guest's entries above it grant. That the guest's entry has "
        "not changed is known after the page is got, and before it is linked. From there on pages are direct, "
        "and grant what that walk has handed on. The page of the fault is mapped at its level, with these "
        "rights, at its entry, after it has been decided how large it may be, from the frame that was found. "
        "Nothing else changes on the way, and nothing is linked in the page of zeros.",
        source="KVM's comments in FNAME(fetch)() and at disallowed_hugepage_adjust(); SDM 4.6, 4.10.2.3, 31.3.3.2",
        assumes=(
            "the walk of the guest's tables ends at one of five levels, and what it notes is right: walk.end, "
            "walk.reached and walk.granted show it",
            "KVM's walk begins at or above that level and goes down a level at a time",
            "a walk comes to its end only above the level at which the page is to be mapped: shadow_walk_okay() ends "
            "at level 0",
        ),
        state=several(_state),
        catches=(
            *showing("another-access", "fetch-parents-access", "fetch-direct-grants-all"),
            Catch("fetch-never-looks-again", "stale-entry"),
            Catch("fetch-out-of-step", "unsynchronized"),
            Catch("fetch-stops-above", "another-level"),
            Catch("fetch-early-size", "size-chosen-early"),
            Catch("fetch-recovers-ever", "recovers-wrongly"),
            Catch("fetch-pdpte-in-memory", "root-entry-unchecked"),
            Catch("fetch-next-frame", "another-page"),
            Catch("fetch-below-page-of-zeros", "below-zeros"),
        ),
    ),
)
