"""The roots that shadow a guest's tables: the pages that are asked for, and the entries of the tables above them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.roots import DirectRootsMade, PageAsked, RootsMade
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import BitVec, Bool, all_of, any_of, bit, bv, eq, iff, implies, ite, ne, negate, ule, ult, zext

_PAGE_OFFSET_BITS, _GBYTE_BITS, _WIDEST = 12, 30, 52
_ADDRESS = ((1 << _WIDEST) - 1) & ~((1 << _PAGE_OFFSET_BITS) - 1)
_PRESENT, _WRITABLE, _USER, _ACCESSED = 1 << 0, 1 << 1, 1 << 2, 1 << 5
_TWO, _PAE, _FOUR, _FIVE = 2, 3, 4, 5
"""How many levels tables have."""
_PAGE_DIRECTORY = 2
"""The level of the page that an entry of a PAE root leads to."""
_ENTRIES = "SDM Table 5-8, APM 5.2.3: bits 2:1, 8:5 and 63:M of a PDPTE of PAE paging are 0"
_ABOVE = "APM 5.3: entries that lead to tables grant what those below restrict"


def _asks(page: PageAsked, gfn: BitVec, quadrant: BitVec | int, level: BitVec | int) -> Bool:
    return all_of(eq(page.gfn, gfn), eq(page.quadrant, quadrant), eq(page.level, level))


def _leads(made: RootsMade, entry: BitVec, address: BitVec, *, restricted: Bool) -> Bool:
    """Whether an entry leads to a table, is present and encrypted as it must, and is nothing else.

    Args:
        made: the roots.
        entry: the entry.
        address: where the table is.
        restricted: whether it is one that the processor reads as a PDPTE of PAE paging, which grants everything.
    """
    plain, granting = (address | made.me_value | bits for bits in (_PRESENT, _PRESENT | _WRITABLE | _USER))
    return ite(restricted, eq(entry, plain), eq(entry & ~bv(_ACCESSED, 64), granting))


def _assumptions(made: RootsMade) -> Iterator[Assumption]:
    pages = (made.whole, *made.quarters)
    plain = (eq(each & ~bv(_ADDRESS, 64), 0) for each in (*(page.address for page in pages), *made.tables))
    clear = _clear(made.me_value, (*(page.address for page in pages), *made.tables))
    yield Assumption("a page of the host is aligned, and its address has 52 bits at most", all_of(*plain))
    yield Assumption("the address of a page has no encryption bits", all_of(*clear))
    yield Assumption("encryption bits are among the bits of an address", eq(made.me_value & ~bv(_ADDRESS, 64), 0))
    # Who asks for a page has seen that a memory slot shows its frame.
    in_slots = all_of(*(implies(page.when, ult(page.gfn, 1 << (_WIDEST - _PAGE_OFFSET_BITS))) for page in pages))
    yield Assumption("a frame that a memory slot shows has 40 bits", in_slots)
    known = any_of(*(eq(made.guest_level, each) for each in (_TWO, _PAE, _FOUR, _FIVE)))
    yield Assumption("the guest's tables have 2 to 5 levels: an MMU without them is direct, role.cpu", known)
    fits = all_of(ule(bv(_PAE, 4), made.level), ule(made.level, _FIVE), ule(made.guest_level, made.level))
    yield Assumption("KVM's tables have 3 to 5 levels, and not fewer than the guest's: role.root-shadow", fits)


def _made_roots(kvm: Kvm, vendor: Vendor) -> Claim:
    made = kvm.roots.made()
    whole = ule(bv(_FOUR, 4), made.guest_level)
    has_pae, below = eq(made.guest_level, _PAE), negate(eq(made.level, _PAE))
    quarters = all_of(made.done, negate(whole))
    frame = (made.pgd & _ADDRESS) >> _PAGE_OFFSET_BITS
    wrong_entry, wrong_page, dropped = [], [], []
    for number, (pdpte, shown, page, entry) in enumerate(
        zip(made.pdptes, made.visible, made.quarters, made.entries, strict=True)
    ):
        maps = any_of(negate(has_pae), all_of(bit(pdpte, 0), shown))
        dropped.append(all_of(quarters, ne(entry & _PRESENT, ite(maps, bv(_PRESENT, 64), 0))))
        right = _leads(made, entry, page.address, restricted=negate(below))
        wrong_entry.append(all_of(quarters, maps, negate(right)))
        gfn = ite(has_pae, pdpte >> _PAGE_OFFSET_BITS, frame)
        quadrant = ite(eq(made.guest_level, _TWO), bv(number, 32), 0)
        wrong_page.append(all_of(quarters, maps, negate(_asks(page, gfn, quadrant, _PAGE_DIRECTORY))))
    pae, pml4, pml5 = made.tables
    special = any_of(
        all_of(below, negate(_leads(made, made.special[0], pae, restricted=negate(below)))),
        all_of(eq(made.level, _FIVE), negate(_leads(made, made.special[1], pml4, restricted=negate(below)))),
    )
    top = ite(eq(made.level, _FIVE), pml5, ite(eq(made.level, _FOUR), pml4, pae))
    other_root = any_of(ne(made.root, ite(whole, made.whole.address, top)), ne(made.root_pgd, made.pgd))
    of_whole = all_of(made.done, whole, negate(_asks(made.whole, frame, 0, zext(made.level, 8))))
    return never(
        given(
            *_assumptions(made),
            shown=(
                Shown("levels of the guest's tables", made.guest_level),
                Shown("levels of KVM's tables", made.level),
                Shown("shadow_me_value", made.me_value),
                *(Shown(f"pae_root[{number}]", entry) for number, entry in enumerate(made.entries)),
                *(
                    Shown(f"pml{level}_root[0]", entry)
                    for level, entry in zip((_FOUR, _FIVE), made.special, strict=True)
                ),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "another-page", any_of(of_whole, *wrong_page), "A root shadows another table of the guest's than it is for."
        ).told("mmu_alloc_root() is asked for another page", "KVM: the guest's table, and the quarter of it"),
        Wrong(
            "root-unseen",
            all_of(made.done, negate(made.root_visible)),
            "Tables are shadowed without asking whether they begin where there is memory.",
        ).told("roots are made", "KVM's comment in mmu_alloc_shadow_roots(): a root of no slot gets the dummy root"),
        Wrong(
            "entry-wrong",
            any_of(*wrong_entry),
            "An entry of the PAE root does not just lead to its page, encrypted as the host's memory is.",
        ).told("another entry", _ENTRIES),
        Wrong(
            "entry-dropped",
            any_of(*dropped),
            "An entry of the PAE root is present where the guest's is not, or the other way round.",
        ).told("present or not, against the guest's entry", "SDM 5.4.1: an entry that is not present maps nothing"),
        Wrong(
            "special-entry-wrong",
            all_of(quarters, special),
            "An entry above the PAE root does not lead to the table below, or restricts it.",
        ).told("another entry", _ABOVE),
        Wrong(
            "another-root",
            all_of(made.done, other_root),
            "The root in use is not the top of the tables that are made, or is noted for others of the guest's.",
        ).told("another root", "KVM: the table of the role's level"),
    )


def _made_direct(kvm: Kvm, vendor: Vendor) -> Claim:
    made = kvm.roots.made_direct()
    pages = (made.whole, *made.quarters)
    own = all_of(made.done, negate(made.tdp_mmu))
    small = all_of(own, eq(made.level, _PAE))
    wrong_page = [all_of(own, negate(small), negate(_asks(made.whole, bv(0, 64), 0, zext(made.level, 8))))]
    wrong_entry = []
    for number, (page, entry) in enumerate(zip(made.quarters, made.entries, strict=True)):
        first = number << _GBYTE_BITS - _PAGE_OFFSET_BITS
        wrong_page.append(all_of(small, negate(_asks(page, bv(first, 64), 0, _PAGE_DIRECTORY))))
        wrong_entry.append(all_of(small, ne(entry, page.address | made.me_value | _PRESENT)))
    root = ite(small, made.table, made.whole.address)
    addresses = (*(page.address for page in pages), made.table)
    return never(
        given(
            Assumption("the address of a page has no encryption bits", all_of(*_clear(made.me_value, addresses))),
            Assumption(
                "KVM's tables have 3 to 5 levels: role.root-tdp, role.root-shadow",
                all_of(ule(bv(_PAE, 4), made.level), ule(made.level, _FIVE)),
            ),
            shown=(
                Shown("levels of KVM's tables", made.level),
                Shown("shadow_me_value", made.me_value),
                *(Shown(f"pae_root[{number}]", entry) for number, entry in enumerate(made.entries)),
            ),
            evidence=made.evidence,
        ),
        Wrong("another-page", any_of(*wrong_page), "A direct root maps other frames than it is for.").told(
            "mmu_alloc_root() is asked for another page", "KVM: frame 0, or the GByte of an entry"
        ),
        Wrong(
            "entry-wrong",
            any_of(*wrong_entry),
            "An entry of the PAE root does not just lead to its page, encrypted as the host's memory is.",
        ).told("another entry", _ENTRIES),
        Wrong(
            "another-root",
            all_of(own, ne(made.root, root)),
            "The root in use is not the top of the tables that are made.",
        ).told("another root", "KVM: the table of the role's level"),
        Wrong(
            "another-mmu",
            any_of(negate(iff(all_of(made.of_tdp_mmu, made.done), all_of(made.tdp_mmu, made.done))), *_strays(made)),
            "The root is made by another MMU of KVM's than the one that is on.",
        ).told("the other MMU's root", "KVM: the TDP MMU and the shadow MMU know nothing of each other's pages"),
    )


def _clear(me_value: BitVec, addresses: Iterable[BitVec]) -> Iterator[Bool]:
    return (eq(each & me_value, 0) for each in addresses)


def _strays(made: DirectRootsMade) -> Iterator[Bool]:
    """Pages that are asked for although the TDP MMU is on."""
    return (all_of(made.tdp_mmu, page.when) for page in (made.whole, *made.quarters))


THEOREMS = (
    Theorem(
        name="role.made-roots",
        claim="The roots that shadow a guest's tables are for just those tables, if they begin in memory. The entries "
        "of a PAE root and of the tables above it are present where the guest has a table, lead to its page, and are "
        "encrypted as the host's memory is. They have nothing else that the processor would take for reserved or for "
        "a restriction.",
        source="SDM 5.4.1, Table 5-8; APM 5.2.3, 5.3; KVM's comments in mmu_alloc_shadow_roots()",
        assumes=(
            "a page of the host is aligned, and its address has 52 bits at most and none for encryption",
            "a frame that a memory slot shows has 40 bits",
            "the guest's tables have 2 to 5 levels, and KVM's 3 to 5 and not fewer",
        ),
        vendors=(Vendor.AMD, Vendor.SHADOW),
        state=alone(_made_roots),
        catches=(
            Catch("pae-root-entry-writable", "entry-wrong"),
            Catch("special-root-read-only", "entry-wrong"),
            Catch("first-quadrant-four-times", "another-page"),
            Catch("root-outside-memory", "root-unseen"),
        ),
    ),
    Theorem(
        name="role.made-direct-roots",
        claim="The roots that no guest tables stand behind map guest memory from its first frame, each entry of a "
        "PAE root its own GByte. An entry is present, leads to its page, is encrypted as the host's memory is, "
        "and has nothing else. They are the TDP MMU's exactly if it is on.",
        source="SDM 5.4.1, Table 5-8; APM 5.2.3; KVM's comments in mmu_alloc_direct_roots()",
        assumes=("the address of a page has no encryption bits", "KVM's tables have 3 to 5 levels"),
        state=alone(_made_direct),
        catches=(
            Catch("direct-root-entry-not-encrypted", "entry-wrong"),
            Catch("direct-root-of-addresses", "another-page"),
        ),
    ),
)
