"""What stands for tables that a guest cannot have is the page of zeros, and every other root has its own page."""

from __future__ import annotations

from mmuproof.model.features import Feature
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Need, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, eq, iff, ne, negate, ult

_PAGE, _FRAME_BITS = 12, 40
_ADDRESS = (1 << 52) - (1 << _PAGE)
_ZEROS = "SDM 5.5.4, 31.3.2, APM 5.4.1: an entry of zeros is not present, and every walk ends there"


def _told(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.dummy_roots.told()
    same = eq(made.root >> _PAGE, made.zeros)
    return never(
        given(
            Assumption("the frame of the page of zeros is one of an address", ult(made.zeros, _LAST)),
            shown=(
                Shown("the dummy root", made.address),
                Shown("the frame of the page of zeros", made.zeros),
                Shown("a root", made.root),
                Shown("it is taken for the dummy", made.is_dummy),
                Shown("the page that is sought for it", made.page_sought),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "not-zeros",
            ne(made.address, made.zeros << _PAGE),
            "kvm_mmu_get_dummy_root() lets the hardware walk something else than the page of zeros.",
        ).told("another page", _ZEROS),
        Wrong(
            "another-dummy",
            negate(iff(made.is_dummy, same)),
            "kvm_mmu_is_dummy_root() takes a root with tables for the page of zeros, or the other way round.",
        ).told("another answer", "KVM: the dummy root is the one page that is shared by all"),
        Wrong(
            "another-page",
            any_of(
                negate(iff(made.has_page, negate(same))),
                all_of(made.has_page, ne(made.page_sought, made.root & _ADDRESS)),
            ),
            "root_to_sp() takes another page of SPTEs for that of a root, or one for that of the page of zeros.",
        ).told("another page", "KVM's comment in it: bits of a root that are no address are dropped"),
    )


_LAST = 1 << _FRAME_BITS
THEOREMS = (
    Theorem(
        name="role.dummy-root",
        claim="What stands for tables that a guest cannot have is the page of zeros, and nothing else is taken for it. "
        "The page of SPTEs of any other root is that of its address.",
        source=f"{_ZEROS}; KVM's comment in root_to_sp()",
        assumes=(
            "the page that Linux says is the page of zeros holds zeros, and its address has up to 52 bits",
            "where the dummy stands for tables is role.made-roots",
        ),
        needs=(Need(Feature.DUMMY_ROOT),),
        state=alone(_told),
        catches=(
            Catch("dummy-root-next-frame", "not-zeros"),
            Catch("dummy-root-unknown", "another-dummy"),
            Catch("root-page-with-flags", "another-page"),
        ),
    ),
)
