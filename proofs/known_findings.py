"""What real kernels are known to get wrong, as data: which theorem is refuted, and what its witness looks like.

A known finding stays REFUTED.  It is told from anything else that may be wrong with the same theorem by its
shape; `docs/findings.md` tells it under its number, with what it takes to reach it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmuproof.model.kvm import Kvm
from mmuproof.model.vendor import Vendor
from mmuproof.proofs.given.walked_tables import TABLES
from mmuproof.proofs.shape import Shape


@dataclass(frozen=True, kw_only=True)
class KnownFinding:
    """A finding that `docs/findings.md` tells.

    Args:
        number: of its section there.
        says: what is wrong, in a sentence.
        shapes: the shapes of the counterexamples that show it.
        lacking: a macro or enumerator that only trees without the mistake define, empty if there is none such.
        repaired: the exact releases that have put it right, the first of each series: ``("7.2.13", "7.3.4")``.
    """

    number: int
    says: str
    shapes: tuple[Shape, ...]
    lacking: str = ""
    repaired: tuple[str, ...] = ()

    def known_of(self, kvm: Kvm, release: str) -> bool:
        """Whether a release may still show it: a mistake that comes back after its repair is a new one."""
        return not (self.lacking and kvm.has_defined(self.lacking)) and not _repaired(release, self.repaired)


def known_in(kvm: Kvm, findings: Iterable[KnownFinding], release: str) -> tuple[KnownFinding, ...]:
    """The findings that are known of an implementation.

    Args:
        kvm: the implementation; what it defines tells what it has put right.
        findings: all that are recorded.
        release: its version, or that of the kernel which it describes: ``7.2.13``, ``7.3.0-rc7``.
    """
    return tuple(each for each in findings if each.known_of(kvm, release))


def _repaired(release: str, repaired: Sequence[str]) -> bool:
    """Whether a release is of a series that was repaired before it, or of one that began after all of these."""
    if not repaired:
        return False
    now, since = _numbers(release), [_numbers(each) for each in repaired]
    same = [each for each in since if each[:2] == now[:2]]
    return now >= min(same) if same else now[:2] > max(since)[:2]


def _numbers(release: str) -> tuple[int, ...]:
    """``(7, 2, 13)`` of ``7.2.13-1``; a release candidate counts as the release that it is for."""
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", release)
    return tuple(int(number or 0) for number in found.groups()) if found else ()


def known_as(shape: Shape, findings: Iterable[KnownFinding]) -> int | None:
    """The number of the known finding that a counterexample shows, None if it is not known."""
    return next((each.number for each in findings if any(known.covers(shape) for known in each.shapes)), None)


def _shapes(theorem: str, vendors: Sequence[Vendor], part: str, symptom: str, place: str) -> tuple[Shape, ...]:
    return tuple(Shape(theorem=theorem, vendor=vendor, part=part, symptom=symptom, place=place) for vendor in vendors)


# What came into the kernel between two trees, and so marks the later one.
_AFTER_6_1, _SINCE_MBEC = "SHADOW_NONPRESENT_VALUE", "ACC_READ_MASK"

_PSE_36 = (
    ("4-MByte pages with more than 36 address bits", "entry-rejected"),
    ("4-MByte pages without PSE-36 or with less than 36 address bits", "reserved-bit-accepted"),
)


KNOWN_FINDINGS: tuple[KnownFinding, ...] = (
    KnownFinding(
        number=1,
        says="permission_fault() trusts its callers for the error code's low half: before 7.2.13 and 7.3.4 nothing "
        "masks the index.",
        shapes=_shapes(
            "acc.in-bounds",
            tuple(Vendor),
            "indices for any other access",
            "index-out-of-range",
            "arch/x86/kvm/mmu.h:permission_fault",
        ),
        repaired=("7.2.13", "7.3.4"),
    ),
    KnownFinding(
        number=1,
        says="On 6.1, permission_fault() shifts pkru_mask too far for an error code with RSVD and F.",
        shapes=_shapes(
            "acc.in-bounds",
            (Vendor.AMD, Vendor.SHADOW),
            "shifts for any other access",
            "shift-out-of-range",
            "arch/x86/kvm/mmu.h:permission_fault",
        ),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=2,
        says="Prefetching neighbours in a nested EPT asks make_spte() for SPTEs that grant nothing, and its WARN "
        "fires.",
        shapes=_shapes(
            "spte.no-warning",
            (Vendor.INTEL,),
            "ept_prefetch_gpte() for make_spte()",
            "grants-nothing",
            "arch/x86/kvm/mmu/paging_tmpl.h:ept_prefetch_gpte",
        ),
    ),
    KnownFinding(
        number=3,
        says="Every guest is taken to have PSE-36 with 36 address bits: other 4-MByte pages are judged wrongly.",
        shapes=tuple(
            shape
            for theorem, vendors in (("entry.reserved-paging32", tuple(Vendor)), ("entry.reserved-npt", (Vendor.AMD,)))
            for pages, symptom in _PSE_36
            for shape in _shapes(theorem, vendors, pages, symptom, "")
        ),
    ),
    KnownFinding(
        number=4,
        says="Huge SPTEs of a nested NPT get NX from the iTLB-multihit mitigation, and KVM's check forbids it if "
        "L1 has EFER.NX clear.",
        shapes=tuple(
            shape
            for level in (2, 3)
            for shape in _shapes(
                "entry.shadow-reserved",
                (Vendor.AMD,),
                f"nested NPT, 4- and 5-level root: make_spte(), level {level}, L1 without EFER.NX under the mitigation",
                "own-check-fails",
                "",
            )
        ),
    ),
    KnownFinding(
        number=5,
        says="For an access that KVM makes itself, L1 is offered advanced information on EPT violations and gets none.",
        shapes=_shapes(
            "exit.injected-qualification",
            (Vendor.INTEL,),
            "found by KVM, with advanced information",
            "user-mode-address",
            "",
        ),
    ),
    KnownFinding(
        number=6,
        says="L1 is not told that an EPT violation of L2 was a shadow-stack access.",
        shapes=_shapes(
            "exit.injected-qualification", (Vendor.INTEL,), "passed on, of a shadow-stack access", "shadow-stack", ""
        ),
    ),
    KnownFinding(
        number=7,
        says="Of an access that KVM makes itself, 6.x tells L1 stage and address of the last nested page fault.",
        shapes=_shapes("exit.injected-npf", (Vendor.AMD,), "found by KVM", "final", ""),
        lacking=_SINCE_MBEC,
    ),
    KnownFinding(
        number=7,
        says="Of an access that KVM makes itself, 6.1 tells L1 the stage of the last EPT violation.",
        shapes=_shapes("exit.injected-qualification", (Vendor.INTEL,), "found by KVM", "linear-address-valid", ""),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=8,
        says="On 6.1 an EPT violation without a linear address counts as one of a guest paging structure.",
        shapes=_shapes(
            "exit.ept-violation",
            (Vendor.INTEL,),
            "without a linear address",
            "guest-page",
            "arch/x86/kvm/vmx/vmx.c:handle_ept_violation",
        ),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=9,
        says="On 6.1 an EPT misconfiguration is reflected with an exit qualification.",
        shapes=_shapes(
            "exit.injected-qualification", (Vendor.INTEL,), "misconfiguration", "qualification-of-misconfiguration", ""
        ),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=10,
        says="In 32-bit paging KVM tells fetches from reads by EFER.NX, which counts only with CR4.PAE.",
        shapes=(
            *(
                shape
                for vendor, mmu in ((Vendor.INTEL, "with"), (Vendor.AMD, "with"), (Vendor.SHADOW, "without"))
                for shape in _shapes(
                    "role.fetch-flag", (vendor,), f"the guest's MMU {mmu} TDP, entries of four bytes", "fetch-told", ""
                )
            ),
            *_shapes("walk.fetch-flag", tuple(Vendor), "32-bit paging", "fetch-told", ""),
        ),
    ),
    KnownFinding(
        number=11,
        says="A page of SPTEs is shared between paging modes that read the guest's entries differently.",
        shapes=tuple(
            shape
            for vendor, mmu, what, symptom in (
                (Vendor.SHADOW, "the guest's MMU without TDP", "EFER.NXE", "execute-disable"),
                (Vendor.SHADOW, "the guest's MMU without TDP", "CR4.PSE", "page-size"),
                (Vendor.SHADOW, "the guest's MMU without TDP", "PAE paging", "reserved-bits"),
                (Vendor.AMD, "nested NPT", "CR4.PSE", "page-size"),
                (Vendor.AMD, "nested NPT", "PAE paging", "reserved-bits"),
            )
            for shape in _shapes("role.page-sharing", (vendor,), f"{mmu}: {what}", symptom, "")
        ),
    ),
    KnownFinding(
        number=12,
        says="6.x judges KVM's own fetches for L2 as reads: one from an execute-only page is denied.",
        shapes=_shapes("nested.judgement", (Vendor.INTEL,), "", "fetch-denied", ""),
        lacking=_SINCE_MBEC,
    ),
    KnownFinding(
        number=13,
        says="On 6.1 KVM's own accesses for L2 do not say whether they are to a paging structure.",
        shapes=tuple(
            shape
            for part in ("5 levels", "4 levels", "3 levels", "2 levels", "paging off", "PDPTEs")
            for shape in _shapes("nested.one-stage-bit", (Vendor.INTEL, Vendor.AMD), part, "no-stage", "")
        ),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=14,
        says="KVM takes its own accesses to L2's paging structures for writes, where hardware only reads under EPT.",
        shapes=tuple(
            shape
            for part in (*(f"{levels} levels, no flags in EPT" for levels in (5, 4, 3, 2)), "PDPTEs")
            for shape in _shapes("nested.structure-access", (Vendor.INTEL,), part, "read-taken-for-write", "")
        ),
    ),
    KnownFinding(
        number=15,
        says="An MMIO SPTE loses the address bits that encryption takes from the host, and with TDP not from the "
        "guest.",
        shapes=_shapes(
            "mmio.gfn-round-trip",
            (Vendor.INTEL, Vendor.AMD),
            "hosts whose addresses encryption narrows",
            "gfn-lost",
            "arch/x86/kvm/mmu/mmu.c:get_mmio_spte_gfn",
        ),
    ),
    KnownFinding(
        number=16,
        says="An MMIO SPTE made between the zap for a generation that wraps and the new generation is believed much "
        "later.",
        shapes=_shapes(
            "mmio.generation-wrap",
            tuple(Vendor),
            "while an update is in flight",
            "stale-believed",
            "arch/x86/kvm/mmu/mmu.c:kvm_mmu_invalidate_mmio_sptes",
        ),
    ),
    KnownFinding(
        number=17,
        says="An MMIO SPTE has W, and make_spte() takes it for an SPTE through which its page can be written already.",
        shapes=_shapes(
            "acc.one-to-one",
            tuple(Vendor),
            "replacing an MMIO SPTE",
            "write-tracking-ignored",
            "arch/x86/kvm/mmu/spte.c:make_spte",
        ),
    ),
    KnownFinding(
        number=18,
        says="6.x takes the flags in EPTP from L1's VMCS also for an L2 that runs without EPT.",
        shapes=_shapes("role.eptp", (Vendor.INTEL,), "L1's memory, for an L2 without EPT", "flags-off", ""),
        lacking=_SINCE_MBEC,
    ),
    KnownFinding(
        number=19,
        says="Nested SVM gives L2 an EFER.LMA without EFER.LME, of which nobody has checked that CR4.PAE is set.",
        shapes=_shapes(
            "role.registers", (Vendor.AMD,), "what L1 gives L2, EFER.LMA without EFER.LME", "lma-without-lme", ""
        ),
        repaired=("6.12.117", "7.3.4"),
    ),
    KnownFinding(
        number=20,
        says="A direct page is dropped from a page that shadows one of the guest, and other frames are flushed than "
        "it has mapped.",
        shapes=_shapes(
            "stored.flush-range",
            (Vendor.INTEL, Vendor.AMD),
            "validate_direct_spte(), in a page that shadows one of the guest",
            "pages-left-out",
            "arch/x86/kvm/mmu/mmu.c:validate_direct_spte",
        ),
    ),
    KnownFinding(
        number=20,
        says="A table is replaced in a page that shadows one of the guest, and one range is flushed, though the table "
        "may map any frames.",
        shapes=_shapes(
            "stored.flush-range",
            (Vendor.INTEL, Vendor.AMD),
            "__link_shadow_page(), a table, in a page that shadows one of the guest",
            "pages-left-out",
            "arch/x86/kvm/mmu/mmu.c:__link_shadow_page",
        ),
    ),
    KnownFinding(
        number=20,
        says="6.1 flushes one page where a direct page is dropped.",
        shapes=_shapes(
            "stored.flush-range",
            (Vendor.INTEL, Vendor.AMD),
            "validate_direct_spte(), in a direct page",
            "pages-left-out",
            "arch/x86/kvm/mmu/mmu.c:validate_direct_spte",
        ),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=20,
        says="Where all is taken away that maps a frame, 6.1 flushes from the first frame of the page's table on.",
        shapes=_shapes(
            "stored.flush-range",
            (Vendor.INTEL, Vendor.AMD),
            "__rmap_add()",
            "pages-left-out",
            "arch/x86/kvm/mmu/mmu.c:__rmap_add",
        )
        + _shapes(
            "stored.listed", tuple(Vendor), "__rmap_add()", "dropped-unflushed", "arch/x86/kvm/mmu/mmu.c:__rmap_add"
        ),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=22,
        says="6.1 keeps the page that an entry leads to if it is one for the frame that is wanted, whatever its role.",
        shapes=_shapes(
            "role.child-kept", tuple(Vendor), "kvm_mmu_get_child_sp(), a page of another role", "another-role-kept", ""
        ),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=21,
        says="Where another CPU has changed an entry first, 6.1 clears the dirty flag of what is there then, also of "
        "an entry that leads to a table.",
        shapes=_shapes(
            "loop.range",
            (Vendor.INTEL, Vendor.AMD),
            "clear_dirty_gfn_range(), an entry that leads to a table",
            "changes-a-table",
            "",
        ),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=23,
        says="A huge page stays writable that begins with the last frame of those whose writes are to be logged again.",
        shapes=_shapes("slot.logging-again", tuple(Vendor), "", "next-huge-page-writable", ""),
    ),
    KnownFinding(
        number=24,
        says="Whether writes to a frame have to be seen is asked of one address space alone on 6.1.",
        shapes=_shapes("slot.written-table", tuple(Vendor), "writers", "wish-unknown", ""),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=25,
        says="Whether a huge page may be mapped is asked of one address space alone, so that it may cover a table that "
        "is shadowed in the other.",
        shapes=tuple(
            shape
            for level in (2, 3)
            for shape in _shapes(
                "slot.huge-page",
                tuple(Vendor),
                f"the other address space, up to level {level}",
                "table-of-other-space",
                "",
            )
        ),
    ),
    KnownFinding(
        number=26,
        says="A table that begins to be shadowed is write-protected in one address space alone.",
        shapes=_shapes(
            "slot.shadowed-table",
            tuple(Vendor),
            "account_shadowed(), the other address space",
            "writable-elsewhere",
            "",
        ),
    ),
    KnownFinding(
        number=27,
        says="Of an entry of Hyper-V's list of addresses to flush, 6.12 judges the first address alone: others may not "
        "be canonical.",
        shapes=_shapes(
            "flush.listed",
            (Vendor.INTEL,),
            "an entry that ends behind the canonical addresses",
            "not-canonical",
            "arch/x86/kvm/hyperv.c:kvm_hv_vcpu_flush_tlb",
        )
        + _shapes(
            "flush.listed",
            (Vendor.INTEL,),
            "an entry that begins before canonical addresses",
            "page-left",
            "arch/x86/kvm/hyperv.c:kvm_hv_vcpu_flush_tlb",
        ),
        lacking=_SINCE_MBEC,
    ),
    KnownFinding(
        number=28,
        says="When a slot's log ends, 6.1 asks how large a page can be around a frame before the slot, and reads what "
        "lies before the slot's array.",
        shapes=_shapes(
            "stored.collapsed",
            tuple(Vendor),
            "a page of SPTEs that begins before the slot",
            "asked-outside-slot",
            "arch/x86/kvm/mmu/mmu.c:kvm_mmu_zap_collapsible_spte",
        ),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=29,
        says="A walk through a slot flushes the frames up to its own before it gives mmu_lock up, and forgets what it "
        "has changed at lower levels, and what was due before it.",
        shapes=tuple(
            shape
            for part in ("above the first level", "a flush that was due before the walk")
            for shape in _shapes(
                "flush.slot-walk",
                (Vendor.INTEL, Vendor.AMD),
                part,
                "changed-unflushed",
                "arch/x86/kvm/mmu/mmu.c:__walk_slot_rmaps",
            )
        ),
    ),
    KnownFinding(
        number=30,
        says="6.x tells L1 of KVM's own writes and fetches for L2 that they are reads as well.",
        shapes=tuple(
            shape
            for levels in (4, 5)
            for shape in _shapes("walk.own-access", (Vendor.INTEL,), f"nested EPT, {levels} levels", "data-read", "")
        ),
        lacking=_SINCE_MBEC,
    ),
    KnownFinding(
        number=31,
        says="6.1 tells of a list of SPTEs whose first descriptor has room that it is shorter than it is.",
        shapes=tuple(
            shape
            for number in ("two", "three")
            for shape in _shapes(
                "stored.list-add",
                (Vendor.SHADOW,),
                f"the answer for a list of {number} descriptors",
                "another-answer",
                "arch/x86/kvm/mmu/mmu.c:pte_list_add",
            )
        ),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=32,
        says="When a vCPU has moved to another processor, one of its two VMCBs forgets the ASID of the one before, and "
        "the other may go on with what it takes for it: before 6.12.117 and 7.3.4.",
        shapes=tuple(
            shape
            for used in ("vmcb01", "vmcb02")
            for shape in _shapes("flush.moved", (Vendor.AMD,), f"{used}, the other VMCB", "other-asid-kept", "")
        ),
        repaired=("6.12.117", "7.3.4"),
    ),
    KnownFinding(
        number=33,
        says="6.1 walks guest page tables that lie in slots of KVM's own.",
        shapes=tuple(
            shape
            for vendor in (Vendor.INTEL, Vendor.SHADOW)
            for tables in TABLES[vendor]
            for shape in _shapes(
                "walk.reached", (vendor,), f"{tables.name}, the slots of the tables", "hidden-table", ""
            )
        ),
        lacking=_AFTER_6_1,
    ),
    KnownFinding(
        number=34,
        says="6.1 keeps SPTEs whose memory type is no longer right, when the first device comes that reads memory past "
        "the caches, or the last one goes.",
        shapes=tuple(
            shape
            for part, function in (
                ("the first comes", "kvm_arch_register_noncoherent_dma"),
                ("the last goes", "kvm_arch_unregister_noncoherent_dma"),
            )
            for shape in _shapes(
                "spte.memory-type-followed", (Vendor.INTEL,), part, "types-kept", f"arch/x86/kvm/x86.c:{function}"
            )
        ),
        lacking=_AFTER_6_1,
    ),
)
