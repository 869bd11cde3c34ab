"""Which page an entry of a shadow page is to lead to: the one that is there, or another."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.fetches import ChildFound
from mmuproof.model.kvm import Kvm
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown, Symptom
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.terms import all_of, bit, ne, negate

_NAME = "kvm_mmu_get_child_sp()"
_MAPS_PAGE = 7
"""The bit of an entry above level 1 that lets it map a page: SDM table 31-3, APM 5.4.1."""


def _claim(found: ChildFound, part: str, *symptoms: Symptom) -> Claim:
    return never(
        given(
            shown=(
                Shown("SPTE", found.spte, kind=NumberKind.SPTE),
                Shown("gfn", found.gfn),
                Shown("child.gfn", found.childs_gfn),
                Shown("child.role", found.childs_role, kind=NumberKind.ROLE),
                Shown("role that is wanted", found.asked_role, kind=NumberKind.ROLE),
            ),
            evidence=found.evidence,
            part=part,
        ),
        *symptoms,
    )


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    found = kvm.fetches.child()
    present = ne(found.spte & kvm.constant("SPTE_MMU_PRESENT_MASK"), 0)
    leads = all_of(present, negate(bit(found.spte, _MAPS_PAGE)), found.has_page)
    yield _claim(
        found,
        _NAME,
        Wrong(
            "keeps-nothing",
            all_of(found.kept, negate(leads)),
            f"{_NAME} says that a page is there already, where the entry leads to none.",
        ).told("no page is linked", "KVM: -EEXIST if the entry leads to the page already"),
        Wrong("looks-elsewhere", found.looks_elsewhere, f"{_NAME} looks at the page that another entry leads to.").told(
            "the page of another entry", "KVM: the entry for which a page is wanted"
        ),
        Wrong(
            "another-frame-kept",
            all_of(found.kept, leads, ne(found.childs_gfn, found.gfn)),
            f"{_NAME} keeps a page for other frames than the one that is wanted.",
        ).told("the page is kept", "KVM: role and gfn say what a page is for"),
        Wrong(
            "asks-for-nothing",
            all_of(negate(found.kept), negate(found.asked)),
            f"{_NAME} neither keeps a page nor asks for one.",
        ).told("no page", "KVM: the page of this gfn and role"),
        Wrong(
            "another-frame",
            all_of(found.asked, ne(found.asked_gfn, found.gfn)),
            f"{_NAME} asks for a page for other frames.",
        ).told("another gfn", "KVM: the page of this gfn and role"),
    )
    yield _claim(
        found,
        f"{_NAME}, a page of another role",
        Wrong(
            "another-role-kept",
            all_of(found.kept, ne(found.childs_role, found.asked_role)),
            f"{_NAME} keeps a page of another role than is wanted: with other rights, or one that shadows a table "
            "where none is to be shadowed.",
        ).told("the page is kept", "KVM: role and gfn say what a page is for"),
    )


THEOREMS = (
    Theorem(
        name="role.child-kept",
        claim="The page that an entry leads to is kept for it exactly if it is one for the frame and of the "
        "role that are wanted. Otherwise one for this frame and of this role is asked for.",
        source="KVM's comments at union kvm_mmu_page_role and in FNAME(fetch)()",
        assumes=("the role that is wanted is that of kvm_mmu_child_role(), of which role.root-access speaks",),
        state=several(_state),
        catches=(
            Catch("child-kept-for-other-frame", "another-frame-kept"),
            Catch("child-kept-of-other-role", "another-role-kept"),
        ),
    ),
)
