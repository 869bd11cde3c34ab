"""Taking a range of frames away: nobody keeps what maps them, and no fault brings it back meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.range_zaps import RangeZap
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, negate, ule, ult

_CACHED = "SDM 31.4.3.1 and APM 15.16: what hardware has cached lives until it is flushed"
_CALLERS = "KVM's comments on mmu_invalidate_retry_gfn(): a fault in a range that is taken away begins anew"


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for who in RangeZap:
        made = kvm.range_zaps.zapped(who)
        left = any_of(all_of(made.shadowed, negate(made.shadow_zapped)), all_of(made.tdp_mmu, negate(made.tdp_zapped)))
        stale = any_of(all_of(made.shadowed, made.shadow_stale), all_of(made.tdp_mmu, made.tdp_stale))
        covered = all_of(made.flushed, ule(made.first, made.start), ule(made.end - made.first, made.pages))
        yield never(
            given(
                Assumption("a range has a frame: who asks for it", ult(made.start, made.end)),
                shown=(Shown("first frame", made.start), Shown("frame behind the last", made.end)),
                evidence=made.evidence,
                part=who.value,
            ),
            Wrong("left", left, f"{made.function}() leaves SPTEs of the range to one of the MMUs.").told(
                "an MMU is not told of the range", "KVM's comments: no SPTE of the range is left"
            ),
            Wrong(
                "not-flushed",
                all_of(stale, negate(covered)),
                f"{made.function}() lets hardware keep what it has cached of the range.",
            ).told("fewer frames are flushed", _CACHED),
            Wrong(
                "faults-go-on",
                negate(made.faults_wait),
                f"{made.function}() lets a fault map what it has found before.",
            ).told("faults in the range are not held off", _CALLERS),
        )


THEOREMS = (
    Theorem(
        name="flush.range",
        claim="Whoever takes the pages of a range of frames away tells both MMUs so. If hardware may have cached any "
        "of them, the whole range is flushed. A fault in the range that is handled meanwhile begins anew.",
        source="SDM 31.4.3.1; APM 15.16; KVM's comments on mmu_invalidate_retry_gfn()",
        assumes=("the host's memory management announces the ranges that it takes away itself",),
        state=several(_state),
        catches=(
            Catch("range-zap-forgets-shadow-mmu", "not-flushed"),
            Catch("range-zap-flushes-one-page", "not-flushed"),
            Catch("range-zap-lets-faults-go-on", "faults-go-on"),
        ),
    ),
)
