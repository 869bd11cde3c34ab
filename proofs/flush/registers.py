"""A guest's writes to control registers: what the processor would have forgotten is flushed."""

from __future__ import annotations

from collections.abc import Iterator

from mmuproof.model.kvm import Kvm
from mmuproof.model.register_writes import RegisterWritten, WrittenRegister
from mmuproof.model.statement import Shown
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.claims import Wrong, given, never
from mmuproof.proofs.theorem import Catch, Claim, Theorem, alone, several
from mmuproof.smt.terms import FALSE, Bool, all_of, any_of, bv, eq, ne, negate
from mmuproof.spec import translation_caches
from mmuproof.spec.linear_addresses import process_context

_SOURCE = "SDM 5.10.4.1, APM 5.5.2: what a write to a control register invalidates"


def _all(made: RegisterWritten, register: WrittenRegister) -> Bool:
    if register is WrittenRegister.CR0:
        return translation_caches.all_by_cr0(made.old, made.new)
    return FALSE if register is WrittenRegister.CR3 else translation_caches.all_by_cr4(made.old, made.new)


def _current(made: RegisterWritten, register: WrittenRegister) -> Bool:
    if register is WrittenRegister.CR3:
        return all_of(made.done, translation_caches.current_by_cr3(made.new, has_pcid=made.has_pcid))
    return FALSE if register is WrittenRegister.CR0 else translation_caches.current_by_cr4(made.old, made.new)


def _state(kvm: Kvm, _vendor: Vendor) -> Iterator[Claim]:
    for register in WrittenRegister:
        made = kvm.register_writes.written(register)
        current, flushes = _current(made, register), any_of(made.flushes_current, made.flushes_guest)
        pcid = process_context(made.new, has_pcid=made.has_pcid)
        left = any_of(
            *(
                all_of(
                    ne(each.root, made.no_root),
                    eq(process_context(each.pgd, has_pcid=made.has_pcid), pcid),
                    negate(each.forgotten),
                )
                for each in made.kept
            )
        )
        name = register.name
        yield never(
            given(
                shown=(
                    Shown(f"{name} before", made.old),
                    Shown(f"{name} written", made.new),
                    *((Shown("CR4.PCIDE", made.has_pcid),) if register is WrittenRegister.CR3 else ()),
                    Shown("tdp_enabled", made.tdp),
                ),
                evidence=made.evidence,
                part=name,
            ),
            Wrong(
                "all-kept",
                all_of(_all(made, register), negate(made.flushes_guest)),
                f"{made.function}() keeps what is cached, of any PCID and global.",
            ).told("not all is flushed", _SOURCE),
            Wrong(
                "current-kept",
                all_of(current, negate(flushes)),
                f"{made.function}() keeps what is cached for the PCID in use.",
            ).told("nothing is flushed", _SOURCE),
            *(
                [
                    Wrong(
                        "root-left",
                        all_of(current, made.has_pcid, negate(made.tdp), left),
                        "A root that the vCPU had before keeps what it translates for the PCID.",
                    ).told("the root is kept", _SOURCE)
                ]
                if made.kept
                else []
            ),
        )


def _reset(kvm: Kvm, _vendor: Vendor) -> Claim:
    made = kvm.register_writes.reset()
    return never(
        given(shown=(Shown("CR0 before", made.cr0), Shown("by INIT", made.by_init)), evidence=made.evidence),
        Wrong(
            "all-kept",
            all_of(translation_caches.all_by_reset(made.cr0, by_init=made.by_init), negate(made.flushes_guest)),
            "kvm_vcpu_reset() keeps what is cached.",
        ).told("not all is flushed", "SDM table 11-1: INIT flushes the TLBs; SDM 5.10.4.1: CR0.PG is cleared"),
        Wrong(
            "mmu-kept",
            all_of(translation_caches.all_by_cr0(made.cr0, bv(0, 64)), negate(made.remakes)),
            "A reset turns paging off, and the MMU goes on as with paging.",
        ).told(
            "the MMU is not made anew, or before the registers are set", "SDM 5.1.1: without paging nothing is walked"
        ),
    )


THEOREMS = (
    Theorem(
        name="flush.reset",
        claim="A reset of a vCPU by INIT, or one that finds paging on, has flushed all that the guest could see of "
        "cached translations. Where paging was on the MMU is made anew, after all registers have been set.",
        source="SDM table 11-1; SDM 5.10.4.1",
        assumes=("what is asked is done: flush.requests",),
        state=alone(_reset),
        catches=(Catch("init-keeps-translations", "all-kept"), Catch("init-keeps-mmu", "mmu-kept")),
    ),
    Theorem(
        name="flush.registers",
        claim="A write to CR0, CR3 or CR4 has flushed what the processor would forget. That is all where paging or "
        "PCIDs are turned off and by CR4.PGE, and the PCID in use by PAE, SMEP and a load of CR3 that does not keep "
        "it.",
        source="SDM 5.10.4.1; APM 5.5.2",
        assumes=("with PCIDs off a root that the vCPU had before is synchronized when CR3 is loaded with its tables",),
        state=several(_state),
        catches=(
            Catch("cr4-without-pcid-keeps-all", "all-kept"),
            Catch("cr0-without-paging-keeps-all", "all-kept"),
            Catch("cr4-flushes-where-smep-goes", "current-kept"),
            Catch("cr3-keeps-roots-of-pcid", "root-left"),
        ),
    ),
)
