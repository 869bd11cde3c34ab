"""At which entry a walk ends, and what it grants if it is clean."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.model.walks import GpteFormat
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.given import relations
from mmuproof.proofs.given.nested_set_up import asked_for, new_role
from mmuproof.proofs.given.relations import flag, has
from mmuproof.proofs.given.walked_tables import CR4_PSE, WalkedTables, of_each_format
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import TRUE, BitVec, Bool, all_of, any_of, bv, eq, iff, implies, ne, negate, ult, var, zext

_LEVEL, _ACCESS = var("level", 32), var("access", 32)


def _gpte(tables: WalkedTables) -> BitVec:
    return var("gpte", tables.entry_format.width)


# -- walk.end ------------------------------------------------------------------------------------------------


def _end(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    walk = kvm.walks.guest_walk(relations.WALKS[vendor])
    for tables in of_each_format(vendor):
        gpte = _gpte(tables)
        at = {level: eq(_LEVEL, level) for level in range(1, len(tables.entries) + 1)}
        found = kvm.walk_ends.is_last_gpte(tables.code, walk, _LEVEL, zext(gpte, 64))
        ends = any_of(*(all_of(when, tables.maps_page(gpte, level)) for level, when in at.items()))
        reserved = {
            each.label: Assumption(each.label, implies(ult(bv(3, 32), _LEVEL), each.term))
            for level in at
            for each in tables.well_formed(gpte, level)
        }
        yield never(
            given(
                Assumption("a walk is at one of the levels that it reads", any_of(*at.values())),
                Assumption("role.cr4_pse is CR4.PSE: role.cpu", iff(flag(walk, "cr4_pse"), CR4_PSE)),
                *reserved.values(),
                shown=(Shown("level", _LEVEL), Shown("gpte", gpte, kind=tables.entry_kind), Shown("CR4.PSE", CR4_PSE)),
                evidence=found.evidence,
                part=tables.entry_format.name,
            ),
            Wrong(
                "goes-on",
                all_of(ends, negate(found.ends)),
                "A walk goes on behind an entry that maps a page, and takes what is in the page for a table.",
            ).told("the walk goes on", "SDM 5.3 to 5.5, 31.3.2, APM 5.2, 5.3: the entry maps a page"),
            Wrong(
                "ends-early",
                all_of(found.ends, negate(ends)),
                "A walk takes an entry for a page's that leads to a table.",
            ).told("the walk ends", "SDM 5.3 to 5.5, 31.3.2, APM 5.2, 5.3: the entry leads to a table"),
        )


# -- walk.clean ----------------------------------------------------------------------------------------------


def _clean(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    walk, flags, needed = kvm.walks.guest_walk(relations.WALKS[vendor]), TRUE, list[Assumption]()
    if vendor is Vendor.INTEL:
        controls = asked_for()
        done = kvm.walks.nested_set_up(relations.WALKS[vendor], controls)
        walk, flags, needed = done.walk, controls.accessed_dirty, [new_role(done)]
    write = kvm.constant("ACC_WRITE_MASK")
    for tables in of_each_format(vendor):
        gpte = _gpte(tables)
        left = kvm.walk_ends.protect_clean_gpte(tables.code, walk, _ACCESS, zext(gpte, 64))
        clean: Bool = all_of(flags, negate(tables.flag("dirty", gpte)))
        yield never(
            given(
                *needed,
                shown=(
                    Shown("access", _ACCESS, relations.acc_flags(kvm, ept=tables.code is GpteFormat.EPT)),
                    Shown("gpte", gpte, kind=tables.entry_kind),
                    Shown("accessed and dirty flags", flags),
                    Shown("what is left", left.access, relations.acc_flags(kvm, ept=tables.code is GpteFormat.EPT)),
                ),
                evidence=left.evidence,
                part=tables.entry_format.name,
            ),
            Wrong(
                "clean-writable",
                all_of(clean, has(left.access, write)),
                "A clean entry grants writes, so that the guest's dirty flag is never set.",
            ).told("W is left", "SDM 4.8, 31.3.5, APM 5.4.2: a write sets the dirty flag"),
            Wrong(
                "dirty-protected",
                all_of(negate(clean), has(_ACCESS, write), negate(has(left.access, write))),
                "A dirty entry, or one of tables without dirty flags, grants no writes.",
            ).told("W is lost", "KVM's comment at protect_clean_gpte(): only clean entries are protected"),
            Wrong(
                "other-rights",
                ne(left.access & ~write, _ACCESS & ~write),
                "Whether an entry is clean changes other rights than to write.",
            ).told("other rights", "SDM 4.8, APM 5.4.2: the dirty flag is of writes only"),
            Wrong(
                "write-granted",
                all_of(has(left.access, write), negate(has(_ACCESS, write))),
                "A dirty entry grants writes that the entries do not grant.",
            ).told("W is added", "SDM 4.8, APM 5.4.2: the dirty flag grants nothing"),
        )


THEOREMS = (
    Theorem(
        name="walk.end",
        claim="A walk of guest tables ends at level 1 and at an entry that maps a large page, and nowhere else; it "
        "never goes on below level 1.",
        source="SDM 5.3 to 5.5, 31.3.2; APM 5.2, 5.3, 15.25",
        assumes=("where the processor lacks large pages of a size the bit is reserved, and the walk has ended there",),
        state=several(_end),
        catches=(
            *showing("goes-on", "walk-passes-level-1", "walk-passes-large-page"),
            Catch("walk-ends-without-pse", "ends-early"),
        ),
    ),
    Theorem(
        name="walk.clean",
        claim="What a clean entry grants is what it grants by its rights but for writes, where the tables have dirty "
        "flags; everything else stays.",
        source="SDM 4.8, 31.3.5; APM 5.4.2; KVM's comment at protect_clean_gpte()",
        state=several(_clean),
        catches=(*showing("clean-writable", "clean-gpte-writable", "dirty-flag-is-accessed"),),
    ),
)
