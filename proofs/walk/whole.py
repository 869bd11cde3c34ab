"""What a walk of guest tables comes to: the frame, the rights, and what its callers get of each level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mmuproof.model.evidence import CheckKind
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Case, Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walk_ends import WalkedLevel, WholeWalk
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.given.walked_tables import (
    CONTROLS,
    CR4_PSE,
    PSE36,
    TABLES,
    Rights,
    WalkedTables,
    less,
    more,
    outside,
    together,
)
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import (
    FALSE,
    TRUE,
    BitVec,
    Bool,
    all_of,
    any_of,
    bool_var,
    eq,
    extract,
    iff,
    implies,
    ne,
    negate,
    zext,
)
from mmuproof.spec.entry_layout import EntryShape
from mmuproof.spec.linear_walk import entries_used, index_in_table, table_address, translated_to

_FLAGS = bool_var("EPTP bit 6")
_PAGE_BITS = 12
_PAE_LEVELS = 3
_PSE36_BITS = 0x1E0000
_MANUALS = "SDM 5.3 to 5.5, 31.3.2, APM 5.2, 5.3"


@dataclass(frozen=True)
class _Walked:
    """A walk, and which of the entries that it reads translate the address by the manuals."""

    tables: WalkedTables
    walk: WholeWalk
    used: tuple[Bool, ...]

    @property
    def entries(self) -> tuple[BitVec, ...]:
        return self.tables.entries

    @property
    def levels(self) -> range:
        return range(len(self.entries), 0, -1)

    @property
    def last(self) -> tuple[Bool, ...]:
        """Of each entry whether it is the last that is used."""
        after = (*self.used[1:], FALSE)
        return tuple(all_of(one, negate(other)) for one, other in zip(self.used, after, strict=True))

    @property
    def flags(self) -> Bool:
        """Whether the tables have accessed and dirty flags."""
        return _FLAGS if self.tables.code is GpteFormat.EPT else TRUE

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The tables, for a counterexample."""
        entries = (
            Shown(f"entry of level {level}", each) for level, each in zip(self.levels, self.entries, strict=True)
        )
        pse = (Shown("CR4.PSE", CR4_PSE), Shown("PSE-36", PSE36))
        return (
            Shown("addr", self.walk.addr),
            Shown("CR3, EPTP or PDPTE", self.walk.first),
            *entries,
            *(pse if self.tables.code is GpteFormat.PAGING32 else ()),
        )

    def case(self, *shown: Shown) -> Case:
        """Of a walk that succeeds."""
        tables, pse = self.tables, self.tables.code is GpteFormat.PAGING32
        reserved = (
            each
            for entry, level in zip(self.entries, self.levels, strict=True)
            for each in tables.well_formed(entry, level)
        )
        wide = (
            Assumption("PSE-36 is there if KVM finds it there", iff(self.walk.pse36, PSE36)),
            Assumption(
                "bits 20:17 of a 4-MByte page's entry are clear: KVM lets a guest have 36 address bits there, and the "
                "walk ends at others: entry.reserved-paging32",
                implies(tables.maps_page(self.entries[0], 2), eq(self.entries[0] & _PSE36_BITS, 0)),
            ),
        )
        return given(
            Assumption("the walk succeeds", self.walk.succeeded),
            *_joined(reserved),
            *(wide if pse else ()),
            shown=(*self.shown, *shown),
            evidence=self.walk.evidence,
            part=tables.name,
        )


def _joined(reserved: Iterator[Assumption]) -> tuple[Assumption, ...]:
    """Assumptions with one label as one."""
    terms: dict[str, list[Bool]] = {}
    for each in reserved:
        terms.setdefault(each.label, []).append(each.term)
    return tuple(Assumption(label, all_of(*each)) for label, each in terms.items())


def _walks(kvm: Kvm, vendor: Vendor) -> Iterator[_Walked]:
    for tables in TABLES[vendor]:
        flags = _FLAGS if tables.code is GpteFormat.EPT else TRUE
        walk = kvm.walk_ends.whole_walk(
            tables.code, tables.levels, tables.entries, cr4_pse=CR4_PSE, accessed_dirty=flags
        )
        yield _Walked(tables, walk, entries_used(tables.entry_format, tables.entries, CONTROLS))


# -- walk.reached --------------------------------------------------------------------------------------------


def _level(walked: _Walked) -> Bool:
    return any_of(
        *(all_of(last, ne(walked.walk.level, level)) for last, level in zip(walked.last, walked.levels, strict=True))
    )


def _frame(walked: _Walked) -> Bool:
    """The frame is not that of the page that the last entry maps."""
    wrong: list[Bool] = []
    for last, level, entry in zip(walked.last, walked.levels, walked.entries, strict=True):
        kinds = {kind.shape for kind in walked.tables.entry_format.kinds}
        if EntryShape(level, True) in kinds:
            to = translated_to(walked.tables.entry_format, entry, level, walked.walk.addr, CONTROLS)
            wrong.append(all_of(last, ne(walked.walk.gfn, to >> _PAGE_BITS)))
    return any_of(*wrong)


def _tables(walked: _Walked) -> Bool:
    """An entry is read from elsewhere than where the entry above it leads, or is not the address's."""
    entry_format, wrong = walked.tables.entry_format, []
    high = 51 if entry_format.width == 64 else 31
    address = zext(extract(walked.walk.first, high, _PAGE_BITS), 64) << _PAGE_BITS
    size = entry_format.width // 8
    for used, level, entry, noted in zip(walked.used, walked.levels, walked.entries, walked.walk.levels, strict=True):
        at = address + index_in_table(entry_format, level, walked.walk.addr) * size
        wrong.append(all_of(used, any_of(ne(noted.table_gfn, address >> _PAGE_BITS), ne(noted.pte_gpa, at))))
        if level > 1:
            address = table_address(entry_format, entry, level)
    return any_of(*wrong)


def _reached(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for walked in _walks(kvm, vendor):
        walk = walked.walk
        bugs = [check.holds for check in walk.evidence.checks if check.kind is CheckKind.BUG]
        absent = any_of(
            *(
                all_of(used, negate(walked.tables.present(entry)))
                for used, entry in zip(walked.used, walked.entries, strict=True)
            )
        )
        unchecked = any_of(
            *(all_of(used, negate(each.well_formed)) for used, each in zip(walked.used, walk.levels, strict=True))
        )
        pdpte = zext(extract(walk.addr, 31, 30), 32)
        yield never(
            given(shown=walked.shown, evidence=walk.evidence, part=f"{walked.tables.name}, whether it succeeds or not"),
            Wrong("below-level-1", negate(all_of(*bugs)), "A walk goes on below level 1.").told(
                "the BUG fires", f"{_MANUALS}: level 1 is the lowest"
            ),
        )
        hidden = any_of(
            *(all_of(used, negate(each.shown)) for used, each in zip(walked.used, walk.levels, strict=True))
        )
        yield never(
            replace(walked.case(), part=f"{walked.tables.name}, the slots of the tables"),
            Wrong(
                "hidden-table", hidden, "A walk reads a table that may lie in a slot of KVM's own, not of the guest."
            ).told("the walk succeeds", "KVM: kvm_is_visible_memslot(), as for what the guest accesses itself"),
        )
        yield never(
            walked.case(Shown("walker->level", walk.level), Shown("walker->gfn", walk.gfn)),
            Wrong(
                "another-pdpte",
                ne(walk.pdpte, pdpte) if walked.tables.levels == _PAE_LEVELS else FALSE,
                "A walk of PAE paging begins at another PDPTE than the address's.",
            ).told("another PDPTE", "SDM 5.4.2, APM 5.2.3: bits 31:30 of the address choose it"),
            Wrong("another-table", _tables(walked), "A walk reads an entry that is not the one of the address.").told(
                "another entry", f"{_MANUALS}: the table is where the entry above leads, and the address is the index"
            ),
            Wrong(
                "read-elsewhere",
                any_of(
                    *(
                        all_of(used, negate(each.read_there))
                        for used, each in zip(walked.used, walk.levels, strict=True)
                    )
                ),
                "A walk reads an entry from another place than where the host has the guest's table.",
            ).told("another place", "KVM: a frame of the guest is where its slot says"),
            Wrong("another-level", _level(walked), "A walk tells another level than that of the page.").told(
                "another level", f"{_MANUALS}: the entry that maps the page"
            ),
            Wrong("not-present", absent, "A walk succeeds through an entry that is not present.").told(
                "the walk succeeds", f"{_MANUALS}: the access faults"
            ),
            Wrong(
                "reserved-bits",
                unchecked,
                "A walk succeeds through an entry whose reserved bits, those of its level, may be set.",
            ).told("the walk succeeds", f"{_MANUALS}: the access faults at a reserved bit"),
            Wrong(
                "not-judged", negate(walk.allowed), "A walk succeeds although the access is judged not to be allowed."
            ).told("the walk succeeds", "KVM: permission_fault() judges"),
            Wrong("another-frame", _frame(walked), "A walk comes to another frame than the entries say.").told(
                "another frame", f"{_MANUALS}: the page's address, and the offset in it"
            ),
        )


# -- walk.granted --------------------------------------------------------------------------------------------


def _above(kvm: Kvm, walked: _Walked, level: WalkedLevel, count: int) -> tuple[Bool, Bool]:
    """Whether what is noted of the entries above is more, or less, than these grant."""
    above = walked.entries[:count]
    wanted = together([(TRUE, walked.tables.rights(kvm, entry)) for entry in above])
    told = walked.tables.granted(kvm, level.pt_access)
    return (
        all_of(level.used, any_of(more(told, wanted), outside(kvm, level.pt_access))),
        all_of(level.used, less(told, wanted)),
    )


def _granted(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for walked in _walks(kvm, vendor):
        walk, tables = walked.walk, walked.tables
        parts = zip(walked.used, walked.entries, strict=True)
        wanted = together([(used, tables.rights(kvm, entry)) for used, entry in parts])
        dirty = any_of(
            *(
                all_of(last, tables.flag("dirty", entry))
                for last, entry in zip(walked.last, walked.entries, strict=True)
            )
        )
        writes = has(walk.access, kvm.constant("PFERR_WRITE_MASK"))
        may_write = any_of(negate(walked.flags), dirty, writes)
        handed: Rights = {**wanted, "write": all_of(wanted["write"], may_write)}
        judged, told = (tables.granted(kvm, each) for each in (walk.judged, walk.pte_access))
        above = [_above(kvm, walked, each, count) for count, each in enumerate(walk.levels) if count]
        flags = relations.acc_flags(kvm, ept=tables.code is GpteFormat.EPT)
        yield never(
            walked.case(
                Shown("access", walk.access, relations.pferr_flags(kvm)),
                *((Shown("EPTP bit 6", _FLAGS),) if tables.code is GpteFormat.EPT else ()),
                Shown("the judged pte_access", walk.judged, flags),
                Shown("walker->pte_access", walk.pte_access, flags),
            ),
            Wrong(
                "judged-more",
                any_of(more(judged, wanted), outside(kvm, walk.judged)),
                "An access is judged by more than the entries on the way grant.",
            ).told("more is granted", f"{_MANUALS}: every entry on the way has to grant it"),
            Wrong(
                "judged-less", less(judged, wanted), "An access is judged by less than the entries on the way grant."
            ).told("less is granted", f"{_MANUALS}: what every entry on the way grants is granted"),
            Wrong(
                "clean-writable",
                all_of(told["write"], wanted["write"], negate(may_write)),
                "A walk for a read hands on that a clean entry grants writes, and the guest's dirty flag is never set.",
            ).told("W is handed on", "SDM 4.8, 31.3.5, APM 5.4.2: a write sets the dirty flag"),
            Wrong(
                "handed-on-more",
                any_of(more(told, handed), outside(kvm, walk.pte_access)),
                "A walk hands on more than the entries on the way grant.",
            ).told("more is handed on", f"{_MANUALS}: every entry on the way has to grant it"),
            Wrong("handed-on-less", less(told, handed), "A walk hands on less than the entries on the way grant.").told(
                "less is handed on", f"{_MANUALS}: what every entry on the way grants is granted"
            ),
            Wrong(
                "tables-more",
                any_of(*(one for one, _ in above)),
                "The page for a table is made for more than the entries above it grant.",
            ).told("walker->pt_access has more", f"{_MANUALS}: every entry on the way has to grant it"),
            Wrong(
                "tables-less",
                any_of(*(one for _, one in above)),
                "The page for a table is made for less than the entries above it grant.",
            ).told("walker->pt_access has less", f"{_MANUALS}: what every entry on the way grants is granted"),
        )


_VENDORS = (Vendor.INTEL, Vendor.SHADOW)
_ASSUMES = (
    "what an entry's reserved bits are, and whether the rights allow the access, is any answer: entry.* and "
    "permission.* speak of these",
    "nested page tables of L1 on AMD are walked by the code that walks a guest's own",
)

THEOREMS = (
    Theorem(
        name="walk.reached",
        claim="A walk of guest tables that succeeds has read each entry where the one above it leads, in a slot that "
        "the guest sees. Each was present, and checked for reserved bits as one of its level. The walk ends at the "
        "entry that maps the page, tells that level, and comes to the frame of the address in that page.",
        source="SDM 5.3 to 5.5, 31.3.2; APM 5.2, 5.3",
        assumes=_ASSUMES,
        vendors=_VENDORS,
        state=several(_reached),
        catches=(
            *showing("below-level-1", "walk-passes-level-1"),
            *showing("another-level", "walk-passes-large-page", "walk-ends-without-pse"),
            *showing("another-frame", "walk-frame-of-4k", "pse36-ignored"),
            Catch("walk-pdpte-of-first", "another-pdpte"),
            Catch("walk-checks-as-leaf", "reserved-bits"),
            Catch("walk-reads-first", "read-elsewhere"),
            Catch("walk-reads-hidden", "hidden-table"),
        ),
    ),
    Theorem(
        name="walk.granted",
        claim="A walk of guest tables judges an access by exactly what all entries on the way grant. It hands on the "
        "same, but writes of a clean entry only if the access writes, and for each table what the entries "
        "above it grant.",
        source="SDM 5.6.1, 31.3.3.2; APM 5.6; KVM's comment at protect_clean_gpte()",
        assumes=(*_ASSUMES, "role.ad_disabled is what EPTP bit 6 says: walk.clean"),
        vendors=_VENDORS,
        state=several(_granted),
        catches=(
            *showing(
                "judged-more",
                "walk-takes-last-rights",
                "walk-nx-lost",
                "walk-ends-without-pse",
                "gpte-access-ignores-nx",
            ),
            *showing("judged-less", "walk-passes-large-page", "gpte-access-drops-read"),
            *showing("clean-writable", "clean-gpte-writable", "dirty-flag-is-accessed", "walk-hands-clean-on"),
            Catch("walk-table-of-own-rights", "tables-less"),
        ),
    ),
)
