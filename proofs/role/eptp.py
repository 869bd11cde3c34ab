"""EPTP: the processor walks the tables that the MMU has, as the MMU's role has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mmuproof.model.hardware_controls import TablesLoaded
from mmuproof.model.kvm import Kvm
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, several, showing
from mmuproof.proofs.warnings.conditions import ROOT_HAS_ROLE
from mmuproof.smt.obligation import Assumption
from mmuproof.smt.terms import Bool, all_of, any_of, boolean, eq, iff, implies, ne, negate
from mmuproof.spec import ept_pointer

_EPT = "EPT is in use"
_ROOT = "the root is a page of the host's: its address is aligned and has 52 bits at most"
_LEVELS = "the MMU's tables have 4 or 5 levels: role.root-tdp, role.root-nested"
_DIRECT_FLAGS = "direct tables have A/D bits exactly if KVM uses those of EPT: role.root-tdp"
_NESTED_FLAGS = "tables of a nested EPT have A/D bits exactly if L1's EPTP asks for them: role.root-nested"
_OFFERED = "L1's EPTP asks for A/D bits only if KVM uses those of EPT: nested_vmx_check_eptp() refuses others"


@dataclass(frozen=True)
class _LoadedTables:
    """Whose tables are loaded."""

    name: str
    nested: bool
    l2_runs: bool


_PARTS = (
    _LoadedTables("L1's memory", nested=False, l2_runs=False),
    _LoadedTables("L1's memory, for an L2 without EPT", nested=False, l2_runs=True),
    _LoadedTables("L2's memory, for an L2 with EPT", nested=True, l2_runs=True),
)


def page_has_role(loaded: TablesLoaded) -> Bool:
    """Whether the root's page is of the MMU's role, in what the processor is told."""
    same = all_of(eq(loaded.level, loaded.page_level), iff(loaded.ad_disabled, loaded.page_ad_disabled))
    return any_of(loaded.dummy, same)


def _flags(loaded: TablesLoaded, part: _LoadedTables) -> Iterator[Assumption]:
    if not part.nested:
        yield Assumption(_DIRECT_FLAGS, iff(negate(loaded.ad_disabled), loaded.with_ad_bits))
        return
    yield Assumption(_NESTED_FLAGS, iff(negate(loaded.ad_disabled), loaded.asked_ad_bits))
    yield Assumption(_OFFERED, implies(loaded.asked_ad_bits, loaded.with_ad_bits))


def _eptp(kvm: Kvm, vendor: Vendor) -> Iterator[Claim]:
    for part in _PARTS:
        loaded = kvm.hardware_controls.load_ept(nested=part.nested)
        pointer, real = loaded.pointer, negate(loaded.dummy)
        flags = ept_pointer.accessed_dirty(pointer)
        where = iff(loaded.l2_runs, boolean(part.l2_runs))
        yield never(
            given(
                Assumption("L2 runs" if part.l2_runs else "L2 does not run", where),
                Assumption(_EPT, loaded.with_tdp),
                Assumption(_ROOT, ept_pointer.is_table(loaded.root)),
                Assumption(_LEVELS, any_of(eq(loaded.level, 4), eq(loaded.level, 5))),
                ROOT_HAS_ROLE.holds(page_has_role(loaded)),
                *_flags(loaded, part),
                shown=(
                    Shown("mmu->root.hpa", loaded.root),
                    Shown("role.level", loaded.level),
                    Shown("role.ad_disabled", loaded.ad_disabled),
                    Shown("EPTP of vmcs12 has A/D", loaded.asked_ad_bits),
                    Shown("EPTP", pointer),
                ),
                evidence=loaded.evidence,
                part=part.name,
            ),
            Wrong(
                "root", ne(ept_pointer.root(pointer), loaded.root), "EPTP leads to another table than the MMU's root."
            ).told("another address", "SDM 27.6.11: bits 51:12 of EPTP"),
            Wrong(
                "levels",
                all_of(real, ne(ept_pointer.levels(pointer), loaded.level)),
                "EPTP has another number of levels than the MMU's tables.",
            ).told("another number of levels", "SDM 27.6.11: bits 5:3 of EPTP"),
            Wrong(
                "flags-on",
                all_of(real, loaded.ad_disabled, flags),
                "EPTP turns accessed and dirty flags on, and the MMU's tables are built without.",
            ).told("bit 6 of EPTP is set", "SDM 27.6.11, 31.3.5: with bit 6 bits 8 and 9 of an entry are flags"),
            Wrong(
                "flags-off",
                all_of(real, negate(loaded.ad_disabled), negate(flags)),
                "EPTP leaves accessed and dirty flags off, and the MMU counts on them.",
            ).told("bit 6 of EPTP is clear", "SDM 27.6.11, 31.3.5: without bit 6 no flag is ever set"),
            Wrong(
                "memory-type",
                ne(ept_pointer.memory_type(pointer), ept_pointer.WRITE_BACK),
                "The processor does not walk the MMU's tables as ordinary memory.",
            ).told(
                "the memory type is not write-back", "SDM 27.6.11: bits 2:0 of EPTP; the tables are ordinary memory"
            ),
            Wrong(
                "refused",
                negate(ept_pointer.enters(pointer)),
                "EPTP has bits that VM entry refuses, or that turn something else on.",
            ).told("another bit is set, or there are neither 4 nor 5 levels", "SDM 29.2.1.1"),
            Wrong("not-told", negate(loaded.told), "The processor is not told where the MMU's tables are.").told(
                "EPTP stays what it was", "SDM 27.6.11: EPTP is where the walk begins"
            ),
        )


THEOREMS = (
    Theorem(
        name="role.eptp",
        claim="EPTP is the root that the MMU in use has, with the levels and the accessed and dirty flags of its role, "
        "of ordinary memory, and nothing else.",
        source="SDM 27.6.11, 29.2.1.1, 31.3.5",
        assumes=(
            _EPT,
            _ROOT,
            _LEVELS,
            f"{ROOT_HAS_ROLE.label}: {ROOT_HAS_ROLE.guaranteed}",
            _DIRECT_FLAGS,
            _NESTED_FLAGS,
            _OFFERED,
            "the page of zeros, which is the root where the guest's tables cannot be, maps nothing: levels and flags "
            "do not matter",
        ),
        vendors=(Vendor.INTEL,),
        state=several(_eptp),
        catches=(
            Catch("eptp-flags-whatever-role", "flags-on"),
            Catch("eptp-always-four-levels", "levels"),
            Catch("eptp-uncacheable", "memory-type"),
            *showing("root", "loads-root-of-other-mmu"),
        ),
    ),
)
