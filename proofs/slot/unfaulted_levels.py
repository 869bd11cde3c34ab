"""Small pages are put together to none that is larger than the memory behind, or than the slot allows."""

from __future__ import annotations

from mmuproof.model.huge_pages import HUGEST
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, all_of, any_of, bv, implies, ne, negate, ule, ult

_NAME = "kvm_mmu_max_mapping_level()"
_BEHIND = "KVM's comments at host_pfn_mapping_level() and in kvm_gmem_max_mapping_level()"


def _found(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.unfaulted_levels.found()
    huge = ult(bv(1, 32), made.level)
    levels = dict(enumerate(made.allowed, 2))
    from_there = {level: any_of(*(levels[each] for each in range(level, HUGEST + 1))) for level in levels}
    too_high = any_of(
        *(all_of(ult(bv(level - 1, 32), made.level), negate(from_there[level])) for level in levels),
        ult(bv(HUGEST, 32), made.level),
    )
    sane: Bool = all_of(
        implies(made.host_asked, all_of(ule(made.host_level, HUGEST), ne(made.host_level, 0))),
        implies(made.guest_asked, all_of(ule(made.guest_level, HUGEST), ne(made.guest_level, 0))),
    )
    of_guest = any_of(made.private, made.only_guest_memory)
    nothing = negate(any_of(made.host_asked, made.guest_asked))
    unasked = all_of(huge, negate(made.guest_asked)) if made.may_be_asked else all_of(huge, made.host_asked)
    return never(
        given(
            Assumption("memory is mapped at a level from 1 to 3: slot.page-size", sane),
            shown=(
                Shown("the frame is private", made.private),
                Shown("the slot has guest memory only", made.only_guest_memory),
                *(Shown(f"a page of level {level} is allowed", allowed) for level, allowed in levels.items()),
                Shown("what the host's tables say", made.host_level),
                Shown("what guest memory says", made.guest_level),
                Shown("the answer", made.level),
            ),
            evidence=made.evidence,
        ),
        Wrong(
            "another-memory",
            any_of(all_of(of_guest, unasked), all_of(negate(of_guest), huge, nothing)),
            f"{_NAME} allows a huge page by what is said of other memory than that of the frame.",
        ).told("another memory is asked", _BEHIND),
        Wrong(
            "larger-than-memory",
            any_of(
                negate(made.of_frame),
                all_of(made.host_asked, ult(made.host_level, made.level)),
                all_of(made.guest_asked, ult(made.guest_level, made.level)),
            ),
            f"{_NAME} allows a page that is larger than the memory behind it, or asks of another frame.",
        ).told("a higher level", _BEHIND),
        Wrong("larger-than-allowed", too_high, f"{_NAME} allows a page that the slot forbids.").told(
            "a higher level", "KVM: lpage_info forbids huge pages around tables, tracked frames and mixed attributes"
        ),
    )


THEOREMS = (
    Theorem(
        name="slot.unfaulted-level",
        claim="Where no fault is handled a frame may be mapped by no page that is larger than the memory behind it, or "
        "than its slot allows there. Of private memory the host's tables are not asked.",
        source=_BEHIND,
        assumes=("the levels at which the host and guest memory map are slot.page-size's",),
        state=alone(_found),
        catches=(Catch("unfaulted-private-by-host", "another-memory"), Catch("unfaulted-larger", "larger-than-memory")),
    ),
)
