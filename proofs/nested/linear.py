"""What KVM says of its own accesses to linear addresses, before they are put to any page table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mmuproof.model.kvm import Kvm
from mmuproof.model.linear_accesses import Accessor, LinearAsk
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, always, given
from mmuproof.proofs.given.relations import has
from mmuproof.proofs.nested.translation import access_shown
from mmuproof.proofs.theorem import Catch, Claim, Theorem
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import FALSE, TRUE, Bool, all_of, any_of, eq, iff, ne, negate, ult
from mmuproof.spec.access import DATA_READ, DATA_WRITE, INSTRUCTION_FETCH, Access
from mmuproof.spec.paging import LinearAccess

# What each function is for; None where its argument says whether it writes.
_OPERATIONS: Mapping[Accessor, Access | None] = MappingProxyType(
    {
        Accessor.READ: DATA_READ,
        Accessor.WRITE: DATA_WRITE,
        Accessor.SYSTEM: DATA_READ,
        Accessor.READ_VIRT: DATA_READ,
        Accessor.WRITE_VIRT_SYSTEM: DATA_WRITE,
        Accessor.FETCH_VIRT: INSTRUCTION_FETCH,
        Accessor.EMULATOR_READ: DATA_READ,
        Accessor.EMULATOR_WRITE: DATA_WRITE,
        Accessor.MMIO: None,
    }
)
# Which accesses the processor makes by itself, at any privilege level: always, or where an argument says so.
_ALWAYS_IMPLICIT = (Accessor.SYSTEM, Accessor.WRITE_VIRT_SYSTEM)
_TOLD = (Accessor.EMULATOR_READ, Accessor.EMULATOR_WRITE)


def _linear_access(kvm: Kvm, _vendor: Vendor) -> Sequence[Claim]:
    return [_claim(kvm, accessor, kvm.linear_accesses.asks(accessor)) for accessor in Accessor]


def _meant(accessor: Accessor, ask: LinearAsk) -> LinearAccess:
    """The access as the manual would call it."""
    operation = _OPERATIONS[accessor] or Access(read=negate(ask.write), write=ask.write, fetch=FALSE)
    implicit: Bool = TRUE if accessor in _ALWAYS_IMPLICIT else ask.system if accessor in _TOLD else FALSE
    return LinearAccess(operation, user_mode=eq(ask.cpl, 3), implicit=implicit)


def _claim(kvm: Kvm, accessor: Accessor, ask: LinearAsk) -> Claim:
    meant, masks = _meant(accessor, ask), {name: kvm.constant(f"PFERR_{name}_MASK") for name in ("WRITE", "USER")}
    fetch = kvm.constant("PFERR_FETCH_MASK")
    known = masks["WRITE"] | masks["USER"] | fetch | kvm.constant("PFERR_IMPLICIT_ACCESS")
    user = has(ask.access, masks["USER"])
    extra = all_of(ask.guard, user, negate(meant.is_user_mode_access))
    lost = all_of(ask.guard, meant.is_user_mode_access, negate(user))
    same = all_of(
        iff(has(ask.access, masks["WRITE"]), meant.access.write), iff(has(ask.access, fetch), meant.access.fetch)
    )
    other, foreign = all_of(ask.guard, negate(same)), all_of(ask.guard, ne(ask.access & ~known, 0))
    marked = has(ask.access, kvm.constant("PFERR_IMPLICIT_ACCESS"))
    # What is for the processor alone is never asked on a user's behalf; the mark tells the others apart.
    unmarked = all_of(ask.guard, meant.implicit, negate(marked)) if accessor in _TOLD else FALSE
    overmarked = all_of(ask.guard, negate(meant.implicit), marked)
    rule = "SDM 5.6: user-mode at CPL 3, but for implicit accesses"
    return always(
        negate(any_of(extra, lost, other, foreign, unmarked, overmarked)),
        given(
            Assumption("CPL is 0 to 3", ult(ask.cpl, 4)),
            shown=(
                Shown("CPL", ask.cpl),
                Shown("system", ask.system),
                Shown("write", ask.write),
                access_shown(kvm, "access", ask.access),
            ),
            evidence=ask.evidence,
            part=f"{accessor.value}()",
        ),
        Wrong("supervisor-access-as-user", extra, "KVM makes a supervisor-mode access as a user-mode one.").told(
            "a user access", rule
        ),
        Wrong("user-access-as-supervisor", lost, "KVM makes a user-mode access as a supervisor-mode one.").told(
            "a supervisor access", rule
        ),
        Wrong("other-operation", other, "KVM asks for another operation than it makes.").told(
            "another operation", "KVM: the function's name"
        ),
        Wrong("implicit-lost", unmarked, "KVM makes an access of the processor's own as an explicit one.").told(
            "PFERR_IMPLICIT_ACCESS is clear", "SDM 5.6: EFLAGS.AC does not lift SMAP for implicit accesses"
        ),
        Wrong("implicit-invented", overmarked, "KVM makes an explicit access as one of the processor's own.").told(
            "PFERR_IMPLICIT_ACCESS is set", "SDM 5.6: EFLAGS.AC lifts SMAP for explicit accesses"
        ),
        Wrong("foreign-bit", foreign, "KVM says more of an access than what it does and for whom.").told(
            "another bit", "KVM: W, U, F and the mark of an implicit access"
        ),
    )


THEOREMS = (
    Theorem(
        name="nested.linear-access",
        claim="An access that KVM itself makes to a linear address says what it does. It is a user access "
        "exactly at CPL 3, and not where the processor makes it by itself. It is marked as implicit where "
        "the emulator says so. It says nothing else, and above all no stage.",
        source="SDM 5.6, APM 5.6",
        assumes=(
            "kvm_mmu_gva_to_gpa_system() and kvm_write_guest_virt_system() stand for accesses that do not depend "
            "on CPL, as their names say",
        ),
        vendors=(Vendor.INTEL, Vendor.AMD),
        state=_linear_access,
        catches=(
            Catch("fetch-by-cpl-0-only", "supervisor-access-as-user"),
            Catch("emulated-read-never-implicit", "implicit-lost"),
        ),
    ),
)
