"""What a fault is answered once its page is mapped: emulated is what KVM has to see, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.map_answers import MapAnswered, Mapper
from mmuproof.model.number_kinds import NumberKind
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import all_of, any_of, eq, iff, negate, ult

_LEVELS = 5


def _of_mapper(made: MapAnswered) -> Claim:
    name = f"{made.function}()"
    # Who has lost the entry to another CPU begins anew, and leaves it as it is.
    anew = all_of(made.retries, eq(made.after, made.before))
    seen = all_of(made.protected, made.writes)
    emulated = any_of(made.emulates, made.emulates_write)
    return never(
        given(
            Assumption("an entry stands at one of five levels", ult(made.level - 1, _LEVELS)),
            Assumption(
                "what is made for an MMIO access is an MMIO SPTE, and nothing else is",
                iff(made.is_mmio, made.makes_mmio),
            ),
            shown=(
                Shown("for a write", made.writes),
                Shown("made", made.made, kind=NumberKind.SPTE),
                Shown("write-protected", made.protected),
                Shown("the entry afterwards", made.after, kind=NumberKind.SPTE),
                Shown("RET_PF_FIXED", made.fixed),
                Shown("RET_PF_SPURIOUS", made.spurious),
            ),
            evidence=made.evidence,
            part=name,
        ),
        Wrong(
            "write-let-go",
            all_of(seen, negate(any_of(made.emulates_write, anew))),
            f"{name} lets a write be tried again that its SPTE does not permit.",
        ).told("not emulated", "KVM's comment in it: emulation is needed, or the vCPU has the same fault again"),
        Wrong(
            "mmio-let-go",
            all_of(made.makes_mmio, negate(any_of(made.emulates, anew))),
            f"{name} lets an access to MMIO be tried again.",
        ).told("not emulated", "KVM's comment in it: if an MMIO SPTE is installed, the MMIO has to be emulated"),
        Wrong(
            "fixed-without-page",
            all_of(made.fixed, negate(all_of(made.makes, eq(made.after, made.made)))),
            f"{name} says that a fault is repaired, and the entry does not hold what was made.",
        ).told("RET_PF_FIXED", "KVM's comment at RET_PF_FIXED: the faulting entry has been fixed"),
        Wrong(
            "emulates-memory",
            all_of(emulated, negate(any_of(made.makes_mmio, seen))),
            f"{name} lets an access be emulated that the SPTE permits.",
        ).told("emulated", "KVM: MMIO, and writes to protected pages"),
    )


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    yield from (_of_mapper(kvm.map_answers.answered(mapper)) for mapper in Mapper)


THEOREMS = (
    Theorem(
        name="stored.answer",
        claim="Once a fault's page is mapped, a write to a page that stays write-protected is emulated, and so is an "
        "access to MMIO; nothing else is. A fault counts as repaired only if the entry holds what was made for it.",
        source="KVM's comments in tdp_mmu_map_handle_target_level() and at RET_PF_FIXED",
        assumes=("what is made for an MMIO access is an MMIO SPTE, and nothing else is: layout.kinds-exclusive",),
        state=several(_state),
        catches=(
            Catch("answers-write-let-go", "write-let-go"),
            Catch("answers-shadow-write-let-go", "write-let-go"),
            Catch("answers-mmio-let-go", "mmio-let-go"),
        ),
    ),
)
