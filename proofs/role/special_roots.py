"""The tables that KVM makes above those that shadow a guest's: all that are needed, and nothing but zeros at first."""

from __future__ import annotations

from mmuproof.model.kvm import Kvm
from mmuproof.model.special_roots import SpecialRootsMade, SpecialTable
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.terms import Bool, all_of, any_of, eq, negate, ule

_NAME = "mmu_alloc_special_roots()"
_PAE_LEVELS = 3
_WALK = "APM 15.25.3, 5.3: the processor follows each entry of a table in which bit 0 is set"


def _is_needed(made: SpecialRootsMade, table: SpecialTable) -> Bool:
    """Whether KVM's tables have a level that those of the guest, being of fewer than four levels, have not."""
    above = all_of(ule(made.guest_level, _PAE_LEVELS), negate(ule(made.root_level, _PAE_LEVELS)))
    return all_of(negate(made.direct), above, negate(ule(made.root_level, table.level - 1)))


def _made(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.special_roots.made()
    done = eq(made.answer, 0)
    missing = any_of(*(all_of(done, _is_needed(made, each), negate(each.has)) for each in made.tables))
    unclean = any_of(*(all_of(each.has, negate(each.kept), negate(each.zeroed)) for each in made.tables))
    shared = any_of(*(all_of(each.has, negate(each.kept), negate(each.own)) for each in made.tables))
    return never(
        given(
            shown=(
                Shown("root_role.direct", made.direct),
                Shown("levels of the guest's tables", made.guest_level),
                Shown("levels of KVM's", made.root_level),
                *(Shown(f"a table of level {each.level} before", each.had) for each in made.tables),
                *(Shown(f"a table of level {each.level} afterwards", each.has) for each in made.tables),
                Shown("answer", made.answer),
            ),
            evidence=made.evidence,
        ),
        Wrong("table-missing", missing, f"{_NAME} goes on without a table that the root needs above the guest's.").told(
            "0", "KVM's comment in it: there is no equivalent level in the guest's tables to shadow"
        ),
        Wrong(
            "unclean-table", unclean, f"{_NAME} lets the guest have a table that holds what a page of the host's held."
        ).told("a page that is not zeroed", _WALK),
        Wrong("shared-table", shared, f"{_NAME} makes two tables of one page: an entry counts at two levels.").told(
            "the same page", _WALK
        ),
        Wrong(
            "freed-table",
            any_of(*(all_of(each.has, each.freed) for each in made.tables)),
            f"{_NAME} keeps a table that it has given back.",
        ).told("given back", "KVM: what is given back is somebody else's"),
        Wrong(
            "lost-table",
            all_of(negate(done), any_of(*(negate(each.kept) for each in made.tables))),
            f"{_NAME} fails, and has changed which tables there are.",
        ).told("another table", "KVM's comment in it: the special roots are made in concert"),
    )


THEOREMS = (
    Theorem(
        name="role.special-roots",
        claim="Where KVM's tables have levels above those of the guest's tables, there is a page of its own for each, "
        "or the vCPU does not run. A page that is new for that holds zeros.",
        source=f"{_WALK}; KVM's comments in mmu_alloc_special_roots()",
        state=alone(_made),
        catches=(
            Catch("special-roots-unclean", "unclean-table"),
            Catch("special-roots-shared", "shared-table"),
            Catch("special-roots-missing", "table-missing"),
        ),
    ),
)
